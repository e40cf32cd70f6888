"""``commission``: one page to hand in, from what was really examined."""

from __future__ import annotations

import json
import re
import unicodedata
from html.parser import HTMLParser
from pathlib import Path

import pytest

CONFIG = """\
[site]
id = "flood-1"
name = {{ ja = "見本川 <橋>", en = "Sample river" }}
contact = "0761-00-0000"
[store]
path = "{folder}/store.sqlite"
[[sensor]]
id = "level-1"
driver = "a02yyuw"
port = "{folder}/nothing-there"
[sensor.mount]
gauge_zero_to_sensor_m = 4.2
[sensor.disclosure]
purpose = {{ ja = "水位", en = "level" }}
personal_data = false
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "kaga-edge.toml"
    file.write_text(CONFIG.format(folder=tmp_path), encoding="utf-8")
    return file


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.outside: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.outside += [
            f"{tag} {key}" for key, _ in attributes if key in ("src", "href", "srcset", "action")
        ]

    def handle_data(self, data):
        self.words += data


def answering(snapshot):
    reading = {"id": "surface_distance", "unit": "m", "value": 2.0, "flags": 0}
    read = {"v": 1, "sensor": "level-1", "t": 0, "took_s": 0.04, "readings": [reading], "raw": None}

    def answer(request):
        if request["op"] == "status":
            told = snapshot(only="level-1")
            return told | {"store": told["store"] | {"error": None}}
        return read | {"exchanges": [], "error": None}

    return answer


def test_one_page_in_both_languages_with_nothing_from_outside(
    kaga_edge, config, tmp_path, control_socket, snapshot
):
    path = control_socket(answering(snapshot))
    said = kaga_edge(
        "commission", "--who", "山田 & 子", "--config", config, "--socket", path, "--out", "p.html"
    )
    assert "Report: p.html" in said.out, said.err
    text = (tmp_path / "p.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.outside == []
    assert "http" not in text
    assert "@page{size:A4" in text
    for words in ("設置確認書", "Commissioning report", "山田 & 子", "見本川 <橋>", "量水標", "Signature"):
        assert words in page.words
    assert "2 m" in page.words
    assert re.search(r"\d\d:\d\d JST", page.words), "the time of the site"


def test_a_silent_sensor_is_not_accepted_and_every_part_is_told(kaga_edge, config, tmp_path):
    words = ("--config", config, "--socket", tmp_path / "no", "--out", tmp_path / "p.html", "--json")
    said = kaga_edge("commission", "--who", "Yamada", *words)
    body = json.loads(said.out)
    assert said.code == 2
    states = {one["name"]: one["state"] for one in body["sections"]}
    assert list(states) == ["doctor", "sensors", "line", "cut", "clock", "power", "store"]
    assert states["sensors"] == states["store"] == "fail"


def test_an_acceptance_is_somebodys(kaga_edge, config):
    said = kaga_edge("commission", "--config", config)
    assert (said.code, said.err[:6]) == (64, "KE-U08")


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_it_reads_at_40_columns(kaga_edge, config, tmp_path, monkeypatch, lang, control_socket, snapshot):
    monkeypatch.setenv("COLUMNS", "40")
    path = control_socket(answering(snapshot))
    out = kaga_edge(
        "commission", "--who", "Y", "--config", config, "--socket", path, "--out", "p", "--lang", lang
    ).out
    for line in out.splitlines():
        longest = max((len(word) for word in line.split()), default=0)  # a path is never cut
        wide = sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in line)
        assert wide <= max(42, longest + 6), line
