"""The daemon's end of the simulated I2C wires: an SMBus that reaches the site over a socket.

``RemoteI2c`` stands where ``smbus2.SMBus`` would: the bus worker calls ``i2c_rdwr`` with smbus2's own
messages and gets an ``OSError`` with the errno a Pi would give.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smbus2 import i2c_msg

I2C_M_RD = 0x0001
Message = tuple[int, bool, bytes | int]  # address, is it a read, bytes to write or how many to read


class RemoteI2c:
    """One opened I2C bus of the site in another process."""

    def __init__(self, site: Path, bus: int) -> None:
        self._bus = bus
        self._line = SiteLine(site)

    def i2c_rdwr(self, *messages: i2c_msg) -> None:
        """Carry one transaction; raises OSError as told by the site."""
        answer = self._line.ask({"op": "i2c", "bus": self._bus, "messages": [_packed(m) for m in messages]})
        if "errno" in answer:
            raise OSError(answer["errno"], os.strerror(answer["errno"]))
        fill(messages, [bytes.fromhex(text) for text in answer["read"]])

    def close(self) -> None:
        """Close the bus."""
        self._line.close()


class SiteLine:
    """A connection to the site: one JSON line asked, one answered."""

    def __init__(self, site: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(str(site))
        self._file = self._socket.makefile("rwb")

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request and wait for its answer. The site gone is an I/O error, as a dead bus is."""
        self.send(request)
        return self.receive()

    def send(self, request: dict[str, Any]) -> None:
        """Send one line."""
        self._file.write(json.dumps(request).encode() + b"\n")
        self._file.flush()

    def receive(self) -> dict[str, Any]:
        """Wait for one line."""
        line = self._file.readline()
        if not line:
            raise ConnectionResetError("the simulated site has gone")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """Hang up; a thread waiting in ``receive`` is let go."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # the site hung up first
        finally:
            self._socket.close()


def plain(messages: tuple[i2c_msg, ...]) -> list[Message]:
    """Return smbus2's messages as values."""
    return [(m.addr, True, m.len) if m.flags & I2C_M_RD else (m.addr, False, bytes(m)) for m in messages]


def fill(messages: tuple[i2c_msg, ...], replies: list[bytes]) -> None:
    """Put the replies, in order, into the buffers of the read messages."""
    wanting = [m for m in messages if m.flags & I2C_M_RD]
    for message, reply in zip(wanting, replies, strict=True):
        ctypes.memmove(message.buf, reply, message.len)


def _packed(message: i2c_msg) -> list[Any]:
    address, is_read, content = plain((message,))[0]
    return [address, is_read, content if isinstance(content, int) else content.hex()]
