"""Event mode in the real daemon: a rising level is measured and sent faster, with what came before."""

from __future__ import annotations

import contextlib
import json
import sqlite3

import pytest

from .conftest import config_text, wait_for

EVENT = """
[sensor.event]
rise = "0.10m/10m"
every = "200ms"
send = "500ms"
"""


def alarms_of(folder) -> list[tuple[str, str]]:
    """Return (key, state) of every alarm in the store, oldest first."""
    with contextlib.closing(sqlite3.connect(f"file:{folder}/store.sqlite?mode=ro", uri=True)) as store:
        told = [
            json.loads(body)
            for (body,) in store.execute("SELECT body FROM notice WHERE kind = 'alert' ORDER BY id")
        ]
    return [(one["data"]["key"], one["data"]["state"]) for one in told if "data" in one]


def said(daemon, event: str, key: str) -> bool:
    return any(event in line and f"key={key}" in line for line in daemon.log.read_text().splitlines())


@pytest.mark.parametrize("how", ["reload", "restart"])
def test_an_alarm_whose_rule_is_deleted_while_it_lasts_is_cleared_for_everybody(
    tmp_path, daemon, instruments, how
):
    text = config_text(
        tmp_path, [("level-1", instruments[0].link)], port=None, every="200ms",
        more="[sensor.thresholds]\ncaution = 1.0\ndanger = 2.0\n",
    )  # fmt: skip
    daemon.config.write_text(text)
    daemon.start()
    wait_for(lambda: said(daemon, "alert.raised", "danger/level-1"), why="the alarm")
    numbered = daemon.status()["store"]["numbered"]
    wait_for(lambda: daemon.status()["store"]["numbered"] > numbered + 3, why="the alarm on disk")
    without = text.replace("danger = 2.0\n", "")
    if how == "reload":
        daemon.config.write_text(without)
        assert daemon.ask({"op": "reload"})["v"] == 1
    else:
        daemon.kill()
        daemon.config.write_text(without)
        daemon.start()
    wait_for(lambda: said(daemon, "alert.retired", "danger/level-1"), why="the clearing")
    daemon.stop()
    assert alarms_of(tmp_path) == [
        ("danger/level-1", "raised"),
        ("caution/level-1", "raised"),
        ("danger/level-1", "cleared"),
    ]


def test_the_alarms_of_a_sensor_taken_out_while_the_gateway_was_off_are_cleared(
    tmp_path, daemon, instruments
):
    sensors = [("level-1", instruments[0].link), ("level-2", instruments[1].link)]
    more = "[sensor.thresholds]\ndanger = 2.0\n"
    daemon.config.write_text(config_text(tmp_path, sensors, port=None, every="200ms", more=more))
    daemon.start()
    for name in ("danger/level-1", "danger/level-2"):
        wait_for(lambda: said(daemon, "alert.raised", name), why="the alarm")  # noqa: B023
    numbered = daemon.status()["store"]["numbered"]
    wait_for(lambda: daemon.status()["store"]["numbered"] > numbered + 3, why="the alarms on disk")
    daemon.kill()
    daemon.config.write_text(config_text(tmp_path, sensors[:1], port=None, every="200ms", more=more))
    daemon.start()
    wait_for(lambda: said(daemon, "alert.retired", "danger/level-2"), why="the clearing")
    daemon.stop()
    assert [key for key, state in alarms_of(tmp_path) if state == "cleared"] == ["danger/level-2"]


def test_an_event_goes_on_after_the_gateway_was_killed(tmp_path, daemon, instruments):
    level = instruments[0]
    text = config_text(tmp_path, [("level-1", level.link)], port=None, every="2s", more=EVENT)
    daemon.config.write_text(text)
    daemon.start()
    wait_for(lambda: daemon.status()["sensors"][0]["channels"][0]["value"] is not None, why="a value")
    level.distance_mm = 1800
    wait_for(lambda: "event.began" in daemon.log.read_text(), why="the event")
    numbered = daemon.status()["store"]["numbered"]
    wait_for(lambda: daemon.status()["store"]["numbered"] > numbered + 2, why="the event on disk")
    daemon.kill()
    daemon.start()
    first = daemon.status()["store"]["numbered"]
    wait_for(lambda: daemon.status()["store"]["numbered"] >= first + 20, why="the event's pace")
    assert "event.ended" not in daemon.log.read_text()


def test_a_rise_makes_the_sensor_faster_and_sends_what_waited(
    tmp_path, daemon, instruments, receiving, mosquitto
):
    level = instruments[0]
    text = config_text(tmp_path, [("level-1", level.link)], port=mosquitto, every="2s", more=EVENT)
    daemon.config.write_text(text.replace('batch = "250ms"', 'batch = "1h"'))
    daemon.start()
    wait_for(lambda: daemon.status()["sensors"][0]["channels"][0]["value"] is not None, why="a value")
    wait_for(lambda: daemon.status()["link"]["state"] == "up", why="the link")
    before = receiving.arrived()  # whatever waited for the link; the rest waits for the hour's batch
    level.distance_mm = 1800
    wait_for(lambda: "event.began" in daemon.log.read_text(), why="the event")
    wait_for(lambda: receiving.arrived() >= before + 20, why="rows at the event's pace")
    daemon.stop()
