"""``kaga-edge web``: open the status page for a visit, on one interface, with a PIN for actions."""

from __future__ import annotations

import argparse
import json
from typing import Any

from kaga_edge.cli import qr
from kaga_edge.cli.ask import add_daemon_options, ask, at_site, language_of, socket_of
from kaga_edge.cli.screen import columns, fold, padded
from kaga_edge.text import say, span_words

PATIENCE_S = 45.0  # a Zero imports for some seconds, and makes a key the first time
LABEL_COLUMNS = 10


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the commands."""
    parser = subparsers.add_parser("web")
    commands = parser.add_subparsers(dest="action", required=True)
    on = commands.add_parser("on")
    on.add_argument("--minutes", type=float, default=60.0, metavar="N")
    on.add_argument("--interface", metavar="NAME")
    on.add_argument("--port", type=int, default=8443, metavar="N")
    off = commands.add_parser("off")
    status = commands.add_parser("status")
    for one in (on, off, status):
        one.add_argument("--json", action="store_true")
        add_daemon_options(one)
        one.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Ask the daemon and print; returns 0."""
    lang = language_of(args)
    request: dict[str, Any] = {"op": "web", "do": args.action}
    if args.action == "on":
        request |= {"minutes": args.minutes, "interface": args.interface, "port": args.port}
    answer = ask(socket_of(args), request, lang, patience_s=PATIENCE_S)
    if args.json:
        print(json.dumps(answer, ensure_ascii=False, indent=2))
        return 0
    drawn = qr.fits(answer["url"]) if answer["open"] else []
    print("\n".join([*drawn, *lines(answer, args, lang)]))
    return 0


def lines(answer: dict[str, Any], args: argparse.Namespace, lang: str) -> list[str]:
    """Return what a person needs, in lines that fit 40 columns."""
    if not answer["open"]:
        return [say("web.closed", lang)]
    pin = answer.get("pin")
    until = at_site(args, answer["until"] / 1000, "%H:%M %Z")
    ends = say("web.ends_at", lang, until=until, span=span_words(answer["left_s"], lang))
    rows = [("address", answer["url"])]
    rows += [("pin", f"{pin[:4]} {pin[4:]}")] if pin else []
    rows += [("ends", ends), *_fingerprint(answer["fingerprint"])]
    found = [say("web.opened" if pin else "web.open", lang)]
    found += [line for name, text in rows for line in _row(name, text, lang)]
    hints = ["web.compare", *(["web.pin_for"] if pin else [])]
    return [*found, *(line for hint in hints for line in fold(say(hint, lang)))]


def _row(name: str, text: str, lang: str) -> list[str]:
    label = say(f"web.{name}", lang) if name else ""
    return fold(padded(label, LABEL_COLUMNS) + text, indent=LABEL_COLUMNS)


def _fingerprint(text: str) -> list[tuple[str, str]]:
    """Return the 32 pairs in as many rows as they need."""
    pairs = text.split(":")
    each = min(16, max(8, (columns() - LABEL_COLUMNS) // 3 // 8 * 8))
    rows = [":".join(pairs[at : at + each]) for at in range(0, len(pairs), each)]
    return [("fingerprint" if number == 0 else "", row) for number, row in enumerate(rows)]
