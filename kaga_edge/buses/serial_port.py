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
    """A port whose read begins and ends with one Modbus reply, and that keeps what it saw.

    minimalmodbus asks for the length of a good reply. An exception reply is shorter, and waiting for the
    rest would use up the whole deadline each time a device refuses. ``expects``: unit, function and data
    bytes of the reply; what comes before (a stray byte as the line turns round, another's late answer, our
    own question from an adapter that hears itself) is passed over.
    """

    seen = b""
    expects: tuple[int, int, int] | None = None
    timeout: float  # pyserial's property; always a number here

    def read(self, size: int = 1) -> bytes:
        """Return up to ``size`` bytes within ``timeout``, or a whole exception reply."""
        ends_s, budget_s = time.monotonic() + self.timeout, self.timeout
        try:
            head = self._more(min(size, 5), None)
            while len(head) == 5 and not self._begins(head) and time.monotonic() < ends_s:
                head = head[1:] + self._more(1, ends_s)
            if size <= 5 or len(head) < 5 or head[1] & 0x80:
                return head
            return head + self._more(size - 5, ends_s)
        finally:
            if self.timeout != budget_s:  # setting it costs a system call or more
                self.timeout = budget_s

    def _begins(self, head: bytes) -> bool:
        if self.expects is None:
            return True
        unit, function, data_bytes = self.expects
        refused = head[:2] == bytes((unit, function | 0x80))
        return refused or head[:3] == bytes((unit, function, data_bytes))

    def _more(self, size: int, ends_s: float | None) -> bytes:
        if ends_s is not None:
            self.timeout = max(0.0, ends_s - time.monotonic())
        came: bytes = super().read(size)
        self.seen += came
        return came


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
