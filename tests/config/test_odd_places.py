"""What lies in a configuration's place is not always a text file; what was written is not always whole."""

from __future__ import annotations

import os

import pytest

from kaga_edge.config import ConfigFaults, load
from kaga_edge.config.faults import Code


def _pipe(file):
    os.mkfifo(file)


def _ring(file):
    file.symlink_to(file.name)


def _film(file):
    with file.open("wb") as out:
        out.truncate(3_000_000)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("place", [_pipe, _ring, _film])
def test_a_pipe_hung_the_check_and_a_ring_of_links_broke_it(tmp_path, place):
    place(tmp_path / "kaga-edge.toml")
    with pytest.raises(ConfigFaults) as caught:
        load(tmp_path / "kaga-edge.toml")
    assert [fault.code for fault in caught.value.faults] == [Code.FILE_CLOSED]


@pytest.mark.parametrize("place", [_pipe, _ring, _film])
def test_status_waited_for_ever_for_a_configuration_that_is_a_pipe(kaga_edge_at, tmp_path, place):
    place(tmp_path / "kaga-edge.toml")
    assert kaga_edge_at(tmp_path / "kaga-edge.toml").returncode == 3


@pytest.fixture
def kaga_edge_at():
    import subprocess
    import sys

    def run(file):
        words = [sys.executable, "-m", "kaga_edge", "status", "--config", str(file)]
        return subprocess.run(words, capture_output=True, check=False, timeout=60)

    return run


def test_a_part_that_is_a_link_to_nowhere_was_answered_with_how_to_make_an_example(sheet, tmp_path):
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "10-more.toml").symlink_to("nowhere")
    fault = sheet.only(sheet.site, sheet.air)
    assert (fault.code, fault.file) == (Code.FILE_CLOSED, "conf.d/10-more.toml")


def test_brackets_without_end_are_a_fault_and_the_rest_is_still_checked(sheet):
    found = sheet.faults(sheet.site, f"zone = {'[' * 5000}\n", sheet.air.replace('"10s"', '"10"'))
    assert [fault.code for fault in found] == [Code.SYNTAX, Code.NO_UNIT]


def test_a_threshold_of_the_wrong_type_hid_two_others_out_of_order(sheet):
    table = '[sensor.thresholds]\ncaution = 3.0\nevacuation = 2.0\ndanger = "4m"\n'
    found = sheet.faults(sheet.site, sheet.level, table)
    assert {fault.code for fault in found} == {Code.THRESHOLD_ORDER, Code.WRONG_TYPE}


def test_a_sensor_without_an_id_was_offered_as_none(sheet):
    nameless = sheet.air.replace('id = "air-1"\n', "")
    level = sheet.level.replace("_m = 4.2", '_m = 4.2\ntemperature_from = "air-9"')
    told = " ".join(fault.text("en") for fault in sheet.faults(sheet.site, nameless, level))
    assert "There are: level-1" in told


def test_a_header_without_its_bracket_called_the_keys_under_it_missing(sheet):
    assert sheet.only(sheet.site, sheet.level.replace("[sensor.mount]", "[sensor.mount")).code == Code.SYNTAX


@pytest.mark.parametrize("number", ["0761-00-0000", "0761000000", "+81-761-00-0000", "加賀市"])
def test_a_telephone_number_without_quotes_is_told_to_take_them(sheet, number):
    fault = sheet.only(sheet.site, f"contact = {number}\n", sheet.air)
    assert (fault.code, fault.params["value"]) == (Code.NO_QUOTES, number)


def test_a_mount_outside_of_its_sensor_is_told_how_it_is_written(sheet):
    found = sheet.faults(sheet.site, sheet.level.replace("[sensor.mount]", "[mount]"))
    assert "sensor.mount" in next(one for one in found if one.key == "mount").text("en")


def test_an_interval_of_years_is_a_slip(sheet):
    assert sheet.only(sheet.site, sheet.air.replace("10s", "9999999d")).code == Code.OUT_OF_BOUNDS


def test_serial0_beside_the_port_it_may_be_is_warned_of(sheet):
    other = sheet.level.replace("level-1", "level-2").replace("ttyAMA0", "serial0")
    (warned,) = sheet.good(sheet.site, sheet.level, other).warnings
    assert (warned.key, "/dev/serial0 may be" in warned.text("en")) == ("sensor.level-2.port", True)


def test_two_names_of_one_port_that_is_there_are_one_port(sheet, tmp_path):
    (tmp_path / "ttyAMA0").touch()
    (tmp_path / "serial0").symlink_to("ttyAMA0")
    one = sheet.level.replace("/dev/ttyAMA0", f"{tmp_path}/ttyAMA0")
    two = sheet.level.replace("level-1", "level-2").replace("/dev/ttyAMA0", f"{tmp_path}/serial0")
    assert sheet.only(sheet.site, one, two).code == Code.DUPLICATE_PORT
