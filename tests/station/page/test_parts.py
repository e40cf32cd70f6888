"""The smaller parts: certificate, interfaces, the feed's patience, the watch over slow readers."""

from __future__ import annotations

import asyncio
import json
import stat
import subprocess
from contextlib import ExitStack

import pytest

from kaga_edge.station.page import interfaces, serving
from kaga_edge.station.page.asking import Silent
from kaga_edge.station.page.certificate import certificate_for
from kaga_edge.station.page.feed import MOST_WATCHERS, MOST_WATCHERS_EACH, Feed, tail
from kaga_edge.station.page.interfaces import addresses_of, chosen, listening
from kaga_edge.station.page.opening import CannotOpen
from kaga_edge.station.page.serving import Watched
from kaga_edge.station.page.shield import hosts, objection


def openssl(*words) -> str:
    return subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, check=True).stdout


def test_the_certificate_is_for_one_address_with_a_key_nobody_else_reads(tmp_path):
    made = certificate_for(["192.0.2.7"], tmp_path / "web")
    text = openssl("x509", "-in", made.certificate, "-noout", "-text")
    assert "IP Address:192.0.2.7, DNS:kaga-edge.local" in text
    assert "ASN1 OID: prime256v1" in text
    assert "CA:FALSE" in text
    printed = openssl("x509", "-in", made.certificate, "-noout", "-fingerprint", "-sha256").strip()
    assert printed.rpartition("=")[2] == made.fingerprint
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.key.parent.stat().st_mode) == 0o700
    assert certificate_for(["192.0.2.7"], tmp_path / "web") == made
    assert certificate_for(["192.0.2.8"], tmp_path / "web").fingerprint != made.fingerprint


def test_a_certificate_that_runs_out_is_made_anew(tmp_path):
    made = certificate_for(["192.0.2.7"], tmp_path)
    key, old = ["-key", made.key], ["-out", made.certificate]
    openssl("req", "-x509", *key, "-days", "1", "-subj", "/CN=old", *old)
    assert certificate_for(["192.0.2.7"], tmp_path).fingerprint != made.fingerprint


def test_the_loopback_has_its_address_and_what_is_not_there_has_none():
    assert addresses_of("lo")[0] == "127.0.0.1"
    assert chosen("lo") == ("lo", addresses_of("lo"))
    assert addresses_of("nothere0") == ()
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


def test_a_page_reached_over_ipv6_only_was_refused():
    ours = hosts(("fe80::1", "fd00::7"), 8443)
    assert "[fd00::7]:8443" in ours
    for host in ("[fd00::7]:8443", "[FD00:0:0::7]:8443", "[fe80::1]:8443", "[fe80::1%25eth0]:8443"):
        told = {"Host": host, "Origin": f"https://{host}", "X-Kaga-Edge": "1"}
        assert objection("POST", told, ours) is None, host
    for host in ("fd00::7:8443", "[fd00::8]:8443", "[fd00::7]", "[fd00::7]:8443.evil.example", "[evil]:8443"):
        assert objection("GET", {"Host": host}, ours) == "host", host
    told = {"Host": "[fd00::7]:8443", "Origin": "http://[fd00::7]:8443"}
    assert objection("GET", told, ours) == "origin"


def kernel_says(tmp_path, monkeypatch, *lines):
    """Let the table of IPv6 addresses be this one: index, prefix, scope and flags as the kernel has them."""
    table = tmp_path / "if_inet6"
    table.write_text("".join(f"{line}\n" for line in lines))
    monkeypatch.setattr(interfaces, "IPV6", table)


def test_without_ipv4_the_unique_local_address_is_shown_before_global_and_link_local(tmp_path, monkeypatch):
    kernel_says(
        tmp_path,
        monkeypatch,
        "fe800000000000000000000000000001 02 40 20 80     wwan9",
        "20010db8000000000000000000000005 02 40 00 80     wwan9",
        "20010db80000000000000000000000ff 02 40 00 01     wwan9",  # temporary
        "fd000000000000000000000000000002 02 40 00 80     wwan9",
        "fd000000000000000000000000000003 02 40 00 c0     wwan9",  # still asked for: tentative
        "fd000000000000000000000000000004 03 40 00 80     wlan9",
    )
    assert addresses_of("wwan9") == ("fd00::2", "2001:db8::5", "fe80::1")
    assert addresses_of("wlan9") == ("fd00::4",)


def test_beside_ipv4_nothing_is_opened_that_the_internet_reaches(tmp_path, monkeypatch):
    lines = (
        "20010db8000000000000000000000005 01 40 00 80 lo",
        "fe800000000000000000000000000001 01 40 20 80 lo",
    )
    kernel_says(tmp_path, monkeypatch, *lines)
    assert addresses_of("lo") == ("127.0.0.1", "fe80::1")


def test_a_kernel_without_ipv6_has_its_ipv4(tmp_path, monkeypatch):
    monkeypatch.setattr(interfaces, "IPV6", tmp_path / "nothing")
    assert addresses_of("lo") == ("127.0.0.1",)


def test_all_addresses_listen_on_one_port_or_none_does():
    servers = listening("lo", addresses_of("lo"), 0)
    port = servers[-1].getsockname()[1]
    assert {server.getsockname()[1] for server in servers} == {port}
    with pytest.raises(CannotOpen):
        listening("lo", ("127.0.0.1",), port)
    for server in servers:
        server.close()


def test_the_certificate_names_every_address(tmp_path):
    made = certificate_for(["192.0.2.7", "fd00::7", "fe80::1"], tmp_path / "web")
    text = openssl("x509", "-in", made.certificate, "-noout", "-ext", "subjectAltName")
    assert "IP Address:192.0.2.7, IP Address:FD00:0:0:0:0:0:0:7, IP Address:FE80:0:0:0:0:0:0:1, DNS:" in text


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


def test_eight_streams_of_one_client_kept_everybody_else_off(tmp_path):
    feed = Feed(a_daemon([], tmp_path))
    with ExitStack() as open_:
        hoarder = [open_.enter_context(feed.watched("192.0.2.66")) for _ in range(20)]
        assert hoarder.count(True) == MOST_WATCHERS_EACH
        assert open_.enter_context(feed.watched("192.0.2.7"))
        crowd = [open_.enter_context(feed.watched(f"192.0.2.{number}")) for number in range(100, 150)]
        assert 1 + MOST_WATCHERS_EACH + crowd.count(True) == MOST_WATCHERS
        assert MOST_WATCHERS <= serving.MOST // 2
    assert feed.watchers.total() == 0
    with feed.watched("192.0.2.66") as room:
        assert room


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
    async with asyncio.timeout(60):
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
