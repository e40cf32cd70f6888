"""Maintenance in the running daemon: asked over the socket, flagged, announced, kept over a kill."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from kaga_edge.gateway.upkeep import Upkeep
from kaga_edge.store import inspect
from kaga_edge.vocabulary.errors import AskedWrongly
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Alert, ClockTrust, Flag, Moment, Reading, Sample

from .conftest import config_text, wait_for

NOW = Moment(wall_ms=1_000_000, up_ms=500, boot="aaaa", trust=ClockTrust.NTP)


class Kept:
    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    async def remember(self, key: str, value: str) -> None:
        self.kept[key] = value

    async def recall(self, key: str) -> str | None:
        return self.kept.get(key)


@pytest.mark.parametrize(
    "request_",
    [
        {"do": "on", "minutes": 60},
        {"do": "on", "minutes": 60, "who": "  "},
        {"do": "on", "minutes": 0, "who": "Y"},
        {"do": "on", "minutes": "60", "who": "Y"},
        {"do": "on", "minutes": 60, "who": "Y", "sensor": "level-9"},
        {"do": "dance"},
    ],
)
async def test_what_is_asked_wrongly_changes_nothing(request_) -> None:
    memory = Kept()
    with pytest.raises(AskedWrongly):
        await Upkeep(memory, lambda: NOW).ask(request_, ("level-1",))
    assert memory.kept == {}


async def test_an_alarm_during_maintenance_is_told_with_its_flag() -> None:
    upkeep = Upkeep(Kept(), lambda: NOW)
    await upkeep.ask({"do": "on", "minutes": 5, "who": "Yamada", "sensor": "level-1"}, ("level-1",))
    reading = Reading(quantity=Quantity.WATER_LEVEL_M, value=9.0)
    alarm = Alert(key="danger/level-1", state="raised", subject="level-1/water_level", at=NOW, data={"q": 1})
    kept = upkeep.keep(Sample(sensor="level-1", at=NOW, readings=(reading,)), (alarm,))
    assert [a.key for a in kept.alerts] == ["danger/level-1", "maintenance/level-1"]
    assert kept.alerts[0].data["q"] == 1 | Flag.MAINTENANCE
    assert kept.alerts[1].data["who"] == "Yamada"


def command(daemon, *words: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", "kaga_edge", "maintenance", *words, "--json", "--socket", str(daemon.socket)],
        capture_output=True,
        check=True,
    )
    return json.loads(done.stdout)


def stored(tmp_path, query: str) -> list[tuple]:
    with inspect.copied(tmp_path / "store.sqlite") as copy:
        return copy.execute(query).fetchall()


def test_maintenance_flags_announces_outlives_a_kill_and_ends(tmp_path, daemon, instruments) -> None:
    daemon.config.write_text(
        config_text(tmp_path, [("level-1", tmp_path / "level-1")], port=None, every="250ms")
    )
    daemon.start()
    assert command(daemon, "on", "--minutes", "10", "--who", "山田", "--why", "清掃")["windows"]

    def newest_flags() -> str | None:
        found = stored(tmp_path, "SELECT q FROM sample ORDER BY id DESC LIMIT 1")
        return found[0][0] if found else None

    wait_for(lambda: newest_flags() == "32", why="a flagged row")
    daemon.kill()
    daemon.start()
    (window,) = command(daemon, "status")["windows"]
    assert (window["who"], window["why"], window["sensor"]) == ("山田", "清掃", "site")
    assert command(daemon, "off")["windows"] == []
    wait_for(lambda: newest_flags() is None, why="an unflagged row")
    bodies = [json.loads(row[0]) for row in stored(tmp_path, "SELECT body FROM notice ORDER BY id")]
    news = [(b["data"]["key"], b["data"]["state"], b["data"]["ja"]) for b in bodies]
    assert news == [
        ("maintenance/site", "raised", "保守中です。測定は続き、値には印が付きます"),
        ("maintenance/site", "cleared", "保守は終わりました"),
    ]


def test_two_gauges_that_disagree_are_flagged_and_told_by_the_running_daemon(
    tmp_path, daemon, instruments
) -> None:
    names = [(name, tmp_path / name) for name in ("level-1", "level-2")]
    check = '[[site.check]]\nkind = "levels"\nsensor = "level-1"\nagainst = "level-2"\nhold = "500ms"\n'
    text = config_text(tmp_path, names, port=None, every="250ms")
    daemon.config.write_text(text.replace("[store]", f"{check}\n[store]"))
    instruments[1].distance_mm = 1800  # 20 cm more water than the other sees
    daemon.start()
    query = "SELECT body FROM notice ORDER BY id"
    (body,) = wait_for(lambda: stored(tmp_path, query), why="the contradiction told")
    told = json.loads(body[0])
    assert (told["data"]["key"], told["data"]["state"]) == ("levels/level-1", "raised")
    assert told["data"]["ja"] == "2台の水位計の差が大きすぎます"
    assert (told["data"]["apart"], told["data"]["threshold"], told["data"]["q"]) == (0.2, 0.1, 8)
    vals, q = stored(tmp_path, "SELECT vals, q FROM sample ORDER BY id DESC LIMIT 1")[0]
    assert (vals in ("3,2", "3.2,1.8"), q) == (True, "[8,0]")
