"""Where everything that waits is, at one moment. Every waiting row is in exactly one place:

    fresh     committed, still live, not taken               (Fresh)
    late      backlog, not taken; once here it goes on hist  (Track.late)
    cut       pieces of a batch that was too big or refused  (Piece)
    loading   asked of the store                             (Loading)
    ready     packed, waiting for a slot or its catalog      (Batch in State.ready)
    wire      published, no PUBACK yet                       (Sent in State.wire)
    resting   refused for now, to be sent again, same bytes  (Batch in State.resting)
    unacked   PUBACK but no platform ack: young (State.young) or longer than ack_wait (Track.overdue)

Delivered rows that the platform wants again wait nowhere: they lie in Track.replay, and while they are
loading, ready, on the wire or resting they are marked ``again``. No ack takes them away; a PUBACK does.

Moving a row is taking it out of one place and putting it into another; that is all delivery does.

Longer than most: the places and the steps between them belong side by side.
"""

from __future__ import annotations

from dataclasses import field, replace

from kaga_edge.core.delivery_words import Action, Ref, Rules, Saying
from kaga_edge.core.ranges import Ranges
from kaga_edge.vocabulary.lanes import Lane
from kaga_edge.vocabulary.quick import dataclass

NONE = Ranges()


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One epoch. ``seen``/``seen_e``: highest number known; ``sent``/``sent_e``: highest ever sent."""

    ep: str
    seen: int = 0
    seen_e: int = 0
    late: Ranges = NONE
    overdue: Ranges = NONE
    replay: Ranges = NONE  # delivered, wanted again
    notices: Ranges = NONE  # waiting and not taken
    notices_overdue: Ranges = NONE
    sent: int = 0
    sent_e: int = 0
    acked: Ranges = NONE  # by the platform
    acked_upto: int = 0
    acked_e: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """Live rows of one or more commits; ``born_ns`` is the oldest."""

    ep: str
    first: int
    last: int
    born_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Part of a batch that has to go in smaller batches."""

    ep: str
    first: int
    last: int
    lane: Lane
    born_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Loading:
    """Rows (or, with ``notices``, notices) asked of the store."""

    ref: int
    ep: str
    first: int
    last: int
    lane: Lane
    born_ns: int = 0
    notices: bool = False
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One packed message: a batch, a notice (``first`` is its e) or a post (``ep`` empty)."""

    ref: Ref
    kind: str  # "rows" | "notice" | "post"
    leaf: str
    lane: Lane
    size_bytes: int
    ep: str = ""
    first: int = 0
    last: int = 0
    born_ns: int = 0  # of live rows and of posts
    key: str = ""
    k: str = ""
    sent_ns: int = 0
    again: bool = False

    @property
    def rows(self) -> int:
        """How many rows it carries."""
        return self.last - self.first + 1 if self.kind == "rows" else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Young:
    """Rows or notices with PUBACK, not yet ``ack_wait`` old."""

    ep: str
    first: int
    last: int
    sent_ns: int
    notices: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Nothing is sent on ``leaf`` ("*": on any) before ``until_ns``; ``delay_ns`` is the step."""

    leaf: str
    until_ns: int
    delay_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """All that delivery knows."""

    rules: Rules = field(default_factory=Rules)
    tracks: tuple[Track, ...] = ()
    fresh: tuple[Fresh, ...] = ()
    hurry: bool = False  # live rows leave now: an alert, a flush
    pieces: tuple[Piece, ...] = ()
    loading: tuple[Loading, ...] = ()
    shelf: tuple[Parcel, ...] = ()  # notices loaded, not sent
    parked: tuple[tuple[int, str, int], ...] = ()  # (until_ns, ep, e): notices refused for good, tried rarely
    posts: tuple[Parcel, ...] = ()
    ready: tuple[Parcel, ...] = ()
    wire: tuple[Parcel, ...] = ()
    resting: tuple[Parcel, ...] = ()
    young: tuple[Young, ...] = ()
    link: int = 0  # 0: down
    receive_most: int = 0
    packet_most_bytes: int = 0
    announced: frozenset[str] = frozenset()
    offered: frozenset[str] = frozenset()
    holds: tuple[Hold, ...] = ()
    said: frozenset[Saying] = frozenset()
    ignored: frozenset[tuple[str, str]] = frozenset()
    refused_in_a_row: tuple[tuple[str, int], ...] = ()  # batches, by leaf
    next_ref: int = 1
    batch_rows: int = 0  # rows of the next backlog batch: grows on a fast link, shrinks on a slow one
    rows_cap: int = 0  # 0: none; smaller after the server hung up over a packet too large
    rows_cap_ns: int = 0  # when it was set
    row_bytes: float = 20.0  # what a row lately cost on the wire
    carried: tuple[tuple[int, int], ...] = ()  # (time, bytes) acknowledged lately
    backlog_from_ns: int = 0
    unread: tuple[tuple[str, int], ...] = ()  # (epoch, until_ns): its file refused, nothing is asked of it
    ack_clock_ns: int = 0  # no platform ack since
    no_ack_ns: int = 0  # the present step of that back-off
    probe_sent: bool = False

    @property
    def window(self) -> int:
        """How many messages may be unacknowledged on the wire."""
        return min(self.receive_most, self.rules.window_most)

    @property
    def rows_most(self) -> int:
        """The most rows a batch may have."""
        return min(self.rows_cap or self.rules.batch_rows_most, self.rules.batch_rows_most)

    def track(self, ep: str) -> Track:
        """Return the epoch's track, an empty one when it is new."""
        return next((track for track in self.tracks if track.ep == ep), Track(ep=ep))

    def readable(self, ep: str) -> bool:
        """Say whether the store may be asked for rows of this epoch now."""
        return all(ep != other for other, _ in self.unread)


Result = tuple[State, list[Action]]


def with_track(state: State, track: Track) -> State:
    """Return the state with this track in it; new epochs come last."""
    return replace(state, tracks=with_its_like(state.tracks, track))


def with_its_like(tracks: tuple[Track, ...], track: Track) -> tuple[Track, ...]:
    """Return the tracks with this one in place of its epoch's."""
    if any(old.ep == track.ep for old in tracks):
        return tuple([track if old.ep == track.ep else old for old in tracks])
    return (*tracks, track)


def add_fresh(state: State, ep: str, first: int, last: int, born_ns: int) -> State:
    """Return the state with live rows added, joined to their neighbours, in order of number."""
    return replace(state, fresh=with_fresh(state.fresh, ep, first, last, born_ns))


def with_fresh(fresh: tuple[Fresh, ...], ep: str, first: int, last: int, born_ns: int) -> tuple[Fresh, ...]:
    """Return live rows with these added."""
    if fresh and fresh[-1].ep == ep and fresh[-1].last + 1 == first:
        return (*fresh[:-1], replace(fresh[-1], last=last))
    more = (*fresh, Fresh(ep=ep, first=first, last=last, born_ns=born_ns))
    return tuple(sorted(more, key=lambda segment: (segment.born_ns, segment.first)))


def add_late(state: State, ep: str, first: int, last: int) -> State:
    """Return the state with rows first..last in the backlog."""
    track = state.track(ep)
    return with_track(state, replace(track, late=track.late.add(first, last)))


def put_back(state: State, now_ns: int, ep: str, span: tuple[int, int], lane: Lane, born_ns: int) -> State:
    """Return rows that were taken and not delivered to where they wait; acked ones wait no more."""
    for first, last in NONE.add(*span).minus(state.track(ep).acked):
        if lane is Lane.LIVE and now_ns - born_ns <= 2 * state.rules.batch_ns:
            state = add_fresh(state, ep, first, last, born_ns)
        else:
            state = add_late(state, ep, first, last)
    return state


def put_back_replay(state: State, ep: str, first: int, last: int) -> State:
    """Return rows that are wanted again to where they lie."""
    track = state.track(ep)
    return with_track(state, replace(track, replay=track.replay.add(first, last)))


def put_back_notice(state: State, ep: str, first_e: int, last_e: int) -> State:
    """Return taken notices to where they wait."""
    track = state.track(ep)
    left = NONE.add(first_e, last_e)
    if track.acked_e:
        left = left.remove(0, track.acked_e)
    return with_track(state, replace(track, notices=track.notices.union(left)))


def age(state: State, now_ns: int) -> State:
    """Return the state at ``now_ns``: live grows late, young grows overdue, waits and parking end."""
    old_ns = now_ns - 2 * state.rules.batch_ns
    for segment in state.fresh:
        if segment.born_ns < old_ns:
            state = add_late(state, segment.ep, segment.first, segment.last)
    if state.fresh and state.fresh[0].born_ns < old_ns:
        state = replace(state, fresh=tuple(s for s in state.fresh if s.born_ns >= old_ns))
    if state.young and state.young[0].sent_ns + state.rules.ack_wait_ns <= now_ns:
        state = _grow_overdue(state, now_ns)
    if state.unread:
        state = replace(state, unread=tuple(item for item in state.unread if item[1] > now_ns))
    if state.rows_cap and state.rows_cap_ns + state.rules.cap_again_ns <= now_ns:
        doubled = 2 * state.rows_cap  # the server may have been mended, or it was not the rows at all
        cap = doubled if doubled < state.rules.batch_rows_most else 0
        state = replace(state, rows_cap=cap, rows_cap_ns=now_ns)
    due = [item for item in state.parked if item[0] <= now_ns]
    for item in due:
        state = put_back_notice(state, item[1], item[2], item[2])
    return replace(state, parked=tuple(i for i in state.parked if i not in due)) if due else state


def _grow_overdue(state: State, now_ns: int) -> State:
    grown = [y for y in state.young if y.sent_ns + state.rules.ack_wait_ns <= now_ns]
    for item in grown:
        track = state.track(item.ep)
        if item.notices:
            track = replace(track, notices_overdue=track.notices_overdue.add(item.first, item.last))
        else:
            track = replace(track, overdue=track.overdue.add(item.first, item.last))
        state = with_track(state, track)
    return replace(state, young=state.young[len(grown) :])


def without_rows(state: State, ep: str, gone: Ranges) -> State:
    """Return the state without these rows, wherever they wait; what is on the wire stays there."""
    track = state.track(ep)
    track = replace(track, late=track.late.minus(gone), overdue=track.overdue.minus(gone))
    state = with_track(state, track)
    fresh = tuple(
        replace(s, first=first, last=last) for s in state.fresh for first, last in _rest(s, ep, gone)
    )
    pieces = tuple(
        replace(p, first=first, last=last) for p in state.pieces for first, last in _rest(p, ep, gone)
    )
    young = tuple(
        replace(y, first=first, last=last)
        for y in state.young
        for first, last in ([(y.first, y.last)] if y.notices else _rest(y, ep, gone))
    )
    return replace(state, fresh=fresh, pieces=pieces, young=young)


def without_notices(state: State, ep: str, upto_e: int) -> State:
    """Return the state without the notices up to ``upto_e``; what is on the wire stays there."""
    track = state.track(ep)
    track = replace(
        track,
        notices=track.notices.remove(0, upto_e),
        notices_overdue=track.notices_overdue.remove(0, upto_e),
    )
    state = with_track(state, track)
    return replace(
        state,
        shelf=tuple(n for n in state.shelf if n.ep != ep or n.first > upto_e),
        parked=tuple(item for item in state.parked if item[1] != ep or item[2] > upto_e),
        young=tuple(y for y in state.young if not (y.notices and y.ep == ep and y.last <= upto_e)),
    )


def _rest(item: Fresh | Piece | Young, ep: str, gone: Ranges) -> tuple[tuple[int, int], ...]:
    if item.ep != ep:
        return ((item.first, item.last),)
    return NONE.add(item.first, item.last).minus(gone).spans


def waiting_rows(state: State) -> dict[str, Ranges]:
    """Return every row that is not delivered, by epoch: the union of all places."""
    spans: dict[str, list[tuple[int, int]]] = {
        track.ep: [*track.late, *track.overdue] for track in state.tracks
    }
    items: list[Fresh | Piece | Loading | Parcel | Young] = [*state.fresh, *state.pieces]
    items += [load for load in state.loading if not (load.notices or load.again)]
    parcels = (*state.ready, *state.wire, *state.resting)
    items += [p for p in parcels if p.kind == "rows" and not p.again]
    items += [y for y in state.young if not y.notices]
    for item in items:
        spans.setdefault(item.ep, []).append((item.first, item.last))
    return {ep: Ranges.of(listed).minus(state.track(ep).acked) for ep, listed in spans.items()}


def waiting_notices(state: State) -> dict[str, Ranges]:
    """Return every notice that is not delivered, by epoch."""
    spans: dict[str, list[tuple[int, int]]] = {
        track.ep: [*track.notices, *track.notices_overdue] for track in state.tracks
    }
    items: list[Loading | Parcel | Young] = [load for load in state.loading if load.notices]
    items += [p for p in (*state.shelf, *state.wire, *state.resting) if p.kind == "notice"]
    items += [y for y in state.young if y.notices]
    for item in items:
        spans.setdefault(item.ep, []).append((item.first, item.last))
    for _until, ep, e in state.parked:
        spans.setdefault(ep, []).append((e, e))
    return {ep: Ranges.of(listed) for ep, listed in spans.items()}


def unacked_rows(state: State) -> int:
    """Return how many rows have left, or are about to, and have no platform ack."""
    return (
        sum(track.overdue.count for track in state.tracks)
        + sum(y.last - y.first + 1 for y in state.young if not y.notices)
        + sum(p.rows for p in (*state.ready, *state.wire, *state.resting))
        + sum(load.last - load.first + 1 for load in state.loading if not load.notices)
    )
