"""Free-running serial instruments: listened to all the time, each frame used once and never stale.

The worker reads whenever bytes come, the driver's ``split`` cuts them, and frames are kept with their
arrival time until a poll takes them. A port that went away (unplugged, hung up) is opened again by the
same path, about once a second, whether or not anybody polls.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import threading
import time
from collections import deque
from queue import Empty, SimpleQueue
from typing import cast

from kaga_edge.buses.serial_port import PORT_ERRORS, Port, lost, open_port, unlock
from kaga_edge.buses.spec import BusSpec
from kaga_edge.buses.wire import Asking, Wire
from kaga_edge.buses.worker import Job
from kaga_edge.vocabulary.clock import Clock
from kaga_edge.vocabulary.drivers import UartDriver
from kaga_edge.vocabulary.errors import BusError, SensorSilent, WarmingUp
from kaga_edge.vocabulary.requests import Frame, Reply, Request, UartFrames

REOPEN_EVERY_S = 1.0  # goal: in use again within 5 s of being plugged in
MOST_FRAMES = 512  # of a 10 Hz instrument: 50 s
MOST_BUFFER_BYTES = 65536
KEPT_BYTES = 4096  # of an overflowing buffer: the longest frame is far shorter
# After bytes came nobody looks again for so long: ten frames a second need not be ten wake-ups. A poll
# always looks at once, so a frame's age is told up to this much too low, and nothing is late. Just above a
# second: where one is asked every second, the asking is the only wake-up.
REST_S = 1.05
EMPTY_READS = 3  # ready, yet nothing to read, so often in a row: the device is gone
READ_BYTES = 4096
RUBBISH_BYTES = 16  # without a single frame: no line noise any more
RESIDUE_BYTES = 256  # of bytes without a frame, kept for inspection
WEAK_AFTER_RESTARTS = 3  # before a warm-up was over: no longer a start, a fault
BANNER_NS = 1_000_000_000  # what comes within is the rest of the same banner

# Ports that are due together begin one after the other: threads that wake at once only wait for each other,
# and one that wakes much later finds a processor gone cold.
STEP_S = 0.001
_turns = itertools.cycle(range(1, 9))

GONE = select.POLLERR | select.POLLHUP | select.POLLNVAL
SPEAKS_OTHERWISE = "check the model, the baud rate and the line settings"
WEAK_SUPPLY = "measure its supply under load: cable, fuse, battery"
SAYS_NOTHING = "check power, the data line (TX to RX) and whether the instrument is set to free-running"


class UartWire(Wire[Job | None]):
    """One serial port with one instrument that talks by itself."""

    deadline_s = 1.0

    def __init__(self, spec: BusSpec, clock: Clock) -> None:
        (self._sensor,) = spec.sensors
        self.after_due_s = STEP_S * next(_turns)
        if spec.port is None or spec.line is None:
            raise ValueError(f"{spec.name}: no port or line settings")
        self._path = spec.port
        self._line = spec.line
        self._clock = clock
        self._driver = cast(UartDriver, self._sensor.driver)
        self._port: Port | None = None
        self._poll = select.poll()
        self._frames: deque[tuple[int, bytes]] = deque(
            maxlen=max(MOST_FRAMES, getattr(self._driver, "frames_kept", 0))  # a burst of many
        )
        self._buffer = b""
        self._empty_reads = 0
        self._rubbish_bytes = 0
        self._warm_from_ns = 0
        self._restarts = 0  # in a row, by its own banner
        self._try_again_s = 0.0
        self._wake_lock = threading.Lock()
        self._wake_fd: int | None = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._poll.register(self._wake_fd, select.POLLIN)
        self._warm_up_ns = int(self._sensor.model.warm_up_s * 1e9) if self._sensor.model else 0
        self._timed = self._sensor.model is not None and self._sensor.model.arrival_times
        self._rest = select.poll()
        self._rest.register(self._wake_fd, select.POLLIN)

    def open(self) -> None:
        """Open the port unless it is open. Raises BusMissing."""
        if self._port is not None:
            return
        self._try_again_s = time.monotonic() + REOPEN_EVERY_S
        self._port = open_port(self._path, self._line, timeout_s=self.deadline_s)
        self._poll.register(self._port.fd, select.POLLIN)
        self._warm_from_ns = self._clock.monotonic_ns()
        self._buffer = b""
        self._frames.clear()
        self._empty_reads = 0

    def close(self) -> None:
        """Close the port; whole frames already heard stay good."""
        port, self._port = self._port, None
        if port is not None:
            self._poll.unregister(port.fd)
            port.close()

    def end(self) -> None:
        """Close the port and what wakes us."""
        self.close()
        with self._wake_lock:
            fd, self._wake_fd = self._wake_fd, None
            if fd is not None:
                os.close(fd)

    def wake(self) -> None:
        """End the wait for bytes: a job has come."""
        with self._wake_lock:
            if self._wake_fd is not None:
                os.eventfd_write(self._wake_fd, 1)

    def release(self) -> None:
        """Let another worker open the port."""
        if self._port is not None:
            unlock(self._port)

    def next_job(self, jobs: SimpleQueue[Job | None], longest_s: float | None) -> Job | None:
        """Listen until a job comes, looking for a lost port. Raises queue.Empty after ``longest_s``."""
        ends_s = None if longest_s is None else time.monotonic() + longest_s
        while True:
            if not jobs.empty():  # nobody else takes from it
                return jobs.get_nowait()
            left_s = None if ends_s is None else ends_s - time.monotonic()
            if left_s is not None and left_s <= 0:
                raise Empty
            rest_s = REST_S if left_s is None else min(REST_S, left_s)
            if not self._timed and self._rest.poll(rest_s * 1000):
                self._hush()
                continue  # a job: the first thing it does is to take in what the port holds
            if not self._timed and rest_s < REST_S:
                raise Empty  # and so does the one that is expected now
            try:
                self._listen(left_s if self._timed else 0.0)
            except BusError:
                self.close()  # said by the next poll, and opened again below or there

    def carry(self, request: Request, asking: Asking) -> Reply:
        """Return the frames of the window, waiting for a first one. Raises SensorSilent, BusFault."""
        if not isinstance(request, UartFrames):
            raise TypeError(f"{asking.sensor.id}: {request} on a serial stream")
        if self._port is None:
            self.open()
        assert self._port is not None
        due = asking.due
        oldest_ns = due.up_ns - int(request.window_s * 1e9)
        ends_s = time.monotonic() + request.timeout_s
        if not self._take_in(self._port.fd, ready=False):
            self._listen(0.0)
        if request.ask:
            self._ask(request.ask)
        while True:
            fresh = [
                Frame(data=data, age_s=(due.up_ns - at_ns) / 1e9, at_ns=at_ns)
                for at_ns, data in self._frames
                if at_ns > oldest_ns
            ]
            self._frames.clear()  # the rest is stale
            if fresh:
                self._rubbish_bytes = 0
                return tuple(fresh)
            left_s = ends_s - time.monotonic()
            if left_s <= 0 and request.silence_is_good and not self._warming_up_s and self._sounds_quiet():
                return ()
            if left_s <= 0:
                raise self._silent(request.timeout_s)
            self._listen(left_s)

    def _ask(self, question: bytes) -> None:
        """Write a question; what came before it is no answer. Raises BusFault."""
        assert self._port is not None
        self._frames.clear()
        self._buffer = b""
        try:
            self._port.write(question)
        except PORT_ERRORS as error:
            raise lost(self._path, error) from error

    def residue(self) -> bytes:
        """Return the newest bytes that made no frame."""
        return self._buffer[-RESIDUE_BYTES:]

    def _listen(self, longest_s: float | None) -> None:
        """Take in what comes within ``longest_s`` (None: any time). Raises BusFault when the port is lost."""
        if self._port is None:
            longest_s = self._reopen(longest_s)
        for fd, events in self._poll.poll(None if longest_s is None else longest_s * 1000):
            if fd == self._wake_fd:
                self._hush()
            elif events & select.POLLIN:
                self._take_in(fd, ready=True)
            elif events & GONE:
                raise lost(self._path)

    def _hush(self) -> None:
        """Take back the wake-up; whoever woke us has put a job in the queue first."""
        if self._wake_fd is not None:
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._wake_fd)

    def _reopen(self, longest_s: float | None) -> float | None:
        wait_s = self._try_again_s - time.monotonic()
        if wait_s <= 0:
            try:
                self.open()
            except BusError:
                wait_s = REOPEN_EVERY_S
            else:
                return longest_s
        return wait_s if longest_s is None else min(wait_s, longest_s)

    def _take_in(self, fd: int, *, ready: bool) -> bool:
        """Say whether anything came. ``ready``: the kernel says so. Raises BusFault when the port is lost."""
        try:
            came = os.read(fd, READ_BYTES)
        except BlockingIOError:
            return False
        except PORT_ERRORS as error:
            raise lost(self._path, error) from error
        if came:
            self._empty_reads = 0
            self._cut(came)
        elif ready:
            self._empty_reads += 1
            if self._empty_reads >= EMPTY_READS:
                raise lost(self._path)
        return came != b""

    def _cut(self, came: bytes) -> None:
        now_ns = self._clock.monotonic_ns()
        cut = self._driver.split(self._buffer + came)
        self._rubbish_bytes += cut.skipped_bytes
        self._buffer = cut.rest if len(cut.rest) <= MOST_BUFFER_BYTES else cut.rest[-KEPT_BYTES:]
        if cut.restarted:
            self._restarts += now_ns - self._warm_from_ns > BANNER_NS
            self._warm_from_ns = now_ns
        if now_ns - self._warm_from_ns >= self._warm_up_ns:
            self._frames.extend([(now_ns, frame) for frame in cut.frames])
            self._restarts = 0 if cut.frames else self._restarts

    def _sounds_quiet(self) -> bool:
        """Tell silence from an instrument that speaks otherwise (wrong baud rate); counts anew."""
        rubbish_bytes, self._rubbish_bytes = self._rubbish_bytes, 0
        return rubbish_bytes < RUBBISH_BYTES

    @property
    def _warming_up_s(self) -> float:
        warm_ns = self._warm_up_ns - (self._clock.monotonic_ns() - self._warm_from_ns)
        return max(0, warm_ns) / 1e9

    def _silent(self, waited_s: float) -> BusError:
        warm_s = self._warming_up_s
        if warm_s and self._restarts >= WEAK_AFTER_RESTARTS:
            what = f"started anew {self._restarts} times without a value"
            return SensorSilent(what, where=self._path, fix=WEAK_SUPPLY)
        if warm_s:
            return WarmingUp(
                f"warming up, good values in {warm_s:.0f} s", where=self._path, fix="nothing to do: wait"
            )
        if self._buffer:
            return SensorSilent(
                f"bytes came, but no whole frame within {waited_s:g} s",
                where=self._path,
                fix=SPEAKS_OTHERWISE,
            )
        return SensorSilent(f"nothing came within {waited_s:g} s", where=self._path, fix=SAYS_NOTHING)
