"""What follows from a sensor's own past: new snow from depth, sums of rain. Pure; kept over a restart.

The derived channels stand behind those the sensor has anyway, and never replace one.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from kaga_edge.core import rainfall, snowfall
from kaga_edge.core.calibration import is_past
from kaga_edge.core.rainfall import RainBook, RainRule, RainState
from kaga_edge.core.snowfall import SnowBook, SnowRule, SnowState
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag, Measurement, Moment, Reading

UNTRUSTED = Flag.OUT_OF_RANGE | Flag.SPIKE | Flag.STUCK | Flag.LOW_QUALITY | Flag.MISSING


@dataclass(frozen=True, slots=True, kw_only=True)
class Deriving:
    """What is derived for one sensor; None: not. ``zone``: the site's IANA time zone."""

    snow: SnowRule | None = None
    rain: RainRule | None = None
    zone: str = "Asia/Tokyo"

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """The channels this adds, in order."""
        return (
            *(snowfall.QUANTITIES if self.snow is not None else ()),
            *(rainfall.QUANTITIES if self.rain is not None else ()),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """The past of one sensor."""

    snow: SnowState = field(default_factory=SnowState)
    rain: RainState = field(default_factory=RainState)


def derive(
    deriving: Deriving,
    memory: Memory,
    at: Moment,
    readings: tuple[Reading, ...],
    *,
    maintained: bool = False,
) -> tuple[Memory, tuple[Measurement, ...]]:
    """Return the new memory and one measurement per ``deriving.quantities``.

    ``maintained``: somebody works at the sensor. Who stands below it is no snow, what he pours into the
    gauge no rain; what truly fell meanwhile is missing in the sums, which are flagged as lower bounds.
    """
    if deriving.snow is None and deriving.rain is None:
        return memory, ()
    at_ms = at.wall_ms
    snow, rain = memory.snow, memory.rain
    found: list[Measurement] = []
    if deriving.snow is not None:
        value, good = _of(readings, Quantity.SNOW_DEPTH_M)
        good = good and not maintained
        snow, said = snowfall.step(deriving.snow, snow, at_ms, deriving.zone, value, good=good)
        found += _zero_expired(said) if is_past(deriving.snow.due_ms, at) else said
    if deriving.rain is not None:
        value, good = _of(readings, Quantity.RAIN_MM)
        if maintained and value is not None:
            value, good = 0.0, False
        rain, said = rainfall.step(
            deriving.rain, rain, at_ms, deriving.zone, value, good=good, up_ms=at.up_ms
        )
        found += said
    return Memory(snow=snow, rain=rain), tuple(found)


def to_text(memory: Memory) -> str:
    """Return what must outlive a restart."""
    books = {"snow": asdict(memory.snow.book), "rain": asdict(memory.rain.book)}
    return json.dumps(books, separators=(",", ":"))


def from_text(text: str | None) -> Memory:
    """Return the memory that ``to_text`` wrote; an empty one for None or what another version wrote."""
    try:
        books = json.loads(text or "{}")
        return Memory(
            snow=SnowState(book=SnowBook(**_tuples(books.get("snow", {})))),
            rain=RainState(book=RainBook(**_tuples(books.get("rain", {})))),
        )
    except (ValueError, TypeError):
        return Memory()


def must_remember(before: Memory, after: Memory) -> bool:
    """Tell whether what outlives a restart has changed."""
    if before is after:
        return False
    return before.snow.book != after.snow.book or before.rain.book != after.rain.book


def _zero_expired(said: tuple[Measurement, ...]) -> tuple[Measurement, ...]:
    """Flag the depth above a zero that was learned for a winter gone by. New snow needs no zero."""
    return tuple(
        replace(one, flags=one.flags | Flag.CALIBRATION_EXPIRED)
        if one.quantity is Quantity.SNOW_ON_GROUND_M
        else one
        for one in said
    )


def _of(readings: tuple[Reading, ...], quantity: Quantity) -> tuple[float | None, bool]:
    found = next((r for r in readings if r.quantity is quantity), None)
    if found is None or found.value is None:
        return None, False
    return found.value, not found.flags & UNTRUSTED


def _tuples(book: dict[str, Any]) -> dict[str, Any]:
    return {key: _tuple(value) for key, value in book.items()}


def _tuple(value: Any) -> Any:
    return tuple(_tuple(one) for one in value) if isinstance(value, list) else value
