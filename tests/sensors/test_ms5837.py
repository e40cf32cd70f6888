"""MS5837: the datasheets' examples and public float vectors."""

from __future__ import annotations

import pytest

from kaga_edge.sensors import ms5837
from kaga_edge.sim.captured import CommandDevice, read_once
from kaga_edge.vocabulary.errors import ChecksumWrong, FrameMalformed, FrameTruncated, ValueImpossible

C30 = (34982, 36352, 20328, 22354, 26646, 26146)
C02 = (46372, 43981, 29059, 27842, 31553, 28165)
PROM = {"30BA": (0x9340, *C30), "02BA": (0x52A0, *C02)}


def device(words, d1: int, d2: int) -> CommandDevice:
    replies = {f"{0xA0 + 2 * i:02X}": word.to_bytes(2, "big") for i, word in enumerate(words)}
    return CommandDevice(0x76, {**replies, "4A:00": d1.to_bytes(3, "big"), "5A:00": d2.to_bytes(3, "big")})


def driver(variant: str) -> ms5837.Driver:
    return ms5837.Driver(ms5837.Options(variant=variant))


@pytest.mark.parametrize(
    ("variant", "c", "d1", "d2", "temperature_c", "pressure_hpa"),
    [
        ("30BA", C30, 4958179, 6815414, 19.81405, 3999.84028),
        ("30BA", C30, 4958179, 7400000, 37.98610, 4095.76926),
        ("30BA", C30, 4600000, 6100000, -4.30160, 1622.99820),
        ("30BA", C30, 4600000, 5500000, -27.28321, 1636.89752),
        ("02BA", C02, 6465444, 8077636, 20.00228, 1100.02958),
        ("02BA", C02, 6465444, 8500000, 34.18328, 1134.17056),
        ("02BA", C02, 6400000, 7500000, -0.45996, 1023.19635),
        ("02BA", C02, 6400000, 6900000, -23.97650, 968.26562),
    ],
)
def test_the_float_vectors_come_out(variant, c, d1, d2, temperature_c, pressure_hpa):
    pressure, temperature = ms5837.compensate(variant, c, d1, d2)
    assert temperature == pytest.approx(temperature_c, abs=6e-6)
    assert pressure == pytest.approx(pressure_hpa, abs=6e-6)


@pytest.mark.parametrize(
    ("variant", "d1", "d2", "temp_counts", "p_counts", "counts_per_hpa"),
    [("30BA", 4958179, 6815414, 1981, 39998, 10), ("02BA", 6465444, 8077636, 2000, 110002, 100)],
)
def test_the_datasheets_integers_are_met_within_one_count(
    variant, d1, d2, temp_counts, p_counts, counts_per_hpa
):
    pressure, temperature = read_once(driver(variant), device(PROM[variant], d1, d2))
    assert abs(pressure.value * counts_per_hpa - p_counts) <= 1
    assert abs(temperature.value * 100 - temp_counts) <= 1


@pytest.mark.parametrize(("word0", "c", "variant"), [(0x2000, C30, "30BA"), (0x8000, C02, "02BA")])
def test_an_old_part_with_product_id_0_is_accepted_in_silence(word0, c, variant):
    sensor = driver(variant)
    read_once(sensor, device((word0, *c), 4958179, 6815414))
    assert sensor.remarks == ()


def test_the_wrong_variant_is_remarked_upon_but_measured():
    sensor = driver("02BA")
    read_once(sensor, device(PROM["30BA"], 4958179, 6815414))
    assert "0x1A" in sensor.remarks[0]


@pytest.mark.parametrize(
    ("bad_key", "reply", "error"),
    [
        ("A2", b"\x88\xa7", ChecksumWrong),
        ("AC", b"\x66", FrameTruncated),
        ("4A:00", b"\0\0\0", ValueImpossible),
        ("5A:00", b"\0\0\0", ValueImpossible),
        ("5A:00", b"\xff\xff\xff", ValueImpossible),
        ("4A:00", b"\x4b\xa7", FrameTruncated),
    ],
)
def test_each_fault_has_its_error(bad_key, reply, error):
    part = device(PROM["30BA"], 4958179, 6815414)
    part.replies[bad_key] = reply
    with pytest.raises(error):
        read_once(driver("30BA"), part)


def test_a_prom_of_zeros_is_a_stuck_bus_though_its_crc_is_right():
    with pytest.raises(FrameMalformed, match="stuck"):
        read_once(driver("30BA"), device((0,) * 7, 1, 1))
