"""A02YYUW: the maker's frame, computed frames, and the stream."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.sensors import a02yyuw
from kaga_edge.vocabulary.errors import ChecksumWrong, FrameMalformed, FrameTruncated, ValueImpossible

DRIVER = a02yyuw.Driver(a02yyuw.Options())


@pytest.mark.parametrize(
    ("frame", "millimetres"),
    [("FF07A1A7", 1953), ("FF001E1D", 30), ("FF00FFFE", 255), ("FF02FF00", 767), ("FF1194A4", 4500)],
)
def test_the_vectors_come_out(frame, millimetres):
    (distance,) = DRIVER.decode(bytes.fromhex(frame))
    assert distance.value == millimetres / 1000


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        ("FF07A1", FrameTruncated),
        ("FF07A1A700", FrameTruncated),
        ("FE07A1A6", FrameMalformed),
        ("FF07A1A6", ChecksumWrong),
        ("FF0000FF", ValueImpossible),  # blocked
        ("FF157C90", ValueImpossible),  # 5500: open sky
        ("FF001D1C", ValueImpossible),  # 29 mm: in the blind zone
    ],
)
def test_each_fault_has_its_error(frame, error):
    with pytest.raises(error):
        DRIVER.decode(bytes.fromhex(frame))


def test_the_me007ys_is_blind_nearer_than_280_mm():
    driver = a02yyuw.Driver(a02yyuw.Options(nearest_mm=280))
    with pytest.raises(ValueImpossible):
        driver.decode(bytes.fromhex("FF00FFFE"))


@pytest.mark.parametrize(
    ("first", "second"), [("FF07A1A7", "FF1194A4"), ("FF00FFFE", "FF02FF00"), ("FF02FF00", "FF00FFFE")]
)
def test_the_stream_is_cut_however_it_arrives(five_cases, first, second):
    five_cases(DRIVER, bytes.fromhex(first), bytes.fromhex(second), b"\x00\x12\x34")


def test_after_a_wrong_sum_the_search_goes_on_one_byte_later():
    cut = DRIVER.split(bytes.fromhex("FFFF07A1A7"))
    assert (cut.frames, cut.skipped_bytes) == ((bytes.fromhex("FF07A1A7"),), 1)


@given(st.lists(st.integers(30, 4500), max_size=20))
def test_every_frame_of_an_unbroken_stream_is_found(distances):
    stream = b"".join(
        bytes((0xFF, mm >> 8, mm & 0xFF, (0xFF + (mm >> 8) + (mm & 0xFF)) & 0xFF)) for mm in distances
    )
    cut = DRIVER.split(stream)
    assert [round(DRIVER.decode(f)[0].value * 1000) for f in cut.frames] == distances
    assert (cut.rest, cut.skipped_bytes) == (b"", 0)
