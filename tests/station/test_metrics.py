"""Prometheus text: every line of the form, nothing made up, written in one step."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest

from kaga_edge.station.metrics import text, write

# Prometheus text format 0.0.4: name, labels with escaped values, a Go float.
SAMPLE = re.compile(
    r"^([a-zA-Z_:][a-zA-Z0-9_:]*)"
    r'(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*\})? (-?[0-9.e+-]+)$'
)


def status(**more):
    return {
        "gw": "flood-1",
        "version": "0.1.0",
        "state": "attention",
        "up_s": 12.5,
        "sensors": [
            {
                "id": "level-1",
                "state": "ok",
                "age_s": 4.2,
                "channels": [{"id": "water_level", "unit": "m", "value": 1.24, "flags": 2}],
            },
            {
                "id": "temp-1",
                "state": "failing",
                "age_s": None,
                "channels": [{"id": "air_temperature", "unit": "Cel", "value": 8.2, "flags": 0}],
            },
        ],
        "store": {
            "numbered": 10,
            "delivered": 7,
            "waiting": 3,
            "gone": 0,
            "lost": 0,
            "oldest_wait_s": 41,
            "bytes": 4096,
            "max_bytes": 8192,
            "error": None,
        },
        "link": {"state": "down", "since_s": 3, "delivered_age_s": None},
        "clock": {"trust": 2},
        "room_s": None,
        "config": {"source": "last_good"},
        "alarms": ["danger/level-1"],
        "maintenance": [],
    } | more


def samples(exposition: str) -> dict[str, float]:
    found = {}
    for line in exposition.splitlines():
        if line.startswith("#"):
            continue
        match = SAMPLE.match(line)
        assert match, line
        found[match[1] + (match[2] or "")] = float(match[3])
    return found


def test_it_says_what_the_status_says() -> None:
    found = samples(text(status()))
    assert found['kaga_edge_value{sensor="level-1",channel="water_level",unit="m"}'] == 1.24
    assert found['kaga_edge_value_flags{sensor="level-1",channel="water_level",unit="m"}'] == 2
    assert found['kaga_edge_sensor_state{sensor="temp-1",state="failing"}'] == 1
    assert found["kaga_edge_rows_numbered_total"] == 10
    assert found["kaga_edge_rows_waiting"] == 3
    assert found["kaga_edge_link_up"] == 0
    assert found['kaga_edge_config_source{source="last_good"}'] == 1
    assert found['kaga_edge_alarm_raised{key="danger/level-1"}'] == 1


def test_what_is_not_known_is_left_out_and_never_zero() -> None:
    exposition = text(status())
    assert "kaga_edge_room_seconds" not in exposition
    assert "delivered_age" not in exposition
    assert "air_temperature" not in exposition  # of a sensor that does not answer
    assert "link" not in text(status(link={"state": "none"}))


def test_every_family_has_its_help_and_type_once() -> None:
    lines = text(status()).splitlines()
    helped = [line.split()[2] for line in lines if line.startswith("# HELP")]
    typed = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert helped == typed
    assert len(set(helped)) == len(helped)
    assert {line.split("{")[0].split(" ")[0] for line in lines if line[0] != "#"} == set(helped)


def test_a_label_cannot_break_out() -> None:
    key = 'a"} 1\nevil 1\\'
    assert samples(text(status(alarms=[key])))
    assert "\nevil" not in text(status(alarms=[key]))


def test_the_file_is_replaced_in_one_step_and_readable_by_node_exporter(tmp_path: Path) -> None:
    file = tmp_path / "kaga-edge.prom"
    before = os.umask(0o077)
    try:
        write(file, "a 1\n")
        first = file.stat().st_ino
        write(file, "a 2\n")
    finally:
        os.umask(before)
    assert file.read_text() == "a 2\n"
    assert file.stat().st_ino != first
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_that_is_not_there_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        write(tmp_path / "no" / "x.prom", "a 1\n")
    assert list(tmp_path.iterdir()) == []
