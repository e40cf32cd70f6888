"""SHT4x: frames checked with crccheck, and adafruit's driver on random words."""

from __future__ import annotations

import random

import pytest
from crccheck.crc import Crc8Base

from kaga_edge.sensors import sht4x
from kaga_edge.sim.captured import CommandDevice, play, read_once
from kaga_edge.sim.chips import Sht4x
from kaga_edge.vocabulary.errors import ChecksumWrong, FrameTruncated, SensorSilent, WrongSensor
from kaga_edge.vocabulary.readings import Flag


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
    ours = sht4x.Driver(sht4x.Options(heater="off"))
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


@pytest.mark.parametrize("serial", ["BEEF92BEEF93", "FFFFFFFFFFFF", "BEEF92"])
def test_what_has_no_serial_number_is_another_sensor(serial):
    driver = sht4x.Driver(sht4x.Options())
    with pytest.raises(WrongSensor, match="check values"):
        play(driver.identify(), CommandDevice(0x44, {"89": bytes.fromhex(serial)}))
    play(driver.identify(), CommandDevice(0x44, {"89": bytes.fromhex("BEEF92BEEF92")}))


class Wet:
    """A chip at 10 degC whose air is as wet as told, and a clock moved by hand."""

    def __init__(self) -> None:
        self.percent, self.now_s = 99.0, 0.0
        self.chip = Sht4x(
            temperature_c=lambda: 10.0, humidity_pct=lambda: self.percent, timer=lambda: self.now_s
        )
        self.written: list[str] = []

    def hold(self, dialogue):
        try:
            request = next(dialogue)
            while True:
                self.written.append(request.write.hex().upper())
                self.chip.write(request.write)
                self.now_s += request.settle_s
                request = dialogue.send(self.chip.read(request.read_bytes) if request.read_bytes else b"")
        except StopIteration as end:
            return end.value


def polls(driver, wet, count, every_s=10.0):
    found = []
    for _ in range(count):
        wet.now_s += every_s
        found.append(wet.hold(driver.measure())[1])
    return found


@pytest.mark.parametrize(("heater", "command"), [("20mW", "1E"), ("110mW", "2F"), ("200mW", "39")])
def test_days_of_fog_are_interrupted_by_a_second_of_heat(heater, command):
    wet = Wet()
    driver = sht4x.Driver(sht4x.Options(heater=heater, heat_after_polls=30, settle_polls=4))
    values = [m.value is not None for m in polls(driver, wet, 34 + 30 + 2)]
    assert values == [True] * 30 + [False] * 4 + [True] * 30 + [False] * 2
    assert wet.chip.heated == wet.written.count(command) == 2
    cooling = polls(driver, wet, 1)[0]  # the third of four
    assert (cooling.value, cooling.flags) == (None, Flag.MISSING)


def test_nothing_is_sent_to_a_part_that_heats():
    wet = Wet()
    driver = sht4x.Driver(sht4x.Options(heater="200mW", heat_after_polls=30, settle_polls=2))
    values = [m.value is not None for m in polls(driver, wet, 34, every_s=1.0)]  # 1.1 s of heat: no answer
    assert values == [True] * 30 + [False] * 2 + [True] * 2


def test_dry_air_in_between_begins_the_count_anew_and_without_a_heater_nothing_is_heated():
    wet = Wet()
    driver = sht4x.Driver(sht4x.Options(heater="200mW", heat_after_polls=30))
    polls(driver, wet, 29)
    wet.percent = 80.0
    polls(driver, wet, 1)
    wet.percent = 99.0
    polls(driver, wet, 29)
    assert wet.chip.heated == 0
    polls(sht4x.Driver(sht4x.Options()), wet, 200)
    assert wet.chip.heated == 0
