"""How a failure reads at the terminal, in both languages and at 40 columns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kaga_edge.cli import main
from kaga_edge.cli.failure import failure_lines
from kaga_edge.cli.screen import width


def test_a_known_sentence_is_told_in_japanese() -> None:
    fix = "kaga-edge config apply FILE --confirm 10m"
    assert failure_lines("KE-U03", "", "no configuration is on trial", fix, "ja") == [
        "KE-U03  試行中の設定はありません",
        "直し方: kaga-edge config apply FILE --confirm 10m",
    ]


def test_an_unknown_sentence_stands_behind_the_japanese_name_of_its_code() -> None:
    lines = failure_lines("KE-B02", "i2c-1", "odd thing 7", "look at it", "ja")
    assert lines[0] == "KE-B02  i2c-1: 応答なし (odd thing 7)"
    assert lines[1].startswith("直し方: kaga-edge sensor scan")


def test_english_is_told_as_it_was_said() -> None:
    assert failure_lines("KE-B02", "i2c-1", "odd thing 7", "look at it", "en") == [
        "KE-B02  i2c-1: odd thing 7",
        "To mend: look at it",
    ]


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_a_failure_reads_at_40_columns(monkeypatch: pytest.MonkeyPatch, lang: str) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    lines = failure_lines(
        "KE-G01",
        "/run/kaga-edge/control.sock",
        "the gateway is not running",
        "sudo systemctl start kaga-edge; why it stopped: journalctl -u kaga-edge -n 20",
        lang,
    )
    assert all(width(line) <= 40 for line in lines)


def test_a_sensor_misspelled_is_answered_with_the_nearest(kaga_edge, tmp_path) -> None:
    file = tmp_path / "kaga-edge.toml"
    file.write_text(kaga_edge("config", "init", "flood").out, encoding="utf-8")
    said = kaga_edge("sensor", "read", "levle-1", "--config", file)
    assert said.code == 64
    assert 'did you mean "level-1"?' in said.err


def test_a_driver_misspelled_is_a_usage_error(kaga_edge) -> None:
    said = kaga_edge("sensor", "models", "bme28", "--lang", "ja")
    assert said.code == 64
    assert "「bme28」というドライバーはありません" in said.err


def test_a_failure_asked_for_as_json_is_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A script that reads stdout got nothing there when the gateway did not run."""
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    assert main(["status", "--json"]) == 3
    said = capsys.readouterr()
    error = json.loads(said.out)["error"]
    assert error["code"] == "KE-G01"
    assert error["where"] == str(tmp_path / "control.sock")
    assert "systemctl start kaga-edge" in error["fix"]
    assert said.err == ""
