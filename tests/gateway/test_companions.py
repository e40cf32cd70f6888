"""What a value is sited with: the neighbours' newest, for as long as it is worth something."""

from __future__ import annotations

import pytest

from kaga_edge.config import load
from kaga_edge.core.siting import Mount, Surroundings, derive
from kaga_edge.gateway import companions, plans
from kaga_edge.gateway.latest import Latest
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag, Grade, Measurement, Reading

SITE = """
[site]
id = "flood-1"
name = { ja = "見本", en = "sample" }

[[sensor]]
id = "river-1"
driver = "ms5837"
i2c = { bus = 1, address = 0x76 }
[sensor.mount]
gauge_zero_to_probe_m = 0.0
air_pressure_from = "air-1"
[sensor.disclosure]
purpose = { ja = "水位", en = "level" }
personal_data = false

[[sensor]]
id = "air-1"
driver = "bme280"
every = "EVERY"
i2c = { bus = 1, address = 0x77 }
[sensor.disclosure]
purpose = { ja = "気象", en = "weather" }
personal_data = false
"""


def around(folder, every: str, reading: Reading, age_s: float) -> Surroundings:
    file = folder / "kaga-edge.toml"
    file.write_text(SITE.replace("EVERY", every), encoding="utf-8")
    config = load(file)
    latest = {"air-1": Latest(readings=(reading,), at_ms=0, polled_s=0.0, good=(reading,), good_s=0.0)}
    plan = plans.sensor_plan(config.sensors[0])
    return companions.around(plan, latest, config, float(age_s))


def pressure_of(folder, every: str, reading: Reading, age_s: float) -> float | None:
    return around(folder, every, reading, age_s).air_pressure_hpa


@pytest.mark.parametrize(
    ("every", "age_s", "fresh"),
    [("60s", 900, True), ("60s", 901, False), ("30m", 1800, True), ("30m", 4500, True), ("30m", 4501, False)],
)
def test_a_barometer_read_every_half_hour_serves_the_probe_all_the_time(
    tmp_path, every, age_s, fresh
) -> None:
    """Older than 15 minutes it did not count: the level jumped with the weather, twice an hour."""
    good = Reading(quantity=Quantity.AIR_PRESSURE_HPA, value=990.0, grade=Grade.GOOD)
    seen = around(tmp_path, every, good, age_s)
    assert (seen.air_pressure_hpa, seen.air_pressure_late) == (990.0, not fresh)


def test_a_level_jumped_with_the_weather_when_its_barometer_failed(tmp_path) -> None:
    """990 hPa in a typhoon: without the barometer the standard's 1013 took 24 cm off the flood."""
    good = Reading(quantity=Quantity.AIR_PRESSURE_HPA, value=990.0, grade=Grade.GOOD)
    levels = {}
    for age_s in (60, 3600, 7 * 3600):
        seen = around(tmp_path, "60s", good, age_s)
        said = (Measurement(quantity=Quantity.WATER_PRESSURE_HPA, value=1190.0),)
        (level,) = derive((Quantity.WATER_LEVEL_M,), Mount(gauge_zero_to_probe_m=0.0), said, seen)
        levels[age_s] = (round(level.value, 2), level.flags)
    assert levels[60] == (2.04, Flag.GOOD)
    assert levels[3600] == (2.04, Flag.ESTIMATED)
    assert levels[7 * 3600] == (1.80, Flag.ESTIMATED)


def test_the_first_level_of_every_start_was_made_without_the_barometer(tmp_path) -> None:
    file = tmp_path / "kaga-edge.toml"
    file.write_text(SITE.replace("EVERY", "60s"), encoding="utf-8")  # names the probe first
    (bus,) = plans.bus_plans(load(file)).values()
    assert [one.id for one in bus.sensors] == ["air-1", "river-1"]


def test_a_pressure_that_no_air_has_is_not_taken_off_a_level(tmp_path) -> None:
    """A broken barometer's 300 hPa made seven metres of water, and nothing said so."""
    broken = Reading(
        quantity=Quantity.AIR_PRESSURE_HPA, value=300.0, grade=Grade.FAIL, flags=Flag.OUT_OF_RANGE
    )
    assert pressure_of(tmp_path, "60s", broken, 1) is None
    jumped = Reading(quantity=Quantity.AIR_PRESSURE_HPA, value=990.0, grade=Grade.FAIL, flags=Flag.SPIKE)
    assert pressure_of(tmp_path, "60s", jumped, 1) == 990.0
