"""What goes on the wire next and what is read from the store for it: lanes, window, bytes, holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from kaga_edge.core import delivery_words as words
from kaga_edge.core.delivery_answers import ANY_LEAF, ask_again, resend_missing, say
from kaga_edge.core.delivery_state import Loading, Parcel, Piece, Result, State, unacked_rows, with_track
from kaga_edge.core.delivery_words import Action, Saying
from kaga_edge.vocabulary.lanes import Lane

SHELF_NOTICES = 16  # notices read ahead
SHELF_MOST = 256  # with those that a hold keeps back
LIVE_LEAF, BACKLOG_LEAF = "data", "hist"


def plan(state: State, now_ns: int) -> Result:
    """Return the state after everything that can go has gone, and the actions for it."""
    actions: list[Action] = []
    if state.rules.platform_acks:
        state, said = ask_again(resend_missing(state), now_ns)
        actions += said
        full = unacked_rows(state) >= state.rules.unacked_most and any(t.late for t in state.tracks)
        state, said = say(state, Saying.UNACKED_FULL, on=full)
        actions += said
    state, published = _publish(state, now_ns)
    state, loads = _load(state, now_ns)
    return state, actions + published + loads


def times(state: State) -> Iterator[int]:
    """Yield when time alone changes something, past times included."""
    rules = state.rules
    yield from (live.born_ns + rules.batch_ns for live in state.fresh)
    yield from (hold.until_ns for hold in state.holds)
    yield from (until_ns for until_ns, _ep, _e in state.parked)
    yield from (until_ns for _ep, until_ns in state.unread)
    if rules.platform_acks:
        yield state.backlog_from_ns
        if state.young:
            yield state.young[0].sent_ns + rules.ack_wait_ns
        if any(track.overdue or track.notices_overdue for track in state.tracks):
            yield state.ack_clock_ns + state.no_ack_ns


def _publish(state: State, now_ns: int) -> Result:
    actions: list[Action] = []
    while True:
        parcel = next(_sendable(state, now_ns), None)
        if parcel is None:
            return state, actions
        state = _on_the_wire(state, parcel, now_ns)
        actions.append(words.Publish(ref=parcel.ref, leaf=parcel.leaf))


def _sendable(state: State, now_ns: int) -> Iterator[Parcel]:
    """Yield what may go on the wire now, best first."""
    if len(state.wire) >= state.window:
        return
    yield from state.posts
    yield from (p for p in state.resting if _open(state, p, now_ns) and _slot(state, p.lane))
    taken = {p.key for p in (*state.wire, *state.resting) if p.kind == "notice" and p.key}
    for parcel in state.shelf:
        if parcel.key not in taken and _open(state, parcel, now_ns):
            yield parcel
        if parcel.key:
            taken.add(parcel.key)
    for parcel in sorted(state.ready, key=lambda p: p.lane):
        if parcel.k in state.offered and _open(state, parcel, now_ns) and _slot(state, parcel.lane):
            yield parcel


def _open(state: State, parcel: Parcel, now_ns: int) -> bool:
    """True when no hold stops this parcel; after a refusal only one goes, to try."""
    for hold in state.holds:
        if hold.leaf not in (ANY_LEAF, parcel.leaf):
            continue
        if hold.until_ns > now_ns:
            return False
        if any(p.kind != "post" and hold.leaf in (ANY_LEAF, p.leaf) for p in state.wire):
            return False
    return True


def _slot(state: State, lane: Lane) -> bool:
    """True when the lane may use another slot: one each is kept for alerts and for live."""
    if lane is Lane.ALERT or state.window < 3:
        return True
    backlog = sum(p.lane is Lane.BACKLOG for p in state.wire)
    if lane is Lane.BACKLOG:
        return backlog < state.window - 2
    return backlog + sum(p.lane is Lane.LIVE for p in state.wire) < state.window - 1


def _on_the_wire(state: State, parcel: Parcel, now_ns: int) -> State:
    moved = replace(parcel, sent_ns=now_ns)
    state = replace(
        state,
        wire=(*state.wire, moved),
        posts=tuple(p for p in state.posts if p is not parcel),
        resting=tuple(p for p in state.resting if p is not parcel),
        shelf=tuple(p for p in state.shelf if p is not parcel),
        ready=tuple(p for p in state.ready if p is not parcel),
    )
    if parcel.kind == "post":
        return state
    track = state.track(parcel.ep)
    if parcel.kind == "notice":
        return with_track(state, replace(track, sent_e=max(track.sent_e, parcel.last)))
    return with_track(state, replace(track, sent=max(track.sent, parcel.last)))


# --- loading ---


def _load(state: State, now_ns: int) -> Result:
    actions: list[Action] = []
    while True:
        taken = _load_notices(state, now_ns) or _load_live(state, now_ns) or _load_backlog(state, now_ns)
        if taken is None:
            return state, actions
        state, load = taken
        state = replace(state, loading=(*state.loading, load), next_ref=state.next_ref + 1)
        if load.notices:
            actions.append(words.LoadNotices(ref=load.ref, ep=load.ep, first_e=load.first, last_e=load.last))
        else:
            actions.append(
                words.Load(ref=load.ref, ep=load.ep, first=load.first, last=load.last, lane=load.lane)
            )


def _load_notices(state: State, now_ns: int) -> tuple[State, Loading] | None:
    if any(load.notices for load in state.loading) or len(state.shelf) >= SHELF_MOST:
        return None
    if sum(_open(state, parcel, now_ns) for parcel in state.shelf) >= SHELF_NOTICES:
        return None
    for track in state.tracks:
        head = track.notices.head(SHELF_NOTICES)
        if head and state.readable(track.ep):
            state = with_track(state, replace(track, notices=track.notices.remove(*head)))
            load = Loading(
                ref=state.next_ref, ep=track.ep, first=head[0], last=head[1], lane=Lane.ALERT, notices=True
            )
            return state, load
    return None


def _load_live(state: State, now_ns: int) -> tuple[State, Loading] | None:
    if not _may_load(state, LIVE_LEAF, Lane.LIVE, now_ns):
        return None
    piece = next((p for p in state.pieces if p.lane is Lane.LIVE and state.readable(p.ep)), None)
    if piece:
        return _load_piece(state, piece)
    head, most = next((live for live in state.fresh if state.readable(live.ep)), None), state.rows_most
    if head is None:
        return None
    full = head.last - head.first + 1 >= most
    if not (state.hurry or full or head.born_ns + state.rules.batch_ns <= now_ns):
        return None
    last = min(head.last, head.first + most - 1)
    rest = (replace(head, first=last + 1),) if last < head.last else ()
    fresh = tuple(part for live in state.fresh for part in (rest if live is head else (live,)))
    state = replace(state, fresh=fresh, hurry=state.hurry and bool(fresh))
    load = Loading(
        ref=state.next_ref, ep=head.ep, first=head.first, last=last, lane=Lane.LIVE, born_ns=head.born_ns
    )
    return state, load


def _load_backlog(state: State, now_ns: int) -> tuple[State, Loading] | None:
    rules, most = state.rules, min(state.batch_rows, state.rows_most)
    if rules.platform_acks:
        most = min(most, rules.unacked_most - unacked_rows(state))
    if state.backlog_from_ns > now_ns or most <= 0:
        return None
    if not _may_load(state, BACKLOG_LEAF, Lane.BACKLOG, now_ns) or not _bytes_left(state, now_ns):
        return None
    piece = next((p for p in state.pieces if p.lane is Lane.BACKLOG and state.readable(p.ep)), None)
    if piece:
        return _load_piece(state, piece)
    for track in state.tracks:
        head = track.late.head(most)
        if head and state.readable(track.ep):
            state = with_track(state, replace(track, late=track.late.remove(*head)))
            load = Loading(ref=state.next_ref, ep=track.ep, first=head[0], last=head[1], lane=Lane.BACKLOG)
            return state, load
    return _load_replay(state, most)


def _load_replay(state: State, most: int) -> tuple[State, Loading] | None:
    for track in state.tracks:
        head = track.replay.head(most)
        if head and state.readable(track.ep):
            state = with_track(state, replace(track, replay=track.replay.remove(*head)))
            first, last = head
            load = Loading(
                ref=state.next_ref, ep=track.ep, first=first, last=last, lane=Lane.BACKLOG, again=True
            )
            return state, load
    return None


def _load_piece(state: State, piece: Piece) -> tuple[State, Loading]:
    state = replace(state, pieces=tuple(p for p in state.pieces if p is not piece))
    load = Loading(
        ref=state.next_ref,
        ep=piece.ep,
        first=piece.first,
        last=piece.last,
        lane=piece.lane,
        born_ns=piece.born_ns,
    )
    return state, load


def _may_load(state: State, leaf: str, lane: Lane, now_ns: int) -> bool:
    """True when a batch of this lane, once packed, would find a slot and no hold."""
    parcels = (*state.wire, *state.ready, *state.resting)
    under_way = sum(p.lane is lane and p.kind == "rows" for p in parcels)
    under_way += sum(load.lane is lane for load in state.loading)
    kept = 0 if state.window < 3 else (1 if lane is Lane.LIVE else 2)
    if under_way >= state.window - kept:
        return False
    for hold in state.holds:
        if hold.leaf in (ANY_LEAF, leaf) and (hold.until_ns > now_ns or under_way):
            return False  # held, or trying with one
    return True


def _bytes_left(state: State, now_ns: int) -> bool:
    """True when another backlog batch keeps what is unacknowledged within what the link carries."""
    parcels = [p for p in (*state.wire, *state.ready, *state.resting) if p.lane is Lane.BACKLOG]
    loading_rows = sum(load.last - load.first + 1 for load in state.loading if load.lane is Lane.BACKLOG)
    if not parcels and not loading_rows:
        return True  # one batch always may
    bytes_out = sum(p.size_bytes for p in parcels) + loading_rows * state.row_bytes
    since_ns = now_ns - state.rules.carried_span_ns
    carried = sum(size for at_ns, size in state.carried if at_ns > since_ns)
    return bytes_out + state.batch_rows * state.row_bytes <= carried
