"""``kaga-edge version``."""

from __future__ import annotations

import argparse
import platform

from kaga_edge import __version__


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser("version")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Print one line."""
    if args.json:
        import json

        machine = platform.machine()
        print(json.dumps({"version": __version__, "python": platform.python_version(), "machine": machine}))
        return 0
    print(f"kaga-edge {__version__} (Python {platform.python_version()}, {platform.machine()})")
    return 0
