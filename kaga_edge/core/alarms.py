"""Alarms that need no network: raised at a threshold, cleared with hysteresis.

A value equal to the threshold counts as reached, as the prefectures' own mails do; it is compared as it
is sent, or 5.0 m less 3.7 m (1.2999999999999998 in binary) would show 1.300 and not have reached 1.30.
Quality flags do not hold an alarm back: a suspicious flood is reported with its flags, not kept to ourselves.
"""

from __future__ import annotations

from dataclasses import dataclass

DECIMALS = 9  # finer than any instrument, coarser than what binary fractions add: 2.1 - 0.05 is 2.05


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRule:
    """One threshold on one channel."""

    rank: str  # "standby", "caution", "evacuation", "danger", "levee"; snow: "caution", "warning"
    sensor: str
    channel: str
    unit: str
    threshold: float
    hysteresis: float
    further: bool = False  # on a channel beside the one the site is about, which the key then names

    @property
    def key(self) -> str:
        """The alarm's name on the wire, the same for raised and cleared."""
        return f"{self.rank}/{self.sensor}" + (f"/{self.channel}" if self.further else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An alarm that has just been raised or cleared."""

    rule: AlarmRule
    state: str  # "raised" | "cleared"
    value: float


def step(
    rules: tuple[AlarmRule, ...], raised: frozenset[str], value: float
) -> tuple[frozenset[str], tuple[Change, ...]]:
    """Return the keys now raised, and what changed, highest threshold first when rising.

    ``rules`` are those of one channel; ``raised`` are the keys raised before; ``value`` is as it is sent.
    """
    changes: list[Change] = []
    for rule in sorted(rules, key=lambda r: r.threshold, reverse=True):
        if rule.key not in raised and value >= rule.threshold:
            raised |= {rule.key}
            changes.append(Change(rule=rule, state="raised", value=value))
        elif rule.key in raised and value < round(rule.threshold - rule.hysteresis, DECIMALS):
            raised -= {rule.key}
            changes.append(Change(rule=rule, state="cleared", value=value))
    return raised, tuple(changes)
