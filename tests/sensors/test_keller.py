"""KELLER Series 30: the maker's frames, and pymodbus and minimalmodbus on random floats."""

from __future__ import annotations

import random
import struct

import minimalmodbus
import pytest
from pymodbus.client.mixin import ModbusClientMixin

from kaga_edge.core.checksums import crc16_modbus
from kaga_edge.sensors import keller
from kaga_edge.sim.captured import ModbusDevice, read_once
from kaga_edge.sim.image import device_of
from kaga_edge.vocabulary.errors import FrameMalformed, FrameTruncated, ValueImpossible
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag


def words(frame: str) -> tuple[int, ...]:
    """The registers in a reply of function 3, its check value verified."""
    data = bytes.fromhex(frame)
    assert crc16_modbus(data[:-2]) == int.from_bytes(data[-2:], "little")
    return struct.unpack(f">{data[2] // 2}H", data[3:-2])


PRESSURE = words("01 03 04 3F 75 F0 7B E3 DE")
TOB1 = words("01 03 04 41 B5 C0 79 6E 0B")


@pytest.mark.parametrize(
    ("frame", "value", "within"),
    [
        ("01 03 04 3F 75 F0 7B E3 DE", 0.960701, 5e-7),
        ("01 03 04 3F 76 06 E0 15 D5", 0.961042, 5e-7),
        ("01 03 04 41 B5 C0 79 6E 0B", 22.719, 5e-4),
        ("01 03 04 3F 81 B2 2D 12 B2", 1.01325, 5e-8),
    ],
)
def test_the_makers_frames_come_out(frame, value, within):
    assert keller.decode_float(words(frame), 2) == pytest.approx(value, abs=within)


def test_the_packed_block_of_the_manual_holds_both_values():
    block = words("01 03 08 3F 75 E3 D2 41 B6 1C 20 A0 C7")
    assert keller.decode_float(block[:2], 0x100) == pytest.approx(0.960508, abs=5e-7)
    assert keller.decode_float(block[2:], 0x102) == pytest.approx(22.7637, abs=5e-5)


@pytest.mark.parametrize(
    "frame",
    ["01 03 04 7F C0 00 00 E3 DB", "01 03 04 7F 80 00 00 E2 0F", "01 03 04 FF 80 00 00 CB CF"],
)
def test_nan_and_the_infinities_are_no_value(frame):
    with pytest.raises(ValueImpossible):
        keller.decode_float(words(frame), 2)


def test_random_floats_equal_pymodbus_and_minimalmodbus(repetitions):
    numbers = random.Random(30)
    for _ in range(repetitions):
        value = struct.unpack(">f", struct.pack(">f", numbers.uniform(-300, 300)))[0]
        registers = tuple(ModbusClientMixin.convert_to_registers(value, ModbusClientMixin.DATATYPE.FLOAT32))
        assert keller.decode_float(registers, 2) == value
        instrument_bytes = struct.pack(">2H", *registers)
        assert minimalmodbus._bytes_to_float(instrument_bytes, 2, minimalmodbus.BYTEORDER_BIG) == value


@pytest.mark.parametrize(
    ("pressure", "quantity"),
    [("gauge", Quantity.GAUGE_PRESSURE_HPA), ("absolute", Quantity.WATER_PRESSURE_HPA)],
)
def test_pressure_and_temperature_are_read(pressure, quantity):
    device = ModbusDevice(1, dict(zip((2, 3, 8, 9), (*PRESSURE, *TOB1), strict=True)), {})
    measured = read_once(keller.Driver(keller.Options(pressure=pressure)), device)
    assert [(m.quantity, m.value) for m in measured] == [
        (quantity, pytest.approx(960.701, abs=5e-4)),
        (Quantity.WATER_TEMPERATURE_C, pytest.approx(22.719, abs=5e-4)),
    ]


def test_a_failed_thermometer_does_not_lose_the_pressure():
    device = ModbusDevice(1, dict(zip((2, 3, 8, 9), (*PRESSURE, 0x7FC0, 0), strict=True)), {})
    pressure, temperature = read_once(keller.Driver(keller.Options()), device)
    assert pressure.value == pytest.approx(960.701, abs=5e-4)
    assert (temperature.value, temperature.flags) == (None, Flag.MISSING)


def test_a_probe_without_a_thermometer_is_asked_for_pressure_only():
    device = ModbusDevice(1, {2: PRESSURE[0], 3: PRESSURE[1]}, {})
    assert len(read_once(keller.Driver(keller.Options(temperature="none")), device)) == 1


@pytest.mark.parametrize(
    ("registers", "error"), [((1,), FrameTruncated), ((1, 70000), FrameMalformed), ((-1, 0), FrameMalformed)]
)
def test_each_fault_has_its_error(registers, error):
    with pytest.raises(error):
        keller.decode_float(registers, 2)


def test_firmware_without_the_temperature_channel_still_gives_the_pressure():
    driver = keller.Driver(keller.Options())
    image = device_of({"unit": 1, "holding": {"2": [16247, 61563]}, "input": {}})
    pressure, temperature = read_once(driver, image)
    assert pressure.value == pytest.approx(968.513, abs=1e-3)  # 0x3F77 F07B as float32 is 0.968513 bar
    assert (temperature.value, temperature.flags) == (None, Flag.MISSING)
