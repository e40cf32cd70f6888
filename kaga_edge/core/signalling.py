"""A lamp or siren at the site: on while one of its alarms is raised, whatever the network does.

``closed_circuit``: the line is driven while all is well and let go for an alarm, so a dead gateway, a
pulled plug and a cut wire look like an alarm. Otherwise they look like calm.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """``[[output]]``. ``on``: ranks and kinds of alarms; ``sensors``: empty for all."""

    id: str
    gpio: int
    on: tuple[str, ...]
    sensors: tuple[str, ...] = ()
    closed_circuit: bool = False
    active_low: bool = False
    longest_s: float | None = None  # a siren falls silent after this until a further alarm comes

    def concerns(self, key: str) -> bool:
        """Say whether the alarm ``key`` (rank/sensor…) is one of its own."""
        rank, _, rest = key.partition("/")
        return rank in self.on and (not self.sensors or rest.partition("/")[0] in self.sensors)

    def level(self, *, alarm: bool) -> bool:
        """Return the line's level, true for high."""
        driven = alarm != self.closed_circuit
        return driven != self.active_low

    @property
    def fail_safe(self) -> bool:
        """The level a stopping gateway leaves behind: that of a line nobody drives."""
        return self.active_low


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalState:
    """The alarms it answers to, since when, and until when it is tested. Monotonic seconds."""

    keys: frozenset[str] = frozenset()
    since_s: float = 0.0
    test_until_s: float | None = None


def hear(signal: Signal, state: SignalState, raised: Iterable[str], now_s: float) -> SignalState:
    """Return the state with the alarms raised now; a further one begins the time anew."""
    keys = frozenset(key for key in raised if signal.concerns(key))
    since_s = now_s if keys - state.keys else state.since_s
    return replace(state, keys=keys, since_s=since_s)


def sounds(signal: Signal, state: SignalState, now_s: float) -> bool:
    """Say whether it is on now."""
    if state.test_until_s is not None and now_s < state.test_until_s:
        return True
    over = signal.longest_s is not None and now_s - state.since_s >= signal.longest_s
    return bool(state.keys) and not over
