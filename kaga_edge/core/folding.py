"""Repeats folded: a few lines at once, then one an hour that says how many there were.

Pure: the time is an argument. A line that was held back is never lost: it is counted, and the last one of
its kind is shown when its hour is over.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

AT_ONCE = 3  # a fault, its recovery and the fault again must all be seen
HOUR_S = 3600.0
MOST_KINDS = 500  # a log that invents names must not eat the memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats:
    """One kind of line: since when its hour runs, how many were shown in it and how many held back."""

    since_s: float
    shown: int = 1
    held: int = 0


def take(before: Repeats | None, now_s: float) -> tuple[Repeats, int | None]:
    """Return the kind's new state, and how many lines this one stands for (None: hold it back)."""
    if before is None or (now_s - before.since_s >= HOUR_S and not before.held):
        return Repeats(since_s=now_s), 1
    if now_s - before.since_s >= HOUR_S:
        return Repeats(since_s=now_s, shown=AT_ONCE), before.held + 1
    if before.shown < AT_ONCE:
        return Repeats(since_s=before.since_s, shown=before.shown + 1), 1
    return Repeats(since_s=before.since_s, shown=before.shown, held=before.held + 1), None


def due(kinds: Mapping[Hashable, Repeats], now_s: float) -> tuple[Hashable, ...]:
    """Return the kinds whose hour is over and that still hold lines back."""
    return tuple(key for key, one in kinds.items() if one.held and now_s - one.since_s >= HOUR_S)


def pruned(kinds: Mapping[Hashable, Repeats], now_s: float) -> dict[Hashable, Repeats]:
    """Return the kinds without those that are quiet for an hour; never more than a few hundred."""
    live = {key: one for key, one in kinds.items() if one.held or now_s - one.since_s < HOUR_S}
    return dict(list(live.items())[-MOST_KINDS:])
