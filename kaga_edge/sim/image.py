"""A device as a JSON file: what it answers, played back to a driver's own dialogue.

``kaga-edge decode --image`` and the simulated site read these files, ``kaga-edge sensor read --record``
writes them. One file is one device, in one of these forms:

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

1-wire devices and the computer itself, as text::

    {"w1_slave": "91 01 4b 46 7f ff 0f 10 25 : crc=25 YES\\n91 01 4b 46 7f ff 0f 10 25 t=25062\\n"}
    {"host": {"throttled": "throttled=0x0", "under_voltage": "0", "cpu_temperature": "48312"}}

What plays them: ``sim/captured.py``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from kaga_edge.sim.captured import (
    CommandDevice,
    Device,
    EdgeCapture,
    Exchange,
    HostCapture,
    ImageFault,
    ModbusDevice,
    OnewireCapture,
    RegisterDevice,
    SerialCapture,
)
from kaga_edge.vocabulary.requests import Edge, Edges, Frame, HostRead, I2cTransfer, ModbusRead, OnewireRead

FORMS = (
    '{"address": 118, "registers": {"0x88": "hex"}}, {"address": 68, "replies": {"FD": "hex"}},'
    ' {"unit": 1, "holding": {"2": [16247]}}, {"frames": ["hex"]},'
    ' {"start_ns": 0, "end_ns": 1, "edges": []}, {"w1_slave": "text"} or {"host": {"throttled": "text"}}'
)


def load_image(path: Path) -> Device:
    """Return the device in a file. Raises ImageFault with the file and the entry."""
    try:
        body = json.loads(path.read_text(encoding="utf-8-sig"))  # editors on Windows put a mark first
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
    if "w1_slave" in body:
        return OnewireCapture(_text(body["w1_slave"], "w1_slave", where))
    if "host" in body:
        said = _table(body, "host", where)
        return HostCapture({what: _text(text, f"host {what}", where) for what, text in said.items()})
    raise ImageFault(
        "has none of registers, replies, holding, input, frames, edges, w1_slave, host",
        where=where,
        fix=FORMS,
    )


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
    host: dict[str, str] = {}
    for request, reply in exchanges:
        if isinstance(reply, Edges):
            return _edges_image(reply)
        if isinstance(request, OnewireRead) and isinstance(reply, bytes):
            return {"w1_slave": reply.decode("ascii", "replace")}
        if isinstance(request, HostRead) and isinstance(reply, bytes):
            host[request.what] = reply.decode("ascii", "replace")
        if isinstance(request, ModbusRead) and isinstance(reply, tuple):
            table = modbus["holding" if request.function == 3 else "input"]
            table[str(request.address)] = [word for word in reply if isinstance(word, int)]
        elif isinstance(reply, tuple):
            frames.extend(frame.data.hex().upper() for frame in reply if isinstance(frame, Frame))
    if modbus["holding"] or modbus["input"]:
        return {**({} if address is None else {"unit": address}), **modbus}
    return {"host": host} if host else {"frames": frames}


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
    if is_command_device or several or _overlaps(named):
        return {"replies": named}
    return {"registers": {f"0x{key}": reply for key, reply in named.items()}}


def _overlaps(named: Mapping[str, str]) -> bool:
    """Say whether a reply runs into another register with other bytes (words with a PEC behind them)."""
    if any(len(key) != 2 for key in named):
        return False
    runs = {int(key, 16): bytes.fromhex(reply) for key, reply in named.items()}
    if all(len(reply) == 2 for reply in runs.values()):
        return False  # words: each register has its own two bytes
    seen: dict[int, int] = {}
    return any(
        seen.setdefault(start + i, byte) != byte
        for start, reply in runs.items()
        for i, byte in enumerate(reply)
    )


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


def _text(value: object, name: str, where: str) -> bytes:
    if not isinstance(value, str):
        raise ImageFault(f"{name} is not text: {value!r}", where=where, fix="write what the file holds")
    return value.encode("ascii", "replace")


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
    start_ns = _number(body.get("start_ns"), "start_ns", where, most)
    end_ns = _number(body.get("end_ns"), "end_ns", where, most)
    edges = tuple(
        Edge(
            at_ns=_number(at_ns, f"edge {i}, time,", where, most),
            gpio=_number(gpio, f"edge {i}, gpio,", where, 255),
            active=_level(active, f"edge {i}, active,", where),
        )
        for i, (at_ns, gpio, active) in enumerate(values)
    )
    for edge in edges:
        if not start_ns <= edge.at_ns <= end_ns:
            raise ImageFault(
                f"the edge at {edge.at_ns} is not between start_ns {start_ns} and end_ns {end_ns}",
                where=where,
                fix="one image is one interval with its edges",
            )
    if end_ns < start_ns:
        raise ImageFault(f"end_ns {end_ns} is before start_ns {start_ns}", where=where, fix="exchange them")
    return Edges(
        start_ns=start_ns,
        end_ns=end_ns,
        edges=tuple(sorted(edges, key=lambda edge: edge.at_ns)),
        active_at_start={
            _number(gpio, "active_at_start", where, 255): _level(level, f"active_at_start {gpio}", where)
            for gpio, level in levels.items()
        },
        lost=_number(body.get("lost", 0), "lost", where, most),
    )


def _level(value: object, name: str, where: str) -> bool:
    if value not in (0, 1) or not isinstance(value, int):
        raise ImageFault(f"{name} is {value!r}", where=where, fix="write true or false")
    return bool(value)
