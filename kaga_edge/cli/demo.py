"""``kaga-edge demo``: the main job told in a minute and a half, on a simulated station.

Exit codes: 0 nothing was lost, 1 something was (or the run went wrong), 130 interrupted.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from kaga_edge.cli.interrupting import like_ctrl_c
from kaga_edge.cli.typed import positive
from kaga_edge.text import language
from kaga_edge.vocabulary.errors import KagaError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kaga_edge.receiver import News, Receiver
    from kaga_edge.sim.demo_roles import Outcome

EXIT_LOST, EXIT_INTERRUPTED = 1, 130
LONGEST_SOCKET_BYTES = 107  # of a socket's path: unix(7)


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser("demo")
    parser.add_argument("--seconds", type=positive, default=90.0, metavar="N")
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--keep", type=Path, metavar="DIR")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Run the demo and print the count. Returns the exit code."""
    from kaga_edge.sim.demo_words import words

    lang = language(args.lang)
    like_ctrl_c()
    try:
        if args.keep is None:
            with tempfile.TemporaryDirectory(prefix="kaga-edge-demo-") as folder:
                return _run_in(Path(folder), args, lang)
        code = _run_in(_empty(args.keep), args, lang)
        print(words("kept", lang, folder=args.keep))
    except KeyboardInterrupt:
        print(f"\n{words('stopped', lang)}")
        return EXIT_INTERRUPTED
    except (KagaError, OSError) as error:
        print(error, file=sys.stderr)
        return EXIT_LOST
    return code


def _run_in(folder: Path, args: argparse.Namespace, lang: str) -> int:
    from kaga_edge.sim.demo import SHORTEST_S, Demo
    from kaga_edge.sim.demo_view import LiveView, PlainView, terminal_columns
    from kaga_edge.sim.demo_words import words
    from kaga_edge.text.lines import fold

    if len(os.fsencode(folder / "run" / "control.sock")) > LONGEST_SOCKET_BYTES:
        raise KagaError(words("far", lang, folder=folder))
    plain = args.plain or not sys.stdout.isatty()
    seconds = max(args.seconds, SHORTEST_S)
    columns = terminal_columns()
    print("\n".join(fold(words("intro", lang, seconds=f"{seconds:.0f}"), columns)), flush=True)
    view = PlainView(lang) if plain else LiveView(lang)
    view.open()
    try:
        demo = Demo(folder, seconds=seconds, view=view, lang=lang, platform=_platform)
        outcome = asyncio.run(demo.run())
    finally:
        view.close()
    print()
    for line in summary(outcome, lang):
        print("\n".join(fold(line, columns, indent=4)))
    return 0 if outcome.good else EXIT_LOST


def _empty(folder: Path) -> Path:
    """Return a folder that is there and empty. Raises KagaError: an old store would be counted too."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise KagaError("the folder is not empty", where=str(folder), fix="name a new or empty one")
    return folder.resolve()


def _platform(port: int, path: Path, on_news: Callable[[News], None]) -> Receiver:
    from kaga_edge.receiver import Receiver

    return Receiver("127.0.0.1", port, path=path, ack_every_s=1.0, on_news=on_news)


def summary(outcome: Outcome, lang: str) -> list[str]:
    """Return the count at the end, one fact a line."""
    from kaga_edge.sim.demo_words import words

    verdict = outcome.verdict
    facts = [
        ("numbered", verdict.numbered),
        ("arrived", verdict.arrived),
        ("lost", outcome.lost),
        ("repeated", verdict.repeated),
        ("outage", words("end.seconds", lang, n=f"{outcome.outage_s:.1f}")),
        ("alarm", _seconds(outcome.alarm_delay_s, lang)),
    ]
    facts += [(name, n) for name, n in (("gone", verdict.gone), ("conflicting", verdict.conflicting)) if n]
    if outcome.waiting:
        facts.append(("waiting", outcome.waiting))
    if outcome.exit_code:
        facts.append(("exit", outcome.exit_code))
    colon = ":" if lang == "ja" else ": "
    lines = [words("end.done", lang, seconds=f"{outcome.seconds:.0f}")]
    lines += [f"  {words(f'end.{name}', lang)}{colon}{value}" for name, value in facts]
    for toll in outcome.tolls:
        lines.append("  " + words("end.killed", lang, n=toll.samples, seconds=f"{toll.seconds:.2f}"))
    return [*lines, words("end.good" if outcome.good else "end.bad", lang)]


def _seconds(value: float | None, lang: str) -> str:
    from kaga_edge.sim.demo_words import words

    return words("end.none", lang) if value is None else words("end.seconds", lang, n=f"{value:.1f}")
