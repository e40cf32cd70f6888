"""SHT4x: frames checked with crccheck, and adafruit's driver on random words."""

from __future__ import annotations

import random

import pytest
from crccheck.crc import Crc8Base

from kaga_edge.sensors import sht4x
from kaga_edge.sim.captured import CommandDevice, read_once
from kaga_edge.vocabulary.errors import ChecksumWrong, FrameTruncated, SensorSilent


class Crc8Sensirion(Crc8Base):
    _poly = 0x31
    _initvalue = 0xFF


def frame(t: int, h: int) -> bytes:
    words = (t.to_bytes(2, "big"), h.to_bytes(2, "big"))
    return b"".join(word + bytes((Crc8Sensirion.calc(word),)) for word in words)


@pytest.mark.parametrize(
    ("reply", "celsius", "percent"),
    [("2FD666C08233", -12.299, 87.999), ("41D43CD91663", 0.0004, 100.0), ("6422B37525BE", 23.4512, 51.2004)],
)
def test_the_vectors_come_out(reply, celsius, percent):
    temperature, humidity = sht4x.decode(bytes.fromhex(reply))
    assert temperature.value == pytest.approx(celsius, abs=0.0005)
    assert humidity.value == pytest.approx(percent, abs=0.0005)


@pytest.mark.parametrize(("raw", "percent"), [(0, 0.0), (0xFFFF, 100.0)])
def test_humidity_is_clipped_at_the_ends_of_the_scale(raw, percent):
    assert sht4x.decode(frame(26000, raw))[1].value == percent


def test_random_words_equal_adafruits_driver(repetitions, circuit_python_bus, monkeypatch):
    adafruit = pytest.importorskip("adafruit_sht4x", reason="adafruit-circuitpython-sht4x is the oracle")
    monkeypatch.setattr(adafruit.time, "sleep", lambda _: None)
    device = CommandDevice(0x44, {"89": frame(1, 2), "FD": frame(0, 0)})
    oracle = adafruit.SHT4x(circuit_python_bus(device))
    ours = sht4x.Driver(sht4x.Options())
    words = random.Random(44)
    for _ in range(repetitions):
        device.replies["FD"] = frame(words.randrange(0x10000), words.randrange(0x10000))
        assert [m.value for m in read_once(ours, device)] == pytest.approx(
            list(oracle.measurements), abs=1e-9
        )


@pytest.mark.parametrize("precision", ["high", "medium", "low"])
def test_each_precision_has_its_command(precision):
    command = {"high": "FD", "medium": "F6", "low": "E0"}[precision]
    driver = sht4x.Driver(sht4x.Options(precision=precision))
    assert read_once(driver, CommandDevice(0x44, {command: frame(26000, 30000)}))
    with pytest.raises(SensorSilent):
        read_once(driver, CommandDevice(0x44, {"89": frame(26000, 30000)}))


@pytest.mark.parametrize(
    ("reply", "error", "where"),
    [
        ("2FD667C08233", ChecksumWrong, "byte 2"),
        ("2FD666C08232", ChecksumWrong, "byte 5"),
        ("2FD666C082", FrameTruncated, "5 bytes"),
        ("000000000000", ChecksumWrong, "byte 2"),
    ],
)
def test_each_fault_has_its_error_and_place(reply, error, where):
    with pytest.raises(error, match=where):
        sht4x.decode(bytes.fromhex(reply))
