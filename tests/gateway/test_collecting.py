"""Collection stopped by request: at once, announced, kept over a restart, its rows say so."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from dataclasses import replace

import pytest

from kaga_edge.core.collecting import Stop, stopped_sample
from kaga_edge.core.sampling import SensorPlan
from kaga_edge.gateway.collecting import Collecting
from kaga_edge.vocabulary.errors import AskedWrongly
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import ClockTrust, Flag, Moment

from .conftest import config_text, wait_for

NOW = Moment(wall_ms=1_000_000, up_ms=500, boot="aaaa", trust=ClockTrust.NTP)
SENSORS = ("level-1", "speed-1")


class Kept:
    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    async def remember(self, key: str, value: str) -> None:
        self.kept[key] = value

    async def recall(self, key: str) -> str | None:
        return self.kept.get(key)


def stop(**more: object) -> dict[str, object]:
    return {"do": "stop", "sensor": "speed-1", "who": "Yamada", "why": "a resident asked"} | more


async def test_it_is_announced_with_who_and_why_and_kept_over_a_restart() -> None:
    memory = Kept()
    changed = await Collecting(memory, lambda: NOW).ask(stop(), SENSORS)
    ((sensor, alert),) = changed.stopped
    assert (sensor, alert.key, alert.state) == ("speed-1", "collect/speed-1", "raised")
    assert (alert.data["who"], alert.data["why"]) == ("Yamada", "a resident asked")
    again = Collecting(memory, lambda: NOW)
    await again.recall()
    assert again.stopped == {"speed-1"}


async def test_the_whole_site_stops_and_starts() -> None:
    collecting = Collecting(Kept(), lambda: NOW)
    await collecting.ask(stop(sensor=None), SENSORS)
    assert collecting.stopped == set(SENSORS)
    changed = await collecting.ask({"do": "start", "who": "Yamada"}, SENSORS)
    assert [alert.state for _, alert in changed.started] == ["cleared", "cleared"]
    assert collecting.stopped == frozenset()


async def test_asked_twice_it_is_told_once() -> None:
    collecting = Collecting(Kept(), lambda: NOW)
    await collecting.ask(stop(), SENSORS)
    assert (await collecting.ask(stop(), SENSORS)).stopped == ()


async def test_it_starts_again_when_its_time_is_over_and_not_by_a_clock_nobody_vouches_for() -> None:
    now = [NOW]
    collecting = Collecting(Kept(), lambda: now[0])
    await collecting.ask(stop(seconds=60), SENSORS)
    now[0] = replace(NOW, wall_ms=NOW.wall_ms + 60_000, trust=ClockTrust.LAST_KNOWN)
    assert (await collecting.over()).started == ()
    now[0] = replace(now[0], trust=ClockTrust.NTP)
    assert [sensor for sensor, _ in (await collecting.over()).started] == ["speed-1"]


@pytest.mark.parametrize(
    "request_", [stop(who=" "), stop(why=""), stop(sensor="x"), stop(seconds=-1), {"do": "dance"}]
)
async def test_what_is_asked_wrongly_changes_nothing(request_) -> None:
    collecting = Collecting(Kept(), lambda: NOW)
    with pytest.raises(AskedWrongly):
        await collecting.ask(request_, SENSORS)
    assert collecting.stopped == frozenset()


def test_the_row_of_a_stopped_sensor_is_no_gap() -> None:
    plan = SensorPlan(id="rain-1", said=(Quantity.RAIN_MM,))
    (reading,) = stopped_sample(plan, NOW).readings
    assert (reading.value, reading.flags) == (None, Flag.STOPPED)


def test_a_stop_without_an_end_is_never_over() -> None:
    forever = Stop(sensor="a", since_ms=0, until_ms=None, who="", why="")
    assert not forever.over(replace(NOW, wall_ms=2**50))


def test_in_the_daemon_it_stops_at_once_and_stays_stopped_over_a_kill(tmp_path, daemon, instruments) -> None:
    names = [(name, tmp_path / name) for name in ("level-1", "level-2")]
    daemon.config.write_text(config_text(tmp_path, names, port=None, every="250ms"))
    daemon.start()
    wait_for(lambda: states(daemon) == ["ok", "ok"], why="two sensors")
    words = ["--config", str(daemon.config), "--socket", str(daemon.socket), "--yes"]
    command = [sys.executable, "-m", "kaga_edge", "collect"]
    asked = ["stop", "level-1", "--who", "Yamada", "--why", "a resident asked"]
    subprocess.run([*command, *asked, *words], check=True, capture_output=True)
    assert states(daemon) == ["stopped", "ok"]
    daemon.kill()
    daemon.start()
    wait_for(lambda: states(daemon) == ["stopped", "ok"], why="still stopped")
    assert daemon.ask({"op": "read", "sensor": "level-1"})["error"]["code"] == "KE-B08"
    subprocess.run([*command, "start", "level-1", "--who", "Yamada", *words], check=True, capture_output=True)
    wait_for(lambda: states(daemon) == ["ok", "ok"], why="collecting again")
    daemon.stop()
    flags, alerts = _stored(tmp_path)
    assert any(flag & Flag.STOPPED for flag in flags)
    assert sum("collect/level-1" in body for body in alerts) == 2


def states(daemon) -> list[str]:
    status = daemon.status()
    return [one["state"] for one in status["sensors"]] if status else []


def _stored(folder) -> tuple[set[int], list[str]]:
    copy = folder / "copy"
    copy.mkdir()
    for file in folder.glob("store.sqlite*"):
        shutil.copy(file, copy)
    db = sqlite3.connect(copy / "store.sqlite")
    flags = {q for (q,) in db.execute("SELECT DISTINCT q FROM sample") if isinstance(q, int)}
    alerts = [bytes(body).decode() for (body,) in db.execute("SELECT body FROM notice")]
    texts = [q for (q,) in db.execute("SELECT DISTINCT q FROM sample") if isinstance(q, str)]
    db.close()
    return flags | {int(one) for text in texts for one in text.strip("[]").split(",")}, alerts
