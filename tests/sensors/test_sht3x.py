"""SHT3x: frames checked with crccheck, and adafruit's driver on random words."""

from __future__ import annotations

import random

import pytest
from crccheck.crc import Crc8Base

from kaga_edge.sensors import sht3x
from kaga_edge.sim.captured import CommandDevice, play, read_once
from kaga_edge.vocabulary.errors import ChecksumWrong, FrameTruncated, SensorSilent, WrongSensor


class Crc8Sensirion(Crc8Base):
    _poly = 0x31
    _initvalue = 0xFF


def frame(*words: int) -> bytes:
    each = [word.to_bytes(2, "big") for word in words]
    return b"".join(word + bytes((Crc8Sensirion.calc(word),)) for word in each)


def device(reply: bytes, command="2400") -> CommandDevice:
    return CommandDevice(0x44, {"F32D": frame(0x8010), command: reply})


@pytest.mark.parametrize(
    ("reply", "celsius", "percent"),
    [("2FD666E147A9", -12.299, 88.0), ("41D43CFFFFAC", 0.0004, 100.0), ("6422B38312AE", 23.4512, 51.2)],
)
def test_the_vectors_come_out(reply, celsius, percent):
    temperature, humidity = read_once(sht3x.Driver(sht3x.Options()), device(bytes.fromhex(reply)))
    assert temperature.value == pytest.approx(celsius, abs=0.0005)
    assert humidity.value == pytest.approx(percent, abs=0.0005)


def test_random_words_equal_adafruits_driver(repetitions, circuit_python_bus, monkeypatch):
    adafruit = pytest.importorskip("adafruit_sht31d", reason="adafruit-circuitpython-sht31d is the oracle")
    monkeypatch.setattr(adafruit.time, "sleep", lambda _: None)
    both = device(frame(0, 0))
    oracle = adafruit.SHT31D(circuit_python_bus(both))
    ours = sht3x.Driver(sht3x.Options())
    words = random.Random(31)
    for _ in range(repetitions):
        both.replies["2400"] = frame(words.randrange(0x10000), words.randrange(0x10000))
        expected = oracle.temperature, oracle.relative_humidity
        assert [m.value for m in read_once(ours, both)] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("precision", "command"), [("high", "2400"), ("medium", "240B"), ("low", "2416")])
def test_each_precision_has_its_command_without_clock_stretching(precision, command):
    driver = sht3x.Driver(sht3x.Options(precision=precision))
    assert read_once(driver, device(frame(26000, 30000), command))
    with pytest.raises(SensorSilent):
        read_once(driver, device(frame(26000, 30000), "2C06"))


@pytest.mark.parametrize("status", ["801000", "8010", "FFFFFF", "000000"])
def test_what_has_no_status_word_is_another_sensor(status):
    other = CommandDevice(0x44, {"F32D": bytes.fromhex(status)})
    with pytest.raises(WrongSensor):
        play(sht3x.Driver(sht3x.Options()).identify(), other)


@pytest.mark.parametrize(
    ("reply", "error", "where"),
    [
        ("2FD667E147A9", ChecksumWrong, "byte 2"),
        ("2FD666E147A8", ChecksumWrong, "byte 5"),
        ("2FD666E147", FrameTruncated, "5 bytes"),
        ("000000000000", ChecksumWrong, "byte 2"),
    ],
)
def test_each_fault_has_its_error_and_place(reply, error, where):
    with pytest.raises(error, match=where):
        sht3x.decode(bytes.fromhex(reply))
