"""Stopping and starting the collection of a sensor: asked by a person, announced, kept over restarts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kaga_edge.config import Config
from kaga_edge.core import collecting
from kaga_edge.core.collecting import Stop
from kaga_edge.gateway.upkeep import Memory
from kaga_edge.gateway.wording import worded_watch
from kaga_edge.station import journal
from kaga_edge.vocabulary.errors import AskedWrongly
from kaga_edge.vocabulary.readings import Alert, Moment

KEY = "collect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """Sensors whose collection began or ended just now, each with its announcement."""

    stopped: tuple[tuple[str, Alert], ...] = ()
    started: tuple[tuple[str, Alert], ...] = ()


class Collecting:
    """What is stopped at one gateway."""

    def __init__(self, memory: Memory, now: Callable[[], Moment]) -> None:
        self._memory = memory
        self._now = now
        self._stops: dict[str, Stop] = {}

    async def recall(self) -> None:
        """Go on with the stops of before a restart: nothing starts again by itself."""
        self._stops = collecting.from_text(await self._memory.recall(KEY))

    async def also(self, facts: Mapping[str, str]) -> bool:
        """Take over the stops of a store that was found late; whether there were any we did not know."""
        found = collecting.from_text(facts.get(KEY))
        if not found.keys() - self._stops.keys():
            return False
        self._stops = found | self._stops
        await self._remember()
        return True

    @property
    def stopped(self) -> frozenset[str]:
        """The sensors that are not collected."""
        return frozenset(self._stops)

    def allowed(self, config: Config) -> Config:
        """Return the configuration without the stopped sensors: no bus asks them or listens to them."""
        if not self._stops:
            return config
        return replace(config, sensors=tuple(one for one in config.sensors if one.id not in self._stops))

    async def ask(self, request: dict[str, Any], sensors: Iterable[str]) -> Changed:
        """Take ``{"op":"collect","do":"stop"|"start"|"status",…}``; without a sensor all of them.

        Raises AskedWrongly.
        """
        known, wanted = tuple(sensors), request.get("sensor")
        if wanted is not None and wanted not in known:
            raise AskedWrongly(f"no sensor {wanted!r} in the configuration", fix=", ".join(known))
        chosen = known if wanted is None else (str(wanted),)
        match request.get("do"):
            case "status":
                return Changed()
            case "stop":
                return await self._stop([one for one in chosen if one not in self._stops], request)
            case "start":
                return await self._start([one for one in chosen if one in self._stops], _who(request))
            case other:
                raise AskedWrongly(f"do = {other!r}", fix="stop, start or status")

    async def over(self) -> Changed:
        """Start what was stopped until now."""
        return await self._start([one.sensor for one in self._stops.values() if one.over(self._now())], "")

    def told(self) -> dict[str, Any]:
        """Return what is stopped, as status shows it."""
        return {
            "v": 1,
            "stopped": [
                {
                    "sensor": one.sensor,
                    "since": one.since_ms,
                    "until": one.until_ms,
                    "who": one.who,
                    "why": one.why,
                }
                for one in self._stops.values()
            ],
        }

    async def _stop(self, sensors: list[str], request: dict[str, Any]) -> Changed:
        who, why, seconds = _who(request), str(request.get("why") or "").strip(), request.get("seconds")
        if not why:
            raise AskedWrongly("no reason given", fix="say why collecting stops: why")
        if seconds is not None and (not isinstance(seconds, int | float) or seconds <= 0):
            raise AskedWrongly(f"seconds = {seconds!r}", fix="above 0, or leave it out")
        now = self._now()
        until_ms = None if seconds is None else now.wall_ms + round(seconds * 1000)
        made = [
            Stop(sensor=one, since_ms=now.wall_ms, until_ms=until_ms, who=who, why=why) for one in sensors
        ]
        self._stops |= {one.sensor: one for one in made}
        await self._remember()
        for one in made:
            journal.warning("collect.stopped", sensor=one.sensor, who=who, why=why)
        return Changed(stopped=tuple((one.sensor, _announced(one, "raised", now)) for one in made))

    async def _start(self, sensors: list[str], who: str) -> Changed:
        if not sensors:
            return Changed()
        now, ended = self._now(), [self._stops.pop(one) for one in sensors]
        await self._remember()
        for one in ended:
            journal.warning("collect.started", sensor=one.sensor, who=who or "-")
        return Changed(started=tuple((one.sensor, _announced(one, "cleared", now)) for one in ended))

    async def _remember(self) -> None:
        await self._memory.remember(KEY, collecting.to_text(self._stops.values()))


def _who(request: dict[str, Any]) -> str:
    who = request.get("who")
    if not isinstance(who, str) or not who.strip():
        raise AskedWrongly("nobody named", fix="say who asks: who")
    return who.strip()


def _announced(stop: Stop, state: str, at: Moment) -> Alert:
    data: dict[str, object] = {
        "rank": "collect",
        "since": stop.since_ms,
        "until": stop.until_ms,
        "who": stop.who,
        "why": stop.why,
    }
    return Alert(
        key=stop.key,
        state=state,
        subject=stop.sensor,
        at=at,
        data=data | worded_watch("collect", state, {}),
    )
