"""What an alert says in both languages; the same words go into the log, the wire and every display."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kaga_edge.text import LANGUAGES, Phrase, catalogue, quantity_name, say, unit_shown
from kaga_edge.text.alarms import LEVELS
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Alert


def worded_rank(alert: Alert) -> Alert:
    """Return a threshold's alert with its sentences; at a river also its alert level (1 to 5)."""
    channel, rank = alert.subject.split("/")[1], str(alert.data["rank"])
    if channel == Quantity.WATER_LEVEL_M.channel and f"alarm.{alert.state}.{rank}" in catalogue():
        words = {lang: say(f"alarm.{alert.state}.{rank}", lang) for lang in LANGUAGES}
        level = {"level": LEVELS[rank]} if rank in LEVELS else {}
        return replace(alert, data=alert.data | level | words)
    words = {
        lang: say(
            f"alarm.{alert.state}",
            lang,
            what=quantity_name(channel, lang),
            rank=Phrase(f"rank.{rank}") if f"rank.{rank}" in catalogue() else rank,
            threshold=alert.data["threshold"],
            unit=unit_shown(str(alert.data["unit"]), lang, channel),
        )
        for lang in LANGUAGES
    }
    return replace(alert, data=alert.data | words)


def worded_watch(kind: str, state: str, words: Mapping[str, Any]) -> dict[str, object]:
    """Return the sentences of a watch's alarm, to be joined to its data."""
    return {lang: say(f"watch.{state}.{kind}", lang, **words) for lang in LANGUAGES}
