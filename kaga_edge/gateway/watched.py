"""The time in which nobody counted: a row of its own with its length, because no tips seen is not no rain.

What counts edges (rain gauge) remembers until when it was watched: at every stop, and each minute against a
crash, so that a length is at most a minute too long, never too short.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace

from kaga_edge.core.sampling import SensorPlan, missing
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import ClockTrust, Flag, Grade, Moment, Reading, Sample

MARK_EVERY_MS = 60_000
SHORTEST_S = 1.0  # a bus that is begun anew by a reload is away for less


class Watched:
    """Until when each counting sensor was watched. ``closing``: every sample may be the last."""

    def __init__(self) -> None:
        self.closing = False
        self._last: dict[str, Moment] = {}
        self._marked_ms: dict[str, int] = {}
        self._missed: dict[str, tuple[Moment, float | None, Flag]] = {}

    async def begin(self, sensor: str, now: Moment, recall: Callable[[str], Awaitable[str | None]]) -> None:
        """Watching begins: work out how long nobody did."""
        last = self._last.get(sensor) or _from_text(await recall(f"watched/{sensor}"))
        if last is None:
            return  # the first time ever: there is nothing to have missed
        length_s, flags = _length(last, now)
        if length_s is None or length_s >= SHORTEST_S:
            self._missed[sensor] = now, length_s, flags

    def missed(self, plan: SensorPlan) -> Sample | None:
        """Return the row that goes before the first sample, once; None: nothing was missed."""
        found = self._missed.pop(plan.id, None)
        if found is None:
            return None
        at, length_s, flags = found
        nothing = missing(plan, at, None)
        grade = Grade.MISSING if length_s is None else Grade.GOOD
        told = Reading(quantity=Quantity.UNWATCHED_S, value=length_s, flags=flags, grade=grade)
        return replace(
            nothing,
            readings=tuple(told if one.quantity is told.quantity else one for one in nothing.readings),
        )

    def mark(self, sensor: str, at: Moment) -> tuple[tuple[str, str], ...]:
        """Note a sample; return what to remember with it."""
        self._last[sensor] = at
        if not self.closing and 0 <= at.up_ms - self._marked_ms.get(sensor, -MARK_EVERY_MS) < MARK_EVERY_MS:
            return ()
        self._marked_ms[sensor] = at.up_ms
        return ((f"watched/{sensor}", json.dumps([at.wall_ms, at.up_ms, at.boot, int(at.trust)])),)


def _length(last: Moment, now: Moment) -> tuple[float | None, Flag]:
    """Return the time between in s, with flags; None while no clock tells."""
    if last.boot == now.boot:
        return (now.up_ms - last.up_ms) / 1000, Flag.GOOD
    length_s = (now.wall_ms - last.wall_ms) / 1000
    if ClockTrust.NONE in (last.trust, now.trust) or length_s < 0:
        return None, Flag.MISSING
    doubtful = ClockTrust.LAST_KNOWN in (last.trust, now.trust)
    return length_s, Flag.ESTIMATED if doubtful else Flag.GOOD


def _from_text(text: str | None) -> Moment | None:
    try:
        wall_ms, up_ms, boot, trust = json.loads(text or "null")
        return Moment(wall_ms=wall_ms, up_ms=up_ms, boot=boot, trust=ClockTrust(trust))
    except (ValueError, TypeError):
        return None
