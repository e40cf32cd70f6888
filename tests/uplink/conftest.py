"""A store in memory, a broker per test, a minimal receiver that keeps the contract."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from kaga_edge.core import message
from kaga_edge.core.ranges import Ranges
from kaga_edge.core.stored import (
    Change,
    Committed,
    EpochStanding,
    Gone,
    Loaded,
    Notice,
    Run,
    Standing,
    StoredRow,
)
from kaga_edge.uplink import Uplink, UplinkSettings
from kaga_edge.vocabulary.readings import ClockTrust, Moment

GW = "daishoji-01"
EPOCH = "3f2a9c1e"
CATALOG = message.catalog_body(gw=GW, site={}, sensors=[{"i": 0, "id": "level-1", "ch": []}])
T0 = 1630065103000


class TestClock:
    """The machine's monotonic clock and a fixed date."""

    __test__ = False

    def now(self) -> Moment:
        return Moment(wall_ms=T0, up_ms=123456, boot="7c1d", trust=ClockTrust.NTP)

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()


class MemoryStore:
    """The store's shape over dictionaries: what was confirmed is what tests look at."""

    def __init__(self, epoch: str = EPOCH) -> None:
        self.epoch = epoch
        self.on_change: list[Callable[[Change], None]] = []
        self.rows: dict[int, StoredRow] = {}
        self.runs: dict[int, Run] = {}
        self.notices: dict[int, Notice] = {}
        self.confirmed = Ranges()
        self.confirmed_notices = Ranges()
        self.gone: dict[int, str] = {}
        self.small: dict[str, str] = {}
        self.catalogs = {str(CATALOG["k"]): CATALOG}
        self.changed = asyncio.Event()
        self._last = 0
        self._last_e = 0

    def commit(
        self, count: int = 1, *, alert: str = "", k: str = str(CATALOG["k"]), vals: str = "0.39"
    ) -> int:
        first = self._last + 1
        for _ in range(count):
            self._last += 1
            self.rows[self._last] = (self._last, 0, T0 + self._last * 1000, self._last, vals, None)
            self.runs[self._last] = Run(ep=self.epoch, k=k, c=2, boot="7c1d")
        e = None
        if alert:
            e = self.add_notice("alert", alert, message.compact({"key": alert, "n": self._last}))
        self._tell(
            Committed(
                ep=self.epoch, first=first, last=self._last, at_ms_first=T0, notices_first=e, notices_last=e
            )
        )
        return self._last

    def add_notice(self, kind: str, key: str, body: bytes) -> int:
        self._last_e += 1
        leaf = "gone" if kind == "gone" else "alert"
        self.notices[self._last_e] = Notice(
            ep=self.epoch, e=self._last_e, kind=kind, key=key, leaf=leaf, body=body
        )
        return self._last_e

    @property
    def all_rows(self) -> Ranges:
        return Ranges(((1, self._last),)) if self._last else Ranges()

    @property
    def waiting(self) -> Ranges:
        return self.all_rows.minus(self.confirmed).minus(Ranges.of((n, n) for n in self.gone))

    async def standing(self) -> Standing:
        waiting_e = Ranges(((1, self._last_e),)) if self._last_e else Ranges()
        return Standing(
            epochs=(
                EpochStanding(
                    ep=self.epoch,
                    next_n=self._last + 1,
                    next_e=self._last_e + 1,
                    waiting=self.waiting,
                    notices_waiting=waiting_e.minus(self.confirmed_notices),
                    oldest_at_ms=None,
                    delivered_upto=0,
                ),
            )
        )

    async def load(self, ep: str, first: int, last: int, most: int) -> Loaded:
        await asyncio.sleep(0)
        numbers = [n for n in range(first, last + 1) if n in self.rows and n not in self.gone]
        if not numbers:
            return Loaded(rows=[], run=Run(ep=ep, k="", c=0, boot=""))
        rows: list[StoredRow] = []
        for n in range(numbers[0], last + 1):
            if (
                n not in self.rows
                or n in self.gone
                or self.runs[n] != self.runs[numbers[0]]
                or len(rows) >= most
            ):
                break
            rows.append(self.rows[n])
        return Loaded(rows=rows, run=self.runs[numbers[0]])

    async def load_notices(self, ep: str, first_e: int, last_e: int) -> list[Notice]:
        return [self.notices[e] for e in range(first_e, last_e + 1) if e in self.notices]

    async def confirm(self, rows: Mapping[str, Ranges], notices: Mapping[str, Ranges]) -> None:
        self.confirmed = self.confirmed.union(rows.get(self.epoch, Ranges()))
        self.confirmed_notices = self.confirmed_notices.union(notices.get(self.epoch, Ranges()))
        self.changed.set()

    async def declare_gone(self, ep: str, ranges: Ranges, reason: str) -> int:
        for first, last in ranges:
            for n in range(first, last + 1):
                self.gone[n] = reason
        spans = [(first, last, reason, Ranges()) for first, last in ranges]
        e = self.add_notice("gone", "", message.gone_body(ep=ep, e=self._last_e + 1, spans=spans))
        self._tell(Gone(ep=ep, ranges=ranges, e=e))
        return e

    async def catalog_body(self, k: str) -> dict[str, Any] | None:
        return self.catalogs.get(k)

    async def catalogs_waiting(self) -> tuple[str, ...]:
        return tuple({run.k for n, run in self.runs.items() if n not in self.confirmed})

    async def remember(self, key: str, value: str) -> None:
        self.small[key] = value
        self.changed.set()

    async def recall(self, key: str) -> str | None:
        return self.small.get(key)

    async def until(self, reached: Callable[[], bool], within_s: float = 20.0) -> None:
        async with asyncio.timeout(within_s):
            while not reached():
                self.changed.clear()
                await self.changed.wait()

    def _tell(self, change: Change) -> None:
        for told in self.on_change:
            told(change)
        self.changed.set()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(name="free_port")
def _free_port() -> Callable[[], int]:
    return free_port


class Mosquitto:
    """Debian's broker with a configuration of its own, which can be killed and started again."""

    def __init__(self, folder: Path, lines: str = "allow_anonymous true\n", listener: str = "") -> None:
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        self._log = folder / "mosquitto.log"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\n{listener}{lines}"
            f"persistence true\npersistence_location {folder}/\nmax_queued_messages 0\n"
        )
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(
                ["/usr/sbin/mosquitto", "-c", str(self._config)], stdout=out, stderr=out
            )
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                if time.monotonic() > deadline:
                    pytest.fail(f"mosquitto did not start:\n{self._log.read_text()}")
                time.sleep(0.01)
            else:
                return

    def stop(self, *, hard: bool = False) -> None:
        if self._process is not None:
            if hard:
                self._process.kill()
            else:
                self._process.terminate()  # saves its sessions
            self._process.wait(10)
            self._process = None


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    if not Path("/usr/sbin/mosquitto").exists():
        pytest.skip("Debian's mosquitto is not installed")
    broker = Mosquitto(tmp_path)
    yield broker
    broker.stop()


@pytest.fixture
def make_mosquitto(tmp_path: Path) -> Iterator[Callable[..., Mosquitto]]:
    if not Path("/usr/sbin/mosquitto").exists():
        pytest.skip("Debian's mosquitto is not installed")
    made: list[Mosquitto] = []

    def make(lines: str = "allow_anonymous true\n", listener: str = "") -> Mosquitto:
        made.append(Mosquitto(tmp_path, lines, listener))
        return made[-1]

    yield make
    for broker in made:
        broker.stop()


@dataclass
class Heard:
    """What one receiver heard, in order, and what it makes of it."""

    messages: list[tuple[str, bytes]] = field(default_factory=list)
    arrived: dict[str, Ranges] = field(default_factory=dict)
    repeated: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, topic: str, payload: bytes) -> None:
        leaf = topic.split("/up/", 1)[1]
        self.messages.append((leaf, payload))
        if leaf in ("data", "hist"):
            body = message.parse(payload)
            first, last = body["n"], body["n"] + len(body["r"]) - 1
            known = self.arrived.get(body["ep"], Ranges())
            self.repeated += known.within(first, last).count
            self.arrived[body["ep"]] = known.add(first, last)
        self.changed.set()

    def bodies(self, leaf: str) -> list[dict[str, Any]]:
        return [message.parse(payload) for heard, payload in self.messages if heard == leaf and payload]

    def leaves(self) -> list[str]:
        return [leaf for leaf, _payload in self.messages]

    async def until(self, reached: Callable[[], bool], within_s: float = 20.0) -> None:
        async with asyncio.timeout(within_s):
            while not reached():
                self.changed.clear()
                await self.changed.wait()


async def _receive(
    port: int, heard: Heard, ack: bool, started: asyncio.Event, options: dict[str, Any]
) -> None:
    while True:
        try:
            async with aiomqtt.Client(
                "127.0.0.1",
                port,
                identifier="receiver",
                protocol=aiomqtt.ProtocolVersion.V5,
                clean_start=False,
                properties=_week(),
                **options,
            ) as client:
                await client.subscribe(f"kaga/edge/v1/{GW}/up/#", qos=1)
                started.set()
                async for incoming in client.messages:
                    heard.take(str(incoming.topic), bytes(incoming.payload))  # type: ignore[arg-type]
                    if ack and heard.arrived:
                        await _send_ack(client, heard)
        except aiomqtt.MqttError:
            await asyncio.sleep(0.05)  # the broker is being restarted


async def _send_ack(client: aiomqtt.Client, heard: Heard) -> None:
    for ep, ranges in heard.arrived.items():
        first = ranges.spans[0]
        upto = first[1] if first[0] == 1 else 0
        have = [list(span) for span in ranges.spans if span[0] > upto][:64]
        es = [e for body in heard.bodies("gone") if (e := body["e"])]
        body = {"v": 1, "ep": ep, "upto": upto, "have": have} | ({"e": max(es)} if es else {})
        await client.publish(f"kaga/edge/v1/{GW}/dn/ack", json.dumps(body), qos=1)


def _week() -> Any:
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    wishes = Properties(PacketTypes.CONNECT)
    wishes.SessionExpiryInterval = 604800
    return wishes


@pytest.fixture
async def receive() -> AsyncIterator[Callable[..., Any]]:
    """``heard = await receive(port, ack=False)``: a receiver that stays until the test ends."""
    tasks: list[asyncio.Task[None]] = []

    async def start(port: int, *, ack: bool = False, **options: Any) -> Heard:
        heard, started = Heard(), asyncio.Event()
        tasks.append(asyncio.create_task(_receive(port, heard, ack, started, options)))
        async with asyncio.timeout(10):
            await started.wait()
        return heard

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def run_uplink(store: MemoryStore) -> AsyncIterator[Callable[..., Uplink]]:
    """``uplink = run_uplink(port, **settings)``: an uplink over ``store``, running until the test ends."""
    tasks: list[asyncio.Task[None]] = []

    def start(port: int, *, over: Any = None, **settings: Any) -> Uplink:
        wanted = {"host": "127.0.0.1", "batch_s": 0.2, "reconnect_first_s": 0.05, "reconnect_max_s": 0.2}
        uplink = Uplink(
            UplinkSettings(gw=GW, port=port, **(wanted | settings)),
            store=over or store,
            clock=TestClock(),
            birth_facts=lambda: {"sw": "1.0.0", "k": CATALOG["k"]},
            manifest=lambda: b'{"v":1}',
            health=lambda: {"v": 1, "ep": EPOCH},
        )
        tasks.append(asyncio.create_task(uplink.run()))
        return uplink

    yield start
    for task in tasks:
        task.cancel()
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError):
            await task
