"""``kaga-edge sensor scan`` and ``sensor test`` as commands."""

from __future__ import annotations

import json
import os
import threading
import tty
from pathlib import Path

import pytest

CONFIG = """
[site]
id = "x"
name = { ja = "川", en = "river" }
[[sensor]]
id = "air-1"
driver = "sht4x"
i2c = { bus = 1, address = 0x44 }
every = "60s"
[sensor.disclosure]
purpose = { ja = "気温", en = "air" }
personal_data = false
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "kaga-edge.toml"
    file.write_text(CONFIG, encoding="utf-8")
    return file


def test_scan_prints_the_lines_for_the_configuration(kaga_edge, config: Path) -> None:
    far, near = os.openpty()
    tty.setraw(near)
    over = threading.Event()

    def talk() -> None:
        while not over.wait(0.1):
            os.write(far, bytes.fromhex("FF07A1A7"))

    thread = threading.Thread(target=talk)
    thread.start()
    port = os.ttyname(near)
    try:
        said = kaga_edge("sensor", "scan", "--port", port, "--config", config)
    finally:
        over.set()
        thread.join()
        os.close(far)
        os.close(near)
    assert said.code == 0
    assert said.out.splitlines() == [
        f"uart {port}  a02yyuw (certain)  9600 8N1",
        "    [[sensor]]",
        '    id = "a02yyuw-1"',
        '    driver = "a02yyuw"',
        f'    port = "{port}"',
        '    serial = "9600 8N1"',
        '    every = "60s"',
    ]


def test_scan_of_what_is_not_there_says_so(kaga_edge, config: Path) -> None:
    said = kaga_edge("sensor", "scan", "--bus", "99", "--config", config)
    assert (said.code, said.out) == (1, "nothing was found\n")
    assert "i2c-99 cannot be opened" in said.err


def reading(value: float | None, error: dict | None = None) -> dict:
    readings = [] if value is None else [{"id": "air_temperature", "unit": "Cel", "value": value, "flags": 0}]
    return {"v": 1, "sensor": "air-1", "took_s": 0.012, "readings": readings, "raw": None, "error": error}


def test_five_readings_give_range_spread_and_a_verdict(kaga_edge, config: Path, control_socket) -> None:
    values = iter([8.21, 8.24, 8.20, 8.22, 8.23])
    path = control_socket(lambda _request: reading(next(values)))
    said = kaga_edge("sensor", "test", "air-1", "--config", config, "--socket", path)
    assert said.code == 0
    assert said.out == "air-1  pass  5/5  reply 12 ms\n  Air temperature: 8.20 to 8.24 deg C  spread 0.04\n"


def test_one_failure_fails_and_names_the_next_step(kaga_edge, config: Path, control_socket) -> None:
    silent = {"code": "KE-B02", "what": "no acknowledge", "fix": ""}
    answers = iter([reading(8.2)] * 4 + [reading(None, silent)])
    path = control_socket(lambda _request: next(answers))
    said = kaga_edge("sensor", "test", "--config", config, "--socket", path, "--json")
    (verdict,) = json.loads(said.out)
    assert (said.code, verdict["pass"], verdict["readings"]) == (2, False, 4)
