"""Benewake: computed frames, each model's own way to say no, the stream, adafruit's driver."""

from __future__ import annotations

import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.sensors import benewake
from kaga_edge.sim.captured import SerialCapture, play
from kaga_edge.vocabulary.errors import ChecksumWrong, FrameMalformed, FrameTruncated, ValueImpossible
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag

FRAME = bytes.fromhex("59 59 7B 00 C8 01 00 09 FF")  # 123 cm, 456, 32 degC
TRAP = bytes.fromhex("59 59 59 59 59 59 00 09 1F")
WEAK = bytes.fromhex("59 59 FF FF 0A 00 98 08 5A")
NOTHING = bytes.fromhex("59 59 00 00 50 00 C8 08 D2")


def driver(model="tfmini_plus", **options) -> benewake.Driver:
    return benewake.Driver(benewake.Options(model=model, **options))


def frame(distance: int, strength: int, tail=(0x00, 0x09)) -> bytes:
    body = b"\x59\x59" + distance.to_bytes(2, "little") + strength.to_bytes(2, "little") + bytes(tail)
    return body + bytes((sum(body) % 256,))


@pytest.mark.parametrize(
    ("data", "metres", "strength"), [(FRAME, 1.23, 456), (TRAP, 228.73, 0x5959), (frame(1, 100), 0.01, 100)]
)
def test_the_vectors_come_out(data, metres, strength):
    distance, signal, inside = driver().decode(data)
    assert distance.value == pytest.approx(metres)
    assert (signal.value, inside.value) == (strength, 32)


@pytest.mark.parametrize(
    ("model", "data"),
    [
        ("tf_luna", frame(0, 456)), ("tf_luna", frame(123, 99)), ("tf_luna", frame(123, 65535)),
        ("tfmini", WEAK), ("tfmini", frame(123, 19)), ("tfmini", frame(65535, 456)),
        ("tfmini_s", frame(65535, 100)), ("tfmini_s", frame(65534, 65535)), ("tfmini_s", frame(65532, 456)),
        ("tfmini_s", frame(123, 100)),
        ("tfmini_s", frame(65533, 456)), ("tfmini_s", frame(0x8000, 456)),  # read as 655 m before
        ("tfmini_plus", NOTHING), ("tfmini_plus", frame(0, 456)), ("tfmini_plus", frame(123, 99)),
        ("tfmini_plus", frame(123, 65535)),
        ("tf02_pro", frame(4500, 456)), ("tf02_pro", frame(123, 59)),
        ("tf02", frame(2200, 456, (8, 0))), ("tf02", frame(123, 456, (6, 0))),
    ],
)  # fmt: skip
def test_each_model_says_no_in_its_own_way(model, data):
    with pytest.raises(ValueImpossible):
        driver(model).decode(data)


@pytest.mark.parametrize("model", list(benewake.RULES))
def test_a_distance_of_nothing_was_snow_up_to_the_sensor_or_a_river_over_its_levee(model):
    with pytest.raises(ValueImpossible, match="0000"):
        driver(model).decode(frame(0, 456, (8, 0)))


@pytest.mark.parametrize(
    ("model", "data"),
    [
        ("tfmini", frame(123, 20)), ("tfmini_s", frame(123, 101)),
        ("tfmini_plus", frame(123, 100)), ("tf02_pro", frame(4499, 60)), ("tf02", frame(2199, 1, (7, 0))),
    ],
)  # fmt: skip
def test_what_one_model_means_by_it_another_does_not(model, data):
    assert driver(model).decode(data)[0].value is not None


@pytest.mark.parametrize(
    ("model", "inside"), [("tf_luna", True), ("tfmini", False), ("tf02", False), ("tfmini_s", True)]
)
def test_only_some_models_know_their_temperature(model, inside):
    assert (Quantity.DEVICE_TEMPERATURE_C in driver(model).quantities) is inside


def test_random_frames_equal_adafruits_driver(repetitions):
    adafruit = pytest.importorskip("adafruit_tfmini", reason="adafruit-circuitpython-tfmini is the oracle")

    class Uart(io.BytesIO):
        def reset_input_buffer(self) -> None:
            pass

    numbers = random.Random(59)
    ours = driver("tfmini")
    for _ in range(repetitions):
        data = frame(numbers.randrange(65535), numbers.randrange(20, 65536))
        assert ours.decode(data)[0].value * 100 == pytest.approx(adafruit.TFmini(Uart(data)).distance)


@pytest.mark.parametrize(("first", "second"), [(FRAME, TRAP), (TRAP, FRAME), (TRAP, TRAP), (NOTHING, WEAK)])
def test_the_stream_is_cut_however_it_arrives(five_cases, first, second):
    five_cases(driver(), first, second, b"\x00\x12\x59\x34")


def test_after_a_wrong_sum_the_search_goes_on_one_byte_later():
    cut = driver().split(b"\x59" + FRAME)
    assert (cut.frames, cut.skipped_bytes) == ((FRAME,), 1)
    cut = driver().split(b"\x59\x59\x7b" + FRAME)
    assert (cut.frames, cut.skipped_bytes) == ((FRAME,), 3)


@given(st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 65535)), max_size=20))
def test_every_frame_of_an_unbroken_stream_is_found(pairs):
    frames = [frame(*pair) for pair in pairs]
    cut = driver().split(b"".join(frames))
    assert list(cut.frames) == frames
    assert (cut.rest, cut.skipped_bytes) == (b"", 0)


@pytest.mark.parametrize(("of_burst", "metres"), [("upper_quartile", 2.01), ("median", 2.00)])
def test_near_echoes_of_falling_snow_do_not_pull_the_value(of_burst, metres):
    distances = [40, 90, 200, 200, 200, 201, 201, 202]
    burst = SerialCapture([frame(cm, 456) for cm in distances])
    distance, *_ = play(driver(of_burst=of_burst).measure(), burst)
    assert (distance.value, distance.flags) == (pytest.approx(metres), Flag.GOOD)


def test_bad_frames_are_left_out_and_flag_the_value_when_most_are_bad():
    burst = SerialCapture([NOTHING, FRAME, NOTHING])
    assert [m.flags for m in play(driver().measure(), burst)] == [Flag.LOW_QUALITY] * 3
    burst = SerialCapture([NOTHING, FRAME, FRAME])
    assert play(driver().measure(), burst)[0].flags is Flag.GOOD


def test_a_burst_without_a_good_frame_says_why():
    with pytest.raises(ValueImpossible, match="0000"):
        play(driver().measure(), SerialCapture([NOTHING, NOTHING]))


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (FRAME[:-1], FrameTruncated),
        (FRAME + b"\x00", FrameTruncated),
        (b"\x58" + FRAME[1:], FrameMalformed),
        (FRAME[:-1] + b"\xfe", ChecksumWrong),
    ],
)
def test_each_fault_has_its_error(data, error):
    with pytest.raises(error):
        driver().decode(data)
