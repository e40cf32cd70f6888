"""The daemon as a process: start, stop, reload. Real ptys, a real broker, a real store file."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys

import pytest

from kaga_edge.store import inspect

from .conftest import Instrument, config_text, mosquitto_on, swallowing_line, wait_for

FULL = bool(os.environ.get("KAGA_TEST_FULL"))
BROKER_KILLS = 20 if FULL else 3


def rows(folder, scratch) -> dict[int, tuple]:
    """Return every committed sample by its id, from a copy: the file itself may be in use."""
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    for file in folder.glob("store.sqlite*"):
        shutil.copy(file, scratch)
    copy = sqlite3.connect(scratch / "store.sqlite")
    found = copy.execute("SELECT id, sensor, at_ms, vals, q FROM sample").fetchall()
    copy.close()
    return {row[0]: row[1:] for row in found}


def epoch_of(log: str) -> str:
    (epoch,) = set(re.findall(r"service.ready .*epoch=(\w+)", log))
    return str(epoch)


ROUNDED_MS = 2


def assert_none_missed(times_ms: list[int], *, every_ms: int) -> None:
    """Every due time gave one sample. On a busy machine some are dated late, and those around them tell."""
    # In due times, counted from the first. Two clocks cut to milliseconds may date one a millisecond early.
    late = [(at + ROUNDED_MS) // every_ms - n for n, at in enumerate(times_ms)]
    around = max(2, 2000 // every_ms)
    runs = [late[n : n + around] for n in range(max(1, len(late) - around + 1))]
    assert {min(run) for run in runs} == {min(late)}, late


def sensors(tmp_path, *names: str):
    return [(name, tmp_path / name) for name in names]


def test_it_measures_and_commits(tmp_path, daemon, instruments) -> None:
    daemon.config.write_text(config_text(tmp_path, sensors(tmp_path, "level-1"), port=None, every="250ms"))
    daemon.start()
    status = wait_for(lambda: (s := daemon.status()) and s["store"]["numbered"] >= 2 and s, why="two samples")
    (level, distance) = status["sensors"][0]["channels"]
    assert (level["id"], level["value"], level["unit"]) == ("water_level", 3.0, "m")
    assert (distance["id"], distance["value"]) == ("surface_distance", 2.0)


def test_sensor_list_is_told_by_the_running_gateway_and_does_not_read_the_file_again(
    tmp_path, daemon, instruments
) -> None:
    daemon.config.write_text(config_text(tmp_path, sensors(tmp_path, "level-1"), port=None))
    daemon.start()
    words = [sys.executable, "-m", "kaga_edge", "sensor", "list", "--config", str(daemon.config), "--json"]
    told = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    daemon.config.write_text("no configuration at all")
    with_the_file = subprocess.run([*words, "--socket", str(daemon.socket)], capture_output=True, text=True)
    assert json.loads(with_the_file.stdout) == told
    (one,) = told
    assert (one["id"], one["driver"], one["every_s"], one["where"]) == (
        "level-1", "a02yyuw", 1.0, str(tmp_path / "level-1")
    )  # fmt: skip


def test_it_starts_with_a_sensor_missing_and_picks_it_up_when_it_comes(tmp_path, daemon) -> None:
    daemon.config.write_text(config_text(tmp_path, sensors(tmp_path, "level-9"), port=None, every="250ms"))
    daemon.start()
    wait_for(lambda: daemon.status()["sensors"][0]["state"] == "failing", why="a failing sensor")
    instrument = Instrument(tmp_path / "level-9")
    wait_for(lambda: daemon.status()["sensors"][0]["state"] == "ok", why="recovery")
    instrument.unplug()
    log = daemon.log.read_text()
    assert log.count("sensor.down sensor=level-9") <= 1


def test_sigterm_ends_within_five_seconds_with_everything_committed(tmp_path, daemon, instruments) -> None:
    daemon.config.write_text(
        config_text(tmp_path, sensors(tmp_path, "level-1", "level-2"), port=None, every="250ms")
    )
    daemon.start()
    before = wait_for(lambda: (s := daemon.status()) and s["store"]["numbered"] >= 8 and s, why="samples")
    seconds = daemon.stop()
    assert daemon.process.returncode == 0, daemon.log.read_text()
    assert seconds < 5
    kept = rows(tmp_path, tmp_path / "copy")
    assert len(kept) >= before["store"]["numbered"] + before["store"]["held"]


def test_a_wrong_configuration_ends_with_78_and_names_the_line(tmp_path, daemon) -> None:
    daemon.config.write_text(
        config_text(tmp_path, sensors(tmp_path, "level-1"), port=None).replace("every =", "evrey =")
    )
    daemon.start(wait=False)
    assert daemon.process.wait(60) == 78
    assert "evrey" in daemon.log.read_text()


def test_sighup_with_a_wrong_file_keeps_the_old_configuration(tmp_path, daemon, instruments) -> None:
    text = config_text(tmp_path, sensors(tmp_path, "level-1"), port=None, every="250ms")
    daemon.config.write_text(text)
    daemon.start()
    daemon.config.write_text(text.replace("driver =", "drivr ="))
    daemon.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "config.rejected" in daemon.log.read_text(), why="the refusal")
    before = daemon.status()["store"]["numbered"]
    wait_for(lambda: daemon.status()["store"]["numbered"] > before, why="measuring on")


def test_sighup_with_a_valid_file_changes_over_without_losing_a_sample(tmp_path, daemon, instruments) -> None:
    text = config_text(tmp_path, sensors(tmp_path, "level-1"), port=None, every="250ms")
    daemon.config.write_text(text)
    daemon.start()
    wait_for(lambda: daemon.status()["store"]["numbered"] >= 4, why="samples")
    wider = config_text(tmp_path, sensors(tmp_path, "level-1", "level-2"), port=None, every="250ms")
    daemon.config.write_text(wider)
    daemon.process.send_signal(signal.SIGHUP)
    wait_for(lambda: len(daemon.status()["sensors"]) == 2, why="the second sensor")
    seen = daemon.status()["store"]["numbered"]
    wait_for(lambda: daemon.status()["store"]["numbered"] >= seen + 10, why="more samples")
    daemon.stop()
    times = sorted(at for sensor, at, *_ in rows(tmp_path, tmp_path / "copy").values() if sensor == 0)
    assert_none_missed(times, every_ms=250)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("gauge_zero_to_sensor_m = 5.0", "gauge_zero_to_sensor_m = 6.0"),  # the bus goes on untouched
        ('driver = "a02yyuw"', 'driver = "a02yyuw"\nnearest_mm = 31'),  # the bus is opened anew
    ],
)
def test_a_changed_sensor_loses_no_sample_either(tmp_path, daemon, instruments, old, new) -> None:
    text = config_text(tmp_path, sensors(tmp_path, "level-1"), port=None)
    daemon.config.write_text(text)
    daemon.start()
    wait_for(lambda: daemon.status()["store"]["numbered"] >= 2, why="samples")
    daemon.config.write_text(text.replace(old, new))
    daemon.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "config.applied" in daemon.log.read_text(), why="the change")
    seen = daemon.status()["store"]["numbered"]
    wait_for(lambda: daemon.status()["store"]["numbered"] >= seen + 3, why="more samples")
    daemon.stop()
    found = sorted((at, vals) for _, at, vals, _ in rows(tmp_path, tmp_path / "copy").values())
    assert_none_missed([at for at, _ in found], every_ms=1000)
    assert "null" not in "".join(vals for _, vals in found)


def test_a_missing_password_does_not_stop_the_measuring(tmp_path, daemon, instruments) -> None:
    login = 'username = "test-01"\nsecret = "mqtt-password"'
    text = config_text(tmp_path, sensors(tmp_path, "level-1"), port=1, platform=login)
    daemon.config.write_text(text)
    daemon.start()
    wait_for(lambda: daemon.status()["store"]["numbered"] >= 1, why="a sample")
    assert daemon.status()["state"] == "attention"
    assert "link.unset" in daemon.log.read_text()


@pytest.mark.mosquitto
def test_sigterm_ends_within_five_seconds_on_a_line_that_swallows_everything(
    tmp_path, daemon, instruments, mosquitto
) -> None:
    with swallowing_line(mosquitto) as (port, swallow):
        daemon.config.write_text(config_text(tmp_path, sensors(tmp_path, "level-1"), port=port))
        daemon.start()
        wait_for(lambda: daemon.status()["link"]["state"] == "up", why="the connection")
        swallow.set()
        seen = daemon.status()["store"]["numbered"]
        wait_for(lambda: daemon.status()["store"]["numbered"] > seen, why="a sample")
        assert daemon.stop() < 5
    assert daemon.process.returncode == 0, daemon.log.read_text()


@pytest.mark.mosquitto
def test_status_told_of_nothing_while_nobody_subscribed(tmp_path, daemon, instruments, mosquitto) -> None:
    daemon.config.write_text(config_text(tmp_path, sensors(tmp_path, "level-1"), port=mosquitto))
    daemon.start()
    status = wait_for(
        lambda: (told := daemon.status())["link"].get("held") and told, why="the word that rows are held"
    )
    assert (status["link"]["state"], status["link"]["held"]) == ("up", ["no_subscriber"])
    assert status["state"] == "attention"


@pytest.mark.mosquitto
def test_over_the_old_mqtt_rows_arrive_and_people_and_platform_are_told(
    tmp_path, daemon, instruments, mosquitto, receiving
) -> None:
    platform = 'delivery = "platform"\nmqtt = "3.1.1"'
    text = config_text(
        tmp_path, sensors(tmp_path, "level-1"), port=mosquitto, every="100ms", platform=platform
    )
    daemon.config.write_text(text)
    daemon.start()
    wait_for(lambda: receiving.arrived() > 10, why="rows at the platform")
    wait_for(lambda: daemon.status()["store"]["delivered"] > 10, why="the platform's word")
    assert (daemon.status()["link"]["state"], daemon.status()["link"]["mqtt"]) == ("up", "3.1.1")
    words = ["mosquitto_sub", "-p", str(mosquitto), "-t", "kaga/edge/v1/+/up/state", "-C", "1", "-W", "10"]
    birth = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
    assert (birth["st"], birth["mqtt"]) == ("alive", "3.1.1")
    assert daemon.stop() < 5
    receiving.ends_with_no_gap(rows(tmp_path, tmp_path / "copy"), epoch_of(daemon.log.read_text()))


def test_an_unplugged_port_recovers_under_the_same_name(tmp_path, daemon, instruments) -> None:
    daemon.config.write_text(config_text(tmp_path, sensors(tmp_path, "level-1"), port=None))
    daemon.start()
    wait_for(lambda: daemon.status()["sensors"][0]["state"] == "ok", why="a first value")
    instruments[0].unplug()
    wait_for(lambda: daemon.status()["sensors"][0]["state"] == "failing", why="the loss seen")
    instruments[0].distance_mm = 1500
    instruments[0].plug()
    wait_for(lambda: daemon.status()["sensors"][0]["state"] == "ok", why="recovery")
    assert daemon.status()["sensors"][0]["channels"][1]["value"] == 1.5


@pytest.mark.slow
@pytest.mark.mosquitto
@pytest.mark.timeout(600)
def test_broker_killed_mid_stream_the_receiver_ends_with_no_gap(
    tmp_path, daemon, instruments, receiving_on
) -> None:
    port, receiving = receiving_on
    # A broker that dies takes what it acknowledged and had not handed on: only the platform's own word
    # counts.
    platform = 'delivery = "platform"\nack_wait = "1s"'
    daemon.config.write_text(
        config_text(tmp_path, sensors(tmp_path, "level-1"), port=port, every="100ms", platform=platform)
    )
    daemon.start()
    for _ in range(BROKER_KILLS):
        with mosquitto_on(port, tmp_path):
            seen = receiving.arrived()
            wait_for(lambda s=seen: receiving.arrived() > s + 5, why="rows after a restart", seconds=60)
    with inspect.copied(tmp_path / "store.sqlite") as copy:
        committed = dict(copy.execute("SELECT id, at_ms FROM sample").fetchall())
    with mosquitto_on(port, tmp_path):
        receiving.ends_with_no_gap(committed, epoch_of(daemon.log.read_text()))
