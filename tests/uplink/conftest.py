"""A store in memory, a broker per test, a minimal receiver that keeps the contract."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
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
from kaga_edge.link.ending import end, end_if_cancelled
from kaga_edge.sim.broker import free_port
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

    async def until(self, reached: Callable[[], bool], within_s: float = 60.0) -> None:
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


class Mosquitto:
    """Debian's broker with a configuration of its own, which can be killed and started again."""

    def __init__(self, folder: Path, lines: str = "allow_anonymous true\n", listener: str = "") -> None:
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        self._log = folder / "mosquitto.log"
        # As root it would become "mosquitto", who may not read the test's folder.
        user = "user root\n" if os.geteuid() == 0 else ""
        self._config.write_text(
            f"{user}listener {self.port} 127.0.0.1\n{listener}{lines}"
            f"persistence true\npersistence_location {folder}/\nmax_queued_messages 100000\n"
        )
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(
                ["/usr/sbin/mosquitto", "-c", str(self._config)], stdout=out, stderr=out
            )
        deadline = time.monotonic() + 60
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
            self._process.wait(60)
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

    async def until(self, reached: Callable[[], bool], within_s: float = 60.0) -> None:
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
                timeout=1,
                **options,
            ) as client:
                await client.subscribe(f"kaga/edge/v1/{GW}/up/#", qos=1)
                started.set()
                async for incoming in client.messages:
                    heard.take(str(incoming.topic), bytes(incoming.payload))  # type: ignore[arg-type]
                    if ack and heard.arrived:
                        await _send_ack(client, heard)
        except aiomqtt.MqttError:
            end_if_cancelled()
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
        async with asyncio.timeout(60):
            await started.wait()
        return heard

    yield start
    await end(*tasks)


@pytest.fixture
async def run_uplink(store: MemoryStore) -> AsyncIterator[Callable[..., Uplink]]:
    """``uplink = run_uplink(port, **settings)``: an uplink over ``store``, running until the test ends."""
    tasks: list[asyncio.Task[None]] = []

    def start(port: int, *, over: Any = None, **settings: Any) -> Uplink:
        wanted = {
            "host": "127.0.0.1",
            "batch_s": 0.2,
            "reconnect_first_s": 0.05,
            "reconnect_max_s": 0.2,
            "birth_ack_s": 0.1,
        }
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


# --- a peer that does as it is told ---


@dataclass(frozen=True)
class Publish:
    """One PUBLISH as it came."""

    mid: int
    topic: str
    payload: bytes
    retain: bool
    dup: bool

    @property
    def leaf(self) -> str:
        return self.topic.split("/up/", 1)[1]


class ScriptedPeer:
    """The server's side of MQTT 5, just enough to be wrong in every way.

    ``answer(publish)`` gives the PUBACK code, None for no answer at all. Everything that came is in
    ``published``; ``open`` is how many PUBLISHes were unanswered at most at one time.
    """

    def __init__(self, answer: Callable[[Publish], int | None], connack: bytes = b"") -> None:
        self.answer = answer
        self.connack = connack  # properties
        self.connack_code: int | None = 0
        self.suback = 1
        self.published: list[Publish] = []
        self.subscribed: list[str] = []
        self.connects: list[bytes] = []
        self.disconnects = 0
        self.queued: list[bytes] = []  # packets sent together with CONNACK
        self.acknowledged: list[int] = []  # packet ids of the PUBACKs that came
        self.open = 0
        self.changed = asyncio.Event()
        self.port = 0
        self.hold_pubacks = False
        self._held: list[tuple[asyncio.StreamWriter, Publish]] = []
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in list(self._writers):
                writer.close()

    async def until(self, reached: Callable[[], bool], within_s: float = 60.0) -> None:
        async with asyncio.timeout(within_s):
            while not reached():
                self.changed.clear()
                await self.changed.wait()

    def send(self, topic: str, payload: bytes, mid: int = 1) -> None:
        for writer in self._writers:
            writer.write(self.packet(topic, payload, mid))

    @staticmethod
    def packet(topic: str, payload: bytes, mid: int) -> bytes:
        body = len(topic).to_bytes(2, "big") + topic.encode() + mid.to_bytes(2, "big") + b"\x00" + payload
        return b"\x32" + _length(len(body)) + body

    def say(self, packet: bytes) -> None:
        for writer in list(self._writers):
            writer.write(packet)

    def release(self) -> None:
        self.hold_pubacks = False
        held, self._held = self._held, []
        for writer, publish in held:
            self._reply(writer, publish)

    def rows(self) -> Ranges:
        """The rows of all batches that came and were answered below 0x80."""
        found = Ranges()
        for publish in self.published:
            if publish.leaf in ("data", "hist"):
                body = message.parse(publish.payload)
                found = found.add(body["n"], body["n"] + len(body["r"]) - 1)
        return found

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                kind, body = await _packet(reader)
                self._take(writer, kind, body)
                self.changed.set()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            self._held = [held for held in self._held if held[0] is not writer]
            writer.close()
            self.changed.set()

    def _take(self, writer: asyncio.StreamWriter, kind: int, body: bytes) -> None:
        if kind >> 4 == 1:
            self.connects.append(body)
            if self.connack_code is not None:
                reply = bytes([0, self.connack_code]) + _length(len(self.connack)) + self.connack
                # In one write with what a resumed session has waiting: it arrives before CONNACK is handled.
                writer.write(b"\x20" + _length(len(reply)) + reply + b"".join(self.queued))
        elif kind >> 4 == 3:
            publish = _publish(kind, body)
            self.published.append(publish)
            if self.hold_pubacks:
                self._held.append((writer, publish))
                self.open = max(self.open, len(self._held))
            else:
                self._reply(writer, publish)
        elif kind >> 4 == 4:
            self.acknowledged.append(int.from_bytes(body[:2], "big"))
        elif kind >> 4 == 8:
            self.subscribed.append(body[5 : 5 + int.from_bytes(body[3:5], "big")].decode())
            writer.write(b"\x90\x04" + body[:2] + bytes([0, self.suback]))
        elif kind >> 4 == 12:
            writer.write(b"\xd0\x00")
        elif kind >> 4 == 14:
            self.disconnects += 1

    def _reply(self, writer: asyncio.StreamWriter, publish: Publish) -> None:
        code = self.answer(publish)
        if code is not None:
            writer.write(b"\x40\x04" + publish.mid.to_bytes(2, "big") + bytes([code, 0]))


async def _packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    kind = (await reader.readexactly(1))[0]
    length = shift = 0
    while True:
        byte = (await reader.readexactly(1))[0]
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return kind, await reader.readexactly(length)


def _publish(kind: int, body: bytes) -> Publish:
    topic_bytes = int.from_bytes(body[:2], "big")
    rest = body[2 + topic_bytes :]
    return Publish(
        mid=int.from_bytes(rest[:2], "big"),
        topic=body[2 : 2 + topic_bytes].decode(),
        payload=rest[3 + rest[2] :],
        retain=bool(kind & 1),
        dup=bool(kind & 8),
    )


def _length(value: int) -> bytes:
    out = bytearray()
    while True:
        value, low = divmod(value, 128)
        out.append(low | (128 if value else 0))
        if not value:
            return bytes(out)


@pytest.fixture
async def make_peer() -> AsyncIterator[Callable[..., Any]]:
    """``peer = await make_peer(answer, connack=b"")``: a scripted MQTT 5 server."""
    peers: list[ScriptedPeer] = []

    async def make(
        answer: Callable[[Publish], int | None] = lambda _p: 0, connack: bytes = b""
    ) -> ScriptedPeer:
        peer = ScriptedPeer(answer, connack)
        await peer.start()
        peers.append(peer)
        return peer

    yield make
    for peer in peers:
        await peer.stop()
