"""Pulses into counts: textbook examples, arithmetic, and the same edges cut into any intervals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.core.tallies import (
    LineState,
    Pulse,
    PulseRule,
    RainState,
    fold_line,
    fold_rain,
)
from kaga_edge.vocabulary.requests import Edge, Edges

S = 1_000_000_000
MS = 1_000_000
REED = PulseRule(gpio=17, shortest_ns=5 * MS, longest_ns=5 * S, bounce_ns=80 * MS)


def interval(start_s: float, end_s: float, *pulses, active=False, lost=0, first=False, gpio=17) -> Edges:
    """Edges of (on, off) pairs in seconds on one line; a None end stays open."""
    edges = []
    for on_s, off_s in pulses:
        if on_s is not None:
            edges.append(Edge(at_ns=round(on_s * S), gpio=gpio, active=True))
        if off_s is not None:
            edges.append(Edge(at_ns=round(off_s * S), gpio=gpio, active=False))
    return Edges(
        start_ns=round(start_s * S), end_ns=round(end_s * S), edges=tuple(edges),
        active_at_start={gpio: active}, lost=lost, first=first,
    )  # fmt: skip


# --- lines ---


def test_a_closing_that_bounces_is_one_pulse():
    edges = interval(0, 10, (1.0, 1.002), (1.005, 1.1), (1.12, 1.121))
    _, tally = fold_line(LineState(), edges, REED)
    assert tally.pulses == (Pulse(start_ns=S, end_ns=1_121 * MS),)


def test_two_closings_further_apart_than_the_bounce_are_two():
    _, tally = fold_line(LineState(), interval(0, 10, (1.0, 1.1), (1.2, 1.3)), REED)
    assert len(tally.pulses) == 2


@pytest.mark.parametrize("length_s", [0.004, 5.1])
def test_a_pulse_outside_its_band_is_rejected(length_s):
    _, tally = fold_line(LineState(), interval(0, 10, (1.0, 1.0 + length_s)), REED)
    assert (tally.pulses, tally.rejected) == ((), 1)


def test_a_pulse_open_at_the_end_counts_in_the_next_interval():
    state, tally = fold_line(LineState(), interval(0, 10, (9.95, None)), REED)
    assert tally.pulses == ()
    _, tally = fold_line(state, interval(10, 20, (None, 10.05), active=True), REED)
    assert tally.pulses == (Pulse(start_ns=9_950 * MS, end_ns=10_050 * MS),)


def test_a_pulse_still_bouncing_at_the_end_counts_in_the_next_interval():
    state, tally = fold_line(LineState(), interval(0, 10, (9.9, 9.99)), REED)
    assert tally.pulses == ()
    state, tally = fold_line(state, interval(10, 20, (10.01, 10.02)), REED)
    assert tally.pulses == (Pulse(start_ns=9_900 * MS, end_ns=10_020 * MS),)


def test_a_line_active_before_watching_gives_on_time_but_no_pulse():
    _, tally = fold_line(LineState(), interval(0, 10, (None, 4.0), active=True, first=True), REED)
    assert (tally.pulses, tally.on_ns) == ((), 4 * S)


def test_a_pulse_whose_end_was_not_seen_is_forgotten():
    state, _ = fold_line(LineState(), interval(0, 10, (9.0, None)), REED)
    state, tally = fold_line(state, interval(12, 20, (15.0, 15.1)), REED)
    assert tally.pulses == (Pulse(start_ns=15 * S, end_ns=15_100 * MS),)


def test_edges_of_another_line_do_not_count():
    assert fold_line(LineState(), interval(0, 10, (1, 2), gpio=5), REED)[1].pulses == ()


@given(
    gaps=st.lists(st.tuples(st.integers(1, 900), st.integers(1, 900)), max_size=12),
    cuts=st.lists(st.integers(1, 22_000), max_size=6, unique=True),
)
def test_however_the_time_is_cut_the_same_pulses_and_on_time_come_out(gaps, cuts):
    edges, at_ms = [], 0
    for idle_ms, on_ms in gaps:
        edges += [(at_ms + idle_ms, True), (at_ms + idle_ms + on_ms, False)]
        at_ms += idle_ms + on_ms
    end_ms = 23_000

    def run(bounds):
        state, pulses, on_ns, level = LineState(), [], 0, False
        for start, end in zip([0, *bounds], [*bounds, end_ms], strict=True):
            inside = [(at, active) for at, active in edges if start < at <= end]
            state, tally = fold_line(
                state,
                Edges(
                    start_ns=start * MS,
                    end_ns=end * MS,
                    edges=tuple(Edge(at_ns=at * MS, gpio=17, active=active) for at, active in inside),
                    active_at_start={17: level},
                    first=start == 0,
                ),
                REED,
            )
            pulses += tally.pulses
            on_ns += tally.on_ns
            level = inside[-1][1] if inside else level
        return pulses, on_ns

    assert run(sorted(cuts)) == run([])
    assert run([])[1] == sum(on for _, on in gaps) * MS


# --- rain ---


def tips(*at_s: float):
    return [(at, at + 0.1) for at in at_s]


def test_tips_times_millimetres_is_the_rain():
    _, rain = fold_rain(RainState(), interval(0, 60, *tips(6, 12, 18, 24)), REED, 0.5)
    assert (rain.tips, rain.rain_mm, rain.rain_total_mm, rain.intensity_mm_h) == (4, 2.0, 2.0, 120.0)


def test_a_steady_300_mm_h_is_one_half_millimetre_tip_in_6_s():
    state, rain = RainState(), None
    for i in range(3):
        state, rain = fold_rain(state, interval(i * 6, i * 6 + 6, *tips(i * 6 + 3)), REED, 0.5)
    assert rain.intensity_mm_h == pytest.approx(300)
    assert rain.rain_total_mm == 1.5


def test_a_single_tip_is_spread_over_the_time_since_the_tip_before_it():
    state, _ = fold_rain(RainState(), interval(0, 60, *tips(30)), REED, 0.5)
    for minute in range(1, 5):
        state, quiet = fold_rain(state, interval(60 * minute, 60 * minute + 60), REED, 0.5)
        assert quiet.intensity_mm_h == 0
    _, rain = fold_rain(state, interval(300, 360, *tips(330)), REED, 0.5)
    assert rain.intensity_mm_h == pytest.approx(0.5 * 3600 / 300)


def test_a_downpour_after_a_dry_spell_keeps_its_intensity():
    state, _ = fold_rain(RainState(), interval(0, 60, *tips(1)), REED, 0.5)
    _, rain = fold_rain(state, interval(86400, 86460, *tips(*range(86403, 86460, 6))), REED, 0.5)
    assert rain.intensity_mm_h == 300


def test_an_interval_without_length_has_no_intensity():
    assert fold_rain(RainState(), interval(5, 5, first=True), REED, 0.5)[1].intensity_mm_h is None
