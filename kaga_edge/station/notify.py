"""Words to systemd: READY, STATUS, WATCHDOG, RELOADING, STOPPING.

Source: sd_notify(3), sd_watchdog_enabled(3): one datagram to the socket named by NOTIFY_SOCKET; a
leading "@" means the abstract namespace. Without it every word is a no-op.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping


class Supervisor:
    """The way to systemd, or to nobody."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog_s = _watchdog_s(environ)
        self._status = ""

    def say(self, *words: str) -> None:
        """Send assignments such as ``READY=1``."""
        if not self._address:
            return
        # A supervisor that went away is no reason to stop measuring.
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender,
        ):
            sender.connect(self._address)
            sender.send("\n".join(words).encode())

    def status(self, line: str) -> None:
        """Show ``line`` in ``systemctl status``; sent only when it changed."""
        if line != self._status:
            self._status = line
            self.say(f"STATUS={line}")


def _watchdog_s(environ: Mapping[str, str]) -> float | None:
    """Return the watchdog period in seconds, None when it is off or meant for another process."""
    pid = environ.get("WATCHDOG_PID")
    microseconds = environ.get("WATCHDOG_USEC", "")
    if not microseconds.isdigit() or (pid is not None and pid != str(os.getpid())):
        return None
    return int(microseconds) / 1e6 or None
