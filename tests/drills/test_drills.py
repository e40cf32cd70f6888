"""Fault drills on the running daemon with real brokers: what is lost (nothing), repeated, and carried.

``scripts/drills`` runs them at full length and prints the table; ``scripts/test`` a tenth of it.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import trustme

from kaga_edge.sim.broker import free_port
from tests.gateway.conftest import Instrument, Receiving, backlog, config_text, wait_for
from tests.quiet import quiet_s

from .rig import (
    BATCH_ROWS_MOST,
    WINDOW,
    Broker,
    DrilledDaemon,
    Namespace,
    Proxy,
    Report,
    delivered,
    namespaces_work,
    repeated,
)

FULL = bool(os.environ.get("KAGA_TEST_FULL"))
GOODPUT_LEAST = 0.7
KBIT = 64
pytestmark = [pytest.mark.slow, pytest.mark.mosquitto, pytest.mark.timeout(900)]
only_full = pytest.mark.skipif(not FULL, reason="a drill of its full length only: scripts/drills")


class Drill:
    """A daemon measuring four times a second, a broker, a receiver; ``finish`` draws the balance."""

    def __init__(self, folder: Path, things: ExitStack, note: Callable[[str, object], None]) -> None:
        self.folder, self.things, self.note = folder, things, note
        self.broker = Broker(folder, free_port(), free_port())
        self.daemon = DrilledDaemon(folder / "kaga-edge.toml", folder / "run", folder / "daemon.log")
        self.daemon.broker_log = self.broker.folder / "log"
        self.host, self.port = "127.0.0.1", self.broker.port
        self.url = ""
        self.platform = 'keepalive = "10s"\n'
        self.carried: float | None = None
        things.callback(self._end)

    def begin(self, *, waiting: int = 0, every: str = "250ms", connected: bool = True, **broker: Any) -> None:
        self.broker.start(**broker)
        self.receiving = Receiving(self.broker.inner, self.folder)
        self.things.callback(self.receiving.close)
        instrument = Instrument(self.folder / "level-1")
        self.things.callback(instrument.unplug)
        if waiting:
            backlog(self.folder / "store.sqlite", waiting)
        text = config_text(
            self.folder,
            [("level-1", self.folder / "level-1")],
            port=self.port,
            every=every,
            platform=self.platform,
        )
        url = self.url or f"mqtt://{self.host}:{self.port}"
        self.daemon.config.write_text(text.replace(f"mqtt://127.0.0.1:{self.port}", url))
        self.began = time.monotonic()
        self.daemon.start()
        if connected:
            self.daemon.up_again(0, seconds=60)

    def finish(self, name: str, *, seconds: float = 120, waiting: int = 0) -> Report:
        wait_for(lambda: self.daemon.status()["store"]["numbered"] >= 8, why="samples")
        numbered, lost = delivered(self.daemon, self.receiving, seconds=seconds)
        report = Report(
            drill=name,
            numbered=numbered,
            lost=lost,
            duplicates=repeated(self.receiving),
            reconnects=self.daemon.connects,
            seconds=time.monotonic() - self.began,
            goodput=self.carried,
        )
        self.note("drill", asdict(report))
        log = self.daemon.log.read_text()
        assert report.lost == 0, log[-2000:]
        assert "Traceback" not in log
        rows_a_message = BATCH_ROWS_MOST if waiting else WINDOW
        assert report.duplicates <= WINDOW * rows_a_message * max(0, report.reconnects - 1)
        assert report.goodput is None or report.goodput >= GOODPUT_LEAST, f"goodput {report.goodput:.0%}"
        tally = self.daemon.status()["store"]
        assert tally["gone"] == 0
        return report

    def _end(self) -> None:
        if self.daemon.process is not None and self.daemon.process.poll() is None:
            self.daemon.kill()
        self.broker.stop()


@pytest.fixture
def drill(tmp_path: Path, record_property: Callable[[str, object], None]) -> Iterator[Drill]:
    with ExitStack() as things:
        yield Drill(tmp_path, things, record_property)


@pytest.fixture
def namespace(drill: Drill) -> Namespace:
    if not namespaces_work():
        pytest.skip("network namespaces need root and the packages iproute2 and nftables")
    made = Namespace()
    drill.things.callback(made.close)
    drill.daemon.namespace, drill.host = made, made.outside
    return made


def stay(seconds: float) -> None:
    """Let a fault last: the length is the drill, nothing is waited for."""
    time.sleep(seconds)


def test_mosquitto_restarted_again_and_again(drill: Drill) -> None:
    drill.begin()
    for _ in range(100 if FULL else 4):
        before = drill.daemon.connects
        drill.broker.stop()
        drill.broker.start()
        drill.daemon.up_again(before, seconds=60)
    drill.finish("mosquitto restarted")


def through(drill: Drill) -> Proxy:
    """Put a line between the daemon and its broker whose bytes are counted."""
    line = Proxy(drill.port)
    drill.things.callback(line.close)
    drill.port = line.port
    return line


def greeted(line: Proxy, before_s: float = 0.0) -> float:
    """Return when the newest connection got its CONNACK, once it has."""
    wait_for(lambda: line.greeted_s > before_s, why="CONNACK")
    return line.greeted_s


def goodput(drill: Drill, carried: list[int], connected_s: list[float]) -> float:
    """Return confirmed bytes as a share of what the line could have carried from CONNACK to cut.

    What was carried twice was not confirmed the first time.
    """
    arrived, twice = drill.receiving.arrived(), repeated(drill.receiving)
    once = arrived / (arrived + twice)
    return sum(carried) * 8 * once / (KBIT * 1000 * sum(connected_s))


def test_lte_flap_with_the_route_taken_away(drill: Drill, namespace: Namespace) -> None:
    """Down for longer than the silence a connection survives: each flap ends it. The line carries 64 kbit/s
    and there is always more to send than it can."""
    up_s, down_s, times = (10, 20, 8) if FULL else (7, 9, 0)
    waiting = 400_000 if FULL else 25_000
    drill.platform = 'keepalive = "5s"\n'
    line = through(drill)
    namespace.slow(KBIT)
    drill.begin(waiting=waiting)
    carried, connected_s = [], []
    greeted_s = 0.0
    for _ in range(times + 1):
        greeted_s, before = greeted(line, greeted_s), line.carried
        stay(up_s - (time.monotonic() - greeted_s) % up_s)
        namespace.down()
        carried.append(line.carried - before)
        connected_s.append(time.monotonic() - greeted_s)
        assert drill.daemon.status()["store"]["waiting"] > 500, "the backlog was too short to measure"
        connects = drill.daemon.connects
        stay(down_s)
        namespace.up()
        drill.daemon.up_again(connects, seconds=60)
    namespace.widen()
    delivered(drill.daemon, drill.receiving, seconds=120)
    drill.carried = goodput(drill, carried, connected_s)
    report = drill.finish("LTE flap", waiting=waiting)
    assert report.reconnects > times + 1


@only_full
def test_a_fifth_of_all_packets_lost(drill: Drill, namespace: Namespace) -> None:
    drill.begin(waiting=2_000)
    namespace.lose(20)
    stay(60)
    namespace.heal()
    drill.finish("20 % loss each way", waiting=2_000, seconds=90)


def test_a_link_of_64_kbit_carries_what_it_can(drill: Drill, namespace: Namespace) -> None:
    """Judged only while a backlog waits, and by the kernel's own bound of the line: a busy machine does not
    matter here, the line is slower than any machine."""
    line = through(drill)
    namespace.slow(KBIT)
    waiting = 150_000 if FULL else 18_000
    drill.begin(waiting=waiting)
    began_s, before = greeted(line), line.carried
    while time.monotonic() < began_s + 60 and drill.daemon.status()["store"]["waiting"] > 5_000:
        stay(0.25)
    carried, passed_s = line.carried - before, time.monotonic() - began_s
    namespace.widen()
    delivered(drill.daemon, drill.receiving, seconds=120)
    drill.carried = goodput(drill, [carried], [passed_s])
    drill.finish("64 kbit/s", waiting=waiting)


def test_a_black_hole_is_noticed_and_left(drill: Drill) -> None:
    line = through(drill)
    drill.platform = 'keepalive = "5s"\n'
    drill.begin()
    line.hole.set()
    began = quiet_s()
    wait_for(lambda: "link.down" in drill.daemon.log.read_text(), seconds=120, why="the hole noticed")
    assert quiet_s() - began <= min(45, 1.5 * 5) + 2.5
    stay(40 if FULL else 1)
    before = drill.daemon.connects
    line.hole.clear()
    line.cut()
    drill.daemon.up_again(before, seconds=60)
    drill.finish("black hole")


@only_full
def test_a_dead_name_server_stops_nothing_but_the_link(drill: Drill, namespace: Namespace) -> None:
    etc = Path("/etc/netns") / namespace.name  # what ip netns exec shows as /etc inside
    etc.mkdir(parents=True)
    (etc / "resolv.conf").write_text("nameserver 10.213.0.99\noptions timeout:2 attempts:1\n")
    hosts = etc / "hosts"
    hosts.write_text("127.0.0.1 localhost\n")
    drill.url = f"mqtt://broker.test:{drill.port}"
    drill.begin(connected=False)
    wait_for(lambda: "link.down" in drill.daemon.log.read_text(), seconds=40, why="the failed look-up")
    before = drill.daemon.status()["store"]["numbered"]
    stay(30)
    assert drill.daemon.status()["store"]["numbered"] >= before + 8
    with hosts.open("a") as file:
        file.write(f"{namespace.outside} broker.test\n")
    drill.daemon.up_again(0, seconds=60)
    drill.finish("DNS dead")


def test_a_second_gateway_with_our_id_costs_no_row(drill: Drill) -> None:
    """Debian's mosquitto hangs up on the first without saying 0x8E; where it is said, the scripted peer
    shows that the gateway stays away."""
    drill.begin()
    body = b"\x00\x04MQTT\x05\x02\x00\x00\x00\x00\x07test-01"
    for _ in range(10 if FULL else 2):
        before = drill.daemon.connects
        with socket.create_connection(("127.0.0.1", drill.port)) as thief:
            thief.sendall(bytes([0x10, len(body)]) + body)
            drill.daemon.up_again(before + 1, seconds=60)  # the thief's own is one of them
    drill.finish("duplicate gateway id")


def test_credentials_revoked_and_restored(drill: Drill) -> None:
    secrets = drill.folder / "secrets"
    secrets.mkdir()
    (secrets / "mqtt-password").write_text("right")
    (secrets / "mqtt-password").chmod(0o600)
    drill.platform += 'username = "gateway"\nsecret = "mqtt-password"\n'
    right, wrong = (password_lines(drill.folder, word) for word in ("right", "other"))
    drill.begin(outer=right)
    for _ in range(5 if FULL else 1):
        drill.broker.stop()
        drill.broker.start(outer=wrong)
        wait_for(lambda: drill.daemon.status()["link"]["state"] == "refused", why="the refusal shown")
        before = drill.daemon.status()["store"]
        stay(10 if FULL else 1)
        assert drill.daemon.status()["store"]["gone"] == before["gone"] == 0
        connects = drill.daemon.connects
        drill.broker.stop()
        drill.broker.start(outer=right)
        drill.daemon.up_again(connects, seconds=60)
    drill.finish("credentials revoked and restored")


def test_an_expired_certificate_is_refused_until_it_is_rotated(drill: Drill) -> None:
    import datetime

    ca, now, day = trustme.CA(), datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    (drill.folder / "secrets").mkdir()
    ca.cert_pem.write_to_path(drill.folder / "secrets" / "ca.pem")
    drill.platform += 'ca = "ca.pem"\n'
    drill.url = f"mqtts://localhost:{drill.port}"

    def lines(name: str, **times: Any) -> str:
        issued = ca.issue_cert("localhost", **times)
        issued.private_key_and_cert_chain_pem.write_to_path(drill.folder / f"{name}.pem")
        file = drill.folder / f"{name}.pem"
        return f"allow_anonymous true\ncertfile {file}\nkeyfile {file}\n"

    expired = lines("old", not_before=now - 10 * day, not_after=now - day)
    drill.begin(connected=False, outer=expired)
    wait_for(lambda: "certificate" in drill.daemon.log.read_text(), why="the refusal")
    stay(10 if FULL else 1)
    assert drill.daemon.connects == 0
    drill.broker.stop()
    drill.broker.start(outer=lines("new"))
    drill.daemon.up_again(0, seconds=60)
    drill.finish("certificate expired and rotated")


def password_lines(folder: Path, word: str) -> str:
    import subprocess

    file = folder / f"passwords-{word}"
    subprocess.run(
        ["mosquitto_passwd", "-b", "-c", str(file), "gateway", word], check=True, capture_output=True
    )
    return f"allow_anonymous false\npassword_file {file}\n"
