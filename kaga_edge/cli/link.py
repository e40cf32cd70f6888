"""``kaga-edge link test``: name, route, TCP, TLS, login, permission, platform ack, round trip.

``kaga-edge link status`` shows the running gateway's connection.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from typing import TYPE_CHECKING, Any

from kaga_edge.cli.ask import DEFAULT_CONFIG, add_daemon_options, ask, language_of, socket_of
from kaga_edge.cli.screen import fold, padded
from kaga_edge.text import age_words, say
from kaga_edge.text.overheard import heard
from kaga_edge.vocabulary.errors import KagaError

if TYPE_CHECKING:
    from kaga_edge.station.linesteps import Step

STATE_COLUMNS, NAME_COLUMNS = 14, 13


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the commands."""
    parser = subparsers.add_parser("link")
    commands = parser.add_subparsers(dest="action", required=True)
    test = commands.add_parser("test")
    test.add_argument("--json", action="store_true")
    add_daemon_options(test)
    test.set_defaults(func=run_test)
    status = commands.add_parser("status")
    status.add_argument("--json", action="store_true")
    add_daemon_options(status)
    status.set_defaults(func=run_status)


def run_test(args: argparse.Namespace) -> int:
    """Walk the line, printing each step as it ends; returns 0 or 2."""
    import asyncio  # late: status does without, and must be quick

    from kaga_edge.config import load
    from kaga_edge.station import linesteps

    lang = language_of(args)
    config = load(args.config or DEFAULT_CONFIG)
    if config.platform is None:
        print("[]" if args.json else say("linktest.none", lang))
        return 0
    try:
        snapshot: dict[str, Any] | None = ask(socket_of(args), {"op": "status"}, lang)
    except KagaError:  # without the gateway the platform's ack is not to be known; the rest is
        snapshot = None
    steps: list[Step] = []

    async def walk() -> None:
        async for step in linesteps.walk(config, snapshot):
            steps.append(step)
            if not args.json:
                print("\n".join(step_lines(step, lang)), flush=True)

    asyncio.run(walk())
    if args.json:
        print(json.dumps([_facts(step, lang) for step in steps], ensure_ascii=False, indent=2))
    return 2 if any(step.state == "fail" for step in steps) else 0


def step_lines(step: Step, lang: str) -> list[str]:
    """Return one step as people read it."""
    took = "" if step.took_s is None else f"  {step.took_s * 1000:.0f} ms"
    head = padded(say(f"step.{step.name}", lang), NAME_COLUMNS)
    state = padded(say(f"doctor.{step.state}", lang), STATE_COLUMNS)
    lines = fold(f"{head} {state} {heard(step.seen, lang)}{took}".rstrip(), indent=NAME_COLUMNS + 1)
    if step.repair is None:
        return lines
    mend = f"  {say('error.fix', lang)}: {say(step.repair, lang, **step.repair.params)}"
    return [*lines, *fold(mend, indent=4)]


def _facts(step: Step, lang: str) -> dict[str, Any]:
    repair = None if step.repair is None else say(step.repair, lang, **step.repair.params)
    return dataclasses.asdict(dataclasses.replace(step, repair=None)) | {"repair": repair}


def run_status(args: argparse.Namespace) -> int:
    """Print the gateway's own view of the line; returns 0 when up or none, else 1."""
    lang = language_of(args)
    link = ask(socket_of(args), {"op": "status"}, lang)["link"]
    if args.json:
        print(json.dumps(link, ensure_ascii=False, indent=2))
    else:
        words = [say(f"link.{link['state']}", lang)]
        if link.get("delivered_age_s") is not None:
            words.append(say("status.delivered", lang, age=age_words(link["delivered_age_s"], lang)))
        if link.get("reason"):
            words.append(heard(str(link["reason"]), lang))
        print("\n".join(fold("  ".join(words), indent=2)))
    return 0 if link["state"] in ("up", "none") else 1
