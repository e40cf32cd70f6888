"""The simulated site: chips on I2C buses, instruments on ptys, levels on GPIO lines, and fault switches.

It lives in its own process (or in the demo's) and serves a Unix socket, so that the daemon can be
killed with -9 and started again while the weather goes on. ``wires()`` gives the same site to a daemon
in this process, for tests.

The socket speaks JSON lines: ``{"op":"i2c",…}`` carries one transaction, ``{"op":"pins"}`` answers with
the levels and then sends every edge, ``{"op":"fault",…}`` turns a fault switch.
"""

from __future__ import annotations

import errno
import json
import os
import socketserver
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kaga_edge.buses.spec import Wires
from kaga_edge.sim import fittings as fitted
from kaga_edge.sim.answering import Answerer, ModbusLine, Registers
from kaga_edge.sim.files import DEVICES, SiteFiles, Text, raspberry_pi, thermometer
from kaga_edge.sim.fittings import Fitting
from kaga_edge.sim.instruments import Rubbish
from kaga_edge.sim.lines import Lines
from kaga_edge.sim.pins import TimedPins
from kaga_edge.sim.ports import PtyPort, Talker
from kaga_edge.sim.slots import Fault, Slot
from kaga_edge.sim.wire import Message, fill, plain
from kaga_edge.sim.world import Truth, World

ROOT = "root"  # below it the kernel's files of the site

if TYPE_CHECKING:
    from smbus2 import i2c_msg


class SimulatedSite:
    """A site in a folder: ``folder/site.sock`` and the serial ports' names lie in it.

    ``speed``: story seconds that pass in one real second. ``begins_s``: where in the story it starts;
    below zero, the daemon can be ready before the first thing happens.
    """

    def __init__(
        self,
        folder: Path,
        fittings: Sequence[Fitting],
        world: World,
        *,
        speed: float = 1.0,
        begins_s: float = 0.0,
    ) -> None:
        self.folder, self.fittings, self.world, self.speed = folder, tuple(fittings), world, speed
        self.socket = folder / "site.sock"
        self._mark = begins_s, time.monotonic_ns()
        self._slots = {f.i2c: Slot(f, self.truth) for f in fittings if f.i2c}
        self._buses = {bus for bus, _ in self._slots}
        self._ports = _ports(folder, self.fittings, self.truth)
        self._files = SiteFiles(folder / ROOT, _files(self.fittings, self.truth))
        self.lines = Lines(fittings, world, self)
        self._server: socketserver.ThreadingUnixStreamServer | None = None

    def start(self) -> SimulatedSite:
        """Begin the story and serve the socket."""
        self.skip_to(self._mark[0])
        for port in set(self._ports.values()):
            port.start()
        self._files.start()
        self.lines.start()
        self.socket.unlink(missing_ok=True)
        self._server = _Server(self)
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="site", daemon=True).start()
        return self

    def stop(self) -> None:
        """Let go of what hangs, unplug everything, end the threads."""
        for slot in self._slots.values():
            slot.turn(Fault.UNPLUGGED)
        self.lines.stop()
        for port in set(self._ports.values()):
            port.stop()
        self._files.stop()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def __enter__(self) -> SimulatedSite:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def skip_to(self, story_s: float) -> None:
        """Go on from a later time of the story; nothing may happen on the lines before it."""
        self._mark = story_s, time.monotonic_ns()

    def story_s(self) -> float:
        """Return where in the story we are."""
        marked_s, marked_ns = self._mark
        return marked_s + (time.monotonic_ns() - marked_ns) / 1e9 * self.speed

    def monotonic_ns(self, story_s: float) -> int:
        """Return CLOCK_MONOTONIC at a time of the story."""
        marked_s, marked_ns = self._mark
        return marked_ns + round((story_s - marked_s) / self.speed * 1e9)

    def truth(self) -> Truth:
        """Return what is true now."""
        return self.world.truth(self.story_s())

    def turn(self, sensor: str, fault: Fault) -> None:
        """Turn a sensor's fault switch; ``Fault.NONE`` mends it."""
        for slot in self._slots.values():
            if slot.fitting.id == sensor:
                slot.turn(fault)
                return
        fitting = next(f for f in self.fittings if f.id == sensor)
        self._turn_port(fitting, self._ports[sensor], fault)

    def caught(self, sensor: str, within_s: float) -> bool:
        """Wait until a transfer hangs in a sensor whose fault is HANG; returns whether one does."""
        slot = next(s for s in self._slots.values() if s.fitting.id == sensor)
        return slot.caught.wait(within_s)

    def answered_ms(self, sensor: str) -> tuple[int, ...]:
        """Return the wall times, in ms, of the reads an I2C sensor has answered."""
        return next((tuple(s.answered_ms) for s in self._slots.values() if s.fitting.id == sensor), ())

    def transfer(self, bus: int, messages: Sequence[Message]) -> list[bytes]:
        """Carry one I2C transaction; returns what was read. Raises OSError as a Pi does."""
        if bus not in self._buses:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        slot = self._slots.get((bus, messages[0][0]))
        if slot is None:
            raise OSError(errno.EREMOTEIO, os.strerror(errno.EREMOTEIO))
        read = []
        for _, is_read, content in messages:
            if is_read:
                assert isinstance(content, int)
                read.append(slot.read(content))
            else:
                assert isinstance(content, bytes)
                slot.write(content)
        return read

    def wires(self) -> Wires:
        """Return ``Wires`` for a daemon in this process."""
        return Wires(
            open_i2c=lambda bus: LocalI2c(self, bus), pin_factory=self._local_pins, root=self.folder / ROOT
        )

    def _local_pins(self) -> TimedPins:
        pins = TimedPins()

        def on_edge(gpio: int, high: bool, at_ns: int) -> None:
            pins.drive(gpio, high=high, at_ns=at_ns)

        def on_levels(levels: dict[int, tuple[bool, int]]) -> None:
            for gpio, (high, at_ns) in levels.items():
                on_edge(gpio, high, at_ns)

        self.lines.listen(on_levels, on_edge)
        return pins

    def _turn_port(self, fitting: Fitting, talker: Talker | Answerer, fault: Fault) -> None:
        if isinstance(talker, Answerer):
            _turn_answerer(talker, fault)
            return
        right = fitted.instrument(fitting, self.truth)
        talker.hush(fault is Fault.HANG)
        match fault:
            case Fault.UNPLUGGED:
                talker.port.unplug()
            case Fault.GARBAGE | Fault.WRONG_CHIP:
                talker.speak_as(Rubbish(period_s=right.period_s))
            case _:
                talker.speak_as(right)
                if not talker.port.plugged:
                    talker.replug()


def _ports(folder: Path, fittings: Sequence[Fitting], truth: fitted.Now) -> dict[str, Talker | Answerer]:
    """Return what sits at each sensor's port; Modbus units share theirs."""
    found: dict[str, Talker | Answerer] = {}
    units: dict[str, dict[int, Registers]] = {}
    for one in fittings:
        if one.port is None:
            continue
        if one.modbus_id is not None:
            units.setdefault(one.port, {})[one.modbus_id] = fitted.registers(one, truth)
            continue
        port, device = PtyPort(folder / one.port), fitted.answering(one, truth)
        if device is not None:
            found[one.id] = Answerer(port, device)
        else:
            found[one.id] = Talker(port, fitted.instrument(one, truth))
    lines = {name: Answerer(PtyPort(folder / name), ModbusLine(known)) for name, known in units.items()}
    return found | {one.id: lines[one.port] for one in fittings if one.port in lines}


def _files(fittings: Sequence[Fitting], truth: fitted.Now) -> dict[str, Text]:
    found: dict[str, Text] = {}
    for one in fittings:
        if one.onewire:
            found[f"{DEVICES}/{one.onewire}/w1_slave"] = thermometer(lambda: truth().air_temperature_c)
        if one.driver == "pi_power":
            found |= raspberry_pi(lambda: truth().cpu_temperature_c, lambda: truth().under_voltage > 0)
    return found


def _turn_answerer(line: Answerer, fault: Fault) -> None:
    line.hush(fault is Fault.HANG)
    line.babble(fault in (Fault.GARBAGE, Fault.WRONG_CHIP))
    if fault is Fault.UNPLUGGED:
        line.port.unplug()
    elif not line.port.plugged:
        line.replug()


class LocalI2c:
    """One opened I2C bus of a site in this process; shaped like ``smbus2.SMBus``."""

    def __init__(self, site: SimulatedSite, bus: int) -> None:
        self._site, self._bus = site, bus

    def i2c_rdwr(self, *messages: i2c_msg) -> None:
        """Carry one transaction."""
        fill(messages, self._site.transfer(self._bus, plain(messages)))

    def close(self) -> None:
        """Close the bus; nothing to let go of."""


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, site: SimulatedSite) -> None:
        self.site = site
        super().__init__(str(site.socket), _Visitor)


class _Visitor(socketserver.StreamRequestHandler):
    """One connection: an opened bus, a follower of the lines, or a hand at the switches."""

    server: _Server

    def handle(self) -> None:
        """Answer until the other side hangs up (a killed daemon does so without a word)."""
        try:
            for line in self.rfile:
                self._answer(json.loads(line))
        except (BrokenPipeError, ConnectionResetError):
            return

    def _answer(self, request: dict[str, Any]) -> None:
        site = self.server.site
        match request["op"]:
            case "i2c":
                self._say(_transferred(site, request))
            case "pins":
                self._follow(site)
            case "fault":
                site.turn(request["sensor"], Fault(request["fault"]))
                self._say({"ok": True})

    def _follow(self, site: SimulatedSite) -> None:
        broken = threading.Event()

        def on_edge(gpio: int, high: bool, at_ns: int) -> None:
            try:
                self._say({"edge": [gpio, high, at_ns]})
            except OSError:
                broken.set()

        site.lines.listen(lambda levels: self._say({"levels": levels}), on_edge)
        self.rfile.read()  # until the follower hangs up
        site.lines.forget(on_edge)

    def _say(self, answer: dict[str, Any]) -> None:
        self.wfile.write(json.dumps(answer).encode() + b"\n")


def _transferred(site: SimulatedSite, request: dict[str, Any]) -> dict[str, Any]:
    """Carry a packed transaction and return the packed answer."""
    messages: list[Message] = [
        (address, isinstance(content, int), content if isinstance(content, int) else bytes.fromhex(content))
        for address, _, content in request["messages"]
    ]
    try:
        return {"read": [data.hex() for data in site.transfer(request["bus"], messages)]}
    except OSError as error:
        return {"errno": error.errno}
