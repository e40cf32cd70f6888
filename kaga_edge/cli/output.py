"""``kaga-edge output``: what the lamps and sirens do, and a test that everybody nearby hears."""

from __future__ import annotations

import argparse
import json

from kaga_edge.cli.ask import add_daemon_options, ask, language_of, socket_of
from kaga_edge.cli.screen import tell
from kaga_edge.cli.typed import positive
from kaga_edge.text import say


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the commands."""
    parser = subparsers.add_parser("output")
    commands = parser.add_subparsers(dest="action", required=True)
    status = commands.add_parser("status")
    test = commands.add_parser("test")
    test.add_argument("output", metavar="ID")
    test.add_argument("--seconds", type=positive, default=5.0, metavar="N")
    for one in (status, test):
        one.add_argument("--json", action="store_true")
        add_daemon_options(one)
        one.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Ask the daemon and print; returns 0, 1 when an output cannot be used."""
    lang = language_of(args)
    request = {"op": "output", "do": args.action}
    if args.action == "test":
        request |= {"output": args.output, "seconds": args.seconds}
    answer = ask(socket_of(args), request, lang)
    if args.json:
        print(json.dumps(answer, ensure_ascii=False, indent=2))
    else:
        if args.action == "test":
            tell(say("output.testing", lang, seconds=f"{args.seconds:g}"))
        for one in answer["outputs"]:
            state = "broken" if not one["working"] else "on" if one["on"] else "off"
            words = f"{one['id']:<12} GPIO {one['gpio']:<3} {say(f'output.{state}', lang)}"
            print(" ".join([words, *one["alarms"]]))
        if not answer["outputs"]:
            tell(say("output.none", lang))
    return 0 if all(one["working"] for one in answer["outputs"]) else 1
