"""``config check``, ``config init``, ``config schema``."""

from __future__ import annotations

import copy
import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

from kaga_edge.cli.screen import width
from kaga_edge.config import ConfigFaults, load

EXAMPLES = Path(__file__).parents[2] / "config"
KINDS = ("flood", "snow", "traffic")

BAD = """\
[site]
id = "flood-1"
name = { ja = "見本", en = "sample" }

[[sensor]]
id = "rain-1"
driver = "tipping_bucket"
gpoi = 17
every = "60"
[sensor.disclosure]
purpose = { ja = "雨量", en = "rain" }
personal_data = false
"""


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_sites_pass(kaga_edge, kind):
    said = kaga_edge("config", "check", EXAMPLES / f"kaga-edge.{kind}.toml")
    assert said.code == 0, said.out
    assert "the configuration is good" in said.out


def test_a_warning_changes_the_exit_code_and_a_password_still_to_come_does_not(kaga_edge, tmp_path):
    example = (EXAMPLES / "kaga-edge.flood.toml").read_text()
    (tmp_path / "k.toml").write_text(example)
    assert (
        kaga_edge("config", "check", tmp_path / "k.toml").code == 0
    )  # only secrets/mqtt-password is missing
    (tmp_path / "k.toml").write_text(example.replace("[36.31, 136.31]", "[48.1, 11.6]"))
    assert kaga_edge("config", "check", tmp_path / "k.toml").code == 1


@pytest.mark.parametrize("kind", KINDS)
def test_init_prints_the_example_as_it_is_shipped(kaga_edge, kind, tmp_path):
    said = kaga_edge("config", "init", kind)
    assert said.out == (EXAMPLES / f"kaga-edge.{kind}.toml").read_text()
    (tmp_path / "k.toml").write_text(said.out)
    assert load(tmp_path / "k.toml").site.id == f"{kind}-sample-01"


@pytest.mark.parametrize("kind", KINDS)
def test_the_examples_raise_no_alarm_until_the_authoritys_numbers_are_in(kind):
    assert all(not one.thresholds for one in load(EXAMPLES / f"kaga-edge.{kind}.toml").sensors)


@pytest.mark.parametrize("kind", KINDS)
def test_the_commented_thresholds_are_right_once_they_are_filled_in(kind, tmp_path):
    lines = (EXAMPLES / f"kaga-edge.{kind}.toml").read_text().splitlines()
    ranks = (
        "# [sensor.thresholds]",
        "# standby",
        "# caution",
        "# evacuation",
        "# danger",
        "# levee",
        "# warning",
    )
    (tmp_path / "k.toml").write_text(
        "\n".join(line[2:] if line.startswith(ranks) else line for line in lines)
    )
    found = [one for one in load(tmp_path / "k.toml").sensors if one.thresholds]
    assert [one.id for one in found] == {"flood": ["level-1"], "snow": ["snow-1"], "traffic": []}[kind]


def test_every_fault_is_printed_with_file_line_key_and_nearest_name(kaga_edge, tmp_path):
    file = tmp_path / "site.toml"
    file.write_text(BAD)
    said = kaga_edge("config", "check", file)
    assert said.code == 78
    assert said.out.splitlines() == [
        'site.toml:8  sensor.rain-1.gpoi: unknown key "gpoi". Did you mean "gpio"?',
        'site.toml:9  sensor.rain-1.every: "60" has no unit. Write "60s", "5m" or "1h"',
        "2 fault(s)",
        f"Mend them, then again: kaga-edge config check {file}",
    ]


def test_the_same_in_japanese(kaga_edge, tmp_path):
    (tmp_path / "site.toml").write_text(BAD)
    said = kaga_edge("config", "check", tmp_path / "site.toml", "--lang", "ja")
    assert "「gpoi」という項目はありません。「gpio」のことですか?" in said.out
    assert "誤り 2件" in said.out


def test_json_has_code_place_and_both_languages(kaga_edge, tmp_path):
    (tmp_path / "site.toml").write_text(BAD)
    said = kaga_edge("config", "check", tmp_path / "site.toml", "--json")
    body = json.loads(said.out)
    assert (said.code, body["good"]) == (78, False)
    fault = body["faults"][0]
    assert (fault["line"], fault["key"], fault["code"]) == (8, "sensor.rain-1.gpoi", "KE-C11")
    assert fault["ja"] != fault["en"]


def test_json_of_a_good_one_lists_its_sensors(kaga_edge):
    body = json.loads(kaga_edge("config", "check", EXAMPLES / "kaga-edge.snow.toml", "--json").out)
    assert [one["id"] for one in body["sensors"]] == ["snow-1", "snow-2", "snow-3", "air-1"]
    assert body["sensors"][0]["channels"] == ["snow_depth", "surface_distance"]


def test_the_daemon_starts_by_the_same_path_as_the_check(kaga_edge, tmp_path):
    (tmp_path / "site.toml").write_text(BAD)
    said = kaga_edge("run", "--config", tmp_path / "site.toml")
    assert said.code == 78


def test_a_missing_file_says_how_to_make_one(kaga_edge, tmp_path):
    said = kaga_edge("config", "check", tmp_path / "none.toml")
    assert said.code == 78
    assert "kaga-edge config init" in said.out


def test_the_schema_accepts_the_examples_and_finds_a_wrong_type(kaga_edge):
    schema = json.loads(kaga_edge("config", "schema").out)
    checker = jsonschema.Draft7Validator(schema)
    for kind in KINDS:
        table = tomllib.loads((EXAMPLES / f"kaga-edge.{kind}.toml").read_text())
        assert [error.message for error in checker.iter_errors(table)] == []
        table["sensor"][0]["every"] = 60
        assert list(checker.iter_errors(table))


def test_the_schema_knows_the_keys_of_each_driver(kaga_edge):
    schema = json.loads(kaga_edge("config", "schema").out)
    table = tomllib.loads((EXAMPLES / "kaga-edge.traffic.toml").read_text())
    table["sensor"][0]["detector"] = "sonar"
    assert list(jsonschema.Draft7Validator(schema).iter_errors(table))


def test_check_and_schema_agree_on_every_fault_the_schema_finds(tmp_path, kaga_edge):
    schema = json.loads(kaga_edge("config", "schema").out)
    table = tomllib.loads(BAD.replace('"60"', "60"))
    assert list(jsonschema.Draft7Validator(schema).iter_errors(table))
    (tmp_path / "k.toml").write_text(BAD)
    with pytest.raises(ConfigFaults):
        load(tmp_path / "k.toml")


def test_faults_fit_a_phone_and_are_one_line_each_elsewhere(kaga_edge, tmp_path, monkeypatch):
    there = tmp_path / "none.toml"
    assert len(kaga_edge("config", "check", there).out.splitlines()) == 3
    monkeypatch.setenv("COLUMNS", "40")
    lines = kaga_edge("config", "check", there, "--lang", "ja").out.splitlines()
    assert all(width(line) <= 40 for line in lines if str(there) not in line)
    assert len(lines) > 3


def test_a_folder_for_the_file_was_a_crash(kaga_edge, tmp_path):
    (tmp_path / "kaga-edge.toml").write_text(BAD)
    assert "Did you mean" in kaga_edge("config", "check", tmp_path).out
    assert kaga_edge("config", "check", "/").code == 78


def test_options_that_do_not_go_together_were_told_in_english(kaga_edge, tmp_path):
    file = tmp_path / "site.toml"
    wrong = "pulse_min_ms = 500\npulse_max_ms = 60\n"
    file.write_text(BAD.replace("gpoi = 17", f"gpio = 17\n{wrong}"))
    told = kaga_edge("config", "check", file, "--lang", "ja").out
    assert "pulse_min_ms 500 が pulse_max_ms 60 より小さくありません" in told


def test_an_editor_marks_a_misspelt_key_and_another_models_key(kaga_edge):
    judge = jsonschema.Draft7Validator(json.loads(kaga_edge("config", "schema").out))
    whole = tomllib.loads(kaga_edge("config", "init", "flood").out)
    for wrong in ("evry", "mm_per_tip", "modbus_id"):
        marked = copy.deepcopy(whole)
        marked["sensor"][0][wrong] = 1
        assert [wrong in fault.message for fault in judge.iter_errors(marked)] == [True], wrong
    part = {"site": whole["site"], "sensor": [{"id": "level-1", "every": "30s"}]}
    assert not [fault for fault in judge.iter_errors(part) if "every" in fault.message]
