"""What only shows when all sensors lie side by side: two on one wire, a source that nobody measures.

These look at the tables as written, so that a fault elsewhere in a sensor does not hide a clash.
"""

from __future__ import annotations

import os
from pathlib import Path as File
from typing import Any

from kaga_edge.config.faults import Code
from kaga_edge.config.lines import Path
from kaga_edge.config.syntax import LISTS
from kaga_edge.config.tables import Desk
from kaga_edge.config.units import UnitFault, serial_line
from kaga_edge.config.values import SensorConfig
from kaga_edge.config.wiring import gpio_options
from kaga_edge.sensors import driver_names, load
from kaga_edge.text import Phrase
from kaga_edge.vocabulary.drivers import Model
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.requests import SerialLine

I2C_PINS = {1: {2: "SDA", 3: "SCL"}, 0: {0: "SDA", 1: "SCL"}}  # bus -> GPIO
ONEWIRE_GPIO = 4  # dtoverlay=w1-gpio without gpiopin=
UART_PORTS = {"/dev/ttyAMA0", "/dev/ttyS0", "/dev/serial0"}
ALIASES = {"/dev/serial0", "/dev/serial1"}  # a Pi's links: serial0 is ttyAMA0 or ttyS0, as it was set up
UART_PINS = {14: "TXD", 15: "RXD"}
BY_ID = File("/dev/serial/by-id")


def check_ids(desk: Desk) -> None:
    """No id twice within one file (in a later file it means the same sensor)."""
    for kind in LISTS:
        seen: dict[str, int] = {}
        for index, entry in desk.entries(kind):
            name, path = entry.get("id"), (kind, index, "id")
            if isinstance(name, str) and seen.setdefault(name, index) != index:
                other = desk.at((kind, seen[name], "id"), seen_from=path)
                desk.fault(path, Code.DUPLICATE_ID, id=name, other=other)


def check_i2c(desk: Desk) -> None:
    """One device an address; several inputs of one device are several sensors of one driver."""
    seen: dict[tuple[int, int], tuple[int, dict[str, Any]]] = {}
    for index, entry in desk.entries():
        i2c, model = entry.get("i2c"), _model(entry)
        usual = model.addresses[0] if model is not None and model.addresses else None
        address = i2c.get("address", usual) if isinstance(i2c, dict) else None
        if not isinstance(i2c, dict) or not isinstance(address, int):
            continue
        spot = (_bus(i2c), address)
        first, other = seen.setdefault(spot, (index, entry))
        if first == index or _two_inputs(other, entry):
            continue
        path = ("sensor", index, "i2c", "address")
        line = desk.at(("sensor", first, "i2c"), seen_from=path)
        names: dict[str, str | int | float] = {"one": _id(other), "two": _id(entry), "other": line}
        if {other.get("driver"), entry.get("driver")} == {"ms5837", "bme280"}:
            desk.fault(path, Code.CLASH_0X76, **names)
        else:
            desk.fault(path, Code.DUPLICATE_ADDRESS, address=f"0x{spot[1]:02X}", bus=spot[0], **names)


def _bus(i2c: dict[str, Any]) -> int:
    bus = i2c.get("bus", 1)
    return bus if isinstance(bus, int) else -1  # of the wrong type: said by the table


def _two_inputs(one: dict[str, Any], two: dict[str, Any]) -> bool:
    """Tell whether two tables are two inputs of one converter; the first is what a table without means."""
    same_converter = one.get("driver") == two.get("driver") == "ads1115"
    return same_converter and one.get("input", 0) != two.get("input", 0)


def check_onewire(desk: Desk) -> None:
    """One sensor a 1-wire device."""
    seen: dict[str, int] = {}
    for index, entry in desk.entries():
        device = entry.get("onewire")
        if not isinstance(device, str):
            continue
        first = seen.setdefault(device, index)
        if first != index:
            path = ("sensor", index, "onewire")
            one, line = _id(_entry(desk, first)), desk.at(("sensor", first, "onewire"), seen_from=path)
            desk.fault(path, Code.DUPLICATE_ONEWIRE, device=device, one=one, two=_id(entry), other=line)


def check_ports(desk: Desk) -> None:
    """One instrument a port, or a Modbus line with different ids and the same settings."""
    seen: dict[str, list[tuple[int, dict[str, Any]]]] = {}
    for index, entry in desk.entries():
        port = entry.get("port")
        if not isinstance(port, str):
            continue
        device = os.path.realpath(port)  # one port may go by several names
        for first, other in seen.get(device, []):
            if not _share_port(desk, port, (first, other), (index, entry)):
                break
        seen.setdefault(device, []).append((index, entry))
        _warn_of_alias(desk, index, port)
        if port.startswith(("/dev/ttyUSB", "/dev/ttyACM")):
            stable = _stable_name(port) or "/dev/serial/by-id/..."
            desk.warn(("sensor", index, "port"), Code.PORT_NOT_STABLE, port=port, stable=stable)


def _warn_of_alias(desk: Desk, index: int, port: str) -> None:
    """A link of the Pi beside a port by its own name: where the link is not there, nobody can compare."""
    for at, other in desk.entries():
        pair = {port, str(other.get("port"))}
        if at >= index or len(pair & ALIASES) != 1 or not pair & UART_PORTS - ALIASES:
            continue
        alias = min(pair & ALIASES)
        if not os.path.exists(alias):
            path = ("sensor", index, "port")
            line = desk.at(("sensor", at, "port"), seen_from=path)
            reason = Phrase("port.alias", alias=alias, one=_id(other), other=line)
            desk.warn(path, Code.VALUE, reason=reason)


def _share_port(
    desk: Desk, port: str, first: tuple[int, dict[str, Any]], second: tuple[int, dict[str, Any]]
) -> bool:
    (at, one), (index, two) = first, second
    line = desk.at(("sensor", at, "port"), seen_from=("sensor", index, "port"))
    ids = one.get("modbus_id"), two.get("modbus_id")
    if None in ids or ids[0] == ids[1] or one["port"] != port:
        desk.fault(
            ("sensor", index, "port"),
            Code.DUPLICATE_PORT,
            one=_id(one), two=_id(two), port=port, other=line,
        )  # fmt: skip
        return False
    if _settings(one) != _settings(two):
        desk.fault(
            ("sensor", index, "serial" if "serial" in two else "port"),
            Code.PORT_SETTINGS_DIFFER,
            one=_id(one), port=port, other=line,
        )  # fmt: skip
        return False
    return True


def _settings(entry: dict[str, Any]) -> SerialLine | None:
    """Return a table's line settings, its model's where it names none; None: unreadable, told elsewhere."""
    model = _model(entry)
    try:
        return serial_line(entry["serial"]) if "serial" in entry else model.line if model else None
    except UnitFault:
        return None


def _model(entry: dict[str, Any]) -> Model | None:
    name = entry.get("driver")
    model: Model | None = load(name).MODEL if isinstance(name, str) and name in driver_names() else None
    return model


def _stable_name(port: str) -> str | None:
    try:
        for link in sorted(BY_ID.iterdir()):
            if os.path.realpath(link) == port:
                return str(link)
    except OSError:
        pass  # no such folder on this machine: nothing plugged in
    return None


def check_gpio(desk: Desk) -> None:
    """No line twice among sensors, outputs and power switches, none that the I2C bus or UART owns."""
    taken: dict[int, tuple[str, Path]] = {}
    owned = _owned_lines(desk)
    onewire = next((_id(entry) for _, entry in desk.entries() if "onewire" in entry), None)
    for kind in LISTS:
        for index, entry in desk.entries(kind):
            for key, number in gpio_options(entry).items():
                path: Path = (kind, index, key)
                if number == ONEWIRE_GPIO and onewire is not None:
                    desk.warn(path, Code.VALUE, reason=Phrase("gpio.onewire", one=onewire))
                if number in owned:
                    code, user, role = owned[number]
                    desk.fault(path, code, gpio=number, role=Phrase(f"pin.{role}"), one=user)
                elif number in taken:
                    name, other = taken[number]
                    line = desk.at(other, seen_from=path)
                    desk.fault(path, Code.GPIO_TWICE, gpio=number, one=name, other=line)
                taken.setdefault(number, (_id(entry), path))


def _owned_lines(desk: Desk) -> dict[int, tuple[Code, str, str]]:
    owned: dict[int, tuple[Code, str, str]] = {}
    for _, entry in desk.entries():
        i2c = entry.get("i2c")
        if isinstance(i2c, dict):
            pins = I2C_PINS.get(_bus(i2c), {})
            owned |= {gpio: (Code.GPIO_IS_I2C, _id(entry), role) for gpio, role in pins.items()}
        if str(entry.get("port")) in UART_PORTS:
            owned |= {gpio: (Code.GPIO_IS_UART, _id(entry), role) for gpio, role in UART_PINS.items()}
    return owned


def check_sources(desk: Desk, sensors: dict[int, SensorConfig]) -> None:
    """``air_pressure_from`` and ``temperature_from`` name a sensor that measures that."""
    indices = {str(entry.get("id")): index for index, entry in desk.entries()}
    wanted = {
        "air_pressure_from": Quantity.AIR_PRESSURE_HPA,
        "temperature_from": Quantity.AIR_TEMPERATURE_C,
    }
    for index, entry in desk.entries():
        mount = entry.get("mount")
        for key, quantity in wanted.items():
            name = mount.get(key) if isinstance(mount, dict) else None
            if not isinstance(name, str):
                continue
            path = ("sensor", index, "mount", key)
            if name not in indices:
                valid = ", ".join(sorted(desk.written_ids()))
                desk.fault(path, Code.NO_SUCH_SENSOR, id=name, valid=valid)
            elif (source := sensors.get(indices[name])) and quantity not in _measured(source):
                desk.fault(path, Code.WRONG_SOURCE, id=name, quantity=quantity.channel)


def _measured(sensor: SensorConfig) -> tuple[Quantity, ...]:
    return tuple(sensor.driver_class(sensor.options).quantities)


def _entry(desk: Desk, index: int) -> dict[str, Any]:
    return dict(desk.documents.tree["sensor"][index])


def _id(entry: dict[str, Any]) -> str:
    return str(entry.get("id", "?"))
