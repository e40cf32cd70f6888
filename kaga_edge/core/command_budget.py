"""How many commands may come: a burst, then a trickle, and so many a day as the store can remember. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from kaga_edge.core.command_keeping import KEPT_BYTES

BURST, REFILL_S = 20.0, 4.0  # so many at once, then one in so many seconds: 15 lines of audit a minute


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How many more may come now, and today; ``at_s`` on a clock that never jumps."""

    day_most: float
    left: float = BURST
    left_today: float = -1.0
    at_s: float = 0.0


def spent(budget: Budget, now_s: float) -> tuple[Budget, bool]:
    """Return the budget after one more command, and whether there was one left."""
    passed_s = max(0.0, now_s - budget.at_s)
    today = budget.day_most if budget.left_today < 0 else budget.left_today
    left = min(BURST, budget.left + passed_s / REFILL_S)
    today = min(budget.day_most, today + passed_s * budget.day_most / 86_400)
    enough = left >= 1 and today >= 1
    one = 1 if enough else 0
    return Budget(
        day_most=budget.day_most, left=left - one, left_today=max(0.0, today - one), at_s=now_s
    ), enough


def a_day(store_bytes: int) -> float:
    """Return how many commands a day may be kept: 30 days of them fill a twentieth of the store."""
    return float(min(1000, max(34, store_bytes // 20 // (30 * KEPT_BYTES))))
