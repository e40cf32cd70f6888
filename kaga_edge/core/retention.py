"""What the store may forget, and in which order, when rows grow old or room runs out.

Pure: sizes, standings and the time go in, ranges to remove come out; the store removes them in chunks.
The order is the promise: delivered rows whose time is up; then, only at the byte budget, delivered rows
early, oldest first; then the oldest waiting rows, which are declared gone. Alerts are never touched, nor
the newest rows.

How long a row has been delivered is not written per row (draining would rewrite every row). Instead a
**fence** is put up now and then: a copy of what was delivered by then. When a fence is as old as the
grace period, all it holds may go. A fence's age is time the gateway was running, by the boot clock, so a
jumping wall clock or a year in a drawer never throws rows away early.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kaga_edge.core.ranges import Ranges
from kaga_edge.vocabulary.readings import Moment

FENCES_KEPT = 24  # a day of grace is measured to the hour
ROOM_BEGINS = 0.95  # of the byte budget: above this, room is made …
ROOM_ENDS = 0.90  # … down to this, so that not every commit has to make some
NEWEST_KEPT = 1000  # rows that never expire: what a live batch may still be taking


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


def rows_over(used_bytes: int, max_bytes: int, rows: int, *, full: bool = False) -> int:
    """Return how many rows are too many for the budget, 0 when there is room.

    ``full``: the disk or the page cap has just refused a row, whatever the sizes say.
    """
    if used_bytes <= max_bytes * ROOM_BEGINS and not full:
        return 0
    spare_bytes = max(used_bytes - int(max_bytes * ROOM_ENDS), max_bytes // 100)
    bytes_a_row = max(1.0, used_bytes / max(rows, 1))
    return max(1, round(spare_bytes / bytes_a_row))


def removal(epochs: Sequence[EpochRoom], most: int) -> Removal | None:
    """Return what to remove next for room, at most ``most`` consecutive numbers; None: nothing may go."""
    if most < 1:
        return None
    for epoch in epochs:
        span = epoch.on_disk.both(epoch.settled).head(most)
        if span is not None:
            return Removal(ep=epoch.ep, first=span[0], last=span[1], expire=False)
    for epoch in epochs:
        span = _may_expire(epoch, present=epoch is epochs[-1]).head(most)
        if span is not None:
            return Removal(ep=epoch.ep, first=span[0], last=span[1], expire=True)
    return None


def _may_expire(epoch: EpochRoom, *, present: bool) -> Ranges:
    """Return the waiting rows that may be given up: all but the newest of the present epoch."""
    waiting = epoch.on_disk.minus(epoch.settled)
    if not present or waiting.first is None or epoch.on_disk.last is None:
        return waiting
    spared = min(NEWEST_KEPT, epoch.on_disk.count // 2)
    return waiting.within(waiting.first, epoch.on_disk.last - spared)
