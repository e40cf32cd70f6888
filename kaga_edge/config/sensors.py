"""One ``[[sensor]]`` table to one ``SensorConfig``: common keys, the driver's own options, the siting."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError

from kaga_edge.config.faults import Code
from kaga_edge.config.limits import default_limits
from kaga_edge.config.lines import Path
from kaga_edge.config.models import (
    Attachment,
    Disclosure,
    Duration,
    GpioLines,
    HostItself,
    I2cAddress,
    Id,
    ModbusAddress,
    OnewireDevice,
    Rate,
    SensorConfig,
    SerialPort,
    Table,
)
from kaga_edge.config.tables import Desk, read_dataclass, read_table, unknown_key
from kaga_edge.config.units import UnitFault, serial_line
from kaga_edge.core.grading import Limits
from kaga_edge.core.siting import Mount, sited_quantities
from kaga_edge.sensors import driver_names, load
from kaga_edge.vocabulary.drivers import Model
from kaga_edge.vocabulary.errors import KagaError
from kaga_edge.vocabulary.quantities import BY_CHANNEL, Quantity
from kaga_edge.vocabulary.requests import BusKind, SerialLine

RANKS = ("standby", "caution", "evacuation", "danger", "levee")  # rivers, lowest first
SNOW_RANKS = ("caution", "warning")


class I2cTable(Table):
    """``i2c = { bus = 1, address = 0x76 }``; without an address the model's usual one."""

    bus: int = Field(default=1, ge=0, le=63)
    address: int | None = Field(default=None, ge=0x08, le=0x77)


class QualityTable(Table):
    """``[sensor.quality.CHANNEL]``: what is given replaces that default."""

    gross_fail: tuple[float, float] | None = None
    gross_suspect: tuple[float, float] | None = None
    rate_suspect_per_s: Rate | None = Field(default=None, alias="rate_suspect")
    rate_fail_per_s: Rate | None = Field(default=None, alias="rate_fail")
    spike_suspect: float | None = Field(default=None, gt=0)
    spike_fail: float | None = Field(default=None, gt=0)
    flat_tolerance: float | None = Field(default=None, ge=0)
    flat_suspect_s: Duration | None = Field(default=None, alias="flat_suspect")
    flat_fail_s: Duration | None = Field(default=None, alias="flat_fail")


class ThresholdTable(Table):
    """``[sensor.thresholds]``: alarm ranks in the channel's unit; a value equal to one has reached it."""

    standby: float | None = None
    caution: float | None = None
    evacuation: float | None = None
    danger: float | None = None
    levee: float | None = None
    warning: float | None = None  # snow


def _onewire_id(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"[0-9a-f]{2}-[0-9a-f]{12}", value):
        raise UnitFault(Code.BAD_ONEWIRE, value=value)
    return value


Onewire = Annotated[str, BeforeValidator(_onewire_id)]


class SensorTable(Table):
    """The keys of ``[[sensor]]`` that every driver shares (mount and the driver's own come apart)."""

    id: Id
    driver: str
    every_s: Duration = Field(default=60.0, alias="every")
    i2c: I2cTable | None = None
    port: str | None = None
    serial: str | None = None
    modbus_id: int | None = Field(default=None, ge=1, le=247)
    onewire: Onewire | None = None
    quality: dict[str, QualityTable] = Field(default_factory=dict)
    thresholds: ThresholdTable = Field(default_factory=ThresholdTable)
    disclosure: Disclosure | None = None


COMMON_KEYS = frozenset(one.alias or name for name, one in SensorTable.model_fields.items()) | {"mount"}
_BUS_KEYS = {
    BusKind.I2C: {"i2c"},
    BusKind.UART: {"port", "serial"},
    BusKind.MODBUS: {"port", "serial", "modbus_id"},
    BusKind.GPIO: set(),
    BusKind.ONEWIRE: {"onewire"},
    BusKind.HOST: set(),
}
_ALL_BUS_KEYS = {"i2c", "port", "serial", "modbus_id", "onewire"}


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
    _check_bus_keys(desk, parts.model, entry, path)
    bus = _attachment(desk, parts.model, table, path)
    if table.every_s < parts.model.shortest_every_s:
        desk.fault((*path, "every"), Code.EVERY_TOO_SHORT, shortest=f"{parts.model.shortest_every_s:g}s")
    if mount is None or options is None:
        return None
    quantities = _sited(desk, parts, options, mount, path)
    limits = _limits(desk, table.quality, quantities, path)
    thresholds = _thresholds(desk, table.thresholds, path)
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
        disclosure=table.disclosure,
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
            unknown_key(desk, (*path, key), own | COMMON_KEYS - _foreign_keys(parts.model))
    given = {key: value for key, value in entry.items() if key in own}
    if not _gpio_in_range(desk, given, path):
        return None
    return read_dataclass(desk, parts.options, given, path)


# Header pin -> GPIO: people count pins along the header, the kernel counts lines of the chip.
HEADER_PINS = {
    3: 2, 5: 3, 7: 4, 8: 14, 10: 15, 11: 17, 12: 18, 13: 27, 15: 22, 16: 23, 18: 24, 19: 10, 21: 9, 22: 25,
    23: 11, 24: 8, 26: 7, 27: 0, 28: 1, 29: 5, 31: 6, 32: 12, 33: 13, 35: 19, 36: 16, 37: 26, 38: 20, 40: 21,
}  # fmt: skip
LAST_GPIO = 27


def gpio_options(entry: Mapping[str, Any]) -> dict[str, int]:
    """Return the keys of a sensor's table that name GPIO lines, with their numbers."""
    return {
        key: value
        for key, value in entry.items()
        if (key == "gpio" or key.startswith("gpio_"))
        and isinstance(value, int)
        and not isinstance(value, bool)
    }


def _gpio_in_range(desk: Desk, given: Mapping[str, Any], path: Path) -> bool:
    good = True
    for key, number in gpio_options(given).items():
        if 0 <= number <= LAST_GPIO:
            continue
        good = False
        if number in HEADER_PINS:
            desk.fault((*path, key), Code.GPIO_HEADER_PIN, gpio=number, right=HEADER_PINS[number], name=key)
        else:
            desk.fault((*path, key), Code.GPIO_RANGE, gpio=number)
    return good


# --- the wire ---


def _foreign_keys(model: Model) -> set[str]:
    return _ALL_BUS_KEYS - _BUS_KEYS[model.bus]


def _check_bus_keys(desk: Desk, model: Model, entry: Mapping[str, Any], path: Path) -> None:
    for key in sorted(_foreign_keys(model) & entry.keys()):
        needed = ", ".join(sorted(_BUS_KEYS[model.bus])) or "gpio"
        desk.fault((*path, key), Code.WRONG_BUS, name=key, bus=model.bus.value, needed=needed)
    for key in sorted((_BUS_KEYS[model.bus] - {"serial"}) - entry.keys() - desk.documents.left_out):
        desk.fault((*path, key), Code.MISSING_KEY, name=key)


def _attachment(desk: Desk, model: Model, table: SensorTable, path: Path) -> Attachment | None:
    if model.bus is BusKind.GPIO:
        return GpioLines()
    if model.bus is BusKind.HOST:
        return HostItself()
    if model.bus is BusKind.ONEWIRE:
        return None if table.onewire is None else OnewireDevice(device=table.onewire)
    if model.bus is BusKind.I2C:
        return None if table.i2c is None else _i2c(desk, model, table.i2c, path)
    line = _line(desk, model, table.serial, path)
    if table.port is None or line is None:
        return None
    if model.bus is BusKind.UART:
        return SerialPort(port=table.port, line=line)
    if table.modbus_id is None:
        return None
    return ModbusAddress(port=table.port, line=line, unit=table.modbus_id)


def _i2c(desk: Desk, model: Model, i2c: I2cTable, path: Path) -> I2cAddress | None:
    address = i2c.address
    if address is None and model.addresses:
        address = model.addresses[0]
    if address is None or (model.addresses and address not in model.addresses):
        offered = ", ".join(f"0x{one:02X}" for one in model.addresses)
        given = "-" if address is None else f"0x{address:02X}"
        desk.fault((*path, "i2c", "address"), Code.ADDRESS_NOT_OFFERED, address=given, offered=offered)
        return None
    return I2cAddress(bus=i2c.bus, address=address)


def _line(desk: Desk, model: Model, text: str | None, path: Path) -> SerialLine | None:
    if text is None:
        return model.line or SerialLine(baud=9600)
    try:
        return serial_line(text)
    except UnitFault as fault:
        desk.fault((*path, "serial"), fault.code, **fault.params)
        return None


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
    for quantity in (Quantity.WATER_PRESSURE_HPA, Quantity.GAUGE_PRESSURE_HPA):
        if quantity in quantities and mount.gauge_zero_to_probe_m is None:
            desk.fault(where, Code.MOUNT_MISSING, name="gauge_zero_to_probe_m", quantity=quantity.channel)
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


def _merged(limits: Limits, given: QualityTable | None) -> Limits:
    if given is None:
        return limits
    return replace(limits, **{name: getattr(given, name) for name in given.model_fields_set})


def _thresholds(desk: Desk, table: ThresholdTable, path: Path) -> dict[str, float]:
    given = {rank: value for rank in (*RANKS, "warning") if (value := getattr(table, rank)) is not None}
    for ranks in (RANKS, SNOW_RANKS):
        ordered = [rank for rank in ranks if rank in given]
        for lower, higher in itertools.pairwise(ordered):
            if given[lower] > given[higher]:
                desk.fault(
                    (*path, "thresholds", lower),
                    Code.THRESHOLD_ORDER,
                    lower=lower,
                    low=given[lower],
                    higher=higher,
                    high=given[higher],
                    order=" <= ".join(ranks),
                )
    return dict(sorted(given.items(), key=lambda item: item[1]))
