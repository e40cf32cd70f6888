"""What the store may forget, and in which order, when rows grow old or room runs out.

Pure: sizes, standings and the time go in, ranges to remove come out; the store removes them in chunks.
The order is the promise: delivered rows whose time is up; then, only at the byte budget, delivered rows
early, oldest first; then waiting rows are thinned, oldest first, into ever longer windows
(``core/thinning.py``); then the oldest waiting rows expire. What is given up is declared gone. Alerts are
never touched, nor the newest rows.

The budget covers the database, its write-ahead log and the ring of events together. Where others fill the
disk it shrinks to what the file has already, so that ``keep_free`` stays free: a freed page is used again
by ourselves, an untaken one by everybody.

How long a row has been delivered is not written per row (draining would rewrite every row). Instead a
**fence** is put up now and then: a copy of what was delivered by then. When a fence is as old as the
grace period, all it holds may go. A fence's age is time the gateway was running, by the boot clock, so a
jumping wall clock or a year in a drawer never throws rows away early.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kaga_edge.core.ranges import Range, Ranges
from kaga_edge.vocabulary.readings import Moment

FENCES_KEPT = 24  # a day of grace is measured to the hour
ROOM_BEGINS = 0.95  # of the byte budget: above this, room is made …
ROOM_ENDS = 0.90  # … down to this, so that not every commit has to make some
NEWEST_KEPT = 1000  # rows that are never given up: what a live batch may still be taking
LEAST_BYTES = 4_000_000  # the smallest budget: taken even on a disk that others have filled
WAL_MOST_BYTES = 4 * 1024 * 1024
EVENTS_MOST_BYTES = 1_000_000  # of one of the ring's two files


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """What was delivered (or gone) in one epoch when the running time stood at ``alive_ms``."""

    alive_ms: int
    ep: str
    rows: Ranges
    notices: Ranges


@dataclass(frozen=True, slots=True, kw_only=True)
class Alive:
    """How long the gateway has been running in all, and the moment that was last added up to."""

    ms: int = 0
    last: Moment | None = None


def alive_at(alive: Alive, now: Moment) -> Alive:
    """Return the running time at ``now``: boot-clock time since the last look, nothing across boots."""
    passed_ms = 0
    if alive.last is not None and alive.last.boot == now.boot:
        passed_ms = max(0, now.up_ms - alive.last.up_ms)
    return Alive(ms=alive.ms + passed_ms, last=now)


def fence_due(newest_ms: int | None, alive_ms: int, keep_ms: int) -> bool:
    """Say whether a new fence is wanted: one per 24th of the grace period."""
    return newest_ms is None or alive_ms - newest_ms >= keep_ms // FENCES_KEPT


def aged(fences: Sequence[Fence], alive_ms: int, keep_ms: int) -> tuple[Fence, ...]:
    """Return the fences as old as the grace period: everything in them may be forgotten."""
    return tuple(fence for fence in fences if alive_ms - fence.alive_ms >= keep_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRoom:
    """One epoch; in a sequence of them the oldest comes first and the present one last."""

    ep: str
    on_disk: Ranges
    settled: Ranges  # delivered or gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """Forget ``first``..``last``, all on disk. ``expire``: they still wait and must be declared gone."""

    ep: str
    first: int
    last: int
    expire: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """The byte budget, parted: ``database_bytes`` + ``wal_bytes`` + two event files are all of it."""

    database_bytes: int
    wal_bytes: int
    events_file_bytes: int


def shares(max_bytes: int) -> Shares:
    """Return who may take how much of the budget."""
    wal_bytes = min(WAL_MOST_BYTES, max_bytes // 8)
    events_file_bytes = min(EVENTS_MOST_BYTES, max_bytes // 32)
    rest = max_bytes - wal_bytes - 2 * events_file_bytes
    return Shares(database_bytes=rest, wal_bytes=wal_bytes, events_file_bytes=events_file_bytes)


def budget_bytes(most_bytes: int, file_bytes: int, free_bytes: int, keep_free_bytes: int) -> int:
    """Return what the database may take now: less than ``most_bytes`` where the disk is nearly full."""
    growth_bytes = max(0, free_bytes - keep_free_bytes)
    return min(most_bytes, max(file_bytes + growth_bytes, LEAST_BYTES))


def short_of_room(before: bool, used_bytes: int, budget: int) -> bool:
    """Say whether room has to be made; once begun (``before``) it goes on until there is some to spare."""
    return used_bytes > budget * (ROOM_ENDS if before else ROOM_BEGINS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Consecutive numbers of one run. ``level``: how often they have been thinned; None: they cannot be."""

    first: int
    last: int
    level: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Thinning:
    """Sum up these rows of one epoch in the windows of ``level`` (1 is the shortest)."""

    rows: Ranges
    level: int


def early(epochs: Sequence[EpochRoom], most: int) -> Removal | None:
    """Return the oldest delivered rows, at most ``most`` consecutive numbers; None: there are none."""
    for epoch in epochs:
        span = epoch.on_disk.both(epoch.settled).head(most)
        if span is not None:
            return Removal(ep=epoch.ep, first=span[0], last=span[1], expire=False)
    return None


def thinning(
    epoch: EpochRoom, stretches: Sequence[Stretch], done: Sequence[int], most: int, *, present: bool = True
) -> Thinning | None:
    """Return the oldest waiting rows to be thinned, in the shortest window that still has some.

    ``done``: by level, the number up to which all has been tried. ``present``: it is the present epoch,
    whose newest rows are spared. At most ``most`` rows; None: all that may be thinned has been.
    """
    waiting = _may_give_way(epoch, present=present)
    for level, upto in enumerate(done, 1):
        rows = _head(_untried(stretches, waiting, level, upto), most)
        if rows:
            return Thinning(rows=rows, level=level)
    return None


def expiry(epochs: Sequence[EpochRoom], most: int) -> Removal | None:
    """Return the oldest waiting rows, at most ``most`` consecutive numbers; None: only the newest wait."""
    for epoch in epochs:
        span = _may_give_way(epoch, present=epoch is epochs[-1]).head(most)
        if span is not None:
            return Removal(ep=epoch.ep, first=span[0], last=span[1], expire=True)
    return None


def _untried(stretches: Sequence[Stretch], waiting: Ranges, level: int, upto: int) -> Iterator[Range]:
    for stretch in stretches:
        if stretch.level is not None and stretch.level < level and stretch.last > upto:
            yield from waiting.within(max(stretch.first, upto + 1), stretch.last)


def _head(spans: Iterable[Range], most: int) -> Ranges:
    taken: list[Range] = []
    for first, last in spans:
        taken.append((first, min(last, first + most - 1)))
        most -= taken[-1][1] - first + 1
        if most < 1:
            break
    return Ranges.of(taken)


def _may_give_way(epoch: EpochRoom, *, present: bool) -> Ranges:
    """Return the waiting rows that may be given up: all but the newest of the present epoch."""
    waiting = epoch.on_disk.minus(epoch.settled)
    if not present or waiting.first is None or epoch.on_disk.last is None:
        return waiting
    spared = min(NEWEST_KEPT, epoch.on_disk.count // 2)
    return waiting.within(waiting.first, epoch.on_disk.last - spared)
