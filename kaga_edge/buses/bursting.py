"""Sensors that are asked in bursts: once a second before each due time, and one value at it.

The schedule counts in seconds then; here is decided which of them count, and what became of them. Readings
that failed are only counted, unless all of them did.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import cast

from kaga_edge.buses.spec import BusSensor, Polled
from kaga_edge.core.burst import SPACING_S, Repeated


def period_ms(sensor: BusSensor) -> int:
    """Return how often the schedule shall name a sensor."""
    return max(1, round((sensor.every_s if sensor.burst_s is None else SPACING_S) * 1000))


def asked_at(sensor: BusSensor, due_ms: int) -> bool:
    """Say whether a sensor is asked at a time on its grid: within its burst, or at all without one."""
    return sensor.burst_s is None or -due_ms % _every_ms(sensor) < sensor.burst_s * 1000


def begins_at(sensor: BusSensor, due_ms: int) -> bool:
    """Say whether a burst begins: one that was left out after failures is tried again now."""
    return asked_at(sensor, due_ms) and not asked_at(sensor, due_ms - period_ms(sensor))


class Bursts:
    """What the sensors with bursts said lately, by sensor: (due time in ms, what it gave)."""

    def __init__(self, sensors: Iterable[BusSensor]) -> None:
        self._said: dict[str, list[tuple[int, Polled]]] = {
            one.id: [] for one in sensors if one.burst_s is not None
        }

    def take(self, sensor: BusSensor, due_ms: int, polled: Polled) -> Polled | None:
        """Take one reading; return the burst's at the due time, None before it."""
        if sensor.burst_s is None:
            return polled
        said = self._said[sensor.id]
        said.append((due_ms, polled))
        since_ms = due_ms - sensor.burst_s * 1000
        said[:] = [one for one in said if since_ms < one[0] <= due_ms]  # a clock may have been set back
        return None if due_ms % _every_ms(sensor) else _whole(sensor, [one for _, one in said], polled)


def _whole(sensor: BusSensor, said: list[Polled], last: Polled) -> Polled:
    good = [one.measurements for one in said if one.measurements is not None]
    if not good:
        return last
    measurements = cast(Repeated, sensor.driver).combine(good, len(said))
    return replace(last, measurements=measurements, error=None)


def _every_ms(sensor: BusSensor) -> int:
    return max(1, round(sensor.every_s * 1000))
