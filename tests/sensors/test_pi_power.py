"""Raspberry Pi's power: the bit table, machines that know less, texts that are none."""

from __future__ import annotations

import pytest

from kaga_edge.sensors import pi_power
from kaga_edge.sim.captured import HostCapture, read_once
from kaga_edge.vocabulary.errors import FrameMalformed, ValueImpossible
from kaga_edge.vocabulary.readings import Flag


def said(throttled=b"", alarm=b"", temperature=b"", driver=None) -> list[float | None]:
    answers = {"throttled": throttled, "under_voltage": alarm, "cpu_temperature": temperature}
    driver = driver or pi_power.Driver(pi_power.Options())
    return [m.value for m in read_once(driver, HostCapture(answers))]


@pytest.mark.parametrize(
    ("bits", "low", "seen", "slowed"),
    [
        (b"0x0", 0, 0, 0),
        (b"0x50005", 1, 1, 1),  # the documentation's example: bits 0, 2, 16, 18
        (b"0x50000", 0, 1, 0),
        (b"0x1", 1, 1, 0),
        (b"0x2", 0, 0, 1),
        (b"0x4", 0, 0, 1),
        (b"0x8", 0, 0, 1),
        (b"0xe0000", 0, 0, 0),
    ],
)
def test_the_bit_table(bits, low, seen, slowed):
    assert said(b"throttled=" + bits + b"\n", b"0\n", b"48312\n") == [low, seen, slowed, 48.312]


def test_without_vcgencmd_the_kernels_alarm_tells_of_under_voltage_only():
    assert said(alarm=b"1\n", temperature=b"-2500\n") == [1, 1, None, -2.5]
    assert said(alarm=b"0\n") == [0, 0, None, None]


def test_an_alarm_seen_once_stays_seen():
    driver = pi_power.Driver(pi_power.Options())
    assert said(alarm=b"1\n", driver=driver)[:2] == [1, 1]
    assert said(alarm=b"0\n", driver=driver)[:2] == [0, 1]


def test_a_missing_answer_is_missing_not_zero():
    answers = HostCapture({"cpu_temperature": b"40000"})
    measured = read_once(pi_power.Driver(pi_power.Options()), answers)
    assert [m.flags for m in measured] == [Flag.MISSING, Flag.MISSING, Flag.MISSING, Flag.GOOD]


def test_a_machine_that_says_nothing_is_no_pi():
    with pytest.raises(ValueImpossible, match="not a Raspberry Pi"):
        said()


@pytest.mark.parametrize(
    "texts",
    [(b"error=1", b"0", b"1"), (b"throttled=0x", b"0", b"1"), (b"", b"yes", b"1"), (b"", b"0", b"4.5"),
     (b"", b"\xff", b"")],
)  # fmt: skip
def test_a_text_that_is_none_is_malformed(texts):
    with pytest.raises(FrameMalformed):
        said(*texts)
