"""One sensor's record on its bus: failures in a row, and how many due times to leave out. Pure.

After three failed polls in a row a sensor is asked less and less often, each time with one try: every
period, then every 2nd, 4th … up to five minutes apart. A hang (a transfer that outlived its deadline)
costs its neighbours a second, so it counts as three at once. The first success clears everything.
Counting due times rather than seconds needs no clock and survives any jump of one.
"""

from __future__ import annotations

from dataclasses import replace

from kaga_edge.vocabulary.errors import BusMissing, KagaError, TransferTimedOut, ValueImpossible
from kaga_edge.vocabulary.quick import dataclass
from kaga_edge.vocabulary.readings import Moment

FAILURES_BEFORE_BACK_OFF = 3
LONGEST_BACK_OFF_S = 300.0
# A missing device node costs nothing to look for, and an adapter plugged back in shall be in use within 5 s.
LONGEST_ABSENCE_S = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """``leave_out``: due times still to leave out. ``costly``: the last poll used up a deadline."""

    failures: int = 0
    level: int = 0
    leave_out: int = 0
    costly: bool = False
    identified: bool = False
    failing_since: Moment | None = None
    last_error: KagaError | None = None
    last_ok: Moment | None = None

    @property
    def backs_off(self) -> bool:
        """Whether this sensor gets one try a poll, and maybe no poll at all."""
        return self.level > 0

    @property
    def state(self) -> str:
        """The word for people."""
        if self.failures:
            return "back-off" if self.backs_off else "failing"
        return "ok" if self.last_ok else "waiting"


def succeeded(at: Moment) -> Standing:
    """Return the record after a good poll: nothing of the past remains."""
    return Standing(identified=True, last_ok=at)


def failed(
    before: Standing,
    error: KagaError,
    at: Moment,
    *,
    every_s: float,
    costly: bool,
    identified: bool,
    may_rest: bool,
) -> Standing:
    """Return the record after a failed poll.

    ``costly``: it held the bus for about a deadline. ``identified``: the sensor said who it is, in this
    poll or an earlier one. ``may_rest``: False for instruments that are listened to, not asked: leaving
    them out saves nothing.
    """
    failures = before.failures + 1
    hung = isinstance(error, TransferTimedOut)
    level = before.level
    if not may_rest:
        level = 0
    elif hung:
        level = max(level + 1, 2)  # the very next due time is left out already
    elif failures >= FAILURES_BEFORE_BACK_OFF:
        level += 1
    return Standing(
        failures=failures,
        level=level,
        leave_out=_leave_out(level, every_s, error),
        costly=costly,
        # A wrong value is said by the right sensor; after anything else, or when it stays wrong (its supply
        # dipped, a setting is lost), ask again who is there, which also resets it.
        identified=identified and isinstance(error, ValueImpossible) and failures < FAILURES_BEFORE_BACK_OFF,
        failing_since=before.failing_since or at,
        last_error=error,
        last_ok=before.last_ok,
    )


def left_out(before: Standing) -> Standing:
    """Return the record after a due time was left out."""
    return Standing(
        failures=before.failures,
        level=before.level,
        leave_out=max(0, before.leave_out - 1),
        costly=before.costly,
        identified=before.identified,
        failing_since=before.failing_since,
        last_error=before.last_error,
        last_ok=before.last_ok,
    )


def asked_again(before: Standing) -> Standing:
    """Return the record of a sensor that is tried now, however many due times were to be left out."""
    return replace(before, leave_out=0) if before.leave_out else before


def plugged_in(before: Standing) -> Standing:
    """Return the record of a sensor whose power was away: nothing of its state can be trusted."""
    return replace(before, leave_out=0, identified=False)


def _leave_out(level: int, every_s: float, error: KagaError) -> int:
    if level == 0:
        return 0
    longest_s = LONGEST_ABSENCE_S if isinstance(error, BusMissing) else LONGEST_BACK_OFF_S
    most = max(0, int(longest_s / every_s) - 1)
    return min(int(2 ** min(level - 1, 20)) - 1, most)
