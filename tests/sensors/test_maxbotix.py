"""MaxBotix: a captured banner, the ends of the scale, and the stream."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.sensors import maxbotix
from kaga_edge.vocabulary.errors import FrameMalformed, FrameTruncated, KagaError, ValueImpossible

DRIVER = maxbotix.Driver(maxbotix.Options())
TEN_METRES = maxbotix.Driver(maxbotix.Options(no_target_mm=9999))
WATER = maxbotix.Driver(maxbotix.Options(nearest_mm=300))
CENTIMETRES = maxbotix.Driver(maxbotix.Options(unit="cm", digits=3, nearest_mm=200, no_target_mm=7650))
# Captured from an MB7574 at power-on.
BANNER = b"\xffSCXL-MaxSonar-WRS\rPN:MB7574\rCopyright 2011-2017\rMaxBotix Inc.\rRoHSv24b 084  0517\rTempI\r"


@pytest.mark.parametrize(
    ("driver", "line", "metres"),
    [
        (DRIVER, b"R0984\r", 0.984),
        (DRIVER, b"R4999\r", 4.999),
        (TEN_METRES, b"R9998\r", 9.998),
        (WATER, b"R0301\r", 0.301),
        (CENTIMETRES, b"R123\r", 1.23),
    ],
)
def test_a_line_is_a_distance(driver, line, metres):
    assert driver.decode(line)[0].value == pytest.approx(metres)


@pytest.mark.parametrize(
    ("driver", "line", "error"),
    [
        (DRIVER, b"R5000\r", ValueImpossible),  # no target
        (DRIVER, b"R0500\r", ValueImpossible),  # so near or nearer
        (DRIVER, b"R0000\r", ValueImpossible),
        (TEN_METRES, b"R9999\r", ValueImpossible),
        (DRIVER, b"R984\r", FrameTruncated),
        (DRIVER, b"R09841\r", FrameTruncated),
        (DRIVER, b"RoHSv\r", FrameMalformed),
        (DRIVER, b"R0984\n", FrameMalformed),
        (CENTIMETRES, b"R0984\r", FrameTruncated),
    ],
)
def test_each_fault_has_its_error(driver, line, error):
    with pytest.raises(error):
        driver.decode(line)


def test_the_banner_is_skipped_though_it_contains_an_r():
    cut = DRIVER.split(BANNER + b"R0984\r")
    assert (cut.frames, cut.rest, cut.skipped_bytes) == ((b"R0984\r",), b"", len(BANNER))


def test_the_banner_a_byte_at_a_time_gives_no_frame_and_tells_of_the_start():
    rest, frames, restarts = b"", [], 0
    for byte in BANNER + b"R0984\r":
        cut = DRIVER.split(rest + bytes((byte,)))
        rest, frames, restarts = cut.rest, frames + list(cut.frames), restarts + cut.restarted
    assert frames == [b"R0984\r"]
    assert restarts == 2  # its model and its last line


def test_lines_alone_tell_of_no_start():
    assert not DRIVER.split(b"R0984\rR1234\r").restarted


def test_the_stream_is_cut_however_it_arrives(five_cases):
    five_cases(DRIVER, b"R0984\r", b"R1234\r", b"R09R98\x00\xff")


def test_it_is_never_corrected_for_the_speed_of_sound_again():
    assert maxbotix.MODEL.compensates_sound_speed


def test_the_first_eleven_seconds_are_for_the_filter():
    assert maxbotix.MODEL.warm_up_s == 11


def test_a_range_upside_down_is_refused():
    with pytest.raises(KagaError):
        maxbotix.Driver(maxbotix.Options(nearest_mm=5000))


@given(
    st.lists(
        st.sampled_from([b"R1953\r", b"R0300\r", b"R19", b"R", b"53\r", b"PN:MB7389", b"TempI\r", b"\x00"])
    )
)
def test_lines_are_cut_out_of_whatever_lies_between_them(pieces: list[bytes]) -> None:
    buffer = b"".join(pieces)
    cut = DRIVER.split(buffer)
    matches = list(re.finditer(rb"R\d{4}\r", buffer))
    assert list(cut.frames) == [match.group() for match in matches]
    assert buffer[matches[-1].end() if matches else 0 :].endswith(cut.rest)
    assert sum(map(len, cut.frames)) + len(cut.rest) + cut.skipped_bytes == len(buffer)
    assert cut.restarted == any(mark in buffer for mark in maxbotix.BANNER_MARKS)
