"""Calibration on site: a straight line from what siting gives to what the staff gauge says.

    offset     true - raw                                  one reading beside a known value
    two-point  gain = (t2 - t1) / (r2 - r1)                two readings far enough apart
    shunt      gain = true / raw, no offset                a current through a shunt of unknown size

The line is always that of the uncorrected value, never on top of an earlier one. That value stays beside
the corrected one as a channel of its own (``water_level_raw``): a wrong calibration can be taken back later.
What follows from a channel follows from it corrected: a probe's zero, or a shunt, put right moves the level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kaga_edge.vocabulary.quantities import BY_CHANNEL, Quantity
from kaga_edge.vocabulary.readings import Flag, Measurement, Moment, Reading

OFFSET, TWO_POINT, SHUNT, BARE_GROUND = "offset", "two-point", "shunt", "bare-ground"
FEWEST = 5  # readings in a window
MAD_TO_SIGMA = 1.4826
LEAST_GAIN, MOST_GAIN = 0.5, 2.0  # of two points: beyond, a centimetre's ripple made the line

# How much the readings of a window may scatter, in the quantity's unit; others: five rounding steps.
STEADY = {
    Quantity.WATER_LEVEL_M: 0.02,
    Quantity.WATER_DEPTH_M: 0.02,
    Quantity.SNOW_DEPTH_M: 0.02,
    Quantity.AIR_TEMPERATURE_C: 0.2,
    Quantity.WATER_TEMPERATURE_C: 0.2,
    Quantity.SURFACE_TEMPERATURE_C: 0.5,
    Quantity.RELATIVE_HUMIDITY_PCT: 2.0,
    Quantity.AIR_PRESSURE_HPA: 0.5,
    Quantity.WATER_PRESSURE_HPA: 2.0,
    Quantity.GAUGE_PRESSURE_HPA: 2.0,
    Quantity.LOOP_CURRENT_MA: 0.05,
    Quantity.SUPPLY_VOLTAGE_V: 0.1,
    Quantity.SUPPLY_CURRENT_A: 0.05,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """One channel's line: true = gain x raw + offset. ``on``: the day it was found, for the catalog.

    ``due``: the last day it is good for; from ``due_ms`` (UTC) on values are flagged, never changed.
    """

    channel: str
    gain: float = 1.0
    offset: float = 0.0
    on: str = ""
    due: str | None = None
    due_ms: int | None = None

    def corrected(self, raw: float) -> float:
        """Return the true value."""
        return self.gain * raw + self.offset


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What a stretch of readings is worth."""

    value: float  # the median
    spread: float  # 1.4826 x MAD: what a standard deviation would be without outliers
    drift: float  # second half's median less the first's
    count: int


def raw_of(quantity: Quantity) -> Quantity | None:
    """Return the channel that keeps the uncorrected value; None: this quantity cannot be calibrated."""
    return BY_CHANNEL.get(f"{quantity.channel}_raw")


def raw_quantities(corrections: tuple[Correction, ...]) -> tuple[Quantity, ...]:
    """Return the channels that keep what the corrections change."""
    found = (raw_of(BY_CHANNEL[one.channel]) for one in corrections)
    return tuple(one for one in found if one is not None)


def correct(
    corrections: tuple[Correction, ...], measurements: tuple[Measurement, ...]
) -> tuple[Measurement, ...]:
    """Return the measurements corrected, and after them the uncorrected ones under their own names."""
    before = {one.quantity.channel: one for one in measurements}
    kept = tuple(
        replace(before[one.channel], quantity=quantity)
        for one, quantity in zip(corrections, raw_quantities(corrections), strict=True)
    )
    return (*corrected(corrections, measurements), *kept)


def corrected(
    corrections: tuple[Correction, ...], measurements: tuple[Measurement, ...]
) -> tuple[Measurement, ...]:
    """Return the measurements, each corrected by its own line where it has one."""
    by_channel = {one.channel: one for one in corrections}
    return tuple(
        replace(one, value=by_channel[one.quantity.channel].corrected(one.value))
        if one.value is not None and one.quantity.channel in by_channel
        else one
        for one in measurements
    )


def through_loop(
    corrections: tuple[Correction, ...], units_per_ma: float, measurements: tuple[Measurement, ...]
) -> tuple[Measurement, ...]:
    """Return what a 4-20 mA loop stands for, which comes first, by the corrected current."""
    first, *rest = measurements
    line = next((one for one in corrections if one.channel == Quantity.LOOP_CURRENT_MA.channel), None)
    current = next((one.value for one in rest if one.quantity is Quantity.LOOP_CURRENT_MA), None)
    if line is None or current is None or first.value is None:
        return measurements
    moved = first.value + units_per_ma * (line.corrected(current) - current)
    return (replace(first, value=moved), *rest)


def expired(
    corrections: tuple[Correction, ...],
    readings: tuple[Reading, ...],
    at: Moment,
    follows: frozenset[str] = frozenset(),
) -> tuple[Reading, ...]:
    """Return the readings, those with a calibration past its day flagged; none while no clock is known.

    ``follows``: channels that follow from the others, and are as old as these.
    """
    past = {one.channel for one in corrections if is_past(one.due_ms, at)}
    if not past:
        return readings
    if past - follows:
        past |= follows
    return tuple(
        replace(one, flags=one.flags | Flag.CALIBRATION_EXPIRED) if one.quantity.channel in past else one
        for one in readings
    )


def is_past(due_ms: int | None, at: Moment) -> bool:
    """Tell whether a due time has come. The last known time is never ahead of the true one: it counts too."""
    return due_ms is not None and at.trust > 0 and at.wall_ms >= due_ms


def offset_line(raw: float, true: float) -> tuple[float, float]:
    """Return (gain, offset) of one reading beside a known value."""
    return 1.0, true - raw


def two_point_line(first: tuple[float, float], second: tuple[float, float]) -> tuple[float, float]:
    """Return (gain, offset) through two (raw, true) pairs. ValueError: no instrument is so far off."""
    (raw_1, true_1), (raw_2, true_2) = first, second
    if raw_1 == raw_2:
        raise ValueError("both points have the same raw value")
    gain = (true_2 - true_1) / (raw_2 - raw_1)
    if not LEAST_GAIN <= gain <= MOST_GAIN:
        raise ValueError(f"two points with a gain of {gain:.3g}: too close together, or one is wrong")
    return gain, true_1 - gain * raw_1


def shunt_line(raw: float, true: float) -> tuple[float, float]:
    """Return (gain, offset) of a shunt. ValueError: no current flows."""
    if raw == 0:
        raise ValueError("no current flows")
    return true / raw, 0.0


def window(values: Sequence[float]) -> Window:
    """Return what a stretch of readings is worth. ValueError: no readings."""
    if not values:
        raise ValueError("no readings")
    from statistics import median  # late: 30 ms that no other command of ``sensor`` needs

    middle = median(values)
    half = max(1, len(values) // 2)
    return Window(
        value=middle,
        spread=MAD_TO_SIGMA * median(abs(one - middle) for one in values),
        drift=median(values[-half:]) - median(values[:half]),
        count=len(values),
    )


def steady_within(quantity: Quantity) -> float:
    """Return how much spread and drift a window may have."""
    return STEADY.get(quantity, 5 * quantity.res)
