"""The real daemon as its own process, on real ptys, against a real broker."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pty
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kaga_edge.core.stored import Entry, SensorDeclaration
from kaga_edge.link.ending import end
from kaga_edge.receiver import Receiver
from kaga_edge.sim.broker import free_port
from kaga_edge.station.clock import SystemClock
from kaga_edge.store import Identity, Store
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Reading, Sample
from tests.quiet import quiet_s

SILENT_S = 60.0  # how long a test waits for something that must happen


def wait_for(what, *, seconds: float = SILENT_S, every_s: float = 0.02, why: str = "it"):
    """Poll ``what`` until it is true and return its value; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{why} did not happen within {seconds:g} s")
        select.select([], [], [], every_s)


class Instrument:
    """An A02YYUW on a pty: a frame every ``every_s`` under a stable name, until unplugged."""

    def __init__(self, link: Path, every_s: float = 0.05) -> None:
        self.link = link
        self.distance_mm = 2000
        self._every_s = every_s
        self._stop = threading.Event()
        self.plug()

    def plug(self) -> None:
        self._stop.clear()
        self._master, slave = pty.openpty()
        tty.setraw(slave)
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(os.ttyname(slave))
        os.close(slave)
        os.set_blocking(self._master, False)
        self._thread = threading.Thread(target=self._talk, args=(self._master,), daemon=True)
        self._thread.start()

    def unplug(self) -> None:
        self._stop.set()
        self._thread.join()
        os.close(self._master)
        self.link.unlink(missing_ok=True)

    def _talk(self, master: int) -> None:
        while not self._stop.wait(self._every_s):
            high, low = divmod(self.distance_mm, 256)
            frame = bytes((0xFF, high, low, (0xFF + high + low) & 0xFF))
            try:
                os.write(master, frame)
            except (BlockingIOError, OSError):
                continue  # nobody reads; a real line loses the bytes too


class Daemon:
    """``kaga-edge run`` on one configuration file; may be started and killed again and again."""

    home: Path | None = None  # the working directory; a later version of the package may lie there
    environment: dict[str, str] | None = None

    def __init__(self, config: Path, runtime: Path, log: Path) -> None:
        self.config, self.socket, self.log = config, runtime / "control.sock", log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, wait: bool = True) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "kaga_edge", "run", "--config", str(self.config)],
                stdout=log,
                stderr=log,
                cwd=self.home,
                env=self.environment,
            )
        if wait:
            wait_for(self.status, why="an answer on the control socket")

    def status(self) -> dict | None:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(
                f"the daemon ended with {self.process.returncode}: {self.log.read_text()[-3000:]}"
            )
        return self.ask({"op": "status"})

    def ask(self, request: dict) -> dict | None:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(SILENT_S)
            try:
                client.connect(str(self.socket))
                client.sendall(json.dumps(request).encode() + b"\n")
                answer = client.makefile().readline()
                return json.loads(answer) if answer else None
            except OSError:
                return None

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> float:
        """SIGTERM; return the seconds it took of a quiet machine."""
        assert self.process is not None
        begun = quiet_s()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(SILENT_S)
        return quiet_s() - begun


def backlog(path: Path, rows: int, identity: Identity | None = None) -> None:
    """Leave ``rows`` samples waiting in the store, as an outage would, of this machine or another."""

    async def fill() -> None:
        clock = SystemClock()
        store = await Store.open(
            path, max_bytes=500_000_000, keep_delivered_s=86_400, clock=clock, identity=identity
        )
        level = SensorDeclaration(id="level-0", channels=(("water_level", "m", 0.001, {}),), driver="a02yyuw")
        await store.declare([level], {"name": {"ja": "試験", "en": "Test"}}, "test-01")
        noise = random.Random(1)
        for _ in range(0, rows, 500):
            await store.append(
                [
                    Entry(
                        sample=Sample(
                            sensor="level-0",
                            at=clock.now(),
                            readings=(Reading(quantity=Quantity.WATER_LEVEL_M, value=noise.uniform(0, 5)),),
                        )
                    )
                    for _ in range(min(500, rows))
                ]
            )
        await store.close()

    asyncio.run(fill())


def mosquitto_on(port: int, folder: Path) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    """Mosquitto without credentials on ``port``."""
    conf = (
        f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
        "max_queued_messages 0\nmax_inflight_messages 20\n"
    )
    return running_mosquitto(conf, folder, lambda: answering(port))


@contextlib.contextmanager
def running_mosquitto(
    conf: str, folder: Path, ready: Callable[[], bool]
) -> Iterator[subprocess.Popen[bytes]]:
    """Mosquitto on a configuration, until the block ends; killed, as a broker dies."""
    if shutil.which("mosquitto") is None:
        pytest.skip("mosquitto is not installed (scripts/apt-packages lists it)")
    file = folder / "mosquitto.conf"
    file.write_text(conf)
    broker = subprocess.Popen(
        ["mosquitto", "-c", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(ready, why="mosquitto")
        yield broker
    finally:
        broker.kill()
        broker.wait()


def answering(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def swallowing_line(target: int) -> Iterator[tuple[int, threading.Event]]:
    """A TCP line to ``target`` that takes everything and passes nothing on once the event is set."""
    swallow, server = threading.Event(), socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not swallow.is_set():
                    sink.sendall(data)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = server.accept()
                far = socket.create_connection(("127.0.0.1", target))
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=pump, args=ends, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield server.getsockname()[1], swallow
    server.close()


@pytest.fixture
def mosquitto(tmp_path):
    port = free_port()
    with mosquitto_on(port, tmp_path):
        yield port


@pytest.fixture
def instruments(tmp_path):
    made = [Instrument(tmp_path / name) for name in ("level-1", "level-2")]
    yield made
    for instrument in made:
        if instrument.link.exists():
            instrument.unplug()


CONFIG = """
[site]
id = "test-01"
name = {{ ja = "試験", en = "Test" }}
contact = "0761-00-0000"
position = [36.3, 136.3]

{platform}

[store]
path = "{folder}/store.sqlite"

[station]
runtime = "{folder}/run"
"""

SENSOR = """
[[sensor]]
id = "{id}"
driver = "a02yyuw"
port = "{port}"
every = "{every}"
[sensor.mount]
gauge_zero_to_sensor_m = 5.0
{more}
[sensor.disclosure]
purpose = {{ ja = "水位", en = "level" }}
personal_data = false
"""


PLATFORM = """
[platform]
url = "mqtt://127.0.0.1:{port}"
batch = "250ms"
reconnect_first = "100ms"
reconnect_max = "1s"
{more}
"""


def config_text(
    folder: Path,
    sensors: list[tuple[str, Path]],
    *,
    port: int | None,
    every: str = "1s",
    more: str = "",
    platform: str = "",
) -> str:
    """Return a configuration of A02YYUW sensors; ``port``: the broker's, None for no platform."""
    where = "" if port is None else PLATFORM.format(port=port, more=platform)
    text = CONFIG.format(folder=folder, platform=where)
    return text + "".join(SENSOR.format(id=name, port=path, every=every, more=more) for name, path in sensors)


@pytest.fixture
def daemon(tmp_path):
    """A daemon whose configuration the test writes to ``tmp_path / "kaga-edge.toml"``."""
    made = Daemon(tmp_path / "kaga-edge.toml", tmp_path / "run", tmp_path / "daemon.log")
    yield made
    if made.process is not None and made.process.poll() is None:
        made.kill()


class Receiving:
    """The contract's receiver in a thread of its own."""

    def __init__(self, port: int, folder: Path) -> None:
        self._port, self._path = port, folder / "receiver.sqlite"
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        self._ready.wait(SILENT_S)

    async def _run(self) -> None:
        self._receiver = Receiver("127.0.0.1", self._port, path=self._path, reconnect_max_s=0.5)
        self._loop, self._task = asyncio.get_running_loop(), asyncio.create_task(self._receiver.run())
        self._ready.set()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    def arrived(self) -> int:
        return sum(counts.arrived for counts in self._receiver.counts().values())

    def verdict_of(self, committed: dict[int, tuple], epoch: str):
        highest = max(number & (1 << 40) - 1 for number in committed)
        return self._receiver.verify({epoch: highest + 1})

    def ends_with_no_gap(self, committed: dict[int, tuple], epoch: str) -> None:
        """Every committed number arrives, none twice with other content."""
        wait_for(lambda: self.verdict_of(committed, epoch).lost == 0, seconds=180, why="the last gap closed")
        verdict = self.verdict_of(committed, epoch)
        assert verdict.conflicting == 0
        assert verdict.arrived >= len(committed)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(end(self._task), self._loop)
        self._thread.join(SILENT_S)


@pytest.fixture
def receiving(mosquitto, tmp_path):
    made = Receiving(mosquitto, tmp_path)
    yield made
    made.close()


@pytest.fixture
def receiving_on(tmp_path):
    """A receiver on a port where the test starts and kills the broker itself."""
    if shutil.which("mosquitto") is None:
        pytest.skip("mosquitto is not installed (scripts/apt-packages lists it)")
    port = free_port()
    made = Receiving(port, tmp_path)
    yield port, made
    made.close()
