"""What a value is sited with: the neighbours' newest, for as long as it is worth something."""

from __future__ import annotations

import pytest

from kaga_edge.config import load
from kaga_edge.gateway import companions, plans
from kaga_edge.gateway.latest import Latest
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag, Grade, Reading

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


def pressure_of(folder, every: str, reading: Reading, age_s: float) -> float | None:
    file = folder / "kaga-edge.toml"
    file.write_text(SITE.replace("EVERY", every), encoding="utf-8")
    config = load(file)
    latest = {"air-1": Latest(readings=(reading,), at_ms=0, polled_s=0.0, good=(reading,), good_s=0.0)}
    plan = plans.sensor_plan(config.sensors[0])
    return companions.around(plan, latest, config, float(age_s)).air_pressure_hpa


@pytest.mark.parametrize(
    ("every", "age_s", "known"),
    [("60s", 900, True), ("60s", 901, False), ("30m", 1800, True), ("30m", 4500, True), ("30m", 4501, False)],
)
def test_a_barometer_read_every_half_hour_serves_the_probe_all_the_time(
    tmp_path, every, age_s, known
) -> None:
    """Older than 15 minutes it did not count: the level jumped with the weather, twice an hour."""
    good = Reading(quantity=Quantity.AIR_PRESSURE_HPA, value=990.0, grade=Grade.GOOD)
    assert pressure_of(tmp_path, every, good, age_s) == (990.0 if known else None)


def test_a_pressure_that_no_air_has_is_not_taken_off_a_level(tmp_path) -> None:
    """A broken barometer's 300 hPa made seven metres of water, and nothing said so."""
    broken = Reading(
        quantity=Quantity.AIR_PRESSURE_HPA, value=300.0, grade=Grade.FAIL, flags=Flag.OUT_OF_RANGE
    )
    assert pressure_of(tmp_path, "60s", broken, 1) is None
    jumped = Reading(quantity=Quantity.AIR_PRESSURE_HPA, value=990.0, grade=Grade.FAIL, flags=Flag.SPIKE)
    assert pressure_of(tmp_path, "60s", jumped, 1) == 990.0
