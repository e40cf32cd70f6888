"""The one file that knows pyserial: open a port for ourselves alone, and say what its failures mean."""

from __future__ import annotations

import errno
import fcntl
import os
import termios
import time
from contextlib import suppress

import serial

from kaga_edge.vocabulary.errors import BusFault, BusMissing
from kaga_edge.vocabulary.requests import SerialLine

# What a lost port raises: OSError covers pyserial's own; termios has its own class.
PORT_ERRORS = (OSError, termios.error)

PLUG_IN = "plug the adapter in; name it by /dev/serial/by-id/... or by-path/..., ttyUSB numbers change"
JOIN_GROUP = "let the service's user into the group dialout"
STOP_OTHERS = "another program has the port open: stop the console (getty) or the other service"
CHECK_LINE = "check the port's name and its line settings"


class Port(serial.Serial):  # type: ignore[misc]  # pyserial has no types
    """A port whose read ends with a Modbus exception reply, and that keeps what it saw.

    minimalmodbus asks for the length of a good reply. An exception reply is shorter, and waiting for the
    rest would use up the whole deadline each time a device refuses.
    """

    seen = b""
    timeout: float  # pyserial's property; always a number here

    def read(self, size: int = 1) -> bytes:
        """Return up to ``size`` bytes within ``timeout``, or a whole exception reply."""
        ends_s = time.monotonic() + self.timeout
        head: bytes = super().read(min(size, 5))
        self.seen += head
        if size <= 5 or len(head) < 5 or head[1] & 0x80:
            return head
        budget_s, self.timeout = self.timeout, max(0.0, ends_s - time.monotonic())
        try:
            tail: bytes = super().read(size - 5)
        finally:
            self.timeout = budget_s
        self.seen += tail
        return head + tail


def open_port(path: str, line: SerialLine, *, timeout_s: float) -> Port:
    """Return ``path`` opened for this process alone, its input flushed once. Raises BusMissing."""
    try:
        # pyserial flushes the input while opening; never again, or a frame would be cut.
        return Port(
            port=path,
            baudrate=line.baud,
            bytesize=line.data_bits,
            parity=line.parity,
            stopbits=line.stop_bits,
            timeout=timeout_s,
            write_timeout=timeout_s,
            exclusive=True,
        )
    except (*PORT_ERRORS, ValueError) as error:
        raise BusMissing(f"{path} cannot be opened: {_text(error)}", where=path, fix=_fix(error)) from error


def lost(path: str, error: Exception | None = None) -> BusFault:
    """Return the error of a port that went away while open."""
    reason = f": {_text(error)}" if error else ""
    return BusFault(f"the port went away{reason}", where=path, fix=PLUG_IN)


def unlock(port: Port) -> None:
    """Let another open have the port although this one cannot be closed now."""
    if port.fd is not None:
        with suppress(OSError):
            fcntl.flock(port.fd, fcntl.LOCK_UN)


def _text(error: Exception) -> str:
    number = getattr(error, "errno", None)  # pyserial's own text says the port's name twice more
    return os.strerror(number) if number else str(error)


def _fix(error: Exception) -> str:
    number = getattr(error, "errno", None)
    if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.EIO):
        return PLUG_IN
    if number in (errno.EACCES, errno.EPERM):
        return JOIN_GROUP
    if number in (errno.EBUSY, errno.EAGAIN):
        return STOP_OTHERS
    return CHECK_LINE
