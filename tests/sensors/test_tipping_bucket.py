"""Tipping bucket: tips between polls, remembered totals, flags."""

from __future__ import annotations

import pytest

from kaga_edge.sensors import tipping_bucket
from kaga_edge.sim.captured import EdgeCapture, read_once
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag
from kaga_edge.vocabulary.requests import Edge, Edges, PinUse

S = 1_000_000_000


def edges(start_s, end_s, *tips_s, width_s=0.1, lost=0) -> Edges:
    changes = [(tip + after, after == 0) for tip in tips_s for after in (0, width_s)]
    return Edges(
        start_ns=start_s * S, end_ns=end_s * S, active_at_start={17: False}, lost=lost,
        edges=tuple(Edge(at_ns=round(at * S), gpio=17, active=active) for at, active in changes),
    )  # fmt: skip


def values(measured) -> dict:
    return {m.quantity: m.value for m in measured}


def test_rain_total_and_tips_add_up_over_polls():
    driver = tipping_bucket.Driver(tipping_bucket.Options(gpio=17, mm_per_tip=0.2))
    read_once(driver, EdgeCapture(edges(0, 60, 10, 20, 30)))
    got = values(read_once(driver, EdgeCapture(edges(60, 120, 70, 100))))
    assert got == {
        Quantity.RAIN_MM: pytest.approx(0.4),
        Quantity.RAIN_TOTAL_MM: pytest.approx(1.0),
        Quantity.TIP_COUNT: 2,
        Quantity.RAIN_INTENSITY_MM_H: pytest.approx(24.0),
        Quantity.UNWATCHED_S: 0,
    }


def test_counting_goes_on_from_what_was_remembered():
    driver = tipping_bucket.Driver(tipping_bucket.Options(gpio=17))
    driver.resume(1000)
    assert values(driver.decode(edges(0, 60, 10)))[Quantity.RAIN_TOTAL_MM] == 500.5
    assert driver.tips_total == 1001


@pytest.mark.parametrize("capture", [edges(0, 60, 10, lost=1), edges(0, 60, 10, width_s=0.001)])
def test_lost_edges_and_knocks_flag_the_sample(capture):
    driver = tipping_bucket.Driver(tipping_bucket.Options(gpio=17))
    assert {m.flags for m in driver.decode(capture)} == {Flag.LOW_QUALITY}


def test_the_time_a_line_could_not_be_watched_was_a_time_without_rain():
    driver = tipping_bucket.Driver(tipping_bucket.Options(gpio=17))
    assert {m.flags for m in driver.decode(edges(0, 60, 10))} == {Flag.GOOD}
    after = driver.decode(edges(7260, 7320, 7300))  # two hours later it is watched again
    assert values(after)[Quantity.UNWATCHED_S] == 7200
    assert {m.flags for m in after} == {Flag.LOW_QUALITY}  # so the sums are lower bounds
    assert values(driver.decode(edges(7320, 7380)))[Quantity.UNWATCHED_S] == 0


def test_the_first_poll_without_length_has_no_intensity():
    measured = tipping_bucket.Driver(tipping_bucket.Options(gpio=17)).decode(edges(5, 5))
    assert (measured[3].value, measured[3].flags) == (None, Flag.MISSING)
    assert measured[0].value == 0


@pytest.mark.parametrize(
    ("pull_up", "use"),
    [(True, PinUse(gpio=17)), (False, PinUse(gpio=17, pull="none", active_low=False))],
)
def test_the_line_is_named(pull_up, use):
    assert tipping_bucket.Driver(tipping_bucket.Options(gpio=17, pull_up=pull_up)).pins() == (use,)
