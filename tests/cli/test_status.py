"""What ``status`` shows, and its exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import unicodedata

import pytest

from kaga_edge.cli.status import line, screen
from kaga_edge.core.delivery_words import Saying
from kaga_edge.text import say
from kaga_edge.vocabulary.flags import Flag


def columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def test_the_screen_in_english(snapshot):
    assert screen(snapshot(), "en") == [
        "Daishoji river, Miki bridge",
        "flood-daishoji-01",
        "State   ATTENTION: 1 sensor(s) silent",
        "level-1  1.240   m     good    4 s ago",
        "  Distance to surface  2.960 m",
        "rain-1   3.500   mm    good    12 s ago",
        "temp-1   --      silent   3 min KE-B02",
        "Unsent  412, oldest 41 min ago",
        "Room    about 26 d",
        "Link    up  delivered 2 s ago",
        "Clock   synced (NTP)",
        "Next: kaga-edge sensor read temp-1",
    ]


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        (
            "en",
            ["State   OK: an alarm is raised", "Alarm   Water level has reached: flood danger level"],
        ),
        ("ja", ["状態    正常: 警報あり", "警報    水位: 氾濫危険水位に達しています"]),
    ],
)
def test_a_raised_alarm_is_never_called_all_good(snapshot, lang, said):
    """It used to say "OK: all good" while the river stood above its danger level."""
    usual = snapshot()
    raised = {"state": "ok", "sensors": usual["sensors"][:1], "alarms": ["danger/level-1/water_level"]}
    shown = usual | raised
    lines_ = screen(shown, lang)
    assert [one for one in lines_ if one in said] == said
    assert " alarms=1" in line(shown)


def test_the_screen_in_japanese(snapshot):
    assert screen(snapshot(), "ja") == [
        "大聖寺川 三木大橋  flood-daishoji-01",
        "状態    注意: センサー1台が応答なし",
        "level-1  1.240   m     正常    4秒前",
        "  面までの距離         2.960 m",
        "rain-1   3.500   mm    正常    12秒前",
        "temp-1   --      無応答   3分 KE-B02",
        "未送信  412件  最古 41分前",
        "保存    あと約26日",
        "回線    接続  到達 2秒前",
        "時計    同期 (NTP)",
        "次: kaga-edge sensor read temp-1",
    ]


@pytest.mark.parametrize(
    ("changed", "command"),
    [
        ({"store": {"error": {"code": "KE-S03"}}}, "doctor --only Q"),
        ({"config": {"source": "last_good"}}, "config check"),
        ({"link": {"state": "down"}}, "link test"),
        ({"link": {"held": ["no_subscriber"]}}, "link test"),
        ({"config": {"source": "file", "left_s": 60.0}}, "config confirm"),
        ({}, None),
    ],
)
def test_what_is_wrong_names_the_command_that_looks_closer(snapshot, changed, command):
    body = snapshot(only="level-1")
    for part, facts in changed.items():
        body[part] = body.get(part, {}) | facts
    hints = [text for text in screen(body, "en") if text.startswith("Next: ")]
    assert hints == ([f"Next: kaga-edge {command}"] if command else [])


def test_what_a_driver_remarks_stands_below_its_sensor_in_the_readers_language(snapshot):
    told = snapshot(only="rain-1")
    told["sensors"][0]["remarks"] = ["product id 0x1A is not one of 02BA: check the option variant"]
    english, japanese = screen(told, "en"), screen(told, "ja")
    assert "  note: product id 0x1A is not one of" in english
    at = japanese.index("rain-1   3.500   mm    正常    12秒前")
    assert japanese[at + 1].startswith("  注意: 製品番号 0x1A は 02BA のもの")
    assert all(columns(text) <= 40 for text in (*english, *japanese))


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_no_line_is_wider_than_a_phone_and_no_sign_has_two_widths(snapshot, lang):
    for text in screen(snapshot(), lang):
        assert columns(text) <= 40
        assert not any(unicodedata.east_asian_width(sign) == "A" for sign in text)


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_a_value_with_several_flags_still_fits_a_phone(snapshot, lang, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    body = snapshot(only="level-1")
    for channel in body["sensors"][0]["channels"]:
        channel["flags"] = Flag.ESTIMATED | Flag.MAINTENANCE
    assert all(columns(text) <= 40 for text in screen(body, lang))


def test_an_old_value_is_never_shown_as_if_it_were_current(snapshot):
    silent = next(text for text in screen(snapshot(), "en") if text.startswith("temp-1"))
    assert "8.2" not in silent


def test_a_flag_is_told_in_words_beside_the_value(snapshot):
    body = snapshot(only="level-1")
    body["sensors"][0]["channels"][0]["flags"] = 4
    assert "stuck" in screen(body, "en")[3]


def test_a_colour_only_repeats_the_word(snapshot):
    coloured = "\n".join(screen(snapshot(), "en", colour=True))
    assert "\x1b[33mATTENTION\x1b[0m" in coloured
    assert coloured.replace("\x1b[33m", "").replace("\x1b[0m", "") == "\n".join(screen(snapshot(), "en"))


def test_a_link_that_is_down_tells_why(snapshot):
    body = snapshot()
    body["link"] |= {"state": "down", "delivered_age_s": None, "since_s": 2467, "reason": "no route to host"}
    shown = screen(body, "en")
    assert "Link    down  for 41 min" in shown
    assert "        no route to host" in shown


@pytest.mark.parametrize("why", [saying.value for saying in Saying if saying is not Saying.UNACKED_FULL])
def test_rows_that_are_held_back_over_a_link_that_is_up_were_not_explained(snapshot, why):
    body = snapshot() | {"state": "attention"}
    body["link"] |= {"state": "up", "held": [why]}
    for lang, word in (("en", "sending is held"), ("ja", "送信保留")):
        shown = screen(body, lang)
        assert word in "".join(shown[:4])
        assert say(f"link.held.{why}", lang) in "".join(text.strip() for text in shown)


def test_a_station_without_a_platform_says_so(snapshot):
    assert "Link    no platform set" in screen(snapshot() | {"link": {"state": "none"}}, "en")


def test_rows_that_will_never_arrive_are_told(snapshot):
    body = snapshot()
    body["store"]["lost"] = 7
    assert any(text.endswith("  lost 7") for text in screen(body, "en"))
    assert any(text.endswith("  失われた行 7") for text in screen(body, "ja"))


def test_a_gateway_that_has_just_started_has_values_to_wait_for(snapshot):
    body = snapshot(only="level-1") | {"state": "starting", "room_s": None}
    body["sensors"][0] |= {"state": "starting", "age_s": None}
    shown = screen(body, "en")
    assert "State   STARTING: waiting for first values" in shown


def test_the_room_left_was_not_shown_in_the_first_hour(snapshot):
    body = snapshot() | {"room_s": None}
    body["store"] |= {"bytes": 65_536, "max_bytes": 57_802_752}
    assert "Room    57 MB free" in screen(body, "en")
    assert "保存    空き 57 MB" in screen(body, "ja")


def test_one_line_for_scripts(snapshot):
    assert line(snapshot()) == (
        "ATTENTION flood-daishoji-01 sensors=2/3 unsent=412 oldest=2467s link=up delivered=2s clock=ntp "
        "code=KE-B02"
    )


def test_a_gateway_that_is_down_had_no_line_at_all(kaga_edge, tmp_path):
    (tmp_path / "k.toml").write_text('[site]\nid = "flood-1"\n')
    said = kaga_edge("status", "--line", "--config", tmp_path / "k.toml", "--socket", tmp_path / "none.sock")
    assert (said.code, said.out) == (3, "DOWN flood-1 code=KE-G01\n")


@pytest.mark.parametrize(("state", "code"), [("ok", 0), ("attention", 1), ("starting", 1), ("failing", 2)])
def test_the_exit_code_follows_the_state(kaga_edge, control_socket, snapshot, state, code):
    path = control_socket(lambda _: snapshot() | {"state": state})
    assert kaga_edge("status", "--socket", path).code == code


def test_json_is_the_snapshot_itself(kaga_edge, control_socket, snapshot):
    path = control_socket(lambda _: snapshot())
    assert json.loads(kaga_edge("status", "--json", "--socket", path).out) == snapshot()


def test_the_socket_and_the_language_come_from_the_configuration(
    kaga_edge, control_socket, snapshot, tmp_path
):
    path = control_socket(lambda _: snapshot())
    (tmp_path / "k.toml").write_text('[site]\nlanguage = "ja"\n[station]\nruntime = "."\n')
    said = kaga_edge("status", "--config", tmp_path / "k.toml")
    assert path.name == "control.sock"
    assert "状態    注意" in said.out


def test_three_when_nobody_listens(kaga_edge, tmp_path):
    said = kaga_edge("status", "--socket", tmp_path / "none.sock")
    assert said.code == 3
    assert "systemctl start kaga-edge" in said.err


def test_maintenance_is_a_line_of_its_own(kaga_edge, control_socket, snapshot):
    window = {"sensor": "site", "left_s": 1800, "who": "山田", "why": "清掃", "until": 0}
    path = control_socket(lambda _: snapshot() | {"maintenance": [window]})
    said = kaga_edge("status", "--socket", path, "--lang", "ja")
    assert "保守中  観測所全体  あと30分  山田" in said.out


def test_three_when_a_killed_daemon_left_its_socket(kaga_edge, tmp_path):
    import socket

    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "left.sock"))
    assert kaga_edge("status", "--socket", tmp_path / "left.sock").code == 3


def test_a_daemon_that_hangs_up_means_try_later(kaga_edge, control_socket):
    assert kaga_edge("status", "--socket", control_socket(lambda _: None)).code == 75


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_a_stranger_is_told_to_join_the_group(control_socket, snapshot, tmp_path):
    path = control_socket(lambda _: snapshot())
    path.chmod(0o660)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    pid = os.fork()
    if pid == 0:  # the child asks as nobody
        from kaga_edge.cli import main

        os.setgid(65534)
        os.setuid(65534)
        os._exit(main(["status", "--socket", str(path)]))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 2


def test_watch_draws_again_and_again_until_it_is_stopped(control_socket, snapshot):
    path = control_socket(lambda _: snapshot())
    command = [sys.executable, "-m", "kaga_edge", "status", "--watch", "--socket", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        heads = 0
        for text in process.stdout:
            heads += text == "flood-daishoji-01\n"
            if heads == 2:
                break
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130


def test_sensor_watch_prints_what_is_new_and_nothing_twice(kaga_edge, control_socket, snapshot):
    path = control_socket(lambda _: snapshot())
    said = kaga_edge("sensor", "watch", "rain-1", "--seconds", "0", "--socket", path)
    assert said.code == 0
    assert said.out.count("3.5 mm") == 1
    silent = kaga_edge("sensor", "watch", "temp-1", "--seconds", "0", "--socket", path)
    assert (silent.code, "KE-B02" in silent.out) == (2, True)
    assert kaga_edge("sensor", "watch", "nobody", "--socket", path).code == 64


@pytest.mark.parametrize(
    ("command", "key", "shown"),
    [("maintenance", "windows", "01:00 -07"), ("collect", "stopped", "2027-01-15 01:00 -07")],
)
def test_the_hour_that_a_window_ends_was_told_in_the_computers_zone(
    kaga_edge, tmp_path, control_socket, command, key, shown
):
    at_ms = 1_800_000_000_000  # 2027-01-15 08:00 UTC
    window = {"sensor": "site", "since": at_ms, "until": at_ms, "left_s": 60, "who": "A", "why": ""}
    config = tmp_path / "kaga-edge.toml"
    config.write_text('[site]\nzone = "Etc/GMT+7"\n')
    path = control_socket(lambda _: {"v": 1, key: [window]})
    assert shown in kaga_edge(command, "status", "--config", config, "--socket", path).out
