"""The command line called in this process, and a daemon's control socket that says what a test wants."""

from __future__ import annotations

import json
import signal
import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kaga_edge.cli import main


@pytest.fixture(scope="session", autouse=True)
def interrupts_are_heeded() -> Iterator[None]:
    """A suite run in the background of a script ignores SIGINT, and the programs it starts inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@dataclass
class Said:
    code: int
    out: str
    err: str


@pytest.fixture
def kaga_edge(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    for name in ("KAGA_EDGE_LANG", "LC_ALL", "LC_MESSAGES", "LANG", "TERM", "RUNTIME_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)

    def call(*words: object) -> Said:
        try:
            code = main([str(word) for word in words])
        except SystemExit as end:  # argparse
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return call


@pytest.fixture
def control_socket(tmp_path: Path) -> Iterator[Callable[[Callable[[dict[str, Any]], Any]], Path]]:
    """Serve answers on a real Unix socket; the answer of None hangs up without a word."""
    servers: list[socketserver.BaseServer] = []

    def serve(answer: Callable[[dict[str, Any]], Any]) -> Path:
        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                reply = answer(json.loads(self.rfile.readline()))
                if reply is not None:
                    self.wfile.write(json.dumps(reply).encode() + b"\n")

        path = tmp_path / "control.sock"
        server = socketserver.UnixStreamServer(str(path), Handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return path

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def snapshot() -> Callable[..., dict[str, Any]]:
    """A station with a silent thermometer and a queue, in the shape the daemon gives."""

    def channel(name: str, unit: str, value: float | None) -> dict[str, Any]:
        return {"id": name, "unit": unit, "value": value, "flags": 0, "grade": 1}

    def make(only: str | None = None) -> dict[str, Any]:
        silent = {"code": "KE-B02", "what": "no answer", "fix": "check the wiring"}
        sensors = [
            {
                "id": "level-1",
                "state": "ok",
                "channels": [channel("water_level", "m", 1.24), channel("surface_distance", "m", 2.96)],
                "age_s": 4.2,
                "error": None,
            },
            {
                "id": "rain-1",
                "state": "ok",
                "channels": [channel("rain", "mm", 3.5)],
                "age_s": 12.0,
                "error": None,
            },
            {
                "id": "temp-1",
                "state": "failing",
                "channels": [channel("air_temperature", "Cel", 8.2)],
                "age_s": 185.0,
                "error": silent,
            },
        ]
        return {
            "v": 1,
            "gw": "flood-daishoji-01",
            "name": {"ja": "大聖寺川 三木大橋", "en": "Daishoji river, Miki bridge"},
            "version": "0.1.0",
            "state": "attention",
            "up_s": 90_000.0,
            "sensors": [sensor for sensor in sensors if only in (None, sensor["id"])],
            "store": {
                "bytes": 3_100_000,
                "max_bytes": 512_000_000,
                "numbered": 48_664,
                "delivered": 48_252,
                "waiting": 412,
                "gone": 0,
                "lost": 0,
                "oldest_wait_s": 2467,
            },
            "link": {
                "state": "up",
                "since_s": 260_000,
                "delivered_age_s": 2.0,
                "reason": None,
                "delivery": "platform",
                "in_flight": 1,
            },
            "clock": {"trust": 2},
            "room_s": 26 * 86_400 + 4000,
        }

    return make
