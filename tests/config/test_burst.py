"""``burst``: which sensors may have one."""

from __future__ import annotations

from kaga_edge.config import Code
from kaga_edge.core.burst import Burst
from kaga_edge.gateway import plans


def test_a_burst_adds_spread_and_count_to_the_catalog(sheet):
    config = sheet.good(sheet.site, sheet.level.replace("driver =", 'burst = "10s"\ndriver ='))
    (sensor,) = config.sensors
    assert isinstance(sensor.make_driver(), Burst)
    channels = [q.channel for q in plans.sensor_plan(sensor).channels]
    assert channels == ["water_level", "surface_distance", "surface_distance_spread", "burst_valid"]
    assert [name for name, *_ in plans.declaration(sensor, plans.sensor_plan(sensor)).channels] == channels


def test_without_it_the_newest_frame_is_the_value(sheet):
    (sensor,) = sheet.good(sheet.site, sheet.level).sensors
    assert sensor.burst_s is None
    assert not isinstance(sensor.make_driver(), Burst)


def test_a_burst_on_i2c_is_a_fault(sheet):
    fault = sheet.only(sheet.site, sheet.air.replace("driver =", 'burst = "5s"\ndriver ='))
    assert (fault.key, fault.code) == ("sensor.air-1.burst", Code.VALUE)


def test_a_burst_longer_than_the_period_is_a_fault(sheet):
    level = sheet.level.replace("driver =", 'burst = "30s"\nevery = "10s"\ndriver =')
    assert sheet.only(sheet.site, level).code is Code.VALUE
