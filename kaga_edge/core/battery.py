"""When to switch off before the battery is empty: a deep discharge ruins the battery and may ruin the card.

Low must hold for a while: a modem that begins to send pulls the voltage down for seconds. Without a value
nothing is known, and nothing is switched off.
"""

from __future__ import annotations

from dataclasses import dataclass

from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag, Sample

DOUBTFUL = Flag.MISSING | Flag.OUT_OF_RANGE | Flag.SPIKE | Flag.MAINTENANCE


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryRule:
    """``[battery]``: switch off when ``sensor`` says less than ``stop_below_v`` for ``hold_s``."""

    sensor: str
    stop_below_v: float
    hold_s: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryState:
    """Since when it is low (monotonic seconds), and whether the stop was asked for."""

    low_since_s: float | None = None
    asked: bool = False


def step(
    rule: BatteryRule, state: BatteryState, volts: float | None, at_s: float
) -> tuple[BatteryState, bool]:
    """Return the new state, and whether to switch off now; that is said once."""
    if volts is None or state.asked:
        return state, False
    if volts >= rule.stop_below_v:
        return BatteryState(), False
    since_s = at_s if state.low_since_s is None else state.low_since_s
    stop = at_s - since_s >= rule.hold_s
    return BatteryState(low_since_s=since_s, asked=stop), stop


def volts_of(rule: BatteryRule, sample: Sample) -> float | None:
    """Return the voltage in a sample, None when it is another sensor's or not to be trusted."""
    if sample.sensor != rule.sensor:
        return None
    for reading in sample.readings:
        if reading.quantity is Quantity.SUPPLY_VOLTAGE_V and not reading.flags & DOUBTFUL:
            return reading.value
    return None
