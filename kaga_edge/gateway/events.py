"""Event mode in the daemon: what the pure rule says becomes the buses' periods and the uplink's batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kaga_edge.config.values import SensorConfig
from kaga_edge.core import eventmode
from kaga_edge.core.eventmode import EventRule, EventState
from kaga_edge.station import journal
from kaga_edge.vocabulary.readings import Flag, Sample

ACTIVE = "active"


class Events:
    """Which sensors are in an event. ``pace`` sets a sensor's period, ``send_every`` the batches'."""

    def __init__(
        self,
        sensors: Sequence[SensorConfig],
        batch_s: float | None,
        *,
        pace: Callable[[str, float], None],
        send_every: Callable[[float], None],
        known: Mapping[str, EventState] | None = None,
    ) -> None:
        self.rules: dict[str, EventRule] = {}
        self._usual_s: dict[str, float] = {}
        for sensor in sensors:
            if sensor.event is not None:
                self.rules[sensor.id], self._usual_s[sensor.id] = sensor.event, sensor.every_s
        self._batch_s = batch_s
        self._pace, self._send_every = pace, send_every
        known = known or {}
        self.states = {sensor: known.get(sensor, EventState()) for sensor in self.rules}
        self._over = [one for one, state in known.items() if state.active and one not in self.rules]
        usual_s = {sensor.id: sensor.every_s for sensor in sensors}
        self._usual_s |= {one: usual_s[one] for one in self._over if one in usual_s}

    @property
    def active(self) -> tuple[str, ...]:
        """The sensors in an event."""
        return tuple(sensor for sensor, state in self.states.items() if state.active)

    async def recall(self, recall: Callable[[str], Any], at_s: float) -> None:
        """Go on with the events of before a restart; each lasts at least its calm time from now."""
        for sensor in self.rules:
            if await recall(f"event/{sensor}") == ACTIVE:
                self.states[sensor] = EventState(active=True, cause_s=at_s)

    def see(self, sample: Sample, at_s: float, raised: frozenset[str]) -> tuple[tuple[str, str], ...]:
        """Look at a sample; change periods where an event begins or ends. Returns what to remember."""
        rule = self.rules.get(sample.sensor)
        if rule is None:
            return ()
        before = self.states[sample.sensor]
        first = sample.readings[0]
        value = None if first.value is None else first.quantity.as_sent(first.value)
        if first.flags & Flag.MAINTENANCE:  # a probe lifted out and put back is no rise; a rank counts anyway
            value = None
        state = eventmode.step(rule, before, at_s, value, ranked=bool(raised))
        self.states[sample.sensor] = state
        if state.active != before.active:
            journal.warning(
                "event.began" if state.active else "event.ended", sensor=sample.sensor, value=value
            )
            self._apply(sample.sensor)
            return ((f"event/{sample.sensor}", ACTIVE if state.active else ""),)
        return ()

    def apply(self) -> None:
        """Set every period again, after buses or the uplink were begun anew."""
        for sensor in self._over:  # its event mode was taken out of the configuration
            if sensor in self._usual_s:
                self._pace(sensor, self._usual_s[sensor])
        self._over = []
        for sensor in self.active:
            self._apply(sensor)

    def _apply(self, sensor: str) -> None:
        active = self.states[sensor].active
        usual_s = self._usual_s[sensor]  # the city may have set it below the event's own
        self._pace(sensor, min(self.rules[sensor].every_s, usual_s) if active else usual_s)
        if self._batch_s is not None:
            self._send_every(min([self._batch_s, *(self.rules[one].send_s for one in self.active)]))
