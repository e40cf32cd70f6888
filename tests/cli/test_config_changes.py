"""``config show|diff|apply|confirm|rollback``, ``check --convert|--fix-width``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kaga_edge.config.copies import digest

GOOD = """\
[site]
id = "flood-1"
name = { ja = "見本", en = "sample" }

[[sensor]]
id = "rain-1"
driver = "tipping_bucket"
gpio = 17
every = "60s"
[sensor.disclosure]
purpose = { ja = "雨量", en = "rain" }
personal_data = false
"""
FASTER = GOOD.replace('"60s"', '"10s"').replace("gpio = 17\n", "")  # gpio is left out: faulty
QUICK = GOOD.replace('"60s"', '"10s"')


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "kaga-edge.toml"
    made.write_text(GOOD, encoding="utf-8")
    return made


class Gateway:
    """A daemon that runs GOOD and writes down what it is asked."""

    def __init__(self, text: str = GOOD) -> None:
        self.asked: list[dict] = []
        self.text, self.trial = text, None

    def answer(self, request: dict) -> dict:
        self.asked.append(request)
        if request["op"] == "reload":
            return {"v": 1, "k": "a1b2c3d4", "sensors": 1}
        if request.get("do") == "try":
            self.trial = request["text"]
        if request.get("do") in ("confirm", "rollback"):
            self.trial = None
        text = self.trial or self.text
        told = {"source": "trial" if self.trial else "files", "left_s": 600 if self.trial else None}
        told["digest"] = digest(self.trial.encode()) if self.trial else None
        return told | ({"files": [["kaga-edge.toml", text]]} if request.get("text") is True else {})

    @property
    def done(self) -> list[str]:
        return [one.get("do") or one["op"] for one in self.asked if one.get("do") != "show"]


def test_show_tells_where_every_value_comes_from(kaga_edge, file):
    lines = kaga_edge("config", "show", "--origin", "--config", file).out.splitlines()
    assert 'sensor.rain-1.every = "60s"  # kaga-edge.toml:9' in lines
    assert 'store.max = "512MB"  # default' in lines
    assert 'store.keep_delivered = "1d"  # default' in lines
    assert 'site.zone = "Asia/Tokyo"  # default' in lines
    assert any(line.startswith("sensor.rain-1.mm_per_tip = ") and line.endswith("default") for line in lines)


def test_show_left_out_power_switches_battery_and_commands_and_the_batch_interval(kaga_edge, file):
    more = '[platform]\nurl = "mqtts://x:8883"\n[commands]\nallow = ["ping"]\n'
    more += '[power]\nid = "lte"\nmodem = true\ngpio = 22\n'
    file.write_text(file.read_text() + more)
    lines = kaga_edge("config", "show", "--origin", "--config", file).out.splitlines()
    assert 'platform.batch = "10s"  # default' in lines
    assert any(line.startswith('commands.allow = ["ping"]  # kaga-edge.toml:') for line in lines)
    assert any(line.startswith("power.gpio = 22  # kaga-edge.toml:") for line in lines)
    assert 'power.silent = "30m"  # default' in lines


def test_show_as_json_names_file_and_line(kaga_edge, file):
    found = {
        one["key"]: one for one in json.loads(kaga_edge("config", "show", "--json", "--config", file).out)
    }
    assert found["sensor.rain-1.gpio"] == {
        "key": "sensor.rain-1.gpio",
        "value": 17,
        "file": file.name,
        "line": 8,
    }
    assert found["site.language"]["file"] is None


def test_show_of_a_faulty_file_shows_its_faults(kaga_edge, file):
    file.write_text(FASTER)
    said = kaga_edge("config", "show", "--config", file)
    assert said.code == 78
    assert '"gpio" is missing' in said.out


def test_diff_names_key_old_new_and_line(kaga_edge, file, control_socket):
    path = control_socket(Gateway(QUICK).answer)
    said = kaga_edge("config", "diff", "--config", file, "--socket", path)
    assert said.code == 1
    assert said.out == 'changed sensor.rain-1.every: "10s" -> "60s"  # kaga-edge.toml:9\n'


def test_diff_with_a_file_that_is_no_toml_said_that_everything_was_removed(kaga_edge, file, control_socket):
    path = control_socket(Gateway(QUICK).answer)
    file.write_text("garbage\n")
    said = kaga_edge("config", "diff", "--config", file, "--socket", path)
    assert said.code == 78
    assert "removed" not in said.out
    assert "kaga-edge.toml:1" in said.out


def test_diff_never_shows_a_password(kaga_edge, file, control_socket):
    file.write_text(GOOD + '[platform]\nurl = "mqtts://me:hunter2@x:8883"\npassword = "hunter2"\n')
    path = control_socket(Gateway().answer)
    said = kaga_edge("config", "diff", "--config", file, "--socket", path)
    assert "platform.password" in said.out
    assert "hunter2" not in said.out


def test_the_same_is_said(kaga_edge, file, control_socket):
    path = control_socket(Gateway().answer)
    said = kaga_edge("config", "diff", "--config", file, "--socket", path)
    assert (said.code, said.out) == (0, "no difference\n")


def test_apply_with_confirm_only_tries(kaga_edge, file, control_socket, tmp_path):
    (tmp_path / "new.toml").write_text(QUICK)
    gateway = Gateway()
    path = control_socket(gateway.answer)
    words = ("--config", file, "--socket", path, "--yes")
    said = kaga_edge("config", "apply", tmp_path / "new.toml", "--confirm", "10m", *words)
    assert said.code == 0, said.err
    assert gateway.asked[-1]["seconds"] == 600
    assert "On trial until" in said.out
    assert file.read_text() == GOOD
    assert kaga_edge("config", "confirm", *words).code == 0
    assert file.read_text() == QUICK
    assert gateway.done == ["try", "confirm"]
    assert file.with_name("kaga-edge.toml.previous").read_text() == GOOD


def test_apply_confirmed_is_another_word_for_confirm(kaga_edge, file, control_socket):
    gateway = Gateway()
    gateway.trial = QUICK
    path = control_socket(gateway.answer)
    assert kaga_edge("config", "apply", "--confirmed", "--config", file, "--socket", path).code == 0
    assert file.read_text() == QUICK


def test_apply_and_rollback_change_the_file_and_back(kaga_edge, file, control_socket, tmp_path):
    (tmp_path / "new.toml").write_text(QUICK)
    gateway = Gateway()
    words = ("--config", file, "--socket", control_socket(gateway.answer), "--yes")
    assert kaga_edge("config", "apply", tmp_path / "new.toml", *words).code == 0
    assert file.read_text() == QUICK
    assert kaga_edge("config", "rollback", *words).code == 0
    assert file.read_text() == GOOD
    assert gateway.done == ["reload", "reload"]


def test_rollback_ends_a_trial(kaga_edge, file, control_socket):
    gateway = Gateway()
    gateway.trial = QUICK
    path = control_socket(gateway.answer)
    assert kaga_edge("config", "rollback", "--yes", "--config", file, "--socket", path).code == 0
    assert gateway.done == ["rollback"]


def test_what_the_gateway_refuses_is_put_back(kaga_edge, file, control_socket, tmp_path):
    (tmp_path / "new.toml").write_text(QUICK)
    refusal = {"error": {"code": "KE-C00", "what": "faults", "where": "", "fix": ""}}
    path = control_socket(lambda request: {"files": []} if request.get("do") == "show" else refusal)
    said = kaga_edge("config", "apply", tmp_path / "new.toml", "--config", file, "--socket", path, "--yes")
    assert said.code == 78
    assert file.read_text() == GOOD


def test_a_faulty_file_is_not_applied(kaga_edge, file, tmp_path):
    (tmp_path / "new.toml").write_text(FASTER)
    said = kaga_edge("config", "apply", tmp_path / "new.toml", "--config", file, "--yes")
    assert said.code == 78
    assert "the previous configuration keeps running" in said.err
    assert file.read_text() == GOOD


def test_a_script_must_say_yes(kaga_edge, file, tmp_path):
    (tmp_path / "new.toml").write_text(QUICK)
    said = kaga_edge("config", "apply", tmp_path / "new.toml", "--config", file, "--socket", tmp_path / "no")
    assert (said.code, said.err[:6]) == (64, "KE-U04")
    assert file.read_text() == GOOD


def test_a_file_in_shift_jis_is_converted_and_the_original_kept(kaga_edge, file):
    file.write_bytes(GOOD.encode("cp932"))
    said = kaga_edge("config", "check", file, "--lang", "ja")
    assert (said.code, "Shift-JIS" in said.out, "--convert" in said.out) == (78, True, True)
    assert kaga_edge("config", "check", "--convert", file).code == 0
    assert file.read_text(encoding="utf-8") == GOOD
    assert file.with_name("kaga-edge.toml.before").read_bytes() == GOOD.encode("cp932")


def test_full_width_characters_are_mended_outside_of_texts(kaga_edge, file):
    file.write_text(GOOD.replace("gpio = 17", "gpio　=　１７").replace("見本", "見本１"), encoding="utf-8")
    assert "--fix-width" in kaga_edge("config", "check", file).out
    assert kaga_edge("config", "check", "--fix-width", file).code == 0
    assert file.read_text(encoding="utf-8") == GOOD.replace("見本", "見本１")


def test_a_part_put_right_was_judged_as_if_it_were_the_whole(kaga_edge, file):
    part = file.parent / "conf.d" / "70-text.toml"
    part.parent.mkdir(exist_ok=True)
    part.write_bytes(
        '[[sensor]]\nid = "rain-1"\n[sensor.disclosure]\nground = { ja = "河川法", en = "Act" }\n'.encode(
            "cp932"
        )
    )
    said = kaga_edge("config", "check", file)
    assert (said.code, f"--convert {part}" in said.out) == (78, True)
    said = kaga_edge("config", "check", "--convert", part)
    assert said.code == 0, said.out
    assert "the configuration is good" in said.out
