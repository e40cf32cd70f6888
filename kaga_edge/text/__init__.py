"""One catalogue in Japanese and English, keyed by code, shared by everything people read.

Each topic has its file with a table ``TEXTS``: code -> (Japanese, English). Not gettext: the keys are
codes shown to users, there is nothing to compile, and a page needs the same texts as JSON.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from functools import cache

from kaga_edge.vocabulary.flags import Flag

LANGUAGES = ("ja", "en")
# The files beside this one, the most asked for first: one is loaded when no earlier one has the code, so a
# command that says little starts quickly.
TOPICS = (
    "status", "words", "commands", "errors", "managing", "upkeep", "storing", "events", "happened", "alarms",
    "commanding", "checking", "decoding", "page", "setup", "configuration", "explained",
    "explained_configuration", "manual", "opendata", "helping", "helping_commands", "helping_examples",
    "overheard", "misread",
)  # fmt: skip
NAMES = ("words", "upkeep")  # where quantities and units are named
Text = tuple[str, str]  # Japanese, English


class Phrase(str):
    """A parameter that is itself a key of the catalogue: put into the sentence in its language."""

    params: dict[str, object]

    def __new__(cls, code: str, **params: object) -> Phrase:
        """Return the key with parameters of its own, if its text has any."""
        made = super().__new__(cls, code)
        made.params = params
        return made


@cache
def catalogue() -> dict[str, Text]:
    """Return every text by code."""
    return {code: text for name in TOPICS for code, text in _topic(name).items()}


def topic(name: str) -> dict[str, Text]:
    """Return one topic's texts by code; nothing else is loaded."""
    return _topic(name)


def has(code: str, *topics: str) -> bool:
    """Say whether there is a text of this code (in one of ``topics``: nothing else is loaded then)."""
    return any(code in _topic(name) for name in topics or TOPICS)


def say(code: str, lang: str, **params: object) -> str:
    """Return the text of ``code`` in "ja" or "en" with its parameters filled in. KeyError: no such code."""
    text = _text(str(code))[LANGUAGES.index(lang)]
    filled = {
        name: say(value, lang, **value.params) if isinstance(value, Phrase) else value
        for name, value in params.items()
    }
    return text.format(**filled)


def _text(code: str) -> Text:
    for name in TOPICS:
        if code in (topic := _topic(name)):
            return topic[code]
    raise KeyError(code)


@cache
def _topic(name: str) -> dict[str, Text]:
    texts: dict[str, Text] = importlib.import_module(f"{__name__}.{name}").TEXTS
    return texts


def language(
    asked: str | None = None, *, configured: str | None = None, environ: Mapping[str, str] | None = None
) -> str:
    """Return "ja" or "en": --lang, KAGA_EDGE_LANG, LC_ALL, LC_MESSAGES, LANG, configuration, English.

    TERM=linux is the console on the HDMI plug: it has no Japanese letters, so English whatever is set
    (an explicit --lang is obeyed). A locale that says nothing about a language (C, POSIX) is passed over.
    """
    env = os.environ if environ is None else environ
    if asked in LANGUAGES:
        return str(asked)
    if env.get("TERM") == "linux":
        return "en"
    for name in ("KAGA_EDGE_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        locale = env.get(name, "")
        if locale and locale.split(".")[0] not in ("C", "POSIX"):
            return "ja" if locale.startswith("ja") else "en"
    return configured if configured in LANGUAGES else "en"


def quantity_name(channel: str, lang: str) -> str:
    """Return what a channel measures, for people; a channel nobody knows keeps its id."""
    key = f"quantity.{channel}"
    return say(key, lang) if has(key, *NAMES) else channel


def unit_shown(unit: str, lang: str, channel: str = "") -> str:
    """Return a UCUM unit as people read it, in ASCII in English; an unknown one keeps its code.

    ``channel``: what is counted, where Japanese counts it with a word of its own. A bare number has none.
    """
    if unit == "1":
        return ""
    key = f"unit.of.{channel}"
    if not has(key, *NAMES):
        key = f"unit.{unit}"
    return say(key, lang) if has(key, *NAMES) else unit


def quality_words(flags: int, lang: str) -> str:
    """Return the quality flags in words, the gravest first; "good" without any."""
    named = [say(f"flag.{flag.name}", lang) for flag in _GRAVEST_FIRST if flag & flags]
    return ("、" if lang == "ja" else ", ").join(named) or say("flag.GOOD", lang)


_GRAVEST_FIRST = (
    Flag.MISSING, Flag.OUT_OF_RANGE, Flag.SPIKE, Flag.STUCK, Flag.LOW_QUALITY, Flag.CALIBRATION_EXPIRED,
    Flag.ESTIMATED, Flag.MAINTENANCE, Flag.STOPPED, Flag.THINNED, Flag.RETIMED,
)  # fmt: skip


def age_words(age_s: float | None, lang: str) -> str:
    """Return how long ago in words: "12 s ago", "12秒前"; "never" for None."""
    if age_s is None:
        return say("age.never", lang)
    return say("age.ago", lang, span=span_words(age_s, lang))


def span_words(span_s: float, lang: str) -> str:
    """Return a length of time in its largest sensible unit: "12 s", "41 min", "26 d"."""
    seconds = max(0, round(span_s))
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length or (unit == "min" and seconds >= 60):
            return say(f"span.{unit}", lang, n=seconds // length)
    return say("span.s", lang, n=seconds)
