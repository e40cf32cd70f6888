"""The simulated chips say what the real ones would: maker's vectors, then the drivers' own ears."""

import errno

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from kaga_edge.sim.chips import Ads1115, Bme280, Ms5837, Sht4x, lowest
from kaga_edge.vocabulary.errors import ValueImpossible

fixtures_are_fine = settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def test_ms5837_decodes_its_own_counts_as_the_datasheet_prints():
    chip = Ms5837(pressure_hpa=lambda: 0, temperature_c=lambda: 0)
    assert chip.decoded(6465444, 8077636) == pytest.approx((1100.02958, 20.00228), abs=1e-4)
    assert chip.decoded(6400000, 6900000) == pytest.approx((968.26562, -23.97650), abs=1e-4)
    assert chip.decoded(6465444, 8500000) == pytest.approx((1134.17056, 34.18328), abs=1e-4)


def test_ms5837_30ba_decodes_its_own_counts_as_the_datasheet_prints():
    chip = Ms5837(pressure_hpa=lambda: 0, temperature_c=lambda: 0, variant="30BA")
    assert chip.decoded(4958179, 6815414) == pytest.approx((3999.84028, 19.81405), abs=1e-4)
    assert chip.decoded(4600000, 5500000) == pytest.approx((1636.89752, -27.28321), abs=1e-4)
    assert chip.decoded(4958179, 7400000) == pytest.approx((4095.76926, 37.98610), abs=1e-4)


@fixtures_are_fine
@given(pressure=st.floats(300, 1900), temperature=st.floats(-15, 45))
def test_the_ms5837_driver_reads_the_pressure_the_chip_was_given(desk, driver, values, pressure, temperature):
    chip = Ms5837(pressure_hpa=lambda: pressure, temperature_c=lambda: temperature, timer=desk.timer)
    probe = driver("ms5837")
    desk.hold(probe.identify(), chip)
    read = values(desk.hold(probe.measure(), chip))
    assert read["water_pressure"] == pytest.approx(pressure, abs=0.02)
    assert read["water_temperature"] == pytest.approx(temperature, abs=0.02)


def test_an_ms5837_read_too_early_says_zero(desk):
    chip = Ms5837(pressure_hpa=lambda: 1000, temperature_c=lambda: 10, timer=desk.timer)
    chip.write(b"\x4a")
    chip.write(b"\x00")
    assert chip.read(3) == bytes(3)


@fixtures_are_fine
@given(pressure=st.floats(850, 1080), temperature=st.floats(-30, 60), humidity=st.floats(2, 98))
def test_the_bme280_driver_reads_the_air_the_chip_was_given(
    desk, driver, values, pressure, temperature, humidity
):
    chip = Bme280(
        pressure_hpa=lambda: pressure,
        temperature_c=lambda: temperature,
        humidity_pct=lambda: humidity,
        timer=desk.timer,
    )
    air = driver("bme280")
    desk.hold(air.identify(), chip)
    try:
        read = values(desk.hold(air.measure(), chip))
    except ValueImpossible:  # one air in 65,536 looks like a humidity that was not measured
        chip.write(b"\xf7")
        assert chip.read(8)[6:] == b"\x80\x00"
        reject()
    assert read["air_pressure"] == pytest.approx(pressure, abs=0.01)
    assert read["air_temperature"] == pytest.approx(temperature, abs=0.006)
    assert read["relative_humidity"] == pytest.approx(humidity, abs=0.02)


def test_a_bme280_never_measured_reads_the_skipped_pattern(desk):
    chip = Bme280(pressure_hpa=lambda: 1, temperature_c=lambda: 1, humidity_pct=lambda: 1, timer=desk.timer)
    chip.write(b"\xf7")
    assert chip.read(8) == bytes.fromhex("8000008000008000")


@fixtures_are_fine
@given(temperature=st.floats(-40, 80), humidity=st.floats(0, 100))
def test_the_sht4x_driver_reads_the_air_the_chip_was_given(desk, driver, values, temperature, humidity):
    chip = Sht4x(temperature_c=lambda: temperature, humidity_pct=lambda: humidity, timer=desk.timer)
    air = driver("sht4x")
    desk.hold(air.identify(), chip)
    read = values(desk.hold(air.measure(), chip))
    assert read["air_temperature"] == pytest.approx(temperature, abs=0.002)
    assert read["relative_humidity"] == pytest.approx(humidity, abs=0.002)


def test_sht4x_sends_the_bytes_of_the_reference_table(desk):
    chip = Sht4x(temperature_c=lambda: -12.299, humidity_pct=lambda: 87.999, timer=desk.timer)
    chip.write(b"\xfd")
    desk.now_s += 0.01
    assert chip.read(6) == bytes.fromhex("2FD666C08233")


def test_a_busy_sht4x_does_not_acknowledge(desk):
    chip = Sht4x(temperature_c=lambda: 0, humidity_pct=lambda: 0, timer=desk.timer)
    chip.write(b"\xfd")
    with pytest.raises(OSError) as caught:
        chip.read(6)
    assert caught.value.errno == errno.EREMOTEIO


@pytest.mark.parametrize(("milliamps", "code"), [(3.5, 0x0AF0), (4, 0x0C80), (12, 0x2580), (20, 0x3E80)])
def test_ads1115_gives_the_codes_of_the_reference_table(desk, milliamps, code):
    chip = Ads1115(inputs_v={0: lambda: milliamps / 10}, timer=desk.timer)  # 100 ohm
    chip.write(bytes.fromhex("01C383"))
    desk.now_s += 0.01
    chip.write(b"\x00")
    assert chip.read(2) == code.to_bytes(2, "big")


def test_the_ads1115_driver_reads_the_loop_current_the_chip_was_given(desk, driver, values):
    chip = Ads1115(inputs_v={0: lambda: 1.2345}, timer=desk.timer)
    loop = driver("ads1115", measures="water_depth", value_at_4_ma=0.0, value_at_20_ma=5.0)
    desk.hold(loop.identify(), chip)
    read = values(desk.hold(loop.measure(), chip))
    assert read["loop_current"] == pytest.approx(12.345, abs=0.0013)
    assert read["water_depth"] == pytest.approx((12.345 - 4) / 16 * 5, abs=0.0005)


def test_an_ads1115_conversion_takes_its_time(desk):
    chip = Ads1115(inputs_v={0: lambda: 1.0}, timer=desk.timer)
    chip.write(bytes.fromhex("01C383"))
    assert not chip.read(2)[0] & 0x80
    desk.now_s += 1 / 128
    assert chip.read(2)[0] & 0x80


@given(wanted=st.integers(0, 255))
def test_the_lowest_count_search_finds_every_count(wanted):
    assert lowest(lambda raw: raw * 1.5, wanted * 1.5, 8) == wanted
