"""``kaga-edge doctor`` and ``link test`` as commands: exit codes, order, time, real broker."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import unicodedata
from pathlib import Path

import pytest

from kaga_edge.sim.broker import free_port
from tests.quiet import quiet_s

SITE = """
[site]
id = "flood-1"
name = { ja = "川", en = "river" }
[[sensor]]
id = "air-1"
driver = "sht4x"
i2c = { bus = 9, address = 0x44 }
every = "60s"
[sensor.disclosure]
purpose = { ja = "気温", en = "air" }
personal_data = false
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "kaga-edge.toml"
    file.write_text(SITE + f'[station]\nruntime = "{tmp_path}"\n', encoding="utf-8")
    return file


def test_failures_come_first_and_all_37_end_within_15_seconds(kaga_edge, config: Path) -> None:
    began = quiet_s()
    said = kaga_edge("doctor", "--config", config, "--json")
    assert quiet_s() - began < 15
    found = json.loads(said.out)
    order = ["fail", "note", "unknown", "skip", "pass"]
    assert len(found) == 37
    assert [one["state"] for one in found] == sorted((one["state"] for one in found), key=order.index)
    assert said.code == 2  # bus 9 is not there
    assert next(one for one in found if one["code"] == "S02")["state"] == "unknown"


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_it_reads_at_40_columns_with_no_sign_of_ambiguous_width(kaga_edge, config, monkeypatch, lang) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    said = kaga_edge("doctor", "--config", config, "--only", "C", "--lang", lang)
    assert "C01" in said.out
    assert not [sign for sign in said.out if unicodedata.east_asian_width(sign) == "A"]


def test_only_one_group_or_one_check(kaga_edge, config: Path) -> None:
    found = json.loads(kaga_edge("doctor", "--config", config, "--only", "b", "--json").out)
    assert {one["code"][0] for one in found} == {"B"}
    assert len(json.loads(kaga_edge("doctor", "--config", config, "--only", "C01", "--json").out)) == 1
    said = kaga_edge("doctor", "--config", config, "--only", "Z", "--lang", "en")
    assert (said.code, "there are no checks called Z" in said.err) == (64, True)


def test_a_group_that_is_none_was_told_as_text_where_json_was_asked_for(kaga_edge, config: Path) -> None:
    said = kaga_edge("doctor", "--config", config, "--only", "Z", "--json")
    assert (said.code, json.loads(said.out)["error"]["code"], said.err) == (64, "KE-U01", "")


def test_fix_shows_and_runs_the_safe_repair(kaga_edge, config: Path) -> None:
    config.chmod(0o644)
    said = kaga_edge("doctor", "--config", config, "--only", "C01", "--fix")
    assert f"chmod 640 {config}" in said.out
    assert config.stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="changes a file's group: root")
def test_the_repair_of_what_roots_editor_wrote_shut_the_gateway_out(kaga_edge, config: Path) -> None:
    gateway = 4711  # the group that /etc/kaga-edge belongs to
    os.chown(config.parent, 0, gateway)
    os.chown(config, 0, 0)
    config.chmod(0o644)
    assert kaga_edge("doctor", "--config", config, "--only", "C01", "--fix").code == 0
    facts = config.stat()
    assert (facts.st_gid, facts.st_mode & 0o777) == (gateway, 0o640)


def test_a_secret_that_anybody_may_read_was_not_mended(kaga_edge, config: Path) -> None:
    secret = config.parent / "secrets/pw"
    secret.parent.mkdir(exist_ok=True)
    secret.write_text("x\n")
    secret.chmod(0o666)
    with_platform(config, 9, 'username = "u"\nsecret = "pw"')
    said = kaga_edge("doctor", "--config", config, "--only", "C01", "--fix", "--lang", "en")
    assert f"chmod 640 {secret}" in said.out
    assert secret.stat().st_mode & 0o777 == 0o640
    assert "C01 FAIL" not in said.out.partition("After the repairs:\n")[2]


def test_what_was_mended_was_still_told_as_not_in_order(kaga_edge, config: Path) -> None:
    config.chmod(0o644)
    said = kaga_edge("doctor", "--config", config, "--only", "C01", "--fix", "--lang", "en")
    assert said.code == 0
    after = said.out.partition("After the repairs:\n")[2]
    assert after.startswith("  C01 pass  configuration and secrets")
    again = kaga_edge("doctor", "--config", config, "--only", "C01", "--fix", "--lang", "en")
    assert (again.code, "chmod" in again.out) == (0, False)  # twice is harmless
    assert config.stat().st_mode & 0o777 == 0o640


def test_the_json_of_a_repair_was_none(kaga_edge, config: Path) -> None:
    config.chmod(0o644)
    said = kaga_edge("doctor", "--config", config, "--only", "C01", "--fix", "--json")
    assert [one["state"] for one in json.loads(said.out)] == ["pass"]
    assert "chmod" in said.err


@pytest.fixture
def mosquitto(tmp_path: Path):
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin")
    if program is None:
        pytest.skip("needs Debian's mosquitto")
    port = free_port()
    acl = tmp_path / "acl"
    acl.write_text("topic readwrite kaga/edge/v1/flood-1/#\n")
    settings = tmp_path / "mosquitto.conf"
    settings.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\nacl_file {acl}\n")
    broker = subprocess.Popen([program, "-c", str(settings)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
    yield port
    broker.terminate()
    broker.wait()


def with_platform(config: Path, port: int, more: str = "") -> Path:
    text = config.read_text(encoding="utf-8") + f'[platform]\nurl = "mqtt://127.0.0.1:{port}"\n{more}\n'
    config.write_text(text, encoding="utf-8")
    return config


@pytest.mark.mosquitto
def test_the_line_is_walked_to_a_real_broker(kaga_edge, config: Path, mosquitto: int) -> None:
    said = kaga_edge("link", "test", "--config", with_platform(config, mosquitto), "--json")
    states = {step["name"]: step["state"] for step in json.loads(said.out)}
    assert states == {
        "name": "pass", "route": "pass", "tcp": "pass", "tls": "skip", "login": "pass", "permission": "pass",
        "ack": "skip", "round_trip": "pass",
    }  # fmt: skip
    assert said.code == 0


@pytest.mark.mosquitto
def test_a_missing_permission_is_its_own_step(kaga_edge, config: Path, mosquitto: int) -> None:
    file = with_platform(config, mosquitto, 'root = "elsewhere"')
    steps = {
        step["name"]: step for step in json.loads(kaga_edge("link", "test", "--config", file, "--json").out)
    }
    assert steps["login"]["state"] == "pass"
    assert (steps["permission"]["state"], steps["permission"]["seen"]) == ("fail", "up/reply refused (0x87)")
    assert steps["round_trip"]["state"] == "unknown"


@pytest.mark.mosquitto
def test_over_the_old_mqtt_a_permission_was_called_proved(kaga_edge, config: Path, mosquitto: int) -> None:
    file = with_platform(config, mosquitto, 'root = "elsewhere"\nmqtt = "3.1.1"')
    steps = {
        step["name"]: step for step in json.loads(kaga_edge("link", "test", "--config", file, "--json").out)
    }
    assert steps["login"]["state"] == "pass"
    assert (steps["permission"]["state"], steps["permission"]["seen"]) == (
        "unknown",
        "MQTT 3.1.1 does not tell",
    )


def test_a_closed_port_stops_at_tcp_and_the_rest_is_not_claimed(kaga_edge, config: Path) -> None:
    said = kaga_edge("link", "test", "--config", with_platform(config, free_port()), "--json")
    states = {step["name"]: step["state"] for step in json.loads(said.out)}
    assert [states[name] for name in ("name", "tcp", "tls", "login")] == [
        "pass",
        "fail",
        "unknown",
        "unknown",
    ]
    assert said.code == 2


def test_a_plain_server_fails_at_tls(kaga_edge, config: Path, mosquitto: int) -> None:
    file = with_platform(config, mosquitto)
    file.write_text(file.read_text(encoding="utf-8").replace("mqtt://", "mqtts://"), encoding="utf-8")
    states = {
        step["name"]: step["state"]
        for step in json.loads(kaga_edge("link", "test", "--config", file, "--json").out)
    }
    assert (states["tcp"], states["tls"], states["login"]) == ("pass", "fail", "unknown")
