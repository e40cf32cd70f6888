"""Stranded traffic: rules a to d of the brief for the winter of 2018, one interval of a minute at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.core.stranding import Stranding
from kaga_edge.core.watching import Newest, Scene
from kaga_edge.vocabulary.readings import Flag

RULE = Stranding(sensor="road-1", every_s=60.0, snow_from="snow-1", road_from="surface-1")
PAIR = Stranding(sensor="in", every_s=60.0, downstream="out", excess_per_5min=20.0)
USUAL = (400.0,) * 24


class Road:
    """Feeds intervals of a minute and keeps what was told."""

    def __init__(self, rule: Stranding = RULE, raised: frozenset[str] = frozenset()) -> None:
        self.rule, self.state, self.now_s, self.told = rule, rule.start(raised), 0.0, []
        self.newest: dict[tuple[str, str], Newest] = {}
        self.hour: int | None = None
        self.working = False  # somebody works at the detector

    def knows(self, sensor: str, channel: str, value: float | None) -> None:
        flags = Flag.MAINTENANCE if self.working else Flag.GOOD
        self.newest[sensor, channel] = Newest(value=value, at_s=self.now_s, flags=flags)

    def minute(
        self, count: float | None, occupancy: float | None = 0.1, speed: float | None = None
    ) -> list[str]:
        self.now_s += 60.0
        return self.sample(self.rule.sensor, count, occupancy, speed)

    def sample(self, sensor: str, count, occupancy=0.1, speed=None) -> list[str]:
        self.knows(sensor, "vehicle_count", count)
        self.knows(sensor, "occupancy", occupancy)
        self.knows(sensor, "vehicle_speed", speed)
        scene = Scene(now_s=self.now_s, newest=self.newest, hour=self.hour)
        outcome = self.rule.step(self.state, scene, sensor)
        self.state = outcome.state
        self.told += outcome.told
        return [f"{one.key} {one.state}" for one in outcome.told]


def test_occupancy_one_with_count_nought_for_three_minutes_is_an_event() -> None:
    road = Road()
    assert [road.minute(0, 1.0) for _ in range(4)] == [[], [], ["stopped/road-1 raised"], []]
    assert road.told[0].data["value"] == 1.0
    assert road.told[0].data["stood_s"] == 180


def test_occupancy_of_exactly_95_percent_counts_as_standing_and_less_does_not() -> None:
    at_limit, below = Road(), Road()
    assert [road for _ in range(3) for road in at_limit.minute(0, 0.95)] == ["stopped/road-1 raised"]
    assert [road for _ in range(9) for road in below.minute(0, 0.94)] == []


def test_samples_some_tenths_early_or_late_made_the_alarm_wait_a_minute_more() -> None:
    road = Road()
    told = []
    for late_s in (0.15, -0.12, -0.03):
        road.now_s += late_s
        told += road.minute(0, 1.0)
    assert told == ["stopped/road-1 raised"]
    assert road.told[0].data["stood_s"] == 180


def test_one_vehicle_passing_starts_the_three_minutes_anew() -> None:
    road = Road()
    told = [
        road.minute(*interval) for interval in ((0, 1.0), (0, 1.0), (1, 0.97), (0, 1.0), (0, 1.0), (0, 1.0))
    ]
    assert told == [[], [], [], [], [], ["stopped/road-1 raised"]]


def test_it_ends_only_after_five_minutes_with_vehicles() -> None:
    road = Road(raised=frozenset({"stopped/road-1"}))
    assert [road.minute(3) for _ in range(4)] == [[]] * 4
    assert road.minute(0) == []  # a pause: the five minutes begin again
    assert [road.minute(3) for _ in range(5)][-1] == ["stopped/road-1 cleared"]


def test_a_road_found_empty_for_half_an_hour_ends_it_too() -> None:
    road = Road(raised=frozenset({"stopped/road-1"}))
    told = [line for _ in range(31) for line in road.minute(0, 0.0)]
    assert told == ["stopped/road-1 cleared"]


def test_nobody_knows_what_happened_in_a_gap() -> None:
    road = Road()
    road.minute(0, 1.0)
    road.minute(None, None)
    road.now_s += 600
    assert road.minute(0, 1.0) == []


def test_an_alarm_raised_before_a_restart_is_not_raised_again() -> None:
    road = Road(raised=frozenset({"stopped/road-1"}))
    assert [line for _ in range(9) for line in road.minute(0, 1.0)] == []


def snowy(usual=USUAL) -> Road:
    road = Road(Stranding(sensor="road-1", every_s=60.0, snow_from="snow-1", usual_per_hour=usual))
    road.hour = 8
    road.knows("snow-1", "snow_depth", 0.30)
    return road


def test_slow_and_thin_traffic_in_snow_is_forming() -> None:
    road = snowy()
    assert road.minute(1, 0.4, 8.0) == ["forming/road-1 raised"]  # 60 an hour of the usual 400


def test_each_of_slow_thin_and_snow_is_needed() -> None:
    fast, dense, dry, unknown = snowy(), snowy(), snowy(), snowy(usual=(None,) * 24)
    dry.knows("snow-1", "snow_depth", 0.0)
    assert fast.minute(1, 0.4, 10.0) == []
    assert dense.minute(2, 0.4, 8.0) == []  # 120 an hour is more than a quarter of 400
    assert dry.minute(1, 0.4, 8.0) == []
    assert unknown.minute(1, 0.4, 8.0) == []


def test_at_night_one_vehicle_a_minute_was_too_dense_for_traffic_to_strand() -> None:
    road = snowy(usual=(100.0,) * 24)
    told = [line for minute in range(12) for line in road.minute(minute % 4 == 0, 0.4, 5.0)]
    assert told == ["forming/road-1 raised"]  # 15 an hour
    assert road.told[0].data["value"] == 5.0


def test_traffic_that_came_to_a_stop_was_said_to_be_back_to_normal() -> None:
    road = snowy()
    assert road.minute(1, 0.4, 8.0) == ["forming/road-1 raised"]
    told = [line for _ in range(30) for line in road.minute(0, 1.0)]
    assert told == ["stopped/road-1 raised"]
    told = [line for _ in range(30) for line in road.minute(6, 0.1, 50.0)]
    assert told == ["stopped/road-1 cleared", "forming/road-1 cleared"]


def test_snowfall_of_three_centimetres_an_hour_is_snow_too() -> None:
    road = snowy()
    road.knows("snow-1", "snow_depth", None)
    road.knows("snow-1", "snowfall_1h", 0.03)
    assert road.minute(1, 0.4, 8.0) == ["forming/road-1 raised"]


def test_the_usual_flow_of_an_hour_is_learned_from_whole_hours() -> None:
    road = Road()
    for hour in (7, 8, 9):
        road.hour = hour
        for _ in range(60):
            road.minute(5, 0.2, 50.0)
    assert road.state.usual[8] == 300.0
    assert road.state.usual[9] is None  # still running


def test_a_technician_who_drove_over_the_loop_taught_the_road_its_usual_traffic() -> None:
    road = Road()
    for hour in (7, 8, 9, 10):
        road.hour = hour
        for minute in range(60):
            road.working = hour == 8 and minute == 30  # one minute of maintenance in the hour
            road.minute(40 if road.working else 5, 0.2, 50.0)
    assert road.state.usual[8] is None
    assert road.state.usual[9] == 300.0  # the hour after it is learned again


@pytest.mark.parametrize("how", ["its polls fail", "it is stopped"])
def test_an_hour_with_a_dead_detector_in_it_taught_the_road_half_its_traffic(how: str) -> None:
    road = Road()
    for hour in (7, 8, 9, 10):
        road.hour = hour
        for minute in range(60):
            if hour == 8 and 10 <= minute < 40:
                if how == "its polls fail":
                    road.minute(None, None)
                else:
                    road.now_s += 60
            else:
                road.minute(5, 0.2, 50.0)
    assert road.state.usual[8] is None
    assert road.state.usual[9] == 300.0


def test_grass_is_no_snow_that_makes_slow_traffic_strand() -> None:
    road = Road()
    road.state = replace(road.state, usual=USUAL)
    road.hour = 8
    road.knows("snow-1", "snow_depth", 0.04)
    road.knows("snow-1", "snow_on_ground", 0.0)
    assert road.minute(1, 0.5, 5.0) == []
    road.knows("snow-1", "snow_on_ground", 0.01)
    assert road.minute(1, 0.5, 5.0) == ["forming/road-1 raised"]


def test_more_in_than_out_gathers_and_their_number_is_the_sum() -> None:
    road = Road(PAIR)
    told = []
    for _ in range(20):
        road.now_s += 60
        told += road.sample("in", 10)
        told += road.sample("out", 4)
    assert told == ["gathering/in raised"]
    passed_minutes = 1 + round(road.told[0].words["vehicles"] / 6)
    assert 12 <= passed_minutes <= 16  # six more a minute, ten minutes after the excess began


@pytest.mark.parametrize("how", ["its poll fails", "it says nothing more"])
def test_a_dead_detector_downstream_made_every_vehicle_gather(how: str) -> None:
    road = Road(PAIR)
    for minute in range(60):
        road.now_s += 60
        assert road.sample("in", 10) == []
        if minute < 5:
            assert road.sample("out", 10) == []
        elif how == "its poll fails":
            assert road.sample("out", None, None) == []
    for _ in range(20):  # it counts again: nothing of the silence is left
        road.now_s += 60
        assert road.sample("in", 10) == []
        assert road.sample("out", 10) == []


def test_in_dense_traffic_an_end_of_gathering_was_never_told() -> None:
    """Between the two counts of a minute there are always 30 vehicles more in than out."""
    road, told = Road(PAIR), []
    for minute in range(90):
        road.now_s += 60
        told += road.sample("in", 30)
        told += road.sample("out", 10 if 10 <= minute < 40 else 30)
    assert told == ["gathering/in raised", "gathering/in cleared"]


def test_equal_flows_never_gather() -> None:
    road = Road(PAIR)
    for _ in range(60):
        road.now_s += 60
        assert road.sample("in", 15) == []
        assert road.sample("out", 15) == []


def test_severity_rises_with_heavy_snow_and_a_freezing_road() -> None:
    road = Road()
    road.knows("snow-1", "snowfall_3h", 0.12)
    road.knows("surface-1", "surface_temperature", -1.5)
    for _ in range(3):
        road.minute(0, 1.0)
    assert road.told[0].data["severity"] == 3


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0.0, 0.5, 1.0])), max_size=120))
def test_raised_and_cleared_alternate(intervals: list[tuple[int, float]]) -> None:
    road = Road()
    for count, occupancy in intervals:
        road.minute(count, occupancy, 5.0)
    states = [one.state for one in road.told]
    assert states == [("raised", "cleared")[i % 2] for i in range(len(states))]
