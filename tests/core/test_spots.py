"""Spot speeds into vehicles; the driver's tests (ops243a) drive it through polls."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.core.spots import MOST_SPEEDS, Spot, SpotRule, SpotState, Vehicle, fold_spots

RULE = SpotRule(silence_ns=700, reports_min=2)


def test_a_group_waits_for_its_silence():
    state, vehicles = fold_spots(SpotState(), [Spot(100, 10.0), Spot(200, 12.0)], 899, RULE)
    assert vehicles == ()
    state, vehicles = fold_spots(state, [], None, RULE)
    assert vehicles == (Vehicle(inbound=True, speed_m_s=11.0),)
    assert state == SpotState()


@pytest.mark.parametrize(("gap", "count"), [(699, 0), (700, 2)])
def test_a_silence_parts_exactly_from_its_length_on(gap, count):
    spots = [Spot(0, 5.0), Spot(gap, 5.0)]
    _, vehicles = fold_spots(SpotState(), spots, gap + 700, SpotRule(silence_ns=700, reports_min=1))
    assert len(vehicles) == max(1, count)


def test_a_parked_one_does_not_grow_for_ever():
    state = SpotState()
    for at in range(0, 5000, 10):
        state, _ = fold_spots(state, [Spot(at, -3.0), Spot(at + 5, -3.0)], at + 5, RULE)
    assert len(state.outbound.speeds_m_s) == MOST_SPEEDS


@given(st.lists(st.tuples(st.integers(1, 2000), st.floats(-60, 60).filter(bool)), max_size=50))
def test_no_report_counts_twice_and_none_of_a_long_enough_group_is_lost(pairs):
    spots, at = [], 0
    for gap, speed in pairs:
        at += gap
        spots.append(Spot(at, speed))
    one = SpotRule(silence_ns=1, reports_min=1)  # every report by itself, as times differ
    _, vehicles = fold_spots(SpotState(), spots, None, one)
    assert sorted(v.speed_m_s if v.inbound else -v.speed_m_s for v in vehicles) == sorted(
        spot.speed_m_s for spot in spots
    )
