"""Spot speeds of a Doppler radar into vehicles: state in, reports out, nothing looks at a clock.

A vehicle gives many reports. Those of one direction without a longer silence between them are one; it
counts when that silence is over, so a vehicle in view at the end of an interval counts in the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

MOST_SPEEDS = 512  # of one vehicle: a parked one with a running fan must not grow for ever


class Spot(NamedTuple):
    """One report: when it came, and the speed, positive inbound, never 0."""

    at_ns: int
    speed_m_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotRule:
    """What makes a vehicle of reports."""

    silence_ns: int
    reports_min: int
    fastest: bool = False  # the fastest report is the vehicle's speed, not the median


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Reports of one direction that may still go on; speeds without their sign."""

    last_ns: int
    speeds_m_s: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotState:
    """What is in view: one group a direction."""

    inbound: Group | None = None
    outbound: Group | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """One whole vehicle."""

    inbound: bool
    speed_m_s: float


def fold_spots(
    state: SpotState, spots: Sequence[Spot], ends_ns: int | None, rule: SpotRule
) -> tuple[SpotState, tuple[Vehicle, ...]]:
    """Return the next state and the vehicles that became whole. ``ends_ns`` None: nothing comes after."""
    inbound, coming = _fold(state.inbound, [s for s in spots if s.speed_m_s > 0], ends_ns, rule)
    outbound, going = _fold(state.outbound, [s for s in spots if s.speed_m_s < 0], ends_ns, rule)
    return SpotState(inbound=inbound, outbound=outbound), (
        *(Vehicle(inbound=True, speed_m_s=speed) for speed in coming),
        *(Vehicle(inbound=False, speed_m_s=speed) for speed in going),
    )


def _fold(
    group: Group | None, spots: list[Spot], ends_ns: int | None, rule: SpotRule
) -> tuple[Group | None, list[float]]:
    speeds: list[float] = []
    for spot in spots:
        if group is not None and spot.at_ns - group.last_ns >= rule.silence_ns:
            speeds += _whole(group, rule)
            group = None
        before = group.speeds_m_s if group else ()
        group = Group(last_ns=spot.at_ns, speeds_m_s=(*before, abs(spot.speed_m_s))[-MOST_SPEEDS:])
    if group is not None and (ends_ns is None or ends_ns - group.last_ns >= rule.silence_ns):
        speeds += _whole(group, rule)
        group = None
    return group, speeds


def _whole(group: Group, rule: SpotRule) -> list[float]:
    if len(group.speeds_m_s) < rule.reports_min:
        return []
    return [max(group.speeds_m_s) if rule.fastest else median(group.speeds_m_s)]
