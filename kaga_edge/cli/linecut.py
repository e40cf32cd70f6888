"""The line-cut test of ``kaga-edge commission``: what is measured meanwhile must wait, and arrive.

The gateway closes its connection without a word and stays away for a minute; sensors and store go on. An
alarm that comes in that minute ends the test.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from kaga_edge.cli.ask import NotRunning, Refused, ask, socket_of
from kaga_edge.cli.screen import fold
from kaga_edge.text import LANGUAGES, say

LOOK_S = 1.0
ARRIVAL_S = 120.0  # dialling again takes up to 10 s at first; a platform acknowledges within 30 s


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the page: what was checked, by ``name`` (of a check, a sensor) and in words by language.

    ``seen``: the evidence.
    """

    state: str
    name: str = ""
    words: dict[str, str]
    seen: str = ""


def examine(args: argparse.Namespace, lang: str, connected: bool) -> Row:
    """Cut the line for ``args.cut`` seconds, with consent, and say what became of the rows."""
    if args.cut <= 0 or not connected:
        return _row("skip", args, "cut.not_asked" if connected else "cut.no_platform")
    if not _agreed(args, lang):
        return _row("skip", args, "cut.not_agreed")
    path = socket_of(args)
    try:
        before = _numbered(path, lang)
        ask(path, {"op": "cut", "seconds": args.cut, "who": args.who}, lang)
        if not args.json:
            print("\n".join(fold(say("cut.going_on", lang, seconds=f"{args.cut:g}"), indent=2)), flush=True)
        return _outcome(args, lang, path, before)
    except NotRunning:
        return _row("fail", args, "cut.not_running")
    except Refused as error:
        return _row("fail", args, "cut.refused", reason=error.what)


def _outcome(args: argparse.Namespace, lang: str, path: Path, before: int) -> Row:
    """Watch the rows wait while the line is dead, then arrive."""
    began_s, look_s, numbered = time.monotonic(), min(LOOK_S, args.cut / 4), before
    while (gone_s := time.monotonic() - began_s) < args.cut:
        status = ask(path, {"op": "status"}, lang)
        if status["link"]["state"] == "up" and status["link"]["since_s"] < gone_s:
            break  # an alarm ended it
        numbered = status["store"]["numbered"]
        time.sleep(look_s)
    if numbered == before:
        return _row("note", args, "cut.nothing_measured")
    back_s = time.monotonic()
    while (took_s := time.monotonic() - back_s) < ARRIVAL_S:
        store = ask(path, {"op": "status"}, lang)["store"]
        if store["delivered"] + store["gone"] >= numbered:
            return _row("pass", args, "cut.arrived", count=numbered - before, seconds=round(took_s))
        time.sleep(look_s)
    return _row("fail", args, "cut.not_arrived", count=store["waiting"], seconds=f"{ARRIVAL_S:g}")


def _numbered(path: Path, lang: str) -> int:
    return int(ask(path, {"op": "status"}, lang)["store"]["numbered"])


def _agreed(args: argparse.Namespace, lang: str) -> bool:
    """Ask before the line is cut; where nobody can be asked only --yes agrees."""
    if args.yes or not sys.stdin.isatty():
        return bool(args.yes)
    print("\n".join(fold(say("cut.will", lang, seconds=f"{args.cut:g}"))), file=sys.stderr)
    print(say("ask.go_on", lang), end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes", "はい")


def _row(state: str, args: argparse.Namespace, code: str, **facts: object) -> Row:
    words = {
        lang: f"{say('cut.title', lang, seconds=f'{args.cut:g}')}: {say(code, lang, **facts)}"
        for lang in LANGUAGES
    }
    return Row(state=state, words=words)
