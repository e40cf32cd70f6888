"""Pulses of one or two detectors into traffic: count, occupancy, speed, length, headway.

Definitions: flow and occupancy per interval; a pair's speed is the distance of the two leading edges
over their time; one detector's speed takes the vehicle's length for granted. Two means of speed are kept
apart: the space mean (harmonic; with it, density = flow / speed) and the time mean (arithmetic; what a
roadside display shows). The space mean is never the larger.
"""

from __future__ import annotations

from dataclasses import dataclass

from kaga_edge.core.tallies import NS_PER_S, QUIET, LineState, Pulse, PulseRule, fold_line
from kaga_edge.vocabulary.requests import Edges


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """One detector, or two in a row. Lengths in metres.

    ``lead_distance_m``: between the leading edges of the two. ``detector_length_m``: how long the zone
    is that a vehicle covers. ``assumed_length_m``: the usual vehicle, for a single detector's speed.
    """

    first: PulseRule
    second: PulseRule | None = None
    detector_length_m: float = 2.0
    lead_distance_m: float = 4.5
    assumed_length_m: float = 4.5
    slowest_m_s: float = 1.0
    fastest_m_s: float = 60.0
    on_time_mismatch: float = 0.3  # of the longer one: beyond, two vehicles were taken for one
    shortest_m: float = 1.0
    longest_m: float = 25.0


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleState:
    """Pulses in progress, those of a pair that still wait for their partner, the last leading edge."""

    first: LineState = QUIET
    second: LineState = QUIET
    waiting_first: tuple[Pulse, ...] = ()
    waiting_second: tuple[Pulse, ...] = ()
    last_lead_ns: int | None = None

    @property
    def at_rest(self) -> bool:
        """Whether nothing is on its way: a still interval then gives nothing and changes nothing."""
        under_way = self.first is not QUIET or self.second is not QUIET
        return not (under_way or self.waiting_first or self.waiting_second)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """The speed of one vehicle; where a pair measured it, its length and which detector it met first."""

    speed_m_s: float
    length_m: float | None = None
    forward: bool = True  # first detector first


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleTally:
    """One interval of traffic. ``occupancy`` None: the interval has no length.

    Vehicles count when they have left the first detector; headways lie between leading edges.
    """

    count: int
    occupancy: float | None
    passages: tuple[Passage, ...]
    headways_s: tuple[float, ...]
    rejected: int

    @property
    def mean_speed_m_s(self) -> float | None:
        """The space-mean (harmonic) speed: what flow and density need."""
        if not self.passages:
            return None
        return len(self.passages) / sum(1 / passage.speed_m_s for passage in self.passages)

    @property
    def time_mean_speed_m_s(self) -> float | None:
        """The time-mean (arithmetic) speed: of those that pass a point."""
        return _mean([passage.speed_m_s for passage in self.passages])

    @property
    def mean_length_m(self) -> float | None:
        """The mean length of the vehicles that a pair measured."""
        return _mean([p.length_m for p in self.passages if p.length_m is not None])

    @property
    def backward(self) -> int:
        """How many vehicles a pair saw going from the second detector to the first."""
        return sum(not passage.forward for passage in self.passages)

    @property
    def mean_headway_s(self) -> float | None:
        """The mean time between leading edges."""
        return _mean(self.headways_s)


def fold_vehicles(state: VehicleState, edges: Edges, detector: Detector) -> tuple[VehicleState, VehicleTally]:
    """Return the next state and the traffic of one interval."""
    if edges.first:
        state = VehicleState()
    first, seen = fold_line(state.first, edges, detector.first)
    headways_s, last_lead_ns = _headways(seen.pulses, state.last_lead_ns)
    if detector.second is None:
        second = state.second
        waiting: tuple[tuple[Pulse, ...], tuple[Pulse, ...]] = ((), ())
        passages = tuple(passage for pulse in seen.pulses if (passage := _single(pulse, detector)))
    else:
        second, seen_second = fold_line(state.second, edges, detector.second)
        passages, waiting = _paired(
            (*state.waiting_first, *seen.pulses),
            (*state.waiting_second, *seen_second.pulses),
            detector,
            edges.end_ns,
        )
    interval_ns = edges.end_ns - edges.start_ns
    return VehicleState(
        first=first,
        second=second,
        waiting_first=waiting[0],
        waiting_second=waiting[1],
        last_lead_ns=last_lead_ns,
    ), VehicleTally(
        count=len(seen.pulses),
        occupancy=seen.on_ns / interval_ns if interval_ns > 0 else None,
        passages=passages,
        headways_s=headways_s,
        rejected=seen.rejected,
    )


def passage_of_pair(first: Pulse, second: Pulse, detector: Detector) -> Passage | None:
    """Return speed and length of one vehicle over both detectors, None where they do not belong together."""
    apart_s = abs(second.start_ns - first.start_ns) / NS_PER_S
    if apart_s == 0:
        return None
    speed_m_s = detector.lead_distance_m / apart_s
    if not detector.slowest_m_s <= speed_m_s <= detector.fastest_m_s:
        return None
    longer_ns = max(first.on_ns, second.on_ns)
    if abs(first.on_ns - second.on_ns) > detector.on_time_mismatch * longer_ns:
        return None
    length_m = speed_m_s * (first.on_ns + second.on_ns) / 2 / NS_PER_S - detector.detector_length_m
    if not detector.shortest_m <= length_m <= detector.longest_m:
        return None
    return Passage(speed_m_s=speed_m_s, length_m=length_m, forward=first.start_ns < second.start_ns)


def _single(pulse: Pulse, detector: Detector) -> Passage | None:
    if pulse.on_ns <= 0:
        return None
    speed_m_s = (detector.assumed_length_m + detector.detector_length_m) * NS_PER_S / pulse.on_ns
    in_range = detector.slowest_m_s <= speed_m_s <= detector.fastest_m_s
    return Passage(speed_m_s=speed_m_s) if in_range else None


def _paired(
    first: tuple[Pulse, ...], second: tuple[Pulse, ...], detector: Detector, now_ns: int
) -> tuple[tuple[Passage, ...], tuple[tuple[Pulse, ...], tuple[Pulse, ...]]]:
    """Match the pulses of both lines, oldest first; forget those whose partner can no longer come."""
    passages, lonely, partners = [], [], list(second)
    for pulse in first:
        for partner in partners:
            passage = passage_of_pair(pulse, partner, detector)
            if passage is not None:
                passages.append(passage)
                partners.remove(partner)
                break
        else:
            lonely.append(pulse)
    # A partner ends at the latest this long after the pulse itself has.
    patience_ns = int(2 * detector.lead_distance_m / detector.slowest_m_s * NS_PER_S)
    return tuple(passages), (
        tuple(pulse for pulse in lonely if now_ns - pulse.end_ns < patience_ns),
        tuple(pulse for pulse in partners if now_ns - pulse.end_ns < patience_ns),
    )


def _headways(pulses: tuple[Pulse, ...], last_ns: int | None) -> tuple[tuple[float, ...], int | None]:
    headways: list[float] = []
    for pulse in pulses:
        if last_ns is not None:
            headways.append((pulse.start_ns - last_ns) / NS_PER_S)
        last_ns = pulse.start_ns
    return tuple(headways), last_ns


def _mean(values: list[float] | tuple[float, ...]) -> float | None:
    return sum(values) / len(values) if values else None
