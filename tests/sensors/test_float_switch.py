"""Float switch: hold times, both wirings, states over polls; a second-by-second count beside it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.sensors import float_switch
from kaga_edge.sim.captured import EdgeCapture, read_once
from kaga_edge.vocabulary.readings import Flag
from kaga_edge.vocabulary.requests import Edge, Edges, PinUse

S = 1_000_000_000


def edges(start_s, end_s, *changes, closed=False, lost=0, first=False) -> Edges:
    """``changes``: (second, closed)."""
    return Edges(
        start_ns=start_s * S, end_ns=end_s * S, active_at_start={22: closed}, lost=lost, first=first,
        edges=tuple(Edge(at_ns=round(at * S), gpio=22, active=active) for at, active in changes),
    )  # fmt: skip


def driver(**options) -> float_switch.Driver:
    return float_switch.Driver(float_switch.Options(**{"gpio": 22, "normally_closed": False} | options))


def values(measured) -> list[float]:
    return [m.value for m in measured]


def test_water_that_stays_counts_from_its_first_edge():
    one = driver()
    assert values(read_once(one, EdgeCapture(edges(0, 60, first=True)))) == [0, 60, 0]
    assert values(read_once(one, EdgeCapture(edges(60, 70, (65, True))))) == [1, 5, 1]
    assert values(read_once(one, EdgeCapture(edges(70, 80, closed=True)))) == [1, 15, 0]


def test_what_has_not_lasted_yet_counts_in_the_next_poll():
    one = driver(hold_on_s=3)
    one.decode(edges(0, 60, first=True))
    assert values(one.decode(edges(60, 70, (69, True)))) == [0, 70, 0]
    assert values(one.decode(edges(70, 80, closed=True))) == [1, 11, 1]


def test_waves_do_not_make_it_come_and_go():
    one = driver()
    waves = [(at, on) for second in range(10, 50, 2) for at, on in ((second, True), (second + 1.5, False))]
    assert values(one.decode(edges(0, 60, *waves, first=True))) == [0, 60, 0]  # never 2 s long
    longer = [(at, on) for second in range(70, 110, 4) for at, on in ((second, True), (second + 3, False))]
    assert values(one.decode(edges(60, 120, *longer))) == [1, 50, 1]  # never 30 s away
    assert values(one.decode(edges(120, 180))) == [0, 71, 1]  # away since second 109


@pytest.mark.parametrize("hold_s", [0, 5])
def test_a_state_is_reached_exactly_when_its_hold_time_is_over(hold_s):
    one = driver(hold_on_s=hold_s)
    one.decode(edges(0, 10, first=True))
    assert values(one.decode(edges(10, 15, (10, True))))[0] == 1


def test_what_is_there_when_watching_begins_counts_at_once():
    assert values(driver().decode(edges(0, 1, closed=True, first=True))) == [1, 1, 0]


def test_a_cut_cable_of_a_normally_closed_switch_reads_as_water():
    one = driver(normally_closed=True)
    assert values(one.decode(edges(0, 60, closed=True, first=True))) == [0, 60, 0]
    assert values(one.decode(edges(60, 120, (100, False), closed=True))) == [1, 20, 1]


def test_an_edge_lost_between_polls_is_made_good_by_the_level():
    one = driver()
    one.decode(edges(0, 60, first=True))
    measured = one.decode(edges(60, 120, closed=True, lost=1))
    assert values(measured) == [1, 60, 1]
    assert {m.flags for m in measured} == {Flag.LOW_QUALITY}


@given(
    st.lists(st.booleans(), min_size=2, max_size=80),
    st.integers(1, 6),
    st.integers(1, 10),
    st.sets(st.integers(1, 79)),
)
def test_however_the_time_is_cut_into_polls_it_agrees_with_counting_seconds(seconds, on_s, off_s, cuts):
    there, run, since, changes = seconds[0], 0, 0, 0  # the plain way: look once a second
    for at, closed in enumerate(seconds):
        run = run + 1 if closed != there else 0
        if run == (on_s if closed else off_s):
            there, since, changes, run = closed, at + 1 - run, changes + 1, 0
    one = driver(hold_on_s=on_s, hold_off_s=off_s)
    total, ends, start = 0, sorted({cut for cut in cuts if cut < len(seconds)} | {len(seconds)}), 0
    for end in ends:
        last = min(end, len(seconds) - 1)  # an edge at the end of a poll belongs to it
        moved = [(at, seconds[at]) for at in range(start + 1, last + 1) if seconds[at] != seconds[at - 1]]
        measured = one.decode(edges(start, end, *moved, closed=seconds[start], first=start == 0))
        total += measured[2].value
        start = end
    assert values(measured)[:2] == [there, len(seconds) - since]
    assert total == changes


@pytest.mark.parametrize(
    ("pull_up", "use"),
    [(True, PinUse(gpio=22)), (False, PinUse(gpio=22, pull="none", active_low=False))],
)
def test_the_line_is_named(pull_up, use):
    assert driver(pull_up=pull_up).pins() == (use,)
