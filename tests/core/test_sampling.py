from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.config.limits import default_limits
from kaga_edge.core.alarms import AlarmRule
from kaga_edge.core.deriving import Deriving
from kaga_edge.core.grading import History, Limits, SeasonLimits, grade
from kaga_edge.core.sampling import SensorPlan, SensorState, judge
from kaga_edge.core.siting import Mount, Surroundings
from kaga_edge.core.snowfall import SnowRule
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import ClockTrust, Flag, Grade, Measurement, Moment

AT = Moment(wall_ms=1_630_126_006_000, up_ms=1, boot="7c1d", trust=ClockTrust.NTP)
DANGER = AlarmRule(
    rank="danger", sensor="level-1", channel="water_level", unit="m", threshold=1.2, hysteresis=0.05
)
PLAN = SensorPlan(
    id="level-1",
    said=(Quantity.SURFACE_DISTANCE_M,),
    mount=Mount(gauge_zero_to_sensor_m=5.0),
    limits={"water_level": Limits(gross_fail=(-1.0, 3.0))},
    rules=(DANGER,),
)


def poll(state: SensorState, distance_m: float | None, at_s: float = 0.0):
    said = (Measurement(quantity=Quantity.SURFACE_DISTANCE_M, value=distance_m),)
    return judge(
        PLAN, state, at=AT, at_s=at_s, measurements=said, around=Surroundings(), raw=b"\xff\x0e\xb2\xbf"
    )


def test_a_distance_becomes_a_level_with_the_distance_beside_it() -> None:
    _, judged = poll(SensorState(), 3.762)
    level, distance = judged.sample.readings
    assert (level.quantity, round(level.value, 3)) == (Quantity.WATER_LEVEL_M, 1.238)
    assert distance.value == 3.762


def test_raw_bytes_are_kept_only_when_something_is_not_good() -> None:
    assert poll(SensorState(), 3.9)[1].sample.raw is None
    assert poll(SensorState(), 0.5)[1].sample.raw == b"\xff\x0e\xb2\xbf"


def test_an_impossible_level_is_flagged_and_still_raises_the_alarm() -> None:
    _, judged = poll(SensorState(), 0.5)
    assert judged.sample.readings[0].flags is Flag.OUT_OF_RANGE
    (alert,) = judged.alerts
    assert (alert.key, alert.state, alert.subject) == ("danger/level-1", "raised", "level-1/water_level")
    assert alert.data["q"] == 1


def test_an_alarm_is_raised_once_and_cleared_once() -> None:
    state, told = SensorState(), []
    for i, distance in enumerate((4.0, 3.8, 3.7, 3.79, 3.84, 3.86, 4.0)):
        state, judged = poll(state, distance, float(i))
        told += [a.state for a in judged.alerts]
    assert told == ["raised", "cleared"]


@pytest.mark.parametrize(
    ("height_m", "distance_m", "threshold_m"),
    [(5.0, 3.7, 1.30), (4.1, 2.4, 1.70), (7.5, 5.4, 2.10), (6.0, 4.0004, 2.00)],
)
def test_a_level_that_shows_its_threshold_has_reached_it_whatever_binary_fractions_say(
    height_m: float, distance_m: float, threshold_m: float
) -> None:
    plan = replace(
        PLAN,
        mount=Mount(gauge_zero_to_sensor_m=height_m),
        rules=(replace(DANGER, threshold=threshold_m),),
    )
    said = (Measurement(quantity=Quantity.SURFACE_DISTANCE_M, value=distance_m),)
    state, judged = judge(
        plan, SensorState(), at=AT, at_s=0.0, measurements=said, around=Surroundings(), raw=None
    )
    assert judged.sample.readings[0].value < threshold_m  # the case is one
    assert [(one.state, one.data["value"]) for one in judged.alerts] == [("raised", threshold_m)]
    falls = (Measurement(quantity=Quantity.SURFACE_DISTANCE_M, value=round(distance_m + 0.05, 3)),)
    _, judged = judge(plan, state, at=AT, at_s=1.0, measurements=falls, around=Surroundings(), raw=None)
    assert judged.alerts == ()  # at the end of its hysteresis, not below


def test_who_stands_below_the_snow_gauge_is_no_snowfall() -> None:
    plan = SensorPlan(
        id="snow-1",
        said=(Quantity.SURFACE_DISTANCE_M,),
        mount=Mount(ground_to_sensor_m=3.0),
        deriving=Deriving(snow=SnowRule()),
    )
    hour_ms, state, fallen = 3_600_000, SensorState(), []
    for hour, (distance_m, maintained) in enumerate([(2.8, False), (1.2, True), (2.8, False), (2.7, False)]):
        at = replace(AT, wall_ms=AT.wall_ms // hour_ms * hour_ms + hour * hour_ms)
        said = (Measurement(quantity=Quantity.SURFACE_DISTANCE_M, value=distance_m),)
        state, judged = judge(
            plan,
            state,
            at=at,
            at_s=hour * 3600.0,
            measurements=said,
            around=Surroundings(),
            maintained=maintained,
        )
        fallen.append(next(r.value for r in judged.sample.readings if r.quantity is Quantity.SNOWFALL_24H_M))
    assert fallen == [0.0, 0.0, 0.0, pytest.approx(0.1)]


def test_the_rules_over_several_values_never_heard_of_maintenance() -> None:
    said = (Measurement(quantity=Quantity.SURFACE_DISTANCE_M, value=3.0),)
    flags = [
        judge(
            PLAN, SensorState(), at=AT, at_s=0.0, measurements=said, around=Surroundings(), maintained=worked
        )[1]
        .sample.readings[0]
        .flags
        for worked in (False, True)
    ]
    assert [bool(one & Flag.MAINTENANCE) for one in flags] == [False, True]


def test_a_failed_poll_is_a_row_of_missing_values() -> None:
    _, judged = judge(
        PLAN, SensorState(), at=AT, at_s=0.0, measurements=None, around=Surroundings(), raw=b"\x00"
    )
    assert [r.value for r in judged.sample.readings] == [None, None]
    assert {r.flags for r in judged.sample.readings} == {Flag.MISSING}
    assert {r.grade for r in judged.sample.readings} == {Grade.MISSING}


def test_a_probe_without_its_barometer_gives_an_estimate_that_says_so() -> None:
    plan = SensorPlan(
        id="probe-1",
        said=(Quantity.WATER_PRESSURE_HPA,),
        mount=Mount(gauge_zero_to_probe_m=0.0, air_pressure_from="air-1"),
    )
    said = (Measurement(quantity=Quantity.WATER_PRESSURE_HPA, value=1113.25),)
    _, judged = judge(plan, SensorState(), at=AT, at_s=0.0, measurements=said, around=Surroundings())
    level = judged.sample.readings[0]
    assert (level.flags, level.grade) == (Flag.ESTIMATED, Grade.SUSPECT)
    assert abs(level.value - 1.02) < 0.01


def test_the_limits_of_a_season_are_those_of_the_local_day() -> None:
    august = SeasonLimits(
        channel="water_level", between=((8, 28), (8, 28)), limits=Limits(gross_suspect=(0, 1))
    )
    plan = replace(PLAN, seasons=(august,))  # AT is 04:46 UTC on 28 August
    said = (Measurement(quantity=Quantity.SURFACE_DISTANCE_M, value=3.5),)

    def flags(at: Moment) -> Flag:
        args = {"at": at, "at_s": 0.0, "measurements": said, "around": Surroundings()}
        return judge(plan, SensorState(), **args)[1].sample.readings[0].flags

    evening_before = replace(AT, wall_ms=AT.wall_ms - 12 * 3_600_000)  # 16:46 UTC is 01:46 the next day
    assert (flags(AT), flags(evening_before)) == (Flag.OUT_OF_RANGE, Flag.OUT_OF_RANGE)
    assert flags(replace(AT, wall_ms=AT.wall_ms + 12 * 3_600_000)) is Flag.GOOD


LEVEL, TILT = Quantity.WATER_LEVEL_M, Quantity.TILT_DEG
LIMITS = (None, Limits(), Limits(gross_fail=(-1, 1)), Limits(rate_fail_per_s=0.5), default_limits(LEVEL))
VALUES = st.tuples(st.none() | st.floats(-2, 2), st.sampled_from([Flag.GOOD, Flag.LOW_QUALITY, Flag.STUCK]))


@given(st.sampled_from(LIMITS), st.sampled_from(LIMITS), st.lists(st.tuples(VALUES, VALUES), max_size=8))
def test_whatever_short_way_a_value_takes_it_is_graded_alike(level, tilt, polls) -> None:
    limits = {one.channel: its for one, its in ((LEVEL, level), (TILT, tilt)) if its is not None}
    plan = SensorPlan(id="level-1", said=(LEVEL, TILT), limits=limits)
    state, past = SensorState(), {LEVEL: History(), TILT: History()}
    for second, poll in enumerate(polls):
        said = tuple(
            Measurement(quantity=one, value=v, flags=f) for one, (v, f) in zip(past, poll, strict=True)
        )
        state, judged = judge(
            plan, state, at=AT, at_s=float(second), measurements=said, around=Surroundings()
        )
        for one, reading in zip(said, judged.sample.readings, strict=True):
            its = limits.get(one.quantity.channel, Limits())
            past[one.quantity], expected = grade(its, past[one.quantity], float(second), one, keep=True)
            assert reading == expected


def test_a_past_that_no_test_asks_for_is_not_kept() -> None:
    after, _ = poll(SensorState(), 3.9)  # a gross range only
    assert after == SensorState()


def test_the_first_day_of_a_season_knows_what_came_before() -> None:
    winter = SeasonLimits(
        channel="water_level", between=((8, 29), (9, 1)), limits=Limits(rate_fail_per_s=0.5)
    )
    plan, state, flags = replace(PLAN, seasons=(winter,)), SensorState(), []
    for second, (distance_m, hours) in enumerate([(3.9, 0), (2.9, 12), (2.9, 12)]):
        at = replace(AT, wall_ms=AT.wall_ms + hours * 3_600_000)
        said = (Measurement(quantity=Quantity.SURFACE_DISTANCE_M, value=distance_m),)
        state, judged = judge(
            plan, state, at=at, at_s=float(second), measurements=said, around=Surroundings()
        )
        flags.append(judged.sample.readings[0].flags)
    assert flags == [Flag.GOOD, Flag.SPIKE, Flag.GOOD]


def test_a_past_grown_old_while_no_test_asked_for_it_made_a_spike_after_two_reloads() -> None:
    strict, lax = (replace(PLAN, limits={"water_level": its}) for its in (Limits(spike_fail=0.1), Limits()))
    state, said = SensorState(), (Measurement(quantity=Quantity.SURFACE_DISTANCE_M, value=3.9),)
    for second in range(3):
        state, _ = judge(strict, state, at=AT, at_s=second, measurements=said, around=Surroundings())
    assert strict.kept(state.histories) == state.histories
    assert lax.kept(state.histories) == {}
