"""Where a sensor hangs: I2C address, serial port, Modbus unit, 1-wire id or GPIO lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kaga_edge.config.characters import first_odd
from kaga_edge.config.faults import Code
from kaga_edge.config.lines import Path
from kaga_edge.config.sensor_tables import BUS_KEYS, I2cTable, SensorTable, foreign_keys
from kaga_edge.config.tables import Desk
from kaga_edge.config.units import UnitFault, serial_line
from kaga_edge.config.values import (
    Attachment,
    GpioLines,
    HostItself,
    I2cAddress,
    ModbusAddress,
    OnewireDevice,
    SerialPort,
)
from kaga_edge.vocabulary.drivers import Model
from kaga_edge.vocabulary.requests import BusKind, SerialLine


def check_bus_keys(desk: Desk, model: Model, entry: Mapping[str, Any], path: Path) -> None:
    """Note bus keys of another kind of bus, and missing ones of this."""
    for key in sorted(foreign_keys(model) & entry.keys()):
        needed = ", ".join(sorted(BUS_KEYS[model.bus])) or "gpio"
        desk.fault((*path, key), Code.WRONG_BUS, name=key, bus=model.bus.value, needed=needed)
    for key in sorted((BUS_KEYS[model.bus] - {"serial"}) - entry.keys() - desk.documents.left_out):
        desk.fault((*path, key), Code.MISSING_KEY, name=key)


def attachment(desk: Desk, model: Model, table: SensorTable, path: Path) -> Attachment | None:
    """Return where the sensor hangs, None when the keys do not say (noted)."""
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
    if not table.port.startswith("/") or first_odd(table.port):
        desk.fault((*path, "port"), Code.BAD_PORT, port=table.port)
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
        given = "-" if address is None else f"0x{address:02X} ({address})"
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


def gpio_in_range(desk: Desk, given: Mapping[str, Any], path: Path) -> bool:
    """Tell whether every GPIO exists; a header pin is told its GPIO."""
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
