"""The real daemon: a burst's median with its count, and new snow whose past outlives a kill."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from .conftest import config_text, wait_for

SNOW = "[sensor.snow]\n"


def channels(daemon) -> dict:
    return {one["id"]: one["value"] for one in daemon.status()["sensors"][0]["channels"]}


def test_a_burst_is_the_median_of_what_came_within_it(tmp_path, daemon, instruments):
    text = config_text(tmp_path, [("level-1", instruments[0].link)], port=None, every="1s")
    daemon.config.write_text(text.replace('driver = "a02yyuw"', 'driver = "a02yyuw"\nburst = "1s"'))
    daemon.start()
    wait_for(lambda: (channels(daemon)["burst_valid"] or 0) >= 5, why="a burst of at least five")
    seen = channels(daemon)
    assert seen["surface_distance"] == 2.0
    assert seen["surface_distance_spread"] == 0.0
    daemon.stop()


def test_new_snow_goes_on_after_a_kill(tmp_path, daemon, instruments):
    text = config_text(tmp_path, [("snow-1", instruments[0].link)], port=None, more=SNOW)
    daemon.config.write_text(text.replace("gauge_zero_to_sensor_m", "ground_to_sensor_m"))
    daemon.start()
    wait_for(lambda: channels(daemon)["snow_on_ground"] == 3.0, why="a depth")
    wait_for(lambda: daemon.status()["store"]["numbered"] >= 2, why="two rows on disk")
    daemon.kill()
    book = remembered(tmp_path)
    daemon.start()
    wait_for(lambda: channels(daemon)["snow_on_ground"] == 3.0, why="a depth after the kill")
    daemon.stop()
    assert '"closed_ms":null' not in book
    assert book.split('"closed_ms":')[1][:13].isdigit()  # a full hour, in ms


def remembered(folder) -> str | None:
    with closing(sqlite3.connect(folder / "store.sqlite")) as store:
        row = store.execute("SELECT value FROM memory WHERE key = 'derived/snow-1'").fetchone()
    return None if row is None else row[0]
