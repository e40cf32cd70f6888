"""``commission``: one page to hand in, from what was really examined."""

from __future__ import annotations

import json
import re
import shutil
import unicodedata
from html.parser import HTMLParser
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from kaga_edge.cli.commission_page import Section, page
from kaga_edge.cli.linecut import Row
from kaga_edge.config import load

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


def sections(sensors: int) -> list[Section]:
    """What a station with some notes brings: six instruments, the whole line, a cut, an unset clock."""

    def row(state: str, name: str, ja: str, en: str, seen: str = "") -> Row:
        return Row(state=state, name=name, words={"ja": ja, "en": en}, seen=seen)

    said = ("水位 1.238 m, 面までの距離 3.762 - 3.764 m", "Water level 1.238 m, Distance 3.762 - 3.764 m")
    notes = [
        row("note", f"S0{i}", "公開の説明と連絡先", "disclosure and contact", "none") for i in range(1, 7)
    ]
    passed = [row("pass", f"B{i:02}", "検査", "check") for i in range(25)]
    clock = [row("note", f"T0{i}", "時計の同期", "clock synchronised", "not synchronised") for i in (1, 2, 3)]
    steps = [row("pass", "", "名前解決", "name", "platform.kaga.example 203.0.113.7 18 ms")] * 8
    return [
        Section(name="doctor", rows=(*notes, *passed, *clock)),
        Section(name="sensors", rows=tuple(row("pass", f"level-{i}", *said, "5/5") for i in range(sensors))),
        Section(name="line", rows=tuple(steps)),
        Section(name="cut", rows=(row("pass", "", "回線を60秒切る: 118件を保存", "line cut for 60 s"),)),
        Section(name="clock", rows=tuple(clock)),
        Section(name="power", rows=(row("unknown", "P01", "電源電圧と温度", "supply voltage", "no sensor"),)),
        Section(name="store", rows=(row("pass", "", "測った数", "numbered", "numbered 458 delivered 456"),)),
    ]


def test_the_one_page_to_hand_in_was_two(config, tmp_path):
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed (scripts/apt-packages lists it)")
    file = tmp_path / "p.html"
    file.write_text(page(load(config), "山田", sections(6), "2026-11-29 05:02 JST"), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 390, "height": 844})
        tab.goto(file.as_uri())
        wide = tab.evaluate("document.documentElement.scrollWidth")
        printed = tab.pdf(prefer_css_page_size=True)
        browser.close()
    assert wide == 390  # nothing is cut off on a telephone
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1


def test_the_report_left_out_the_level_that_goes_to_the_city(
    kaga_edge, config, tmp_path, control_socket, snapshot
):
    answer = answering(snapshot)

    def with_level(request):
        channel = {"id": "water_level", "value": 2.2, "line": [1.0, -0.05]}
        return answer(request) | ({"channels": [channel]} if request["op"] == "take" else {})

    words = ("--config", config, "--socket", control_socket(with_level), "--out", "p.html")
    kaga_edge("commission", "--who", "Yamada", *words)
    assert "Water level 2.150 m" in Page((tmp_path / "p.html").read_text(encoding="utf-8")).words


def test_a_silent_sensor_is_not_accepted_and_every_part_is_told(kaga_edge, config, tmp_path):
    words = ("--config", config, "--socket", tmp_path / "no", "--out", tmp_path / "p.html", "--json")
    said = kaga_edge("commission", "--who", "Yamada", *words)
    body = json.loads(said.out)
    assert said.code == 2
    states = {one["name"]: one["state"] for one in body["sections"]}
    assert list(states) == ["doctor", "sensors", "line", "cut", "clock", "power", "store"]
    assert states["sensors"] == states["store"] == "fail"


def test_a_report_that_cannot_be_written_was_told_after_the_line_had_been_cut(kaga_edge, config, tmp_path):
    out = tmp_path / "no-folder/p.html"
    said = kaga_edge("commission", "--config", config, "--who", "Yamada", "--out", out, "--lang", "en")
    assert said.code == 2
    assert said.out == ""  # nothing was examined
    assert str(out) in said.err


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
