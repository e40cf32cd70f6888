"""A good configuration: what comes out, what the defaults are, how parts are merged."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from kaga_edge.config import (
    ConfigFaults,
    I2cAddress,
    ModbusAddress,
    SecretMissing,
    SerialPort,
    default_limits,
    load_apart,
    read_secret,
)
from kaga_edge.config import load as load_config
from kaga_edge.config.secret import read_secret_at
from kaga_edge.core.grading import Limits
from kaga_edge.sensors import driver_names, load
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.requests import SerialLine


def test_what_is_written_comes_out_in_si_units(sheet):
    config = sheet.good(
        sheet.site,
        "position = [36.3, 136.3]\n",
        '[platform]\nurl = "mqtts://broker.example.jp"\nbatch = "1m"\n',
        '[store]\nmax = "64MB"\nkeep_delivered = "7d"\n',
        sheet.air,
    )
    assert config.site.name == {"ja": "見本", "en": "sample"}
    assert (config.platform.host, config.platform.port, config.platform.tls) == (
        "broker.example.jp",
        8883,
        True,
    )
    assert (config.platform.batch_s, config.platform.delivery) == (60.0, "broker")
    assert (config.store.max_bytes, config.store.keep_delivered_s) == (64_000_000, 604_800.0)
    (air,) = config.sensors
    assert (air.id, air.driver, air.every_s) == ("air-1", "bme280", 10.0)
    assert air.bus == I2cAddress(bus=1, address=0x77)
    assert air.driver_class(air.options).quantities[0] is Quantity.AIR_PRESSURE_HPA


def test_without_tables_the_defaults_hold(sheet):
    config = sheet.good(sheet.site, sheet.air)
    assert config.platform is None
    assert config.store.path == Path("/var/lib/kaga-edge/store.sqlite")
    assert config.store.keep_delivered_s == 86_400.0
    assert config.station.runtime == Path("/run/kaga-edge")
    assert config.site.zone == "Asia/Tokyo"


def test_relative_paths_start_at_the_configuration(sheet, tmp_path):
    config = sheet.good(sheet.site, '[store]\npath = "s.sqlite"\n[station]\nruntime = "run"\n', sheet.air)
    assert config.store.path == tmp_path / "s.sqlite"
    assert config.station.runtime == tmp_path / "run"


def test_a_configuration_cannot_be_changed_after_loading(sheet):
    config = sheet.good(sheet.site, sheet.air)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.site.id = "other"
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.sensors[0].every_s = 1.0


def test_a_later_file_wins_and_a_known_id_is_the_same_sensor(sheet):
    sheet.part("50-calibration.toml", '[[sensor]]\nid = "level-1"\nmount.gauge_zero_to_sensor_m = 4.21\n')
    sheet.part("60-faster.toml", '[[sensor]]\nid = "level-1"\nevery = "10s"\n[store]\nmax = "100MB"\n')
    config = sheet.good(sheet.site, '[store]\nmax = "64MB"\n', sheet.level)
    (level,) = config.sensors
    assert level.mount.gauge_zero_to_sensor_m == 4.21
    assert (level.every_s, level.driver) == (10.0, "a02yyuw")
    assert config.store.max_bytes == 100_000_000


def test_a_fault_in_a_part_names_the_part_and_its_line(sheet):
    sheet.part("50-x.toml", '# part\n[[sensor]]\nid = "level-1"\nmount.tilt = 2.0\n')
    fault = sheet.only(sheet.site, sheet.level)
    assert (fault.file, fault.line, fault.key) == ("conf.d/50-x.toml", 4, "sensor.level-1.mount.tilt")


def test_the_drivers_factory_setting_is_the_default_of_a_serial_line(sheet):
    (level,) = sheet.good(sheet.site, sheet.level).sensors
    assert level.bus == SerialPort(port="/dev/ttyAMA0", line=SerialLine(baud=9600))


def test_two_units_share_a_modbus_line(sheet):
    one = sheet.level.replace("a02yyuw", "keller").replace("gauge_zero_to_sensor_m", "gauge_zero_to_probe_m")
    one = one.replace('port = "/dev/ttyAMA0"', 'port = "/dev/ttyS4"\nmodbus_id = 1\nserial = "19200 8E1"')
    two = one.replace("level-1", "level-2").replace("modbus_id = 1", "modbus_id = 2")
    first, second = sheet.good(sheet.site, one, two).sensors
    line = SerialLine(baud=19200, parity="E")
    assert first.bus == ModbusAddress(port="/dev/ttyS4", line=line, unit=1)
    assert second.bus == ModbusAddress(port="/dev/ttyS4", line=line, unit=2)


def test_two_inputs_of_one_converter_are_two_sensors(sheet):
    one = sheet.air.replace("bme280", "ads1115").replace("0x77", "0x48") + ""
    first = one  # without a word: the first input
    second = one.replace("air-1", "air-2").replace("every", "input = 1\nevery")
    assert len(sheet.good(sheet.site, first, second).sensors) == 2


def test_the_channels_of_a_sensor_are_those_it_has_after_siting(sheet):
    (level,) = sheet.good(sheet.site, sheet.level).sensors
    assert list(level.limits) == ["water_level", "surface_distance"]


def test_given_limits_replace_only_the_defaults_they_name(sheet):
    more = (
        '[sensor.quality.water_level]\nrate_suspect = "0.3/10m"\nflat_suspect = "12h"\ngross_fail = [0, 5]\n'
    )
    (level,) = sheet.good(sheet.site, sheet.level, more).sensors
    usual = default_limits(Quantity.WATER_LEVEL_M)
    limits = level.limits["water_level"]
    assert limits.rate_suspect_per_s == pytest.approx(0.3 / 600)
    assert limits.flat_suspect_s == 43_200.0
    assert limits.gross_fail == (0.0, 5.0)
    assert limits.spike_fail == usual.spike_fail == 0.30


def test_snow_lies_between_the_ground_and_the_blind_zone(sheet):
    snow = sheet.level.replace("a02yyuw", "maxbotix").replace(
        "gauge_zero_to_sensor_m = 4.2", "ground_to_sensor_m = 3.0"
    )
    assert "ground_to_sensor_m" in snow
    (sensor,) = sheet.good(sheet.site, snow).sensors
    assert sensor.limits["snow_depth"].gross_fail == (-0.10, 2.5)


def test_a_river_is_in_doubt_a_metre_above_its_levee(sheet):
    table = "[sensor.thresholds]\ncaution = 2.0\nlevee = 3.5\n"
    (sensor,) = sheet.good(sheet.site, sheet.level, table).sensors
    assert sensor.limits["water_level"].gross_suspect == (-10.0, 4.5)
    own = table + "[sensor.quality.water_level]\ngross_suspect = [-0.5, 4.0]\n"
    (sensor,) = sheet.good(sheet.site, sheet.level, own).sensors
    assert sensor.limits["water_level"].gross_suspect == (-0.5, 4.0)


def test_the_river_limit_lets_the_true_flood_of_2022_pass():
    # Next door 30 cm in ten minutes were logged on 4 August 2022: that must not be suspect.
    limits = default_limits(Quantity.WATER_LEVEL_M)
    assert limits.rate_suspect_per_s * 600 > 0.3


@pytest.mark.parametrize(("every", "most_mm"), [("10s", 60.0), ("10m", 60.0), ("1h", 300.0)])
def test_an_hour_of_heavy_rain_in_one_sample_was_called_impossible(sheet, every, most_mm):
    (rain,) = sheet.good(sheet.site, sheet.rain.replace("gpio =", f'every = "{every}"\ngpio =')).sensors
    assert rain.limits["rain"].gross_fail == (0.0, most_mm)


def test_a_quantity_without_usual_limits_is_not_judged():
    assert default_limits(Quantity.TIP_COUNT) == Limits()


def test_thresholds_come_lowest_first(sheet):
    more = "[sensor.thresholds]\ndanger = 2.0\nstandby = 1.0\nevacuation = 2.0\n"
    (level,) = sheet.good(sheet.site, sheet.level, more).sensors
    assert list(level.thresholds.items()) == [("standby", 1.0), ("evacuation", 2.0), ("danger", 2.0)]


@pytest.mark.parametrize("driver", driver_names())
def test_the_example_of_every_driver_is_a_good_configuration(sheet, driver):
    (sensor,) = sheet.good(sheet.site, load(driver).MODEL.example).sensors
    assert sensor.driver == driver


def test_a_byte_order_mark_is_accepted(sheet):
    assert sheet.good("\ufeff" + sheet.site, sheet.air).site.id == "flood-1"


# --- secrets ---

PLATFORM = '[platform]\nurl = "mqtts://b.example.jp"\nsecret = "mqtt-password"\n'


def test_a_secret_is_read_from_its_file_beside_the_configuration(sheet, tmp_path):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "mqtt-password").write_text("雪 und pass\n")
    (tmp_path / "secrets" / "mqtt-password").chmod(0o640)
    config = sheet.good(sheet.site, PLATFORM, sheet.air)
    assert read_secret(config, "mqtt-password") == "雪 und pass"
    assert config.warnings == ()


def test_systemds_credential_comes_before_the_file(sheet, tmp_path, monkeypatch):
    (tmp_path / "cred").mkdir()
    (tmp_path / "cred" / "mqtt-password").write_text("from systemd")
    (tmp_path / "cred" / "mqtt-password").chmod(0o400)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "cred"))
    assert read_secret(sheet.good(sheet.site, PLATFORM, sheet.air), "mqtt-password") == "from systemd"


def test_a_secret_that_is_not_there_is_a_warning_and_an_error_when_it_is_needed(sheet):
    config = sheet.good(sheet.site, PLATFORM, sheet.air)
    assert [warning.code for warning in config.warnings] == ["KE-W03"]
    with pytest.raises(SecretMissing) as caught:
        read_secret(config, "mqtt-password")
    assert "mqtt-password" in caught.value.where


def test_a_secret_that_anybody_can_read_is_a_fault(sheet, tmp_path):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "mqtt-password").write_text("x")
    (tmp_path / "secrets" / "mqtt-password").chmod(0o644)
    assert sheet.only(sheet.site, PLATFORM, sheet.air).code == "KE-C53"


def test_the_daemon_reads_the_same_values_without_loading_the_checker(sheet):
    expected = sheet.good(sheet.site, sheet.air)
    code = (
        "import sys; from pathlib import Path; from kaga_edge.config import load_apart;"
        "config = load_apart(Path(sys.argv[1])); print('pydantic' in sys.modules, config.site.id)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, str(sheet.file)], capture_output=True, text=True, check=True
    )
    assert said.stdout.split() == ["False", expected.site.id]
    assert load_apart(sheet.file) == expected


def test_faults_come_out_of_the_other_process_whole(sheet):
    sheet.good(sheet.site, sheet.air)
    sheet.file.write_text(sheet.file.read_text().replace("every", "evrey"))
    with pytest.raises(ConfigFaults) as here:
        load_config(sheet.file)
    with pytest.raises(ConfigFaults) as there:
        load_apart(sheet.file)
    assert there.value.faults == here.value.faults
    assert str(there.value) == str(here.value)


@pytest.mark.parametrize("saved", ["utf-16", "cp932"])
def test_a_secret_saved_in_another_encoding_ended_the_gateway_again_and_again(tmp_path, saved):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "mqtt-password").write_bytes("パス".encode(saved))
    with pytest.raises(SecretMissing, match="no UTF-8 text"):
        read_secret_at(tmp_path, "mqtt-password")


def test_a_secret_saved_with_a_byte_order_mark_is_the_password_without_it(tmp_path):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "mqtt-password").write_bytes(b"\xef\xbb\xbfhunter2\r\n")
    assert read_secret_at(tmp_path, "mqtt-password") == "hunter2"
