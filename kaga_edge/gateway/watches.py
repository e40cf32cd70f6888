"""The rules over several values, run on every sample: pure rules in, flags and alerts out."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from kaga_edge.core.stranding import Stranding
from kaga_edge.core.watching import Newest, Place, Scene, Told, Watch, fresh_s
from kaga_edge.gateway.wording import worded_watch
from kaga_edge.vocabulary.quantities import BY_CHANNEL
from kaga_edge.vocabulary.quick import dataclass
from kaga_edge.vocabulary.readings import Alert, ClockTrust, Flag, Grade, Moment, Reading, Sample

RAISED_KEY = "raised-watches"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A sample after the rules: with the flags of what is in doubt, the alerts, what to remember."""

    sample: Sample
    alerts: tuple[Alert, ...] = ()
    remember: tuple[tuple[str, str], ...] = ()


class Watches:
    """Holds each rule's state and the site's newest values; one per configuration."""

    def __init__(self, rules: Iterable[Watch], *, zone: str, raised: Iterable[str] = ()) -> None:
        self._zone = ZoneInfo(zone)
        self.rules = self._rules = tuple(rules)
        known = frozenset(raised)
        self._states: list[Any] = [rule.start(known) for rule in self._rules]
        self._newest: dict[Place, Newest] = {}
        self.every_s: Mapping[str, float] = {}  # of each sensor: what is measured seldom is good for longer
        self.raised: set[str] = set(known)

    async def recall(self, recall: Callable[[str], Any]) -> frozenset[str]:
        """Go on from what the store remembers: the alarms raised, and each road's usual traffic.

        Returns the alarms whose rule has gone.
        """
        told = frozenset((await recall(RAISED_KEY) or "").split())
        known = told & frozenset().union(*(rule.keys for rule in self._rules))
        self.raised = set(known)
        for at, rule in enumerate(self._rules):
            self._states[at] = rule.start(known)
            if not (isinstance(rule, Stranding) and rule.learns):
                continue
            with contextlib.suppress(ValueError, TypeError):  # nothing yet, or spoilt: it is learnt anew
                usual = tuple(json.loads(await recall(f"usual/{rule.sensor}") or ""))
                self._states[at] = replace(self._states[at], usual=usual)
        return told - known

    def see(self, sample: Sample, now_s: float) -> Seen:
        """Run every rule that this sample moves."""
        if not self._rules:
            return Seen(sample=sample)
        fresh = fresh_s(self.every_s.get(sample.sensor, 0.0))
        for reading in sample.readings:
            place = sample.sensor, reading.quantity.channel
            value = None if reading.value is None else reading.quantity.as_sent(reading.value)
            self._newest[place] = Newest(value=value, at_s=now_s, flags=reading.flags, fresh_s=fresh)
        moved = [at for at, rule in enumerate(self._rules) if sample.sensor in rule.sensors]
        if not moved:
            return Seen(sample=sample)
        scene = Scene(now_s=now_s, newest=self._newest, hour=self._hour(sample.at))
        told: list[Told] = []
        doubted: frozenset[Place] = frozenset()
        remember: list[tuple[str, str]] = []
        for at in moved:
            before = self._states[at]
            outcome = self._rules[at].step(before, scene, sample.sensor)
            self._states[at] = outcome.state
            told += outcome.told
            doubted |= outcome.doubted
            remember += _learned(self._rules[at], before, outcome.state)
        if told:
            for one in told:
                (self.raised.add if one.state == "raised" else self.raised.discard)(one.key)
            remember.append((RAISED_KEY, " ".join(sorted(self.raised))))
        sample = _in_doubt(sample, doubted)
        alerts = tuple(_alert(one, sample) for one in told)
        return Seen(sample=sample, alerts=alerts, remember=tuple(remember))

    def _hour(self, at: Moment) -> int | None:
        if at.trust in (ClockTrust.NONE, ClockTrust.LAST_KNOWN):
            return None
        return datetime.fromtimestamp(at.wall_ms / 1000, UTC).astimezone(self._zone).hour


def _learned(rule: Watch, before: Any, after: Any) -> list[tuple[str, str]]:
    if isinstance(rule, Stranding) and after.usual != before.usual:
        return [(f"usual/{rule.sensor}", json.dumps(after.usual))]
    return []


def _in_doubt(sample: Sample, doubted: frozenset[Place]) -> Sample:
    if not doubted:
        return sample
    return replace(
        sample,
        readings=tuple(
            _suspect(one) if (sample.sensor, one.quantity.channel) in doubted else one
            for one in sample.readings
        ),
    )


def _suspect(reading: Reading) -> Reading:
    grade = Grade.SUSPECT if reading.grade in (Grade.GOOD, Grade.NOT_EVALUATED) else reading.grade
    return replace(reading, flags=reading.flags | Flag.LOW_QUALITY, grade=grade)


def _alert(told: Told, sample: Sample) -> Alert:
    quantity = BY_CHANNEL[told.channel]
    flags = next((int(one.flags) for one in sample.readings if one.quantity is quantity), 0)
    data: dict[str, object] = {"rank": told.kind, "unit": quantity.unit, "q": flags} | dict(told.data)
    return Alert(
        key=told.key,
        state=told.state,
        subject=f"{told.sensor}/{told.channel}",
        at=sample.at,
        data=data | worded_watch(told.kind, told.state, told.words),
    )
