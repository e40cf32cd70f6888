"""``[sensor.snow]`` and ``[sensor.rain]`` from the file to the catalog."""

from __future__ import annotations

import pytest

from kaga_edge.config import Code
from kaga_edge.core.rainfall import RainRule
from kaga_edge.core.snowfall import SnowRule
from kaga_edge.gateway import plans

SNOW = """
[sensor.snow]
zero_m = { "11-01" = 0.02, "04-15" = 0.12 }
season = ["11-01", "05-10"]
"""


def with_table(sheet, sensor, table):
    return sensor.replace("gauge_zero_to_sensor_m", "ground_to_sensor_m").replace(
        "[sensor.disclosure]", f"{table}\n[sensor.disclosure]"
    )


def test_a_snow_table_adds_new_snow_behind_the_raw_depth(sheet):
    (sensor,) = sheet.good(sheet.site, with_table(sheet, sheet.level, SNOW)).sensors
    assert sensor.deriving.snow == SnowRule(
        zeros=(((4, 15), 0.12), ((11, 1), 0.02)), season=((11, 1), (5, 10)), dead_band_m=0.01
    )
    channels = [q.channel for q in plans.sensor_plan(sensor).channels]
    assert channels[:3] == ["snow_depth", "surface_distance", "snow_on_ground"]
    assert channels[3:] == [f"snowfall_{hours}h" for hours in (1, 3, 6, 12, 24)]


def test_new_snow_can_have_thresholds(sheet):
    more = SNOW + "\n[sensor.alarms.snowfall_6h]\nwarning = 0.30\n"
    (sensor,) = sheet.good(sheet.site, with_table(sheet, sheet.level, more)).sensors
    assert any(rule.channel == "snowfall_6h" for rule in plans.sensor_plan(sensor).rules)


def test_a_rain_table_adds_sums_in_the_sites_time(sheet):
    site = sheet.site + 'zone = "Asia/Kolkata"\n'
    (sensor,) = sheet.good(site, with_table(sheet, sheet.rain, '[sensor.rain]\nday_begins = "09:00"')).sensors
    assert sensor.deriving.rain == RainRule(day_begins_min=540)
    assert sensor.deriving.zone == "Asia/Kolkata"
    channels = [q.channel for q in plans.sensor_plan(sensor).channels]
    assert channels[5:] == ["rain_10min", "rain_1h", "rain_24h", "rain_today", "rain_intensity_10min"]


def test_without_a_table_nothing_is_added(sheet):
    for sensor in sheet.good(sheet.site, sheet.level, sheet.rain).sensors:
        assert sensor.deriving.quantities == ()


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("[sensor.rain]", "sensor.level-1.rain"),
        ('[sensor.snow]\nseason = ["1101", "05-10"]', "sensor.level-1.snow.season.0"),
        ('[sensor.snow]\nzero_m = {"13-01" = 0.1}', "sensor.level-1.snow.zero_m.13-01"),
    ],
)
def test_a_table_that_does_not_fit_is_a_fault(sheet, table, key):
    fault = sheet.only(sheet.site, with_table(sheet, sheet.level, table))
    assert (fault.key, fault.code) == (key, Code.VALUE)
    assert fault.text("ja") != fault.text("en")
