"""``manifest show|check|notice``: what the station discloses, complete and in both languages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "config"
FULL = """\
[site]
id = "speed-1"
name = { ja = "県道39号", en = "Prefectural road 39" }
operator = { ja = "加賀市", en = "Kaga City" }
position = [36.3, 136.3]
contact = "道路課 0761-00-0000"

[[sensor]]
id = "rain-1"
driver = "tipping_bucket"
gpio = 17
[sensor.disclosure]
purpose = { ja = "雨量 <観測>", en = "rainfall" }
personal_data = false
ground = { ja = "水防法", en = "Flood Control Act" }
kept = { ja = "10年", en = "10 years" }
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "kaga-edge.toml"
    made.write_text(FULL, encoding="utf-8")
    return made


def test_a_complete_one_is_complete(kaga_edge, file):
    said = kaga_edge("manifest", "check", "--config", file)
    assert (said.code, said.out) == (0, "the disclosure is complete\n")


def test_what_a_citizen_would_have_to_ask_is_named(kaga_edge):
    said = kaga_edge("manifest", "check", "--config", EXAMPLES / "kaga-edge.traffic.toml", "--json")
    body = json.loads(said.out)
    assert (said.code, body["wrong"]) == (1, [])
    assert any("operator" in one for one in body["missing"])
    assert any("ground" in one for one in body["missing"])


def test_show_is_what_the_platform_gets(kaga_edge, file):
    body = json.loads(kaga_edge("manifest", "show", "--json", "--config", file).out)
    assert body["by"] == {"ja": "加賀市", "en": "Kaga City"}
    assert body["s"][0]["ground"]["en"] == "Flood Control Act"
    assert "Purpose: rainfall" in kaga_edge("manifest", "show", "--config", file).out


def test_the_notice_is_one_page_with_both_languages_and_nothing_from_outside(kaga_edge, file, tmp_path):
    out = tmp_path / "notice.html"
    assert kaga_edge("manifest", "notice", "--out", out, "--config", file).code == 0
    text = out.read_text(encoding="utf-8")
    assert '<section lang="ja">' in text
    assert '<section lang="en">' in text
    assert "雨量 &lt;観測&gt;" in text
    assert "http" not in text
    assert "size:A4" in text


def test_the_notice_in_words_is_in_both_languages_too(kaga_edge, file):
    said = kaga_edge("manifest", "notice", "--config", file).out
    assert "測定のお知らせ: 県道39号" in said
    assert "What is measured here: Prefectural road 39" in said
