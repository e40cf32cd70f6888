"""When to take the power away for a moment: from sensors that no longer answer, from a modem that is mute.

The last resort after retry, reset and reopening. A healthy neighbour on the same switch loses its power
too, so it is rare: only after many failed polls in a row (or a long silence of the link), never twice within
``rest_s``, and each cut that helped nobody doubles that rest up to a day. It is never given up.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from kaga_edge.vocabulary.errors import KagaError, ValueImpossible, WarmingUp
from kaga_edge.vocabulary.readings import Moment

LONGEST_REST_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerRule:
    """``[[power]]``. ``sensors`` empty: the modem's, cut after ``silent_s`` without the platform.

    One of ``gpio`` and ``command``. ``active_low``: the line is low while the power is cut; let go, it
    must leave the power on.
    """

    id: str
    sensors: tuple[str, ...] = ()
    after_failures: int = 10
    silent_s: float = 1800.0
    rest_s: float = 3600.0  # never two cuts within
    off_s: float = 5.0
    settle_s: float = 2.0  # after the power is back, before the sensors are asked again
    gpio: int | None = None
    active_low: bool = False
    command: tuple[str, ...] = ()

    def level(self, *, cut: bool) -> bool:
        """Return the line's level, true for high."""
        return cut != self.active_low


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerState:
    """Failed polls in a row by sensor; when it was cut last, and how often without help since."""

    failures: Mapping[str, int] = field(default_factory=dict)
    cut_s: float | None = None  # on the boot clock
    cuts: int = 0


def polled(
    rule: PowerRule, state: PowerState, sensor: str, *, worked: bool, now_s: float
) -> tuple[PowerState, bool]:
    """Return the next state, and whether to cut the power now."""
    failures = dict(state.failures)
    if worked:
        failures.pop(sensor, None)
        return replace(state, failures=failures, cuts=state.cuts if failures else 0), False
    failures[sensor] = failures.get(sensor, 0) + 1
    state = replace(state, failures=failures)
    if failures[sensor] < rule.after_failures:
        return state, False
    return _cut(rule, state, now_s)


def silent(rule: PowerRule, state: PowerState, silence_s: float, now_s: float) -> tuple[PowerState, bool]:
    """Return the next state, and whether to cut the modem's power now; silence 0: the link is there."""
    if silence_s == 0:
        return (state if state.cuts == 0 else replace(state, cuts=0)), False
    if silence_s < rule.silent_s:
        return state, False
    return _cut(rule, state, now_s)


def rest_s(rule: PowerRule, state: PowerState) -> float:
    """Return how long after the last cut there will be none."""
    return min(rule.rest_s * 2.0 ** min(max(0, state.cuts - 1), 20), max(rule.rest_s, LONGEST_REST_S))


def helps(error: KagaError) -> bool:
    """Say whether a power cut may mend this: not where the sensor speaks and says why it cannot measure."""
    return not isinstance(error, ValueImpossible | WarmingUp)


def _cut(rule: PowerRule, state: PowerState, now_s: float) -> tuple[PowerState, bool]:
    if state.cut_s is not None and now_s - state.cut_s < rest_s(rule, state):
        return state, False
    failing = dict.fromkeys(state.failures, 0)  # counted anew, but only their own success ends it
    return PowerState(failures=failing, cut_s=now_s, cuts=state.cuts + 1), True


def to_text(state: PowerState, at: Moment) -> str:
    """Return what a restart must know: when by every clock, how often in vain."""
    return json.dumps({"wall": at.wall_ms, "up": at.up_ms, "boot": at.boot, "cuts": state.cuts})


def from_text(text: str | None, now: Moment) -> PowerState:
    """Return the state of before a restart. After a reboot with a doubtful time the rest begins anew."""
    try:
        told = json.loads(text or "null")
        if told is None:
            return PowerState()
        now_s = now.up_ms / 1000
        cut_s = told["up"] / 1000 if told["boot"] == now.boot else now_s - (now.wall_ms - told["wall"]) / 1000
        return PowerState(cut_s=min(cut_s, now_s), cuts=int(told["cuts"]))
    except (ValueError, TypeError, KeyError):
        return PowerState(cut_s=now.up_ms / 1000)
