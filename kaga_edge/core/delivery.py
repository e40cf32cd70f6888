"""What is sent next, and what an answer means: ``step(state, event) -> (state, actions)``, pure.

Lanes in order: alert (with gone), live, backlog. While a backlog drains, live rows still leave within
their batch interval: a slot each is kept for alerts and for live. Every waiting row is in exactly one
place (``delivery_state``); a step moves rows between places and then plans until nothing more can go.

Three traps that earlier versions fell into, each with its own plain test:

1. An answer of a link that is gone (a load, a PUBACK) must change nothing: links and loads are numbered.
2. A commit can land while a load is under way: planning looks at all that waits, after every event.
3. A full answer to a load hides how much is left: what was asked for and did not come is put back, and
   planning looks again.

A little longer than most: every event's meaning on one page.
"""

from __future__ import annotations

from dataclasses import replace

from kaga_edge.core import delivery_words as words
from kaga_edge.core.delivery_answers import ANY_LEAF, TOO_LARGE, answered, cut_or_give_up, platform_acked
from kaga_edge.core.delivery_plan import BACKLOG_LEAF, LIVE_LEAF, plan, times
from kaga_edge.core.delivery_state import (
    Hold,
    Loading,
    Parcel,
    Piece,
    Result,
    State,
    Track,
    age,
    put_back,
    put_back_notice,
    put_back_replay,
    waiting_notices,
    waiting_rows,
    with_fresh,
    with_its_like,
    with_track,
    without_rows,
)
from kaga_edge.core.delivery_words import Action, Event, Rules
from kaga_edge.core.ranges import Ranges
from kaga_edge.core.stored import EpochStanding
from kaga_edge.vocabulary.lanes import Lane

NOTHING = Ranges()


def begin(rules: Rules) -> State:
    """Return the state before anything is known."""
    return State(rules=rules, batch_rows=rules.batch_rows_first, no_ack_ns=rules.no_ack_ns)


def step(state: State, event: Event) -> Result:
    """Return the state after ``event`` and what is to be done now, in this order."""
    state, actions = _take(age(state, event.now_ns), event)
    if not state.link:
        return state, actions
    state, more = plan(state, event.now_ns)
    return state, actions + more


def wake_at_ns(state: State, now_ns: int) -> int | None:
    """Return when a ``Tick`` is due if nothing else happens, None when no time matters."""
    if not state.link:
        return None
    return min((at for at in times(state) if at > now_ns), default=None)


# --- events ---


def _take(state: State, event: Event) -> Result:  # noqa: C901 -- one match over all events
    match event:
        case words.Stood():
            return _stood(state, event), []
        case words.RowsCommitted():
            return _committed(state, event), []
        case words.RowsGone():
            return _gone(state, event), []
        case words.Replay():
            return _replay(state, event), []
        case words.LinkUp():
            return _link_up(state, event), []
        case words.LinkDown():
            return _link_down(state, event)
        case words.Offered():
            return _offered(state, event)
        case words.CatalogAbsent():
            return replace(state, offered=state.offered | {event.k}), []
        case words.BatchReady():
            return _batch_ready(state, event)
        case words.NoticesReady():
            return _notices_ready(state, event)
        case words.LoadFailed():
            return _load_failed(state, event), []
        case words.Answered():
            return answered(state, event)
        case words.PlatformAcked():
            return platform_acked(state, event)
        case words.Flush():
            return replace(state, hurry=bool(state.fresh)), []
        case words.Tick():
            return state, []


def _stood(state: State, event: words.Stood) -> State:
    for epoch in event.standing.epochs:
        if any(track.ep == epoch.ep for track in state.tracks):
            state = _stood_again(state, epoch)
            continue
        track = Track(
            ep=epoch.ep,
            seen=epoch.next_n - 1,
            seen_e=epoch.next_e - 1,
            late=epoch.waiting,
            notices=epoch.notices_waiting,
            sent=epoch.next_n - 1,  # before a restart anything of these may have been sent
            sent_e=epoch.next_e - 1,
        )
        state = with_track(state, track)
    return state


def _stood_again(state: State, epoch: EpochStanding) -> State:
    """Take up what waits in the store and is in no place of ours: a salvage has brought it back."""
    track = state.track(epoch.ep)
    rows = epoch.waiting.minus(waiting_rows(state).get(epoch.ep, NOTHING)).minus(track.acked)
    notices = epoch.notices_waiting.minus(waiting_notices(state).get(epoch.ep, NOTHING)).remove(
        0, track.acked_e
    )
    found = replace(
        track,
        late=track.late.union(rows),
        notices=track.notices.union(notices),
        seen=max(track.seen, epoch.next_n - 1),
        seen_e=max(track.seen_e, epoch.next_e - 1),
        sent=max(track.sent, epoch.next_n - 1),
        sent_e=max(track.sent_e, epoch.next_e - 1),
    )
    return with_track(state, found)


def _committed(state: State, event: words.RowsCommitted) -> State:
    track, fresh = state.track(event.ep), state.fresh
    first = max(event.first, track.seen + 1)
    track = replace(track, seen=max(track.seen, event.last))
    if event.first and first <= event.last:
        if event.late:
            track = replace(track, late=track.late.add(first, event.last))
        else:
            fresh = with_fresh(fresh, event.ep, first, event.last, event.now_ns)
    track = _with_notices(track, event.first_e, event.last_e)
    hurry = bool(fresh) if event.first_e else state.hurry
    return replace(state, tracks=with_its_like(state.tracks, track), fresh=fresh, hurry=hurry)


def _gone(state: State, event: words.RowsGone) -> State:
    state = without_rows(state, event.ep, event.ranges)
    track = state.track(event.ep)
    # Who hears of them counts them as present: an ack may speak of them although none was ever sent.
    track = replace(track, sent=max(track.sent, event.ranges.last or 0))
    return with_track(state, _with_notices(track, event.e, event.e))


def _with_notices(track: Track, first_e: int, last_e: int) -> Track:
    first_e = max(first_e, track.seen_e + 1)
    if not last_e or first_e > last_e:
        return track
    return replace(track, seen_e=last_e, notices=track.notices.add(first_e, last_e))


def _replay(state: State, event: words.Replay) -> State:
    track, waiting = state.track(event.ep), waiting_rows(state).get(event.ep, NOTHING)
    if not any(known.ep == event.ep for known in state.tracks):  # settled before this start
        top = event.rows.last or 0
        track = replace(track, seen=top, sent=top)
    return with_track(state, replace(track, replay=track.replay.union(event.rows.minus(waiting))))


def _link_up(state: State, event: words.LinkUp) -> State:
    rules = state.rules
    for _until_ns, ep, e in state.parked:  # what the last server refused for good, this one may take
        state = put_back_notice(state, ep, e, e)
    return replace(
        state,
        link=event.link,
        receive_most=max(1, event.receive_most),
        holds=_holds_of_the_last(state, event),
        packet_most_bytes=event.packet_most_bytes,
        parked=(),
        batch_rows=rules.batch_rows_first,
        backlog_from_ns=event.now_ns + rules.birth_ack_ns if rules.platform_acks else 0,
        ack_clock_ns=event.now_ns,
    )


def _holds_of_the_last(state: State, event: words.LinkUp) -> tuple[Hold, ...]:
    """Return what the last connection's refusals still hold: of rows one is tried, this server may take them.

    With more room for a packet than the last one had, what that one found too large is tried at once.
    """
    if 0 < state.packet_most_bytes < event.packet_most_bytes:
        return ()
    return tuple(h if h.leaf == ANY_LEAF else replace(h, until_ns=event.now_ns) for h in state.holds)


def _link_down(state: State, event: words.LinkDown) -> Result:
    if event.link != state.link:
        return state, []
    largest = max((parcel.rows for parcel in state.wire), default=0)
    if event.code == TOO_LARGE and largest:  # it does not say which: all batches get smaller, for a while
        state = replace(state, rows_cap=max(1, largest // 2), rows_cap_ns=event.now_ns)
    parcels = (*state.wire, *state.ready, *state.resting, *state.shelf, *state.posts)
    taken: list[Loading | Piece | Parcel] = [*state.loading, *state.pieces, *parcels]
    for item in taken:
        if isinstance(item, Parcel) and item.kind == "post":
            continue  # offered anew by every connection
        if item.lane is Lane.ALERT:
            state = put_back_notice(state, item.ep, item.first, item.last)
        elif not isinstance(item, Piece) and item.again:
            state = put_back_replay(state, item.ep, item.first, item.last)
        else:
            state = put_back(state, event.now_ns, item.ep, (item.first, item.last), item.lane, item.born_ns)
    emptied: dict[str, tuple[()]] = dict.fromkeys(
        ("loading", "pieces", "wire", "ready", "resting", "shelf", "posts", "carried"), ()
    )
    state = replace(state, link=0, announced=frozenset(), offered=frozenset(), **emptied)  # type: ignore[arg-type]
    return state, [words.Forget(ref=parcel.ref) for parcel in parcels]


def _offered(state: State, event: words.Offered) -> Result:
    if not state.link:
        return state, [words.Forget(ref=event.ref)]
    if event.catalog is not None:
        state = replace(state, offered=state.offered | {event.catalog})
    post = Parcel(
        ref=event.ref,
        kind="post",
        leaf=event.leaf,
        lane=Lane.ALERT,
        size_bytes=event.size_bytes,
        born_ns=event.now_ns,
    )
    if event.size_bytes > state.packet_most_bytes:
        return cut_or_give_up(state, post, event.now_ns, TOO_LARGE)
    return replace(state, posts=(*state.posts, post)), []


def _loading(state: State, ref: int) -> tuple[State, Loading | None]:
    """Take load ``ref`` out; None: it was asked for by a link that is gone (trap 1)."""
    load = next((item for item in state.loading if item.ref == ref), None)
    return replace(state, loading=tuple(item for item in state.loading if item is not load)), load


def _batch_ready(state: State, event: words.BatchReady) -> Result:
    state, load = _loading(state, event.ref)
    if load is None:
        return state, [words.Forget(ref=event.ref)]
    if not event.first:  # nothing there: expired or confirmed while we asked
        return state, [words.Forget(ref=event.ref)]
    if event.last < load.last:  # trap 3: what did not come still waits
        rest = (event.last + 1, load.last)
        state = _not_loaded(state, event.now_ns, load, rest)
    parcel = Parcel(
        ref=event.ref,
        kind="rows",
        leaf=LIVE_LEAF if load.lane is Lane.LIVE else BACKLOG_LEAF,
        lane=load.lane,
        size_bytes=event.size_bytes,
        ep=load.ep,
        first=event.first,
        last=event.last,
        born_ns=load.born_ns,
        k=event.k,
        again=load.again,
    )
    if event.size_bytes > state.packet_most_bytes:
        return cut_or_give_up(state, parcel, event.now_ns, TOO_LARGE)
    state = replace(state, ready=(*state.ready, parcel), row_bytes=event.size_bytes / parcel.rows)
    if event.k in state.announced:
        return state, []
    return replace(state, announced=state.announced | {event.k}), [words.Announce(k=event.k)]


def _notices_ready(state: State, event: words.NoticesReady) -> Result:
    state, load = _loading(state, event.ref)
    if load is None:
        return state, [words.Forget(ref=(event.ep, info.e)) for info in event.notices]
    actions: list[Action] = []
    for info in event.notices:
        parcel = Parcel(
            ref=(load.ep, info.e),
            kind="notice",
            leaf=info.leaf,
            lane=Lane.ALERT,
            size_bytes=info.size_bytes,
            ep=load.ep,
            first=info.e,
            last=info.e,
            key=info.key,
        )
        if info.size_bytes > state.packet_most_bytes:
            state, more = cut_or_give_up(state, parcel, event.now_ns, TOO_LARGE)
            actions += more
        else:
            state = replace(state, shelf=(*state.shelf, parcel))
    return state, actions


def _load_failed(state: State, event: words.LoadFailed) -> State:
    state, load = _loading(state, event.ref)
    if load is None:
        return state
    others = tuple(item for item in state.unread if item[0] != load.ep)
    state = replace(state, unread=(*others, (load.ep, event.now_ns + state.rules.load_again_ns)))
    if load.notices:
        return put_back_notice(state, load.ep, load.first, load.last)
    return _not_loaded(state, event.now_ns, load, (load.first, load.last))


def _not_loaded(state: State, now_ns: int, load: Loading, rest: tuple[int, int]) -> State:
    if load.again:
        return put_back_replay(state, load.ep, *rest)
    return put_back(state, now_ns, load.ep, rest, load.lane, load.born_ns)
