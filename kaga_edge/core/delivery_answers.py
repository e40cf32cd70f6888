"""What an answer means: PUBACK reason codes, and the platform's own acks. Contract v1, "Delivery".

A little longer than most: every answer's meaning on one page.
"""

from __future__ import annotations

from dataclasses import replace

from kaga_edge.core.delivery_state import (
    NONE,
    Hold,
    Parcel,
    Piece,
    Result,
    State,
    Young,
    put_back,
    waiting_notices,
    waiting_rows,
    with_track,
    without_notices,
    without_rows,
)
from kaga_edge.core.delivery_words import (
    AckIgnored,
    Action,
    Answered,
    Confirm,
    Forget,
    PlatformAcked,
    Posted,
    Quarantine,
    Say,
    Saying,
)
from kaga_edge.core.ranges import Ranges
from kaga_edge.vocabulary.lanes import Lane

NO_SUBSCRIBER = 0x10
FIRST_REFUSAL = 0x80
NOT_AUTHORIZED = 0x87
BUSY = 0x89
TOPIC_INVALID = 0x90
TOO_LARGE = 0x95
PAYLOAD_INVALID = 0x99
ROW_SURELY_FITS_BYTES = 4096  # below this no sane server calls a packet too large
UNKNOWN_EPOCH = "unknown epoch"
ANY_LEAF = "*"
HEALTH_LEAF = "health"  # the newest says it all
RESTING_POSTS_MOST = 32  # whoever asked for an answer has long stopped waiting
CARRIED_STEP_NS = 250_000_000  # acknowledged bytes are summed in steps this long


def answered(state: State, event: Answered) -> Result:
    """Return what a PUBACK makes of the message. Answers of an earlier connection change nothing."""
    parcel = next((p for p in state.wire if p.ref == event.ref), None)
    if event.link != state.link or parcel is None:
        return state, []
    state = replace(state, wire=tuple(p for p in state.wire if p is not parcel))
    held_back = event.code == NO_SUBSCRIBER and not state.rules.accept_no_subscriber
    if event.code >= FIRST_REFUSAL or (held_back and parcel.kind != "post"):
        return _refused(state, parcel, event)
    state, actions = _relieved(_carried(state, parcel, event.now_ns), parcel.leaf)
    actions.append(Forget(ref=parcel.ref))
    if parcel.kind == "post":
        return state, [*actions, Posted(ref=str(parcel.ref), code=event.code)]
    state, more = _accepted(state, parcel, event.now_ns)
    return state, actions + more


def platform_acked(state: State, event: PlatformAcked) -> Result:
    """Return what ``dn/ack`` makes of the waiting rows; one that cannot be true changes nothing."""
    if not state.rules.platform_acks:
        return state, []
    why = _why_ignored(state, event)
    if why:
        # Unknown epochs are told as one: a peer can make up four thousand million of them.
        told = ("" if why == UNKNOWN_EPOCH else event.ep, why)
        if told in state.ignored:
            return state, []
        return replace(state, ignored=state.ignored | {told}), [AckIgnored(ep=event.ep, why=why)]
    covered = event.have.add(1, event.upto) if event.upto else event.have
    actions: list[Action] = []
    rows = _common(waiting_rows(state).get(event.ep, NONE), covered)
    upto_e = event.e or 0
    notices = waiting_notices(state).get(event.ep, NONE).within(0, upto_e)
    if rows or notices:
        actions.append(Confirm(ep=event.ep, rows=rows, notices=notices))
    state = without_notices(without_rows(state, event.ep, covered), event.ep, upto_e)
    track = state.track(event.ep)
    track = replace(track, acked=track.acked.union(covered), acked_upto=event.upto)
    if event.e is not None:  # notices above e that should long be there are missing: again
        again = track.notices_overdue
        track = replace(track, acked_e=event.e, notices=track.notices.union(again), notices_overdue=NONE)
    state, dropped = _drop_delivered(with_track(state, track))
    state, said = _heard(state, event.now_ns)
    return state, actions + dropped + said


def resend_missing(state: State) -> State:
    """Return the state with rows the platform passed over (older than ack_wait) back in the backlog."""
    for track in state.tracks:
        due = track.overdue.within(0, track.acked.last or 0)
        if due:
            moved = replace(track, overdue=track.overdue.minus(due), late=track.late.union(due))
            state = with_track(state, moved)
    return state


def ask_again(state: State, now_ns: int) -> Result:
    """Return the state after too long without any platform ack: one batch again, then ever more rarely."""
    if now_ns < state.ack_clock_ns + state.no_ack_ns or not any(
        track.overdue or track.notices_overdue for track in state.tracks
    ):
        return state, []
    step_ns = min(2 * state.no_ack_ns, state.rules.no_ack_most_ns)
    state = replace(state, ack_clock_ns=now_ns, no_ack_ns=step_ns, probe_sent=True)
    track = next(t for t in state.tracks if t.overdue or t.notices_overdue)
    head = track.overdue.head(state.rules.batch_rows_first)
    if head:
        track = replace(track, overdue=track.overdue.remove(*head), late=track.late.add(*head))
    e = track.notices_overdue.head(1)
    if e:
        track = replace(
            track, notices_overdue=track.notices_overdue.remove(*e), notices=track.notices.add(*e)
        )
    return say(with_track(state, track), Saying.NO_PLATFORM_ACK, on=True)


def say(state: State, saying: Saying, *, on: bool, code: int = 0) -> Result:
    """Return the state with ``saying`` begun or ended, and the word to say when that is new."""
    if (saying in state.said) == on:
        return state, []
    said = state.said | {saying} if on else state.said - {saying}
    return replace(state, said=said), [Say(saying=saying, on=on, code=code)]


# --- PUBACK ---


def _accepted(state: State, parcel: Parcel, now_ns: int) -> Result:
    if parcel.again:
        return state, []
    spans = NONE.add(parcel.first, parcel.last)
    is_notice = parcel.kind == "notice"
    if not state.rules.platform_acks:
        if is_notice:
            return state, [Confirm(ep=parcel.ep, notices=spans)]
        return state, [Confirm(ep=parcel.ep, rows=spans)]
    track = state.track(parcel.ep)
    left = spans.remove(0, track.acked_e) if is_notice else spans.minus(track.acked)
    first = not state.young and not any(t.overdue or t.notices_overdue for t in state.tracks)
    if left and first and not state.probe_sent:
        state = replace(state, ack_clock_ns=now_ns, no_ack_ns=state.rules.no_ack_ns)
    young = [Young(ep=parcel.ep, first=a, last=b, sent_ns=now_ns, notices=is_notice) for a, b in left]
    return replace(state, young=(*state.young, *young)), []


def _carried(state: State, parcel: Parcel, now_ns: int) -> State:
    took_ns = now_ns - parcel.sent_ns
    rules, rows = state.rules, state.batch_rows
    if parcel.lane is Lane.BACKLOG and parcel.kind == "rows":
        if took_ns > rules.slow_ns:
            rows = max(rules.batch_rows_least, rows // 2)
        elif took_ns < rules.fast_ns:
            rows = min(rules.batch_rows_most, rows * 2)
    carried = [item for item in state.carried if item[0] > now_ns - rules.carried_span_ns]
    if carried and carried[-1][0] > now_ns - CARRIED_STEP_NS:
        carried[-1] = (carried[-1][0], carried[-1][1] + parcel.size_bytes)
    else:
        carried.append((now_ns, parcel.size_bytes))
    state = replace(state, batch_rows=rows, carried=tuple(carried))
    return _refused_so_far(state, parcel.leaf, 0)[0] if parcel.rows else state


def _relieved(state: State, leaf: str) -> Result:
    """End the holds that an accepted message on ``leaf`` proves to be over."""
    if not state.holds and not state.said:
        return state, []
    state = replace(state, holds=tuple(h for h in state.holds if h.leaf not in (ANY_LEAF, leaf)))
    actions: list[Action] = []
    for saying in (Saying.BUSY, Saying.FORBIDDEN, Saying.REFUSING, Saying.NO_SUBSCRIBER):
        if saying not in (Saying.NO_SUBSCRIBER, Saying.REFUSING) or not state.holds:
            state, said = say(state, saying, on=False)
            actions += said
    return state, actions


def _refused(state: State, parcel: Parcel, event: Answered) -> Result:
    code, rules = event.code, state.rules
    if code in (TOPIC_INVALID, PAYLOAD_INVALID):
        return _message_refused(state, parcel, event)
    if code == TOO_LARGE:
        return cut_or_give_up(state, parcel, event.now_ns, code)
    state, forgotten = _rested(state, parcel, code)
    if code == NO_SUBSCRIBER:
        state = _hold(state, parcel.leaf, event.now_ns, rules.pause_first_ns, rules.pause_most_ns)
        saying = Saying.NO_SUBSCRIBER
    elif code == NOT_AUTHORIZED:
        state = _hold(state, ANY_LEAF, event.now_ns, rules.forbidden_ns, rules.forbidden_ns)
        saying = Saying.FORBIDDEN
    else:
        state = _hold(state, ANY_LEAF, event.now_ns, rules.pause_first_ns, rules.pause_most_ns)
        saying = Saying.BUSY
    state, said = say(state, saying, on=True, code=code)
    return state, forgotten + said


def _rested(state: State, parcel: Parcel, code: int) -> Result:
    """Return the state with what was refused for now at rest; of posts, which are no data, only so many."""
    state = replace(state, resting=(*state.resting, parcel))
    posts = sorted((p for p in state.resting if p.kind == "post"), key=lambda p: p.born_ns)
    old = posts[:-RESTING_POSTS_MOST] + [p for p in posts if p.leaf == HEALTH_LEAF][:-1]
    if not old:
        return state, []
    state = replace(state, resting=tuple(p for p in state.resting if p not in old))
    return state, [
        act for p in dict.fromkeys(old) for act in (Forget(ref=p.ref), Posted(ref=str(p.ref), code=code))
    ]


def _hold(state: State, leaf: str, now_ns: int, first_ns: int, most_ns: int) -> State:
    old = next((h for h in state.holds if h.leaf == leaf), None)
    if old and old.until_ns > now_ns and old.delay_ns >= first_ns:
        return state  # the other messages of the same window were refused too: that is one refusal
    delay_ns = max(first_ns, min(most_ns, 2 * old.delay_ns if old else first_ns))
    kept = tuple(h for h in state.holds if h.leaf != leaf)
    return replace(state, holds=(*kept, Hold(leaf=leaf, until_ns=now_ns + delay_ns, delay_ns=delay_ns)))


def _message_refused(state: State, parcel: Parcel, event: Answered) -> Result:
    if parcel.again:  # it was taken once; whoever asked for it again may ask once more
        return state, [Forget(ref=parcel.ref)]
    if parcel.rows:
        state, count = _refused_so_far(state, parcel.leaf, 1)
        if count > state.rules.refused_in_a_row:
            # Not this batch but every batch: quarantining a whole backlog would be losing it. What goes on
            # other leaves (alerts, gone, posts) proves nothing about rows, and is not held with them.
            state = replace(state, resting=(*state.resting, parcel))
            state = _hold(
                state, parcel.leaf, event.now_ns, state.rules.forbidden_ns, state.rules.forbidden_ns
            )
            return say(state, Saying.REFUSING, on=True, code=event.code)
    if event.code == TOPIC_INVALID and parcel.rows:  # the rows in it are not at fault, cutting finds nothing
        return _quarantined(state, parcel, event.code)
    return cut_or_give_up(state, parcel, event.now_ns, event.code)


def _refused_so_far(state: State, leaf: str, more: int) -> tuple[State, int]:
    """Return the count of refused batches in a row on ``leaf``, ``more`` of them now (0: one was taken)."""
    counts = dict(state.refused_in_a_row)
    count = counts.pop(leaf, 0) + more if more else 0
    return replace(state, refused_in_a_row=(*counts.items(), (leaf, count))), count


def cut_or_give_up(state: State, parcel: Parcel, now_ns: int, code: int) -> Result:
    """Return the state with a batch cut in two, one row quarantined, a notice parked, a post dropped."""
    if parcel.again:
        return state, [Forget(ref=parcel.ref)]
    if parcel.kind == "post":
        return state, [Forget(ref=parcel.ref), Posted(ref=str(parcel.ref), code=code)]
    if parcel.kind == "notice":  # an alert is kept until delivered, whatever the broker thinks of it
        parked = (now_ns + state.rules.forbidden_ns, parcel.ep, parcel.first)
        return replace(state, parked=(*state.parked, parked)), [Forget(ref=parcel.ref)]
    if parcel.rows == 1 and code == TOO_LARGE and parcel.size_bytes <= ROW_SURELY_FITS_BYTES:
        # Not this row is too large but the server too small: held, not given up.
        state = put_back(state, now_ns, parcel.ep, (parcel.first, parcel.last), parcel.lane, parcel.born_ns)
        state = _hold(state, parcel.leaf, now_ns, state.rules.forbidden_ns, state.rules.forbidden_ns)
        state, said = say(state, Saying.REFUSING, on=True, code=code)
        return state, [Forget(ref=parcel.ref), *said]
    if parcel.rows == 1:
        return _quarantined(state, parcel, code)
    middle = (parcel.first + parcel.last) // 2
    halves = tuple(
        Piece(ep=parcel.ep, first=first, last=last, lane=parcel.lane, born_ns=parcel.born_ns)
        for first, last in ((parcel.first, middle), (middle + 1, parcel.last))
    )
    return replace(state, pieces=(*state.pieces, *halves)), [Forget(ref=parcel.ref)]


def _quarantined(state: State, parcel: Parcel, code: int) -> Result:
    gone = Quarantine(ep=parcel.ep, first=parcel.first, last=parcel.last, code=code)
    return state, [Forget(ref=parcel.ref), gone]


# --- platform acks ---


def _why_ignored(state: State, event: PlatformAcked) -> str:
    track = next((t for t in state.tracks if t.ep == event.ep), None)
    if track is None:
        return UNKNOWN_EPOCH
    if event.upto < track.acked_upto or (event.e is not None and event.e < track.acked_e):
        return "below an earlier one"
    if max(event.upto, event.have.last or 0) > track.sent or (event.e or 0) > track.sent_e:
        return "above the highest number sent"
    return ""


def _heard(state: State, now_ns: int) -> Result:
    state = replace(state, ack_clock_ns=now_ns, no_ack_ns=state.rules.no_ack_ns, backlog_from_ns=0)
    if state.probe_sent:  # it lives again; what it does not have by now it never got
        for track in state.tracks:
            late, notices = track.late.union(track.overdue), track.notices.union(track.notices_overdue)
            track = replace(track, late=late, overdue=NONE, notices=notices, notices_overdue=NONE)
            state = with_track(state, track)
        state = replace(state, probe_sent=False)
    return say(state, Saying.NO_PLATFORM_ACK, on=False)


def _drop_delivered(state: State) -> Result:
    """Forget packed batches whose rows have all been acked meanwhile; the wire keeps its own."""
    done = [
        p
        for p in (*state.ready, *state.resting)
        if p.kind == "rows" and not p.again and not NONE.add(p.first, p.last).minus(state.track(p.ep).acked)
    ]
    if not done:
        return state, []
    state = replace(
        state,
        ready=tuple(p for p in state.ready if p not in done),
        resting=tuple(p for p in state.resting if p not in done),
    )
    return state, [Forget(ref=p.ref) for p in done]


def _common(one: Ranges, other: Ranges) -> Ranges:
    return Ranges.of(span for first, last in other for span in one.within(first, last))
