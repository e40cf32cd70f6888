"""Captured devices: they answer a driver's requests from what is known of them, and nothing else.

The I2C ones speak bytes (``write``, ``read``), so that a stand-in for smbus2 can sit on top.
``sim/image.py`` reads and writes them as JSON files.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TypeVar, cast

from kaga_edge.vocabulary.drivers import Driver, GpioDriver
from kaga_edge.vocabulary.errors import KagaError, SensorRefused, SensorSilent
from kaga_edge.vocabulary.readings import Measurement
from kaga_edge.vocabulary.requests import (
    Dialogue,
    Edges,
    Frame,
    HostRead,
    I2cTransfer,
    ModbusRead,
    OnewireRead,
    Pause,
    Reply,
    Request,
    TakeEdges,
    UartFrames,
)

T = TypeVar("T")
Exchange = tuple[Request, Reply]


class ImageFault(KagaError):
    """An image file that cannot be used: which entry, and what it should look like."""

    code = "KE-D10"


class RegisterDevice:
    """Registers behind a pointer. The pointer is the first byte written; further bytes are stored."""

    def __init__(
        self, address: int | None, registers: Mapping[int, bytes], *, register_bytes: int | None = None
    ) -> None:
        self.address = address
        self._wide = (register_bytes or _guessed_width(registers)) == 2
        self._pointer: int | None = None
        self._words = dict(registers) if self._wide else {}
        self._bytes = {} if self._wide else _spread(registers)
        # What was read at a pointer is what is read there again, where entries overlap: words with a PEC.
        self._entries = {} if self._wide else dict(registers)

    def write(self, data: bytes) -> None:
        """Set the pointer, and store what follows it. An empty write only asks whether we are there."""
        if not data:
            return
        self._pointer = data[0]
        if len(data) > 1:
            self.store(data[0], data[1:])

    def read(self, count: int) -> bytes:
        """Return up to ``count`` bytes from the pointer on. Raises SensorSilent when there is none.

        Fewer than asked for come back where the image ends: that is what a truncated capture looks like.
        """
        if self._pointer is None:
            raise _silent("nothing was written before the read: no register is selected")
        if self._wide:
            found = self._words.get(self._pointer, b"")[:count]
        elif len(entry := self._entries.get(self._pointer, b"")) >= count:
            found = entry[:count]
        else:
            found = _run(self._bytes, self._pointer, count)
        if not found:
            raise _silent(f"the image has no register 0x{self._pointer:02X}")
        return found

    def store(self, register: int, data: bytes) -> None:
        """Put bytes into a register and, for byte registers, those behind it."""
        if self._wide:
            self._words[register] = data
        else:
            written = {(register + i) & 0xFF: byte for i, byte in enumerate(data)}
            self._bytes.update(written)
            self._entries = {
                start: entry
                for start, entry in self._entries.items()
                if written.keys().isdisjoint(range(start, start + len(entry)))
            }


class CommandDevice:
    """Answers to commands. Every write is accepted; only a read without an answer is silent."""

    def __init__(self, address: int | None, replies: Mapping[str, bytes]) -> None:
        self.address = address
        self.replies = {key.upper(): reply for key, reply in replies.items()}
        self._before = ""
        self._command = ""

    def write(self, data: bytes) -> None:
        """Take a command; an empty write only asks whether we are there."""
        if data:
            self._before, self._command = self._command, data.hex().upper()

    def read(self, count: int) -> bytes:
        """Return up to ``count`` bytes of the answer to the last command. Raises SensorSilent."""
        for context in (f"{self._before}:", ""):
            keys = [key for key in self.replies if (context + self._command).startswith(key)]
            keys = [key for key in keys if (":" in key) == bool(context)]
            if keys and self._command:
                return self.replies[max(keys, key=len)][:count]
        raise _silent(f"the image has no reply to {self._command or 'a read without a command'}")


class ModbusDevice:
    """16-bit registers of one Modbus unit."""

    def __init__(self, unit: int | None, holding: Mapping[int, int], inputs: Mapping[int, int]) -> None:
        self.unit = unit
        self.tables = {3: dict(holding), 4: dict(inputs)}

    def registers(self, function: int, address: int, count: int) -> tuple[int, ...]:
        """Return ``count`` registers. Raises SensorRefused (exception 1 or 2) as a real unit would."""
        table = self.tables.get(function)
        if table is None:
            raise SensorRefused(f"Modbus exception 1: the image has no function {function}")
        wanted = range(address, address + count)
        absent = [register for register in wanted if register not in table]
        if absent or not count:
            name = "holding" if function == 3 else "input"
            which = absent[0] if absent else address
            raise SensorRefused(
                f"Modbus exception 2: the image has no {name} register {which} (0x{which:04X})",
                fix=f'add it under "{name}", or ask for less with --set',
            )
        return tuple(table[register] for register in wanted)


class SerialCapture:
    """The frames a serial instrument sent, oldest first."""

    def __init__(self, frames: Sequence[bytes]) -> None:
        self.frames = tuple(frames)

    def take(self) -> tuple[Frame, ...]:
        """Return all frames. Raises SensorSilent when there are none."""
        if not self.frames:
            raise _silent("the image has no frame")
        return tuple(Frame(data=data, age_s=0.0) for data in self.frames)


class EdgeCapture:
    """The edges of one interval."""

    def __init__(self, edges: Edges) -> None:
        self.edges = edges


class OnewireCapture:
    """The text of a 1-wire device's ``w1_slave``."""

    def __init__(self, text: bytes) -> None:
        self.text = text


class HostCapture:
    """What a computer said about itself, by question; nothing about the rest."""

    def __init__(self, answers: Mapping[str, bytes]) -> None:
        self.answers = dict(answers)


Device = (
    RegisterDevice | CommandDevice | ModbusDevice | SerialCapture | EdgeCapture | OnewireCapture | HostCapture
)


# --- playing ---


def answer(request: Request, device: Device) -> Reply:
    """Return the device's reply to one request. Raises SensorSilent, SensorRefused, ImageFault."""
    match request, device:
        case Pause(), _:
            return b""
        case I2cTransfer(write=write, read_bytes=read_bytes), RegisterDevice() | CommandDevice():
            device.write(write)
            return device.read(read_bytes) if read_bytes else b""
        case ModbusRead(function=function, address=address, count=count), ModbusDevice():
            return device.registers(function, address, count)
        case UartFrames(), SerialCapture():
            return device.take()
        case TakeEdges(), EdgeCapture():
            return device.edges
        case OnewireRead(), OnewireCapture():
            return device.text
        case HostRead(what=what), HostCapture():
            return device.answers.get(what, b"")
    raise ImageFault(
        f"the driver asks for {type(request).__name__}, the image is a {type(device).__name__}",
        fix="use an image of the right kind of device for this driver",
    )


def play(dialogue: Dialogue[T], device: Device, exchanges: list[Exchange] | None = None) -> T:
    """Return what a dialogue comes to on the device; every request and reply is put into ``exchanges``.

    An error of the device ends the dialogue, as on a bus, unless the driver has an answer to a refusal.
    """
    try:
        request = next(dialogue)
        while True:
            try:
                reply = answer(request, device)
            except SensorRefused as refusal:
                request = dialogue.throw(refusal)
                continue
            if exchanges is not None:
                exchanges.append((request, reply))
            request = dialogue.send(reply)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        dialogue.close()


def read_once(
    driver: Driver, device: Device, exchanges: list[Exchange] | None = None
) -> tuple[Measurement, ...]:
    """Return one measurement of the device: identify, then measure. Raises DecodeError, BusError.

    A capture may hold the measurement only: what it says nothing of is not asked of it twice.
    """
    if isinstance(device, EdgeCapture):
        _check_lines(driver, device.edges)
    with contextlib.suppress(SensorSilent):
        play(driver.identify(), device, exchanges)
    return play(driver.measure(), device, exchanges)


def _check_lines(driver: Driver, edges: Edges) -> None:
    """Refuse a capture of other lines than the driver's: it would say that nothing happened on them."""
    if not hasattr(driver, "pins"):
        return  # its own dialogue finds that this is no image for it
    wanted = {use.gpio for use in cast(GpioDriver, driver).pins()}
    there = {edge.gpio for edge in edges.edges} | set(edges.active_at_start)
    if there and not wanted & there:
        names = [", ".join(map(str, sorted(lines))) for lines in (wanted, there)]
        raise ImageFault(
            f"the image has no GPIO {names[0]}, only {names[1]}", fix="set gpio to the captured line"
        )


def _silent(what: str) -> SensorSilent:
    return SensorSilent(what, fix="capture that part too, or correct the image")


def _guessed_width(registers: Mapping[int, bytes]) -> int:
    return 2 if registers and all(len(data) == 2 for data in registers.values()) else 1


def _spread(registers: Mapping[int, bytes]) -> dict[int, int]:
    return {
        (start + i) & 0xFF: byte
        for start, data in sorted(registers.items(), key=lambda entry: -len(entry[1]))
        for i, byte in enumerate(data)
    }


def _run(registers: Mapping[int, int], start: int, count: int) -> bytes:
    found = bytearray()
    while len(found) < count and (start + len(found)) & 0xFF in registers:
        found.append(registers[(start + len(found)) & 0xFF])
    return bytes(found)
