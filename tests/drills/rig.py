"""What the drills are made of: a broker that can be taken away, a line that can be spoilt, a namespace.

All traffic stays on this machine: loopback, or a pair of virtual interfaces between two namespaces.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.gateway.conftest import Daemon, Receiving, wait_for

BATCH_ROWS_MOST, WINDOW = 500, 20
PACKETS = 20_000  # what mosquitto may queue for the receiver while that is away


@dataclass(frozen=True, kw_only=True)
class Report:
    """One line of the table."""

    drill: str
    numbered: int
    lost: int
    duplicates: int
    reconnects: int
    seconds: float
    goodput: float | None = None


class Broker:
    """Mosquitto that keeps its sessions over restarts; ``inner`` is the receiver's port."""

    def __init__(self, folder: Path, port: int, inner: int) -> None:
        self.folder, self.port, self.inner = folder / "broker", port, inner
        self.folder.mkdir()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, outer: str = "allow_anonymous true\n", address: str = "0.0.0.0") -> None:
        user = "user root\n" if os.geteuid() == 0 else ""
        conf = self.folder / "mosquitto.conf"
        conf.write_text(
            f"{user}per_listener_settings true\npersistence true\npersistence_location {self.folder}/\n"
            f"max_queued_messages {PACKETS}\n"
            f"listener {self.inner} 127.0.0.1\nallow_anonymous true\n"
            f"listener {self.port} {address}\n{outer}"
        )
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(["mosquitto", "-c", str(conf)], stdout=log, stderr=log)
        wait_for(lambda: answers(self.inner), why=f"mosquitto: {(self.folder / 'log').read_text()[-500:]}")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()  # saves its sessions
            self._process.wait(60)
            self._process = None


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


class Proxy:
    """A TCP line to ``target``: ``carried`` counts bytes going up; ``hole`` swallows, ``cut`` hangs up.

    ``greeted_s``: when the newest connection got its CONNACK, the first bytes that come down on it.
    """

    def __init__(self, target: int) -> None:
        self.carried = 0
        self.greeted_s = 0.0
        self.hole = threading.Event()
        self._target = target
        self._open: set[socket.socket] = set()
        self._server = socket.create_server(("0.0.0.0", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self) -> None:
        for end in list(self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._server.close()
        self.cut()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._server.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self._target))
                except OSError:
                    near.close()
                    continue
                self._open |= {near, far}
                threading.Thread(target=self._pump, args=(near, far, True), daemon=True).start()
                threading.Thread(target=self._pump, args=(far, near, False), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, up: bool) -> None:
        silent = True
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self.hole.is_set():
                    continue
                if silent and not up:
                    silent, self.greeted_s = False, time.monotonic()
                sink.sendall(data)
                if up:
                    self.carried += len(data)
        for end in (source, sink):
            self._open.discard(end)
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


NAMED = "kagadrill"  # then the number of the process that made it, and one of ours


class Namespace:
    """A network namespace with one line to here: the daemon inside sees nothing else.

    Whatever happens to the test, it is taken away again: by ``close``, at the end of the process, or by the
    next process that makes one.
    """

    made = 0

    def __init__(self) -> None:
        sweep()
        Namespace.made += 1
        number = (os.getpid() * 7 + Namespace.made) % 250 + 1
        self.name = f"{NAMED}-{os.getpid()}-{Namespace.made}"
        self.outside, self.inside = f"10.213.{number}.1", f"10.213.{number}.2"
        self._near, self._far = f"kd{number}a", f"kd{number}b"
        atexit.register(self.close)
        run("ip", "netns", "add", self.name)
        run("ip", "link", "add", self._near, "type", "veth", "peer", "name", self._far, "netns", self.name)
        run("ip", "addr", "add", f"{self.outside}/24", "dev", self._near)
        run("ip", "link", "set", self._near, "up")
        self.within("ip", "link", "set", "lo", "up")
        self.within("ip", "addr", "add", f"{self.inside}/24", "dev", self._far)
        self.up()

    def up(self) -> None:
        self.within("ip", "link", "set", self._far, "up")
        self.within("ip", "route", "replace", "default", "via", self.outside)

    def down(self) -> None:
        self.within("ip", "link", "set", self._far, "down")

    def lose(self, percent: int) -> None:
        """Drop packets at random, each way."""
        drop = f"priority 0; numgen random mod 100 < {percent} drop;"
        rules = "".join(f"chain {at} {{ type filter hook {at} {drop} }}\n" for at in ("input", "output"))
        self.within("nft", "-f", "-", text=f"table inet drill {{\n{rules}}}\n")

    def heal(self) -> None:
        self.within("nft", "delete", "table", "inet", "drill")

    def slow(self, kbit: int) -> None:
        """Bound what goes out to ``kbit`` a second."""
        self.within(
            *("tc", "qdisc", "add", "dev", self._far, "root", "tbf"),
            *("rate", f"{kbit}kbit", "burst", "4kb", "latency", "500ms"),
        )

    def widen(self) -> None:
        """Take the bound off again."""
        self.within("tc", "qdisc", "del", "dev", self._far, "root")

    def within(self, *command: str, text: str | None = None) -> None:
        run("ip", "netns", "exec", self.name, *command, text=text)

    def close(self) -> None:
        remove(self.name)
        ask("ip", "link", "del", self._near)  # gone with its other end, as a rule
        atexit.unregister(self.close)


def remove(namespace: str) -> None:
    """End what still runs inside a drill's namespace, then take it away."""
    if namespace not in namespaces():
        return
    for pid in ask("ip", "netns", "pids", namespace).stdout.split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    ask("ip", "netns", "del", namespace)
    shutil.rmtree(Path("/etc/netns") / namespace, ignore_errors=True)


def namespaces() -> list[str]:
    """Return the names of the drills' namespaces."""
    names = [line.split()[0] for line in ask("ip", "netns", "list").stdout.splitlines() if line.strip()]
    return [name for name in names if name.startswith(NAMED)]


def sweep() -> None:
    """Take away what a run that was killed has left behind: its process is no more."""
    for name in namespaces():
        maker = name.removeprefix(NAMED).strip("-").split("-")[0]
        if not Path("/proc", maker, "stat").exists():
            remove(name)


def ask(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command that may fail, but must not hang."""
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)


def run(*command: str, text: str | None = None) -> None:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"


def namespaces_work() -> bool:
    if os.geteuid() != 0 or not all(map(shutil.which, ("ip", "nft", "tc"))):
        return False
    name = f"kagaprobe{os.getpid()}"
    made = ask("ip", "netns", "add", name).returncode == 0
    ask("ip", "netns", "del", name)
    return made


class DrilledDaemon(Daemon):
    """The daemon, perhaps inside a namespace."""

    namespace: Namespace | None = None
    broker_log: Path

    def start(self, *, wait: bool = True) -> None:
        inside = ["ip", "netns", "exec", self.namespace.name] if self.namespace else []
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*inside, sys.executable, "-m", "kaga_edge", "run", "--config", str(self.config)],
                stdout=log,
                stderr=log,
            )
        if wait:
            wait_for(self.status, why="an answer on the control socket")

    @property
    def connects(self) -> int:
        """How often the broker let it in: the broker's own word."""
        return self.broker_log.read_text().count(" as test-01 (")

    def up_again(self, than: int, *, seconds: float) -> None:
        wait_for(lambda: self.connects > than, seconds=seconds, every_s=0.1, why="a connection")


def delivered(daemon: DrilledDaemon, receiving: Receiving, *, seconds: float) -> tuple[int, int]:
    """Wait until everything numbered so far has arrived; return (numbered, still missing)."""
    numbered = daemon.status()["store"]["numbered"]
    with contextlib.suppress(AssertionError):
        wait_for(lambda: receiving.arrived() >= numbered, seconds=seconds, every_s=0.2, why="the rest")
    return numbered, max(0, numbered - receiving.arrived())


def repeated(receiving: Receiving) -> int:
    return sum(counts.repeated for counts in receiving._receiver.counts().values())


@contextlib.contextmanager
def closing(*things) -> Iterator[None]:
    try:
        yield
    finally:
        for thing in things:
            thing.close()
