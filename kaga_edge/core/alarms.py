"""Alarms that need no network: raised at a threshold, cleared with hysteresis."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRule:
    """One threshold on one channel. A value equal to the threshold counts as reached."""

    rank: str  # "standby", "caution", "evacuation", "danger", "levee"; snow: "caution", "warning"
    sensor: str
    channel: str
    threshold: float
    hysteresis: float
