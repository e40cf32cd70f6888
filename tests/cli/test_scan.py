"""``kaga-edge sensor scan`` and ``sensor test`` as commands."""

from __future__ import annotations

import fcntl
import json
import os
import threading
import tty
from pathlib import Path

import pytest

from kaga_edge.buses import scan
from kaga_edge.buses.scan import Found
from kaga_edge.cli.pasting import pasted
from kaga_edge.config import load
from kaga_edge.sensors import a02yyuw
from kaga_edge.vocabulary.requests import BusKind

AT_48 = "i2c = { bus = 9, address = 0x48 }"
WIRED = ("[[sensor]]", 'id = "level-1"', 'driver = "a02yyuw"', 'port = "/dev/ttyAMA0"')
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
        "    # from here on an example: change it to fit the site",
        *[f"    {line}".rstrip() for line in a02yyuw.MODEL.example.splitlines() if line not in WIRED],
    ]


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_the_lines_of_a_scan_were_refused_by_config_check(tmp_path: Path, lang: str) -> None:
    found = []
    for kind in (BusKind.I2C, BusKind.UART, BusKind.MODBUS):
        for number, one in enumerate(scan.models(kind)):
            port = f'port = "/dev/tty{kind.value}{number}"'
            wire = {
                BusKind.I2C: (
                    f"i2c = {{ bus = {number}, address = 0x{(one.model.addresses or (0,))[0]:02X} }}",
                ),
                BusKind.UART: (port, *one.lines),
                BusKind.MODBUS: (port, f"modbus_id = {number + 7}", 'serial = "19200 8E1"'),
            }[kind]
            found += [Found(bus=kind.value, where=port, driver=one.name, certain=True, lines=wire)]
    found += [Found(bus="i2c-9", where="0x48", driver="ads1115", certain=False, lines=(AT_48,))]
    found += [Found(bus="i2c-9", where="0x48", driver="ina219", certain=False, lines=(AT_48,))]  # or this
    found += [Found(bus="uart", where="/dev/ttyX", driver=None, certain=False)]
    lines = [line for _, config in pasted(found, {"sht4x-1"}, lang) for line in config]
    assert 'id = "sht4x-2"' in lines  # the site has the first already
    assert '# driver = "ina219"' in lines  # of two at one address one is a remark
    file = tmp_path / "kaga-edge.toml"
    file.write_text(CONFIG.replace("air-1", "sht4x-1") + "\n".join(lines) + "\n", encoding="utf-8")
    assert len(load(file).sensors) == len(found) - 1  # its own one came, the stranger and the remark did not


def test_a_port_that_another_program_holds_is_named_with_what_to_do(kaga_edge, config: Path) -> None:
    far, near = os.openpty()
    port = os.ttyname(near)
    held = os.open(port, os.O_RDWR | os.O_NOCTTY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        said = kaga_edge("sensor", "scan", "--port", port, "--config", config)
    finally:
        for end in (held, far, near):
            os.close(end)
    assert (said.code, said.out) == (1, "nothing was found\n")
    assert "another program has the port open" in " ".join(said.err.split())
    assert said.err.count(port) == 2  # what is tried, and what failed


def test_scan_of_what_is_not_there_says_so(kaga_edge, config: Path) -> None:
    said = kaga_edge("sensor", "scan", "--bus", "99", "--config", config)
    assert (said.code, said.out) == (1, "nothing was found\n")
    assert "i2c-99 cannot be opened" in said.err


def test_beside_the_running_gateway_nothing_was_found_and_nobody_said_why(
    kaga_edge, config: Path, control_socket, snapshot
) -> None:
    config.write_text(CONFIG.replace("bus = 1", "bus = 63"), encoding="utf-8")
    socket = control_socket(lambda _request: snapshot())
    said = kaga_edge("sensor", "scan", "--bus", "63", "--config", config, "--socket", socket)
    assert (said.code, said.out) == (1, "nothing else was found\n")
    assert "i2c-63 0x44 is in use by the gateway" in said.err


def reading(value: float | None, error: dict | None = None) -> dict:
    readings = [] if value is None else [{"id": "air_temperature", "unit": "Cel", "value": value, "flags": 0}]
    return {"v": 1, "sensor": "air-1", "took_s": 0.012, "readings": readings, "raw": None, "error": error}


def test_five_readings_give_range_spread_and_a_verdict(kaga_edge, config: Path, control_socket) -> None:
    values = iter([8.21, 8.24, 8.20, 8.22, 8.23])

    def answer(request: dict) -> dict:
        if request["op"] == "take":
            own = {"id": "air_temperature", "value": 8.2, "line": [1.0, 0.0]}
            more = {"id": "air_pressure", "value": 1001.0, "line": [1.0, 0.5]}
            return {"v": 1, "channels": [own, more], "error": None}
        return reading(next(values))

    path = control_socket(answer)
    said = kaga_edge("sensor", "test", "air-1", "--config", config, "--socket", path)
    assert said.code == 0
    assert said.out.splitlines() == [
        "air-1  pass  5/5  reply 12 ms",
        "  Air temperature: 8.20 to 8.24 deg C  spread 0.04",
        "  goes to the city: Air pressure 1001.50 hPa",
    ]


def test_one_failure_fails_and_names_the_next_step(kaga_edge, config: Path, control_socket) -> None:
    silent = {"code": "KE-B02", "what": "no acknowledge", "fix": ""}
    answers = iter([reading(8.2)] * 4 + [reading(None, silent)])
    path = control_socket(lambda _request: next(answers))
    said = kaga_edge("sensor", "test", "--config", config, "--socket", path, "--json")
    (verdict,) = json.loads(said.out)
    assert (said.code, verdict["pass"], verdict["readings"]) == (2, False, 4)
