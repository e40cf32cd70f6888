"""Rules over several values: their tables, what they refer to, the checks that follow by themselves."""

from __future__ import annotations

import pytest

from kaga_edge.core.crosschecks import FloatCheck, LevelsCheck, SnowWarmCheck
from kaga_edge.core.icing import Icing
from kaga_edge.core.stranding import Stranding
from kaga_edge.gateway import plans

ROAD = """\
[[sensor]]
id = "road-1"
driver = "vehicle"
every = "60s"
gpio = 22
[sensor.disclosure]
purpose = { ja = "交通", en = "traffic" }
personal_data = false
"""
SURFACE = """\
[[sensor]]
id = "surface-1"
driver = "mlx90614"
i2c = { bus = 1, address = 0x5A }
[sensor.disclosure]
purpose = { ja = "路面", en = "road" }
personal_data = false
"""


def second(level: str) -> str:
    return level.replace("level-1", "level-2").replace("ttyAMA0", "ttyAMA1")


def test_an_empty_stranding_table_is_the_usual_rules(sheet):
    config = sheet.good(sheet.site, ROAD, "[sensor.stranding]\n")
    assert config.watches == (Stranding(sensor="road-1", every_s=60.0),)


def test_stranding_takes_its_own_figures_and_sources(sheet):
    table = '[sensor.stranding]\nstanding = "4m"\nroad_from = "surface-1"\nexcess_per_5min = 15\n'
    (rule,) = sheet.good(sheet.site, ROAD, table, SURFACE).watches
    assert (rule.standing_s, rule.road_from, rule.excess_per_5min) == (240.0, "surface-1", 15.0)


def test_icing_stands_at_the_sensor_of_the_surface(sheet):
    (rule,) = sheet.good(sheet.site, sheet.air, SURFACE, '[sensor.icing]\nair_from = "air-1"\n').watches
    assert rule == Icing(sensor="surface-1", air_from="air-1")


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ('[sensor.stranding]\nsnow_from = "snow-9"\n', "KE-C46"),
        ('[sensor.stranding]\nsnow_from = "air-1"\n', "KE-C47"),
        ("[sensor.stranding]\nocupancy = 0.9\n", "KE-C11"),
        ("[sensor.icing]\n", "KE-C47"),  # a vehicle detector feels no cold
    ],
)
def test_a_rule_with_the_wrong_source_is_named(sheet, table, code):
    assert sheet.only(sheet.site, sheet.air, ROAD, table).code.value == code


def test_checks_between_sensors_are_written_at_the_site(sheet):
    check = '[[site.check]]\nkind = "levels"\nsensor = "level-1"\nagainst = "level-2"\napart_m = 0.15\n'
    config = sheet.good(sheet.site, check, sheet.level, second(sheet.level))
    assert config.checks == (LevelsCheck(one="level-1", other="level-2", apart_m=0.15),)


def test_a_float_check_needs_the_height_of_the_switch(sheet):
    check = '[[site.check]]\nkind = "float"\nsensor = "level-1"\nagainst = "float-1"\n'
    float_switch = ROAD.replace("road-1", "float-1").replace('"vehicle"', '"float_switch"')
    assert sheet.only(sheet.site, check, sheet.level, float_switch).code.value == "KE-C12"
    (made,) = sheet.good(sheet.site, check + "height_m = 1.5\n", sheet.level, float_switch).checks
    assert made == FloatCheck(one="level-1", other="float-1", height_m=1.5)


def test_a_key_of_another_check_is_unknown(sheet):
    check = '[[site.check]]\nkind = "levels"\nsensor = "level-1"\nagainst = "level-2"\nheight_m = 1.0\n'
    assert sheet.only(sheet.site, check, sheet.level, second(sheet.level)).code.value == "KE-C10"


def test_snow_is_checked_against_the_only_thermometer_by_itself(sheet):
    snow = sheet.level.replace("gauge_zero_to_sensor_m = 4.2", "ground_to_sensor_m = 3.0")
    assert sheet.good(sheet.site, snow, sheet.air).checks == (SnowWarmCheck(one="level-1", other="air-1"),)
    assert sheet.good(sheet.site, snow).checks == ()


def test_further_channels_have_alarms_with_their_own_keys(sheet):
    table = "[sensor.alarms.rain_intensity]\ncaution = 20.0\nwarning = 50.0\nhysteresis = 3.0\n"
    config = sheet.good(sheet.site, sheet.rain, table)
    rules = plans.sensor_plan(config.sensors[0]).rules
    assert [(r.key, r.threshold, r.hysteresis) for r in rules] == [
        ("caution/rain-1/rain_intensity", 20.0, 3.0),
        ("warning/rain-1/rain_intensity", 50.0, 3.0),
    ]


def test_without_thresholds_there_is_no_alarm_whatever_the_sensor(sheet):
    config = sheet.good(sheet.site, sheet.level, sheet.rain)
    assert [plans.sensor_plan(one).rules for one in config.sensors] == [(), ()]


def test_ranks_may_be_missing_and_may_coincide(sheet):
    table = "[sensor.thresholds]\nstandby = 1.3\ndanger = 2.0\nlevee = 2.0\nhysteresis = 0.1\n"
    (sensor,) = sheet.good(sheet.site, sheet.level, table).sensors
    rules = plans.sensor_plan(sensor).rules
    assert [(r.rank, r.hysteresis) for r in rules] == [("standby", 0.1), ("danger", 0.1), ("levee", 0.1)]


def test_an_alarm_on_a_channel_that_is_not_there_is_named(sheet):
    assert sheet.only(sheet.site, sheet.rain, "[sensor.alarms.snowfall_6h]\nwarning = 0.3\n").code == "KE-C56"


def test_snowfall_totals_have_alarms(sheet):
    snow = sheet.level.replace("gauge_zero_to_sensor_m = 4.2", "ground_to_sensor_m = 3.0")
    table = "[sensor.snow]\n[sensor.alarms.snowfall_6h]\ncaution = 0.20\nwarning = 0.30\n"
    (sensor,) = sheet.good(sheet.site, snow, table).sensors
    rules = plans.sensor_plan(sensor).rules
    assert [(r.key, r.threshold) for r in rules] == [
        ("caution/level-1/snowfall_6h", 0.2),
        ("warning/level-1/snowfall_6h", 0.3),
    ]


def test_a_season_starts_from_the_limits_of_the_year(sheet):
    table = (
        "[sensor.quality.water_level]\ngross_fail = [0.0, 3.0]\n"
        '[[sensor.quality.water_level.season]]\nbetween = ["12-01", "03-31"]\ngross_suspect = [0.0, 1.0]\n'
    )
    (sensor,) = sheet.good(sheet.site, sheet.level, table).sensors
    (winter,) = plans.sensor_plan(sensor).seasons
    assert winter.between == ((12, 1), (3, 31))
    assert (winter.limits.gross_fail, winter.limits.gross_suspect) == ((0.0, 3.0), (0.0, 1.0))
    assert winter.limits.spike_fail == sensor.limits["water_level"].spike_fail
