"""``kaga-edge run``: the daemon, as systemd starts it."""

from __future__ import annotations

import argparse
from pathlib import Path

from kaga_edge.cli.ask import DEFAULT_CONFIG


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser("run")
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Run the daemon; returns its exit code."""
    from kaga_edge.config.apart import prepare

    prepare()  # it loads pydantic while we load the rest: that takes each of us about as long
    from kaga_edge import gateway  # late: the parser alone must stay quick

    return gateway.main(args.config)
