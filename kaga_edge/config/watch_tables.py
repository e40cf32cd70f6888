"""The tables of rules over several values: ``[sensor.stranding]``, ``[sensor.icing]``, ``[[site.check]]``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from kaga_edge.config.faults import Code
from kaga_edge.config.lines import Path
from kaga_edge.config.models import CheckTable, Duration, Id, Table
from kaga_edge.config.tables import Desk
from kaga_edge.config.values import SensorConfig
from kaga_edge.core.crosschecks import CrossCheck, FloatCheck, FrostTipsCheck, LevelsCheck, SnowWarmCheck
from kaga_edge.core.icing import Icing
from kaga_edge.core.siting import sited_quantities
from kaga_edge.core.stranding import Stranding
from kaga_edge.core.watching import Watch
from kaga_edge.text import Phrase
from kaga_edge.vocabulary.quantities import BY_CHANNEL, Quantity


class StrandingTable(Table):
    """``[sensor.stranding]`` of a vehicle detector; an empty table is the usual rules."""

    occupancy: float = Field(default=0.95, gt=0, le=1)
    standing_s: Duration = Field(default=180.0, alias="standing")
    moving_s: Duration = Field(default=300.0, alias="moving")
    slow_kph: float = Field(default=10.0, gt=0)
    flow_share: float = Field(default=0.25, gt=0, lt=1)
    snowfall_m_h: float = Field(default=0.03, gt=0)
    downstream: Id | None = None
    excess_per_5min: float | None = Field(default=None, gt=0)
    gathering_s: Duration = Field(default=600.0, alias="gathering")
    snow_from: Id | None = None
    road_from: Id | None = None
    usual_per_hour: tuple[float, ...] | None = Field(default=None, min_length=24, max_length=24)


class IcingTable(Table):
    """``[sensor.icing]`` of a sensor that measures the road's surface; an empty table is the usual rule."""

    at_or_below_c: float = 0.0
    hysteresis_c: float = Field(default=1.0, ge=0)
    air_from: Id | None = None
    rain_from: Id | None = None
    snow_from: Id | None = None


def sensor_watches(
    sensor: str, every_s: float, stranding: StrandingTable | None, icing: IcingTable | None
) -> tuple[Watch, ...]:
    """Return the rules that one sensor's tables ask for."""
    rules: list[Watch] = []
    if stranding is not None:
        given = {key: value for key, value in dict(stranding).items() if value is not None}
        rules.append(Stranding(sensor=sensor, every_s=every_s, **given))
    if icing is not None:
        rules.append(Icing(sensor=sensor, **dict(icing)))
    return tuple(rules)


def check_watches(desk: Desk, sensors: Iterable[tuple[int, SensorConfig]]) -> None:
    """Note rules whose sensors are not there or do not measure what the rule needs."""
    found = dict(sensors)
    by_id = {one.id: one for one in found.values()}
    for index, sensor in found.items():
        for rule in sensor.watches:
            table = "stranding" if isinstance(rule, Stranding) else "icing"
            for key, source, quantity in _needs(rule):
                path: Path = ("sensor", index, table, key) if key else ("sensor", index, table)
                _check_source(desk, by_id, path, source, quantity)


def site_checks(
    desk: Desk, tables: tuple[CheckTable, ...], sensors: Iterable[SensorConfig]
) -> tuple[CrossCheck, ...]:
    """Return the checks written down, and those that follow from what is there."""
    by_id = {one.id: one for one in sensors}
    written = tuple(_check(desk, by_id, one, ("site", "check", at)) for at, one in enumerate(tables))
    checks = tuple(one for one in written if one is not None)
    known = {(one.kind, one.one) for one in checks}
    return (*checks, *(one for one in _automatic(by_id) if (one.kind, one.one) not in known))


def _needs(rule: Watch) -> tuple[tuple[str, str | None, Quantity], ...]:
    if isinstance(rule, Stranding):
        return (
            ("", rule.sensor, Quantity.OCCUPANCY_RATIO),
            ("downstream", rule.downstream, Quantity.VEHICLE_COUNT),
            ("snow_from", rule.snow_from, Quantity.SNOW_DEPTH_M),
            ("road_from", rule.road_from, Quantity.SURFACE_TEMPERATURE_C),
        )
    assert isinstance(rule, Icing)
    return (
        ("", rule.sensor, Quantity.SURFACE_TEMPERATURE_C),
        ("air_from", rule.air_from, Quantity.RELATIVE_HUMIDITY_PCT),
        ("rain_from", rule.rain_from, Quantity.RAIN_MM),
        ("snow_from", rule.snow_from, Quantity.SNOW_DEPTH_M),
    )


def _check(desk: Desk, by_id: dict[str, SensorConfig], table: CheckTable, path: Path) -> CrossCheck | None:
    kind = _KINDS[table.kind]
    if table.kind == "float" and table.height_m is None:
        desk.fault(path, Code.MISSING_KEY, name="height_m")
        return None
    given = {
        key: value
        for key in ("height_m", "apart_m", "above_c", "below_c")
        if (value := getattr(table, key)) is not None
    }
    for key in given:
        if key not in kind.__dataclass_fields__:
            desk.fault((*path, key), Code.UNKNOWN_KEY, name=key, valid=", ".join(_OWN_KEYS[table.kind]))
            return None
    if table.sensor == table.against and kind.channel == kind.other_channel:
        desk.fault((*path, "against"), Code.VALUE, reason=Phrase("check.itself"))
        return None
    for key, name, channel in (
        ("sensor", table.sensor, kind.channel),
        ("against", table.against, kind.other_channel),
    ):
        if not _check_source(desk, by_id, (*path, key), name, BY_CHANNEL[channel]):
            return None
    if table.hold_s is not None:
        given["raise_s"] = table.hold_s
    return kind(one=table.sensor, other=table.against, **given)


def _automatic(by_id: dict[str, SensorConfig]) -> tuple[CrossCheck, ...]:
    """Snow against the thermometer; rain only where the gauge names one: a heated gauge tips in frost."""
    thermometers = [one.id for one in by_id.values() if Quantity.AIR_TEMPERATURE_C in _measured(one)]
    alone = thermometers[0] if len(thermometers) == 1 else None
    checks: list[CrossCheck] = []
    for one in by_id.values():
        named = one.mount.temperature_from
        air = named or alone
        if air in thermometers and Quantity.SNOW_DEPTH_M in _measured(one):
            checks.append(SnowWarmCheck(one=one.id, other=str(air)))
        if named in thermometers and Quantity.RAIN_MM in _measured(one):
            checks.append(FrostTipsCheck(one=one.id, other=str(named)))
    return tuple(checks)


def _check_source(
    desk: Desk, by_id: dict[str, SensorConfig], path: Path, name: str | None, quantity: Quantity
) -> bool:
    if name is None:
        return True
    if name not in by_id:
        if name not in desk.written_ids():  # else its own faults are told
            desk.fault(path, Code.NO_SUCH_SENSOR, id=name, valid=", ".join(sorted(desk.written_ids())))
        return False
    if quantity not in _measured(by_id[name]):
        desk.fault(path, Code.WRONG_SOURCE, id=name, quantity=quantity.channel)
        return False
    return True


def _measured(sensor: SensorConfig) -> tuple[Quantity, ...]:
    return sited_quantities(sensor.mount, tuple(sensor.driver_class(sensor.options).quantities))


_KINDS: dict[Literal["float", "levels", "snow-warm", "frost-tips"], type[CrossCheck]] = {
    "float": FloatCheck,
    "levels": LevelsCheck,
    "snow-warm": SnowWarmCheck,
    "frost-tips": FrostTipsCheck,
}
_OWN_KEYS = {
    "float": ("height_m",),
    "levels": ("apart_m",),
    "snow-warm": ("above_c",),
    "frost-tips": ("below_c",),
}
