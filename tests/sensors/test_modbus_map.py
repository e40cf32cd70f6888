"""Generic Modbus table: every type against pymodbus and minimalmodbus, invalid values, faulty tables."""

from __future__ import annotations

import random
import struct

import minimalmodbus
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.client.mixin import ModbusClientMixin

from kaga_edge.sensors import modbus_map
from kaga_edge.sensors.modbus_map import Register
from kaga_edge.sim.captured import ModbusDevice, read_once
from kaga_edge.vocabulary.errors import (
    FrameMalformed,
    FrameTruncated,
    KagaError,
    SensorRefused,
    ValueImpossible,
)
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag

TYPES = ModbusClientMixin.DATATYPE
PYMODBUS = {
    "u16": TYPES.UINT16, "s16": TYPES.INT16, "u32": TYPES.UINT32, "s32": TYPES.INT32, "f32": TYPES.FLOAT32,
}  # fmt: skip
RANGES = {"u16": (0, 2**16), "s16": (-(2**15), 2**15), "u32": (0, 2**32), "s32": (-(2**31), 2**31)}


def entry(**given) -> Register:
    return Register(**{"quantity": "surface_distance", "address": 1, **given})


def driver(*registers, **options) -> modbus_map.Driver:
    return modbus_map.Driver(modbus_map.Options(registers=registers, **options))


@pytest.mark.parametrize(
    ("kind", "invalid", "words"),
    [
        ("s16", -9999, (0xD8F1,)),  # what a manual prints: it was read as -999.9
        ("s16", 0xD8F1, (0xD8F1,)),
        ("s32", -1, (0xFFFF, 0xFFFF)),
        ("f32", -9999, struct.unpack(">HH", struct.pack(">f", -9999.0))),
    ],
)
def test_an_invalid_value_may_be_written_as_the_manual_prints_it(kind, invalid, words):
    with pytest.raises(ValueImpossible, match="no value"):
        modbus_map.decode(entry(type=kind, scale=0.1, invalid=(invalid,)), words)


@pytest.mark.parametrize("kind", list(PYMODBUS))
@pytest.mark.parametrize("order", ["high_first", "low_first"])
def test_random_values_of_every_type_equal_pymodbus(kind, order, repetitions):
    numbers = random.Random(kind + order)
    for _ in range(repetitions):
        value = (
            struct.unpack(">f", struct.pack(">f", numbers.uniform(-1e6, 1e6)))[0]
            if kind == "f32"
            else numbers.randrange(*RANGES[kind])
        )
        words = ModbusClientMixin.convert_to_registers(
            value, PYMODBUS[kind], word_order="big" if order == "high_first" else "little"
        )
        assert modbus_map.decode(entry(type=kind, word_order=order), tuple(words)) == value


def test_random_long_numbers_equal_minimalmodbus(repetitions):
    numbers = random.Random(32)
    for _ in range(repetitions):
        value = numbers.randrange(-(2**31), 2**31)
        data = minimalmodbus._long_to_bytes(value, signed=True, number_of_registers=2)
        assert modbus_map.decode(entry(type="s32"), struct.unpack(">2H", data)) == value


def test_a_scaled_signed_value_with_an_offset():
    # Lambrecht: int16 in tenths, -9999 (D8F1) is no value
    gauge = entry(quantity="air_temperature", type="s16", scale=0.1, offset=-0.5, invalid=(0xD8F1,))
    assert modbus_map.decode(gauge, (0xFFD6,)) == pytest.approx(-4.7)
    with pytest.raises(ValueImpossible, match="D8F1"):
        modbus_map.decode(gauge, (0xD8F1,))


@pytest.mark.parametrize("words", [(0x7FC0, 0), (0x7F80, 0), (0xFF80, 0)])
def test_nan_and_the_infinities_are_no_value(words):
    with pytest.raises(ValueImpossible):
        modbus_map.decode(entry(type="f32"), words)


@pytest.mark.parametrize("raw", [29, 4501])
def test_a_value_outside_its_bounds_is_no_value(raw):
    with pytest.raises(ValueImpossible, match="outside"):
        modbus_map.decode(entry(scale=0.001, least=0.03, most=4.5), (raw,))


def test_a_manual_that_counts_from_one_is_sent_one_less():
    device = ModbusDevice(1, {0: 1234}, {})
    (level,) = read_once(driver(entry(scale=0.001), address_base=1), device)
    assert level.value == pytest.approx(1.234)
    with pytest.raises(SensorRefused):
        read_once(driver(entry(scale=0.001)), device)


def test_input_and_holding_registers_are_told_apart():
    device = ModbusDevice(1, {1: 10}, {1: 20})
    measured = read_once(driver(entry(), entry(quantity="snow_depth", function=4)), device)
    assert [m.value for m in measured] == [10, 20]


def test_only_the_first_register_decides_over_the_sample():
    device = ModbusDevice(1, {1: 10, 2: 0xFFFF}, {})
    second = entry(quantity="signal_strength", address=2, invalid=(0xFFFF,))
    measured = read_once(driver(entry(), second), device)
    assert [(m.value, m.flags) for m in measured] == [(10, Flag.GOOD), (None, Flag.MISSING)]
    with pytest.raises(ValueImpossible):
        read_once(driver(second, entry()), device)


def test_a_later_register_that_the_firmware_does_not_have_loses_only_itself():
    device = ModbusDevice(1, {1: 10}, {})  # refuses 2 with exception 2
    measured = read_once(driver(entry(), entry(quantity="signal_strength", address=2)), device)
    assert [(m.value, m.flags) for m in measured] == [(10, Flag.GOOD), (None, Flag.MISSING)]
    with pytest.raises(SensorRefused):
        read_once(driver(entry(quantity="signal_strength", address=2), entry()), device)


def test_plain_tables_from_toml_are_taken():
    options = modbus_map.Options(registers=({"quantity": "rain", "address": 3, "invalid": [1]},))
    assert options.registers == (Register(quantity="rain", address=3, invalid=(1,)),)
    assert modbus_map.Driver(options).quantities == (Quantity.RAIN_MM,)


@pytest.mark.parametrize(
    ("registers", "what"),
    [
        ((), "empty"),
        ((entry(quantity="levle"),), "levle"),
        ((entry(), entry(address=2)), "twice"),
        ((entry(address=70000),), "70000"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused_at_start(registers, what):
    with pytest.raises(KagaError, match=what):
        driver(*registers)


@given(st.sampled_from(list(PYMODBUS)), st.lists(st.integers(0, 0xFFFF), min_size=2, max_size=2))
def test_any_registers_give_a_finite_number_or_a_decode_error(kind, words):
    register = entry(type=kind)
    try:
        value = modbus_map.decode(register, tuple(words[: modbus_map._count(register)]))
    except ValueImpossible:
        return
    assert value == value
    assert abs(value) < float("inf")


@pytest.mark.parametrize(
    ("words", "error"), [((1, 2), FrameTruncated), ((70000,), FrameMalformed), ((-1,), FrameMalformed)]
)
def test_each_fault_has_its_error(words, error):
    with pytest.raises(error):
        modbus_map.decode(entry(), words)
