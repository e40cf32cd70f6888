"""Bursts: the median of many frames, its spread, and what happens to bad frames."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.core.burst import Burst, median, summarise
from kaga_edge.sensors import a02yyuw, benewake, maxbotix
from kaga_edge.vocabulary.errors import ValueImpossible
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag
from kaga_edge.vocabulary.requests import Frame, UartFrames

NAMES = ("surface_distance", "surface_distance_spread", "burst_valid")


def a02(distance_mm: int) -> bytes:
    high, low = divmod(distance_mm, 256)
    return bytes((0xFF, high, low, (0xFF + high + low) & 0xFF))


def play(driver, frames):
    dialogue = driver.measure()
    asked = next(dialogue)
    with pytest.raises(StopIteration) as done:
        dialogue.send(tuple(Frame(data=data, age_s=0.0) for data in frames))
    return asked, done.value.value


def test_the_value_is_the_median_with_spread_and_count():
    driver = Burst(a02yyuw.Driver(a02yyuw.Options()), 10.0)
    asked, said = play(driver, [a02(mm) for mm in (1950, 1952, 1953, 1954, 1990)])
    assert asked == UartFrames(window_s=10.0, timeout_s=a02yyuw.FRAMES.timeout_s)
    assert tuple(m.quantity.channel for m in said) == NAMES == tuple(q.channel for q in driver.quantities)
    # deviations 3 1 0 1 37 mm: their median is 1 mm
    assert [round(m.value, 7) for m in said] == [1.953, 0.0014826, 5.0]
    assert all(m.flags is Flag.GOOD for m in said)


@pytest.mark.parametrize(
    ("distances_mm", "metres", "flags"),
    [
        ((1950, 1952), 1.952, Flag.GOOD),
        ((1950, 1952, 0), 1.952, Flag.GOOD),
        ((1950, 0, 5500), 1.95, Flag.LOW_QUALITY),
    ],
)
def test_one_lost_echo_at_the_due_time_lost_the_whole_sample(distances_mm, metres, flags):
    _, (distance,) = play(a02yyuw.Driver(a02yyuw.Options()), [a02(mm) for mm in distances_mm])
    assert (distance.value, distance.flags) == (metres, flags)
    lines = [b"R%04d\r" % (5000 if mm in (0, 5500) else mm) for mm in distances_mm]
    _, (distance,) = play(maxbotix.Driver(maxbotix.Options()), lines)
    assert (distance.value, distance.flags) == (metres, flags)


def test_frames_without_an_echo_are_left_out_and_half_valid_is_enough():
    driver = Burst(a02yyuw.Driver(a02yyuw.Options()), 10.0)
    _, said = play(driver, [a02(mm) for mm in (1950, 0, 1952, 5500)])
    assert (said[0].value, said[0].flags, said[2].value) == (1.951, Flag.GOOD, 2.0)


def test_fewer_than_half_valid_flags_the_value():
    driver = Burst(a02yyuw.Driver(a02yyuw.Options()), 10.0)
    _, said = play(driver, [a02(mm) for mm in (1950, 0, 0)])
    assert (said[0].value, said[0].flags, said[2].value) == (1.95, Flag.LOW_QUALITY, 1.0)


def test_a_burst_without_a_valid_frame_fails_as_a_single_frame_does():
    dialogue = Burst(a02yyuw.Driver(a02yyuw.Options()), 10.0).measure()
    next(dialogue)
    with pytest.raises(ValueImpossible):
        dialogue.send((Frame(data=a02(0), age_s=0.0), Frame(data=a02(5500), age_s=0.0)))


def test_maxbotix_lines_make_a_burst_too():
    driver = Burst(maxbotix.Driver(maxbotix.Options()), 5.0)
    _, said = play(driver, [b"R1234\r", b"R5000\r", b"R1236\r", b"R1235\r"])
    assert said[0].value == 1.235


def test_a_laser_keeps_its_upper_quartile_against_near_echoes_of_snow():
    def frame(distance_cm: int) -> bytes:
        head = bytes((0x59, 0x59, distance_cm & 0xFF, distance_cm >> 8, 200, 0, 0, 9))
        return head + bytes((sum(head) & 0xFF,))

    driver = Burst(benewake.Driver(benewake.Options(model="tfmini_plus")), 5.0)
    _, said = play(driver, [frame(cm) for cm in (80, 90, 299, 300)])
    by_channel = {m.quantity: m.value for m in said}
    assert by_channel[Quantity.SURFACE_DISTANCE_M] == pytest.approx(2.99)
    assert by_channel[Quantity.SIGNAL_STRENGTH] == 200


@given(st.lists(st.floats(0, 50), min_size=1, max_size=200))
def test_median_and_spread_agree_with_the_standard_library(values):
    found = summarise(values, len(values))
    assert found.value == median(values) == pytest.approx(statistics.median(values))
    mad = statistics.median(abs(value - statistics.median(values)) for value in values)
    assert found.spread == pytest.approx(1.4826 * mad)
