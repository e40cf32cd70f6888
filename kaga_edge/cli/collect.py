"""``kaga-edge collect``: stop collecting at a sensor or the whole site when somebody asks for it.

The right of those who live there: it takes effect at once, is recorded with who and why, told to the city,
and outlasts a restart. Nothing starts again by itself unless a time was given.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from kaga_edge.cli.ask import add_daemon_options, agreed, ask, at_site, language_of, socket_of
from kaga_edge.cli.screen import fold
from kaga_edge.text import say

UNITS_S = {"m": 60, "h": 3600, "d": 86_400}


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the commands."""
    parser = subparsers.add_parser("collect")
    commands = parser.add_subparsers(dest="action", required=True)
    stop = commands.add_parser("stop")
    stop.add_argument("--why", required=True, metavar="TEXT")
    stop.add_argument("--for", dest="span", metavar="TIME")
    start = commands.add_parser("start")
    status = commands.add_parser("status")
    for one in (stop, start):
        which = one.add_mutually_exclusive_group(required=True)
        which.add_argument("sensor", nargs="?", metavar="SENSOR")
        which.add_argument("--site", action="store_true")
        one.add_argument("--who", required=True, metavar="NAME")
        one.add_argument("--yes", action="store_true")
    for one in (stop, start, status):
        one.add_argument("--json", action="store_true")
        add_daemon_options(one)
        one.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Ask the daemon; returns 0, 1 not agreed."""
    lang = language_of(args)
    request: dict[str, Any] = {"op": "collect", "do": args.action}
    if args.action != "status":
        request |= {"sensor": args.sensor, "who": args.who}
        what = args.sensor or say("maintenance.site", lang)
        if not args.json:
            print("\n".join(fold(say(f"collect.will_{args.action}", lang, what=what))))
        if not agreed(args, lang):
            return 1
    if args.action == "stop":
        request |= {"why": args.why, "seconds": _seconds(args.span, lang)}
    answer = ask(socket_of(args), request, lang)
    told = [json.dumps(answer, ensure_ascii=False, indent=2)] if args.json else _lines(answer, args, lang)
    print("\n".join(told))
    return 0


def _lines(answer: dict[str, Any], args: argparse.Namespace, lang: str) -> list[str]:
    lines = []
    for one in answer["stopped"]:
        since = _at(args, one["since"])
        until = say("collect.open", lang) if one["until"] is None else _at(args, one["until"])
        words = {
            "sensor": one["sensor"],
            "since": since,
            "until": until,
            "who": one["who"],
            "why": one["why"],
        }
        lines += fold(say("collect.line", lang, **words), indent=2)
    return lines or [say("collect.none", lang)]


def _at(args: argparse.Namespace, ms: int) -> str:
    return at_site(args, ms / 1000, "%Y-%m-%d %H:%M %Z")


def _seconds(text: str | None, lang: str) -> float | None:
    if text is None:
        return None
    number, unit = text[:-1], text[-1:]
    if unit not in UNITS_S or not number.isdigit() or not int(number):
        from kaga_edge.cli.log import BadTime

        raise BadTime(say("config.bad_span", lang, value=text))
    return float(int(number) * UNITS_S[unit])
