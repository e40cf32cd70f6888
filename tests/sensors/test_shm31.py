"""SHM31: whole Modbus frames (CRC by pymodbus), invalid codes, error codes."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer import FramerRTU

from kaga_edge.sensors import shm31
from kaga_edge.sim.captured import ModbusDevice, play, read_once
from kaga_edge.vocabulary.errors import FrameMalformed, FrameTruncated, ValueImpossible
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag
from kaga_edge.vocabulary.requests import ModbusRead

GOOD = "01 04 0E 01 63 00 D7 FF D6 00 DF 00 B4 00 98 00 00 07 9C"
INVALID = "01 04 0E 7F FF 00 D7 FF D6 00 DF 00 00 00 98 00 0F 59 61"


def words(frame: str) -> tuple[int, ...]:
    """The registers in a reply of function 4, its check value verified by pymodbus."""
    data = bytes.fromhex(frame)
    assert FramerRTU.compute_CRC(data[:-2]).to_bytes(2, "big") == data[-2:]
    return struct.unpack(f">{data[2] // 2}H", data[3:-2])


def device(*registers: int) -> ModbusDevice:
    return ModbusDevice(1, {}, dict(enumerate(registers, 20)))


def changed(**given: int) -> tuple[int, ...]:
    names = ("height", "block", "ambient", "laser", "signal", "tilt", "error")
    return tuple((dict(zip(names, words(GOOD), strict=True)) | given).values())


def test_the_request_is_the_one_on_the_wire():
    (request,) = [next(shm31.Driver(shm31.Options()).measure())]
    assert isinstance(request, ModbusRead)
    body = struct.pack(">BBHH", 1, request.function, request.address, request.count)
    frame = body + FramerRTU.compute_CRC(body).to_bytes(2, "big")
    assert frame == bytes.fromhex("01 04 00 14 00 07 F1 CC")


def test_a_good_frame_comes_out():
    measured = read_once(shm31.Driver(shm31.Options()), device(*words(GOOD)))
    assert {m.quantity: m.value for m in measured} == {
        Quantity.SNOW_DEPTH_M: 0.355,
        Quantity.SIGNAL_STRENGTH: 180,
        Quantity.AIR_TEMPERATURE_C: -4.2,
        Quantity.DEVICE_TEMPERATURE_C: 22.3,
        Quantity.TILT_DEG: 15.2,
        Quantity.DEVICE_ERROR: 0,
    }
    assert {m.flags for m in measured} == {Flag.GOOD}


def test_an_invalid_height_says_why():
    with pytest.raises(ValueImpossible, match=r"error 15, signal too weak"):
        play(shm31.Driver(shm31.Options()).measure(), device(*words(INVALID)))


@pytest.mark.parametrize(("word", "metres"), [(0xC180, -16.0), (16000, 16.0), (0xFFFB, -0.005), (0, 0.0)])
def test_a_height_below_the_zero_is_kept(word, metres):
    assert shm31.Driver(shm31.Options()).decode(changed(height=word))[0].value == metres


@pytest.mark.parametrize("word", [0x7FFF, 0xC17F, 16001])
def test_a_height_beyond_the_range_is_no_value(word):
    with pytest.raises(ValueImpossible):
        shm31.Driver(shm31.Options()).decode(changed(height=word))


def test_an_error_beside_a_height_flags_the_height():
    depth, *_, error = shm31.Driver(shm31.Options()).decode(changed(error=17))
    assert (depth.value, depth.flags, error.value) == (0.355, Flag.LOW_QUALITY, 17)


@pytest.mark.parametrize(("least", "flags"), [(180, Flag.GOOD), (181, Flag.LOW_QUALITY)])
def test_a_weak_signal_flags_the_height_when_asked(least, flags):
    assert shm31.Driver(shm31.Options(weak_signal=least)).decode(words(GOOD))[0].flags is flags


@pytest.mark.parametrize(
    ("given", "at"),
    [({"signal": 0xFFFF}, 1), ({"ambient": 0x7FFF}, 2), ({"laser": 0x7FFF}, 3), ({"tilt": 0x7FFF}, 4),
     ({"error": 0xFFFF}, 5)],
)  # fmt: skip
def test_another_invalid_register_loses_only_itself(given, at):
    measured = shm31.Driver(shm31.Options()).decode(changed(**given))
    assert measured[0].value == 0.355
    assert (measured[at].value, measured[at].flags) == (None, Flag.MISSING)


@pytest.mark.parametrize(
    ("code", "what"), [(19, "timed out"), (53, "link"), (67, "link"), (70, "evaluation"), (99, "manual")]
)
def test_every_error_code_has_words(code, what):
    assert what in shm31.error_words(code)


@given(st.lists(st.integers(0, 0xFFFF), min_size=7, max_size=7))
def test_any_registers_give_values_or_no_value(registers):
    try:
        measured = shm31.Driver(shm31.Options()).decode(tuple(registers))
    except ValueImpossible:
        return
    assert abs(measured[0].value) <= 16


@pytest.mark.parametrize(
    ("registers", "error"),
    [((1,) * 6, FrameTruncated), ((1,) * 8, FrameTruncated), ((70000,) + (1,) * 6, FrameMalformed)],
)
def test_each_fault_has_its_error(registers, error):
    with pytest.raises(error):
        shm31.Driver(shm31.Options()).decode(registers)
