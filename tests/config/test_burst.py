"""``burst``: which sensors may have one."""

from __future__ import annotations

from kaga_edge.config import Code
from kaga_edge.core.burst import Burst, Repeated
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


PROBE = """
[[sensor]]
id = "probe-1"
driver = "ms5837"
every = "10m"
burst = "{burst}"
i2c = {{ bus = 1, address = 0x76 }}
[sensor.mount]
gauge_zero_to_probe_m = -0.2
[sensor.disclosure]
purpose = {{ ja = "水位", en = "water level" }}
personal_data = false
"""


def test_a_pressure_probe_may_be_asked_in_bursts(sheet):
    config = sheet.good(sheet.site, PROBE.format(burst="30s"))
    (sensor,) = config.sensors
    assert isinstance(sensor.make_driver(), Repeated)
    channels = [q.channel for q in plans.sensor_plan(sensor).channels]
    assert channels == [
        "water_level", "water_pressure", "water_temperature", "water_pressure_spread", "burst_valid",
    ]  # fmt: skip
    (bus,) = plans.bus_plans(config).values()
    assert bus.make().sensors[0].burst_s == 30.0


def test_a_burst_of_fewer_than_nine_readings_is_a_fault(sheet):
    fault = sheet.only(sheet.site, PROBE.format(burst="8s"))
    assert (fault.key, fault.code) == ("sensor.probe-1.burst", Code.VALUE)
