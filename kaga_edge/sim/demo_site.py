"""The demo's station: six sensors on three kinds of wire, and the configuration that fits them."""

from __future__ import annotations

from pathlib import Path

from kaga_edge.sim.fittings import Fitting
from kaga_edge.sim.tables import disclosed, hurried, mount, station

GATEWAY = "demo-01"
CAUTION_M, DANGER_M = 1.0, 2.0

_PURPOSES = {
    "level-1": ("川の水位を早く知るため", "to know the river's level early"),
    "probe-1": ("水位の確認のため", "to check the level"),
    "air-1": ("気象の把握のため", "to know the weather"),
    "snow-1": ("積雪の把握のため", "to know the snow on the road"),
    "rain-1": ("雨量の把握のため", "to know the rain"),
    "road-1": ("立ち往生を早く知るため", "to notice a stand-still early"),
}


def fittings() -> tuple[Fitting, ...]:
    """Return the demo's sensors."""
    return (
        Fitting(
            id="level-1",
            driver="a02yyuw",
            port="ttyLevel",
            height_m=4.0,
            tables=mount("gauge_zero_to_sensor_m = 4.0")
            + f"\n[sensor.thresholds]\ncaution = {CAUTION_M}\ndanger = {DANGER_M}\n"
            + hurried("water_level")
            + disclosed(*_PURPOSES["level-1"]),
        ),
        Fitting(
            id="probe-1",
            driver="ms5837",
            i2c=(1, 0x76),
            height_m=-0.30,
            tables=mount('gauge_zero_to_probe_m = -0.30\nair_pressure_from = "air-1"')
            + hurried("water_level")
            + disclosed(*_PURPOSES["probe-1"]),
        ),
        Fitting(
            id="air-1",
            driver="bme280",
            i2c=(1, 0x77),
            tables=mount("")
            + hurried("air_temperature")
            + hurried("air_pressure")
            + disclosed(*_PURPOSES["air-1"]),
        ),
        Fitting(
            id="snow-1",
            driver="sr50a",
            port="ttySnow",
            looks_at="snow",
            height_m=2.0,
            period_s=0.45,  # a fresh line for every poll, so that none has to wait
            options={"output_every_s": 0.5},
            tables=mount('ground_to_sensor_m = 2.0\ntemperature_from = "air-1"')
            + hurried("snow_depth")
            + disclosed(*_PURPOSES["snow-1"]),
        ),
        Fitting(
            id="rain-1",
            driver="tipping_bucket",
            gpio=17,
            line="rain",
            options={"mm_per_tip": 0.5},
            tables=mount("")
            + "[sensor.quality.rain_intensity]\ngross_fail = [0.0, 9999.0]\ngross_suspect = [0.0, 9999.0]\n"
            + disclosed(*_PURPOSES["rain-1"]),
        ),
        Fitting(
            id="road-1",
            driver="vehicle",
            gpio=22,
            line="vehicle",
            tables=mount("") + disclosed(*_PURPOSES["road-1"]),
        ),
    )


def config_text(folder: Path, broker_port: int, sensors: tuple[Fitting, ...]) -> str:
    """Return the whole configuration; everything it names lies in ``folder``."""
    head = station(folder, GATEWAY, "デモ川 見本橋", "Demo river, sample bridge")
    platform = f"""\
[platform]
url = "mqtt://127.0.0.1:{broker_port}"
delivery = "platform"
batch = "1s"
keepalive = "10s"
reconnect_first = "1s"
reconnect_max = "2s"
"""
    return "\n".join([head, platform, *(fitting.toml(str(folder)) for fitting in sensors)])


def resting(sensors: tuple[Fitting, ...]) -> tuple[Fitting, ...]:
    """Return the station at rest: one sensor that is asked once a day, so that what waits can leave."""
    return (Fitting(id="air-1", driver="bme280", i2c=(1, 0x77), every="24h", tables=sensors[2].tables),)
