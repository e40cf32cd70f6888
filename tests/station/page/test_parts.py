"""The smaller parts: certificate, interfaces, the feed's patience, the watch over slow readers."""

from __future__ import annotations

import asyncio
import json
import stat
import subprocess

import pytest

from kaga_edge.station.page.asking import Silent
from kaga_edge.station.page.certificate import certificate_for
from kaga_edge.station.page.feed import Feed, tail
from kaga_edge.station.page.interfaces import address_of, chosen
from kaga_edge.station.page.opening import CannotOpen
from kaga_edge.station.page.serving import Watched
from kaga_edge.station.page.shield import hosts, objection


def openssl(*words) -> str:
    return subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, check=True).stdout


def test_the_certificate_is_for_one_address_with_a_key_nobody_else_reads(tmp_path):
    made = certificate_for("192.0.2.7", tmp_path / "web")
    text = openssl("x509", "-in", made.certificate, "-noout", "-text")
    assert "IP Address:192.0.2.7, DNS:kaga-edge.local" in text
    assert "ASN1 OID: prime256v1" in text
    assert "CA:FALSE" in text
    printed = openssl("x509", "-in", made.certificate, "-noout", "-fingerprint", "-sha256").strip()
    assert printed.rpartition("=")[2] == made.fingerprint
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.key.parent.stat().st_mode) == 0o700
    assert certificate_for("192.0.2.7", tmp_path / "web") == made
    assert certificate_for("192.0.2.8", tmp_path / "web").fingerprint != made.fingerprint


def test_a_certificate_that_runs_out_is_made_anew(tmp_path):
    made = certificate_for("192.0.2.7", tmp_path)
    key, old = ["-key", made.key], ["-out", made.certificate]
    openssl("req", "-x509", *key, "-days", "1", "-subj", "/CN=old", *old)
    assert certificate_for("192.0.2.7", tmp_path).fingerprint != made.fingerprint


def test_the_loopback_has_its_address_and_what_is_not_there_has_none():
    assert address_of("lo") == "127.0.0.1"
    assert chosen("lo") == ("lo", "127.0.0.1")
    assert address_of("nothere0") is None
    with pytest.raises(CannotOpen):
        chosen("nothere0")


@pytest.mark.parametrize(
    ("method", "headers", "why"),
    [
        ("GET", {"Host": "192.0.2.7:8443"}, None),
        ("GET", {"Host": "kaga-edge.local:8443"}, None),
        ("GET", {"Host": "KAGA-EDGE.local:8443"}, None),
        ("GET", {"Host": "192.0.2.7"}, "host"),
        ("GET", {"Host": "192.0.2.7:8443.evil.example"}, "host"),
        ("GET", {}, "host"),
        ("GET", {"Host": "192.0.2.7:8443", "Origin": "https://evil.example"}, "origin"),
        ("POST", {"Host": "192.0.2.7:8443", "X-Kaga-Edge": "1"}, "origin"),
        ("POST", {"Host": "192.0.2.7:8443", "Origin": "https://192.0.2.7:8443"}, "origin"),
        ("POST", {"Host": "192.0.2.7:8443", "Origin": "https://192.0.2.7:8443", "X-Kaga-Edge": "1"}, None),
        ("GET", {"Host": "192.0.2.7:8443", "Sec-Fetch-Site": "cross-site"}, "site"),
        ("GET", {"Host": "192.0.2.7:8443", "Sec-Fetch-Site": "none"}, None),
    ],
)
def test_what_a_request_must_look_like(method, headers, why):
    assert objection(method, headers, hosts(("192.0.2.7", "kaga-edge.local"), 8443)) == why


def a_daemon(asked, folder):
    async def ask(request):
        asked.append(request["op"])
        if request["op"] == "status":
            return {"k": "k1", "sensors": []}
        return {"k": "k1", "sensors": [{"id": "level-1"}], "events": str(folder)}

    return ask


async def test_nobody_watches_and_the_daemon_is_left_alone(tmp_path):
    asked = []
    feed = Feed(a_daemon(asked, tmp_path))
    running = asyncio.create_task(feed.run())
    await asyncio.sleep(0.05)
    assert asked == []
    running.cancel()


async def test_all_who_watch_share_one_look(tmp_path):
    asked = []
    feed = Feed(a_daemon(asked, tmp_path))
    await asyncio.gather(*(feed.fresh() for _ in range(20)))
    assert asked.count("status") == 1


async def test_a_slow_watcher_gets_the_newest_and_never_a_queue(tmp_path):
    feed = Feed(a_daemon([], tmp_path))
    await feed.fresh()
    for _ in range(5):
        feed.look.status_s = 0.0
        await feed.fresh()
    assert (await feed.newer(1)).number == 6


async def test_a_daemon_that_falls_silent_leaves_what_it_said_last(tmp_path):
    answers = a_daemon([], tmp_path)
    silent = False

    async def ask(request):
        if silent:
            raise Silent("the gateway does not answer")
        return await answers(request)

    feed = Feed(ask)
    assert (await feed.fresh()).gone_s is None
    silent, feed.look.status_s = True, 0.0
    look = await feed.fresh()
    assert look.status is not None
    assert look.gone_s is not None


def test_the_newest_events_come_first_and_torn_lines_are_passed_over(tmp_path):
    ring = tmp_path / "events.jsonl"
    rows = [json.dumps({"t": at, "p": 6, "event": "x", "pad": "y" * 900}) for at in range(100)]
    ring.write_text("\n".join([*rows, '{"t": 100, "p"']))
    found = [event["t"] for event in tail(ring)]
    assert found == list(range(99, 87, -1))


class Line(asyncio.Transport):
    """A transport that only knows whether it was cut."""

    def __init__(self):
        super().__init__()
        self.cut = asyncio.Event()

    def abort(self):
        self.cut.set()


async def test_who_asks_and_does_not_read_is_cut():
    line, watched = Line(), Watched(asyncio.Protocol(), lambda: None, stalled_s=0.05)
    watched.connection_made(line)
    watched.pause_writing()
    async with asyncio.timeout(20):
        await line.cut.wait()


async def test_who_reads_again_in_time_is_not():
    line, ended = Line(), []
    watched = Watched(asyncio.Protocol(), lambda: ended.append(1), stalled_s=0.05)
    watched.connection_made(line)
    watched.pause_writing()
    watched.resume_writing()
    await asyncio.sleep(0.1)
    assert not line.cut.is_set()
    watched.connection_lost(None)
    watched.over()
    assert ended == [1]
