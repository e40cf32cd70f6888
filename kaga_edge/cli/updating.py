"""The updates of ``kaga-edge setup``: the machine's own hands for ``station.setup.update``."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from kaga_edge.cli.ask import DEFAULT_CONFIG, ask, runtime_of
from kaga_edge.cli.screen import fold
from kaga_edge.text import say
from kaga_edge.vocabulary.errors import KagaError

if TYPE_CHECKING:  # loaded by the command, not by the parser
    from kaga_edge.core.updating import Look
    from kaga_edge.station.setup.update import Hands, Place, Terms

EXIT_ATTENTION = 1


def run(args: argparse.Namespace, lang: str) -> int:
    """Install a signed package, or put the version before back; returns 0, or 1 when it went back."""
    from kaga_edge.station.setup import update

    place, terms, hands = _place(args), _terms(args), _hands(lang)
    if args.give_back:
        update.give_back(place, hands)
        return 0
    return 0 if update.update(args.update, place, terms, hands) else EXIT_ATTENTION


def under_way(args: argparse.Namespace) -> bool:
    """Say whether an update was cut off."""
    return (_place(args).home / "update.json").is_file()


def resume(args: argparse.Namespace, lang: str) -> int:
    """Go on with it; returns 0, or 1 when it went back."""
    from kaga_edge.station.setup import update

    return 0 if update.resume(_place(args), _terms(args), _hands(lang)) else EXIT_ATTENTION


def _place(args: argparse.Namespace) -> Place:
    from kaga_edge.config import ConfigFaults, load
    from kaga_edge.station.setup.update import Place

    try:
        return Place(store=load(args.config).store.path) if args.config.is_file() else Place()
    except ConfigFaults:
        return Place()


def _terms(args: argparse.Namespace) -> Terms:
    from kaga_edge.station.setup import machine
    from kaga_edge.station.setup.update import HEALTH_S, Terms

    health_s = args.health or float(machine.answers(args.root).get("health_s", HEALTH_S))
    return Terms(health_s=health_s, older=args.older, export=args.export)


def _hands(lang: str) -> Hands:
    """Return the real ones. Everything is loaded now: during the update our own files are replaced."""
    from kaga_edge.station.setup import update

    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # an SSH line that breaks must not leave half an update
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {
        "DEBIAN_FRONTEND": "noninteractive"
    }
    return update.Hands(
        run=lambda argv: update.call(argv, environ),
        look=_looker(lang),
        wait=time.sleep,
        now_s=time.monotonic,
        say=_to_whoever_listens(lang),
    )


def _to_whoever_listens(lang: str) -> Callable[..., None]:
    """Say it to a terminal that may be gone."""

    def told(code: str, **params: object) -> None:
        with contextlib.suppress(OSError):
            print("\n".join(fold(say(code, lang, **params), indent=4)), flush=True)

    return told


def _looker(lang: str) -> Callable[[], Look | None]:
    from kaga_edge.core.updating import Look

    control = runtime_of(DEFAULT_CONFIG) / "control.sock"

    def look() -> Look | None:
        try:
            return Look.of(ask(control, {"op": "status"}, lang))
        except (KagaError, ValueError, LookupError):
            return None

    return look
