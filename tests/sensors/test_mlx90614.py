"""MLX90614: the datasheet's frames, PEC by crccheck, adafruit's driver on random words."""

from __future__ import annotations

import random

import pytest
from crccheck.crc import Crc8Smbus
from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.sensors import mlx90614
from kaga_edge.sim.captured import CommandDevice, play, read_once
from kaga_edge.sim.image import device_of, image_of
from kaga_edge.vocabulary.errors import ChecksumWrong, FrameTruncated, ValueImpossible, WrongSensor
from kaga_edge.vocabulary.readings import Flag


def reply(command: int, word: int) -> bytes:
    body = bytes((0xB4, command, 0xB5)) + word.to_bytes(2, "little")
    return body[3:] + bytes((Crc8Smbus.calc(body),))


def device(surface=0x3AD2, own=0x3AF7, emissivity=0xFFFF) -> CommandDevice:
    words = {0x07: surface, 0x06: own, 0x24: emissivity}
    return CommandDevice(0x5A, {f"{command:02X}": reply(command, word) for command, word in words.items()})


@pytest.mark.parametrize(
    ("frame", "celsius"), [("D23A30", 28.01), ("713126", -20.01), ("5A3503", 0.01), ("D43C5C", 38.29)]
)
def test_the_frames_come_out(frame, celsius):
    assert mlx90614.decode_celsius(0x07, bytes.fromhex(frame)) == pytest.approx(celsius, abs=1e-9)


@pytest.mark.parametrize(("word", "celsius"), [(0x27AD, -70.01), (0x3AF7, 28.75), (0x7FFF, 382.19)])
def test_the_range_of_the_datasheet_comes_out(word, celsius):
    assert mlx90614.decode_celsius(0x07, reply(0x07, word)) == pytest.approx(celsius, abs=1e-9)


def test_random_words_equal_adafruits_driver(repetitions, circuit_python_bus):
    adafruit = pytest.importorskip(
        "adafruit_mlx90614", reason="adafruit-circuitpython-mlx90614 is the oracle"
    )
    chip = device()
    oracle = adafruit.MLX90614(circuit_python_bus(chip))
    ours = mlx90614.Driver(mlx90614.Options())
    words = random.Random(90614)
    for _ in range(repetitions):
        chip.replies["07"] = reply(0x07, words.randrange(0x27AD, 0x8000))
        chip.replies["06"] = reply(0x06, words.randrange(0x2DE4, 0x4DC5))
        surface, own = read_once(ours, chip)
        assert surface.value == pytest.approx(oracle.object_temperature, abs=1e-9)
        assert own.value == pytest.approx(oracle.ambient_temperature, abs=1e-9)


def test_a_shiny_surface_is_corrected_with_what_it_mirrors():
    driver = mlx90614.Driver(mlx90614.Options(emissivity=0.9, reflected_c=-40.0))
    surface, _ = read_once(driver, device(surface=0x355A))  # 0.01 degC seen
    # Worked by hand: ((273.16^4 - 0.1 x 233.15^4) / 0.9)^(1/4) = 276.6531 K
    assert surface.value == pytest.approx(276.6531 - 273.15, abs=0.0002)
    assert surface.flags is Flag.GOOD


def test_without_knowing_what_is_mirrored_the_value_is_an_estimate():
    surface, _ = read_once(mlx90614.Driver(mlx90614.Options(emissivity=0.9)), device(own=0x3AD2))
    assert surface.value == pytest.approx(28.01)  # the sensor is as warm as the surface
    assert surface.flags is Flag.ESTIMATED


@given(st.floats(-60, 100), st.floats(-60, 60), st.floats(0.8, 0.99))
def test_correction_undoes_what_the_mirror_adds(surface_c, mirror_c, emissivity):
    power = emissivity * (surface_c + 273.15) ** 4 + (1 - emissivity) * (mirror_c + 273.15) ** 4
    assert mlx90614.surface_of(power**0.25 - 273.15, mirror_c, emissivity) == pytest.approx(
        surface_c, abs=1e-6
    )


def test_a_failed_own_temperature_does_not_lose_the_surface():
    surface, own = read_once(mlx90614.Driver(mlx90614.Options()), device(own=0x8123))
    assert surface.value == pytest.approx(28.01)
    assert (own.value, own.flags) == (None, Flag.MISSING)


def test_an_emissivity_set_in_the_sensor_and_here_is_remarked():
    driver = mlx90614.Driver(mlx90614.Options(emissivity=0.95))
    play(driver.identify(), device(emissivity=0xF333))
    assert "0.950" in driver.remarks[0]


def test_a_wrong_pec_at_the_start_is_another_sensor():
    chip = device()
    chip.replies["24"] = b"\x00\x00\x00"
    with pytest.raises(WrongSensor):
        play(mlx90614.Driver(mlx90614.Options()).identify(), chip)


def test_what_was_recorded_plays_back_although_replies_are_longer_than_their_distance():
    driver, exchanges = mlx90614.Driver(mlx90614.Options()), []
    expected = read_once(driver, device(), exchanges)
    assert read_once(driver, device_of(image_of(exchanges, address=0x5A))) == expected


@pytest.mark.parametrize(
    ("frame", "error", "where"),
    [
        ("D23A", FrameTruncated, "2 bytes"),
        ("D23A31", ChecksumWrong, "byte 2"),
        ("000000", ChecksumWrong, "byte 2"),
        (reply(0x07, 0x8123).hex(), ValueImpossible, "bit 15"),
        (reply(0x07, 0x27AC).hex(), ValueImpossible, "27AC"),
    ],
)
def test_each_fault_has_its_error_and_place(frame, error, where):
    with pytest.raises(error, match=where):
        mlx90614.decode_celsius(0x07, bytes.fromhex(frame))
