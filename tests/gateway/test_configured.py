"""Which configuration runs: last good copy, trial, confirmation, the way back."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from kaga_edge.config import Config, ConfigFaults
from kaga_edge.config.copies import Copies, digest
from kaga_edge.gateway.configured import Configured, NoTrial
from kaga_edge.store import inspect
from kaga_edge.vocabulary.readings import ClockTrust, Moment

from .conftest import config_text, wait_for

NOW = Moment(wall_ms=1_000_000, up_ms=500_000, boot="aaaa", trust=ClockTrust.NTP)


class Site:
    """One configuration file, a clock that is set, and what was applied."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "kaga-edge.toml"
        self.now = NOW
        self.applied: list[float] = []
        self.folder = folder

    def write(self, every: str) -> None:
        self.file.write_text(self.text(every), encoding="utf-8")

    def text(self, every: str) -> str:
        return config_text(self.folder, [("level-1", self.folder / "level-1")], port=None, every=every)

    def start(self) -> tuple[Configured, Config]:
        made = Configured(self.file, lambda: self.now)
        return made, made.first()

    async def change_to(self, config: Config) -> None:
        self.applied.append(config.sensors[0].every_s)

    async def on_trial(self, every: str, seconds: float = 600) -> Configured:
        made, _ = self.start()
        request = {"do": "try", "text": self.text(every), "seconds": seconds}
        await made.ask(request, self.change_to)
        return made


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    made = Site(tmp_path)
    made.write("1s")
    return made


def test_a_faulty_file_never_keeps_a_station_from_measuring(site) -> None:
    site.start()
    site.file.write_text(site.text("1s").replace("every", "evrey"))
    made, config = site.start()
    assert config.sensors[0].every_s == 1.0
    assert made.degraded
    told = made.told()
    assert (told["source"], told["fault"]["code"]) == ("last_good", "KE-C11")


def test_without_a_good_copy_a_faulty_file_is_an_error(site) -> None:
    site.file.write_text("[site]\n")
    with pytest.raises(ConfigFaults):
        site.start()


def test_a_deleted_file_is_no_reason_to_stop_either(site) -> None:
    site.start()
    site.file.unlink()
    assert site.start()[0].told()["fault"]["code"] == "KE-C01"


def test_a_misspelt_file_name_started_another_station_of_the_same_folder(site) -> None:
    site.start()
    with pytest.raises(ConfigFaults, match="does not exist"):
        Configured(site.folder / "kaga-egde.toml", lambda: site.now).first()


def test_the_city_is_told_once_and_again_when_the_file_is_back(site) -> None:
    site.start()
    site.file.write_text("nonsense")
    made, _ = site.start()
    (alert,), memory = made.news(NOW)
    assert (alert.key, alert.state, alert.data["reason"]) == ("config/site", "raised", "last_good")
    assert made.news(NOW) == ((), ())
    site.write("2s")
    again, _ = site.start()
    again.recall(dict(memory)["raised/config"])
    (cleared,), _ = again.news(NOW)
    assert cleared.state == "cleared"


async def test_a_trial_runs_and_the_file_is_not_touched(site) -> None:
    made = await site.on_trial("2s")
    assert site.applied == [2.0]
    assert (made.told()["source"], made.told()["left_s"]) == ("trial", 600)
    assert site.file.read_text() == site.text("1s")


async def test_of_two_tried_at_once_the_second_took_the_place_of_the_first(site) -> None:
    made, _ = site.start()
    requests = [{"do": "try", "text": site.text(every), "seconds": 600} for every in ("2s", "3s")]
    asked = (made.ask(request, site.change_to) for request in requests)
    first, second = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(second, NoTrial), second
    assert site.applied == [2.0]
    assert first["digest"] == digest(site.text("2s").encode())
    assert site.start()[1].sensors[0].every_s == 2.0  # what a restart finds


async def test_a_restart_within_the_time_goes_on_with_the_trial(site) -> None:
    await site.on_trial("2s")
    site.now = replace(NOW, up_ms=NOW.up_ms + 100_000)
    made, config = site.start()
    assert config.sensors[0].every_s == 2.0
    assert made.told()["left_s"] == 500


async def test_nobody_confirms_and_the_last_good_one_returns_by_itself(site) -> None:
    await site.on_trial("2s", 30)
    site.now = replace(NOW, up_ms=NOW.up_ms + 29_900)
    made, _ = site.start()  # a restart does not lengthen it
    watching = asyncio.create_task(made.watch(site.change_to))
    async with asyncio.timeout(60):
        while site.applied[-1] != 1.0:
            await asyncio.sleep(0.01)
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching
    assert made.told()["source"] == "files"
    assert site.start()[1].sensors[0].every_s == 1.0


@pytest.mark.parametrize("later", [{"up_ms": NOW.up_ms + 601_000}, {"boot": "bbbb"}])
async def test_time_over_or_a_reboot_while_it_was_down_ends_the_trial(site, later) -> None:
    await site.on_trial("2s")
    site.now = replace(NOW, **later)
    made, config = site.start()
    assert (config.sensors[0].every_s, made.told()["source"]) == (1.0, "files")


async def test_a_file_edited_in_place_and_not_confirmed_is_not_started_from_again(site) -> None:
    made, _ = site.start()
    site.write("2s")
    await made.ask({"do": "try", "text": site.text("2s"), "seconds": 600}, site.change_to)
    await made.ask({"do": "rollback"}, site.change_to)
    assert site.applied == [2.0, 1.0]
    made, config = site.start()
    assert (config.sensors[0].every_s, made.told()["source"]) == (1.0, "rolled_back")
    assert made.again().sensors[0].every_s == 2.0  # who asks for a reload means it


async def test_what_was_confirmed_stays(site) -> None:
    made = await site.on_trial("2s")
    with pytest.raises(NoTrial):  # the file must be in its place first
        await made.ask({"do": "confirm"}, site.change_to)
    site.write("2s")
    await made.ask({"do": "confirm"}, site.change_to)
    site.now = replace(NOW, up_ms=NOW.up_ms + 10_000_000)
    assert site.start()[1].sensors[0].every_s == 2.0
    assert Copies(site.file).trial() is None


@pytest.mark.parametrize(
    "change",
    [
        {"seconds": 1},
        {"seconds": "10m"},
        {"text": None},
        {"text": "x = 1", "seconds": 60},
    ],
)
async def test_what_cannot_be_tried_changes_nothing(site, change) -> None:
    made, _ = site.start()
    request = {"do": "try", "text": site.text("2s"), "seconds": 600} | change
    with pytest.raises((NoTrial, ConfigFaults)):
        await made.ask(request, site.change_to)
    assert site.applied == []
    assert site.start()[0].told()["source"] == "files"


async def test_the_store_cannot_be_tried(site) -> None:
    made, _ = site.start()
    text = site.text("2s").replace("store.sqlite", "other.sqlite")
    with pytest.raises(NoTrial):
        await made.ask({"do": "try", "text": text, "seconds": 600}, site.change_to)


def test_a_folder_nobody_may_write_is_read_all_the_same(site, monkeypatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/proc/nowhere")
    made, config = site.start()
    assert (config.sensors[0].every_s, made.told()["source"]) == (1.0, "files")


def test_the_daemon_says_loudly_that_it_runs_on_the_last_good_one(tmp_path, daemon, instruments) -> None:
    good = config_text(tmp_path, [("level-1", tmp_path / "level-1")], port=None, every="250ms")
    daemon.config.write_text(good)
    daemon.start()
    daemon.stop()
    daemon.config.write_text(good.replace("every", "evrey"))
    daemon.start()
    status = wait_for(
        lambda: (s := daemon.status()) and s["sensors"][0]["state"] == "ok" and s, why="a value"
    )
    assert status["state"] == "attention"
    assert status["config"]["source"] == "last_good"
    assert "config.fallback" in daemon.log.read_text()
    wait_for(lambda: _alerts(tmp_path), why="the city's alert")


def _alerts(folder: Path) -> list[str]:
    with inspect.copied(folder / "store.sqlite") as copy:
        return [body for (body,) in copy.execute("SELECT body FROM notice") if b"config/site" in body]


def test_the_daemon_writes_the_metrics_where_it_is_told_to(tmp_path, daemon, instruments) -> None:
    text = config_text(tmp_path, [("level-1", tmp_path / "level-1")], port=None, every="250ms")
    daemon.config.write_text(text.replace("[station]\n", '[station]\nmetrics = "kaga-edge.prom"\n'))
    daemon.start()
    wait_for((tmp_path / "kaga-edge.prom").exists, why="the file")
    assert 'kaga_edge_info{gw="test-01"' in (tmp_path / "kaga-edge.prom").read_text()
    assert "kaga_edge_rows_numbered_total" in daemon.ask({"op": "metrics"})["text"]


def test_from_the_command_line_over_a_kill_to_the_confirmation(tmp_path, daemon, instruments) -> None:
    text = config_text(tmp_path, [("level-1", tmp_path / "level-1")], port=None, every="250ms")
    daemon.config.write_text(text)
    daemon.start()
    (tmp_path / "new.toml").write_text(text.replace('"250ms"', '"500ms"'))
    command = [sys.executable, "-m", "kaga_edge", "config"]
    where = ["--config", str(daemon.config), "--socket", str(daemon.socket), "--yes"]
    apply = [*command, "apply", str(tmp_path / "new.toml"), "--confirm", "10m", *where]
    said = subprocess.run(apply, check=True, capture_output=True, text=True).stdout
    assert 'changed sensor.level-1.every: "250ms" -> "500ms"' in said
    daemon.kill()
    daemon.start()
    config = daemon.status()["config"]
    assert config["source"] == "trial"
    assert 0 < config["left_s"] <= 600
    assert daemon.config.read_text() == text
    subprocess.run([*command, "confirm", *where], check=True, capture_output=True)
    assert daemon.status()["config"]["source"] == "files"
    assert '"500ms"' in daemon.config.read_text()
