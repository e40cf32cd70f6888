"""Instruments that speak when asked: Modbus RTU units on one line, and Lufft's UMB binary.

``Answerer`` listens on a port in a thread of its own; the line makes whole questions of bytes and answers
them. Check values are worked out here, apart from the gateway's own, bit by bit.
"""

from __future__ import annotations

import random
import struct
import threading
from collections.abc import Callable, Mapping
from typing import Protocol

from kaga_edge.sim.ports import PtyPort

Registers = Callable[[int, int], int | None]  # function, address on the wire -> word; None: refused
RUBBISH_BYTES = 7
LONGEST_BUFFER_BYTES = 256


class Answering(Protocol):
    """What sits at the far end of a line."""

    def take(self, buffer: bytes) -> tuple[bytes, bytes]:
        """Return the answer to the first whole question (empty: none yet) and the rest of the buffer."""


class ModbusLine:
    """Several Modbus RTU units on one pair of wires; functions 3 and 4."""

    def __init__(self, units: Mapping[int, Registers]) -> None:
        self._units = dict(units)

    def take(self, buffer: bytes) -> tuple[bytes, bytes]:
        """Answer eight bytes with a right check value; slide by one byte otherwise."""
        while len(buffer) >= 8:
            question, rest = buffer[:8], buffer[8:]
            if _crc16(question[:6], 0xA001) != int.from_bytes(question[6:], "little"):
                buffer = buffer[1:]
                continue
            return self._answer(question), rest
        return b"", buffer

    def _answer(self, question: bytes) -> bytes:
        unit, function, address, count = struct.unpack(">BBHH", question[:6])
        registers = self._units.get(unit)
        if registers is None:
            return b""  # somebody else's, or nobody's
        words = [registers(function, address + at) for at in range(count)]
        known = [word for word in words if word is not None]
        if len(known) < len(words):
            body = bytes((unit, function | 0x80, 2))
        else:
            body = struct.pack(f">BBB{count}H", unit, function, 2 * count, *(word & 0xFFFF for word in known))
        return body + _crc16(body, 0xA001).to_bytes(2, "little")


class UmbLaser:
    """A Lufft SHM31 in its factory protocol: channel 604, snow height in cm."""

    def __init__(self, *, height_m: Callable[[], float], umb_id: int = 1) -> None:
        self._height_m = height_m
        self._address = 0xB000 + umb_id

    def take(self, buffer: bytes) -> tuple[bytes, bytes]:
        """Answer a whole question for our address."""
        start = buffer.find(b"\x01\x10")
        if start < 0:
            return b"", buffer[-1:]
        buffer = buffer[start:]
        if len(buffer) < 8 or len(buffer) < 12 + buffer[6]:
            return b"", buffer
        end = 12 + buffer[6]
        question, rest = buffer[:end], buffer[end:]
        to, sender = struct.unpack("<HH", question[2:6])
        good = _crc16(question[:-3], 0x8408) == int.from_bytes(question[-3:-1], "little")
        if not good or to != self._address or question[8:12] != b"\x23\x10\x5c\x02":
            return b"", rest
        height = struct.pack("<f", self._height_m() * 100)
        payload = b"\x23\x10\x00\x5c\x02\x16" + height
        body = struct.pack("<BBHHBB", 1, 0x10, sender, self._address, len(payload), 2) + payload + b"\x03"
        return body + _crc16(body, 0x8408).to_bytes(2, "little") + b"\x04", rest


class Answerer:
    """The thread at the far end of one port."""

    def __init__(self, port: PtyPort, device: Answering) -> None:
        self.port = port
        self.answered = 0
        self._device = device
        self._silent = threading.Event()
        self._garbage = threading.Event()
        self._over = threading.Event()
        self._random = random.Random(port.path.name)
        self._thread = threading.Thread(target=self._serve, name=f"answers {port.path.name}", daemon=True)

    def start(self) -> None:
        """Plug the port in and listen."""
        self.port.plug()
        self._thread.start()

    def stop(self) -> None:
        """End the thread and unplug the port."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(5)
        self.port.unplug()

    def hush(self, silent: bool) -> None:
        """Hear and say nothing, or go on."""
        (self._silent.set if silent else self._silent.clear)()

    def babble(self, garbage: bool) -> None:
        """Answer with rubbish, or rightly again."""
        (self._garbage.set if garbage else self._garbage.clear)()

    def replug(self) -> None:
        """Plug the port in again."""
        self.port.plug()

    def _serve(self) -> None:
        buffer = b""
        while not self._over.is_set():
            buffer += self.port.receive(0.05)
            answer, buffer = self._device.take(buffer[-LONGEST_BUFFER_BYTES:])
            if not answer or self._silent.is_set():
                continue
            self.port.send(self._random.randbytes(RUBBISH_BYTES) if self._garbage.is_set() else answer)
            self.answered += 1


def _crc16(data: bytes, reflected: int) -> int:
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (reflected if crc & 1 else 0)
    return crc
