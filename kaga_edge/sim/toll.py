"""What a kill cost: measured by the daemon, but not yet on disk. Counted from outside, pure.

The daemon commits in groups of at most one second, so this is at most one second's worth. It is counted
per due time after the last committed one: an I2C poll when the site answered a read in it, a serial or
GPIO poll always, because nobody outside can see those being made.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Toll:
    """``samples`` not on disk at the kill, and how long before it the oldest of them came due."""

    samples: int = 0
    seconds: float = 0.0


def toll_of(
    *,
    killed_ms: int,
    committed_ms: Mapping[str, Sequence[int]],
    answered_ms: Mapping[str, Sequence[int]],
    every_ms: Mapping[str, int],
) -> Toll:
    """Return the toll of one kill at ``killed_ms`` (wall time).

    ``committed_ms``: times of each sensor's committed samples. ``answered_ms``: times at which an I2C
    sensor answered; sensors not in it are not on I2C. ``every_ms``: each sensor's interval.
    """
    unwritten = [
        due
        for sensor, step in every_ms.items()
        for due in _dues_after(_last(committed_ms.get(sensor, ()), killed_ms), killed_ms, step)
        if sensor not in answered_ms or _any_within(answered_ms[sensor], due, min(due + step, killed_ms))
    ]
    if not unwritten:
        return Toll()
    return Toll(samples=len(unwritten), seconds=(killed_ms - min(unwritten)) / 1000)


def _last(committed: Sequence[int], killed_ms: int) -> int | None:
    return max((at for at in committed if at <= killed_ms), default=None)


def _dues_after(last_ms: int | None, killed_ms: int, step: int) -> range:
    """Return the due times after the last committed one, up to the kill; whole multiples of the step."""
    if last_ms is None:
        return range(0)
    return range((last_ms // step + 1) * step, killed_ms + 1, step)


def _any_within(times: Sequence[int], since_ms: int, until_ms: int) -> bool:
    at = bisect_left(times, since_ms)
    return at < len(times) and times[at] <= until_ms
