"""One ``[[sensor]]`` table to one ``SensorConfig``: common keys, the driver's own options, the siting."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from kaga_edge.config.derived_tables import deriving_of
from kaga_edge.config.event_tables import event_rule
from kaga_edge.config.faults import Code
from kaga_edge.config.limits import default_limits
from kaga_edge.config.lines import Path
from kaga_edge.config.sensor_tables import (
    COMMON_KEYS,
    CalibrationTable,
    LimitsTable,
    QualityTable,
    SensorTable,
    ThresholdTable,
    foreign_keys,
)
from kaga_edge.config.tables import Desk, read_dataclass, read_table, unknown_key
from kaga_edge.config.values import Disclosure, SensorConfig, Thresholds
from kaga_edge.config.watch_tables import sensor_watches
from kaga_edge.config.wiring import attachment, check_bus_keys, gpio_in_range
from kaga_edge.core import burst
from kaga_edge.core.calibration import BARE_GROUND, Correction, raw_of
from kaga_edge.core.deriving import Deriving
from kaga_edge.core.grading import Limits, SeasonLimits
from kaga_edge.core.local import MonthDay
from kaga_edge.core.siting import Mount, sited_quantities
from kaga_edge.sensors import driver_names, load
from kaga_edge.text import Phrase
from kaga_edge.vocabulary.drivers import Model
from kaga_edge.vocabulary.errors import KagaError
from kaga_edge.vocabulary.quantities import BY_CHANNEL, Quantity
from kaga_edge.vocabulary.requests import BusKind, UartFrames

RANKS = ("standby", "caution", "evacuation", "danger", "levee")  # rivers, lowest first
SNOW_RANKS = ("caution", "warning")


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverParts:
    """The three names of a sensor module."""

    model: Model
    options: type[Any]
    driver: type[Any]


def driver_parts(name: str) -> DriverParts:
    """Import one driver. The name must be one of ``driver_names()``."""
    module = load(name)
    return DriverParts(model=module.MODEL, options=module.Options, driver=module.Driver)


def read_sensor(desk: Desk, entry: object, path: Path) -> SensorConfig | None:
    """Return one sensor, or None with every fault of its table noted."""
    if not isinstance(entry, dict):
        read_table(desk, SensorTable, entry, path)
        return None
    faults_before = len(desk.notes.faults)
    parts = _driver_of(desk, entry, path)
    common = {key: value for key, value in entry.items() if key in COMMON_KEYS - {"mount"}}
    table = read_table(desk, SensorTable, common, path) or _right_part(common)
    mount = read_dataclass(desk, Mount, entry.get("mount", {}), (*path, "mount"))
    if "disclosure" not in entry and not desk.documents.left_out:
        desk.fault(path, Code.NO_DISCLOSURE)
    if parts is None:
        return None
    options = _options(desk, parts, entry, path)
    check_bus_keys(desk, parts.model, entry, path)
    bus = attachment(desk, parts.model, table, path)
    if table.every_s < parts.model.shortest_every_s:
        desk.fault((*path, "every"), Code.EVERY_TOO_SHORT, shortest=f"{parts.model.shortest_every_s:g}s")
    if mount is None or options is None:
        return None
    quantities = _sited(desk, parts, options, mount, path)
    quantities += _burst(desk, parts, options, table, quantities, path)
    deriving = deriving_of(desk, table.snow, table.rain, quantities, path)
    deriving = _with_learned_zero(desk, deriving, table.calibration, path)
    quantities += deriving.quantities
    event = event_rule(desk, table.event, table.every_s, parts.model.shortest_every_s, path)
    limits = _limits(desk, table.quality, quantities, path)
    thresholds = _thresholds(desk, table.thresholds, (*path, "thresholds"))
    alarms = _alarms(desk, table.alarms, quantities, path)
    corrections = _corrections(desk, table.calibration, quantities, deriving.zone, path)
    if len(desk.notes.faults) > faults_before or bus is None or table.disclosure is None:
        return None
    return SensorConfig(
        id=table.id,
        driver=table.driver,
        every_s=table.every_s,
        bus=bus,
        options=options,
        driver_class=parts.driver,
        model=parts.model,
        mount=mount,
        limits=limits,
        thresholds=thresholds,
        disclosure=Disclosure(**dict(table.disclosure)),
        hysteresis=table.thresholds.hysteresis,
        alarms=alarms,
        watches=sensor_watches(table.id, table.every_s, table.stranding, table.icing),
        burst_s=table.burst_s,
        corrections=corrections,
        seasons=_seasons(table.quality, limits),
        deriving=deriving,
        event=event,
    )


def _right_part(common: Mapping[str, Any]) -> SensorTable:
    """Return the table without its wrong keys, so that one fault does not hide the others."""
    right: dict[str, Any] = {"id": "x", "driver": "x"}
    for key, value in common.items():
        try:
            SensorTable.model_validate_json(json.dumps(right | {key: value}, default=str))
        except ValidationError:
            continue
        right[key] = value
    return SensorTable.model_validate_json(json.dumps(right, default=str))


def _sited(desk: Desk, parts: DriverParts, options: Any, mount: Mount, path: Path) -> tuple[Quantity, ...]:
    try:
        quantities = tuple(parts.driver(options).quantities)
    except (ValueError, KagaError) as error:  # options that do not go together
        desk.fault(path, Code.VALUE, reason=str(error))
        return ()
    check_mount(desk, quantities, mount, path)
    return sited_quantities(mount, quantities)


def _burst(
    desk: Desk,
    parts: DriverParts,
    options: Any,
    table: SensorTable,
    quantities: tuple[Quantity, ...],
    path: Path,
) -> tuple[Quantity, ...]:
    """Return the channels a burst adds; note one that the instrument cannot give."""
    if table.burst_s is None:
        return ()
    talks = parts.model.bus is BusKind.UART and Quantity.SURFACE_DISTANCE_M in quantities
    if not talks or not isinstance(next(parts.driver(options).measure(), None), UartFrames):
        desk.fault((*path, "burst"), Code.VALUE, reason=Phrase("burst.distance_only"))
    elif table.burst_s > table.every_s:
        desk.fault((*path, "burst"), Code.VALUE, reason=Phrase("burst.too_long"))
    return burst.ADDED


# --- driver and options ---


def _driver_of(desk: Desk, entry: Mapping[str, Any], path: Path) -> DriverParts | None:
    name = entry.get("driver")
    if not isinstance(name, str):
        return None  # missing or of the wrong type: said by the table
    names = driver_names()
    if name in names:
        return driver_parts(name)
    import difflib  # only a wrong file needs it

    near = difflib.get_close_matches(name.lower().replace("-", "_"), names, n=3, cutoff=0.0)
    desk.fault((*path, "driver"), Code.UNKNOWN_DRIVER, name=name, near=", ".join(near))
    return None


def _options(desk: Desk, parts: DriverParts, entry: Mapping[str, Any], path: Path) -> Any:
    own = {one.name for one in fields(parts.options)}
    for key in entry:
        if key not in own and key not in COMMON_KEYS:
            unknown_key(desk, (*path, key), own | COMMON_KEYS - foreign_keys(parts.model))
    given = {key: value for key, value in entry.items() if key in own}
    if not gpio_in_range(desk, given, path):
        return None
    return read_dataclass(desk, parts.options, given, path)


# --- siting, limits, thresholds ---


def check_mount(desk: Desk, quantities: tuple[Quantity, ...], mount: Mount, path: Path) -> None:
    """Note what the siting of these quantities needs and the mount does not say."""
    where = (*path, "mount")
    if Quantity.SURFACE_DISTANCE_M in quantities:
        given = [mount.gauge_zero_to_sensor_m, mount.ground_to_sensor_m].count(None)
        if given == 2:  # neither
            names = "gauge_zero_to_sensor_m / ground_to_sensor_m"
            desk.fault(where, Code.MOUNT_MISSING, name=names, quantity=Quantity.SURFACE_DISTANCE_M.channel)
        elif given == 0:
            desk.fault(where, Code.MOUNT_BOTH)
    if Quantity.WATER_PRESSURE_HPA in quantities and mount.air_pressure_from is None:
        desk.warn(where, Code.NO_BAROMETER)


def _limits(
    desk: Desk, given: Mapping[str, QualityTable], quantities: tuple[Quantity, ...], path: Path
) -> dict[str, Limits]:
    channels = [one.channel for one in quantities]
    for channel in given:
        if channel not in channels:
            desk.fault(
                (*path, "quality", channel), Code.UNKNOWN_CHANNEL, name=channel, valid=", ".join(channels)
            )
    return {channel: _merged(default_limits(BY_CHANNEL[channel]), given.get(channel)) for channel in channels}


def _with_learned_zero(
    desk: Desk, deriving: Deriving, entries: tuple[CalibrationTable, ...], path: Path
) -> Deriving:
    """Return it with the zero last found on bare ground and not taken back."""
    zeros = [(at, one) for at, one in enumerate(entries) if one.method == BARE_GROUND and one.undone is None]
    if deriving.snow is None or not zeros:
        return deriving
    at, last = zeros[-1]
    due_ms = _due_ms(desk, last, deriving.zone, (*path, "calibration", at, "due"))
    snow = replace(deriving.snow, learned_m=-last.offset, learned_on=last.at[:10], due_ms=due_ms)
    return replace(deriving, snow=snow)


def _due_ms(desk: Desk, entry: CalibrationTable, zone: str, path: Path) -> int | None:
    """Return the end of the last day a calibration is good for, as UTC ms."""
    if entry.due is None:
        return None
    try:
        day = datetime.fromisoformat(entry.due).replace(tzinfo=ZoneInfo(zone))
    except ValueError:
        desk.fault(path, Code.VALUE, reason=Phrase("date.no_such_day"))
        return None
    return int((day + timedelta(days=1)).timestamp() * 1000)


def _corrections(
    desk: Desk,
    entries: tuple[CalibrationTable, ...],
    quantities: tuple[Quantity, ...],
    zone: str,
    path: Path,
) -> tuple[Correction, ...]:
    """Return the line in force of each channel: of its last entry that was not taken back."""
    channels = [one.channel for one in quantities if raw_of(one)]
    lines: dict[str, Correction] = {}
    for at, entry in enumerate(entries):
        if entry.method == BARE_GROUND:
            continue
        if entry.channel not in channels:
            where = (*path, "calibration", at, "channel")
            desk.fault(where, Code.UNKNOWN_CHANNEL, name=entry.channel, valid=", ".join(channels))
        elif entry.undone is None:
            lines[entry.channel] = Correction(
                channel=entry.channel,
                gain=entry.gain,
                offset=entry.offset,
                on=entry.at[:10],
                due=entry.due,
                due_ms=_due_ms(desk, entry, zone, (*path, "calibration", at, "due")),
            )
    return tuple(lines.values())


def _alarms(
    desk: Desk, given: Mapping[str, ThresholdTable], quantities: tuple[Quantity, ...], path: Path
) -> dict[str, Thresholds]:
    channels = [one.channel for one in quantities]
    for channel in given:
        if channel not in channels:
            where = (*path, "alarms", channel)
            desk.fault(where, Code.UNKNOWN_CHANNEL, name=channel, valid=", ".join(channels))
    return {
        channel: Thresholds(
            by_rank=_thresholds(desk, table, (*path, "alarms", channel)), hysteresis=table.hysteresis
        )
        for channel, table in given.items()
    }


def _merged(limits: Limits, given: LimitsTable | None) -> Limits:
    if given is None:
        return limits
    names = given.model_fields_set - {"season", "between"}
    return replace(limits, **{name: getattr(given, name) for name in names})


def _month_day(text: str) -> MonthDay:
    month, _, day = text.partition("-")
    return int(month), int(day)


def _seasons(given: Mapping[str, QualityTable], limits: Mapping[str, Limits]) -> tuple[SeasonLimits, ...]:
    """Return the limits of seasons, each on top of the channel's limits of the year."""
    return tuple(
        SeasonLimits(
            channel=channel,
            between=(_month_day(season.between[0]), _month_day(season.between[1])),
            limits=_merged(limits[channel], season),
        )
        for channel, table in given.items()
        if channel in limits
        for season in table.season
    )


def _thresholds(desk: Desk, table: ThresholdTable, path: Path) -> dict[str, float]:
    given = {rank: value for rank in (*RANKS, "warning") if (value := getattr(table, rank)) is not None}
    for ranks in (RANKS, SNOW_RANKS):
        ordered = [rank for rank in ranks if rank in given]
        for lower, higher in itertools.pairwise(ordered):
            if given[lower] > given[higher]:
                desk.fault(
                    (*path, lower),
                    Code.THRESHOLD_ORDER,
                    lower=lower,
                    low=given[lower],
                    higher=higher,
                    high=given[higher],
                    order=" <= ".join(ranks),
                )
    return dict(sorted(given.items(), key=lambda item: item[1]))
