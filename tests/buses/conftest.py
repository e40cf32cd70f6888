"""Real parts for bus tests: register files behind smbus2's calls, ptys, mock pins, tiny drivers."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
import time
import tty
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kaga_edge.buses import Bus, BusSensor, BusSpec, Polled, Wires
from kaga_edge.vocabulary.drivers import Split
from kaga_edge.vocabulary.errors import ChecksumWrong, WrongSensor
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import ClockTrust, Measurement, Moment
from kaga_edge.vocabulary.requests import (
    BusKind,
    Edges,
    I2cTransfer,
    ModbusRead,
    PinUse,
    SerialLine,
    TakeEdges,
    UartFrames,
)

LINE = SerialLine(baud=9600)


class RealClock:
    """The machine's clocks."""

    def now(self) -> Moment:
        return Moment(
            wall_ms=time.time_ns() // 1_000_000,
            up_ms=time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000,
            boot="test",
            trust=ClockTrust.NTP,
        )

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()


def _one(value: float) -> tuple[Measurement, ...]:
    return (Measurement(quantity=Quantity.AIR_TEMPERATURE_C, value=value),)


class Register:
    """Chip id 0x60 at 0xD0, one value byte at 0xF7."""

    quantities = (Quantity.AIR_TEMPERATURE_C,)

    def identify(self) -> Any:
        chip = yield I2cTransfer(write=b"\xd0", read_bytes=1)
        if chip != b"\x60":
            raise WrongSensor(f"chip id {chip.hex()}", where="", fix="check the model")

    def measure(self) -> Any:
        reply = yield I2cTransfer(write=b"\xf7", read_bytes=1)
        return _one(float(reply[0]))


class Command:
    """Write FD, wait, read two bytes: value and its complement."""

    quantities = (Quantity.AIR_TEMPERATURE_C,)

    def identify(self) -> Any:
        return
        yield

    def measure(self) -> Any:
        reply = yield I2cTransfer(write=b"\xfd", read_bytes=2, settle_s=0.01)
        if reply[0] ^ reply[1] != 0xFF:
            raise ChecksumWrong("complement")
        return _one(float(reply[0]))


class Stream:
    """Frames ``<v>``, v one byte of 0x21..0x7e other than the brackets."""

    quantities = (Quantity.AIR_TEMPERATURE_C,)

    def __init__(self, timeout_s: float = 0.3, window_s: float = 0.2) -> None:
        self.timeout_s, self.window_s = timeout_s, window_s

    def identify(self) -> Any:
        return
        yield

    def measure(self) -> Any:
        frames = yield UartFrames(window_s=self.window_s, timeout_s=self.timeout_s)
        return self.decode(frames[-1].data)

    def split(self, buffer: bytes) -> Split:
        frames, at, skipped = [], 0, 0
        while len(buffer) - at >= 3:
            if buffer[at] == 0x3C and buffer[at + 2] == 0x3E:
                frames.append(buffer[at : at + 3])
                at += 3
            else:
                at, skipped = at + 1, skipped + 1
        return Split(frames=tuple(frames), rest=buffer[at:], skipped_bytes=skipped)

    def decode(self, frame: bytes) -> Any:
        return _one(float(frame[1]))


class Holding:
    """Two holding registers from address 2."""

    quantities = (Quantity.AIR_TEMPERATURE_C,)

    def identify(self) -> Any:
        return
        yield

    def measure(self) -> Any:
        first, _second = yield ModbusRead(function=3, address=2, count=2)
        return _one(float(first))


class Counter:
    """Counts activations on its lines; keeps what it was given."""

    quantities = (Quantity.TIP_COUNT,)

    def __init__(self, *gpios: int, active_low: bool = True) -> None:
        self.gpios, self.active_low = gpios, active_low
        self.taken: list[Edges] = []

    def pins(self) -> tuple[PinUse, ...]:
        return tuple(PinUse(gpio=g, pull="up", active_low=self.active_low) for g in self.gpios)

    def identify(self) -> Any:
        return
        yield

    def measure(self) -> Any:
        edges = yield TakeEdges()
        self.taken.append(edges)
        count = sum(edge.active for edge in edges.edges)
        return (Measurement(quantity=Quantity.TIP_COUNT, value=float(count)),)


@dataclass
class Chips:
    """An I2C bus shaped like smbus2's: register files and command replies by address."""

    registers: dict[int, dict[int, int]] = field(default_factory=dict)
    replies: dict[int, dict[bytes, bytes]] = field(default_factory=dict)
    errors: dict[int, list[int]] = field(default_factory=dict)  # errnos to raise, one a transfer
    always: dict[int, int] = field(default_factory=dict)  # errno to raise each time
    hangs: dict[int, threading.Event] = field(default_factory=dict)
    transfers: list[tuple[int, int]] = field(default_factory=list)  # address, messages in one transaction
    opened: int = 0
    present: bool = True
    _command: dict[int, bytes] = field(default_factory=dict)

    def open(self, bus: int) -> Chips:
        if not self.present:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), f"/dev/i2c-{bus}")
        self.opened += 1
        return self

    def close(self) -> None: ...

    def i2c_rdwr(self, *messages: Any) -> None:
        address = messages[0].addr
        self.transfers.append((address, len(messages)))
        hang = self.hangs.get(address)
        if hang is not None:
            hang.wait(30.0)
        self._fail(address)
        for message in messages:
            if message.flags & 1:
                for at, value in enumerate(self._answer(address, message.len)):
                    message.buf[at] = bytes([value])
            else:
                self._command[address] = bytes(message)

    def _fail(self, address: int) -> None:
        if self.errors.get(address):
            number = self.errors[address].pop(0)
            raise OSError(number, os.strerror(number))
        absent = address not in self.registers and address not in self.replies
        number = self.always.get(address, errno.EREMOTEIO if absent else 0)
        if number:
            raise OSError(number, os.strerror(number))

    def _answer(self, address: int, size: int) -> bytes:
        command = self._command.get(address, b"\0")
        if address in self.replies:
            return self.replies[address][command][:size]
        return bytes(self.registers[address].get(command[0] + at, 0) for at in range(size))


class Pty:
    """A serial device under a stable name that can be unplugged and plugged in again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.master: int | None = None
        self.plug()

    def plug(self) -> None:
        self.master, slave = os.openpty()
        tty.setraw(self.master)
        tty.setraw(slave)
        target = os.ttyname(slave)
        self._slave = slave
        with suppress(FileNotFoundError):
            self.path.unlink()
        self.path.symlink_to(target)

    def unplug(self) -> None:
        if self.master is not None:
            os.close(self._slave)
            os.close(self.master)
            self.master = None
            self.path.unlink()

    def send(self, data: bytes) -> None:
        assert self.master is not None
        os.write(self.master, data)


class Log:
    """What a bus polled, with waiting for it."""

    def __init__(self) -> None:
        self.all: list[Polled] = []
        self.came = asyncio.Event()

    def __call__(self, polled: Polled) -> None:
        self.all.append(polled)
        self.came.set()

    def of(self, sensor: str) -> list[Polled]:
        return [p for p in self.all if p.sensor == sensor]

    def good(self, sensor: str) -> list[Polled]:
        return [p for p in self.of(sensor) if p.error is None]

    def bad(self, sensor: str) -> list[Polled]:
        return [p for p in self.of(sensor) if p.error is not None]

    async def until(self, true: Callable[[], bool], within_s: float = 60.0) -> None:
        async with asyncio.timeout(within_s):
            while not true():
                self.came.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await self.came.wait()


def i2c_sensor(name: str, address: int, driver: Any = None, every_s: float = 0.2) -> BusSensor:
    return BusSensor(id=name, driver=driver or Register(), every_s=every_s, address=address)


def i2c_spec(*sensors: BusSensor) -> BusSpec:
    return BusSpec(kind=BusKind.I2C, name="i2c-1", sensors=sensors, i2c_bus=1)


def serial_spec(kind: BusKind, path: Path, *sensors: BusSensor) -> BusSpec:
    return BusSpec(kind=kind, name=str(path), sensors=sensors, port=str(path), line=LINE)


def gpio_spec(*sensors: BusSensor) -> BusSpec:
    return BusSpec(kind=BusKind.GPIO, name="gpio", sensors=sensors)


def bus_of(spec: BusSpec, *, chips: Chips | None = None, log: Log | None = None) -> Bus:
    wires = Wires(open_i2c=(chips or Chips()).open)
    return Bus(spec, wires=wires, clock=RealClock(), on_polled=log or Log())


@asynccontextmanager
async def running(
    spec: BusSpec, *, chips: Chips | None = None, pins: Any = None, log: Log | None = None
) -> AsyncIterator[tuple[Bus, Log]]:
    log = log or Log()
    wires = Wires(open_i2c=(chips or Chips()).open, pin_factory=lambda: pins)
    bus = Bus(spec, wires=wires, clock=RealClock(), on_polled=log)
    task = asyncio.create_task(bus.run())
    try:
        yield bus, log
    finally:
        if not task.done():
            task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await bus.close(take_last=False)


PARTS = SimpleNamespace(
    RealClock=RealClock,
    Register=Register,
    Command=Command,
    Stream=Stream,
    Holding=Holding,
    Counter=Counter,
    Chips=Chips,
    Pty=Pty,
    Log=Log,
    i2c_sensor=i2c_sensor,
    i2c_spec=i2c_spec,
    serial_spec=serial_spec,
    gpio_spec=gpio_spec,
    running=running,
    bus=bus_of,
    LINE=LINE,
)


@pytest.fixture
def parts() -> Any:
    """Everything above, for tests that are loaded without being a package."""
    return PARTS


@pytest.fixture
def pty(tmp_path: Path) -> Iterator[Pty]:
    """A pty under the name ``tmp_path/port``."""
    device = Pty(tmp_path / "port")
    yield device
    device.unplug()
