"""When the power is taken away: rarely, never in a row, never given up."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.core import powering
from kaga_edge.core.powering import PowerRule, PowerState
from kaga_edge.vocabulary.errors import SensorSilent, ValueImpossible, WarmingUp
from kaga_edge.vocabulary.readings import ClockTrust, Moment

RULE = PowerRule(id="bus", sensors=("a", "b"), after_failures=3, rest_s=3600, gpio=22)
MODEM = PowerRule(id="modem", silent_s=1800, rest_s=7200, command=("/bin/true",))


NEW = PowerState()


def run(polls, rule=RULE, state=NEW):
    """Return the times of the cuts of (time, sensor, worked)."""
    cuts = []
    for at, sensor, worked in polls:
        state, cut = powering.polled(rule, state, sensor, worked=worked, now_s=at)
        cuts += [at] if cut else []
    return cuts


def test_only_failures_of_one_sensor_in_a_row_cut_the_power():
    assert run([(0, "a", False), (1, "b", False), (2, "a", False), (3, "b", False), (4, "a", False)]) == [4]
    assert run([(0, "a", False), (1, "a", False), (2, "a", True), (3, "a", False), (4, "a", False)]) == []


def test_a_cut_that_helped_nobody_doubles_the_rest_up_to_a_day_and_it_never_ends():
    cuts = run([(60 * i, "a", False) for i in range(60 * 24 * 5)])
    gaps = [round((b - a) / 3600) for a, b in itertools.pairwise(cuts)]
    assert gaps[:6] == [1, 2, 4, 8, 16, 24]
    assert set(gaps[5:]) == {24}


def test_a_healthy_neighbour_does_not_undo_the_back_off():
    polls = [(60 * i + (name == "b"), name, name == "b") for i in range(60 * 8) for name in "ab"]
    assert len(run(polls)) == 4  # after 0, 1, 3 and 7 hours


def test_a_mute_link_cuts_the_modem_only_after_its_silence_and_not_more_often_than_stated():
    state, cuts = PowerState(), []
    for minute in range(60 * 12):
        state, cut = powering.silent(MODEM, state, minute * 60.0, minute * 60.0)
        cuts += [minute] if cut else []
    assert cuts == [30, 150, 390]
    state, cut = powering.silent(MODEM, state, 0.0, 50_000.0)
    assert (cut, state.cuts) == (False, 0)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans(), st.floats(0, 5000)), max_size=200))
def test_two_cuts_are_never_closer_than_the_rest(polls):
    at, timed = 0.0, []
    for name, worked, step in polls:
        at += step
        timed.append((at, name, worked))
    cuts = run(timed)
    assert all(b - a >= RULE.rest_s for a, b in itertools.pairwise(cuts))


@pytest.mark.parametrize("boot", ["same", "other"])
def test_the_rest_goes_on_after_a_restart(boot):
    cut_at = Moment(wall_ms=1_000_000_000, up_ms=500_000, boot="same", trust=ClockTrust.NTP)
    up_ms = 500_000 + 600_000 if boot == "same" else 20_000
    now = replace(cut_at, wall_ms=1_000_600_000, up_ms=up_ms, boot=boot)
    text = powering.to_text(PowerState(cut_s=500.0, cuts=2), cut_at)
    known = powering.from_text(text, now)
    assert known.cuts == 2
    assert known.cut_s == pytest.approx(now.up_ms / 1000 - 600)
    assert powering.from_text(None, now) == PowerState()
    assert powering.from_text("rubbish", now).cut_s == now.up_ms / 1000  # nobody knows: rest first


def test_a_sensor_that_says_why_it_cannot_measure_is_not_helped_by_a_cut():
    assert powering.helps(SensorSilent("x"))
    assert not powering.helps(WarmingUp("x"))
    assert not powering.helps(ValueImpossible("x"))
