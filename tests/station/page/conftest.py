"""A real daemon on a simulated site, and its page; a browser where Debian's chromium is installed."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kaga_edge.sim import demo_site, scenarios
from kaga_edge.sim.site import SimulatedSite

PATIENCE_S = 60.0
FULL = bool(os.environ.get("KAGA_TEST_FULL"))
NO_PLATFORM = 1  # a port where no broker listens


def wait_for(what, *, seconds: float = PATIENCE_S, why: str = "it"):
    """Poll ``what`` until it is true and return its value; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not (value := what()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{why} did not happen within {seconds:g} s")
        time.sleep(0.05)
    return value


@dataclass
class Station:
    """A daemon as its own process; ``opened`` is the answer to ``web on``."""

    folder: Path
    socket: Path
    process: subprocess.Popen[bytes]
    opened: dict = field(default_factory=dict)

    def ask(self, **request) -> dict:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE_S)
            client.connect(str(self.socket))
            client.sendall(json.dumps(request).encode() + b"\n")
            return json.loads(client.makefile().readline())

    def answers(self) -> bool:
        with contextlib.suppress(OSError, ValueError):
            return "state" in self.ask(op="status")
        return False

    def open(self, minutes: float = 30) -> dict:
        self.opened = self.ask(op="web", do="on", interface="lo", port=0, minutes=minutes)
        assert "error" not in self.opened, self.opened
        return self.opened

    def events(self) -> list[dict]:
        return [json.loads(line) for line in (self.folder / "events.jsonl").read_text().splitlines()]

    # --- HTTP ---

    @property
    def port(self) -> int:
        return self.opened["port"]

    @property
    def origin(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def tls(self) -> ssl.SSLContext:
        """Trust that one certificate, for its own addresses, as a careful technician does."""
        (certificate,) = (self.folder / "web").glob("*.crt")
        return ssl.create_default_context(cafile=str(certificate))

    def request(self, method: str, path: str, body=None, **headers) -> http.client.HTTPResponse:
        line = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=PATIENCE_S, context=self.tls())
        named = {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
        line.request(method, path, body if body is None else json.dumps(body), named)
        answer = line.getresponse()
        answer.content = answer.read()
        line.close()
        return answer

    def get(self, path: str, **headers) -> http.client.HTTPResponse:
        return self.request("GET", path, **headers)

    def post(self, path: str, body, cookie: str | None = None, **headers) -> http.client.HTTPResponse:
        usual = {
            "Origin": self.origin,
            "X-Kaga-Edge": "1",
            "Content-Type": "application/json",
            "Cookie": cookie,
        }
        return self.request("POST", path, body, **(usual | headers))

    def enter(self, pin: str | None = None, who: str = "Yamada") -> http.client.HTTPResponse:
        return self.post("/api/enter", {"who": who, "pin": pin or self.opened["pin"]})

    def cookie(self) -> str:
        answer = self.enter()
        assert answer.status == 200, answer.content
        return answer.getheader("Set-Cookie").partition(";")[0]

    def do(self, cookie: str, **asked) -> tuple[int, dict]:
        answer = self.post("/api/do", asked, cookie)
        return answer.status, json.loads(answer.content)


@contextlib.contextmanager
def a_station(folder: Path, speed: float = 60.0) -> Iterator[Station]:
    (folder / "run").mkdir()
    config = folder / "kaga-edge.toml"
    config.write_text(demo_site.config_text(folder, NO_PLATFORM, demo_site.fittings()))
    story = scenarios.BY_NAME["flood"](seed=1)
    with SimulatedSite(folder, demo_site.fittings(), story, speed=speed) as site:
        words = ["-m", "kaga_edge.sim.daemon", "--site", str(site.socket), "--die-with-parent"]
        with (folder / "daemon.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *words, "--", "run", "--config", str(config)], stdout=log, stderr=log
            )
        station = Station(folder, folder / "run" / "control.sock", process)
        try:
            wait_for(station.answers, why="an answer on the control socket")
            yield station
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture(scope="module")
def station(tmp_path_factory) -> Iterator[Station]:
    with a_station(tmp_path_factory.mktemp("station")) as made:
        yield made


@pytest.fixture
def own_station(tmp_path) -> Iterator[Station]:
    """One that a test may kill."""
    with a_station(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def page(station) -> Station:
    """The station with its page open; a test that closes it opens it again."""
    station.open()
    return station


@pytest.fixture(scope="module")
def chromium():
    """Debian's chromium, driven by playwright. Ends with its module: its loop keeps out every other one."""
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("chromium is not installed (scripts/apt-packages lists it)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """Where pictures go: ``build/screenshots``, which git ignores."""
    folder = Path(__file__).resolve().parents[3] / "build" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core 4.14.1 as published (THIRD-PARTY)."""
    return (Path(__file__).parent / "axe" / "axe.min.js").read_text(encoding="utf-8")
