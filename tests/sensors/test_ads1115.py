"""ADS1115 with a 4-20 mA loop: TI's config words, the current bands, adafruit's driver on random codes."""

from __future__ import annotations

import random

import pytest

from kaga_edge.sensors import ads1115
from kaga_edge.sim.captured import RegisterDevice, play, read_once
from kaga_edge.vocabulary.errors import (
    DecodeError,
    FrameTruncated,
    KagaError,
    ValueImpossible,
    WrongSensor,
)
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag

LEVEL = {"measures": "water_depth", "value_at_4_ma": 0.0, "value_at_20_ma": 5.0}


def device(code: str) -> RegisterDevice:
    return RegisterDevice(0x48, {0: bytes.fromhex(code)})


def read(code: str, **options):
    return read_once(ads1115.Driver(ads1115.Options(**options)), device(code))


@pytest.mark.parametrize(
    ("gain_v", "word"),
    [(6.144, 0xC183), (4.096, 0xC383), (2.048, 0xC583), (1.024, 0xC783), (0.512, 0xC983), (0.256, 0xCB83)],
)
def test_the_config_words_of_the_datasheet_come_out(gain_v, word):
    assert ads1115.config_word(0, gain_v) == word


@pytest.mark.parametrize(
    ("gain_v", "code", "current_ma"),
    [
        (4.096, "0C80", 4.0), (4.096, "2580", 12.0), (4.096, "3E80", 20.0),
        (4.096, "0BE0", 3.8), (4.096, "4010", 20.5),
        (2.048, "1900", 4.0), (2.048, "4B00", 12.0), (2.048, "7D00", 20.0), (2.048, "17C0", 3.8),
    ],
)  # fmt: skip
def test_currents_over_100_ohm_come_out(gain_v, code, current_ma):
    depth, current = read(code, gain_v=gain_v, **LEVEL)
    assert current.value == pytest.approx(current_ma, abs=0.002)
    assert depth.value == pytest.approx((current_ma - 4) / 16 * 5, abs=0.001)
    assert (depth.quantity, depth.flags) == (Quantity.WATER_DEPTH_M, Flag.GOOD)


@pytest.mark.parametrize("code", ["0B40", "0B80", "4100", "41A0"])  # 3.6, 3.68, 20.8, 21.0 mA
def test_a_saturated_loop_is_given_and_flagged(code):
    assert {m.flags for m in read(code, **LEVEL)} == {Flag.OUT_OF_RANGE}


@pytest.mark.parametrize(
    ("gain_v", "code", "says"),
    [
        (4.096, "0AF0", "fault"),
        (4.096, "4200", "fault"),
        (4.096, "0000", "broken wire"),
        (4.096, "FFF0", "broken wire"),
        (4.096, "7FFF", "clipped"),
        (2.048, "7FFF", "clipped"),
        (4.096, "8000", "clipped"),
    ],
)
def test_a_fault_current_is_no_value(gain_v, code, says):
    with pytest.raises(ValueImpossible, match=says):
        read(code, gain_v=gain_v, **LEVEL)


def test_random_codes_equal_adafruits_driver(repetitions, circuit_python_bus):
    adafruit = pytest.importorskip("adafruit_ads1x15", reason="adafruit-circuitpython-ads1x15 is the oracle")
    part = device("0000")
    part.store(1, bytes.fromhex("8583"))
    oracle = adafruit.ADS1115(circuit_python_bus(part), gain=1)
    analog = adafruit.AnalogIn(oracle, 2)
    driver = ads1115.Driver(ads1115.Options(input=2))
    codes = random.Random(1115)
    for _ in range(repetitions):
        code = codes.randrange(0x0B40, 0x41A0)
        part.store(0, code.to_bytes(2, "big"))
        volts = analog.voltage
        (current,) = read_once(driver, part)
        assert current.value == pytest.approx(volts / 100 * 1000, rel=1e-9)


def test_without_a_scale_only_the_current_is_given():
    assert [m.quantity for m in read("2580")] == [Quantity.LOOP_CURRENT_MA]


@pytest.mark.parametrize(
    "options",
    [
        {"measures": "water_depth"},
        {"measures": "water_depth", "value_at_4_ma": 1.0, "value_at_20_ma": 1.0},
        {"gain_v": 5.0},
    ],
)
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(KagaError):
        ads1115.Driver(ads1115.Options(**options))


class OtherPart(RegisterDevice):
    """Answers, but keeps nothing that is written."""

    def store(self, register: int, data: bytes) -> None:
        pass


def test_a_part_that_does_not_keep_the_config_is_another_sensor():
    with pytest.raises(WrongSensor):
        read_once(ads1115.Driver(ads1115.Options()), OtherPart(0x48, {0: b"\x25\x80", 1: b"\x39\x9f"}))


def test_a_conversion_that_never_ends_is_a_decode_error():
    busy = OtherPart(0x48, {0: b"\x25\x80", 1: b"\x43\x83"})
    with pytest.raises(DecodeError, match="does not end"):
        play(ads1115.Driver(ads1115.Options()).measure(), busy)


def test_half_a_word_is_a_length_error():
    with pytest.raises(FrameTruncated):
        ads1115.Driver(ads1115.Options()).decode(b"\x25")


def test_a_gain_that_hides_a_fault_signal_is_remarked_upon():
    (remark,) = ads1115.Driver(ads1115.Options(gain_v=2.048)).remarks
    assert "20.48 mA" in remark
    assert ads1115.Driver(ads1115.Options(gain_v=4.096)).remarks == ()
