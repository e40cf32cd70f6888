"""Find what hangs on this computer: I2C addresses, serial instruments, 1-wire (Modbus: ``scan_modbus``).

Every known model is tried with its own dialogue: one whose identification and one reading succeed is
certain, one that only answers at its address is likely. Nothing is written that a driver would not write.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

from kaga_edge.buses.bus import Bus
from kaga_edge.buses.spec import BusSensor, BusSpec, Polled, Wires
from kaga_edge.sensors import driver_names, load
from kaga_edge.vocabulary.clock import Clock
from kaga_edge.vocabulary.drivers import Model
from kaga_edge.vocabulary.errors import KagaError
from kaga_edge.vocabulary.requests import BusKind, SerialLine

I2C_ADDRESSES = range(0x08, 0x78)  # the others are reserved
LISTEN_S = 1.3  # the slowest free-running instrument speaks once a second
Progress = Callable[[str], None]
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A model as a scan tries it. ``lines``: of the configuration, for an option that has no default."""

    name: str
    module: Any
    model: Model
    options: Any
    lines: tuple[str, ...] = ()

    @property
    def driver(self) -> Any:
        """A driver of its own."""
        return self.module.Driver(self.options)


def models(kind: BusKind) -> Iterator[Known]:
    """Yield every model of one kind, but for those with options that only a person knows: a register map."""
    for name in driver_names():
        module = load(name)
        if module.MODEL.bus is kind:
            for options, lines in _options(module):
                yield Known(name=name, module=module, model=module.MODEL, options=options, lines=lines)


def _options(module: Any) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """Yield the default options; one of a few words that has no default is the first, the others named."""
    needed = [one for one in fields(module.Options) if one.default is MISSING]
    if not needed:
        yield module.Options(), ()
    elif len(needed) == 1:
        name = needed[0].name
        words = get_args(get_type_hints(module.Options)[name])
        if words and all(isinstance(word, str) for word in words):
            yield (
                module.Options(**{name: words[0]}),
                (f'{name} = "{words[0]}"  # {" | ".join(words[1:])}',),
            )


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
    known = {address for one in models(BusKind.I2C) for address in one.model.addresses}
    found = []
    for address in sorted({*answered, *known} - skip):
        fitting = [one async for one in _fitting(bus, address, wires, clock)]
        proven = [one for one in fitting if one.driver in CHECKED]  # beside it, the others fit by chance
        if len(proven) == 1:
            found.append(replace(proven[0], certain=True))
        elif fitting:
            found += proven or fitting
        elif address in answered:
            found.append(_at(bus, address, None))
    return found


async def _fitting(bus: int, address: int, wires: Wires, clock: Clock) -> AsyncIterator[Found]:
    for one in models(BusKind.I2C):
        if address not in one.model.addresses:
            continue
        sensor = BusSensor(id=one.name, driver=one.driver, every_s=1, address=address, model=one.model)
        spec = BusSpec(kind=BusKind.I2C, name=f"i2c-{bus}", sensors=(sensor,), i2c_bus=bus)
        if (await ask(spec, wires, clock)).error is None:
            yield _at(bus, address, one.name)


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


def listen(port: str, progress: Progress = lambda _what: None) -> Found | None:
    """Return the free-running instrument on a port, tried at each known speed. Raises BusMissing."""
    known = list(models(BusKind.UART))
    seen = b""
    for line in dict.fromkeys(one.model.line for one in known if one.model.line):
        progress(line_text(line))
        heard = _heard(port, line)
        seen = seen or heard
        best = _best(heard, [one for one in known if one.model.line == line])
        if best:
            return Found(
                bus="uart", where=port, driver=best.name, certain=True,
                lines=(f'port = "{port}"', f'serial = "{line_text(line)}"', *best.lines),
                seen=line_text(line),
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


def _best(heard: bytes, known: list[Known]) -> Known | None:
    """Return the model that makes whole, decodable frames of most of the bytes."""
    best, most = None, 0.5 * len(heard)
    for one in known:
        driver = one.driver
        good = 0
        for frame in driver.split(heard).frames:
            with suppress(KagaError):
                driver.decode(frame)
                good += len(frame)
        if good > most:
            best, most = one, good
    return best


def onewire(root: Path = Path("/")) -> list[Found]:
    """Return the 1-wire devices that the kernel sees; a DS18S20 (10-) or a ghost (00-) fits no model."""
    return [
        Found(
            bus="onewire",
            where=device.name,
            driver="ds18b20" if device.name.startswith("28-") else None,
            certain=device.name.startswith("28-"),
            lines=(f'onewire = "{device.name}"',),
        )
        for device in sorted((root / ONEWIRE).glob("[0-9a-f][0-9a-f]-*"))
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


def line_text(line: SerialLine) -> str:
    """Return a line setting as the configuration writes it."""
    return f"{line.baud} {line.data_bits}{line.parity}{line.stop_bits}"
