"""DS18B20: the datasheet's values, the kernel's ways to say no, crccheck, and w1thermsensor."""

from __future__ import annotations

import random

import pytest
from crccheck.crc import Crc8Maxim
from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.sensors import ds18b20
from kaga_edge.sim.captured import OnewireCapture, read_once
from kaga_edge.vocabulary.errors import (
    ChecksumWrong,
    DecodeError,
    FrameMalformed,
    FrameTruncated,
    ValueImpossible,
)
from kaga_edge.vocabulary.quantities import Quantity


def w1_slave(scratchpad: bytes, *, said="YES", milli=None) -> bytes:
    """What the kernel writes of nine bytes."""
    shown = scratchpad.hex(" ")
    if milli is None:
        milli = int.from_bytes(scratchpad[:2], "little", signed=True) * 1000 // 16
    return f"{shown} : crc={scratchpad[8]:02x} {said}\n{shown} t={milli}\n".encode()


def scratchpad(steps: int, *, config=0x7F) -> bytes:
    body = steps.to_bytes(2, "little", signed=True) + bytes((0x4B, 0x46, config, 0xFF, 0x0F, 0x10))
    return body + bytes((Crc8Maxim.calc(body),))


@pytest.mark.parametrize(
    ("eight", "crc", "celsius"),
    [
        ("91 01 4b 46 7f ff 0f 10", 0x25, 25.0625),
        ("5e ff 4b 46 7f ff 02 10", 0xB6, -10.125),
        ("d0 07 4b 46 7f ff 00 10", 0xB9, 125.0),
        ("90 fc 4b 46 7f ff 10 10", 0xEE, -55.0),
    ],
)
def test_whole_scratchpads_come_out(eight, crc, celsius):
    text = w1_slave(bytes.fromhex(eight) + bytes((crc,)))
    (measured,) = read_once(ds18b20.Driver(ds18b20.Options()), OnewireCapture(text))
    assert (measured.quantity, measured.value) == (Quantity.AIR_TEMPERATURE_C, celsius)


@pytest.mark.parametrize(
    ("word", "celsius"),
    [(0x0191, 25.0625), (0x00A2, 10.125), (0x0008, 0.5), (0xFFF8, -0.5), (0xFF5E, -10.125),
     (0xFE6F, -25.0625), (0, 0.0)],
)  # fmt: skip
def test_the_datasheets_table_comes_out(word, celsius):
    steps = word - 0x10000 if word & 0x8000 else word
    assert ds18b20.decode(w1_slave(scratchpad(steps))) == celsius


@pytest.mark.parametrize(
    ("config", "celsius"), [(0x7F, 10.9375), (0x5F, 10.875), (0x3F, 10.75), (0x1F, 10.5)]
)
def test_undefined_bits_of_a_lower_resolution_are_masked(config, celsius):
    assert ds18b20.decode(w1_slave(scratchpad(0xAF, config=config))) == celsius


def test_random_temperatures_equal_w1thermsensor(repetitions, tmp_path, monkeypatch):
    monkeypatch.setenv("W1THERMSENSOR_NO_KERNEL_MODULE", "1")
    oracle = pytest.importorskip("w1thermsensor", reason="w1thermsensor is the oracle")
    monkeypatch.setattr(oracle.W1ThermSensor, "BASE_DIRECTORY", tmp_path)
    file = tmp_path / "28-0316a2795bff" / "w1_slave"
    file.parent.mkdir()
    file.write_bytes(w1_slave(scratchpad(401)))
    theirs = oracle.W1ThermSensor(oracle.Sensor.DS18B20, "0316a2795bff")
    numbers = random.Random(18)
    for _ in range(repetitions):
        steps = numbers.randrange(-880, 85 * 16)
        file.write_bytes(w1_slave(scratchpad(steps)))
        assert ds18b20.decode(file.read_bytes()) == pytest.approx(theirs.get_temperature(), abs=0.001)
    for bad in (b"", w1_slave(bytes(9)), w1_slave(scratchpad(401), said="NO"), w1_slave(scratchpad(85 * 16))):
        file.write_bytes(bad)
        with pytest.raises((oracle.SensorNotReadyError, oracle.ResetValueError)):
            theirs.get_temperature()
        with pytest.raises(DecodeError):
            ds18b20.decode(bad)


@pytest.mark.parametrize(
    ("text", "error", "what"),
    [
        (b"", FrameTruncated, "no text"),
        (b"\n", FrameTruncated, "no text"),
        (w1_slave(scratchpad(401))[:60], FrameTruncated, "byte 60"),
        (w1_slave(scratchpad(401)).upper(), FrameMalformed, "two lines"),
        (w1_slave(bytes(9)), FrameMalformed, "00"),
        (w1_slave(b"\xff" * 9), FrameMalformed, "FF"),
        (w1_slave(scratchpad(50), milli=25000), FrameMalformed, "DS18S20"),  # half degrees
        (w1_slave(scratchpad(401), said="NO"), ChecksumWrong, "NO"),
        (w1_slave(scratchpad(401)[:8] + b"\x26"), ChecksumWrong, "26"),
        (w1_slave(bytes.fromhex("50 05 4b 46 7f ff 0c 10 1c")), ValueImpossible, "power-on"),
        (w1_slave(scratchpad(400), milli=85000), ValueImpossible, "power-on"),
        (w1_slave(scratchpad(2047)), ValueImpossible, "supply"),
        (w1_slave(scratchpad(400), milli=127937), ValueImpossible, "supply"),
    ],
)
def test_each_fault_has_its_error(text, error, what):
    with pytest.raises(error, match=what):
        ds18b20.decode(text)


@given(st.binary(min_size=9, max_size=9), st.sampled_from(["YES", "NO"]), st.integers(-60000, 130000))
def test_any_nine_bytes_give_a_temperature_or_a_decode_error(nine, said, milli):
    try:
        celsius = ds18b20.decode(w1_slave(nine, said=said, milli=milli))
    except DecodeError:
        return
    assert -55 <= celsius <= 125


@given(st.text(max_size=120))
def test_any_text_gives_only_decode_errors(text):
    with pytest.raises(DecodeError):
        ds18b20.decode(text.encode())
