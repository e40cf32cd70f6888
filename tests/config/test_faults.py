"""Every fault is found, with its line, its key and words that say what to write."""

from __future__ import annotations

import pytest

from kaga_edge.config.faults import Code

# name -> what replaces what in the good sheet, where it must be found, and as what.
MISTAKES = {
    "an unknown key near a known one": ("air", "every =", "evry =", "evry", "KE-C11", "every"),
    "an unknown key near none": ("air", "every =", "zzz =", "zzz", "KE-C10", "disclosure"),
    "an unknown key in an inline table": ("air", "address =", "adress =", "i2c.adress", "KE-C11", "address"),
    "a key only another driver has": ("air", "every =", "gpio = 4\nevery =", "gpio", "KE-C10", "zzz"),
    "a number for a text": ("air", 'id = "air-1"', "id = 7", "id", "KE-C13", "text in quotes"),
    "a truth for a duration": ("air", '"10s"', "true", "every", "KE-C15", "true"),
    "a duration without unit": ("air", '"10s"', '"10"', "every", "KE-C14", "10s"),
    "a bare number for a duration": ("air", '"10s"', "10", "every", "KE-C14", "10s"),
    "an unknown unit": ("air", '"10s"', '"10x"', "every", "KE-C15", "10x"),
    "a capital in an id": ("air", '"air-1"', '"Air_1"', "id", "KE-C18", "Air_1"),
    "an unknown driver": ("air", '"bme280"', '"bme-28"', "driver", "KE-C30", "bme280"),
    "an address the model has not": ("air", "0x77", "0x55", "i2c.address", "KE-C38", "0x76, 0x77"),
    "an address out of bounds": ("air", "0x77", "0x90", "i2c.address", "KE-C19", "144"),
    "a serial port for an I2C model": ("air", "every =", 'port = "x"\nevery =', "port", "KE-C32", "i2c"),
    "an interval below the instrument's": ("air", '"10s"', '"100ms"', "every", "KE-C44", "1s"),
    "a header pin for a GPIO": ("rain", "gpio = 17", "gpio = 40", "gpio", "KE-C40", "gpio = 21"),
    "a GPIO that is no pin either": ("rain", "gpio = 17", "gpio = 99", "gpio", "KE-C39", "0-27"),
    "an option out of its bounds": (
        "rain",
        "gpio = 17",
        "gpio = 17\nmm_per_tip = -1",
        "mm_per_tip",
        "KE-C19",
        "> 0",
    ),
    "a text for a GPIO": ("rain", "gpio = 17", 'gpio = "17"', "gpio", "KE-C13", "whole number"),
    "a serial setting in the wrong order": (
        "level",
        "[sensor.mount]",
        'serial = "8N1 9600"\n[sensor.mount]',
        "serial",
        "KE-C22",
        "9600 8N1",
    ),
    "no mount for a distance": (
        "level",
        "gauge_zero_to_sensor_m = 4.2",
        "",
        "mount",
        "KE-C48",
        "gauge_zero_to_sensor_m",
    ),
    "two grounds for one distance": (
        "level",
        "_m = 4.2",
        "_m = 4.2\nground_to_sensor_m = 1.0",
        "mount",
        "KE-C49",
        "not both",
    ),
    "a thermometer that does not exist": (
        "level",
        "_m = 4.2",
        '_m = 4.2\ntemperature_from = "air-9"',
        "mount.temperature_from",
        "KE-C46",
        "air-9",
    ),
    "a source that measures something else": (
        "level",
        "_m = 4.2",
        '_m = 4.2\nair_pressure_from = "rain-1"',
        "mount.air_pressure_from",
        "KE-C47",
        "air_pressure",
    ),
    "no purpose stated": ("air", "purpose =", "#", "disclosure.purpose", "KE-C12", "purpose"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_one_mistake_is_one_fault_with_its_key_and_what_to_write(sheet, mistake):
    part, old, new, key, code, helps = MISTAKES[mistake]
    parts = {"air": sheet.air, "level": sheet.level, "rain": sheet.rain}
    parts[part] = parts[part].replace(old, new)
    fault = sheet.only(sheet.site, *parts.values())
    sensor = {"air": "air-1", "level": "level-1", "rain": "rain-1"}[part]
    expected = f"sensor.{'#1' if 'id = 7' in new else 'Air_1' if 'Air' in new else sensor}.{key}"
    assert (fault.key, fault.code.value) == (expected, code)
    assert helps in fault.text("en") or helps == "zzz"
    whole = (sheet.file.read_text()).splitlines()
    assert key.rpartition(".")[2] in whole[fault.line - 1] or "disclosure" in key


def test_every_fault_of_a_file_is_told_in_one_run_in_the_order_of_lines(sheet):
    air = sheet.air.replace('"10s"', '"10"').replace("0x77", "0x55")
    rain = sheet.rain.replace("17", "40")
    site = sheet.site.replace('id = "flood-1"', 'id = "Flood 1"\nzone = "Asia/Tokio"\ncolour = 1')
    found = sheet.faults(site, "[stor]\n", air, rain)
    codes = [fault.code.value for fault in found]
    assert codes == ["KE-C18", "KE-C10", "KE-C11", "KE-C38", "KE-C14", "KE-C40"]
    assert [fault.line for fault in found] == sorted(fault.line for fault in found)


def test_a_wrong_zone_is_named(sheet):
    assert sheet.only(sheet.site, 'zone = "Asia/Tokio"\n', sheet.air).code == Code.BAD_ZONE


def test_a_missing_site_is_a_fault_of_its_own(sheet):
    assert sheet.only(sheet.air).key == "site"


def test_no_sensor_at_all_is_a_fault(sheet):
    assert sheet.only(sheet.site).code == Code.NO_SENSORS


def test_a_missing_disclosure_is_a_fault(sheet):
    fault = sheet.only(sheet.site, sheet.air.partition("[sensor.disclosure]")[0])
    assert (fault.code, fault.key) == (Code.NO_DISCLOSURE, "sensor.air-1")


def test_a_missing_driver_key_and_a_missing_port_are_both_told(sheet):
    level = sheet.level.replace('port = "/dev/ttyAMA0"\n', "")
    air = sheet.air.replace('driver = "bme280"\n', "")
    found = sheet.faults(sheet.site, level, air)
    assert {(fault.key, fault.code) for fault in found} == {
        ("sensor.level-1.port", Code.MISSING_KEY),
        ("sensor.air-1.driver", Code.MISSING_KEY),
    }


# --- two on one wire ---


def test_an_id_used_twice_names_the_other_line(sheet, line_of):
    fault = sheet.only(sheet.site, sheet.air, sheet.rain.replace("rain-1", "air-1"))
    assert fault.code == Code.DUPLICATE_ID
    first = line_of(sheet.file.read_text(), 'id = "air-1"')
    assert f"at line {first}." in fault.text("en")


def test_one_port_for_two_instruments_is_a_fault(sheet):
    fault = sheet.only(sheet.site, sheet.level, sheet.level.replace("level-1", "level-2"))
    assert (fault.code, fault.key) == (Code.DUPLICATE_PORT, "sensor.level-2.port")
    assert '"level-1"' in fault.text("en")


def test_one_address_for_two_devices_is_a_fault_and_on_two_buses_it_is_none(sheet):
    other = sheet.air.replace("air-1", "air-2")
    assert sheet.only(sheet.site, sheet.air, other).code == Code.DUPLICATE_ADDRESS
    assert sheet.good(sheet.site, sheet.air, other.replace("bus = 1", "bus = 3"))


def test_ms5837_and_bme280_at_0x76_are_told_how_to_part(sheet):
    probe = sheet.air.replace("air-1", "level-2").replace("bme280", "ms5837").replace("0x77", "0x76")
    probe += '[sensor.mount]\ngauge_zero_to_probe_m = 0.0\nair_pressure_from = "air-1"\n'
    fault = sheet.only(sheet.site, sheet.air.replace("0x77", "0x76"), probe)
    assert fault.code == Code.CLASH_0X76
    assert "0x77" in fault.text("en")


def test_two_at_their_usual_address_clash_though_neither_writes_it(sheet):
    bare = sheet.air.replace(", address = 0x77", "")
    assert bare != sheet.air
    probe = bare.replace("air-1", "level-2").replace("bme280", "ms5837")
    probe += '[sensor.mount]\ngauge_zero_to_probe_m = 0.0\nair_pressure_from = "air-1"\n'
    assert sheet.only(sheet.site, bare, probe).code == Code.CLASH_0X76


def test_a_modbus_line_whose_models_talk_differently_by_default_is_a_fault(sheet):
    """A KELLER speaks 9600 8N1 and an LX-80 8E1: on one line one of them never answers."""
    keller = sheet.level.replace("a02yyuw", "keller").replace(
        "gauge_zero_to_sensor_m", "gauge_zero_to_probe_m"
    )
    keller = keller.replace("[sensor.mount]", "modbus_id = 1\n[sensor.mount]")
    radar = sheet.level.replace("a02yyuw", "lx80").replace("level-1", "level-2")
    radar = radar.replace("[sensor.mount]", "modbus_id = 2\n[sensor.mount]")
    assert sheet.only(sheet.site, keller, radar).code == Code.PORT_SETTINGS_DIFFER
    alike = keller.replace("modbus_id", 'serial = "9600 8E1"\nmodbus_id')
    assert len(sheet.good(sheet.site, alike, radar).sensors) == 2


@pytest.mark.parametrize(
    "tables",
    [
        "[sensor.quality.water_level]\ngross_fail = [5.0, -1.0]\n",
        '[[sensor.quality.water_level.season]]\nbetween = ["02-30", "03-31"]\n',
        '[sensor.event]\nevery = "10s"\nrise = "0m/10m"\n',
    ],
)
def test_what_can_never_be_meant_is_refused(sheet, tables):
    assert sheet.only(sheet.site, sheet.level, tables).code == Code.VALUE


@pytest.mark.parametrize("line", ["gravity_m_s2 = 0.0", "water_density_kg_m3 = -1.0", "tilt_deg = 95.0"])
def test_a_mount_that_no_site_has_is_refused(sheet, line):
    """Gravity 0 ended the gateway at the first reading of a pressure probe."""
    level = sheet.level.replace("[sensor.mount]", f"[sensor.mount]\n{line}")
    assert sheet.only(sheet.site, level).code == Code.OUT_OF_BOUNDS


@pytest.mark.parametrize(
    ("driver", "keys"),
    [
        ("a02yyuw", "nearest_mm = 4000\nfarthest_mm = 100"),
        ("maxbotix", "digits = 3"),  # 5000 is never printed
        (
            "modbus_map",
            'modbus_id = 1\nregisters = [{quantity = "surface_distance", address = 1, scale = 0.0}]',
        ),
        (
            "modbus_map",
            'modbus_id = 1\nregisters = [{quantity = "surface_distance", address = 1, scale = nan}]',
        ),
    ],
)
def test_options_that_contradict_each_other_are_refused(sheet, driver, keys):
    level = sheet.level.replace("a02yyuw", driver).replace("[sensor.mount]", f"{keys}\n[sensor.mount]")
    assert sheet.only(sheet.site, level).code in (Code.VALUE, Code.WRONG_TYPE)


def test_a_suspect_limit_beyond_the_fail_limit_is_warned_of(sheet):
    table = '[sensor.quality.water_level]\nrate_suspect = "2/10m"\n'  # the usual fail limit is 1.5
    (warned,) = sheet.good(sheet.site, sheet.level, table).warnings
    assert warned.key.endswith("rate_suspect")


def test_a_modbus_line_with_two_settings_is_a_fault(sheet):
    one = sheet.level.replace("a02yyuw", "keller").replace("gauge_zero_to_sensor_m", "gauge_zero_to_probe_m")
    one = one.replace("[sensor.mount]", 'modbus_id = 1\nserial = "9600 8N1"\n[sensor.mount]')
    two = one.replace("level-1", "level-2").replace("modbus_id = 1", "modbus_id = 2").replace("8N1", "8E1")
    assert sheet.only(sheet.site, one, two).code == Code.PORT_SETTINGS_DIFFER
    same = two.replace("8E1", "8N1").replace("modbus_id = 2", "modbus_id = 1")
    assert sheet.only(sheet.site, one, same).code == Code.DUPLICATE_PORT


def test_a_gpio_used_twice_is_a_fault(sheet):
    assert sheet.only(sheet.site, sheet.rain, sheet.rain.replace("rain-1", "rain-2")).code == Code.GPIO_TWICE


@pytest.mark.parametrize(("gpio", "role"), [(2, "data"), (3, "clock")])
def test_a_line_of_the_i2c_bus_cannot_count_tips(sheet, gpio, role):
    fault = sheet.only(sheet.site, sheet.air, sheet.rain.replace("17", str(gpio)))
    assert fault.code == Code.GPIO_IS_I2C
    assert f'the I2C {role} line used by "air-1"' in fault.text("en")


def test_a_line_of_the_serial_port_cannot_count_tips(sheet):
    assert sheet.only(sheet.site, sheet.level, sheet.rain.replace("17", "15")).code == Code.GPIO_IS_UART


# --- thresholds, quality, platform ---


def test_a_contact_on_the_usual_line_of_1_wire_is_warned_of(sheet):
    """The kernel's w1-gpio holds GPIO 4; a second user of the line never gets it."""
    air = '[[sensor]]\nid = "air-9"\ndriver = "ds18b20"\nonewire = "28-0316a2795bff"\n[sensor.mount]\n'
    air += '[sensor.disclosure]\npurpose = {ja = "気温", en = "air"}\npersonal_data = false\n'
    rain = sheet.rain.replace("gpio = 17", "gpio = 4")
    (warning,) = sheet.good(sheet.site, rain, air).warnings
    assert "GPIO 4 is usually the 1-wire line" in warning.text("en")
    assert not sheet.good(sheet.site, sheet.rain, air).warnings
    assert not sheet.good(sheet.site, rain).warnings


def test_thresholds_out_of_order_are_a_fault_and_equal_ones_are_none(sheet):
    fault = sheet.only(sheet.site, sheet.level, "[sensor.thresholds]\ncaution = 1.3\nevacuation = 1.0\n")
    assert (fault.code, fault.key) == (Code.THRESHOLD_ORDER, "sensor.level-1.thresholds.caution")
    assert sheet.good(sheet.site, sheet.level, "[sensor.thresholds]\ncaution = 1.3\nevacuation = 1.3\n")


@pytest.mark.parametrize(
    ("sensor", "table", "rank", "valid"),
    [
        ("level", "thresholds", "warning", "standby, caution, evacuation, danger, levee"),
        ("rain", "alarms.rain_intensity", "danger", "caution, warning"),
    ],
)
def test_a_rank_without_a_name_on_its_channel_brought_the_daemon_down_when_it_was_reached(
    sheet, sensor, table, rank, valid
):
    """'warning' belongs to snow and rain, 'danger' is 氾濫危険水位: a river's and nothing else's."""
    fault = sheet.only(sheet.site, getattr(sheet, sensor), f"[sensor.{table}]\n{rank} = 1.3\n")
    assert fault.code == Code.NOT_ONE_OF
    assert fault.key.endswith(f".{table}.{rank}")
    assert valid in fault.text("en")


def test_limits_for_a_channel_the_sensor_has_not_are_a_fault(sheet):
    fault = sheet.only(sheet.site, sheet.air, "[sensor.quality.snow_depth]\nspike_fail = 1.0\n")
    assert (fault.code, fault.key) == (Code.UNKNOWN_CHANNEL, "sensor.air-1.quality.snow_depth")


def test_a_rate_without_a_span_is_a_fault(sheet):
    fault = sheet.only(sheet.site, sheet.level, '[sensor.quality.water_level]\nrate_suspect = "0.5"\n')
    assert fault.code == Code.BAD_RATE


PLATFORM = {
    'url = "broker.example.jp"': "KE-C21",
    'url = "http://broker.example.jp"': "KE-C21",
    'url = "mqtt://u:p@broker.example.jp"': "KE-C51",
    'url = "mqtt://b"\npassword = "hunter2"': "KE-C51",
    'url = "mqtt://b"\nsecret = "hunter2!/"': "KE-C52",
    'url = "mqtt://b"\ndelivery = "brocker"': "KE-C20",
    'url = "mqtts://b"\nca = "no-such.pem"': "KE-C55",
}


@pytest.mark.parametrize("text", PLATFORM)
def test_a_wrong_platform_is_told_in_its_own_words(sheet, text):
    assert sheet.only(sheet.site, f"[platform]\n{text}\n", sheet.air).code == PLATFORM[text]


def test_a_password_is_never_repeated_in_the_message(sheet):
    fault = sheet.only(sheet.site, '[platform]\nurl = "mqtt://b"\npassword = "hunter2"\n', sheet.air)
    assert "hunter2" not in fault.text("en") + fault.text("ja")


def test_a_store_too_small_to_be_one_is_a_fault(sheet):
    assert sheet.only(sheet.site, '[store]\nmax = "1MB"\n', sheet.air).code == Code.OUT_OF_BOUNDS


def test_swapped_latitude_and_longitude_are_told_the_right_way_round(sheet):
    fault = sheet.only(sheet.site, "position = [136.31, 36.31]\n", sheet.air)
    assert "position = [36.31, 136.31]" in fault.text("en")


# --- warnings ---


def test_a_place_outside_japan_is_only_a_warning(sheet):
    config = sheet.good(sheet.site, "position = [48.1, 11.6]\n", sheet.air)
    assert [warning.code for warning in config.warnings] == [Code.OUTSIDE_JAPAN]


def test_a_port_name_that_may_change_is_a_warning(sheet):
    config = sheet.good(sheet.site, sheet.level.replace("ttyAMA0", "ttyUSB0"))
    assert [(w.code, w.line) for w in config.warnings] == [(Code.PORT_NOT_STABLE, 7)]


def test_an_absolute_pressure_without_a_barometer_is_a_warning(sheet):
    probe = sheet.air.replace("bme280", "ms5837").replace("0x77", "0x76")
    config = sheet.good(sheet.site, probe, "[sensor.mount]\ngauge_zero_to_probe_m = 0.0\n")
    assert [warning.code for warning in config.warnings] == [Code.NO_BAROMETER]


def test_a_wrong_1_wire_id_and_one_for_the_wrong_model_are_both_told(sheet):
    found = sheet.faults(sheet.site, sheet.air.replace("every", 'onewire = "28-XYZ"\nevery'))
    assert {fault.code for fault in found} == {Code.BAD_ONEWIRE, Code.WRONG_BUS}
