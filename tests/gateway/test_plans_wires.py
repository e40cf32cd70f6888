"""From a configuration to values: 1-wire and the host, on a copied root."""

from __future__ import annotations

import tomllib

import pytest

from kaga_edge.buses import Bus, Wires
from kaga_edge.config import load
from kaga_edge.core import alarms
from kaga_edge.gateway import plans
from kaga_edge.sensors import ads1115, ds18b20, pi_power, sr50a, tipping_bucket
from kaga_edge.station.clock import SystemClock

SITE = '[site]\nid = "test-1"\nname = {ja = "試験", en = "test"}\n'
W1_SLAVE = "91 01 4b 46 7f ff 0f 10 25 : crc=25 YES\n91 01 4b 46 7f ff 0f 10 25 t=25062\n"


@pytest.mark.parametrize(
    ("module", "file", "text", "bus_name", "values"),
    [
        (ds18b20, "sys/bus/w1/devices/28-0316a2795bff/w1_slave", W1_SLAVE, "onewire", [25.0625]),
        (pi_power, "sys/class/thermal/thermal_zone0/temp", "48312\n", "host", [None, None, None, 48.312]),
    ],
)
async def test_a_configured_sensor_is_read_from_the_kernels_files(
    tmp_path, module, file, text, bus_name, values
):
    config = tmp_path / "kaga-edge.toml"
    config.write_text(SITE + module.MODEL.example, encoding="utf-8")
    place = tmp_path / "root" / file
    place.parent.mkdir(parents=True)
    place.write_text(text)
    plan = plans.bus_plans(load(config))[bus_name]
    bus = Bus(
        plan.make(), wires=Wires(root=tmp_path / "root"), clock=SystemClock(), on_polled=lambda _polled: None
    )
    try:
        polled = await bus.read_now(tomllib.loads(module.MODEL.example)["sensor"][0]["id"])
    finally:
        await bus.close(take_last=False)
    assert polled.error is None
    assert [m.value for m in polled.measurements] == values


@pytest.mark.parametrize("threshold_mm", [0.5, 2.0, 30.0])
def test_an_alarm_for_little_rain_could_never_end(tmp_path, threshold_mm):
    config = tmp_path / "kaga-edge.toml"
    table = f"[sensor.rain]\n[sensor.alarms.rain_1h]\nwarning = {threshold_mm}\n[sensor.disclosure]"
    example = tipping_bucket.MODEL.example.replace("[sensor.disclosure]", table)
    config.write_text(SITE + example, encoding="utf-8")
    rules = plans.sensor_plan(load(config).sensors[0]).rules
    raised, _ = alarms.step(rules, frozenset(), threshold_mm)
    assert raised
    assert not alarms.step(rules, raised, 0.0)[0]


@pytest.mark.parametrize("burst", ["", 'burst = "10s"\n'])
def test_a_loops_calibration_reaches_what_the_current_stands_for(tmp_path, burst):
    config = tmp_path / "kaga-edge.toml"
    shunt = (
        '[[sensor.calibration]]\nchannel = "loop_current"\nmethod = "shunt"\ngain = 0.95\n'
        'at = "2026-11-28T00:00:00Z"\nwho = "x"\nraw = 12.6\ntrue = 12.0\nbefore = 12.6\nafter = 12.0\n'
    )
    example = ads1115.MODEL.example.replace("input = 0\n", f"input = 0\n{burst}")
    config.write_text(SITE + example + shunt, encoding="utf-8")
    assert plans.sensor_plan(load(config).sensors[0]).units_per_ma == 5.0 / 16


def test_new_snow_knows_the_height_and_the_calibration_its_depth_is_reckoned_from(tmp_path):
    config = tmp_path / "kaga-edge.toml"
    example = sr50a.MODEL.example.replace("[sensor.mount]", "[sensor.snow]\n\n[sensor.mount]")
    offset = (
        '[[sensor.calibration]]\nchannel = "snow_depth"\nmethod = "offset"\noffset = 0.05\n'
        'at = "2026-11-28T00:00:00Z"\nwho = "x"\nraw = 0.1\ntrue = 0.15\nbefore = 0.1\nafter = 0.15\n'
    )
    bases = set()
    for text in (example, example.replace("2.50", "2.60"), example + offset):
        config.write_text(SITE + text, encoding="utf-8")
        bases.add(plans.sensor_plan(load(config).sensors[0]).deriving.snow.basis)
    assert len(bases) == 3
