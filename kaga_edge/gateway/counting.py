"""Sensors that count (rain gauges): a count goes on after a restart, and the time nobody counted is a row."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, runtime_checkable

from kaga_edge.buses import BusSensor
from kaga_edge.core.sampling import SensorPlan
from kaga_edge.gateway.watched import Watched
from kaga_edge.vocabulary.readings import Moment, Sample


@runtime_checkable
class Counter(Protocol):
    """A driver whose count must go on after a restart."""

    @property
    def tips_total(self) -> int:
        """Tips counted since the count began."""

    def resume(self, tips_total: int) -> None:
        """Go on from ``tips_total``."""


class Counting:
    """Every counter of the station, how far the store knows it to stand, and until when it was watched."""

    def __init__(self) -> None:
        self.watched = Watched()
        self.counters: dict[str, Counter] = {}
        self._known: dict[str, int] = {}

    async def begin(
        self, sensor: BusSensor, now: Moment, recall: Callable[[str], Awaitable[str | None]]
    ) -> None:
        """Let a counter go on where it stood, before its bus asks it for the first time."""
        if isinstance(sensor.driver, Counter):
            known = await recall(f"tips/{sensor.id}") or ""
            total = int(known) if known.isdecimal() else 0  # a bit may have flipped in it
            sensor.driver.resume(total)
            self.counters[sensor.id], self._known[sensor.id] = sensor.driver, total
            await self.watched.begin(sensor.id, now, recall)

    def missed(self, plan: SensorPlan) -> Sample | None:
        """Return the row of the time nobody counted, once, before the first sample of one that counts."""
        return self.watched.missed(plan)

    def to_remember(self, sensor: str, at: Moment) -> tuple[tuple[str, str], ...]:
        """Return what a restart must know with this sample of a sensor that counts."""
        marks = self.watched.mark(sensor, at)
        total = self.counters[sensor].tips_total
        if total == self._known.get(sensor):
            return marks
        self._known[sensor] = total
        return (*marks, (f"tips/{sensor}", str(total)))
