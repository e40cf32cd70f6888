"""LX-80: the maker's frame (CRC by pymodbus), both ways of counting registers, tilt."""

from __future__ import annotations

import struct
from math import cos, radians

import pytest
from pymodbus.framer import FramerRTU

from kaga_edge.sensors import lx80
from kaga_edge.sim.captured import ModbusDevice, read_once
from kaga_edge.vocabulary.errors import FrameMalformed, FrameTruncated, SensorRefused, ValueImpossible
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag

REGISTERS = {0x01: 3250, 0x02: 3261, 0x1A: 0xFFFB, 0x1B: 42, 0x1E: 1, 0x2A: 3, 0x2B: 0xFFFC}


def device(base=1, **given: int) -> ModbusDevice:
    registers = REGISTERS | {int(key[1:], 16): value for key, value in given.items()}
    return ModbusDevice(1, {number - base: value for number, value in registers.items()}, {})


def driver(**options) -> lx80.Driver:
    return lx80.Driver(lx80.Options(**options))


def test_the_makers_request_reads_register_1_at_address_0():
    request = next(driver().measure())
    body = struct.pack(">BBHH", 1, request.function, request.address, request.count)
    frame = body + FramerRTU.compute_CRC(body).to_bytes(2, "big")
    assert frame == bytes.fromhex("01 03 00 00 00 01 84 0A")


def test_the_makers_reply_is_one_millimetre():
    data = bytes.fromhex("01 03 02 00 01 79 84")
    assert FramerRTU.compute_CRC(data[:-2]).to_bytes(2, "big") == data[-2:]
    (distance, *_) = read_once(driver(), device(_01=int.from_bytes(data[3:5], "big")))
    assert distance.value == 0.001


@pytest.mark.parametrize("base", [0, 1])
def test_both_ways_of_counting_registers(base):
    measured = read_once(driver(address_base=base), device(base))
    assert {m.quantity: m.value for m in measured} == {
        Quantity.SURFACE_DISTANCE_M: 3.25,
        Quantity.SIGNAL_STRENGTH: 42,
        Quantity.DEVICE_TEMPERATURE_C: -5,
    }


def test_the_wrong_way_of_counting_is_not_taken_for_a_level():
    with pytest.raises((FrameMalformed, SensorRefused)):
        read_once(driver(address_base=0), device(1))


def test_the_instruments_own_mean():
    assert read_once(driver(distance="mean"), device())[0].value == 3.261


def test_its_own_tilt_makes_the_distance_vertical():
    measured = read_once(driver(own_tilt=True), device())
    assert measured[0].value == pytest.approx(3.25 * cos(radians(3)) * cos(radians(4)))
    assert (measured[3].quantity, measured[3].value) == (Quantity.TILT_DEG, 5)


def test_a_bad_radar_status_flags_the_distance():
    assert read_once(driver(), device(_1E=0))[0].flags is Flag.LOW_QUALITY


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"_01": 0}, ValueImpossible),
        ({"_01": 0xFFFF}, ValueImpossible),
        ({"_1E": 7}, FrameMalformed),
        ({"_2A": 90}, ValueImpossible),
    ],
)
def test_each_fault_of_a_value_has_its_error(given, error):
    with pytest.raises(error):
        read_once(driver(own_tilt=True), device(**given))


@pytest.mark.parametrize(
    ("distance", "error"), [((), FrameTruncated), ((1, 2), FrameTruncated), ((70000,), FrameMalformed)]
)
def test_each_fault_of_a_frame_has_its_error(distance, error):
    with pytest.raises(error):
        driver().decode(distance, (20, 40), (1,), (0, 0))
