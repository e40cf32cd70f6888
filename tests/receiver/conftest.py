"""Brokers, hand-made gateways and a running receiver."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import threading
import zlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiomqtt
import iotcore
import pytest
import trustme
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from kaga_edge.link.ending import end
from kaga_edge.receiver import Receiver
from kaga_edge.sim.broker import free_port

MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")


class Mosquitto:
    """Debian's broker on a port of its own, with its sessions kept over a restart."""

    def __init__(self, folder: Path, *settings: str) -> None:
        self.port = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
            f"persistence_location {folder}/\nmax_queued_messages 0\nuser root\n"
            + "".join(f"{line}\n" for line in settings)
        )
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> Mosquitto:
        assert MOSQUITTO is not None
        self._process = subprocess.Popen(
            [MOSQUITTO, "-c", str(self._config), "-v"], stderr=subprocess.PIPE, text=True
        )
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if "running" in line:
                break
        else:
            pytest.fail("mosquitto did not start")
        # Its log must be read on, else it stops at a full pipe.
        self._reader = threading.Thread(target=deque, args=(self._process.stderr, 0), daemon=True)
        self._reader.start()
        return self

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)
            self._reader.join(10)
            assert self._process.stderr is not None
            self._process.stderr.close()
            self._process = None


IOTCORE = """
id = 0
[router]
id = 0
max_connections = 100
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10
[v5.1]
name = "v5-1"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = 1048576
max_inflight_count = 100
dynamic_filters = true
"""


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    if MOSQUITTO is None:
        pytest.skip("Debian's mosquitto is not installed")
    broker = Mosquitto(tmp_path / "mosquitto").start()
    yield broker
    broker.stop()


@pytest.fixture
def tls_broker(tmp_path: Path) -> Callable[[trustme.CA], Any]:
    """``with tls_broker(authority) as broker``: only TLS, as "localhost", signed by ``authority``."""

    @contextmanager
    def started(authority: trustme.CA) -> Iterator[Mosquitto]:
        if MOSQUITTO is None:
            pytest.skip("Debian's mosquitto is not installed")
        issued = authority.issue_cert("localhost")
        issued.private_key_pem.write_to_path(tmp_path / "key.pem")
        issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
        broker = Mosquitto(
            tmp_path / "tls", f"certfile {tmp_path}/cert.pem", f"keyfile {tmp_path}/key.pem"
        ).start()
        yield broker
        broker.stop()

    return started


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[iotcore.Broker]:
    port = free_port()
    config = tmp_path / "iotcore.toml"
    config.write_text(IOTCORE.format(port=port))
    with iotcore.Broker(config_path=str(config)) as broker:
        yield broker


@pytest.fixture(params=["mosquitto", "embedded"])
def broker(request: pytest.FixtureRequest) -> Any:
    """Both brokers in turn; all a test needs is ``port``."""
    return request.getfixturevalue(request.param)


@dataclass
class Gateway:
    """A gateway made by hand from the contract's text, not from our sender's code."""

    client: aiomqtt.Client
    gw: str = "daishoji-01"
    ep: str = "3f2a9c1e"

    async def say(self, leaf: str, body: object, *, retain: bool = False) -> None:
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        if len(payload) > 200 and leaf in ("data", "hist"):
            payload = zlib.compress(payload)
        await self.client.publish(f"kaga/edge/v1/{self.gw}/up/{leaf}", payload, qos=1, retain=retain)

    async def rows(self, n: int, *values: float, leaf: str = "data", **other: Any) -> None:
        """Publish one batch: one row of sensor 0 per value, a second apart."""
        await self.say(leaf, self.batch(n, *values, **other))

    def batch(self, n: int, *values: float, **other: Any) -> dict[str, Any]:
        listed = [[0, 1000 if at else 0, value] for at, value in enumerate(values)]
        body = {"v": 1, "ep": self.ep, "n": n, "k": "a1b2c3d4", "t0": 1630065103000, "c": 2, "r": listed}
        return body | other

    async def birth(self, *, nx: int, eps: tuple[str, ...] = ()) -> None:
        body = {"v": 1, "st": "alive", "gw": self.gw, "ep": self.ep, "eps": [*eps, self.ep], "boot": "7c1d"}
        body |= {"t": 1630065103000, "c": 2, "sw": "1.0.0", "k": "a1b2c3d4", "m": "5e6f7a8b"}
        await self.say("state", body | {"nx": nx, "ak": 0}, retain=True)

    async def gone(self, e: int, *spans: list[Any]) -> None:
        await self.say("gone", {"v": 1, "ep": self.ep, "e": e, "g": list(spans)})

    async def alert(self, e: int, *, state: str = "raised", n: int = 1) -> None:
        data = {"key": "danger/level-1", "state": state, "n": n, "value": 1.34, "c": 2}
        await self.event(e, "alert", data)

    async def event(self, e: int, kind: str, data: dict[str, Any]) -> None:
        body = {"specversion": "1.0", "id": f"{self.gw}/{self.ep}/e{e}", "source": f"urn:kaga:gw:{self.gw}"}
        body |= {"type": f"jp.kaga.edge.{kind}.v1", "time": "2021-08-28T04:46:46.000Z", "data": data}
        await self.say("alert", body)

    async def told(self, leaf: str) -> dict[str, Any]:
        """Return the next message below ``dn/``; subscribe with ``listen`` first."""
        async with asyncio.timeout(60):
            async for message in self.client.messages:
                if str(message.topic).endswith(f"/dn/{leaf}"):
                    return dict(json.loads(message.payload))
        raise AssertionError("unreachable")

    async def listen(self) -> None:
        await self.client.subscribe(f"kaga/edge/v1/{self.gw}/dn/#", qos=1)


@asynccontextmanager
async def _gateway(port: int, gw: str = "daishoji-01") -> AsyncIterator[Gateway]:
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = 3600
    client = aiomqtt.Client(
        "127.0.0.1",
        port,
        identifier=gw,
        protocol=aiomqtt.ProtocolVersion.V5,
        clean_start=False,
        properties=properties,
    )
    async with client:
        yield Gateway(client, gw)


@asynccontextmanager
async def _running(
    port: int, path: Path, *, host: str = "127.0.0.1", wait_s: float = 10.0, **other: Any
) -> AsyncIterator[Receiver]:
    receiver = Receiver(host, port, path=path, **({"ack_every_s": 0.05, "reconnect_max_s": 0.2} | other))
    task = asyncio.create_task(receiver.run())
    try:
        await receiver.until(lambda one: one.connected, timeout_s=wait_s)
        yield receiver
    finally:
        await end(task)


@pytest.fixture
def gateway() -> Callable[..., Any]:
    """``async with gateway(port) as one``: a client that speaks as a gateway."""
    return _gateway


@pytest.fixture
def running() -> Callable[..., Any]:
    """``async with running(port, path) as receiver``: connected when entered."""
    return _running
