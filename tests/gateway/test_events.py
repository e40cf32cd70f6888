"""Event mode in the real daemon: a rising level is measured and sent faster, with what came before."""

from __future__ import annotations

from .conftest import config_text, wait_for

EVENT = """
[sensor.event]
rise = "0.10m/10m"
every = "200ms"
send = "500ms"
"""


def test_a_rise_makes_the_sensor_faster_and_sends_what_waited(
    tmp_path, daemon, instruments, receiving, mosquitto
):
    level = instruments[0]
    text = config_text(tmp_path, [("level-1", level.link)], port=mosquitto, every="2s", more=EVENT)
    daemon.config.write_text(text.replace('batch = "1s"', 'batch = "1h"'))
    daemon.start()
    wait_for(lambda: daemon.status()["sensors"][0]["channels"][0]["value"] is not None, why="a value")
    wait_for(lambda: daemon.status()["link"]["state"] == "up", why="the link")
    before = receiving.arrived()  # whatever waited for the link; the rest waits for the hour's batch
    level.distance_mm = 1800
    wait_for(lambda: "event.began" in daemon.log.read_text(), why="the event")
    wait_for(lambda: receiving.arrived() >= before + 20, why="rows at the event's pace")
    daemon.stop()
