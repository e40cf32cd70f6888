"""What is true at the simulated site: a pure function of the time and of a seed.

Times are seconds since the story began (``t_s``). Asking twice gives the same answer, in any order, so
a test can know beforehand what a sensor must say.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

TICKS_PER_S = 10_000
Points = Sequence[tuple[float, float]]  # (time in s, value), rising times


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """The state of the site at one instant, before any instrument looks at it."""

    water_level_m: float = 0.0  # above gauge zero
    water_temperature_c: float = 10.0
    snow_depth_m: float = 0.0
    air_pressure_hpa: float = 1013.25
    air_temperature_c: float = 10.0
    relative_humidity_pct: float = 80.0
    pitch_deg: float = 0.0  # of the instrument's beam from the vertical
    road_temperature_c: float = 1.5
    supply_v: float = 12.4
    supply_a: float = 0.35
    cpu_temperature_c: float = 41.0
    under_voltage: float = 0.0  # 1: now
    vehicle_m_s: float = 0.0  # in the radar's beam, nearer positive; 0: nobody
    echo_quality: float = 180.0  # as a sonic snow sensor grades its echo: 152-210 is good


@dataclass(frozen=True, slots=True, kw_only=True)
class LineEdge:
    """One change of one GPIO line; ``active`` is the contact closed or the loop occupied."""

    at_s: float
    active: bool


class World(Protocol):
    """Truth at any time, and the edges of the lines ``rain`` and ``vehicle`` (or a replay's own)."""

    def truth(self, t_s: float) -> Truth:
        """Return what is true at ``t_s``."""

    def edges(self, line: str, since_s: float, until_s: float) -> tuple[LineEdge, ...]:
        """Return the edges of a line with ``since_s`` < at <= ``until_s``, oldest first."""

    def active(self, line: str, t_s: float) -> bool:
        """Return whether the line is active at ``t_s``."""


def interpolated(points: Points, t_s: float) -> float:
    """Return the value at ``t_s`` on straight lines between the points; held before and after them."""
    at = bisect_right(points, t_s, key=lambda point: point[0])
    if at == 0:
        return points[0][1]
    if at == len(points):
        return points[-1][1]
    (t0, v0), (t1, v1) = points[at - 1], points[at]
    return v0 + (v1 - v0) * (t_s - t0) / (t1 - t0)


def integrated(points: Points, t_s: float) -> float:
    """Return the area under the straight lines from the first point to ``t_s`` (value times seconds)."""
    area = 0.0
    for (t0, v0), (t1, v1) in pairwise(points):
        if t_s <= t0:
            return area
        end = min(t_s, t1)
        area += (end - t0) * (v0 + interpolated(((t0, v0), (t1, v1)), end)) / 2
    last_s, last = points[-1]
    return area + max(0.0, t_s - last_s) * last


def crossings(total: Callable[[float], float], step: float, since_s: float, until_s: float) -> list[float]:
    """Return when a never falling total passes each whole multiple of ``step``: the tips of a bucket."""
    first = math.floor(total(since_s) / step) + 1
    last = math.floor(total(until_s) / step)
    return [_reached(total, n * step, since_s, until_s) for n in range(first, last + 1)]


def _reached(total: Callable[[float], float], goal: float, low_s: float, high_s: float) -> float:
    """Return the first tick of a tenth of a millisecond at which the total has reached the goal.

    On a grid, so that the answer does not depend on where the search began.
    """
    low, high = math.floor(low_s * TICKS_PER_S), math.ceil(high_s * TICKS_PER_S)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if total(middle / TICKS_PER_S) >= goal else (middle + 1, high)
    return high / TICKS_PER_S


def chance(seed: int, name: str, number: int) -> float:
    """Return a repeatable number in 0..1 for one thing at one place in a sequence."""
    return random.Random(f"{seed}/{name}/{number}").random()


def ripple(seed: int, name: str, t_s: float, *, every_s: float, size: float) -> float:
    """Return a smooth repeatable disturbance of at most ``size`` that wanders about every ``every_s``."""
    cell, within = divmod(t_s / every_s, 1.0)
    before, after = (2 * chance(seed, name, int(cell) + step) - 1 for step in (0, 1))
    eased = within * within * (3 - 2 * within)
    return size * (before + (after - before) * eased)
