"""INA219: TI's own example, the ends of the scale, and adafruit's driver on random words."""

from __future__ import annotations

import random

import pytest

from kaga_edge.sensors import ina219
from kaga_edge.sim.captured import RegisterDevice, play, read_once
from kaga_edge.vocabulary.errors import FrameMalformed, FrameTruncated, ValueImpossible, WrongSensor
from kaga_edge.vocabulary.readings import Flag


def device(shunt="07D0", bus="5D98") -> RegisterDevice:
    return RegisterDevice(0x40, {0x01: bytes.fromhex(shunt), 0x02: bytes.fromhex(bus)}, register_bytes=2)


def values(shunt_ohm, chip) -> list[float]:
    return [m.value for m in read_once(ina219.Driver(ina219.Options(shunt_ohm=shunt_ohm)), chip)]


def test_tis_example_comes_out():
    assert values(0.002, device()) == pytest.approx([11.98, 10.0, 119.8], abs=1e-9)


def test_a_discharging_battery_has_a_negative_current():
    assert values(0.002, device("F830")) == pytest.approx([11.98, -10.0, -119.8], abs=1e-9)


@pytest.mark.parametrize(("shunt", "amperes"), [("8300", -3.2), ("7D00", 3.2)])
def test_the_end_of_the_scale_flags_current_and_power_only(shunt, amperes):
    volts, current, power = read_once(ina219.Driver(ina219.Options()), device(shunt))
    assert current.value == pytest.approx(amperes)
    assert (volts.flags, current.flags, power.flags) == (Flag.GOOD, Flag.OUT_OF_RANGE, Flag.OUT_OF_RANGE)


def test_random_words_equal_adafruits_driver(repetitions, circuit_python_bus):
    adafruit = pytest.importorskip("adafruit_ina219", reason="adafruit-circuitpython-ina219 is the oracle")
    chip = device()
    for register in (0x00, 0x03, 0x04, 0x05):
        chip.store(register, b"\x00\x00")
    oracle = adafruit.INA219(circuit_python_bus(chip))
    numbers = random.Random(219)
    for _ in range(repetitions):
        shunt, bus = numbers.randrange(-32000, 32001), numbers.randrange(8001) << 3 | numbers.randrange(8)
        chip.store(0x01, shunt.to_bytes(2, "big", signed=True))
        chip.store(0x02, bus.to_bytes(2, "big"))
        volts, amperes, _ = values(0.1, chip)
        assert volts == pytest.approx(oracle.bus_voltage, abs=1e-9)
        assert amperes * 0.1 == pytest.approx(oracle.shunt_voltage, abs=1e-9)


def test_what_does_not_keep_the_config_word_is_another_part():
    other = device()
    other.store = lambda register, data: None
    other._words[0x00] = bytes.fromhex("8583")
    with pytest.raises(WrongSensor, match="8583"):
        play(ina219.Driver(ina219.Options()).identify(), other)


@pytest.mark.parametrize("config", ["0000", "FFFF"])
def test_a_stuck_bus_is_not_zero_volts(config):
    chip = device("0000", "0000")
    chip.store(0x00, bytes.fromhex(config))
    with pytest.raises(FrameMalformed, match=config):
        play(ina219.Driver(ina219.Options()).measure(), chip)


@pytest.mark.parametrize(
    ("shunt", "bus", "error"),
    [("07D0", "5D", FrameTruncated), ("7D01", "5D98", ValueImpossible), ("07D0", "FA08", ValueImpossible)],
)
def test_each_fault_has_its_error(shunt, bus, error):
    with pytest.raises(error):
        ina219.Driver(ina219.Options()).decode(bytes.fromhex(shunt), bytes.fromhex(bus))
