"""Sums of rain: windows, the site's day, what nobody watched, restart."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.core import deriving, rainfall
from kaga_edge.core.deriving import Memory
from kaga_edge.core.rainfall import RainRule, RainState
from kaga_edge.vocabulary.readings import Flag

MIN_MS = 60_000
DAY_MS = 86_400_000
ZONE = "Asia/Tokyo"
MIDNIGHT_MS = int(datetime(2026, 6, 30, 15, 0, tzinfo=UTC).timestamp() * 1000)  # 1 July in Japan


def play(falls, state=None, start_ms=MIDNIGHT_MS + MIN_MS, every_ms=MIN_MS, rule=None, good=True):
    state, said = state or RainState(), ()
    for i, mm in enumerate(falls):
        state, said = rainfall.step(rule or RainRule(), state, start_ms + i * every_ms, ZONE, mm, good=good)
    return state, {m.quantity.channel: m for m in said}


def values(said):
    return [round(said[f"rain_{name}"].value, 3) for name in ("10min", "1h", "24h", "today")]


def test_each_window_sums_its_own_time():
    _, said = play([0.5] * 90)
    assert values(said) == [5.0, 30.0, 45.0, 45.0]
    assert said["rain_intensity_10min"].value == pytest.approx(30.0)  # mm/h


def test_rain_leaves_a_window_when_it_has_passed():
    _, said = play([2.0, *[0.0] * 10])
    assert values(said) == [0.0, 2.0, 2.0, 2.0]


def test_today_begins_at_the_sites_midnight():
    start_ms = MIDNIGHT_MS - 2 * MIN_MS
    _, said = play([1.0, 1.0, 1.0], start_ms=start_ms)  # the last ends at 00:00: still yesterday
    assert values(said)[3] == 3.0
    _, said = play([1.0, 1.0, 1.0, 0.5], start_ms=start_ms)
    assert values(said) == [3.5, 3.5, 3.5, 0.5]


def test_a_day_may_begin_at_nine():
    nine_ms = MIDNIGHT_MS + 9 * 60 * MIN_MS
    _, said = play([1.0, 1.0, 1.0], start_ms=nine_ms - MIN_MS, rule=RainRule(day_begins_min=540))
    assert values(said)[3] == 1.0


def test_what_was_not_watched_since_the_beginning_is_an_estimate():
    state, said = play([0.0] * 30)
    assert {said[f"rain_{w}"].flags for w in ("10min",)} == {Flag.GOOD}
    assert {said[f"rain_{w}"].flags for w in ("1h", "24h", "today")} == {Flag.ESTIMATED}
    _, said = play([0.0] * 1440, state=state, start_ms=MIDNIGHT_MS + 31 * MIN_MS)
    assert {m.flags for m in said.values()} == {Flag.GOOD}


def test_sums_go_on_after_a_restart_and_say_what_they_missed():
    state, _ = play([0.5] * 60)
    again = deriving.from_text(deriving.to_text(Memory(rain=state))).rain
    _, said = play([0.5], state=again, start_ms=MIDNIGHT_MS + 65 * MIN_MS)  # off for five minutes
    assert values(said) == [0.5 * 6, 0.5 * 56, 30.5, 30.5]
    assert said["rain_10min"].flags is Flag.ESTIMATED
    _, said = play([0.5] * 11, state=again, start_ms=MIDNIGHT_MS + 65 * MIN_MS)
    assert said["rain_10min"].flags is Flag.GOOD


def test_a_failed_poll_adds_nothing_and_forgets_nothing():
    state, _ = play([1.0, None, 1.0])
    assert values(play([None], state=state, start_ms=MIDNIGHT_MS + 4 * MIN_MS)[1])[0] == 2.0


def test_lost_edges_make_the_sums_estimates():
    state, _ = play([0.0] * 1500)
    _, said = play([0.5], state=state, start_ms=MIDNIGHT_MS + 1501 * MIN_MS, good=False)
    assert {m.flags for m in said.values()} == {Flag.ESTIMATED}


def test_the_memory_stays_small_in_a_whole_day_of_rain():
    state, _ = play([0.5] * 2000)
    assert len(deriving.to_text(Memory(rain=state))) < 8000
    assert values(play([0.5], state=state, start_ms=MIDNIGHT_MS + 2001 * MIN_MS)[1])[1] == 30.0


@given(st.lists(st.sampled_from([0.0, 0.0, 0.5, 1.0]), min_size=2, max_size=200), st.integers(1, 199))
def test_a_restart_between_two_samples_keeps_every_sum(falls, cut):
    cut = min(cut, len(falls) - 1)
    _, said = play(falls)
    first, _ = play(falls[:cut])
    again = deriving.from_text(deriving.to_text(Memory(rain=first))).rain
    _, resumed = play(falls[cut:], state=again, start_ms=MIDNIGHT_MS + (cut + 1) * MIN_MS)
    assert values(said) == values(resumed)


def test_what_another_version_wrote_is_begun_anew():
    assert deriving.from_text('{"rain":{"unheard":1}}') == Memory()
    assert deriving.from_text("nonsense") == Memory()


def test_forgetting_is_bounded():
    state, _ = play([0.5] * 100)
    state, said = play([0.0], state=state, start_ms=MIDNIGHT_MS + 3 * DAY_MS)
    assert state.book.samples == state.book.tens == ()
    assert values(said)[:3] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("jump_ms", [3 * 3_600_000, -5 * MIN_MS])
def test_rain_that_fell_before_the_clock_was_set_vanished_without_a_word(jump_ms):
    state, said = RainState(), ()

    def sample(minute, mm, apart_ms=0):
        nonlocal state
        at_ms = MIDNIGHT_MS + minute * MIN_MS + apart_ms
        state, said = rainfall.step(
            RainRule(), state, at_ms, ZONE, mm, good=True, up_ms=1000 + minute * MIN_MS
        )
        return {m.quantity.channel: m for m in said}

    for minute in range(1, 1600):
        said = sample(minute, 0.5)
    assert {m.flags for m in said.values()} == {Flag.GOOD}
    said = sample(1600, 0.5, jump_ms)
    assert {m.flags for m in said.values()} == {Flag.ESTIMATED}
    for minute in range(1601, 1612):
        said = sample(minute, 0.5, jump_ms)
    assert values(said)[0] == 5.0
    assert said["rain_10min"].flags is Flag.GOOD  # of the ten minutes since all is known
    assert said["rain_1h"].flags is Flag.ESTIMATED
