"""How a failure is told at the terminal: code, place, what; then how to mend it. In the person's language.

What happened is named where it happens, in English; in Japanese the sentence is looked up, else the code's
own Japanese words come first and the English stands behind them for whoever is asked for help.
"""

from __future__ import annotations

import json

from kaga_edge.cli.screen import fold
from kaga_edge.text import has, say
from kaga_edge.text.overheard import heard, is_japanese
from kaga_edge.vocabulary.errors import KagaError


def failure_json(error: KagaError) -> str:
    """Return one failure for whoever reads the answer by machine."""
    told = {"code": error.code, "where": error.where, "what": error.what, "fix": error.fix}
    return json.dumps({"v": 1, "error": told}, ensure_ascii=False)


def failure_lines(code: str, where: str, what: str, fix: str, lang: str) -> list[str]:
    """Return the lines of one failure, folded for the terminal."""
    place = f"{where}: " if where else ""
    lines = fold(f"{code}  {place}{told(code, what, lang)}", indent=8)
    mend = mending(code, fix, lang)
    return lines + (fold(f"{say('error.fix', lang)}: {mend}", indent=8) if mend else [])


def told(code: str, what: str, lang: str) -> str:
    """Return what went wrong in words of ``lang``."""
    words = heard(what, lang)
    if lang != "ja" or is_japanese(words) or not has(code):
        return words
    return f"{say(code, lang)} ({words})"


def mending(code: str, fix: str, lang: str) -> str:
    """Return how to mend it: as written when it is a command, else in words of ``lang``."""
    words = heard(fix, lang)
    if lang != "ja" or not words or is_japanese(words) or words.startswith(("kaga-edge ", "sudo ", "http")):
        return words
    return say(f"{code}.repair", lang) if has(f"{code}.repair") else words
