"""``kaga-edge receive`` as its own process against Debian's mosquitto."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.publish
import pytest
from paho.mqtt.client import MQTTv5

from kaga_edge.cli import main

BROKER = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
SECRET = "雪と川"


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A broker that asks for a name and a password."""
    if BROKER is None or shutil.which("mosquitto_passwd") is None:
        pytest.skip("Debian's mosquitto is not installed")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        number = int(taken.getsockname()[1])
    names = tmp_path / "names"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(names), "platform", SECRET], check=True)
    names.chmod(0o644)
    config = tmp_path / "mosquitto.conf"
    config.write_text(
        f"listener {number} 127.0.0.1\nallow_anonymous false\npassword_file {names}\nuser root\n"
    )
    with subprocess.Popen([BROKER, "-c", str(config), "-v"], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any("running" in line for line in process.stderr)
        yield number
        process.terminate()


@pytest.fixture
def receiving(port: int, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    password = tmp_path / "password"
    password.write_text(f"{SECRET}\n")
    command = [sys.executable, "-m", "kaga_edge", "receive", "--port", str(port), "--json"]
    command += [
        "--database",
        str(tmp_path / "r.db"),
        "--username",
        "platform",
        "--password-file",
        str(password),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def publish(port: int, *messages: tuple[str, object]) -> None:
    paho.mqtt.publish.multiple(
        [(f"kaga/edge/v1/gw-1/up/{leaf}", json.dumps(body), 1, False) for leaf, body in messages],
        port=port,
        auth={"username": "platform", "password": SECRET},
        protocol=MQTTv5,
    )


def batch(n: int) -> dict[str, object]:
    return {
        "v": 1,
        "ep": "3f2a9c1e",
        "n": n,
        "k": "a1b2c3d4",
        "t0": 1630065103000,
        "c": 2,
        "r": [[0, 0, 1.5]],
    }


def until(process: subprocess.Popen[str], what: str) -> dict[str, object]:
    assert process.stdout is not None
    for line in process.stdout:
        if (news := json.loads(line))["what"] == what:
            return dict(news)
    raise AssertionError(f"ended before {what}")


def test_a_missing_number_makes_the_exit_code_1(port: int, receiving: subprocess.Popen[str]) -> None:
    assert until(receiving, "connection")["up"] is True
    publish(port, ("data", batch(1)), ("data", batch(4)))
    assert until(receiving, "gap")["missing"] == 2
    receiving.send_signal(signal.SIGTERM)
    (epoch,) = until(receiving, "count")["epochs"]  # type: ignore[misc]
    assert (epoch["arrived"], epoch["gaps"]) == (2, [[2, 3]])
    assert receiving.wait(60) == 1


def test_with_nothing_missing_any_more_the_exit_code_is_0(
    port: int, receiving: subprocess.Popen[str]
) -> None:
    until(receiving, "connection")
    publish(port, ("data", batch(2)))
    assert until(receiving, "gap")["missing"] == 1
    publish(port, ("gone", {"v": 1, "ep": "3f2a9c1e", "e": 1, "g": [[1, 1, "quarantined"]]}))
    assert until(receiving, "gap")["missing"] == 0
    receiving.send_signal(signal.SIGINT)
    assert receiving.wait(60) == 0


def test_a_broker_never_reached_is_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: refused
        number = nobody.getsockname()[1]
        database = str(tmp_path / "r.db")
        command = ["receive", "--port", str(number), "--seconds", "0.2", "--database", database]
        assert main([*command, "--lang", "ja"]) == 2
        assert "接続できませんでした" in capsys.readouterr().err
        assert main([*command, "--json"]) == 2
    said = capsys.readouterr()
    failure, count = (json.loads(line) for line in said.out.splitlines())
    assert failure["error"]["where"] == f"127.0.0.1:{number}"
    assert (count["what"], said.err) == ("count", "")


def test_a_password_file_that_is_not_there_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["receive", "--password-file", str(tmp_path / "none")]) == 2
    assert str(tmp_path / "none") in capsys.readouterr().err
    assert main(["receive", "--ca", str(tmp_path / "none")]) == 2


@pytest.mark.parametrize("place", ["folder/that/is/not/there.db", "no-database"])
def test_a_database_that_cannot_be_opened_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    (tmp_path / "no-database").write_text("this is a letter, not a database\n" * 40)
    assert main(["receive", "--database", str(tmp_path / place)]) == 2
    assert place in capsys.readouterr().err


def test_what_came_on_a_stick_goes_through_the_broker_of_a_running_receiver(
    port: int, receiving: subprocess.Popen[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    until(receiving, "connection")
    publish(port, ("data", batch(1)), ("data", batch(3)))
    assert until(receiving, "gap")["missing"] == 1
    stick, password = tmp_path / "stick.jsonl", tmp_path / "password"
    lines = [{"topic": "kaga/edge/v1/gw-1/up/hist", "payload": batch(n)} for n in (1, 2, 3)]
    stick.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    password.write_text(SECRET, encoding="utf-8")
    where = ["--host", "127.0.0.1", "--port", str(port), "--username", "platform"]
    words = ["store", "import", str(stick), *where, "--password-file", str(password), "--json"]
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["published"] == 3
    assert until(receiving, "gap")["missing"] == 0
    receiving.send_signal(signal.SIGTERM)
    assert receiving.wait(60) == 0
