"""BME280: Bosch's example, register blocks worked with two programs, and RPi.bme280 on random blocks."""

from __future__ import annotations

import random

import pytest

from kaga_edge.sensors import bme280
from kaga_edge.sim.captured import RegisterDevice, read_once
from kaga_edge.vocabulary.errors import FrameMalformed, FrameTruncated, ValueImpossible, WrongSensor

MAIN = "696d1e683200828f75d6d00b441bfcfff9ffac260ad8bd10004b"
HUMIDITY = "6a01001327031e"
BLOCKS = [
    (HUMIDITY, "5091007eb5807148", 22.51667, 102771.8253, 50.08384),
    (HUMIDITY, "51c9806f158080e8", 2.17846, 98623.9773, 70.56240),
    (HUMIDITY, "53020068fb0088b8", -5.76490, 96538.2073, 80.18786),
    ("6a0105ffc4fee2", "5091007a12002328", 16.47828, 101779.9010, 53.40911),
]


def device(humidity=HUMIDITY, data="5091007eb5807148", identity=0x60, main=MAIN) -> RegisterDevice:
    registers = {0x88: main, 0xE1: humidity, 0xF7: data}
    return RegisterDevice(
        0x76, {0xD0: bytes((identity,)), **{at: bytes.fromhex(text) for at, text in registers.items()}}
    )


@pytest.mark.parametrize(("humidity", "data", "celsius", "pascal", "percent"), BLOCKS)
def test_whole_register_blocks_come_out(humidity, data, celsius, pascal, percent):
    pressure, temperature, wet = read_once(bme280.Driver(bme280.Options()), device(humidity, data))
    assert temperature.value == pytest.approx(celsius, abs=6e-6)
    assert pressure.value * 100 == pytest.approx(pascal, abs=6e-5)
    assert wet.value == pytest.approx(percent, abs=6e-6)


def test_boschs_own_example_comes_out():
    calibration = bme280.Calibration(
        t1=27504, t2=26435, t3=-1000,
        p1=36477, p2=-10685, p3=3024, p4=2855, p5=140, p6=-7, p7=15500, p8=-14600, p9=6000,
        h1=75, h2=355, h3=0, h4=340, h5=0, h6=30,
    )  # fmt: skip
    pascal, celsius, percent = bme280.compensate(calibration, 415148, 519888, 30000)
    assert celsius == pytest.approx(25.08, abs=0.005)
    assert pascal == pytest.approx(100653.267, abs=0.001)
    assert percent == pytest.approx(45.3667, abs=0.0001)


def test_h4_and_h5_share_a_byte_and_h3_is_unsigned():
    got = bme280.decode_calibration(bytes.fromhex(MAIN), bytes.fromhex("6a0105ffc4fee2"))
    assert (got.h3, got.h4, got.h5, got.h6) == (5, -12, -20, -30)
    assert bme280.decode_calibration(bytes.fromhex(MAIN), bytes.fromhex("6a01ff1327031e")).h3 == 255


@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")
def test_random_blocks_equal_rpi_bme280(repetitions):
    oracle = pytest.importorskip("bme280", reason="RPi.bme280 is the oracle")
    random_source = random.Random(280)

    class Smbus:  # a new bus each time: the package keeps the calibration by bus and address
        def __init__(self, memory):
            self.memory = memory

        def read_byte_data(self, _, register):
            return self.memory[register]

        def read_word_data(self, _, register):
            return self.memory[register] | self.memory[register + 1] << 8

    for _ in range(repetitions):
        memory = bytearray(random_source.randbytes(256))
        memory[0xE3] &= 0x7F  # H3: the package reads it signed, the datasheet says unsigned
        p, t, h = (random_source.randrange(1, n) for n in (1 << 20, 1 << 20, 1 << 16))
        calibration = bme280.decode_calibration(bytes(memory[0x88:0xA2]), bytes(memory[0xE1:0xE8]))
        ours = bme280.compensate(calibration, p, t, h)
        block = [
            p >> 12,
            p >> 4 & 0xFF,
            p << 4 & 0xF0,
            t >> 12,
            t >> 4 & 0xFF,
            t << 4 & 0xF0,
            h >> 8,
            h & 0xFF,
        ]
        theirs = oracle.compensated_readings(
            oracle.uncompensated_readings(block), oracle.load_calibration_params(Smbus(memory), 0x76)
        )
        assert ours == pytest.approx((theirs.pressure * 100, theirs.temperature, theirs.humidity), rel=1e-9)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ("8000007eb5807148", ValueImpossible),
        ("5091008000007148", ValueImpossible),
        ("5091007eb5808000", ValueImpossible),
        ("0000000000000000", FrameMalformed),
        ("ffffffffffffffff", FrameMalformed),
        ("5091007eb58071", FrameTruncated),
    ],
)
def test_each_fault_of_the_data_has_its_error(data, error):
    with pytest.raises(error):
        read_once(bme280.Driver(bme280.Options()), device(data=data))


@pytest.mark.parametrize("identity", [0x58, 0x00, 0xFF])
def test_another_part_is_not_taken_for_a_bme280(identity):
    with pytest.raises(WrongSensor):
        read_once(bme280.Driver(bme280.Options()), device(identity=identity))


def test_a_calibration_of_zeros_is_a_stuck_bus():
    with pytest.raises(FrameMalformed):
        read_once(bme280.Driver(bme280.Options()), device(main="00" * 26))
