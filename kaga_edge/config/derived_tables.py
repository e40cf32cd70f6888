"""``[sensor.snow]`` and ``[sensor.rain]``: what is derived from a sensor's own past."""

from __future__ import annotations

import re
import zoneinfo
from calendar import monthrange
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from kaga_edge.config.faults import Code
from kaga_edge.config.lines import Path
from kaga_edge.config.models import Table
from kaga_edge.config.tables import Desk
from kaga_edge.config.units import UnitFault
from kaga_edge.core.deriving import Deriving
from kaga_edge.core.local import MonthDay
from kaga_edge.core.rainfall import RainRule
from kaga_edge.core.snowfall import SnowRule
from kaga_edge.text import Phrase
from kaga_edge.vocabulary.quantities import Quantity

LEAP_YEAR = 2024  # 29 February is a day
_MONTH_DAY = re.compile(r"(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


def _month_day(value: object) -> object:
    found = _MONTH_DAY.fullmatch(value) if isinstance(value, str) else None
    if found is None or int(found[2]) > monthrange(LEAP_YEAR, int(found[1]))[1]:
        raise UnitFault(Code.VALUE, reason=Phrase("date.month_day"))
    return value


def _clock(value: object) -> object:
    if not isinstance(value, str) or not _CLOCK.fullmatch(value):
        raise UnitFault(Code.VALUE, reason=Phrase("date.clock"))
    return value


MonthDayText = Annotated[
    str, BeforeValidator(_month_day), WithJsonSchema({"type": "string", "pattern": f"^{_MONTH_DAY.pattern}$"})
]
ClockText = Annotated[
    str, BeforeValidator(_clock), WithJsonSchema({"type": "string", "pattern": f"^{_CLOCK.pattern}$"})
]


class SnowTable(Table):
    """``[sensor.snow]``: new snow, and depth above the seasonal zero.

    ``zero_m = { "11-01" = 0.02 }``: from that day on the gauge shows so much on bare ground.
    """

    zero_m: dict[MonthDayText, float] = Field(default_factory=dict)
    season: tuple[MonthDayText, MonthDayText] | None = None
    dead_band_m: float = Field(default=0.01, ge=0, le=0.1)


class RainTable(Table):
    """``[sensor.rain]``: sums over 10 minutes, an hour, 24 hours and the day of the site."""

    day_begins: ClockText = "00:00"


def deriving_of(
    desk: Desk, snow: SnowTable | None, rain: RainTable | None, quantities: tuple[Quantity, ...], path: Path
) -> Deriving:
    """Return what is derived; note what this sensor has nothing to derive from."""
    for name, table, needed in (
        ("snow", snow, Quantity.SNOW_DEPTH_M),
        ("rain", rain, Quantity.RAIN_MM),
    ):
        if table is not None and needed not in quantities:
            reason = Phrase(f"derived.{name}_needs")
            desk.fault((*path, name), Code.VALUE, reason=reason)
    return Deriving(
        snow=None if snow is None else _snow_rule(snow),
        rain=None if rain is None else RainRule(day_begins_min=_minutes(rain.day_begins)),
        zone=_zone(desk.documents.tree.get("site")),
    )


def _snow_rule(table: SnowTable) -> SnowRule:
    return SnowRule(
        zeros=tuple(sorted((_day(text), zero_m) for text, zero_m in table.zero_m.items())),
        season=None if table.season is None else (_day(table.season[0]), _day(table.season[1])),
        dead_band_m=table.dead_band_m,
    )


def _day(text: str) -> MonthDay:
    return int(text[:2]), int(text[3:])


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _zone(site: Any) -> str:
    """Return the site's zone; a wrong one is told where it stands."""
    zone = site.get("zone") if isinstance(site, dict) else None
    return zone if isinstance(zone, str) and zone in zoneinfo.available_timezones() else Deriving().zone
