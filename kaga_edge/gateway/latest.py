"""What each sensor said last, and what was last good of it; the log hears of changes, not of polls."""

from __future__ import annotations

from dataclasses import field

from kaga_edge.station import journal
from kaga_edge.vocabulary.errors import KagaError, WarmingUp
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.quick import dataclass
from kaga_edge.vocabulary.readings import Alert, Flag, Reading, Sample

HALF_HOUR_S = 1800.0
UNDER_VOLTAGE = Quantity.UNDER_VOLTAGE
SUSPECT = int(Flag.STUCK | Flag.OUT_OF_RANGE | Flag.LOW_QUALITY)  # a spike passes by itself
DOWN_AFTER = 3  # failed polls in a row before the log says so: one lost frame is no event


class Polls:
    """How many polls were made and how many failed, over the last half to whole hour."""

    __slots__ = ("earlier", "failed", "made", "since_s")

    def __init__(self) -> None:
        self.since_s = 0.0
        self.made = self.failed = 0
        self.earlier = (0, 0)  # of the half hour before

    def count(self, failed: bool, at_s: float) -> Polls:
        """Count one more poll."""
        if not self.made or at_s - self.since_s >= HALF_HOUR_S:
            recent = at_s - self.since_s < 2 * HALF_HOUR_S
            self.earlier = (self.made, self.failed) if recent else (0, 0)
            self.since_s, self.made, self.failed = at_s, 0, 0
        self.made += 1
        self.failed += failed
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """The newest sample of one sensor, and its newest good one. Times are monotonic seconds."""

    readings: tuple[Reading, ...]
    at_ms: int
    polled_s: float
    good: tuple[Reading, ...] = ()
    good_s: float | None = None
    failures: int = 0
    failing_since_s: float | None = None
    error: KagaError | None = None
    polls: Polls = field(default_factory=Polls)
    doubt: int = 0  # the flags of what is wrong with these readings and does not pass by itself
    low: bool | None = None  # whether they say that the supply is low; None: they do not say


def newer(before: Latest | None, sample: Sample, error: KagaError | None, at_s: float) -> Latest:
    """Return the newest of a sensor after ``sample``; what was last good stays known."""
    polls = Polls() if before is None else before.polls
    if error is None:
        doubt, low = 0, None
        for reading in sample.readings:
            if reading.flags:
                doubt |= int(reading.flags)
            if reading.quantity is UNDER_VOLTAGE and reading.value is not None:
                low = bool(reading.value)
        return Latest(
            readings=sample.readings,
            at_ms=sample.at.wall_ms,
            polled_s=at_s,
            good=sample.readings,
            good_s=at_s,
            polls=polls.count(False, at_s),
            doubt=doubt & SUSPECT,
            low=low,
        )
    old = before or Latest(readings=(), at_ms=0, polled_s=at_s, polls=polls)
    failed = not isinstance(error, WarmingUp)
    return Latest(
        readings=sample.readings,
        at_ms=sample.at.wall_ms,
        polled_s=at_s,
        good=old.good,
        good_s=old.good_s,
        failures=old.failures + failed,
        failing_since_s=old.failing_since_s or at_s,
        error=error,
        polls=polls.count(failed, at_s),
    )


def is_as_good(before: Latest | None, after: Latest) -> bool:
    """Say whether a sensor goes on as it was, without an error: then there is nothing to log."""
    return (
        before is not None
        and before.error is None
        and after.error is None
        and before.doubt == after.doubt
        and before.low is after.low
    )


def log_change(sensor: str, before: Latest | None, after: Latest) -> None:
    """Log a sensor that went down or came back: one line per change, not per poll."""
    if isinstance(after.error, WarmingUp):
        return
    if after.failures == DOWN_AFTER and after.error is not None:
        e = after.error
        ago = None if after.good_s is None else round(after.polled_s - after.good_s)
        journal.error(
            "sensor.down", sensor=sensor, code=e.code, error=e.what, where=e.where, fix=e.fix, last_good_s=ago
        )
    elif not after.failures and before is not None and before.failures >= DOWN_AFTER:
        since_s = before.failing_since_s or after.polled_s
        journal.info(
            "sensor.up", sensor=sensor, outage_s=round(after.polled_s - since_s), missed=before.failures
        )


def log_alert(alert: Alert) -> None:
    """Log an alarm that was raised or cleared."""
    facts = {name: alert.data[name] for name in ("value", "threshold", "unit") if name in alert.data}
    journal.event(50 if alert.state == "raised" else 20, f"alert.{alert.state}", key=alert.key, **facts)
