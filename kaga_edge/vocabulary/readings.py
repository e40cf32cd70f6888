"""From what a driver returns to what is stored: measurement, reading, sample.

A **measurement** is what the instrument said. A **reading** is one quantity's value with quality.
A **sample** is all readings of one sensor at one time: one stored row, one number, for ever.
"""

from __future__ import annotations

from enum import IntEnum

from kaga_edge.vocabulary.flags import Flag
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.quick import dataclass

__all__ = [
    "Alert",
    "ClockTrust",
    "Flag",
    "Grade",
    "Measurement",
    "Moment",
    "Reading",
    "Sample",
]


class Grade(IntEnum):
    """QARTOD's grades; the worst test decides (FAIL, SUSPECT, GOOD, NOT_EVALUATED, MISSING)."""

    GOOD = 1
    NOT_EVALUATED = 2
    SUSPECT = 3
    FAIL = 4
    MISSING = 9


class ClockTrust(IntEnum):
    """How far the wall clock can be believed (contract v1, ``c``)."""

    NONE = 0
    LAST_KNOWN = 1  # last known time, or a battery clock
    NTP = 2
    GNSS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What the instrument said about one quantity; ``None`` means it gave no value."""

    quantity: Quantity
    value: float | None
    flags: Flag = Flag.GOOD


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One quantity's value with its quality. ``grade`` is QARTOD's summary of ``flags``."""

    quantity: Quantity
    value: float | None
    flags: Flag = Flag.GOOD
    grade: Grade = Grade.NOT_EVALUATED


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One instant by three clocks, taken together.

    ``wall_ms``: UTC milliseconds, best guess. ``up_ms``: CLOCK_BOOTTIME milliseconds (counts through
    suspend, never jumps). ``boot``: short id of this boot. ``trust``: how far ``wall_ms`` is right.
    """

    wall_ms: int
    up_ms: int
    boot: str
    trust: ClockTrust


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """All readings of one sensor at one time, before it has a number.

    ``raw`` holds the bytes seen on the wire when the result is not good, else None.
    """

    sensor: str
    at: Moment
    readings: tuple[Reading, ...]
    raw: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An alarm raised or cleared, committed with the sample that caused it.

    ``key`` names the alarm (``danger/level-1``); ``data`` is the contract's alert ``data`` without
    ``key``, ``state``, ``n``, ``c``, which are filled in at the commit.
    """

    key: str
    state: str  # "raised" | "cleared"
    subject: str  # sensor/channel
    at: Moment
    data: dict[str, object]
