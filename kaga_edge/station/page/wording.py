"""The page's way of saying things: texts of one language, numbers, units, thresholds, errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kaga_edge.text import LANGUAGES, catalogue, say, span_words, unit_shown
from kaga_edge.text.alarms import RANKS
from kaga_edge.text.overheard import heard
from kaga_edge.vocabulary.quantities import BY_CHANNEL, Quantity

Json = dict[str, Any]
DECIMALS = {
    "m": 3, "mm": 1, "mm/h": 1, "hPa": 1, "Cel": 1, "%": 0, "km/h": 0, "V": 2, "A": 2, "W": 1, "mA": 2,
    "deg": 1,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Says things in one language."""

    lang: str

    def __call__(self, code: str, **params: object) -> str:
        return say(code, self.lang, **params)

    def span(self, seconds: float) -> str:
        """Return a length of time."""
        return span_words(seconds, self.lang)

    def pair(self, texts: Mapping[str, str]) -> str:
        """Return one of a pair from the configuration."""
        return texts.get(self.lang) or next(iter(texts.values()), "")


def strings(lang: str) -> dict[str, str]:
    """Return the words that the browser says by itself."""
    own = {
        key.removeprefix("page.js."): say_raw(key, lang) for key in catalogue() if key.startswith("page.js.")
    }
    shared = {key: say_raw(key, lang) for key in catalogue() if key.startswith(("span.", "age."))}
    state = {key: say_raw(key, lang) for key in ("page.state.gone", "page.events_none", "page.spark_none")}
    return own | shared | state


def say_raw(key: str, lang: str) -> str:
    """Return a text with its gaps."""
    return catalogue()[key][LANGUAGES.index(lang)]


def shown(value: float | None, channel: str) -> str:
    """Return a number as people read it: no more places than one can see in the instrument."""
    if value is None:
        return "--"
    quantity = BY_CHANNEL.get(channel)
    if quantity is None:
        return f"{value:g}"
    places = max(0, len(f"{quantity.res:.6f}".rstrip("0").partition(".")[2]))
    text = f"{value:.{min(places, DECIMALS.get(quantity.unit, places))}f}"
    return text.removeprefix("-") if not float(text) else text


def unit_of(channel: Json, say_: Words) -> str:
    """Return the unit; none for a bare number, and English counts without a word of its own."""
    bare = ("", "1", "{count}") if say_.lang == "en" else ("", "1")
    return "" if channel["unit"] in bare else unit_shown(channel["unit"], say_.lang, channel["id"])


def rank_name(rank: str, channel: str, say_: Words) -> str:
    """Return a threshold's name; at a river the official one."""
    if channel == Quantity.WATER_LEVEL_M.channel and rank in RANKS:
        return RANKS[rank][LANGUAGES.index(say_.lang)]
    key = f"rank.{rank}"
    return say_(key) if key in catalogue() else rank


def next_threshold(value: float | None, channel: str, thresholds: Mapping[str, float], say_: Words) -> str:
    """Return how far it is to the next threshold; above the highest, by how much. Empty without any."""
    if value is None or not thresholds:
        return ""
    unit = unit_shown(BY_CHANNEL[channel].unit, say_.lang)
    above = [(at, rank) for rank, at in thresholds.items() if value < at]
    code, at, rank = (
        ("page.to_next", *min(above))
        if above
        else ("page.above", *max((at, rank) for rank, at in thresholds.items()))
    )
    distance = shown(abs(at - value), channel)
    return say_(code, rank=rank_name(rank, channel, say_), distance=distance, unit=unit)


def explained(error: Mapping[str, Any], say_: Words) -> Json:
    """Return an error's code, its name and how to mend it, from the catalogue where it is known."""
    code = str(error["code"])
    known = code in catalogue() and "{" not in say_raw(code, say_.lang)
    mend = say_(f"{code}.repair") if f"{code}.repair" in catalogue() else str(error.get("fix") or "")
    what = heard(str(error.get("what") or ""), say_.lang)
    return {
        "code": code,
        "title": say_(code) if known else what,
        "what": what,
        "label": say_("page.mend"),
        "mend": mend,
    }
