"""SR50A: the manual's line, computed lines, every field setting, and the stream."""

from __future__ import annotations

import pytest

from kaga_edge.sensors import sr50a
from kaga_edge.vocabulary.errors import ChecksumWrong, FrameMalformed, FrameTruncated, ValueImpossible
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag

DRIVER = sr50a.Driver(sr50a.Options())
SAMPLE = b"\x0233;1838;194;11011;2C\r\n\x03"  # printed in the manual


def line(text: str) -> bytes:
    """A line with its check characters, counted here by the manual's rule."""
    body = b"\x02" + text.encode() + b";"
    check = (256 - sum(body + b"\r\n\x03") % 256) % 256
    return body + b"%02X\r\n\x03" % check


def test_the_manuals_line_comes_out():
    assert line("33;1838;194;11011") == SAMPLE
    distance, quality = DRIVER.decode(SAMPLE)
    assert (distance.quantity, distance.value, distance.flags) == (
        Quantity.SURFACE_DISTANCE_M,
        1.838,
        Flag.GOOD,
    )
    assert (quality.quantity, quality.value) == (Quantity.ECHO_QUALITY, 194)


def test_a_poor_echo_is_flagged_and_kept():
    distance, _ = DRIVER.decode(b"\x0233;2450;310;11011;3F\r\n\x03")
    assert (distance.value, distance.flags) == (2.45, Flag.LOW_QUALITY)


def test_a_failed_self_test_is_flagged_and_kept():
    assert DRIVER.decode(line("33;2450;200;10111"))[0].flags == Flag.LOW_QUALITY


@pytest.mark.parametrize(
    ("options", "text", "metres"),
    [
        ({"unit": "m"}, "33;1.838;194;11111", 1.838),
        ({"unit": "cm"}, "33;183.80;194;11111", 1.838),
        ({"has_quality": False}, "33;1838;11111", 1.838),
        ({"has_quality": False, "temperature": True}, "33;1838;-04.25;11111", 1.838),
        ({"temperature": True}, "33;1838;194;21.50;11111", 1.838),
    ],
)
def test_each_setting_of_the_output_is_understood(options, text, metres):
    driver = sr50a.Driver(sr50a.Options(**options))
    measured = driver.decode(line(text))
    assert measured[0].value == pytest.approx(metres)
    assert tuple(m.quantity for m in measured) == driver.quantities


def test_the_temperature_of_a_model_without_a_probe_is_missing():
    driver = sr50a.Driver(sr50a.Options(temperature=True))
    temperature = driver.decode(line("33;1838;194;-999.00;11111"))[-1]
    assert (temperature.value, temperature.flags) == (None, Flag.MISSING)


@pytest.mark.parametrize(
    ("options", "text"),
    [({}, "33;-999;0;11011"), ({"unit": "m"}, "33;0.000;0;11111"), ({"unit": "cm"}, "33;000.00;0;11111")],
)
def test_no_reading_is_no_value(options, text):
    with pytest.raises(ValueImpossible):
        sr50a.Driver(sr50a.Options(**options)).decode(line(text))


@pytest.mark.parametrize(
    ("frame", "error", "says"),
    [
        (SAMPLE[:10], FrameTruncated, "byte 10"),
        (SAMPLE.replace(b"\x02", b"\x01"), FrameMalformed, "byte 0 is 01"),
        (line("33;1.838;194;11011"), FrameMalformed, "written in m"),
        (line("33;1838;21.50;194;11011"), FrameMalformed, "6 fields"),
        (SAMPLE.replace(b"2C", b"2D"), ChecksumWrong, "counted 2C"),
        (SAMPLE.replace(b"1838", b"1839"), ChecksumWrong, "counted 2B"),
    ],
)
def test_each_fault_has_its_error(frame, error, says):
    with pytest.raises(error, match=says):
        DRIVER.decode(frame)


def test_a_line_of_another_address_is_refused_when_the_address_is_set():
    driver = sr50a.Driver(sr50a.Options(line_address="34"))
    with pytest.raises(FrameMalformed, match="address"):
        driver.decode(SAMPLE)


def test_the_stream_is_cut_however_it_arrives(five_cases):
    five_cases(DRIVER, SAMPLE, line("33;2450;310;11011"), b"\x02\x0333;18")


def test_it_leaves_the_speed_of_sound_to_the_siting():
    assert not sr50a.MODEL.compensates_sound_speed
