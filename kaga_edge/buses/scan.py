"""Find what hangs on this computer: I2C addresses, serial instruments, Modbus units, 1-wire devices.

Every known model is tried with its own dialogue: one whose identification and one reading succeed is
certain, one that only answers at its address is likely. Nothing is written that a driver would not write.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kaga_edge.buses.bus import Bus
from kaga_edge.buses.spec import BusSensor, BusSpec, Polled, Wires
from kaga_edge.sensors import driver_names, load
from kaga_edge.vocabulary.clock import Clock
from kaga_edge.vocabulary.drivers import Model
from kaga_edge.vocabulary.errors import KagaError
from kaga_edge.vocabulary.requests import BusKind, SerialLine

I2C_ADDRESSES = range(0x08, 0x78)  # the others are reserved
LISTEN_S = 1.3  # the slowest free-running instrument speaks once a second
MODBUS_UNITS = (1, 2, 3, 4, 247)
ONEWIRE = "sys/bus/w1/devices"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One device. ``driver``: the model that fits, None when none does; ``certain``: it gave a reading.

    ``lines``: the configuration's lines that attach it, without id and driver.
    """

    bus: str
    where: str
    driver: str | None
    certain: bool
    lines: tuple[str, ...] = ()
    seen: str = ""


def models(kind: BusKind) -> Iterator[tuple[str, Any, Model]]:
    """Yield name, module and model of every driver of one kind whose options all have defaults."""
    for name in driver_names():
        module = load(name)
        if module.MODEL.bus is kind:
            with suppress(TypeError):  # options that only a person knows: a register map
                module.Options()
                yield name, module, module.MODEL


def i2c_addresses(bus: int, wires: Wires) -> tuple[int, ...]:
    """Return the addresses that acknowledge one byte's read. Raises OSError: no such bus."""
    from smbus2 import i2c_msg

    port = wires.open_i2c(bus)
    found = []
    try:
        for address in I2C_ADDRESSES:
            with suppress(OSError):
                port.i2c_rdwr(i2c_msg.read(address, 1))
                found.append(address)
    finally:
        port.close()
    return tuple(found)


async def i2c(bus: int, wires: Wires, clock: Clock, skip: frozenset[int] = frozenset()) -> list[Found]:
    """Return what answers on one I2C bus; addresses in ``skip`` are left alone.

    Known addresses are tried whether they acknowledged or not: an SHT4x refuses a read that no command
    went before.
    """
    answered = await asyncio.to_thread(i2c_addresses, bus, wires)
    known = {address for _, _, model in models(BusKind.I2C) for address in model.addresses}
    found = []
    for address in sorted({*answered, *known} - skip):
        fitting = [one async for one in _fitting(bus, address, wires, clock)]
        if len(fitting) == 1 and fitting[0].driver in CHECKED:
            found.append(replace(fitting[0], certain=True))
        elif fitting:
            found += fitting
        elif address in answered:
            found.append(_at(bus, address, None))
    return found


async def _fitting(bus: int, address: int, wires: Wires, clock: Clock) -> AsyncIterator[Found]:
    for name, module, model in models(BusKind.I2C):
        if address not in model.addresses:
            continue
        driver = module.Driver(module.Options())
        sensor = BusSensor(id=name, driver=driver, every_s=1, address=address, model=model)
        spec = BusSpec(kind=BusKind.I2C, name=f"i2c-{bus}", sensors=(sensor,), i2c_bus=bus)
        if (await ask(spec, wires, clock)).error is None:
            yield _at(bus, address, name)


def _at(bus: int, address: int, driver: str | None) -> Found:
    lines = (f"i2c = {{ bus = {bus}, address = 0x{address:02X} }}",)
    return Found(bus=f"i2c-{bus}", where=f"0x{address:02X}", driver=driver, certain=False, lines=lines)


# Their answer carries an identity or a checksum that no other chip gives by chance.
CHECKED = frozenset({"bme280", "ina226", "ms5837", "sht3x", "sht4x", "mlx90614"})


async def ask(spec: BusSpec, wires: Wires, clock: Clock) -> Polled:
    """Return one reading of a specification's only sensor."""
    bus = Bus(spec, wires=wires, clock=clock, on_polled=lambda _polled: None)
    try:
        return await bus.read_now(spec.sensors[0].id)
    finally:
        await bus.close(take_last=False)


def serial_ports(root: Path = Path("/")) -> list[str]:
    """Return the ports by the names that stay: by-id, by-path for those without, then the header's UART."""
    found: dict[str, str] = {}
    for folder in ("by-id", "by-path"):
        for link in sorted((root / "dev/serial" / folder).glob("*")):
            found.setdefault(str(link.resolve()), f"/dev/serial/{folder}/{link.name}")
    for name in ("ttyAMA0", "ttyS0"):
        is_pi = (root / "proc/device-tree/model").exists()
        if (root / "dev" / name).exists() and is_pi:
            found.setdefault(str((root / "dev" / name).resolve()), f"/dev/{name}")
    return list(found.values())


def listen(port: str, progress: Callable[[str], None] = lambda _what: None) -> Found | None:
    """Return the free-running instrument on a port, tried at each known speed. Raises BusMissing."""
    known = list(models(BusKind.UART))
    seen = b""
    for line in dict.fromkeys(model.line for _, _, model in known if model.line):
        progress(_text(line))
        heard = _heard(port, line)
        seen = seen or heard
        best = _best(heard, [(name, module) for name, module, model in known if model.line == line])
        if best:
            return Found(
                bus="uart", where=port, driver=best, certain=True,
                lines=(f'port = "{port}"', f'serial = "{_text(line)}"'),
                seen=_text(line),
            )  # fmt: skip
    if seen:
        return Found(bus="uart", where=port, driver=None, certain=False, seen=seen[:16].hex(" ").upper())
    return None


def _heard(port: str, line: SerialLine) -> bytes:
    from kaga_edge.buses.serial_port import open_port

    device = open_port(port, line, timeout_s=0.1)
    heard, ends_s = b"", time.monotonic() + LISTEN_S
    try:
        while time.monotonic() < ends_s:
            heard += device.read(256)
    finally:
        device.close()
    return heard


def _best(heard: bytes, known: list[tuple[str, Any]]) -> str | None:
    """Return the driver that makes whole, decodable frames of most of the bytes."""
    best, most = None, 0.5 * len(heard)
    for name, module in known:
        driver = module.Driver(module.Options())
        good = 0
        for frame in driver.split(heard).frames:
            with suppress(KagaError):
                driver.decode(frame)
                good += len(frame)
        if good > most:
            best, most = name, good
    return best


async def modbus(port: str, wires: Wires, clock: Clock) -> list[Found]:
    """Return the Modbus units on a port, by asking each known model at its own line setting."""
    found: dict[int, Found] = {}
    for name, module, model in models(BusKind.MODBUS):
        line = model.line or SerialLine(baud=9600)
        for unit in MODBUS_UNITS:
            if unit in found and found[unit].certain:
                continue
            sensor = BusSensor(
                id=name, driver=module.Driver(module.Options()), every_s=1, address=unit, model=model
            )
            spec = BusSpec(kind=BusKind.MODBUS, name=port, sensors=(sensor,), port=port, line=line)
            polled = await ask(spec, wires, clock)
            answered = polled.error is None or polled.error.code in ("KE-B06", "KE-D04")
            if answered:
                certain = polled.error is None
                lines = (f'port = "{port}"', f"modbus_id = {unit}", f'serial = "{_text(line)}"')
                found[unit] = Found(
                    bus="modbus", where=f"{port} unit {unit}", driver=name if certain else None,
                    certain=certain, lines=lines, seen=_text(line),
                )  # fmt: skip
    return list(found.values())


def onewire(root: Path = Path("/")) -> list[Found]:
    """Return the 1-wire devices that the kernel sees."""
    return [
        Found(
            bus="onewire",
            where=device.name,
            driver="ds18b20",
            certain=True,
            lines=(f'onewire = "{device.name}"',),
        )
        for device in sorted((root / ONEWIRE).glob("28-*"))
    ]


def gpio_levels(gpios: tuple[int, ...], wires: Wires, within_s: float) -> dict[int, tuple[int, int]]:
    """Return by GPIO its level (1 high) with the pull-up on, and how often it changed in ``within_s``."""
    factory = wires.pin_factory()
    pins = {}
    try:
        for gpio in gpios:
            pin = factory.pin(f"GPIO{gpio}")
            pin.input_with_pull("up")
            pins[gpio] = pin
        levels = {gpio: int(pin.state) for gpio, pin in pins.items()}
        changes = dict.fromkeys(pins, 0)
        ends_s = time.monotonic() + within_s
        while time.monotonic() < ends_s:
            for gpio, pin in pins.items():
                now = int(pin.state)
                changes[gpio] += now != levels[gpio]
                levels[gpio] = now
            time.sleep(0.002)  # contacts close for tens of milliseconds
    finally:
        for pin in pins.values():
            pin.close()
        factory.close()
    return {gpio: (levels[gpio], changes[gpio]) for gpio in pins}


def _text(line: SerialLine) -> str:
    return f"{line.baud} {line.data_bits}{line.parity}{line.stop_bits}"
