"""When to measure and send faster: while a level rises, or has passed its start level or a rank.

Japan's low-cost flood gauges (危機管理型水位計, draft standard of January 2018) measure at least every ten
minutes and send once a day below the observation start level (観測開始水位); above it they measure and send
every 2 (flashy), 5 (small and medium) or 10 minutes (large river). ``PROFILES`` are these; ``rise`` is
the rule for rivers whose start level nobody knows yet. All measured before the trigger waits on disk, so
it goes out in full with the first batch of the event.

Back to normal needs two things: no cause left, each with its hysteresis, and then ``calm_s`` of peace.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

PROFILES = {"crisis_flashy": 120.0, "crisis_medium": 300.0, "crisis_large": 600.0}
QUIET_SEND_S = 86_400.0  # a crisis gauge below its start level: at least one message a day
QUIET_EVERY_S = 600.0  # and a measurement at least every ten minutes
RISE_ENDS = 0.5  # of the rise that began it


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRule:
    """One sensor's event mode; times in s, levels in the unit of its first channel, None: no such cause."""

    every_s: float  # between samples during an event
    send_s: float  # between batches during an event
    rise: float | None = None
    rise_over_s: float = 600.0
    level: float | None = None
    hysteresis: float = 0.05
    calm_s: float = 1800.0
    quiet_send_s: float | None = None  # between batches while there is no event; None: the site's usual

    @property
    def longest_every_s(self) -> float:
        """The longest interval without an event at which it would still be seen to begin."""
        quiet_s = inf if self.quiet_send_s is None else QUIET_EVERY_S
        return min(quiet_s, inf if self.rise is None else self.rise_over_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventState:
    """``lows``: candidates for the lowest value of the window (time, value), each later one higher."""

    active: bool = False
    lows: tuple[tuple[float, float], ...] = ()
    cause_s: float | None = None  # when a cause was last seen


def step(rule: EventRule, state: EventState, at_s: float, value: float | None, *, ranked: bool) -> EventState:
    """Return the next state. ``ranked``: an alarm rank of the sensor is raised. ``at_s`` monotonic.

    A sample without a value changes nothing but the clock: an event is not ended by a broken sensor
    before ``calm_s`` have passed.
    """
    lows = state.lows
    if value is not None:
        # In whole seconds: a sample ten minutes old and some tenths is one of ten minutes ago.
        kept = (one for one in lows if round(at_s - one[0]) <= rule.rise_over_s and one[1] < value)
        lows = (*kept, (at_s, value))
    cause = ranked or (value is not None and _caused(rule, state.active, value, lows[0][1]))
    cause_s = at_s if cause else state.cause_s
    calm = cause_s is None or at_s - cause_s >= rule.calm_s
    active = cause or (state.active and not calm)
    return EventState(active=active, lows=lows, cause_s=cause_s)


def _caused(rule: EventRule, active: bool, value: float, lowest: float) -> bool:
    """Tell whether the level itself is a cause; once active, less is enough."""
    if rule.level is not None and value >= round(rule.level - (rule.hysteresis if active else 0.0), 9):
        return True
    if rule.rise is None:
        return False
    needed = rule.rise * (RISE_ENDS if active else 1.0)
    return value - lowest >= needed - 1e-9
