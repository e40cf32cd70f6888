"""The page in a real browser: phone and desk, both languages, light and dark, keyboard only, axe-core."""

from __future__ import annotations

import json
import os
import re
import signal

import pytest

from kaga_edge.config.calibrations import calibration_file, read_calibrations

from .conftest import FULL, a_station

SERIOUS = ("serious", "critical")
LOOKS = [
    (width, lang, scheme) for width in (390, 1280) for lang in ("ja", "en") for scheme in ("light", "dark")
]
PLAIN = [(390, "ja", "light"), (1280, "en", "dark")]


@pytest.fixture
def browse(chromium, page):
    """Open the page as somebody looks at it; fails on anything the browser complains of."""
    contexts, complaints = [], []

    def look(width=390, lang="en", scheme="light", *, motion="no-preference"):
        context = chromium.new_context(
            ignore_https_errors=True,  # nobody vouches for a certificate of our own making
            viewport={"width": width, "height": 844 if width < 500 else 900},
            locale=lang,
            color_scheme=scheme,
            reduced_motion=motion,
            bypass_csp=False,
        )
        context.set_default_timeout(60_000)
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.goto(page.origin)
        tab.wait_for_selector(".card")
        return tab

    look.complaints = complaints
    yield look
    for context in contexts:
        context.close()


def enter(tab, pin: str) -> None:
    tab.fill("#who", "Yamada")
    tab.fill("#pin", pin)
    tab.press("#pin", "Enter")
    tab.wait_for_selector("#actions button:not([type=submit])")


def findings(tab, axe: str) -> list[str]:
    """Return axe-core's serious and critical findings: rule, and where."""
    tab.evaluate(f"() => {{ {axe} }}")  # over the debugger: the page's own policy stays as it is
    found = tab.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{one['id']}: {[node['target'] for node in one['nodes']]}"
        for one in found["violations"]
        if one["impact"] in SERIOUS
    ]


@pytest.mark.parametrize(("width", "lang", "scheme"), LOOKS if FULL else PLAIN)
def test_it_reads_well_everywhere(browse, page, axe, screenshots, width, lang, scheme):
    tab = browse(width, lang, scheme)
    tab.wait_for_function("() => document.querySelectorAll('.spark path[d^=M]').length >= 4")
    assert tab.evaluate("document.documentElement.lang") == lang
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    name = f"{lang}-{width}-{scheme}"
    tab.screenshot(path=screenshots / f"{name}.png", full_page=True)
    assert findings(tab, axe) == []
    enter(tab, page.opened["pin"])
    tab.click(".card .fold")
    tab.wait_for_selector(".plot canvas")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.screenshot(path=screenshots / f"{name}-open.png", full_page=True)
    assert findings(tab, axe) == []
    assert browse.complaints == []


CROWD = """() => {
    const put = (where, text) => { document.querySelector(where).textContent = text; };
    put("h1", "Observation station upstream of the old bridge (right bank), behind the water mill");
    put(".card h3 .quiet", "a-long-name-of-a-sensor-that-fills-40-signs");
    put(".card .tags > :last-child", "out of range, spike, stuck, low quality, estimated, maintenance");
    put(".card .value", "-12345.678");
}"""
CLIPPED = """() => [...document.querySelectorAll(".language, .top, .tag")]
    .filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.outerHTML)"""


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_long_names_many_flags_and_long_numbers_stay_inside(browse, width):
    tab = browse(width, "en")
    tab.evaluate(CROWD)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.evaluate(CLIPPED) == []


PARTED = """() => {
    const dd = document.querySelector("#facts dd");
    dd.textContent = "12390件 (最古 45秒前)";
    const word = document.createRange();
    word.setStart(dd.firstChild, 8);
    word.setEnd(dd.firstChild, 10);
    return [word.toString(), word.getClientRects().length];
}"""


def test_a_word_was_torn_in_two_at_the_end_of_a_line(browse):
    assert browse(390, "ja").evaluate(PARTED) == ["最古", 1]


def test_what_can_be_tapped_is_large_enough_for_gloves(browse):
    tab = browse(390, "ja")
    small = tab.evaluate(
        """() => [...document.querySelectorAll("button, input, select, .language")]
            .filter((one) => one.getBoundingClientRect().height < 44).map((one) => one.outerHTML)"""
    )
    assert small == []


def test_values_are_shown_with_unit_quality_age_and_threshold_and_go_on(browse):
    tab = browse(390, "en")
    card = tab.locator(".card", has_text="level-1")
    assert re.fullmatch(r"\d+\.\d{3}m", card.locator(".number").inner_text())
    assert card.locator(".tag").last.inner_text() == "good"
    assert re.fullmatch(r"\d+ s ago", card.locator(".foot span").first.inner_text())
    assert re.search(r"(to|above) flood", card.locator(".next").inner_text())
    before = card.locator(".value").inner_text()
    tab.wait_for_function("(old) => document.querySelector('.card .value').textContent !== old", arg=before)


def test_the_language_switch_works(browse):
    tab = browse(390, "ja")
    tab.click("#language")
    tab.wait_for_selector(".card")
    assert tab.evaluate("document.documentElement.lang") == "en"


def test_with_the_keyboard_alone_from_the_top_to_a_reading(browse, page):
    tab = browse(1280, "en")
    keys = tab.keyboard

    def tab_to(what: str) -> None:
        for _ in range(60):
            keys.press("Tab")
            if tab.evaluate(f"document.activeElement.matches({json.dumps(what)})"):
                return
        raise AssertionError(f"no way to {what}")

    keys.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    tab_to("#who")
    keys.type("Yamada")
    keys.press("Tab")
    keys.type(page.opened["pin"])
    keys.press("Enter")
    tab.wait_for_function("() => document.activeElement.id === 'h-actions'")
    tab.evaluate("document.querySelector('.skip').focus()")
    keys.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "sensors"
    tab_to(".fold")
    keys.press("Enter")
    tab.wait_for_selector(".plot canvas")
    assert tab.evaluate("document.activeElement.getAttribute('aria-expanded')") == "true"
    tab_to(".panel button.main")
    visible = tab.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert visible == "solid"
    keys.press("Enter")
    tab.wait_for_selector(".panel .note:has-text('Read just now')")


def test_a_stream_that_stops_is_said_and_greyed_and_comes_back(browse, page):
    tab = browse(390, "en")
    os.kill(page.opened["pid"], signal.SIGSTOP)
    try:
        tab.wait_for_selector("#stale:not([hidden])", timeout=60_000)
        assert tab.inner_text("#stale-word") == "This page is not being updated"
        assert re.search(r"last news came \d+ s ago", tab.inner_text("#stale-says"))
        assert tab.evaluate("getComputedStyle(document.getElementById('cards')).filter") == "grayscale(1)"
    finally:
        os.kill(page.opened["pid"], signal.SIGCONT)
    tab.wait_for_selector("#stale[hidden]", state="attached", timeout=60_000)


def test_a_gateway_that_does_not_answer_is_said_too(browse, page):
    tab = browse(390, "en")
    os.kill(page.process.pid, signal.SIGSTOP)
    try:
        tab.wait_for_selector("#band[data-level=gone]", timeout=60_000)
        assert tab.inner_text("#word") == "NO ANSWER"
        assert tab.is_visible("#stale")
    finally:
        os.kill(page.process.pid, signal.SIGCONT)
    tab.wait_for_selector("#band:not([data-level=gone])", timeout=60_000)


def test_a_wrong_pin_says_how_many_tries_are_left(browse, page):
    tab = browse(390, "en")
    tab.fill("#who", "Yamada")
    tab.fill("#pin", "0000 0000")
    tab.press("#pin", "Enter")
    tab.wait_for_selector("#pin-note:has-text('Wrong PIN')")
    assert tab.evaluate("document.activeElement.id") == "pin"
    enter(tab, page.opened["pin"])


def test_maintenance_of_one_sensor_is_seen_at_once_and_ended(browse, page):
    tab = browse(390, "en")
    enter(tab, page.opened["pin"])
    tab.click(".card .fold")
    tab.click(".panel button:has-text('Start maintenance')")
    tab.wait_for_selector(".card .tag:has-text('maintenance')")
    tab.click(".panel button:has-text('End maintenance')")
    tab.wait_for_selector(".card .tags .tag[hidden]", state="attached")
    assert page.ask(op="status")["maintenance"] == []


def test_an_offset_takes_two_steps_and_shows_before_and_after(browse, page, screenshots):
    """The half minute of reading is answered for here; test_calibrating tests what is answered."""
    tab = browse(390, "ja")
    steady = {"state": "steady", "channel": "water_level", "unit": "m", "value": 1.238, "count": 30}
    last = {"at": "2026-04-02", "who": "山田", "offset": -0.02}
    answers = {
        "calibrate_begin": {},
        "calibrate_look": steady | {"spread": 0.002, "drift": 0.0, "limit": 0.02, "last": last},
        "calibrate_compare": {"before": 1.238, "after": 1.2, "offset": -0.038},
        "calibrate_keep": {},
    }
    asked = []

    def answer(route):
        asked.append(json.loads(route.request.post_data))
        route.fulfill(json=answers[asked[-1]["action"]])

    enter(tab, page.opened["pin"])
    tab.route("**/api/do*", answer)
    tab.click(".card .fold")
    tab.click("button:has-text('30秒測る')")
    tab.fill("input[inputmode=decimal]", "1,20")
    tab.press("input[inputmode=decimal]", "Enter")
    tab.wait_for_selector(".before-after:has-text('1.238 m')")
    tab.screenshot(path=screenshots / "ja-390-calibration.png", full_page=True)
    tab.click("button:has-text('この補正を記録する')")
    tab.wait_for_selector(".note:has-text('記録しました')")
    assert [one["action"] for one in asked] == [*answers]
    assert asked[-1]["true"] == 1.2


def test_what_is_being_typed_stays_when_the_sensors_state_changes(browse, page):
    """A maintenance that ended by itself used to wipe the form of a correction in hand."""
    tab = browse(390, "en")
    enter(tab, page.opened["pin"])
    tab.click(".card .fold")
    tab.click(".panel button:has-text('Stop measuring')")
    tab.fill(".panel form:has-text('Stop it') input", "asked by a neighbour")
    page.ask(op="maintenance", do="on", sensor="level-1", minutes=5, who="Sato")
    tab.wait_for_selector(".card .tag:has-text('maintenance')")
    assert tab.input_value(".panel form:has-text('Stop it') input") == "asked by a neighbour"
    page.ask(op="maintenance", do="off", sensor="level-1")


def test_nothing_moves_for_those_who_asked_for_that(browse):
    tab = browse(390, "en", motion="reduce")
    assert tab.evaluate("getComputedStyle(document.getElementById('band')).transitionDuration") in ("0s", "")


@pytest.fixture
def calm(tmp_path):
    """A station at its real pace: the river stands still for the first hour of the story."""
    with a_station(tmp_path, speed=1.0) as made:
        made.open()
        yield made


@pytest.mark.skipif(not FULL, reason="reads for the whole half minute: full runs")
def test_an_offset_is_measured_for_half_a_minute_kept_applied_and_taken_back(chromium, calm):
    context = chromium.new_context(
        ignore_https_errors=True, viewport={"width": 390, "height": 844}, locale="ja"
    )
    tab = context.new_page()
    tab.goto(calm.origin)
    tab.wait_for_selector(".card")
    enter(tab, calm.opened["pin"])
    tab.click(".card .fold")
    tab.click("button:has-text('30秒測る')")
    tab.wait_for_selector("input[inputmode=decimal]", timeout=90_000)
    tab.fill("input[inputmode=decimal]", "１．２０")
    tab.press("input[inputmode=decimal]", "Enter")
    tab.wait_for_selector(".before-after")
    tab.click("button:has-text('この補正を記録する')")
    tab.wait_for_selector(".note:has-text('記録しました')")
    tab.wait_for_function("() => Math.abs(document.querySelector('.card .value').textContent - 1.2) < 0.02")
    (entry,) = read_calibrations(calibration_file(calm.folder / "kaga-edge.toml"))["level-1"]
    assert (entry["who"], entry["true"], entry["method"]) == ("Yamada", 1.2, "offset")
    assert entry["before"] == pytest.approx(0.42, abs=0.02)  # what the story's river shows at that hour
    tab.click("button:has-text('前回の補正を取り消す')")
    tab.wait_for_function("() => Math.abs(document.querySelector('.card .value').textContent - 0.42) < 0.02")
    context.close()
