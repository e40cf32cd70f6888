"""What the page shows: the worst first, in words; nothing old as if it were new."""

from __future__ import annotations

import copy
import re
from importlib import resources

import pytest

from kaga_edge.station.page import records, view, wording
from kaga_edge.station.page.wording import Words, next_threshold, shown
from kaga_edge.text import catalogue
from kaga_edge.vocabulary.readings import Flag

LEVEL = {"id": "water_level", "unit": "m", "value": 1.24, "flags": 0, "grade": 1}
STATUS = {
    "state": "ok",
    "up_s": 90.0,
    "sensors": [
        {"id": "level-1", "state": "ok", "channels": [LEVEL], "age_s": 4.0, "error": None},
        {
            "id": "rain-1",
            "state": "ok",
            "channels": [{"id": "rain_10min", "unit": "mm", "value": 3.5, "flags": 0, "grade": 1}],
            "age_s": 12.0,
            "error": None,
        },
    ],
    "store": {"waiting": 0, "oldest_wait_s": None, "gone": 0, "lost": 0, "error": None},
    "link": {"state": "up", "since_s": 3600.0, "delivered_age_s": 2.0},
    "clock": {"trust": 2, "t": 0},
    "room_s": 26 * 86_400,
    "maintenance": [],
    "alarms": [],
    "config": {"source": "files"},
}
THRESHOLDS = {"caution": 1.0, "danger": 1.8}
FACTS = {
    "name": {"ja": "三木大橋", "en": "Miki bridge"},
    "contact": "0761-00-0000",
    "zone": "Asia/Tokyo",
    "kept_s": 86_400,
    "sensors": [
        {
            "id": "level-1",
            "model": "A02YYUW",
            "measures": "water_level",
            "every_s": 60.0,
            "purpose": {"ja": "水位を知るため", "en": "to know the level"},
            "personal_data": False,
            "thresholds": {"water_level": THRESHOLDS},
            "lines": [],
        }
    ],
}


def at(lang="en", gone_s=None, old_s=0.0, **changes):
    status = copy.deepcopy(STATUS) | changes
    return view.view(status, FACTS, lang=lang, gone_s=gone_s, old_s=old_s)


def silent(*ids):
    sensors = copy.deepcopy(STATUS["sensors"])
    for sensor in sensors:
        if sensor["id"] in ids:
            sensor |= {
                "state": "failing",
                "error": {"code": "KE-B02", "what": "nobody answers", "fix": "plug"},
            }
    return sensors


@pytest.mark.parametrize(
    ("changes", "level", "sentence"),
    [
        ({}, "ok", "Every sensor is measuring"),
        ({"sensors": silent("level-1")}, "attention", "Water level: the sensor does not answer"),
        ({"sensors": silent("level-1", "rain-1")}, "failing", "2 sensors do not answer"),
        ({"link": {"state": "down"}}, "attention", "The line is down; values are kept"),
        (
            {"store": STATUS["store"] | {"error": "full"}},
            "failing",
            "The disk does not take what is measured",
        ),
        ({"alarms": ["danger/level-1"]}, "alarm", "Water level has reached: flood danger level"),
        ({"state": "starting"}, "starting", "Waiting for the first values"),
        ({"state": "attention"}, "attention", "See below"),
        (
            {"maintenance": [{"sensor": "site", "left_s": 600, "who": "Sato"}]},
            "maintenance",
            "The whole station: maintenance, 10 min left (Sato)",
        ),
    ],
)
def test_one_band_says_how_it_stands_in_a_word_and_a_sentence(changes, level, sentence):
    found = at(**changes)
    assert (found["level"], found["says"][0]) == (level, sentence)
    assert found["word"] == catalogue()[f"page.state.{level}"][1]


def test_the_worst_comes_first_and_the_rest_is_not_hidden():
    found = at(
        "ja", alarms=["danger/level-1", "caution/level-1"], link={"state": "down"}, sensors=silent("rain-1")
    )
    assert found["level"] == "alarm"
    assert found["says"] == [
        "水位: 氾濫危険水位に達しています",  # the higher of two ranks says it all
        "10分間雨量のセンサーが応答しません",
        "回線が切れています。値は保存しています",
    ]


@pytest.mark.parametrize(
    ("lang", "band", "fact"),
    [
        (
            "en",
            "Sending is held: nobody subscribes to our data",
            "up for 60 min; nobody subscribes to our data; the platform is busy",
        ),
        (
            "ja",
            "送信保留: 受信側が購読していません",
            "接続 (60分)。受信側が購読していません、送信先が混雑しています",
        ),
    ],
)
def test_a_link_that_is_up_while_rows_were_held_back_looked_well(lang, band, fact):
    link = STATUS["link"] | {"held": ["no_subscriber", "busy"]}
    found = at(lang, link=link)
    shown = next(one for one in found["facts"] if one["key"] == "link")
    assert (found["level"], found["says"]) == ("attention", [band])
    assert (shown["value"], shown["mood"]) == (fact, "warn")


def test_a_platform_that_is_busy_for_a_moment_is_told_beside_the_link_and_alarms_nobody():
    found = at(link=STATUS["link"] | {"held": ["busy"]})
    assert found["level"] == "ok"
    assert any("the platform is busy" in one["value"] for one in found["facts"])


def test_of_two_that_measure_the_same_the_one_that_is_meant_is_named():
    second = copy.deepcopy(STATUS["sensors"][0]) | {"id": "level-2"}
    sensors = [*silent("level-1"), second]
    says = at(sensors=sensors, alarms=["danger/level-2"])["says"]
    assert says == [
        "Water level (level-2) has reached: flood danger level",
        "Water level (level-1): the sensor does not answer",
    ]


def test_a_gateway_that_does_not_answer_outweighs_all_and_ages_go_on():
    found = at(gone_s=30.0, old_s=31.0, alarms=["danger/level-1"])
    assert found["level"] == "gone"
    assert [sensor["age_s"] for sensor in found["sensors"]] == [35.0, 43.0]
    assert next(fact for fact in found["facts"] if fact["key"] == "delivered")["age_s"] == 33.0


def test_the_last_good_value_of_a_silent_sensor_is_called_that_with_what_to_do():
    card = at(sensors=silent("level-1"))["sensors"][0]
    assert (card["quality"], card["last_good"], card["mood"]) == ("silent", "last good value", "bad")
    assert (card["error"]["code"], card["error"]["title"]) == ("KE-B02", "no answer")
    assert card["error"]["mend"]
    assert card["next"] == ""  # an old value is at no distance from anything


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.44, "0.560 m to flood caution level"),
        (1.0, "0.800 m to flood danger level"),
        (1.9, "0.100 m above flood danger level"),
        (None, ""),
    ],
)
def test_how_far_it_is_to_the_next_threshold(value, words):
    assert next_threshold(value, "water_level", THRESHOLDS, Words(lang="en")) == words


def test_without_thresholds_nothing_is_said_of_any():
    assert next_threshold(1.0, "water_level", {}, Words(lang="en")) == ""


@pytest.mark.parametrize(
    ("value", "channel", "text"),
    [
        (1.2404, "water_level", "1.240"), (-0.0001, "water_level", "0.000"), (8.24, "air_temperature", "8.2"),
        (1003.84, "air_pressure", "1003.8"), (71.6, "relative_humidity", "72"), (3.0, "vehicle_count", "3"),
        (0.1234, "occupancy", "0.1234"), (12.345, "supply_voltage", "12.35"), (None, "rain", "--"),
    ],
)  # fmt: skip
def test_numbers_have_no_more_places_than_the_instrument(value, channel, text):
    assert shown(value, channel) == text


def test_doubtful_values_say_why():
    sensors = copy.deepcopy(STATUS["sensors"])
    sensors[0]["channels"][0]["flags"] = int(Flag.STUCK)
    card = at("ja", sensors=sensors)["sensors"][0]
    assert (card["quality"], card["mood"]) == ("変化なし", "warn")


def test_power_clock_and_room_ask_for_attention_when_they_are_bad():
    power = {
        "id": "pi",
        "state": "ok",
        "channels": [
            {"id": "under_voltage", "unit": "1", "value": 1.0, "flags": 0},
            {"id": "cpu_temperature", "unit": "Cel", "value": 51.2, "flags": 0},
        ],
        "age_s": 1.0,
        "error": None,
    }
    found = at(sensors=[power], clock={"trust": 0, "t": 0}, room_s=86_400)
    facts = {fact["key"]: (fact["value"], fact["mood"]) for fact in found["facts"]}
    assert facts["power"] == ("low voltage  51.2 deg C", "warn")
    assert facts["clock"] == ("not known", "warn")
    assert facts["room"] == ("for about 24 h", "warn")


def test_a_sparkline_says_in_words_what_it_shows():
    series = {"channel": "water_level", "unit": "m", "now": 7_200_000, "t": [0, 3_600_000, 7_100_000]}
    drawn = records.spark(series | {"value": [0.93, None, 1.24]}, "en")
    assert drawn["says"] == "Water level over 2 h: lowest 0.930, highest 1.240, now 1.240"
    assert drawn["trend"] == "+0.310 m in 2 h"
    assert records.spark(series | {"value": [None, None, None]}, "en")["says"] == "nothing kept yet"
    counted = {"channel": "vehicle_count", "unit": "{count}", "now": 7_200_000, "t": [0], "value": [3.0]}
    assert records.spark(counted, "en")["trend"] == ""


def test_events_are_in_words_and_in_the_sites_time():
    found = records.events(
        [
            {
                "t": 1_630_126_800_000,
                "p": 3,
                "event": "sensor.down",
                "sensor": "air-1",
                "code": "KE-B02",
                "error": "x",
            },
            {"t": 0, "p": 6, "event": "of.a.later.version", "answer": 42},
        ],
        FACTS,
        "ja",
    )
    assert found[0] | {"says": ""} == {
        "at": "08-28 14:00",
        "iso": "2021-08-28T14:00:00+09:00",
        "title": "無応答",
        "says": "",
        "mood": "bad",
    }
    assert found[1]["says"] == "answer=42"


def test_citizens_read_who_measures_what_for_which_purpose():
    rows = {label: lines for label, *lines in records.notice(FACTS, "en")}
    assert rows["Run by, contact"] == ["0761-00-0000"]
    assert rows["What is measured, and what for"] == ["Water level: to know the level"]
    assert rows["Kept in this box"] == ["24 h after delivery", "No personal data is collected."]


def test_the_browsers_own_words_are_there_in_both_languages():
    assert wording.strings("ja").keys() == wording.strings("en").keys()
    assert wording.strings("ja")["stale"] == "画面が更新されていません"


def test_every_word_the_script_uses_is_there():
    script = resources.files("kaga_edge.station.page.assets").joinpath("page.js").read_text("utf-8")
    used = set(re.findall(r"\bwords\.(\w+)", script)) | set(re.findall(r'\bsay\("([\w.]+)"', script))
    used |= set(re.findall(r'words\["([\w.]+)"\]', script))
    states = {f"calibrate_{state}" for state in ("steady", "unsteady", "few", "measuring")}
    assert (used | states) - wording.strings("en").keys() == set()
