"""The two steps of an offset: not offered while it scatters, nothing written before it was compared."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from kaga_edge.config.calibrations import calibration_file, read_calibrations
from kaga_edge.station.page.calibrating import Calibrating, RefusedHere
from kaga_edge.vocabulary.errors import KagaError, SensorSilent

WINDOW_S = 0.3


class Daemon:
    """Answers ``take`` with values in turn, and counts reloads."""

    def __init__(self, *values, line=(1.0, 0.0)):
        self.values, self.line, self.reloads = itertools.cycle(values), line, 0

    async def ask(self, request):
        if request["op"] == "reload":
            self.reloads += 1
            return {"v": 1, "k": "k"}
        value = next(self.values)
        if isinstance(value, KagaError):
            raise value
        channels = [
            {"id": "surface_distance", "value": 9.9, "line": [1.0, 0.0]},
            {"id": "water_level", "value": value, "line": list(self.line)},
        ]
        return {"v": 1, "channels": channels, "error": None}


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "kaga-edge.toml"
    file.write_text("")
    return file


async def measured(daemon, config):
    bench = Calibrating(daemon.ask, config, window_s=WINDOW_S)
    bench.begin("level-1")
    await told_until(bench, lambda told: told["state"] != "measuring")
    return bench


async def told_until(bench, enough):
    async with asyncio.timeout(60):
        while not enough(bench.told("level-1", "en")):
            await asyncio.sleep(0.01)


async def test_steady_readings_are_compared_and_kept_with_who_and_when(config):
    daemon = Daemon(1.238, 1.239, 1.237, line=(1.0, -0.02))
    bench = await measured(daemon, config)
    told = bench.told("level-1", "en")
    assert (told["state"], told["channel"], told["unit"]) == ("steady", "water_level", "m")
    assert told["value"] == pytest.approx(1.218, abs=0.002)  # as it is shown today, the old line applied
    both = bench.compared("level-1", 1.20, "en")
    assert both["after"] == 1.20
    assert both["offset"] == pytest.approx(-0.038, abs=0.002)
    assert not calibration_file(config).exists()
    await bench.keep("level-1", 1.20, "山田", "staff gauge", "ja")
    (entry,) = read_calibrations(calibration_file(config))["level-1"]
    assert (entry["who"], entry["why"], entry["method"], entry["gain"]) == (
        "山田",
        "staff gauge",
        "offset",
        1.0,
    )
    assert entry["offset"] == pytest.approx(-0.038, abs=0.002)
    assert daemon.reloads == 1
    with pytest.raises(RefusedHere):  # one window, one correction
        await bench.keep("level-1", 1.20, "山田", "", "ja")


async def test_waves_are_refused(config):
    bench = await measured(Daemon(1.0, 1.4, 0.6, 1.2, 0.8), config)
    told = bench.told("level-1", "en")
    assert told["state"] == "unsteady"
    assert told["spread"] > told["limit"]
    with pytest.raises(RefusedHere):
        bench.compared("level-1", 1.2, "en")


async def test_a_sensor_without_values_gives_nothing_to_compare(config):
    bench = await measured(Daemon(None), config)
    assert bench.told("level-1", "en") == {"state": "few", "count": 0}


async def test_a_sensor_that_does_not_answer_says_so(config):
    bench = Calibrating(Daemon(SensorSilent("nobody answers")).ask, config, window_s=WINDOW_S)
    bench.begin("level-1")
    with pytest.raises(SensorSilent):
        await told_until(bench, lambda _: False)


async def test_nothing_is_kept_that_was_not_read_first(config):
    bench = Calibrating(Daemon(1.0).ask, config, window_s=WINDOW_S)
    assert bench.told("level-1", "en") == {"state": "none"}
    with pytest.raises(RefusedHere):
        await bench.keep("level-1", 1.2, "Sato", "", "en")


async def test_the_last_correction_can_be_taken_back_and_stays_on_record(config):
    daemon = Daemon(1.0)
    bench = await measured(daemon, config)
    await bench.keep("level-1", 1.1, "Sato", "", "en")
    await bench.undo("level-1", "Yamada", "en")
    (entry,) = read_calibrations(calibration_file(config))["level-1"]
    assert entry["undone"].endswith("Yamada")
    with pytest.raises(RefusedHere):
        await bench.undo("level-1", "Yamada", "en")
