"""What may be asked with the PIN: each becomes a word of the control socket, and an event of the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from kaga_edge.station.page.calibrating import Calibrating, RefusedHere
from kaga_edge.station.page.feed import Ask
from kaga_edge.station.page.wording import Words, explained, shown
from kaga_edge.text import quantity_name, say, unit_shown
from kaga_edge.vocabulary.quantities import BY_CHANNEL

Json = dict[str, Any]
Tell = Callable[..., None]
TOLD = {  # what the log calls it
    "read": "read",
    "care_on": "maintenance on",
    "care_off": "maintenance off",
    "stop": "collect stop",
    "start": "collect start",
    "calibrate_begin": "calibrate: reading",
    "calibrate_keep": "calibrate",
    "calibrate_undo": "calibrate --undo",
}
LONGEST_TEXT = 80
LONGEST_MINUTES = 24 * 60
LARGEST = 1e6  # beyond any quantity; also refuses what is no number


class Actions:
    """Carries out actions one after another. ``tell``: logs an event."""

    def __init__(self, ask: Ask, calibrating: Calibrating, tell: Tell) -> None:
        self._ask, self._calibrating, self._tell = ask, calibrating, tell
        self._one = asyncio.Lock()
        self._known = {
            "read": self._read,
            "care_on": self._care_on,
            "care_off": self._care_off,
            "stop": self._collect,
            "start": self._collect,
            "calibrate_begin": self._calibrate_begin,
            "calibrate_look": self._calibrate_look,
            "calibrate_compare": self._calibrate_compare,
            "calibrate_keep": self._calibrate_keep,
            "calibrate_undo": self._calibrate_undo,
        }

    async def do(self, asked: Json, who: str, lang: str) -> Json:
        """Return what came of it. Raises KagaError."""
        name = str(asked.get("action"))
        action = self._known.get(name)
        if action is None:
            raise RefusedHere(say("page.no_action", lang))
        async with self._one:
            answer = await action(asked, who, lang)
        if name in TOLD:
            self._tell(
                "web.action", who=who, action=TOLD[name], sensor=str(asked.get("sensor") or "site")[:40]
            )
        return answer

    async def _read(self, asked: Json, _who: str, lang: str) -> Json:
        answer = await self._ask({"op": "take", "sensor": text(asked, "sensor", lang)})
        if answer["error"] is not None:
            return {"error": explained(answer["error"], Words(lang=lang))}
        return {
            "readings": [
                {
                    "name": quantity_name(one["id"], lang),
                    "value": shown(_corrected(one), one["id"]),
                    "unit": unit_shown(BY_CHANNEL[one["id"]].unit, lang),
                }
                for one in answer["channels"]
            ]
        }

    async def _care_on(self, asked: Json, who: str, lang: str) -> Json:
        minutes = number(asked, "minutes", lang)
        if not 0 < minutes <= LONGEST_MINUTES:
            raise RefusedHere(say("page.bad_value", lang, name="minutes"))
        request = {"op": "maintenance", "do": "on", "sensor": _sensor(asked), "minutes": minutes, "who": who}
        return await self._ask(request | {"why": text(asked, "why", lang, empty=True)})

    async def _care_off(self, asked: Json, _who: str, _lang: str) -> Json:
        return await self._ask({"op": "maintenance", "do": "off", "sensor": _sensor(asked)})

    async def _collect(self, asked: Json, who: str, lang: str) -> Json:
        request = {"op": "collect", "do": asked["action"], "sensor": text(asked, "sensor", lang), "who": who}
        return await self._ask(request | {"why": text(asked, "why", lang, empty=True)})

    async def _calibrate_begin(self, asked: Json, _who: str, lang: str) -> Json:
        self._calibrating.begin(text(asked, "sensor", lang))
        return {}

    async def _calibrate_look(self, asked: Json, _who: str, lang: str) -> Json:
        return self._calibrating.told(text(asked, "sensor", lang), lang)

    async def _calibrate_compare(self, asked: Json, _who: str, lang: str) -> Json:
        return self._calibrating.compared(text(asked, "sensor", lang), number(asked, "true", lang), lang)

    async def _calibrate_keep(self, asked: Json, who: str, lang: str) -> Json:
        why = text(asked, "why", lang, empty=True)
        sensor, true = text(asked, "sensor", lang), number(asked, "true", lang)
        await self._calibrating.keep(sensor, true, who, why, lang)
        return {}

    async def _calibrate_undo(self, asked: Json, who: str, lang: str) -> Json:
        await self._calibrating.undo(text(asked, "sensor", lang), who, lang)
        return {}


def text(asked: Mapping[str, Any], name: str, lang: str, *, empty: bool = False) -> str:
    """Return a short text that was typed. Raises RefusedHere."""
    value = asked.get(name, "" if empty else None)
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or not (value.strip() or empty):
        raise RefusedHere(say("page.bad_value", lang, name=name))
    return "".join(sign if sign.isprintable() else " " for sign in value).strip()


def number(asked: Mapping[str, Any], name: str, lang: str) -> float:
    """Return a number that was typed. Raises RefusedHere."""
    value = asked.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < LARGEST:
        raise RefusedHere(say("page.bad_value", lang, name=name))
    return float(value)


def _sensor(asked: Json) -> str | None:
    value = asked.get("sensor")
    return value if isinstance(value, str) and value else None


def _corrected(one: Json) -> float | None:
    gain, offset = one["line"]
    return None if one["value"] is None else gain * one["value"] + offset
