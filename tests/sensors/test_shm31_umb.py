"""SHM31 by UMB: the recorded exchange, CRC by crccheck, the stream."""

from __future__ import annotations

import struct

import pytest
from crccheck.crc import Crc16Mcrf4XX
from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.sensors import shm31_umb
from kaga_edge.sim.captured import SerialCapture, read_once
from kaga_edge.vocabulary.errors import ChecksumWrong, FrameMalformed, FrameTruncated, ValueImpossible

QUESTION = bytes.fromhex("01 10 01 B0 01 F0 04 02 23 10 5C 02 03 30 59 04")
ANSWER = bytes.fromhex("01 10 01 F0 01 B0 0A 02 23 10 00 5C 02 16 B1 FF 0D 42 03 DE BC 04")
DRIVER = shm31_umb.Driver(shm31_umb.Options())


def frame(payload: bytes, *, to=0xF001, sender=0xB001) -> bytes:
    """A frame with crccheck's check value."""
    body = struct.pack("<BBHHBB", 1, 0x10, to, sender, len(payload), 2) + payload + b"\x03"
    return body + struct.pack("<HB", Crc16Mcrf4XX.calc(body), 4)


def answer(centimetres: float, *, status=0, channel=604, kind=0x16) -> bytes:
    return frame(struct.pack("<BBBHBf", 0x23, 0x10, status, channel, kind, centimetres))


def test_the_question_is_the_recorded_one():
    assert next(DRIVER.measure()).ask == QUESTION
    assert next(shm31_umb.Driver(shm31_umb.Options(umb_id=7)).measure()).ask[2:4] == b"\x07\xb0"


def test_the_recorded_answer_comes_out():
    (depth,) = read_once(DRIVER, SerialCapture([ANSWER]))
    assert depth.value == pytest.approx(0.354997, abs=1e-6)


@given(st.floats(-1600, 1600, width=32))
def test_every_height_comes_out(centimetres):
    assert DRIVER.decode(answer(centimetres))[0].value == pytest.approx(centimetres / 100)


@pytest.mark.parametrize(
    ("data", "error", "what"),
    [
        (ANSWER[:-1], FrameTruncated, "21 bytes"),
        (ANSWER[:6], FrameTruncated, "6 bytes"),
        (b"\x02" + ANSWER[1:], FrameMalformed, "bytes 0-7"),
        (ANSWER[:-1] + b"\x05", FrameMalformed, "last"),
        (ANSWER[:-2] + b"\xbd\x04", ChecksumWrong, "BDDE"),
        (frame(ANSWER[8:18], sender=0xB002), FrameMalformed, "B002"),
        (frame(b"\x24" + ANSWER[9:18]), FrameMalformed, "2410"),
        (answer(1.0, channel=605), FrameMalformed, "605"),
        (answer(1.0, kind=0x17), FrameMalformed, "17"),
        (frame(ANSWER[8:17]), FrameMalformed, "9 bytes"),
        (answer(1.0, status=85), ValueImpossible, "conditions"),
        (frame(b"\x23\x10\x24\x5c\x02"), ValueImpossible, "no such channel"),
        (answer(float("nan")), ValueImpossible, "nan"),
        (answer(1600.5), ValueImpossible, "range"),
    ],
)
def test_each_fault_has_its_error(data, error, what):
    with pytest.raises(error, match=what):
        DRIVER.decode(data)


@pytest.mark.parametrize(("first", "second"), [(ANSWER, answer(-5.0)), (answer(0.0), ANSWER)])
def test_the_stream_is_cut_however_it_arrives(five_cases, first, second):
    five_cases(DRIVER, first, second, b"\x00\x01\x10\x04")


def test_the_echo_of_our_own_question_is_no_answer():
    cut = DRIVER.split(QUESTION + ANSWER)
    assert (cut.frames, cut.skipped_bytes) == ((ANSWER,), len(QUESTION))


def test_after_a_wrong_check_value_the_search_goes_on_one_byte_later():
    broken = ANSWER[:12] + ANSWER  # cut off, then a whole one
    assert DRIVER.split(broken).frames == (ANSWER,)
