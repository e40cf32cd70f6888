"""A device as a JSON file: what it answers, played back to a driver's own dialogue.

``kaga-edge decode --image`` and the simulated site read these files, ``kaga-edge sensor read --record``
writes them. One file is one device, one of five forms:

Registers (BME280: byte registers, reads count upwards)::

    {"address": 118, "registers": {"0x88": "hex bytes from there on", "0xD0": "60"}}

    Registers of 16-bit words (ADS1115, INA219): every entry is the two bytes read at that pointer.
    ``"register_bytes": 2`` says so; without it, it is assumed when every entry has exactly two bytes.
    What is written to a register is read back from it.

Commands (SHT4x, MS5837: no registers, an answer to what was written before)::

    {"address": 68, "replies": {"FD": "hex"}}
    {"address": 118, "replies": {"A0": "hex", ..., "4A:00": "hex", "5A:00": "hex"}}

    The key is what was written, in hex. "4A:00" is the answer to 00 when 4A was written before it;
    a plain "00" answers 00 after anything else. The longest key that begins what was written is taken.

Modbus (registers as 16-bit numbers from a start address)::

    {"unit": 1, "holding": {"2": [16247, 61563]}, "input": {}}

Serial lines and GPIO edges as they were recorded::

    {"frames": ["FF07A1A7"]}
    {"start_ns": 0, "end_ns": 60000000000, "active_at_start": {"17": false},
     "edges": [[1000000000, 17, true], [1100000000, 17, false]], "lost": 0}

(300 lines because the five forms share one vocabulary of faults and are only understood together.)
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from kaga_edge.vocabulary.drivers import Driver
from kaga_edge.vocabulary.errors import KagaError, SensorRefused, SensorSilent
from kaga_edge.vocabulary.readings import Measurement
from kaga_edge.vocabulary.requests import (
    Dialogue,
    Edge,
    Edges,
    Frame,
    I2cTransfer,
    ModbusRead,
    Pause,
    Reply,
    Request,
    TakeEdges,
    UartFrames,
)

T = TypeVar("T")
Exchange = tuple[Request, Reply]

FORMS = (
    '{"address": 118, "registers": {"0x88": "hex"}}, {"address": 68, "replies": {"FD": "hex"}},'
    ' {"unit": 1, "holding": {"2": [16247]}}, {"frames": ["hex"]}'
    ' or {"start_ns": 0, "end_ns": 1, "edges": []}'
)


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
            self._bytes.update({(register + i) & 0xFF: byte for i, byte in enumerate(data)})


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


Device = RegisterDevice | CommandDevice | ModbusDevice | SerialCapture | EdgeCapture


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
    raise ImageFault(
        f"the driver asks for {type(request).__name__}, the image is a {type(device).__name__}",
        fix="use an image of the right kind of device for this driver",
    )


def play(dialogue: Dialogue[T], device: Device, exchanges: list[Exchange] | None = None) -> T:
    """Return what a dialogue comes to on the device; every request and reply is put into ``exchanges``.

    An error of the device ends the dialogue, as on a bus.
    """
    try:
        request = next(dialogue)
        while True:
            reply = answer(request, device)
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
    """Return one measurement of the device: identify, then measure. Raises DecodeError, BusError."""
    play(driver.identify(), device, exchanges)
    return play(driver.measure(), device, exchanges)


# --- from and to JSON ---


def load_image(path: Path) -> Device:
    """Return the device in a file. Raises ImageFault with the file and the entry."""
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ImageFault(f"cannot be read: {error.strerror}", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise ImageFault("is not UTF-8 text", where=str(path), fix=f"write {FORMS}") from error
    except json.JSONDecodeError as error:
        raise ImageFault(
            f"is not JSON: {error.msg} in line {error.lineno}, column {error.colno}", where=str(path)
        ) from error
    return device_of(body, where=str(path))


def device_of(body: object, *, where: str = "image") -> Device:
    """Return the device that parsed JSON describes. Raises ImageFault naming the entry."""
    if not isinstance(body, dict):
        raise ImageFault("is not a JSON object", where=where, fix=f"write {FORMS}")
    if "registers" in body:
        width = body.get("register_bytes")
        if width not in (None, 1, 2):
            raise ImageFault(f"register_bytes is {width!r}", where=where, fix="use 1 or 2")
        return RegisterDevice(_address(body, where), _registers(body, where), register_bytes=width)
    if "replies" in body:
        return CommandDevice(_address(body, where), _replies(body, where))
    if "holding" in body or "input" in body:
        unit = _number(body["unit"], "unit", where, 247) if "unit" in body else None
        tables = (_modbus_table(body, name, where) for name in ("holding", "input"))
        return ModbusDevice(unit, *tables)
    if "frames" in body:
        return SerialCapture(_frames(body["frames"], where))
    if "edges" in body:
        return EdgeCapture(_edges(body, where))
    raise ImageFault("has none of registers, replies, holding, input, frames, edges", where=where, fix=FORMS)


def image_of(exchanges: Sequence[Exchange], *, address: int | None = None) -> dict[str, object]:
    """Return the JSON form of what was seen on the wire; ``address``: I2C address or Modbus unit.

    Played back, the same dialogue gets the same replies. A device is taken for a command device when a
    single byte was written without reading (a register device has no use for that), when it needed time
    between write and read, or when one command had several answers.
    """
    transfers = [(q, r) for q, r in exchanges if isinstance(q, I2cTransfer) and isinstance(r, bytes)]
    if transfers:
        head = {} if address is None else {"address": address}
        return {**head, **_i2c_image(transfers)}
    modbus: dict[str, dict[str, list[int]]] = {"holding": {}, "input": {}}
    frames: list[str] = []
    for request, reply in exchanges:
        if isinstance(reply, Edges):
            return _edges_image(reply)
        if isinstance(request, ModbusRead) and isinstance(reply, tuple):
            table = modbus["holding" if request.function == 3 else "input"]
            table[str(request.address)] = [word for word in reply if isinstance(word, int)]
        elif isinstance(reply, tuple):
            frames.extend(frame.data.hex().upper() for frame in reply if isinstance(frame, Frame))
    if modbus["holding"] or modbus["input"]:
        return {**({} if address is None else {"unit": address}), **modbus}
    return {"frames": frames}


def hex_bytes(text: str) -> bytes:
    """Return the bytes of hex text, with or without spaces, commas, 0x. Raises ValueError."""
    return bytes.fromhex(re.sub(r"0[xX]|[\s,:_]+", "", text))


def _i2c_image(transfers: Sequence[tuple[I2cTransfer, bytes]]) -> dict[str, object]:
    replies: dict[str, str] = {}
    several: set[str] = set()
    command = before = ""
    is_command_device = False
    for request, reply in transfers:
        if request.write:
            before, command = command, request.write.hex().upper()
        is_command_device |= request.settle_s > 0 or len(request.write) == (0 if request.read_bytes else 1)
        if request.read_bytes:
            replies[f"{before}:{command}"] = reply.hex().upper()
            several |= {command} & {
                key.partition(":")[2] for key in replies if _differs(key, command, replies)
            }
    named = {
        (key if key.partition(":")[2] in several else key.partition(":")[2]): reply
        for key, reply in replies.items()
    }
    if is_command_device or several:
        return {"replies": named}
    return {"registers": {f"0x{key}": reply for key, reply in named.items()}}


def _differs(key: str, command: str, replies: Mapping[str, str]) -> bool:
    same = [reply for other, reply in replies.items() if other.partition(":")[2] == command]
    return key.partition(":")[2] == command and len(set(same)) > 1


def _edges_image(edges: Edges) -> dict[str, object]:
    return {
        "start_ns": edges.start_ns,
        "end_ns": edges.end_ns,
        "active_at_start": {str(gpio): active for gpio, active in edges.active_at_start.items()},
        "edges": [[edge.at_ns, edge.gpio, edge.active] for edge in edges.edges],
        "lost": edges.lost,
    }


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


def _number(value: object, name: str, where: str, most: int) -> int:
    number = value
    if isinstance(value, str):
        try:
            number = int(value, 0)
        except ValueError:
            number = None
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= most:
        raise ImageFault(f"{name} is {value!r}", where=where, fix=f"write a number from 0 to {most}, or 0x..")
    return number


def _address(body: Mapping[str, object], where: str) -> int | None:
    return _number(body["address"], "address", where, 0x7F) if "address" in body else None


def _table(body: Mapping[str, object], name: str, where: str) -> Mapping[str, object]:
    table = body.get(name, {})
    if not isinstance(table, dict):
        raise ImageFault(f"{name} is not an object", where=where, fix=f"write {FORMS}")
    return table


def _hex(value: object, name: str, where: str) -> bytes:
    try:
        return hex_bytes(value if isinstance(value, str) else "not text")
    except ValueError as error:
        raise ImageFault(
            f"{name} is not hex bytes: {value!r}", where=where, fix='write them as "FF07"'
        ) from error


def _registers(body: Mapping[str, object], where: str) -> dict[int, bytes]:
    return {
        _number(key, f"register {key}", where, 0xFF): _hex(value, f"register {key}", where)
        for key, value in _table(body, "registers", where).items()
    }


def _replies(body: Mapping[str, object], where: str) -> dict[str, bytes]:
    replies: dict[str, bytes] = {}
    for key, value in _table(body, "replies", where).items():
        parts = [_hex(part, f"command {key}", where).hex().upper() for part in key.split(":")]
        if len(parts) > 2 or not parts[-1]:
            raise ImageFault(
                f"command {key!r} is not one", where=where, fix='write "FD", or "4A:00" for 00 after 4A'
            )
        replies[":".join(parts)] = _hex(value, f"reply to {key}", where)
    return replies


def _modbus_table(body: Mapping[str, object], name: str, where: str) -> dict[int, int]:
    registers: dict[int, int] = {}
    for key, values in _table(body, name, where).items():
        start = _number(key, f"{name} {key}", where, 0xFFFF)
        if not isinstance(values, list):
            raise ImageFault(f"{name} {key} is not a list", where=where, fix="write [16247, 61563]")
        for i, value in enumerate(values):
            registers[start + i] = _number(value, f"{name} {key}, entry {i},", where, 0xFFFF)
    return registers


def _frames(values: object, where: str) -> list[bytes]:
    if not isinstance(values, list):
        raise ImageFault("frames is not a list", where=where, fix='write ["FF07A1A7"]')
    return [_hex(value, f"frame {i}", where) for i, value in enumerate(values)]


def _edges(body: Mapping[str, object], where: str) -> Edges:
    most = 2**63 - 1
    values = body["edges"]
    if not isinstance(values, list) or not all(isinstance(v, list) and len(v) == 3 for v in values):
        raise ImageFault(
            "edges is not a list of [ns, gpio, active]", where=where, fix="write [[1000, 17, true]]"
        )
    levels = _table(body, "active_at_start", where)
    return Edges(
        start_ns=_number(body.get("start_ns"), "start_ns", where, most),
        end_ns=_number(body.get("end_ns"), "end_ns", where, most),
        edges=tuple(
            Edge(
                at_ns=_number(at_ns, f"edge {i}, time,", where, most),
                gpio=_number(gpio, f"edge {i}, gpio,", where, 255),
                active=bool(active),
            )
            for i, (at_ns, gpio, active) in enumerate(values)
        ),
        active_at_start={
            _number(gpio, "active_at_start", where, 255): bool(active) for gpio, active in levels.items()
        },
        lost=_number(body.get("lost", 0), "lost", where, most),
    )
