"""Traffic from detector pulses: textbook examples, pairs, what is carried over an interval's end."""

from __future__ import annotations

import pytest

from kaga_edge.core.tallies import Pulse, PulseRule
from kaga_edge.core.traffic import (
    Detector,
    Passage,
    VehicleState,
    VehicleTally,
    fold_vehicles,
    passage_of_pair,
)
from kaga_edge.vocabulary.requests import Edge, Edges

S = 1_000_000_000
MS = 1_000_000
LOOP = PulseRule(gpio=22)
PAIR = Detector(first=LOOP, second=PulseRule(gpio=27), detector_length_m=2.0, lead_distance_m=4.5)


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


def both(start_s: float, end_s: float, first, second) -> Edges:
    """Edges of a pair of lines, 22 and 27."""
    one, two = interval(start_s, end_s, *first, gpio=22), interval(start_s, end_s, *second, gpio=27)
    edges = tuple(sorted((*one.edges, *two.edges), key=lambda edge: edge.at_ns))
    return Edges(
        start_ns=one.start_ns, end_ns=one.end_ns, edges=edges, active_at_start={22: False, 27: False}
    )


def pulse(start_s: float, on_s: float) -> Pulse:
    return Pulse(start_ns=round(start_s * S), end_ns=round((start_s + on_s) * S))


def test_the_textbook_pair_gives_its_speed_and_length():
    detector = Detector(first=LOOP, detector_length_m=0.0, lead_distance_m=3.66)
    passage = passage_of_pair(pulse(0, 0.25), pulse(0.15, 0.29), detector)
    assert passage.speed_m_s == pytest.approx(24.4)
    assert passage.length_m == pytest.approx(6.59, abs=0.005)


def test_the_computed_pair_gives_60_km_h_and_its_length():
    passage = passage_of_pair(pulse(10.0, 0.42), pulse(10.27, 0.43), PAIR)
    assert passage.speed_m_s == pytest.approx(16.6667, abs=5e-5)
    assert passage.length_m == pytest.approx(5.0833, abs=5e-5)


def test_the_textbook_single_detector_gives_its_speed():
    detector = Detector(first=LOOP, detector_length_m=1.83, assumed_length_m=4.0)
    _, tally = fold_vehicles(VehicleState(), interval(0, 10, (1.0, 1.3), gpio=22), detector)
    assert tally.mean_speed_m_s == pytest.approx(19.4, abs=0.05)


def test_the_mean_speed_is_the_space_mean():
    passages = tuple(Passage(speed_m_s=speed) for speed in (20, 25, 10, 16))
    tally = VehicleTally(count=4, occupancy=0.1, passages=passages, headways_s=(), rejected=0)
    assert tally.mean_speed_m_s == pytest.approx(15.8416, abs=5e-5)


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (pulse(0.05, 0.4), "faster than 60 m/s"),
        (pulse(5.0, 0.4), "slower than 1 m/s"),
        (pulse(0.27, 0.8), "on-times that do not match"),
        (pulse(0.0, 0.4), "no time between the edges"),
    ],
)
def test_pulses_that_do_not_belong_together_give_no_speed(second, why):
    assert passage_of_pair(pulse(0.0, 0.4), second, PAIR) is None, why


def test_a_vehicle_without_a_partner_counts_but_has_no_speed():
    _, tally = fold_vehicles(VehicleState(), both(0, 60, [(10, 10.4)], []), PAIR)
    assert (tally.count, tally.passages) == (1, ())


def test_a_pair_that_straddles_the_interval_has_its_speed_in_the_next():
    state, tally = fold_vehicles(VehicleState(), both(0, 10.5, [(10.0, 10.42)], []), PAIR)
    assert (tally.count, tally.passages) == (1, ())
    later = both(10.5, 20, [], [])
    late_edges = (
        Edge(at_ns=10_270 * MS, gpio=27, active=True),
        Edge(at_ns=10_700 * MS, gpio=27, active=False),
    )
    early = Edges(
        start_ns=0, end_ns=round(10.5 * S), active_at_start={},
        edges=tuple(
            sorted((*both(0, 10.5, [(10.0, 10.42)], []).edges, late_edges[0]), key=lambda e: e.at_ns)
        ),
    )  # fmt: skip
    state, _ = fold_vehicles(VehicleState(), early, PAIR)
    rest = Edges(
        start_ns=later.start_ns,
        end_ns=later.end_ns,
        edges=late_edges[1:],
        active_at_start={22: False, 27: True},
    )
    _, tally = fold_vehicles(state, rest, PAIR)
    assert tally.count == 0
    assert tally.mean_speed_m_s == pytest.approx(16.6667, abs=5e-5)


def test_the_wrong_way_round_has_a_speed_too():
    _, tally = fold_vehicles(VehicleState(), both(0, 60, [(10.27, 10.70)], [(10.0, 10.42)]), PAIR)
    assert tally.mean_speed_m_s == pytest.approx(16.6667, abs=5e-5)
    assert (len(tally.passages), tally.backward) == (1, 1)


def test_occupancy_is_cut_at_the_ends_and_an_open_presence_goes_on():
    one = Detector(first=LOOP)
    state, tally = fold_vehicles(VehicleState(), interval(0, 60, (45, None), gpio=22), one)
    assert (tally.count, tally.occupancy) == (0, 0.25)
    state, tally = fold_vehicles(state, interval(60, 120, active=True, gpio=22), one)
    assert (tally.count, tally.occupancy) == (0, 1.0)
    _, tally = fold_vehicles(state, interval(120, 180, (None, 150), active=True, gpio=22), one)
    assert (tally.count, tally.occupancy) == (1, 0.5)


def test_headways_lie_between_leading_edges_over_the_interval_s_end():
    one = Detector(first=LOOP)
    state, tally = fold_vehicles(VehicleState(), interval(0, 10, (2, 2.3), (5, 5.3), gpio=22), one)
    assert tally.headways_s == (3.0,)
    _, tally = fold_vehicles(state, interval(10, 20, (12, 12.4), gpio=22), one)
    assert tally.mean_headway_s == 7.0
