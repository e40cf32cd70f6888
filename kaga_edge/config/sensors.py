"""One ``[[sensor]]`` table to one ``SensorConfig``: common keys, the driver's own options, the siting."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from pydantic import ValidationError

from kaga_edge.config.corrections import corrections_of, with_learned_zero
from kaga_edge.config.derived_tables import deriving_of
from kaga_edge.config.event_tables import event_rule
from kaga_edge.config.faults import Code
from kaga_edge.config.limits import limits_on_site
from kaga_edge.config.lines import Path
from kaga_edge.config.sensor_tables import (
    COMMON_KEYS,
    SensorTable,
    foreign_keys,
)
from kaga_edge.config.tables import Desk, read_dataclass, read_table, unknown_key
from kaga_edge.config.thresholds import (
    alarms_of,
    check_order,
    limits_of,
    seasons_of,
    thresholds_of,
    warn_of_thresholds,
)
from kaga_edge.config.values import Disclosure, SensorConfig
from kaga_edge.config.watch_tables import sensor_watches
from kaga_edge.config.wiring import attachment, check_bus_keys, gpio_in_range
from kaga_edge.core import burst
from kaga_edge.core.siting import Mount, sited_quantities
from kaga_edge.sensors import driver_names, load
from kaga_edge.text import Phrase
from kaga_edge.vocabulary.drivers import Model
from kaga_edge.vocabulary.errors import KagaError
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.requests import BusKind, UartFrames


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
    if _adds_to_nothing(desk, entry, path):
        return None
    faults_before = len(desk.notes.faults)
    parts = _driver_of(desk, entry, path)
    common = {key: value for key, value in entry.items() if key in COMMON_KEYS - {"mount"}}
    table = read_table(desk, SensorTable, common, path) or _right_part(common)
    check_order(desk, entry, path)
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
    deriving = with_learned_zero(desk, deriving, table.calibration, path)
    quantities += deriving.quantities
    event = event_rule(desk, table.event, table.every_s, parts.model.shortest_every_s, path)
    watched = quantities[0].channel if quantities else ""  # contradicting options: a fault already
    thresholds = thresholds_of(desk, table.thresholds, watched, (*path, "thresholds"))
    nearest_m = getattr(options, "nearest_mm", 0) / 1000
    warn_of_thresholds(desk, thresholds, mount, nearest_m, (*path, "thresholds"))
    levee_m, every_s = thresholds.get("levee"), table.every_s
    usual = {
        one: limits_on_site(one, mount, nearest_m=nearest_m, levee_m=levee_m, every_s=every_s)
        for one in quantities
    }
    limits = limits_of(desk, table.quality, usual, path)
    alarms = alarms_of(desk, table.alarms, quantities, path)
    corrections = corrections_of(desk, table.calibration, quantities, deriving.zone, path)
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
        seasons=seasons_of(table.quality, limits),
        deriving=deriving,
        event=event,
    )


def _adds_to_nothing(desk: Desk, entry: Mapping[str, Any], path: Path) -> bool:
    """Note a part in conf.d that means a sensor which is nowhere else: its id is misspelt."""
    if "driver" in entry or desk.documents.place(path)[0] == desk.documents.main or "id" not in entry:
        return False
    whole = [str(other.get("id")) for _, other in desk.entries() if "driver" in other]
    if not whole:
        return False
    desk.fault((*path, "id"), Code.NO_SUCH_SENSOR, id=str(entry["id"]), valid=", ".join(whole))
    return True


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
    more = burst.added(tuple(parts.driver(options).quantities)) if quantities else ()
    if not more or not _gives_bursts(parts, options):
        desk.fault((*path, "burst"), Code.VALUE, reason=Phrase("burst.levels_only"))
    elif table.burst_s > table.every_s:
        desk.fault((*path, "burst"), Code.VALUE, reason=Phrase("burst.too_long"))
    elif parts.model.bus is not BusKind.UART and table.burst_s < burst.FEWEST * burst.SPACING_S:
        desk.fault((*path, "burst"), Code.VALUE, reason=Phrase("burst.too_short"))
    return more


def _gives_bursts(parts: DriverParts, options: Any) -> bool:
    """Say whether an instrument talks by itself, or may be asked once a second on a bus of many."""
    if parts.model.bus is BusKind.UART:
        return isinstance(next(parts.driver(options).measure(), None), UartFrames)
    return (
        parts.model.bus in (BusKind.I2C, BusKind.MODBUS) and parts.model.shortest_every_s <= burst.SPACING_S
    )


# --- driver and options ---


def _driver_of(desk: Desk, entry: Mapping[str, Any], path: Path) -> DriverParts | None:
    name = entry["driver"] if "driver" in entry else _misspelt_driver(desk, entry, path)
    if not isinstance(name, str):
        return None  # missing or of the wrong type: said by the table
    names = driver_names()
    if name in names:
        return driver_parts(name)
    import difflib  # only a wrong file needs it

    near = difflib.get_close_matches(name.lower().replace("-", "_"), names, n=3, cutoff=0.0)
    desk.fault((*path, "driver"), Code.UNKNOWN_DRIVER, name=name, near=", ".join(near))
    return None


def _misspelt_driver(desk: Desk, entry: Mapping[str, Any], path: Path) -> object:
    """Return what stands under Driver, drvier and the like, and note that key."""
    import difflib  # only a wrong file needs it

    others = {key.lower(): key for key in entry if key not in COMMON_KEYS}
    near = difflib.get_close_matches("driver", others, n=1, cutoff=0.75)
    if not near:
        return None
    unknown_key(desk, (*path, others[near[0]]), ("driver",))
    return entry[others[near[0]]]


def _options(desk: Desk, parts: DriverParts, entry: Mapping[str, Any], path: Path) -> Any:
    own = {one.name for one in fields(parts.options)}
    for key in entry:
        if key not in own and key not in COMMON_KEYS:
            unknown_key(desk, (*path, key), own | COMMON_KEYS - foreign_keys(parts.model))
    given = {key: value for key, value in entry.items() if key in own}
    if not gpio_in_range(desk, given, path):
        return None
    return read_dataclass(desk, parts.options, given, path)


# --- siting ---


def check_mount(desk: Desk, quantities: tuple[Quantity, ...], mount: Mount, path: Path) -> None:
    """Note what the siting of these quantities needs and the mount does not say."""
    where = (*path, "mount")
    if Quantity.SURFACE_DISTANCE_M in quantities:
        given = [mount.gauge_zero_to_sensor_m, mount.ground_to_sensor_m].count(None)
        unread = {"gauge_zero_to_sensor_m", "ground_to_sensor_m", "*"} & desk.documents.left_out
        if given == 2 and not unread:  # neither
            names = "gauge_zero_to_sensor_m / ground_to_sensor_m"
            desk.fault(where, Code.MOUNT_MISSING, name=names, quantity=Quantity.SURFACE_DISTANCE_M.channel)
        elif given == 0:
            desk.fault(where, Code.MOUNT_BOTH)
    if Quantity.WATER_PRESSURE_HPA in quantities and mount.air_pressure_from is None:
        desk.warn(where, Code.NO_BAROMETER)
