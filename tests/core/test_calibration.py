from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.core.calibration import (
    Correction,
    correct,
    expired,
    offset_line,
    raw_of,
    shunt_line,
    steady_within,
    two_point_line,
    window,
)
from kaga_edge.core.sampling import SensorPlan, SensorState, judge
from kaga_edge.core.siting import Mount, Surroundings
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import ClockTrust, Flag, Measurement, Moment, Reading

AT = Moment(wall_ms=1_630_126_006_000, up_ms=1, boot="7c1d", trust=ClockTrust.NTP)
LEVEL = Correction(channel="water_level", gain=1.0, offset=-0.038, on="2026-11-22")
NEAR = st.floats(-100, 100, allow_nan=False)


@pytest.mark.parametrize(
    ("due_ms", "trust", "flagged"),
    [
        (None, ClockTrust.NTP, False),
        (2_001, ClockTrust.NTP, False),
        (2_000, ClockTrust.NTP, True),
        (2_000, ClockTrust.LAST_KNOWN, True),  # the true time is later still
        (2_000, ClockTrust.NONE, False),  # nobody knows the day
    ],
)
def test_values_of_a_calibration_past_its_day_are_flagged_and_kept(due_ms, trust, flagged):
    lines = (Correction(channel="water_level", due="2026-11-02", due_ms=due_ms),)
    said = tuple(
        Reading(quantity=one, value=1.5, flags=Flag.SPIKE)
        for one in (Quantity.WATER_LEVEL_M, Quantity.SURFACE_DISTANCE_M)
    )
    level, distance = expired(lines, said, replace(AT, wall_ms=2_000, trust=trust))
    assert (level.value, distance) == (1.5, said[1])
    assert bool(level.flags & Flag.CALIBRATION_EXPIRED) is flagged
    assert level.flags & Flag.SPIKE


def test_an_offset_brings_the_reading_to_the_staff() -> None:
    assert offset_line(1.238, 1.2) == (1.0, pytest.approx(-0.038))


@given(NEAR, NEAR, NEAR, st.floats(0.51, 1.99))
def test_two_points_both_lie_on_the_line(raw_1: float, true_1: float, apart: float, slope: float) -> None:
    raw_2 = raw_1 + (1 if apart >= 0 else -1) * (0.01 + abs(apart))
    true_2 = true_1 + slope * (raw_2 - raw_1)
    gain, offset = two_point_line((raw_1, true_1), (raw_2, true_2))
    assert gain * raw_1 + offset == pytest.approx(true_1, abs=1e-6)
    assert gain * raw_2 + offset == pytest.approx(true_2, abs=1e-6)


@pytest.mark.parametrize("true_2", [1.0, 0.99, 1.6, math.nan])
def test_two_points_that_no_instrument_gives_are_refused(true_2: float) -> None:
    """A centimetre apart, the ripple made a gain of 60, and 0 where both staffs read the same."""
    with pytest.raises(ValueError, match="gain"):
        two_point_line((1.0, 1.0), (1.01, true_2))


def test_two_points_at_the_same_raw_value_are_refused() -> None:
    with pytest.raises(ValueError, match="same raw value"):
        two_point_line((1.0, 1.0), (1.0, 2.0))


def test_a_shunt_is_a_factor_and_needs_a_current() -> None:
    assert shunt_line(1.5, 1.53) == (pytest.approx(1.02), 0.0)
    with pytest.raises(ValueError, match="no current"):
        shunt_line(0.0, 1.0)


def test_the_uncorrected_value_stays_as_a_channel_of_its_own() -> None:
    said = (
        Measurement(quantity=Quantity.WATER_LEVEL_M, value=1.238, flags=Flag.ESTIMATED),
        Measurement(quantity=Quantity.SURFACE_DISTANCE_M, value=3.762),
    )
    level, distance, raw = correct((LEVEL,), said)
    assert (level.value, level.flags) == (pytest.approx(1.2), Flag.ESTIMATED)
    assert distance is said[1]
    assert (raw.quantity, raw.value) == (Quantity.WATER_LEVEL_RAW_M, 1.238)


def test_what_is_missing_stays_missing() -> None:
    level, raw = correct((LEVEL,), (Measurement(quantity=Quantity.WATER_LEVEL_M, value=None),))
    assert (level.value, raw.value) == (None, None)


def test_without_calibration_nothing_is_touched() -> None:
    said = (Measurement(quantity=Quantity.WATER_LEVEL_M, value=1.0),)
    assert correct((), said) == said


def test_samples_and_missing_samples_have_the_same_channels() -> None:
    plan = SensorPlan(
        id="level-1",
        said=(Quantity.SURFACE_DISTANCE_M,),
        mount=Mount(gauge_zero_to_sensor_m=5.0),
        corrections=(LEVEL,),
    )
    said = (Measurement(quantity=Quantity.SURFACE_DISTANCE_M, value=3.762),)
    for measurements in (said, None):
        _, judged = judge(
            plan, SensorState(), at=AT, at_s=0.0, measurements=measurements, around=Surroundings()
        )
        assert tuple(r.quantity for r in judged.sample.readings) == plan.channels
    assert [q.channel for q in plan.channels] == ["water_level", "surface_distance", "water_level_raw"]


def calibrated(plan: SensorPlan, *said: Measurement) -> dict[str, float | None]:
    around = Surroundings(air_pressure_hpa=1013.25)
    _, judged = judge(plan, SensorState(), at=AT, at_s=0.0, measurements=said, around=around)
    assert tuple(r.quantity for r in judged.sample.readings) == plan.channels
    return {r.quantity.channel: r.value for r in judged.sample.readings}


def test_a_probes_zero_put_right_left_the_level_wrong() -> None:
    """The datasheet promises its accuracy only after zeroing: in air the probe said 1033.25, true 1013.25."""
    zero = Correction(channel="water_pressure", offset=-20.0)
    mount = Mount(gauge_zero_to_probe_m=-0.5, gravity_m_s2=9.80665, water_density_kg_m3=1000.0)
    plan = SensorPlan(id="p", said=(Quantity.WATER_PRESSURE_HPA,), mount=mount, corrections=(zero,))
    seen = calibrated(plan, Measurement(quantity=Quantity.WATER_PRESSURE_HPA, value=1033.25 + 98.0665))
    assert seen["water_level"] == pytest.approx(1.0 - 0.5)
    assert seen["water_pressure"] == pytest.approx(1013.25 + 98.0665)
    assert seen["water_pressure_raw"] == pytest.approx(1033.25 + 98.0665)


def test_a_shunt_put_right_left_the_depth_and_the_level_wrong() -> None:
    shunt = Correction(channel="loop_current", gain=12.0 / 12.6)  # 105 ohm where 100 were written
    staff = Correction(channel="water_level", offset=0.03)
    mount = Mount(gauge_zero_to_probe_m=-0.2)
    said = (Quantity.WATER_DEPTH_M, Quantity.LOOP_CURRENT_MA)
    plan = SensorPlan(id="p", said=said, mount=mount, corrections=(shunt, staff), units_per_ma=5.0 / 16)
    seen = calibrated(
        plan,
        Measurement(quantity=Quantity.WATER_DEPTH_M, value=(12.6 - 4) / 16 * 5.0),
        Measurement(quantity=Quantity.LOOP_CURRENT_MA, value=12.6),
    )
    assert seen["loop_current"] == pytest.approx(12.0)
    assert seen["loop_current_raw"] == pytest.approx(12.6)
    assert seen["water_depth"] == pytest.approx(2.5)
    assert seen["water_level_raw"] == pytest.approx(2.3)
    assert seen["water_level"] == pytest.approx(2.33)


def test_a_level_from_a_pressure_whose_calibration_is_past_its_day_said_nothing() -> None:
    due = Correction(channel="water_pressure", offset=-20.0, due="2021-01-01", due_ms=1)
    said = (Quantity.WATER_PRESSURE_HPA, Quantity.WATER_TEMPERATURE_C)
    plan = SensorPlan(id="p", said=said, mount=Mount(gauge_zero_to_probe_m=0.0), corrections=(due,))
    measured = tuple(Measurement(quantity=one, value=10.0) for one in said)
    _, judged = judge(
        plan, SensorState(), at=AT, at_s=0.0, measurements=measured, around=Surroundings(air_pressure_hpa=1.0)
    )
    flagged = [r.quantity.channel for r in judged.sample.readings if r.flags & Flag.CALIBRATION_EXPIRED]
    assert flagged == ["water_level", "water_pressure"]


def test_every_raw_channel_has_the_unit_and_step_of_its_own() -> None:
    pairs = [(one, raw) for one in Quantity if (raw := raw_of(one)) is not None]
    assert len(pairs) == 14
    assert all((one.unit, one.res) == (raw.unit, raw.res) for one, raw in pairs)


def test_a_window_is_its_median_and_one_outlier_does_not_matter() -> None:
    seen = window([1.20, 1.21, 1.19, 1.20, 9.99, 1.20])
    assert (seen.value, seen.count) == (1.20, 6)
    assert seen.spread < steady_within(Quantity.WATER_LEVEL_M)


def test_a_rising_level_drifts() -> None:
    assert window([1.0, 1.02, 1.04, 1.06, 1.08, 1.10]).drift == pytest.approx(0.06)
