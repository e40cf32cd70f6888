"""New snow from hourly differences: dead band, seasonal zero, gaps, restart."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.core import deriving, snowfall
from kaga_edge.core.deriving import Memory
from kaga_edge.core.snowfall import SnowRule, SnowState
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag

HOUR_MS = 3_600_000
MIN_MS = 60_000
START_MS = int(datetime(2022, 1, 29, 0, 0, tzinfo=UTC).timestamp() * 1000)  # 09:00 in Japan
RULE = SnowRule()


def hourly(depths, rule=RULE, state=None, start_ms=START_MS, good=True, every_ms=HOUR_MS):
    state, said = state or SnowState(), ()
    for i, depth in enumerate(depths):
        at_ms = start_ms + i * every_ms
        state, said = snowfall.step(rule, state, at_ms, "Asia/Tokyo", depth, good=good)
    return state, {m.quantity.channel: m for m in said}


def falls(said):
    names = ("snowfall_1h", "snowfall_3h", "snowfall_6h", "snowfall_12h", "snowfall_24h")
    return [None if said[n].value is None else round(said[n].value, 6) for n in names]


def test_the_rises_of_full_hours_add_up_over_each_window():
    _, said = hourly([0.10, 0.15, 0.13, 0.18, 0.20])
    assert falls(said) == [0.02, 0.07, 0.12, 0.12, 0.12]  # settling by 2 cm takes nothing away
    assert said["snowfall_3h"].flags is Flag.GOOD
    assert said["snowfall_24h"].flags is Flag.ESTIMATED  # only four hours are known


def test_a_zero_that_changes_is_no_snowfall():
    """On 1 November the zero fell from 4 to 1 cm, and that day had 3 cm of new snow."""
    at_ms = int(datetime(2021, 10, 31, 10, 0, tzinfo=UTC).timestamp() * 1000)
    rule = SnowRule(zeros=(((10, 1), 0.04), ((11, 1), 0.01)))
    _, said = hourly([0.04] * 8, rule=rule, start_ms=at_ms)  # grass on bare ground
    assert falls(said) == [0, 0, 0, 0, 0]
    assert said["snow_on_ground"].value == pytest.approx(0.03)


def test_a_zero_learned_in_the_middle_of_a_run_is_no_snowfall():
    state, _ = hourly([0.03] * 3)
    learned = SnowRule(learned_m=-0.02)
    _, said = hourly([0.03] * 3, rule=learned, state=state, start_ms=START_MS + 3 * HOUR_MS)
    assert falls(said)[:2] == [0, 0]
    assert said["snow_on_ground"].value == pytest.approx(0.05)


@pytest.mark.parametrize("restarted", [False, True])
def test_a_calibration_or_a_height_put_right_fell_as_snow(restarted):
    state, _ = hourly([0.30] * 30, rule=SnowRule(basis="2.50 m"))
    if restarted:
        state = deriving.from_text(deriving.to_text(Memory(snow=state))).snow
    after_ms = START_MS + 30 * HOUR_MS
    state, said = hourly([0.40] * 3, rule=SnowRule(basis="2.60 m"), state=state, start_ms=after_ms)
    assert falls(said) == [0, 0, 0, 0, 0]
    assert said["snowfall_24h"].flags is Flag.ESTIMATED  # what fell in that hour nobody knows
    _, said = hourly([0.42], rule=SnowRule(basis="2.60 m"), state=state, start_ms=after_ms + 3 * HOUR_MS)
    assert falls(said)[0] == 0.02


def test_a_learned_zero_holds_for_its_winter_and_then_the_tables_or_none_better():
    due_ms = START_MS
    rule = SnowRule(zeros=(((11, 1), 0.02),), learned_m=0.05, due_ms=due_ms)
    assert rule.zero_m((1, 29), due_ms - 1) == 0.05
    assert rule.zero_m((1, 29), due_ms) == 0.02
    assert SnowRule(learned_m=0.05, due_ms=due_ms).zero_m((1, 29), due_ms) == 0.05


def test_noise_within_a_centimetre_is_no_snowfall():
    _, said = hourly([0.100, 0.109, 0.100, 0.109, 0.091, 0.100] * 4)
    assert falls(said) == [0, 0, 0, 0, 0]


def test_a_rise_of_exactly_the_dead_band_counts():
    assert falls(hourly([0.10, 0.11])[1])[0] == 0.01


def test_slow_snow_is_late_but_not_lost():
    _, said = hourly([0.100, 0.106, 0.112, 0.118, 0.124])
    assert falls(said)[2] == 0.024


def test_the_hour_takes_the_median_of_its_last_ten_minutes():
    state, _ = hourly([0.10])
    around = [0.15, 0.90, 0.15, 0.15, 0.15, 0.15]
    _, said = hourly(around, state=state, start_ms=START_MS + 55 * MIN_MS, every_ms=MIN_MS)
    assert falls(said)[0] == 0.05


def test_flagged_values_are_shown_and_not_counted():
    state, _ = hourly([0.10])
    state, said = hourly([0.60], state=state, start_ms=START_MS + HOUR_MS, good=False)
    assert (said["snow_on_ground"].value, falls(said)[0]) == (0.60, 0)


def test_an_hour_without_a_depth_makes_the_windows_over_it_estimates():
    state, _ = hourly([0.10])
    state, said = hourly([None] * 12, state=state, start_ms=START_MS + 50 * MIN_MS, every_ms=5 * MIN_MS)
    state, said = hourly([0.16], state=state, start_ms=START_MS + 2 * HOUR_MS)
    assert (falls(said)[1], said["snowfall_1h"].flags) == (0.06, Flag.ESTIMATED)
    assert said["snowfall_3h"].flags is Flag.ESTIMATED


def test_what_fell_during_a_silence_was_told_as_the_good_snowfall_of_its_last_hour():
    """A gauge without an echo for three hours, 6 cm at its return: nobody knows in which hour they fell."""
    state, said = hourly([0.10] * 26 + [None] * 3 + [0.16])
    assert falls(said)[0] == 0.06
    assert all(said[f"snowfall_{hours}h"].flags is Flag.ESTIMATED for hours in (1, 3, 6, 12, 24))
    _, said = hourly([0.17], state=state, start_ms=START_MS + 30 * HOUR_MS)
    assert (falls(said)[0], said["snowfall_1h"].flags) == (0.01, Flag.GOOD)
    assert said["snowfall_3h"].flags is Flag.ESTIMATED


def test_a_window_of_24_hours_that_begins_in_a_silence_is_an_estimate():
    _, said = hourly([0.10] * 26 + [None] + [0.16] * 24)
    assert (falls(said)[4], said["snowfall_24h"].flags) == (0.06, Flag.ESTIMATED)


def test_before_the_first_full_hour_nothing_is_known():
    _, said = hourly([0.10, 0.11], start_ms=START_MS + 20 * MIN_MS, every_ms=MIN_MS)
    assert falls(said) == [None] * 5
    assert said["snowfall_1h"].flags is Flag.MISSING


def test_the_zero_of_the_season_is_taken_off_and_the_result_never_negative():
    rule = SnowRule(zeros=(((4, 15), 0.12), ((11, 1), 0.02)))
    assert rule.zero_m((1, 29)) == 0.02  # begun in November
    assert rule.zero_m((5, 1)) == 0.12
    assert hourly([0.10], rule)[1]["snow_on_ground"].value == pytest.approx(0.08)
    assert hourly([0.01], rule)[1]["snow_on_ground"].value == 0.0


def test_outside_the_season_grass_is_no_snow():
    rule = SnowRule(season=((11, 1), (4, 30)))
    summer_ms = int(datetime(2022, 7, 1, tzinfo=UTC).timestamp() * 1000)
    _, said = hourly([0.0, 0.1, 0.3], rule, start_ms=summer_ms)
    assert {m.value for m in said.values()} == {0.0}
    assert hourly([0.1, 0.3], rule)[1]["snow_on_ground"].value == pytest.approx(0.3)  # January


def test_full_hours_are_those_of_local_time():
    state, _ = snowfall.step(RULE, SnowState(), START_MS + 30 * MIN_MS, "Asia/Kolkata", 0.1, good=True)
    assert state.book.closed_ms == START_MS + 30 * MIN_MS  # UTC+5:30


def test_a_clock_set_back_does_not_count_the_same_snow_again():
    state, _ = hourly([0.10, 0.15, 0.20])
    _, said = hourly([0.20, 0.20], state=state, start_ms=START_MS + HOUR_MS)
    assert falls(said)[4] == 0.05  # what fell in hours that are future again is let go


@given(st.lists(st.floats(0, 3), min_size=2, max_size=60), st.integers(1, 59))
def test_a_restart_at_any_hour_changes_nothing(depths, cut):
    whole, said = hourly(depths)
    cut = min(cut, len(depths) - 1)
    first, _ = hourly(depths[:cut])
    text = deriving.to_text(Memory(snow=first))
    assert json.loads(text)
    again = deriving.from_text(text).snow
    after, said_again = hourly(depths[cut:], state=again, start_ms=START_MS + cut * HOUR_MS)
    assert (after.book, said_again) == (whole.book, said)


@given(st.lists(st.floats(0, 3), min_size=2, max_size=60))
def test_longer_windows_never_hold_less_than_shorter_ones(depths):
    values = falls(hourly(depths)[1])
    assert values == sorted(values)
    assert values[0] >= 0


def test_every_window_has_its_channel():
    assert [q.channel for q in snowfall.HOURS] == [f"snowfall_{h}h" for h in (1, 3, 6, 12, 24)]
    assert snowfall.QUANTITIES[0] is Quantity.SNOW_ON_GROUND_M
