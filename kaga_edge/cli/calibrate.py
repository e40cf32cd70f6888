"""``kaga-edge sensor calibrate``: its words on the command line; the work is done in ``calibrating``."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

from kaga_edge.cli.ask import DEFAULT_CONFIG
from kaga_edge.cli.typed import named, positive


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command below ``kaga-edge sensor``."""
    parser = commands.add_parser("calibrate")
    parser.add_argument("sensor", metavar="SENSOR")
    parser.add_argument("--staff", "--true", dest="true", type=float, metavar="VALUE")
    parser.add_argument("--channel", metavar="ID")
    parser.add_argument("--other", metavar="RAW:TRUE|last")
    parser.add_argument("--shunt", action="store_true")
    parser.add_argument("--bare-ground", action="store_true")
    parser.add_argument(
        "--due",
        type=date.fromisoformat,
        metavar="DATE",
    )
    parser.add_argument("--undo", action="store_true")
    parser.add_argument("--who", type=named, required=True, metavar="NAME")
    parser.add_argument("--why", default="", metavar="TEXT")
    parser.add_argument("--window", type=positive, default=30.0, metavar="SECONDS")
    parser.add_argument("--yes", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE")
    parser.add_argument("--socket", type=Path, metavar="PATH")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Calibrate, or take back; returns 0, or 1 when the person said no."""
    from kaga_edge.cli import calibrating  # late: every other command of ``sensor`` starts without it

    return calibrating.run(args)
