"""Device images: what each form answers, faults in files, and recordings that play back."""

from __future__ import annotations

import json

import pytest

from kaga_edge.sensors import (
    a02yyuw,
    ads1115,
    bme280,
    ds18b20,
    keller,
    load,
    ms5837,
    pi_power,
    sht4x,
    tipping_bucket,
)
from kaga_edge.sim.captured import CommandDevice, ImageFault, ModbusDevice, RegisterDevice, play, read_once
from kaga_edge.sim.image import device_of, hex_bytes, image_of, load_image
from kaga_edge.vocabulary.errors import FrameTruncated, SensorRefused, SensorSilent
from kaga_edge.vocabulary.requests import I2cTransfer

CALIBRATION = "696d1e683200828f75d6d00b441bfcfff9ffac260ad8bd10004b"
BME280 = {
    "address": 118,
    "registers": {"0x88": CALIBRATION, "0xD0": "60", "0xE1": "6a01001327031e", "0xF7": "5091007eb5807148"},
}
MS5837 = {
    "address": 118,
    "replies": {
        "A0": "9340", "A2": "88A6", "A4": "8E00", "A6": "4F68", "A8": "5752", "AA": "6816", "AC": "6622",
        "4A:00": "4BA7E3", "5A:00": "67FEB6",
    },
}  # fmt: skip
SHT4X = {"address": 68, "replies": {"FD": "2FD666C08233"}}
ADS1115 = {"address": 72, "registers": {"0x00": "2580"}}
KELLER = {"unit": 1, "holding": {"2": [16245, 61563], "8": [16821, 49273]}, "input": {}}
SERIAL = {"frames": ["FF07A1A7"]}
EDGES = {
    "start_ns": 0,
    "end_ns": 60_000_000_000,
    "edges": [[1_000_000_000, 17, True], [1_100_000_000, 17, False]],
}
W1_SLAVE = {"w1_slave": "91 01 4b 46 7f ff 0f 10 25 : crc=25 YES\n91 01 4b 46 7f ff 0f 10 25 t=25062\n"}
HOST = {"host": {"throttled": "throttled=0x50005", "under_voltage": "0", "cpu_temperature": "48312"}}

EVERY_FORM = [
    (bme280, {}, BME280, [1027.718, 22.517, 50.084]),
    (ms5837, {"variant": "30BA"}, MS5837, [3999.840, 19.814]),
    (sht4x, {}, SHT4X, [-12.299, 87.999]),
    (ads1115, {}, ADS1115, [12.0]),
    (keller, {}, KELLER, [960.701, 22.719]),
    (a02yyuw, {}, SERIAL, [1.953]),
    (tipping_bucket, {"gpio": 17}, EDGES, [0.5, 0.5, 1, 30.0, 0.0]),
    (ds18b20, {}, W1_SLAVE, [25.0625]),
    (pi_power, {}, HOST, [1, 1, 1, 48.312]),
]


def driver_of(module, options):
    return module.Driver(module.Options(**options))


@pytest.mark.parametrize(("module", "options", "body", "expected"), EVERY_FORM)
def test_every_form_plays_to_its_driver(module, options, body, expected):
    measured = read_once(driver_of(module, options), device_of(body))
    assert [m.value for m in measured] == [pytest.approx(value, abs=0.0006) for value in expected]


@pytest.mark.parametrize(("module", "options", "body", "expected"), EVERY_FORM)
def test_what_was_recorded_plays_back_the_same(module, options, body, expected):
    exchanges = []
    seen = read_once(driver_of(module, options), device_of(body), exchanges)
    recorded = json.loads(json.dumps(image_of(exchanges, address=body.get("address", body.get("unit")))))
    assert read_once(driver_of(module, options), device_of(recorded)) == seen
    assert (set(recorded) & {"registers", "replies", "holding", "frames", "edges"}) == (
        set(body) & {"registers", "replies", "holding", "frames", "edges"}
    )


def test_two_polls_recorded_in_a_row_play_back_the_last():
    exchanges, driver = [], driver_of(ms5837, {"variant": "30BA"})
    part = device_of(MS5837)
    read_once(driver, part, exchanges)
    part.replies["4A:00"] = bytes.fromhex("4BA7E4")
    last = play(driver.measure(), part, exchanges)
    assert read_once(driver_of(ms5837, {"variant": "30BA"}), device_of(image_of(exchanges))) == last


def test_registers_count_upwards_over_neighbouring_entries():
    part = RegisterDevice(1, {0x10: b"\x01\x02\x03", 0x13: b"\x04"})
    part.write(b"\x11")
    assert part.read(8) == b"\x02\x03\x04"


def test_what_is_written_to_a_register_is_read_back():
    part = device_of(BME280)
    part.write(b"\xf4\x25")
    part.write(b"\xf4")
    assert part.read(1) == b"\x25"


@pytest.mark.parametrize("body", [ADS1115, {**ADS1115, "register_bytes": 2}])
def test_words_do_not_run_into_each_other(body):
    part = device_of(body)
    part.write(b"\x01\xc3\x83")
    part.write(b"\x00")
    assert part.read(2) == b"\x25\x80"
    part.write(b"\x01")
    assert part.read(2) == b"\xc3\x83"


def test_a_reply_can_depend_on_the_command_before():
    part = CommandDevice(1, {"00": b"\x01", "4A:00": b"\x02", "F3": b"\x03", "F32D": b"\x04"})
    answers = []
    for before, command in ((b"\x4a", b"\x00"), (b"\x5a", b"\x00"), (b"", b"\xf3\x2d"), (b"", b"\xf3\x11")):
        part.write(before)
        part.write(command)
        answers.append(part.read(1))
    assert answers == [b"\x02", b"\x01", b"\x04", b"\x03"]


@pytest.mark.parametrize(
    ("part", "request_"),
    [
        (RegisterDevice(1, {0x10: b"\x01"}), I2cTransfer(write=b"\x11", read_bytes=1)),
        (RegisterDevice(1, {0x10: b"\x01"}), I2cTransfer(read_bytes=1)),
        (CommandDevice(1, {"FD": b"\x01"}), I2cTransfer(write=b"\xf6", read_bytes=1)),
        (CommandDevice(1, {"FD": b"\x01"}), I2cTransfer(read_bytes=1)),
    ],
)
def test_what_the_image_does_not_hold_is_silent(part, request_):
    def dialogue():
        return (yield request_)

    with pytest.raises(SensorSilent):
        play(dialogue(), part)


def test_a_missing_modbus_register_is_refused_as_a_unit_would():
    with pytest.raises(SensorRefused, match="exception 2"):
        ModbusDevice(1, {2: 1}, {}).registers(3, 2, 2)
    with pytest.raises(SensorRefused, match="exception 1"):
        ModbusDevice(1, {2: 1}, {}).registers(6, 2, 1)


def test_a_capture_that_ends_early_is_a_length_error():
    body = {**BME280, "registers": {**BME280["registers"], "0xF7": "5091007eb580"}}
    with pytest.raises(FrameTruncated):
        read_once(driver_of(bme280, {}), device_of(body))


def test_an_error_of_the_device_ends_the_dialogue():
    ended = []

    def dialogue():
        try:
            yield I2cTransfer(write=b"\x11", read_bytes=1)
        finally:
            ended.append(True)

    with pytest.raises(SensorSilent):
        play(dialogue(), RegisterDevice(1, {0x10: b"\x01"}))
    assert ended == [True]


def test_words_with_a_check_byte_behind_them_overwrote_their_neighbours():
    """The maker's own frame of register 07 (28.01 degC), and 22.25 degC in 06 with its PEC by crccheck."""
    image = {"address": 90, "registers": {"0x07": "D23A30", "0x06": "B239DA"}}
    readings = read_once(driver_of(load("mlx90614"), {}), device_of(image))
    assert [one.value for one in readings] == pytest.approx([28.01, 22.25])


def test_what_is_written_is_read_back_from_the_middle_of_an_entry_too():
    part = RegisterDevice(1, {0x10: b"\x01\x02\x03"})
    part.write(b"\x11\x07")
    part.write(b"\x10")
    assert part.read(3) == b"\x01\x07\x03"


@pytest.mark.parametrize("wrong", [SHT4X, KELLER, SERIAL, EDGES])
def test_an_image_of_another_kind_of_device_is_a_clear_fault(wrong):
    driver = driver_of(
        load("tipping_bucket" if wrong is not EDGES else "sht4x"), {"gpio": 17} if wrong is not EDGES else {}
    )
    with pytest.raises(ImageFault, match="the driver asks for"):
        read_once(driver, device_of(wrong))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("[]", "not a JSON object"),
        ("{}", "none of registers"),
        ("{", "line 1"),
        ('{"registers": []}', "registers is not an object"),
        ('{"registers": {"0x1FF": "00"}}', "register 0x1FF"),
        ('{"registers": {"x": "00"}}', "register x"),
        ('{"registers": {"0x88": "0"}}', "register 0x88 is not hex"),
        ('{"registers": {"0x88": 5}}', "register 0x88 is not hex"),
        ('{"address": 300, "registers": {}}', "address is 300"),
        ('{"registers": {}, "register_bytes": 3}', "register_bytes"),
        ('{"replies": {"zz": "00"}}', "command zz"),
        ('{"replies": {"A:B:C": "00"}}', "command A:B:C"),
        ('{"replies": {"": "00"}}', "command"),
        ('{"holding": {"2": 5}}', "holding 2 is not a list"),
        ('{"holding": {"2": [70000]}}', "holding 2, entry 0"),
        ('{"holding": {"2": [true]}}', "holding 2, entry 0"),
        ('{"frames": "FF"}', "frames is not a list"),
        ('{"frames": ["FG"]}', "frame 0"),
        ('{"edges": [[1, 2]]}', "edges is not a list"),
        ('{"edges": []}', "start_ns"),
    ],
)
def test_a_fault_in_a_file_names_the_file_and_the_entry(tmp_path, text, names):
    path = tmp_path / "image.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ImageFault) as fault:
        load_image(path)
    assert names in fault.value.what
    assert fault.value.where == str(path)


def test_a_file_that_is_not_there_is_a_clear_fault(tmp_path):
    with pytest.raises(ImageFault, match="No such file"):
        load_image(tmp_path / "none.json")


def test_a_file_that_is_not_text_is_a_clear_fault(tmp_path):
    path = tmp_path / "image.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ImageFault, match="UTF-8"):
        load_image(path)


@pytest.mark.parametrize("text", ["FF07A1A7", "FF 07 A1 A7", "0xFF 0x07, 0xA1 0xA7", "ff:07:a1:a7"])
def test_hex_is_read_however_it_is_written(text):
    assert hex_bytes(text) == b"\xff\x07\xa1\xa7"
