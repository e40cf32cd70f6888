"""An event's sentence: its fields put into words before they are put into the sentence.

The journal and the ring keep stable English names (``clock=none``, ``reason=first``) for scripts; here they
become words for people, in both languages.
"""

from __future__ import annotations

from collections.abc import Mapping

from kaga_edge.text import LANGUAGES, has, say, span_words, unit_shown
from kaga_edge.text.events import EVENTS
from kaga_edge.text.overheard import heard
from kaga_edge.vocabulary.flags import Flag

TEXTS: dict[str, tuple[str, str]] = {
    "happened.site": ("観測所全体", "the whole station"),
    "happened.start.first": ("初めての起動", "first start"),
    "happened.start.power": ("電源が切れた", "the power was off"),
    "happened.start.crash": ("異常終了", "it had crashed"),
    "happened.start.update": ("更新", "an update"),
    "happened.start.reboot": ("再起動", "a reboot"),
    "happened.start.start": ("起動の指示", "somebody started it"),
    "happened.start.unknown": ("不明", "not known"),
    "happened.clock.none": ("未同期", "not known"),
    "happened.clock.last_known": ("最後に知った時刻", "last known time"),
    "happened.clock.ntp": ("同期 (NTP)", "synced (NTP)"),
    "happened.clock.gnss": ("同期 (GNSS)", "synced (GNSS)"),
    # Alarms whose own sentence has numbers that the ring does not keep.
    "happened.raised.stopped": ("車両が動いていません(滞留)", "Vehicles do not move (stranded)"),
    "happened.raised.gathering": ("出る車より入る車が多くなっています", "More vehicles enter than leave"),
    "happened.link.up.first": ("接続しました", "connected"),
}


class _Told(dict[str, object]):
    """Fields for a sentence: one that an older version did not write is a dash."""

    def __missing__(self, key: str) -> str:
        return "-"


def event_says(event: Mapping[str, object], lang: str) -> str:
    """Return the sentence of an event that is in the catalogue."""
    name = str(event["event"])
    if name == "link.up" and not isinstance(event.get("outage_s"), int | float):
        return say("happened.link.up.first", lang)
    if name in ("alert.raised", "alert.cleared") and (said := _watch(event, lang)):
        return said
    told = _Told({key: _in_words(name, key, value, lang) for key, value in event.items()})
    if unit := event.get("unit"):
        shown = unit_shown(str(unit), lang)
        told |= {key: f"{told[key]} {shown}".rstrip() for key in ("value", "threshold") if key in told}
    return EVENTS[name][1][LANGUAGES.index(lang)].format_map(told)


def _quality(words: str, lang: str) -> str:
    """Return the quality the ring keeps in English, in the reader's language."""
    names = {say(f"flag.{flag.name}", "en"): say(f"flag.{flag.name}", lang) for flag in Flag}
    return ("、" if lang == "ja" else ", ").join(names.get(word, word) for word in words.split(", "))


def _alarm(key: str, lang: str) -> str:
    """Return an alarm's key, "danger/level-1", as its sensor and what it warns of; another key as it is."""
    rank, _, sensor = key.partition("/")
    if not sensor or not has(f"rank.{rank}", "alarms"):
        return key
    return f"{sensor} {say(f'rank.{rank}', lang)}"


def _watch(event: Mapping[str, object], lang: str) -> str:
    """Return what an alarm without a threshold of its own says: ice on a road, a sick disk; else nothing."""
    kind, _, about = str(event.get("key", "")).partition("/")
    state = str(event["event"]).partition(".")[2]
    for code, topic in ((f"happened.{state}.{kind}", "happened"), (f"watch.{state}.{kind}", "alarms")):
        if has(code, topic):
            return f"{about}: {say(code, lang)}"
    return ""


def _in_words(name: str, key: str, value: object, lang: str) -> object:
    """Return one field as people read it; what needs no words as it is."""
    if key.endswith("_s") and isinstance(value, int | float):
        return span_words(float(value), lang)
    if not isinstance(value, str):
        return value
    if key == "quality":
        return _quality(value, lang)
    if key in ("who", "why"):  # a person's own words, also where they are like ours
        return value
    if key == "key":
        return _alarm(value, lang)
    known = {
        ("sensor", "site"): "happened.site",
        ("reason", value): f"happened.start.{value}" if name == "service.ready" else "",
    }.get((key, value), f"happened.clock.{value}" if key in ("clock", "before", "now") else "")
    if known and has(known, "happened"):
        return say(known, lang)
    return heard(value, lang)
