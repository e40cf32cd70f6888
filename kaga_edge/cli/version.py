"""``kaga-edge version``."""

from __future__ import annotations

import argparse
import platform

from kaga_edge import __version__


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser("version", help="version of kaga-edge and of Python")
    parser.set_defaults(func=run)


def run(_args: argparse.Namespace) -> int:
    """Print one line."""
    print(f"kaga-edge {__version__} (Python {platform.python_version()}, {platform.machine()})")
    return 0
