from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kaga_edge.config import ConfigFaults
from kaga_edge.config.calibrations import (
    CalibratedMeanwhile,
    calibration_file,
    in_force,
    read_calibrations,
    write_calibrations,
)
from kaga_edge.core.calibration import Correction
from kaga_edge.gateway import plans
from kaga_edge.text.overheard import heard

ENTRY = {
    "channel": "water_level", "method": "offset", "gain": 1.0, "offset": -0.038, "at": "2026-11-22T08:00:00Z",
    "who": '山田 "太郎"', "why": "定期点検\\", "raw": 1.238, "true": 1.2, "before": 1.238, "after": 1.2,
}  # fmt: skip


def with_entries(sheet, *entries):
    sheet.write(sheet.site, sheet.level)
    put(sheet, *entries)


def put(sheet, *entries, sensor="level-1"):
    file = calibration_file(sheet.file)
    write_calibrations(file, sensor, read_calibrations(file).get(sensor, []), entries, sheet.file)


def test_what_is_written_comes_back(sheet):
    with_entries(sheet, ENTRY)
    file = calibration_file(sheet.file)
    assert read_calibrations(file) == {"level-1": [ENTRY]}
    assert file.stat().st_mode == sheet.file.stat().st_mode
    assert [one.name for one in file.parent.iterdir()] == [file.name]


def test_the_last_day_ends_at_the_sites_midnight(sheet, load):
    with_entries(sheet, ENTRY | {"due": "2027-11-22"})
    (line,) = load(sheet.file).sensors[0].corrections
    assert datetime.fromtimestamp(line.due_ms / 1000, UTC).isoformat() == "2027-11-22T15:00:00+00:00"
    (sensor,) = load(sheet.file).sensors
    extra = plans.declaration(sensor, plans.sensor_plan(sensor)).channels[0][3]
    assert extra["cal_due"] == "2027-11-22"


def test_a_day_that_does_not_exist_is_named(sheet, load):
    with_entries(sheet, ENTRY | {"due": "2027-02-30"})
    with pytest.raises(ConfigFaults) as caught:
        load(sheet.file)
    assert [one.code.value for one in caught.value.faults] == ["KE-C24"]


def test_a_zero_found_on_bare_ground_is_taken_into_the_rule_and_the_catalog(sheet, load):
    snow = sheet.level.replace("gauge_zero_to_sensor_m", "ground_to_sensor_m") + "[sensor.snow]\n"
    sheet.write(sheet.site, snow)
    zero = ENTRY | {
        "channel": "snow_on_ground",
        "method": "bare-ground",
        "offset": -0.03,
        "due": "2027-06-30",
    }
    put(sheet, zero)
    (sensor,) = load(sheet.file).sensors
    assert sensor.corrections == ()
    assert (sensor.deriving.snow.learned_m, sensor.deriving.snow.learned_on) == (0.03, "2026-11-22")
    declared = plans.declaration(sensor, plans.sensor_plan(sensor))
    extra = next(one[3] for one in declared.channels if one[0] == "snow_on_ground")
    assert extra == {"cal": "2026-11-22", "zero": 0.03}
    undone = zero | {"undone": "2026-11-24T08:00:00Z Sato"}
    put(sheet, undone)
    assert load(sheet.file).sensors[0].deriving.snow.learned_m is None


def test_two_people_at_once_lost_the_first_ones_calibration(sheet):
    with_entries(sheet, ENTRY)
    file = calibration_file(sheet.file)
    seen = read_calibrations(file)["level-1"]  # both stand at the gauge and have seen the same
    by_sato, by_suzuki = ENTRY | {"who": "Sato"}, ENTRY | {"who": "Suzuki"}
    write_calibrations(file, "level-1", seen, [*seen, by_sato], sheet.file)
    with pytest.raises(CalibratedMeanwhile):
        write_calibrations(file, "level-1", seen, [*seen, by_suzuki], sheet.file)
    write_calibrations(file, "snow-1", [], [by_suzuki], sheet.file)  # another sensor is another matter
    assert read_calibrations(file) == {"level-1": [ENTRY, by_sato], "snow-1": [by_suzuki]}


@pytest.mark.parametrize(
    ("by_hand", "said"),
    [
        ('[[sensor]]\nid = "level-1"\nevery = "10s"\n', "every of level-1 does not belong in this file"),
        ('[site]\nid = "x"\n', "site does not belong in this file"),
        ('[[sensor]]\ndriver = "a02yyuw"\n', "a [[sensor]] without id"),
        (
            '[[sensor]]\nid = "level-1"\n[[sensor.calibration]]\nchannel = "water_level"\n',
            "a calibration of level-1 without a good method",
        ),
        (
            '[[sensor]]\nid = "level-1"\n[[sensor.calibration]]\nnote = "x"\n',
            "note of level-1 does not belong in this file",
        ),
    ],
)
def test_what_was_written_into_the_file_by_hand_vanished_at_the_next_calibration(sheet, by_hand, said):
    sheet.write(sheet.site, sheet.level)
    file = calibration_file(sheet.file)
    file.parent.mkdir()
    file.write_text(by_hand)
    with pytest.raises(ValueError, match=said.replace("[", r"\[")):
        write_calibrations(file, "level-1", [], [ENTRY], sheet.file)
    assert file.read_text() == by_hand
    assert heard(said, "ja") != said


def test_a_file_saved_by_notepad_with_a_mark_and_two_tables_of_a_sensor_is_read_whole(sheet):
    with_entries(sheet, ENTRY)
    file = calibration_file(sheet.file)
    text = file.read_text()
    again = text[text.index("[[sensor]]") :].replace("-0.038", "-0.04")
    file.write_text("\ufeff" + text + again)
    assert [one["offset"] for one in read_calibrations(file)["level-1"]] == [-0.038, -0.04]


def test_without_a_file_there_are_none(tmp_path):
    assert read_calibrations(tmp_path / "none.toml") == {}


def test_the_configuration_takes_the_last_that_is_not_undone(sheet, load):
    later = ENTRY | {"offset": 0.5, "at": "2026-11-23T08:00:00Z"}
    with_entries(sheet, ENTRY, later)
    (sensor,) = load(sheet.file).sensors
    assert sensor.corrections == (Correction(channel="water_level", offset=0.5, on="2026-11-23"),)
    undone = later | {"undone": "2026-11-24T08:00:00Z Sato"}
    with_entries(sheet, ENTRY, undone)
    (sensor,) = load(sheet.file).sensors
    assert sensor.corrections == (Correction(channel="water_level", offset=-0.038, on="2026-11-22"),)
    assert in_force([ENTRY, undone], "water_level") == ENTRY


def test_the_catalog_shows_day_and_line_and_the_raw_channel(sheet, load):
    with_entries(sheet, ENTRY)
    (sensor,) = load(sheet.file).sensors
    channels = plans.declaration(sensor, plans.sensor_plan(sensor)).channels
    assert [one[0] for one in channels] == ["water_level", "surface_distance", "water_level_raw"]
    assert channels[0][3] == {"datum": "gauge zero", "cal": "2026-11-22", "cal_line": [1.0, -0.038]}


def test_a_calibration_is_no_reason_to_reopen_the_bus(sheet, load):
    bare = sheet.good(sheet.site, sheet.level)
    with_entries(sheet, ENTRY)
    assert plans.bus_plans(bare) == plans.bus_plans(load(sheet.file))


def test_a_channel_that_cannot_be_calibrated_is_named(sheet):
    lines = (f"{key} = {value!r}\n" for key, value in (ENTRY | {"channel": "surface_distance"}).items())
    (fault,) = sheet.faults(sheet.site, sheet.level, "[[sensor.calibration]]\n", *lines)
    assert (fault.code, fault.key) == ("KE-C56", "sensor.level-1.calibration.0.channel")


def test_an_instrument_replaced_by_another_kind_made_the_old_calibration_a_fault(sheet, load):
    with_entries(sheet, ENTRY | {"channel": "snow_depth"})
    config = load(sheet.file)
    assert config.sensors[0].corrections == ()
    assert [(one.code, one.file) for one in config.warnings] == [("KE-C56", "conf.d/50-calibration.toml")]


def test_a_sensor_taken_out_made_its_old_calibration_a_fault(sheet, load):
    with_entries(sheet, ENTRY)
    put(sheet, ENTRY, sensor="level-9")
    sheet.part("90-more.toml", sheet.level.replace("level-1", "level-2").replace("ttyAMA0", "ttyAMA3"))
    put(sheet, ENTRY, sensor="level-2")  # of a part that is read after the calibrations' place
    config = load(sheet.file)
    assert [(one.id, len(one.corrections)) for one in config.sensors] == [("level-1", 1), ("level-2", 1)]
    (warning,) = config.warnings
    assert 'there is no sensor "level-9"' in warning.text("en")


@pytest.fixture
def load():
    from kaga_edge.config import load

    return load
