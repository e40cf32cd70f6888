"""The demo's picture: fits 40 columns, and has no sign whose width a terminal may choose."""

import io
from unicodedata import east_asian_width

import pytest

from kaga_edge.sim.demo_view import Picture, PlainView, Value, picture_lines
from kaga_edge.sim.demo_words import TEXTS, words
from kaga_edge.text.lines import fold, width

PICTURE = Picture(
    elapsed_s=33.4,
    total_s=90.0,
    act="act.restore",
    values=(
        Value(sensor="level-1", channel="water_level", unit="m", value=2.31, missing=False),
        Value(sensor="snow-1", channel="snow_depth", unit="m", value=0.15, missing=True),
        Value(sensor="rain-1", channel="rain_total", unit="mm", value=None, missing=False),
    ),
    line_up=False,
    state="alive",
    numbered=12345,
    waiting=678,
    oldest_s=21.0,
    arrived=11667,
    alarms=("水位が氾濫危険水位に達しました", "Water level has reached the flood danger level"),
)


def test_no_text_has_a_sign_of_ambiguous_width():
    signs = {sign for pair in TEXTS.values() for text in pair for sign in text}
    assert {sign for sign in signs if east_asian_width(sign) == "A"} == set()


@pytest.mark.parametrize("lang", ["ja", "en"])
@pytest.mark.parametrize("columns", [40, 80])
def test_the_picture_fits_its_columns(lang, columns):
    assert max(map(width, picture_lines(PICTURE, lang, columns))) <= columns


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_a_sensor_that_is_missing_says_so_in_words(lang):
    (line,) = [line for line in picture_lines(PICTURE, lang, 80) if "snow-1" in line]
    assert words("sensor.missing", lang) in line


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_plain_lines_fit_a_narrow_terminal(lang):
    out = io.StringIO()
    PlainView(lang, out, 40).event(12.0, words("act.restore", lang), PICTURE)
    assert max(map(width, out.getvalue().splitlines())) <= 40


def test_a_picture_without_the_daemon_says_that_it_is_not_running():
    without = picture_lines(
        Picture(**{name: getattr(PICTURE, name) for name in Picture.__slots__} | {"values": None}), "en", 80
    )
    assert any("not running" in line for line in without)


def test_japanese_is_cut_anywhere_and_english_at_spaces():
    assert fold("回線が戻る", 4) == ["回線", "が戻", "る"]
    assert fold("the line returns", 9) == ["the line", "returns"]
