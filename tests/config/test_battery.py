"""``[battery]``."""

from __future__ import annotations

import pytest

from kaga_edge.config import Code, ConfigFaults, load
from kaga_edge.core.battery import BatteryRule

SITE = """\
[site]
id = "flood-test-01"
name = { ja = "試験", en = "Test" }

[[sensor]]
id = "battery-1"
driver = "ina219"
every = "60s"
i2c = { bus = 1, address = 0x40 }
shunt_ohm = 0.1
[sensor.mount]
[sensor.disclosure]
purpose = { ja = "電源", en = "supply" }
personal_data = false

[[sensor]]
id = "air-1"
driver = "sht4x"
every = "60s"
i2c = { bus = 1, address = 0x44 }
[sensor.mount]
[sensor.disclosure]
purpose = { ja = "気温", en = "air" }
personal_data = false
"""


def read(tmp_path, more):
    file = tmp_path / "kaga-edge.toml"
    file.write_text(SITE + more, encoding="utf-8")
    return load(file)


def test_without_the_table_nothing_is_ever_switched_off(tmp_path):
    assert read(tmp_path, "").battery is None


def test_the_rule_is_read(tmp_path):
    rule = read(tmp_path, '[battery]\nsensor = "battery-1"\nstop_below_v = 11.2\nfor = "5m"\n').battery
    assert rule == BatteryRule(sensor="battery-1", stop_below_v=11.2, hold_s=300)


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ('sensor = "battery-2"\nstop_below_v = 11.2\n', Code.NO_SUCH_SENSOR),
        ('sensor = "air-1"\nstop_below_v = 11.2\n', Code.VALUE),
        ('sensor = "battery-1"\nstop_below_v = 11.2\nfor = "5s"\n', Code.OUT_OF_BOUNDS),
        ('sensor = "battery-1"\n', Code.MISSING_KEY),
        ('sensor = "battery-1"\nstop_below = 11.2\nstop_below_v = 11.0\n', Code.UNKNOWN_KEY_NEAR),
    ],
)
def test_what_is_wrong_is_told_at_its_line(tmp_path, table, code):
    with pytest.raises(ConfigFaults) as raised:
        read(tmp_path, "[battery]\n" + table)
    assert [fault.code for fault in raised.value.faults] == [code]
