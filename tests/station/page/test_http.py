"""The page over HTTP: what it sends, whom it refuses, how long it waits, and that it closes."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import re
import signal
import socket
from collections import Counter
from pathlib import Path

import pytest

from kaga_edge.station.page import feed, gate, serving
from tests.quiet import quiet_s

from .conftest import wait_for

FIRST_LOAD_BYTES = 60_000
FILES = ("/style.css", "/page.js", "/icon.svg")


def listening_ports(pid: int) -> set[int]:
    """The TCP ports a process listens on, from the kernel's own table."""
    sockets = set()
    for one in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found = re.match(r"socket:\[(\d+)\]", os.readlink(one))
        except OSError:
            continue
        sockets |= {found.group(1)} if found else set()
    rows = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A" and row[9] in sockets}


def test_no_port_is_open_until_somebody_opens_it(station):
    station.ask(op="web", do="off")
    assert station.ask(op="web", do="status") == {"v": 1, "open": False}
    assert listening_ports(station.process.pid) == set()


def test_the_daemon_never_loads_the_web_server(page):
    maps = Path(f"/proc/{page.process.pid}/maps").read_text()
    assert "aiohttp" not in maps
    assert "aiohttp" in Path(f"/proc/{page.opened['pid']}/maps").read_text()


def test_the_first_load_is_small_and_the_chart_comes_only_when_asked_for(page):
    first = page.get("/", Accept_Encoding="gzip")
    assert first.status == 200
    sizes = [len(first.content), *(len(page.get(path, Accept_Encoding="gzip").content) for path in FILES)]
    assert sum(sizes) < FIRST_LOAD_BYTES
    assert "chart.js" not in gzip.decompress(first.content).decode()
    assert b"uPlot" in page.get("/chart.js").content


def test_nothing_comes_from_outside_and_nothing_is_inline(page):
    html = page.get("/").content.decode()
    assert set(re.findall(r'(?:src|href)="([^"?#]*)', html)) <= {*FILES, "/", ""}
    assert re.findall(r"<script(?![^>]*(?:src=|application/json))", html) == []
    assert re.findall(r"<style|\sstyle=|\son\w+=", html) == []
    style = page.get("/style.css").content.decode()
    assert "url(" not in style
    assert "@import" not in style


def test_the_policy_is_strict_and_on_every_answer(page):
    for path in ("/", "/style.css", "/api/status", "/nothing-here"):
        headers = page.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in policy
        assert "*" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "localhost:{port}", ""])
def test_a_foreign_name_that_points_here_gets_nothing(page, host):
    assert page.get("/", Host=host.format(port=page.port)).status in (400, 403)
    assert page.get("/api/status", Host=host.format(port=page.port)).status in (400, 403)


def test_its_own_name_is_answered_too(page):
    assert page.get("/", Host=f"kaga-edge.local:{page.port}").status == 200


def test_a_foreign_page_can_neither_read_nor_act(page):
    assert page.get("/api/status", Origin="https://evil.example").status == 403
    assert page.get("/api/status", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors").status == 403
    assert page.get("/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate").status == 200
    for foreign in ("https://evil.example", "null", f"http://127.0.0.1:{page.port}", None):
        assert page.post("/api/enter", {"pin": "0", "who": "x"}, Origin=foreign).status == 403
    assert page.post("/api/enter", {"pin": "0", "who": "x"}, X_Kaga_Edge=None).status == 403


def test_the_status_is_the_daemons_own(page):
    told, own = json.loads(page.get("/api/status").content), page.ask(op="status")
    assert told.keys() == own.keys()
    assert [sensor["id"] for sensor in told["sensors"]] == [sensor["id"] for sensor in own["sensors"]]


def test_the_history_comes_out_of_the_store(page):
    def history():
        return json.loads(page.get("/api/series?sensor=level-1&hours=3").content)

    wait_for(lambda: len(history()["t"]) >= 3, why="three kept values")
    series = history()
    assert (series["channel"], series["unit"]) == ("water_level", "m")
    assert series["t"] == sorted(series["t"])
    assert page.get("/api/series?sensor=nobody").status == 409
    assert page.get("/api/series?sensor=level-1&hours=1e9").status == 400
    assert page.get("/api/series?sensor=level-1&channel=x").status == 409


def test_the_stream_begins_with_everything_and_goes_on(page):
    with socket.create_connection(("127.0.0.1", page.port), 30) as plain:
        line = page.tls().wrap_socket(plain, server_hostname="127.0.0.1")
        line.sendall(f"GET /events?lang=ja HTTP/1.1\r\nHost: 127.0.0.1:{page.port}\r\n\r\n".encode())
        heard = b""
        while heard.count(b"event: view") < 2:
            heard += line.recv(65536)
        line.close()
    assert heard.startswith(b"HTTP/1.1 200 OK")
    assert b"event: spark" in heard
    assert b"event: log" in heard
    assert "水位".encode() in heard


def test_the_language_is_what_the_browser_asks_for_first(page):
    assert b'<html lang="ja">' in page.get("/", Accept_Language="ja,en;q=0.8").content
    assert b'<html lang="en">' in page.get("/", Accept_Language="en-GB,ja;q=0.5").content
    assert b'<html lang="en">' in page.get("/", Accept_Language="de").content
    assert b'<html lang="en">' in page.get("/?lang=en", Accept_Language="ja").content


# --- the PIN ---


def test_looking_needs_no_pin_and_acting_does(page):
    status, answer = page.do("", action="read", sensor="level-1")
    assert (status, "ended" in answer) == (401, True)
    status, answer = page.do("__Host-kaga-edge=guessed", action="care_on", minutes=60)
    assert status == 401


def test_the_cookie_is_for_this_page_alone(page):
    cookie = page.enter().getheader("Set-Cookie")
    assert cookie.startswith("__Host-kaga-edge=")
    assert {"HttpOnly", "Secure", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))


def test_with_the_pin_a_reading_a_maintenance_and_an_end(page):
    cookie = page.cookie()
    status, answer = page.do(cookie, action="read", sensor="level-1")
    assert status == 200
    assert answer["readings"][0]["unit"] == "m"
    assert page.do(cookie, action="care_on", sensor="level-1", minutes=30, why="clean")[0] == 200
    assert [one["sensor"] for one in page.ask(op="status")["maintenance"]] == ["level-1"]
    assert page.do(cookie, action="care_off", sensor="level-1")[0] == 200
    assert page.ask(op="status")["maintenance"] == []
    page.post("/api/leave", {}, cookie)
    assert page.do(cookie, action="read", sensor="level-1")[0] == 401


def test_with_the_pin_and_a_reason_measuring_stops_and_goes_on(page):
    cookie = page.cookie()
    assert page.do(cookie, action="stop", sensor="air-1", why="asked by a neighbour")[0] == 200
    status = page.ask(op="status")
    assert [(one["sensor"], one["who"]) for one in status["stopped"]] == [("air-1", "Yamada")]
    assert page.do(cookie, action="start", sensor="air-1")[0] == 200
    assert page.ask(op="status")["stopped"] == []


def test_each_opening_and_each_action_is_an_event(page):
    page.do(page.cookie(), action="read", sensor="air-1")
    wait_for(lambda: page.events()[-1]["event"] == "web.action", why="the event")
    done = page.events()[-1]
    assert (done["who"], done["action"], done["sensor"]) == ("Yamada", "read", "air-1")
    names = {event["event"] for event in page.events()}
    assert {"web.opened", "web.entered"} <= names
    assert page.opened["pin"] not in json.dumps(page.events())


@pytest.mark.parametrize(
    "asked",
    [
        {"action": "format"},
        {"action": "read"},
        {"action": "read", "sensor": "nobody"},
        {"action": "read", "sensor": "x" * 200},
        {"action": "care_on", "minutes": "60"},
        {"action": "care_on", "minutes": 1e9},
        {"action": "stop", "sensor": "level-1"},
        {"action": "calibrate_keep", "sensor": "level-1", "true": 1.2},
        {"action": "calibrate_undo", "sensor": "level-1"},
        {"action": "calibrate_compare", "sensor": "level-1", "true": None},
    ],
)
def test_what_makes_no_sense_is_refused_in_words(page, asked):
    status, answer = page.do(page.cookie(), **asked)
    assert status == 409
    assert answer["error"]["code"].startswith("KE-")
    assert answer["error"]["what"]


def test_junk_is_refused_and_the_page_lives_on(page):
    for body, status in (([], 400), ("x", 400), ({"pin": "x" * 9000, "who": "a"}, 413)):
        assert page.post("/api/enter", body).status == status
    assert page.post("/api/enter", {}, Content_Type="text/plain").status == 415
    assert page.get("/", X_Long="x" * 20_000).status == 400
    with socket.create_connection(("127.0.0.1", page.port), 10) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")  # no TLS
        assert not plain.recv(100).startswith(b"HTTP/")
    assert page.get("/").status == 200


# --- what an examiner sent ---


def raw(page, request: str) -> bytes:
    """Send a request as it stands; return all that comes back, the connection's end included."""
    with socket.create_connection(("127.0.0.1", page.port), 30) as plain:
        line = page.tls().wrap_socket(plain, server_hostname="127.0.0.1")
        line.sendall(request.replace("HOST", f"127.0.0.1:{page.port}").encode("latin-1"))
        heard = b""
        while more := line.recv(65536):
            heard += more
        return heard


def test_a_cookie_of_bytes_that_are_no_text_is_an_unknown_cookie(page):
    usual = (
        f"Origin: {page.origin}\r\nX-Kaga-Edge: 1\r\nContent-Type: application/json\r\nConnection: close\r\n"
    )
    cookie = "Cookie: __Host-kaga-edge=\xff\xfe\r\n"
    heard = raw(page, f"POST /api/do HTTP/1.1\r\nHost: HOST\r\n{usual}{cookie}Content-Length: 2\r\n\r\n{{}}")
    assert heard.startswith(b"HTTP/1.1 401")


def test_a_name_that_only_looks_like_a_file_of_ours_is_not_found(page):
    assert page.get("/stylexcss").status == 404


def test_a_body_that_says_it_is_compressed_is_not_unpacked(page):
    assert page.post("/api/enter", {"pin": "1", "who": "x"}, Content_Encoding="gzip").status == 403
    assert page.post("/api/enter", [], Content_Encoding="deflate").status == 400


def test_asking_for_the_head_of_the_stream_ends(page):
    heard = raw(page, "HEAD /events HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n")
    assert heard.startswith(b"HTTP/1.1 405")


@pytest.mark.parametrize(
    "request_",
    [
        "FOO / HTTP/1.1\r\nHost: HOST\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: HOST\r\nHost: evil.example\r\n\r\n",
        "GET / HTTP/1.1\nHost: HOST\n\n",
        "GET / HTTP/1.1\r\nHost : HOST\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /api/enter HTTP/1.1\r\nHost: HOST\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n{}{}",
    ],
)
def test_what_is_no_request_gets_a_number_our_headers_and_nothing_else(page, request_):
    written = (page.folder / "daemon.log").stat().st_size
    head, _, body = raw(page, request_).partition(b"\r\n\r\n")
    assert (head.split()[1], body) == (b"400", b"400\n")
    assert b"default-src 'none'" in head
    assert b"aiohttp" not in head
    assert b"Traceback" not in (page.folder / "daemon.log").read_bytes()[written:]


def test_a_refused_opening_leaves_the_open_page_open(page):
    before = page.opened["port"]
    for interface in ("nothere0", "a\0b", "--minutes=1", "\ud800", 5):
        assert page.ask(op="web", do="on", interface=interface, port=0)["error"]["what"]
    assert page.get("/").status == 200
    assert page.ask(op="web", do="status")["port"] == before


def test_tries_at_a_locked_gate_do_not_wash_the_log_away(page):
    def opened_anew() -> Counter[str]:
        """Return how often each event was logged by the time a new opening is."""
        had = Counter(event["event"] for event in page.events())["web.opened"]
        page.open()
        wait_for(lambda: Counter(e["event"] for e in page.events())["web.opened"] > had, why="the event")
        return Counter(event["event"] for event in page.events())

    before = opened_anew()
    wrong = "00000000" if page.opened["pin"] != "00000000" else "00000001"
    assert {page.enter(pin=wrong).status for _ in range(gate.TRIES + 10)} == {403, 429}
    told = opened_anew() - before
    assert (told["web.refused"], told["web.locked"]) == (gate.TRIES - 1, 1)


def test_five_wrong_pins_lock_even_the_right_one_until_it_is_opened_anew(page):
    wrong = "00000000" if page.opened["pin"] != "00000000" else "00000001"
    answers = [page.enter(pin=wrong) for _ in range(gate.TRIES)]
    assert [answer.status for answer in answers] == [403] * (gate.TRIES - 1) + [429]
    assert page.enter().status == 429
    wait_for(lambda: any(e["event"] == "web.locked" for e in page.events()), why="the event")
    before = page.opened["pin"]
    page.open()
    assert page.opened["pin"] != before
    assert page.enter().status == 200


# --- slow and many ---


def test_who_never_greets_and_who_never_finishes_a_request_are_closed(page):
    with socket.create_connection(("127.0.0.1", page.port), 60) as mute:
        with socket.create_connection(("127.0.0.1", page.port), 60) as plain:
            line = page.tls().wrap_socket(plain, server_hostname="127.0.0.1")
            line.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
            began = quiet_s()
            assert line.recv(10) == b""
            assert quiet_s() - began < 4 * serving.KEEP_ALIVE_S
            line.close()
        assert _ended(mute)


def test_more_connections_than_one_address_may_have_are_closed_at_once(page):
    idle = [socket.create_connection(("127.0.0.1", page.port), 30) for _ in range(serving.MOST_EACH)]
    try:
        with socket.create_connection(("127.0.0.1", page.port), 30) as one_more:
            assert _ended(one_more)
    finally:
        for one in idle:
            one.close()
    wait_for(lambda: _works(page), why="room again")


def test_more_streams_than_one_address_may_have_are_refused_and_the_page_still_comes(page):
    ask = f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{page.port}\r\n\r\n".encode()
    with contextlib.ExitStack() as lines:
        for expected in [200] * feed.MOST_WATCHERS_EACH + [503]:
            plain = lines.enter_context(socket.create_connection(("127.0.0.1", page.port), 30))
            line = lines.enter_context(page.tls().wrap_socket(plain, server_hostname="127.0.0.1"))
            line.sendall(ask)
            assert line.recv(4096).startswith(f"HTTP/1.1 {expected} ".encode())
        assert page.get("/").status == 200
        assert page.get("/api/status").status == 200


def test_over_ipv6_the_page_comes_with_a_certificate_that_names_the_address(page):
    if not Path("/proc/net/if_inet6").read_text().count(" lo\n"):
        pytest.skip("this machine's loopback has no IPv6 address")
    with socket.create_connection(("::1", page.port), 30) as plain:
        line = page.tls().wrap_socket(plain, server_hostname="::1")  # refuses another's certificate
        line.sendall(f"GET /api/status HTTP/1.1\r\nHost: [::1]:{page.port}\r\n\r\n".encode())
        assert line.recv(4096).startswith(b"HTTP/1.1 200 ")
        line.close()


# --- the end ---


def test_it_closes_by_itself_when_its_time_is_over(page):
    page.open(minutes=0.03)
    pid = page.opened["pid"]
    wait_for(lambda: not page.ask(op="web", do="status")["open"], why="the end")
    assert not Path(f"/proc/{pid}").exists()
    # The event reaches its file by the writer's thread, a moment after the state.
    wait_for(lambda: page.events()[-1]["event"] == "web.closed", why="the event")
    page.open()


def test_off_closes_it_and_the_certificate_stays_the_same(page):
    before = page.opened["fingerprint"]
    page.ask(op="web", do="off")
    with pytest.raises(OSError):
        page.get("/")
    assert page.open()["fingerprint"] == before


@pytest.mark.parametrize(
    "asked",
    [
        {"minutes": 0},
        {"minutes": 1e6},
        {"minutes": True},
        {"port": 80},
        {"interface": "nothere0"},
        {"do": "up"},
    ],
)
def test_an_opening_that_cannot_be_is_refused_in_words(station, asked):
    answer = station.ask(**({"op": "web", "do": "on", "interface": "lo", "port": 0} | asked))
    assert answer["error"]["code"] == "KE-P01"
    assert answer["error"]["fix"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_the_daemon_however_that_ends(own_station, how):
    pid = own_station.open()["pid"]
    own_station.process.send_signal(how)
    own_station.process.wait(60)
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), why="the page's end")


def _works(page) -> bool:
    try:
        return page.get("/").status == 200
    except OSError:
        return False


def _ended(line: socket.socket) -> bool:
    """Say whether the other end closes, whether politely or not."""
    try:
        return line.recv(10) == b""
    except ConnectionError:
        return True
