"""GPIO lines through gpiozero: every edge with the kernel's time, none lost between polls.

The pin's own ``when_changed`` is used rather than Button: Button's callbacks carry no time. Debouncing is
the drivers' (``core.tallies``), because the kernel's debounce shifts times and the mock pin has none.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any, cast

from kaga_edge.buses.spec import BusSensor, BusSpec
from kaga_edge.buses.wire import Asking, Wire
from kaga_edge.buses.worker import Job
from kaga_edge.vocabulary.clock import Clock
from kaga_edge.vocabulary.drivers import GpioDriver
from kaga_edge.vocabulary.errors import BusMissing, KagaError
from kaga_edge.vocabulary.requests import Edge, Edges, PinUse, Reply, Request, TakeEdges

MOST_EDGES = 16384  # of one sensor between two polls: 20 edges/s for 13 min; more are counted as lost
# An edge needs some time from the kernel through lgpio's thread to us; a poll waits for that long.
DELIVERY_S = 0.02
SANE_NS = 60_000_000_000  # an edge time further than this from now is of another clock

PULLS = {"up": "up", "down": "down", "none": "floating"}
NO_HEADER = "check that this is a Raspberry Pi, /dev/gpiochip* exists and the user is in the group gpio"
NO_LIBRARY = "install lgpio (>= 0.2.2) or the OS package python3-lgpio"
CHECK_LINE = "check the line's number, that nothing else uses it, and its pull (GPIO 2 and 3 are fixed up)"

_header: Any = None
_folder: tempfile.TemporaryDirectory[str] | None = (
    None  # for lgpio outside the service; goes with the process
)


def open_header() -> Any:
    """Return gpiozero's pins on lgpio, one for the process. Never chosen by chance or by environment."""
    global _header  # lgpio's chip handle is per process, as the pins are
    if _header is None:
        os.environ["LG_WD"] = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0] or _own_folder()
        here = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
        try:
            from gpiozero.pins.lgpio import LGPIOFactory
        finally:
            os.fchdir(here)  # importing lgpio also moves the whole process into LG_WD
            os.close(here)
        _header = LGPIOFactory()
    return _header


def _own_folder() -> str:
    """Return where lgpio may make its FIFO at import; in "/" of a hardened service it would die."""
    global _folder  # once: without a header this is asked for at every poll
    if _folder is None:
        _folder = tempfile.TemporaryDirectory(prefix="kaga-edge-gpio-")
    return _folder.name


class GpioWire(Wire[Job | None]):
    """The header's lines that sensors use."""

    deadline_s = 1.0
    after_due_s = DELIVERY_S

    def __init__(self, spec: BusSpec, pin_factory: Callable[[], Any], clock: Clock) -> None:
        self._name = spec.name
        self._sensors = spec.sensors
        self._pin_factory = pin_factory
        self._clock = clock
        self._pins: Any = None
        self._feeds: dict[str, _Feed] = {}

    def open(self) -> None:
        """Watch every sensor's lines that are not watched yet. Raises BusMissing without a header."""
        if self._pins is None:
            try:
                self._pins = self._pin_factory()
            except ImportError as error:
                raise BusMissing(f"no GPIO library: {error}", where=self._name, fix=NO_LIBRARY) from error
            except pin_errors() as error:
                raise BusMissing(f"no GPIO header: {error}", where=self._name, fix=NO_HEADER) from error
        for sensor in self._sensors:
            if sensor.id not in self._feeds:
                try:
                    self._watch(sensor)
                except KagaError:
                    continue  # said when this sensor is polled; the others watch on

    def close(self) -> None:
        """Do nothing: one line that cannot be watched must not cost its neighbours their edges."""

    def end(self) -> None:
        """Stop watching."""
        feeds = list(self._feeds.values())
        self._feeds.clear()
        for feed in feeds:
            feed.stop()

    def carry(self, request: Request, asking: Asking) -> Reply:
        """Return the edges up to the due time; later ones stay for the next poll."""
        sensor, due = asking.sensor, asking.due
        if not isinstance(request, TakeEdges):
            raise TypeError(f"{sensor.id}: {request} on GPIO")
        feed = self._feeds.get(sensor.id) or self._watch(sensor)
        early_s = due.up_ns / 1e9 + DELIVERY_S - self._clock.monotonic_ns() / 1e9
        if early_s > 0:
            time.sleep(min(early_s, DELIVERY_S))
        return feed.take(due.up_ns)

    def settled(self, sensor: BusSensor, *, good: bool) -> None:
        """Give the edges back when the poll that took them failed: what was counted is not lost."""
        feed = self._feeds.get(sensor.id)
        if feed is not None:
            feed.settled(good=good)

    def lost_edges(self, sensor: str) -> int:
        """Return how many edges of ``sensor`` are known lost since it is watched."""
        feed = self._feeds.get(sensor)
        return feed.lost_ever if feed is not None else 0

    def _watch(self, sensor: BusSensor) -> _Feed:
        feed = _Feed(self._clock)
        for use in cast(GpioDriver, sensor.driver).pins():
            try:
                feed.watch(self._pins, use)
            except pin_errors() as error:
                feed.stop()
                where = f"{self._name} {sensor.id} GPIO {use.gpio}"
                raise BusMissing(f"cannot watch the line: {error}", where=where, fix=CHECK_LINE) from error
        self._feeds[sensor.id] = feed
        return feed


class _Feed:
    """One sensor's lines. ``changed`` comes from the pins' thread, the rest from the bus worker's."""

    def __init__(self, clock: Clock) -> None:
        self.lost_ever = 0
        self._clock = clock
        self._lock = threading.Lock()
        self._lines: list[_Line] = []
        self._edges: list[Edge] = []
        self._lost = 0
        self._start_ns = clock.monotonic_ns()
        self._active_at_start: dict[int, bool] = {}  # lent to drivers: a new one at every change
        self._active: dict[int, bool] = {}
        self._first = True
        self._doubted: set[int] = set()  # lines whose level was not that of their last edge
        self._lent: Edges | None = None

    def watch(self, pins: Any, use: PinUse) -> None:
        """Set the line up as an input and follow both its edges."""
        pin = pins.pin(use.gpio)
        if pin.function != "input":
            pin.function = "input"
        if pin.pull != PULLS[use.pull]:
            pin.pull = PULLS[use.pull]
        pin.edges = "both"
        line = _Line(self, use, pin)
        self._active[use.gpio] = bool(pin.state) != use.active_low
        self._active_at_start = dict(self._active)
        self._lines.append(line)  # gpiozero keeps callbacks by weak reference only
        pin.when_changed = line.changed

    def stop(self) -> None:
        """Stop following."""
        for line in self._lines:
            line.pin.when_changed = None

    def changed(self, gpio: int, at_ns: int, *, active: bool) -> None:
        """Note one edge."""
        now_ns = self._clock.monotonic_ns()
        if abs(now_ns - at_ns) > SANE_NS:
            at_ns = now_ns
        with self._lock:
            lost = 1 if self._active[gpio] == active else 0  # the edge between the two never came
            self._active[gpio] = active
            if len(self._edges) < MOST_EDGES:
                self._edges.append(Edge(at_ns=at_ns, gpio=gpio, active=active))
            else:
                lost += 1
            self._lost += lost
            self.lost_ever += lost

    def take(self, end_ns: int) -> Edges:
        """Lend the edges up to ``end_ns``, until ``settled`` says what became of them."""
        levels = self._levels()
        with self._lock:
            if self._doubted or levels != self._active:
                self._compare(levels)
            start_ns = self._start_ns
            end_ns = max(end_ns, start_ns + 1)
            self._lent = lent = Edges(
                start_ns=start_ns,
                end_ns=end_ns,
                edges=self._taken(start_ns, end_ns) if self._edges else (),
                active_at_start=self._active_at_start,
                lost=self._lost,
                first=self._first,
            )
            self._start_ns, self._lost, self._first = end_ns, 0, False
            if self._edges:  # some came after the due time
                latest = {edge.gpio: edge.active for edge in lent.edges}
                self._active_at_start = self._active_at_start | latest
            elif self._active_at_start != self._active:
                # not the last edges' levels: edges that found the queue full are not among those taken
                self._active_at_start = dict(self._active)
            return lent

    def _taken(self, start_ns: int, end_ns: int) -> tuple[Edge, ...]:
        """Take the edges up to ``end_ns`` out of the queue, oldest first."""
        taken = sorted([edge for edge in self._edges if edge.at_ns <= end_ns], key=lambda edge: edge.at_ns)
        self._edges = [edge for edge in self._edges if edge.at_ns > end_ns]
        # one delivered after its own poll: a few ms late is better than never
        return tuple([edge if edge.at_ns > start_ns else _at(edge, start_ns + 1) for edge in taken])

    def _levels(self) -> dict[int, bool]:
        """Return how the lines are now; none where they cannot be read."""
        try:
            return {line.gpio: bool(line.pin.state) != line.active_low for line in self._lines}
        except pin_errors():
            return {}

    def _compare(self, levels: dict[int, bool]) -> None:
        """Find the last edge before a silence lost: without it a car would stand on the loop all night.

        A level that is not its last edge's may be an edge still on its way; at the next look it is lost.
        """
        differ = {gpio for gpio, active in levels.items() if active != self._active[gpio]}
        quiet = {gpio for gpio in differ & self._doubted if not any(e.gpio == gpio for e in self._edges)}
        seen = {gpio: levels[gpio] for gpio in quiet}
        self._active.update(seen)
        self._active_at_start = self._active_at_start | seen
        self._doubted = differ - quiet
        self._lost += len(quiet)
        self.lost_ever += len(quiet)

    def settled(self, *, good: bool) -> None:
        """Forget what was lent, or take it back when its poll failed."""
        lent, self._lent = self._lent, None
        if lent is None or good:
            return
        with self._lock:
            self._edges[:0] = lent.edges
            self._start_ns, self._first = lent.start_ns, lent.first
            self._active_at_start = lent.active_at_start
            self._lost += lent.lost


class _Line:
    """One pin's callback, with which way round its levels are."""

    def __init__(self, feed: _Feed, use: PinUse, pin: Any) -> None:
        self.pin = pin
        self.gpio = use.gpio
        self.active_low = use.active_low
        self._feed = feed

    def changed(self, ticks: float, state: int) -> None:
        """Take gpiozero's call: ``ticks`` are seconds of CLOCK_MONOTONIC, by the kernel with lgpio."""
        if state in (0, 1):  # lgpio also reports watchdog timeouts, as level 2
            self._feed.changed(self.gpio, round(ticks * 1e9), active=bool(state) != self.active_low)


def _at(edge: Edge, at_ns: int) -> Edge:
    return Edge(at_ns=at_ns, gpio=edge.gpio, active=edge.active)


def pin_errors() -> tuple[type[Exception], ...]:
    """Return what gpiozero and lgpio raise; both are loaded only once a GPIO bus is opened."""
    from gpiozero.exc import GPIOZeroError

    lgpio = sys.modules.get("lgpio")
    own = (lgpio.error,) if lgpio is not None else ()
    return (OSError, GPIOZeroError, *own)
