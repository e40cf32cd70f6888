"""Serial ports that are ptys under a stable name, and the instruments that talk on them.

Unplugging closes the pty and takes the name away, as the kernel does with a USB adapter; plugging in
makes a new pty under the same name, and the instrument starts again with its banner.
"""

from __future__ import annotations

import os
import select
import threading
import time
import tty
from pathlib import Path

from kaga_edge.sim.instruments import Instrument


class PtyPort:
    """One serial port: ``path`` is the symlink to give to the program that reads it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._ends: tuple[int, int] | None = None  # ours, theirs (held open: a port without reader stays)

    @property
    def plugged(self) -> bool:
        """Whether the port exists."""
        return self._ends is not None

    def plug(self) -> None:
        """Make the pty and its name; does nothing when it is there."""
        with self._lock:
            if self._ends is not None:
                return
            ours, theirs = os.openpty()
            tty.setraw(theirs)
            os.set_blocking(ours, False)
            self.path.unlink(missing_ok=True)
            self.path.symlink_to(os.ttyname(theirs))
            self._ends = ours, theirs

    def unplug(self) -> None:
        """Take the name away and hang up; does nothing when it is gone."""
        with self._lock:
            if self._ends is None:
                return
            self.path.unlink(missing_ok=True)
            for end in self._ends:
                os.close(end)
            self._ends = None

    def receive(self, within_s: float) -> bytes:
        """Return what was written to the port; nothing when nothing comes within the time."""
        with self._lock:
            ours = self._ends[0] if self._ends is not None else None
        if ours is None:
            time.sleep(within_s)
            return b""
        try:
            if not select.select([ours], [], [], within_s)[0]:
                return b""
            with self._lock:  # it may have been unplugged meanwhile, and its number used again
                return os.read(ours, 256) if self._ends is not None and self._ends[0] == ours else b""
        except (OSError, ValueError):
            return b""

    def send(self, data: bytes) -> None:
        """Send bytes; what nobody reads is dropped when the line's buffer is full, as on a real one."""
        with self._lock:
            if self._ends is None or not data:
                return
            try:
                os.write(self._ends[0], data)
            except BlockingIOError:
                return


class Talker:
    """Sends an instrument's frames at its rate in a thread of its own."""

    def __init__(self, port: PtyPort, instrument: Instrument) -> None:
        self.port = port
        self.sent = 0
        self._instrument = instrument
        self._silent = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._talk, name=f"talker {port.path.name}", daemon=True)

    def start(self) -> None:
        """Plug the port in, say the banner, begin."""
        self.port.plug()
        self.port.send(self._instrument.banner())
        self._thread.start()

    def stop(self) -> None:
        """End the thread and unplug the port."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(5)
        self.port.unplug()

    def speak_as(self, instrument: Instrument) -> None:
        """Swap the instrument behind the port: rubbish, another model, or the right one again."""
        self._instrument = instrument

    def hush(self, silent: bool) -> None:
        """Stop or go on sending with the port still there."""
        (self._silent.set if silent else self._silent.clear)()

    def replug(self) -> None:
        """Plug the port in again; power comes on, so the banner goes first."""
        self.port.plug()
        self.port.send(self._instrument.banner())

    def _talk(self) -> None:
        while not self._over.wait(self._instrument.period_s):
            if not self._silent.is_set():
                self.port.send(self._instrument.frame())
                self.sent += 1
