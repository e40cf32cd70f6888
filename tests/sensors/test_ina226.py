"""INA226: TI's own example (no independent package is installed), identity, the ends of the scale."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.sensors import ina226
from kaga_edge.sim.captured import RegisterDevice, play, read_once
from kaga_edge.vocabulary.errors import FrameMalformed, FrameTruncated, ValueImpossible, WrongSensor
from kaga_edge.vocabulary.readings import Flag


def device(shunt="1F40", bus="2570", maker="5449", part="2260") -> RegisterDevice:
    words = {0x01: shunt, 0x02: bus, 0xFE: maker, 0xFF: part}
    return RegisterDevice(0x40, {at: bytes.fromhex(word) for at, word in words.items()}, register_bytes=2)


def test_tis_example_comes_out():
    measured = read_once(ina226.Driver(ina226.Options(shunt_ohm=0.002)), device())
    assert [m.value for m in measured] == pytest.approx([11.98, 10.0, 119.8], abs=1e-9)


def test_a_later_revision_of_the_die_is_the_same_part():
    assert read_once(ina226.Driver(ina226.Options()), device(part="2261"))


@pytest.mark.parametrize(("maker", "part"), [("0000", "2260"), ("5449", "0000"), ("399F", "399F")])
def test_another_identity_is_another_part(maker, part):
    with pytest.raises(WrongSensor):
        play(ina226.Driver(ina226.Options()).identify(), device(maker=maker, part=part))


def test_a_part_that_lost_its_settings_says_so():
    driver, chip = ina226.Driver(ina226.Options()), device()
    read_once(driver, chip)
    chip.store(0x00, bytes.fromhex("4127"))  # its state after a brown-out
    with pytest.raises(FrameMalformed, match="4127"):
        play(driver.measure(), chip)


@pytest.mark.parametrize(("shunt", "amperes"), [("7FFF", 40.95875), ("8000", -40.96)])
def test_the_end_of_the_scale_flags_current_and_power_only(shunt, amperes):
    volts, current, power = read_once(ina226.Driver(ina226.Options()), device(shunt))
    assert current.value == pytest.approx(amperes)
    assert (volts.flags, current.flags, power.flags) == (Flag.GOOD, Flag.OUT_OF_RANGE, Flag.OUT_OF_RANGE)


@given(st.integers(-0x8000, 0x7FFF), st.integers(0, 0x7FFF))
def test_every_pair_of_words_gives_ohms_law(shunt, bus):
    volts, amperes, watts = ina226.Driver(ina226.Options(shunt_ohm=0.5)).decode(
        shunt.to_bytes(2, "big", signed=True), bus.to_bytes(2, "big")
    )
    assert volts.value == pytest.approx(bus / 800)
    assert amperes.value == pytest.approx(shunt / 200_000)
    assert watts.value == pytest.approx(volts.value * amperes.value)


@pytest.mark.parametrize(
    ("shunt", "bus", "error"), [("1F40", "25", FrameTruncated), ("1F40", "A570", ValueImpossible)]
)
def test_each_fault_has_its_error(shunt, bus, error):
    with pytest.raises(error):
        ina226.Driver(ina226.Options()).decode(bytes.fromhex(shunt), bytes.fromhex(bus))
