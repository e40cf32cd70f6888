"""Every chip an independent package is named for, against that package's own answers.

``packages.json`` holds them; it names versions and licences, and scripts/package_vectors.py makes it anew.
Packages small enough to be installed with the tests are asked live in the drivers' own test files. Meant:

- pamoja's BME280 is the datasheet's integer form, whose divisions cut: up to 0.015 degC below freezing,
  0.006 hPa, 0.0085 % from the double one. It cuts pressure off at 1100 hPa; here the limits of quality do.
- pamoja's DS18B20 rounds a temperature to the resolution's step; both then say the same.
- PyMLX90614 knows no PEC: the bytes get theirs here from crccheck.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import minimalmodbus
import pytest
from crccheck.crc import Crc8Smbus

from kaga_edge.core.checksums import crc16_modbus
from kaga_edge.sensors import ads1115, bme280, ds18b20, ina219, ina226, mlx90614, sht3x, sht4x

ANSWERS: dict[str, Any] = json.loads(Path(__file__).with_name("packages.json").read_text("utf-8"))


def cases(name: str) -> pytest.MarkDecorator:
    found = ANSWERS[name]
    assert len(found) >= 40
    return pytest.mark.parametrize("case", found, ids=range(len(found)))


def word(value: int) -> bytes:
    return value.to_bytes(2, "big")


class RecordedPort:
    """What minimalmodbus writes to and reads from: one recorded answer."""

    timeout, baudrate = 1.0, 1_000_000  # minimalmodbus rests 3.5 characters of this rate before each request
    is_open = True
    name = port = "recorded"

    def __init__(self, answer: bytes) -> None:
        self.answer, self.written = answer, b""

    def reset_input_buffer(self) -> None:
        pass

    open = close = reset_output_buffer = reset_input_buffer

    def write(self, data: bytes) -> None:
        self.written += data

    def read(self, count: int) -> bytes:
        given, self.answer = self.answer[:count], self.answer[count:]
        return given


def test_the_answers_say_who_gave_them_and_under_which_licence() -> None:
    for name in (
        "sht3x",
        "sht4x",
        "pamoja-sensors 0.",
        "PyMLX90614 0.",
        "uModbus 1.",
        "(MIT)",
        "(BSD)",
        "(MPL)",
    ):
        assert name in ANSWERS["made_by"]


@cases("sht3x")
def test_sensirions_own_sht3x_driver_agrees(case: dict[str, Any]) -> None:
    measured = [m.value for m in sht3x.decode(bytes.fromhex(case["reply"]))]
    assert measured == pytest.approx([case["celsius"], case["percent"]], abs=1e-9)


@cases("sht3x_pamoja")
def test_pamojas_sht3x_agrees(case: dict[str, Any]) -> None:
    measured = [m.value for m in sht3x.decode(bytes.fromhex(case["reply"]))]
    assert measured == pytest.approx([case["celsius"], case["percent"]], abs=2e-5)


@cases("sht4x")
def test_sensirions_own_sht4x_driver_agrees_but_for_the_clipping(case: dict[str, Any]) -> None:
    measured = [m.value for m in sht4x.decode(bytes.fromhex(case["reply"]))]
    clipped = min(max(case["percent"], 0.0), 100.0)
    assert measured == pytest.approx([case["celsius"], clipped], abs=1e-9)


@cases("bme280")
def test_pamojas_bme280_agrees_within_the_integer_forms_error(case: dict[str, Any]) -> None:
    part = bme280.decode_calibration(bytes.fromhex(case["main"]), bytes.fromhex(case["humidity"]))
    pressure, celsius, percent = (m.value for m in bme280.decode(bytes.fromhex(case["block"]), part))
    assert min(pressure, 1100.0) == pytest.approx(case["hectopascals"], abs=0.006)
    assert celsius == pytest.approx(case["celsius"], abs=0.015)
    assert percent == pytest.approx(case["percent"], abs=0.0085)


@cases("ds18b20")
def test_pamojas_ds18b20_agrees(case: dict[str, Any]) -> None:
    text = case["text"] if case["text"].endswith("\n") else case["text"] + "\n"
    assert ds18b20.decode(text.encode("ascii")) == case["celsius"]


@cases("ina219")
def test_pamojas_ina219_agrees(case: dict[str, Any]) -> None:
    volts, amperes, _ = ina219.Driver(ina219.Options(shunt_ohm=0.1)).decode(
        word(case["shunt"]), word(case["bus"])
    )
    assert (volts.value, amperes.value) == pytest.approx((case["bus_v"], case["shunt_v"] / 0.1), abs=1e-9)


@cases("ina226")
def test_pamojas_ina226_agrees(case: dict[str, Any]) -> None:
    volts, amperes, _ = ina226.Driver(ina226.Options(shunt_ohm=0.1)).decode(
        word(case["shunt"]), word(case["bus"])
    )
    assert (volts.value, amperes.value) == pytest.approx((case["bus_v"], case["shunt_v"] / 0.1), abs=1e-9)


@cases("ads1115")
def test_pamojas_ads1115_agrees(case: dict[str, Any]) -> None:
    assert ads1115.config_word(case["input"], 4.096) == case["config"]
    (current,) = ads1115.Driver(ads1115.Options(input=case["input"])).decode(word(case["code"]))
    assert current.value == pytest.approx(case["volts"] / 100 * 1000, abs=1e-9)


@cases("mlx90614")
def test_pymlx90614_agrees(case: dict[str, Any]) -> None:
    def reply(command: int) -> bytes:
        data = case["word"].to_bytes(2, "little")
        return data + bytes((Crc8Smbus.calc(bytes((0xB4, command, 0xB5)) + data),))

    surface, own = mlx90614.Driver(mlx90614.Options()).decode(reply(0x07), reply(0x06))
    assert (surface.value, own.value) == pytest.approx((case["celsius"],) * 2, abs=1e-9)


@cases("modbus")
def test_umodbus_frames_are_those_on_our_wire(case: dict[str, Any]) -> None:
    request, answer = bytes.fromhex(case["request"]), bytes.fromhex(case["answer"])
    assert struct.pack("<H", crc16_modbus(request[:-2])) == request[-2:]
    port = RecordedPort(answer)
    unit = minimalmodbus.Instrument(port, case["unit"])
    read = unit.read_registers(case["address"], case["count"], functioncode=case["function"])
    assert (port.written, read) == (request, case["words"])
