"""``kaga-edge maintenance``: say that somebody works at the station; measuring goes on, values are marked."""

from __future__ import annotations

import argparse
import json
from typing import Any

from kaga_edge.cli.ask import add_daemon_options, ask, at_site, language_of, socket_of
from kaga_edge.cli.screen import fold
from kaga_edge.text import say, span_words


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the commands."""
    parser = subparsers.add_parser("maintenance")
    commands = parser.add_subparsers(dest="action", required=True)
    on = commands.add_parser("on")
    on.add_argument("--minutes", type=float, default=60.0, metavar="N")
    on.add_argument("--who", required=True, metavar="NAME")
    on.add_argument("--why", default="", metavar="TEXT")
    off = commands.add_parser("off")
    status = commands.add_parser("status")
    for one in (on, off, status):
        if one is not status:
            one.add_argument("sensor", nargs="?", metavar="SENSOR")
        one.add_argument("--json", action="store_true")
        add_daemon_options(one)
        one.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Ask the daemon and print what is under maintenance now; returns 0."""
    lang = language_of(args)
    request: dict[str, Any] = {
        "op": "maintenance",
        "do": args.action,
        "sensor": getattr(args, "sensor", None),
    }
    if args.action == "on":
        request |= {"minutes": args.minutes, "who": args.who, "why": args.why}
    answer = ask(socket_of(args), request, lang)
    told = [json.dumps(answer, ensure_ascii=False, indent=2)] if args.json else _folded(answer, args, lang)
    print("\n".join(told))
    return 0


def _folded(answer: dict[str, Any], args: argparse.Namespace, lang: str) -> list[str]:
    return [line for text in _lines(answer, args, lang) for line in fold(text, indent=2)]


def _lines(answer: dict[str, Any], args: argparse.Namespace, lang: str) -> list[str]:
    if not answer["windows"]:
        return [say("maintenance.none", lang)]
    lines = [_line(one, args, lang) for one in answer["windows"]]
    return [*lines, say("maintenance.goes_on", lang)]


def _line(window: dict[str, Any], args: argparse.Namespace, lang: str) -> str:
    what = say("maintenance.site", lang) if window["sensor"] == "site" else window["sensor"]
    until = at_site(args, window["until"] / 1000, "%H:%M %Z")
    span = span_words(window["left_s"], lang)
    words = {"what": what, "until": until, "span": span, "who": window["who"]}
    why = f" ({window['why']})" if window["why"] else ""
    return say("maintenance.until", lang, **words) + why
