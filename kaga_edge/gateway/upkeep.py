"""Maintenance over the control socket: windows that flag samples, are announced and outlive a restart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from kaga_edge.core import maintenance
from kaga_edge.core.maintenance import LONGEST_MINUTES, SITE, Window
from kaga_edge.gateway.wording import worded_watch
from kaga_edge.station import journal
from kaga_edge.vocabulary.errors import AskedWrongly
from kaga_edge.vocabulary.quick import dataclass
from kaga_edge.vocabulary.readings import Alert, Flag, Moment, Sample

KEY = "maintenance"


class Memory(Protocol):
    """What is needed of the store."""

    async def remember(self, key: str, value: str) -> None:
        """Keep a value."""

    async def recall(self, key: str) -> str | None:
        """Return it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A sample after the windows: flagged or not, with what must be told and remembered."""

    sample: Sample
    alerts: tuple[Alert, ...] = ()
    remember: tuple[tuple[str, str], ...] = ()


class Upkeep:
    """The maintenance windows of one gateway."""

    def __init__(self, memory: Memory, now: Callable[[], Moment]) -> None:
        self._memory = memory
        self._now = now
        self.windows: dict[str, Window] = {}  # by sensor; empty nearly always

    async def recall(self) -> None:
        """Go on with the windows of before a restart."""
        self.windows = maintenance.from_text(await self._memory.recall(KEY))

    async def also(self, facts: Mapping[str, str]) -> None:
        """Take over the windows of a store that was found late."""
        found = maintenance.from_text(facts.get(KEY))
        if found.keys() - self.windows.keys():
            self.windows = found | self.windows
            await self._memory.remember(KEY, maintenance.to_text(self.windows.values()))

    def covers(self, sensor: str, at: Moment) -> bool:
        """Say whether somebody works at the sensor at that moment."""
        return bool(self.windows) and maintenance.covers(self.windows, sensor, at)

    def keep(self, sample: Sample, alerts: Iterable[Alert]) -> Kept:
        """Flag a sample and its alerts while a window lasts, and announce windows that began or ended."""
        if not self.windows:
            return Kept(sample=sample, alerts=tuple(alerts))
        marked = maintenance.mark(self.windows, sample)
        self.windows = dict(marked.windows)
        if marked.sample is not sample:
            alerts = map(_in_maintenance, alerts)
        news = tuple(_announcement(window, state, sample.at) for window, state in marked.told)
        for alert in news:
            how = "on" if alert.state == "raised" else "off"
            journal.info(f"maintenance.{how}", sensor=alert.subject, who=alert.data["who"])
        remember = ((KEY, maintenance.to_text(self.windows.values())),) if news else ()
        return Kept(sample=marked.sample, alerts=(*alerts, *news), remember=remember)

    async def ask(self, request: dict[str, Any], sensors: Iterable[str]) -> dict[str, Any]:
        """Answer ``{"op":"maintenance","do":"on"|"off"|"status",…}``. Raises AskedWrongly."""
        sensor = request.get("sensor") or SITE
        if sensor != SITE and sensor not in sensors:
            raise AskedWrongly(f"no sensor {sensor!r} in the configuration", fix=", ".join(sensors))
        match request.get("do"):
            case "on":
                self.windows[sensor] = self._begun(sensor, request)
            case "off":
                for name in [SITE, *sensors] if sensor == SITE else [sensor]:
                    if name in self.windows:
                        self.windows[name] = maintenance.ended(self.windows[name], self._now())
            case "status":
                return self.told()
            case other:
                raise AskedWrongly(f"do = {other!r}", fix="on, off or status")
        await self._memory.remember(KEY, maintenance.to_text(self.windows.values()))
        return self.told()

    def told(self) -> dict[str, Any]:
        """Return the windows that last, as status shows them."""
        now = self._now()
        return {
            "v": 1,
            "windows": [
                {
                    "sensor": one.sensor,
                    "until": one.until_ms,
                    "left_s": max(0, round((one.until_up_ms - now.up_ms) / 1000))
                    if one.boot == now.boot
                    else max(0, round((one.until_ms - now.wall_ms) / 1000)),
                    "who": one.who,
                    "why": one.why,
                }
                for one in self.windows.values()
                if one.lasts(now)
            ],
        }

    def _begun(self, sensor: str, request: dict[str, Any]) -> Window:
        minutes, who = request.get("minutes"), request.get("who")
        if not isinstance(minutes, int | float) or not 0 < minutes <= LONGEST_MINUTES:
            raise AskedWrongly(f"minutes = {minutes!r}", fix=f"above 0, at most {LONGEST_MINUTES}")
        if not isinstance(who, str) or not who.strip():
            raise AskedWrongly("nobody named", fix="say who works there: who")
        return maintenance.begun(sensor, self._now(), minutes, who.strip(), str(request.get("why") or ""))


def _in_maintenance(alert: Alert) -> Alert:
    """An alarm during maintenance is told all the same, and says what it may be worth."""
    flags = alert.data.get("q")
    return replace(
        alert, data=alert.data | {"q": (flags if isinstance(flags, int) else 0) | int(Flag.MAINTENANCE)}
    )


def _announcement(window: Window, state: str, at: Moment) -> Alert:
    data: dict[str, object] = {
        "rank": "maintenance",
        "until": window.until_ms,
        "who": window.who,
        "why": window.why,
    }
    return Alert(
        key=window.key,
        state=state,
        subject=window.sensor,
        at=at,
        data=data | worded_watch("maintenance", state, {}),
    )
