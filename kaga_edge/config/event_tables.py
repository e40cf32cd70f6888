"""``[sensor.event]``: when to measure and send faster."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from kaga_edge.config.faults import Code
from kaga_edge.config.lines import Path
from kaga_edge.config.models import Duration, Table
from kaga_edge.config.tables import Desk
from kaga_edge.config.units import UnitFault, seconds
from kaga_edge.core.eventmode import PROFILES, QUIET_EVERY_S, QUIET_SEND_S, EventRule
from kaga_edge.text import Phrase

_RISE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(m|cm)?\s*/\s*([0-9.]+\s*[A-Za-z]+)\s*")
PER_UNIT = {None: 1.0, "m": 1.0, "cm": 0.01}


def _rise(value: object) -> tuple[float, float]:
    """Return "0.10m/10m" (a rise of 10 cm within ten minutes) as (metres, seconds)."""
    found = _RISE.fullmatch(value) if isinstance(value, str) else None
    if found is None or float(found[1]) == 0:  # it would never end
        raise UnitFault(Code.VALUE, reason=Phrase("event.rise"))
    size, unit, span = found.groups()
    return float(size) * PER_UNIT[unit], seconds(span)


Rise = Annotated[
    tuple[float, float],
    BeforeValidator(_rise),
    WithJsonSchema({"type": "string", "pattern": "^[0-9.]+ *(m|cm)? */ *[0-9.]+(s|m|min|h)$"}),
]


class EventTable(Table):
    """``[sensor.event]``: a cause (``rise``, ``level``, or a rank of the thresholds) and the periods."""

    profile: Literal["crisis_flashy", "crisis_medium", "crisis_large"] | None = None
    rise: Rise | None = None
    level: float | None = None
    hysteresis: float = Field(default=0.05, ge=0)
    every_s: Duration | None = Field(default=None, alias="every")
    send_s: Duration | None = Field(default=None, alias="send")
    calm_s: Duration = Field(default=1800.0, alias="calm")


def event_rule(
    desk: Desk, table: EventTable | None, every_s: float, shortest_s: float, path: Path
) -> EventRule | None:
    """Return the rule, with the profile's periods where none are given; note what cannot be."""
    if table is None:
        return None
    where = (*path, "event")
    usual_s = None if table.profile is None else PROFILES[table.profile]
    event_s = table.every_s or usual_s
    if event_s is None:
        desk.fault((*where, "every"), Code.MISSING_KEY, name="every")
        return None
    if table.profile is not None and table.level is None:
        desk.fault((*where, "level"), Code.MISSING_KEY, name="level")
    if table.profile is not None and every_s > QUIET_EVERY_S:
        desk.fault((*path, "every"), Code.VALUE, reason=Phrase("event.quiet_every"))
    if event_s > every_s:
        desk.fault((*where, "every"), Code.VALUE, reason=Phrase("event.slower"))
    if event_s < shortest_s:
        desk.fault((*where, "every"), Code.EVERY_TOO_SHORT, shortest=f"{shortest_s:g}s")
    rise, over_s = table.rise or (None, 600.0)
    if rise is not None and over_s < every_s:
        desk.fault((*where, "rise"), Code.VALUE, reason=Phrase("event.rise_short"))
    return EventRule(
        every_s=event_s,
        send_s=table.send_s or usual_s or event_s,
        rise=rise,
        rise_over_s=over_s,
        level=table.level,
        hysteresis=table.hysteresis,
        calm_s=table.calm_s,
        quiet_send_s=None if table.profile is None else QUIET_SEND_S,
    )
