"""Grading: the vectors are those QARTOD's reference implementation gives for the same rules."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.config.limits import default_limits
from kaga_edge.core.grading import History, Limits, SeasonLimits, grade, gross_range, limits_of
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag, Grade, Measurement, Reading


def run(limits: Limits, values: list[float | None], every_s: float = 60.0) -> list[Reading]:
    history, readings = History(), []
    for i, value in enumerate(values):
        measurement = Measurement(quantity=Quantity.WATER_LEVEL_M, value=value)
        history, reading = grade(limits, history, i * every_s, measurement)
        readings.append(reading)
    return readings


def grades(limits: Limits, values: list[float | None]) -> list[int]:
    return [int(r.grade) for r in run(limits, values)]


def test_gross_range_limits_are_good_themselves() -> None:
    limits = Limits(gross_fail=(0, 10), gross_suspect=(1, 9))
    assert grades(limits, [-1, 0, 1, 5, 10, 11, None]) == [4, 3, 1, 1, 3, 4, 9]


def test_rate_of_change_leaves_the_first_value_good() -> None:
    limits = Limits(rate_suspect_per_s=0.01, rate_fail_per_s=0.02)
    assert grades(limits, [0, 0.1, 0.2, 2, 2, None]) == [1, 1, 1, 4, 1, 9]


@pytest.mark.parametrize(
    ("values", "suspect_s", "fail_s", "expected"),
    [
        ([5] * 8, 180, 300, [1, 1, 1, 3, 3, 4, 4, 4]),
        ([1, 1, 1, 2, 2, 2, 2, 2], 120, 240, [1, 1, 3, 1, 1, 3, 3, 4]),
    ],
)
def test_flat_line_over_the_trailing_window(
    values: list[float | None], suspect_s: float, fail_s: float, expected: list[int]
) -> None:
    limits = Limits(flat_tolerance=0.01, flat_suspect_s=suspect_s, flat_fail_s=fail_s)
    assert grades(limits, values) == expected


def test_zero_tolerance_never_calls_a_line_flat() -> None:
    limits = Limits(flat_tolerance=0.0, flat_suspect_s=60.0)
    assert grades(limits, [5.0] * 5) == [1] * 5


def test_what_comes_after_a_long_silence_is_not_called_flat() -> None:
    limits = Limits(flat_tolerance=0.01, flat_suspect_s=300)
    before = [(at, 1.0 + 0.1 * (at % 120 == 0)) for at in range(0, 360, 60)]
    after = [(300.0 + gap, 1.0) for gap in (200, 260, 320, 380, 440)]  # five minutes are not over yet
    history, flags = History(), []
    for at_s, value in (*before, *after):
        measurement = Measurement(quantity=Quantity.WATER_LEVEL_M, value=value)
        history, reading = grade(limits, history, at_s, measurement)
        flags.append(reading.flags)
    assert not any(flags)


def test_what_lies_low_is_never_flat_where_the_limits_say_so() -> None:
    limits = Limits(flat_tolerance=0.01, flat_suspect_s=180, flat_above=0.05)
    assert grades(limits, [0.05] * 5) == [1] * 5
    assert grades(limits, [0.06] * 5) == [1, 1, 1, 3, 3]


def test_falling_may_have_limits_of_its_own() -> None:
    limits = Limits(
        rate_suspect_per_s=0.01, rate_fail_per_s=0.02,
        rate_down_suspect_per_s=0.03, rate_down_fail_per_s=0.06,
    )  # fmt: skip
    # a minute: up 0.6, 1.1, 1.8; down 1.75, 2.35, 4.2
    assert grades(limits, [0, 0.6, 1.7, 3.5, 1.75, -0.6, -4.8]) == [1, 1, 3, 4, 1, 3, 4]


def test_a_centimetre_of_noise_from_minute_to_minute_is_not_called_too_fast() -> None:
    limits = default_limits(Quantity.SNOW_DEPTH_M)
    depths = [0.50, 0.51, 0.50, 0.49, 0.505, 0.50, 0.515]
    assert not any(reading.flags for reading in run(limits, depths, every_s=60.0))


@pytest.mark.parametrize("every_s", [60, 120, 300, 600])
def test_a_true_flood_was_a_spike_from_its_first_value_to_its_crest(every_s: int) -> None:
    """4 August 2022, next door: 20 cm in ten minutes, then 30 cm three times, then the crest."""
    level_m, levels = 1.0, []
    for at_s in range(0, 7200, every_s):
        ten_minutes = at_s // 600
        rise_m = 0.2 if ten_minutes == 5 else 0.3 if 6 <= ten_minutes < 9 else 0.0
        level_m += rise_m * every_s / 600
        levels.append(level_m)
    readings = run(default_limits(Quantity.WATER_LEVEL_M), levels, every_s=float(every_s))
    assert [int(one.grade) for one in readings if one.flags] == []
    fallen = run(default_limits(Quantity.WATER_LEVEL_M), [1.0, 1.0, 1.0, 0.88], every_s=float(every_s))
    assert fallen[-1].flags is Flag.SPIKE  # a probe lifted out of the water


@pytest.mark.parametrize(
    ("quantity", "step"),
    [
        (Quantity.AIR_TEMPERATURE_C, 0.0625),  # the last digit of a DS18B20
        (Quantity.AIR_PRESSURE_HPA, 0.05),  # the noise of a BME280, once oversampled
        (Quantity.WATER_LEVEL_M, 0.01),
    ],
)
def test_the_noise_of_an_instrument_read_every_second_is_not_called_too_fast(
    quantity: Quantity, step: float
) -> None:
    history, flags = History(), []
    for at_s in range(10):
        value = (1000.0 if quantity is Quantity.AIR_PRESSURE_HPA else 1.0) + step * (at_s % 2)
        measured = Measurement(quantity=quantity, value=value)
        history, reading = grade(default_limits(quantity), history, float(at_s), measured)
        flags.append(reading.flags)
    assert not any(flags)


def test_a_weak_signal_is_found_over_its_window() -> None:
    limits = Limits(attenuated_suspect=0.5, attenuated_fail=0.2, attenuated_over_s=180)
    readings = run(limits, [1.0, 2.0, 1.3, 1.6, 1.5, 1.45, 1.4, 1.45, 1.8])
    assert [int(r.grade) for r in readings] == [1, 1, 1, 1, 1, 3, 3, 4, 3]
    assert readings[7].flags is Flag.STUCK


def test_a_single_spike_is_flagged_and_the_value_kept() -> None:
    readings = run(Limits(spike_suspect=0.5, spike_fail=1.0), [2.0, 2.0, 2.1, 4.0, 2.1, 2.1])
    assert [int(r.grade) for r in readings] == [1, 1, 1, 4, 1, 1]
    assert readings[3].value == 4.0
    assert readings[3].flags is Flag.SPIKE


def test_after_a_true_step_only_its_first_two_values_are_flagged() -> None:
    readings = run(Limits(spike_suspect=0.5), [1.0, 1.0, 1.0, 3.0, 3.0, 3.0, 3.0])
    assert [bool(r.flags) for r in readings] == [False, False, False, True, True, False, False]


def test_a_value_may_wander_from_the_median_by_its_trend() -> None:
    limits = Limits(spike_suspect=0.03, spike_trend_per_s=0.10 / 3600)
    hourly = run(limits, [0.12, 0.13, 0.14, 0.175, 0.21, 0.24], every_s=3600.0)  # a true storm's onset
    assert not any(r.flags for r in hourly)
    every_minute = run(limits, [0.12, 0.12, 0.12, 0.16, 0.12], every_s=60.0)  # the same step as a spike
    assert [bool(r.flags) for r in every_minute] == [False, False, False, True, False]


def test_the_flood_of_august_2022_is_not_called_too_fast() -> None:
    limits = Limits(rate_suspect_per_s=0.5 / 600, rate_fail_per_s=1.5 / 600)
    readings = run(limits, [0.5, 0.7, 1.0], every_s=600.0)  # a resident's log: 20, then 30 cm in 10 min
    assert all(r.grade is Grade.GOOD for r in readings)


def test_what_the_sensor_doubts_is_suspect() -> None:
    doubtful = Measurement(quantity=Quantity.SNOW_DEPTH_M, value=1.0, flags=Flag.LOW_QUALITY)
    _, reading = grade(Limits(), History(), 0.0, doubtful)
    assert (reading.grade, reading.flags) == (Grade.SUSPECT, Flag.LOW_QUALITY)


@given(
    st.lists(st.integers(0, 6).map(float), min_size=1, max_size=60),
    st.integers(1, 12),
    st.sampled_from([0.5, 1.5, 2.5]),
)
def test_flat_line_equals_looking_at_the_whole_window(
    values: list[float], window: int, tolerance: float
) -> None:
    limits = Limits(flat_tolerance=tolerance, flat_suspect_s=window * 60.0)
    readings = run(limits, list(values))
    for i, reading in enumerate(readings):
        seen = values[max(0, i - window) : i + 1]
        expected = i >= window and max(seen) - min(seen) < tolerance
        assert (Flag.STUCK in reading.flags) is expected


@given(st.lists(st.none() | st.floats(-1e6, 1e6), max_size=40))
def test_no_test_ever_changes_a_value(values: list[float | None]) -> None:
    limits = Limits(
        gross_fail=(-1, 1), rate_fail_per_s=0.1, spike_fail=0.1, flat_tolerance=0.1, flat_fail_s=120.0
    )
    assert [r.value for r in run(limits, values)] == values


@given(st.floats(-100, 100))
def test_gross_range_is_no_looser_for_fail_than_for_suspect(value: float) -> None:
    limits = Limits(gross_fail=(-10, 10), gross_suspect=(-5, 5))
    order = [gross_range(limits, v) for v in sorted((abs(value), abs(value) + 1))]
    assert all(a <= b for a, b in pairwise(order))


# ioos-qc's climatology vector: values 1, 3, 5 in January to March, suspect (0, 2), fail (-1, 4)
@pytest.mark.parametrize(("value", "expected"), [(1, 1), (3, 3), (5, 4)])
def test_a_season_has_its_own_limits(value: float, expected: int) -> None:
    winter = SeasonLimits(
        channel="water_level",
        between=((1, 1), (3, 31)),
        limits=Limits(gross_suspect=(0, 2), gross_fail=(-1, 4)),
    )
    year = {"water_level": Limits()}
    assert grades(limits_of((2, 29), year, (winter,))["water_level"], [value]) == [expected]
    assert grades(limits_of((3, 31), year, (winter,))["water_level"], [value]) == [expected]
    assert grades(limits_of((4, 1), year, (winter,))["water_level"], [value]) == [1]


def test_a_season_may_run_over_the_new_year_and_the_first_of_two_holds() -> None:
    strict, loose = Limits(gross_fail=(0, 1)), Limits(gross_fail=(0, 9))
    seasons = (
        SeasonLimits(channel="c", between=((12, 1), (2, 28)), limits=strict),
        SeasonLimits(channel="c", between=((1, 1), (6, 30)), limits=loose),
    )
    days = [(12, 31), (1, 1), (3, 1), (7, 1)]
    assert [limits_of(day, {}, seasons).get("c") for day in days] == [strict, strict, loose, None]


STEPS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 1.0, 60.0]), st.sampled_from([0.0, 0.01, 0.02, 0.03, 0.05, 0.1, 1.0, -0.02])
    ),
    max_size=12,
)


@given(st.sampled_from([Quantity.WATER_LEVEL_M, Quantity.SNOW_DEPTH_M, Quantity.AIR_PRESSURE_HPA]), STEPS)
def test_whoever_is_as_near_to_the_last_values_as_noise_is_graded_alike(
    quantity: Quantity, steps: list[tuple[float, float]]
) -> None:
    limits = default_limits(quantity)
    never_calm = replace(limits)
    object.__setattr__(never_calm, "calm", -1.0)
    histories, at_s, value = [History(), History()], 0.0, 1000.0
    for passed_s, step in steps:
        at_s, value = at_s + passed_s, value + step
        told = [
            grade(its, history, at_s, Measurement(quantity=quantity, value=value))
            for its, history in zip((limits, never_calm), histories, strict=True)
        ]
        assert told[0] == told[1]
        histories = [history for history, _ in told]
