"""``kaga-edge log``: the ring in the reader's language, chosen by time, sensor and level."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import unicodedata
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from kaga_edge.cli.log import since
from kaga_edge.station.events import EventRing, Follower

AT_MS = 1_795_281_249_000  # 2026-11-22 02:14:09 in Japan


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "kaga-edge.toml"
    file.write_text('[site]\nid = "x"\n[store]\npath = "var/store.sqlite"\n', encoding="utf-8")
    (tmp_path / "var").mkdir()
    ring = EventRing(tmp_path / "var")
    for second, level, name, fields in (
        (0, 4, "link.down", {"reason": "no route to host"}),
        (2467, 6, "link.up", {"outage_s": 2467}),
        (
            3992,
            3,
            "sensor.down",
            {"sensor": "temp-1", "code": "KE-B02", "error": "no acknowledge", "count": 7},
        ),
        (4000, 2, "alert.raised", {"key": "danger/level-1", "value": 1.34, "threshold": 1.2}),
        (4001, 6, "thing.of_a_later_version", {"a": 1}),
    ):
        ring.add({"t": AT_MS + second * 1000, "p": level, "seq": 1, "event": name, **fields})
    ring.close()
    return file


def test_it_tells_what_happened_in_both_languages(kaga_edge, config: Path) -> None:
    assert kaga_edge("log", "--config", config).out.splitlines() == [
        "2026-11-22 (JST)",
        "02:14:09 link down      no route to host, storing locally",
        "02:55:16 link up        connected after 41 min",
        "03:20:41 down           temp-1 KE-B02 no acknowledge (7 times)",
        "03:20:49 alarm          level-1 flood danger level 1.34 reached 1.2",
        "03:20:50 thing.of_a_later_version a=1",
    ]
    assert (
        "02:55:16 回線接続       41分ぶりに接続しました"
        in kaga_edge("log", "--config", config, "--lang", "ja").out
    )


def test_a_persons_reason_was_translated_as_if_it_were_ours(kaga_edge, config: Path) -> None:
    ring = EventRing(config.parent / "var")
    said = {"sensor": "level-1", "who": "A", "why": "asked"}  # "asked" is also what a broker says
    ring.add({"t": AT_MS, "p": 4, "seq": 9, "event": "collect.stopped", **said})
    ring.close()
    last = kaga_edge(
        "log", "--config", config, "--lang", "ja", "--sensor", "level-1", "--level", "warning"
    ).out
    assert "測定停止       level-1 A (asked)" in last


def test_it_is_narrowed_by_sensor_level_and_time(kaga_edge, config: Path) -> None:
    def names(*words: object) -> list[str]:
        out = kaga_edge("log", "--config", config, "--json", *words).out
        return [json.loads(line)["event"] for line in out.splitlines()]

    assert names("--sensor", "level-1") == ["alert.raised"]
    assert names("--level", "error") == ["sensor.down", "alert.raised"]
    assert names("--since", "2026-11-22 03:20:45") == ["alert.raised", "thing.of_a_later_version"]
    assert names("--last", "1") == ["thing.of_a_later_version"]


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_it_reads_at_40_columns(kaga_edge, config: Path, monkeypatch, lang: str) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    for line in kaga_edge("log", "--config", config, "--lang", lang).out.splitlines():
        assert sum(2 if unicodedata.east_asian_width(sign) in "WFA" else 1 for sign in line) <= 42


def test_nothing_yet_and_a_wrong_time_are_said(kaga_edge, tmp_path: Path) -> None:
    file = tmp_path / "kaga-edge.toml"
    file.write_text("", encoding="utf-8")
    assert kaga_edge("log", "--config", file).out == "no events\n"
    said = kaga_edge("log", "--config", file, "--since", "soon")
    assert (said.code, said.err[:6]) == (64, "KE-G06")


@pytest.mark.parametrize(
    ("text", "ago_s"), [("2h", 7200), ("3d", 259_200), ("today", 8049), ("2026-11-22 02:00", 849)]
)
def test_since_is_read_in_the_sites_time(text: str, ago_s: int) -> None:
    assert since(text, ZoneInfo("Asia/Tokyo"), AT_MS / 1000, "en") == AT_MS - ago_s * 1000


def test_follow_goes_on_over_the_change_to_a_new_file(tmp_path: Path) -> None:
    def add(*names: str) -> None:
        ring = EventRing(tmp_path, file_bytes=200)
        for name in names:
            ring.add({"t": AT_MS, "p": 6, "seq": 1, "event": name})
        ring.close()

    add("old")
    follower = Follower(tmp_path)
    seen = []
    for name in "abcdefghij":  # every few of them a new file begins
        add(name)
        seen += [event["event"] for event in follower.new()]
    assert "".join(seen) == "abcdefghij"


def test_follow_waits_for_a_line_that_is_still_being_written(tmp_path: Path) -> None:
    follower = Follower(tmp_path)
    file = tmp_path / "events.jsonl"
    file.write_bytes(b'{"event":"a","t":1,"p":6}\n{"event":"b"')
    assert [one["event"] for one in follower.new()] == ["a"]
    with file.open("ab") as more:
        more.write(b',"t":2,"p":6}\n')
    assert [one["event"] for one in follower.new()] == ["b"]


def test_the_command_follows_until_it_is_stopped(config: Path) -> None:
    command = [sys.executable, "-m", "kaga_edge", "log", "-f", "--last", "1", "--config", str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("2026-11-22")
        assert "thing.of_a_later_version" in process.stdout.readline()
        ring = EventRing(config.parent / "var")
        ring.add({"t": AT_MS + 5_000_000, "p": 4, "seq": 1, "event": "link.down", "reason": "cut"})
        ring.close()
        assert "cut, storing locally" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130


def test_a_sensor_misspelled_was_told_as_nothing_happened(kaga_edge, config):
    config.write_text(config.read_text() + '[[sensor]]\nid = "level-1"\n[[sensor]]\nid = "quiet-1"\n')
    said = kaga_edge("log", "--config", config, "--sensor", "levl-1")
    assert (said.code, "level-1" in said.err) == (64, True)
    assert kaga_edge("log", "--config", config, "--sensor", "quiet-1").code == 0
