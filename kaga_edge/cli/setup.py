"""``kaga-edge setup``: from a bare card to a station, and what comes after.

    sudo kaga-edge setup                  switch on what the site needs; asks once
    sudo kaga-edge setup --import         take in the drop zone now (it happens at every start by itself)
    sudo kaga-edge setup --replace SITE   this card or box takes that site's place
    sudo kaga-edge setup --update FILE    a signed package; it goes back by itself when it is worse
    sudo kaga-edge setup --return         back to the version before the last update

Drop zone: the folder kaga-edge on the boot partition (bootfs on a PC). Put there kaga-edge.toml,
secrets.txt (lines "mqtt-password = ..."), ca.pem; RESULT.txt beside them says what came of it.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kaga_edge.cli import updating
from kaga_edge.cli.ask import DEFAULT_CONFIG, language_of
from kaga_edge.cli.screen import fold
from kaga_edge.cli.typed import positive
from kaga_edge.text import say
from kaga_edge.vocabulary.errors import KagaError

if TYPE_CHECKING:  # loaded by run, not by the parser
    from kaga_edge.config import Config
    from kaga_edge.core.fitting import Action, Needs, Step

ROOT = Path("/")
RESUME = "var/lib/kaga-edge-setup/setup.json"
BOOT_ID = "proc/sys/kernel/random/boot_id"
EXIT_ATTENTION, EXIT_FAILING, EXIT_USAGE, EXIT_CONFIGURATION = 1, 2, 64, 78


class NeedsRoot(KagaError):
    """The system is changed: that takes sudo."""

    code = "KE-I04"
    exit_code = EXIT_FAILING


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser("setup")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--import", dest="take_in", action="store_true")
    what.add_argument("--replace", metavar="SITE")
    what.add_argument("--update", type=Path, metavar="FILE")
    what.add_argument("--return", dest="give_back", action="store_true")
    what.add_argument("--resume", action="store_true")
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--root", type=Path, default=ROOT, metavar="DIR")
    parser.add_argument("--yes", action="store_true")
    parser.add_argument("--reboot", action="store_true")
    parser.add_argument("--health", type=positive, metavar="SECONDS")
    parser.add_argument("--older", action="store_true")
    parser.add_argument("--export", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Do what was asked; return the exit code."""
    args.root = args.root.resolve()
    args.config = args.root / str(DEFAULT_CONFIG).lstrip("/")
    lang = language_of(args)
    _refuse_half_meant(args)
    if args.root == ROOT and not args.dry_run and os.geteuid() != 0:
        raise NeedsRoot(say("setup.root", lang))
    if args.take_in:
        return _take_in(args, lang)
    if args.replace:
        return _replace(args, lang)
    if args.update or args.give_back:
        return updating.run(args, lang)
    if args.resume:
        return _resume(args, lang)
    return _fit(args, lang)


def _refuse_half_meant(args: argparse.Namespace) -> None:
    """Only the settings can be tried out, and an update is always this machine's; exit 64 otherwise."""
    meant = {"--import": args.take_in, "--replace": args.replace, "--update": args.update}
    meant |= {"--return": args.give_back, "--resume": args.resume}
    for option in (name for name, asked in meant.items() if asked):
        if args.dry_run:
            args.asked.error(f"argument --dry-run: not allowed with argument {option}")
        if args.root != ROOT and option in ("--update", "--return"):
            args.asked.error(f"argument --root: not allowed with argument {option}")


# --- the machine's settings ---


def _fit(args: argparse.Namespace, lang: str) -> int:
    """Show the steps, ask once, do them."""
    from kaga_edge.core.fitting import steps
    from kaga_edge.station.setup import machine

    seen, wanted = machine.look(args.root), _needs(args, lang)
    plan = steps(seen, wanted)
    if args.json:
        print(json.dumps([_step_facts(step) for step in plan], ensure_ascii=False, indent=2))
        return 0
    if seen.boot is None:
        _print(say("setup.no_boot", lang))
    _show(plan, lang, actions=args.dry_run)
    changes = [step for step in plan if step.actions]
    if not changes:
        _print(say("setup.nothing", lang))
        return _finished(args, lang, reboot=_reboot_waits(args))
    if args.dry_run:
        return 0
    if not _agreed(args, say("setup.ask", lang, count=len(changes)), lang):
        return EXIT_ATTENTION
    for step in changes:
        for action in step.actions:
            machine.do(action, args.root)
            _print("  " + _words(action, lang, "did"))
    return _finished(args, lang, reboot=_reboot_waits(args) or any(step.reboot for step in changes))


def _show(plan: tuple[Step, ...], lang: str, *, actions: bool) -> None:
    for step in plan:
        mark = say("setup.change" if step.actions else "setup.done", lang)
        _print(f"{mark}  {say(f'setup.{step.key}', lang, **step.facts)}")
        for action in step.actions if actions else ():
            _print("  " + _words(action, lang, "would"))


def _needs(args: argparse.Namespace, lang: str) -> Needs:
    from kaga_edge.config import ConfigFaults, load
    from kaga_edge.station.setup import machine

    config: Config | None = None
    if args.config.is_file():
        try:
            config = load(args.config)
        except ConfigFaults as faults:
            _print(say("setup.faulty", lang, count=len(faults.faults)))
    return machine.needs_of(config, machine.answers(args.root))


def _finished(args: argparse.Namespace, lang: str, *, reboot: bool) -> int:
    """Say what comes next; leave a note when a reboot must come first."""
    from kaga_edge.config.placing import put

    note = args.root / RESUME
    if reboot and args.root == ROOT:
        put(note, json.dumps({"boot": _boot(args.root)}).encode(), mode=0o600)
        _print(say("setup.rebooting" if args.reboot else "setup.reboot", lang))
        if args.reboot:
            from kaga_edge.station.setup.machine import run as call

            call(("systemctl", "reboot"))
        return EXIT_ATTENTION
    if not args.dry_run:
        note.unlink(missing_ok=True)
    _print(say("setup.next" if args.config.is_file() else "setup.next_config", lang))
    return 0


def _reboot_waits(args: argparse.Namespace) -> bool:
    """Say whether an earlier run of this boot still waits for the reboot."""
    try:
        note = json.loads((args.root / RESUME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(note.get("boot") == _boot(args.root))


def _boot(root: Path) -> str:
    file = root / BOOT_ID
    return file.read_text(encoding="ascii").strip() if file.is_file() else ""


def _resume(args: argparse.Namespace, lang: str) -> int:
    """After a reboot: the rest of the set-up; and of an update that was cut off."""
    args.yes = True
    if updating.under_way(args):
        return updating.resume(args, lang)
    code = _fit(args, lang)
    if code == 0:
        _print(say("setup.resumed", lang))
    return code


# --- drop zone, new card ---


def _take_in(args: argparse.Namespace, lang: str) -> int:
    from kaga_edge.station.setup.dropzone import take_in
    from kaga_edge.station.setup.machine import run as call

    told = take_in(args.root, when=_when())
    _print("\n".join(told.text(lang)))
    by_systemd = "INVOCATION_ID" in os.environ  # at the start the gateway comes after us by itself
    if told.anything and args.root == ROOT and not by_systemd:
        restart = ("systemctl", "restart", "kaga-edge.service")
        if call(restart) == 0:  # else it said so itself
            _print(say("setup.ran", lang, command=shlex.join(restart)))
    if told.faults is not None:
        return EXIT_CONFIGURATION
    return EXIT_ATTENTION if told.failed else 0


def _replace(args: argparse.Namespace, lang: str) -> int:
    from kaga_edge.station.setup.replace import replace_site

    if not _agreed(args, say("replace.ask", lang, site=args.replace), lang):
        return EXIT_ATTENTION
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    replace_site(args.replace, args.root, stamp=stamp, when=_when(), say=_sayer(lang))
    return _fit(args, lang)


def _when() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S %z")


# --- on the screen ---


def _agreed(args: argparse.Namespace, question: str, lang: str) -> bool:
    if args.yes:
        return True
    if not sys.stdin.isatty():
        _print(say("setup.need_yes", lang))
        return False
    agreed = input(question).strip().lower() in ("y", "yes")
    if not agreed:
        _print(say("setup.not_changed", lang))
    return agreed


def _sayer(lang: str) -> Callable[..., None]:
    return lambda code, **params: _print(say(code, lang, **params))


def _print(text: str) -> None:
    for line in text.splitlines():
        print("\n".join(fold(line, indent=4)), flush=True)


def _words(action: Action, lang: str, tense: str) -> str:
    from kaga_edge.core.fitting import Write

    if isinstance(action, Write):
        key = "setup.would_write" if tense == "would" else "setup.wrote"
        return say(key, lang, path=f"/{action.path}")
    key = "setup.would_run" if tense == "would" else "setup.ran"
    return say(key, lang, command=shlex.join(action.argv))


def _step_facts(step: Step) -> dict[str, Any]:
    return {
        "step": step.key,
        "done": not step.actions,
        "reboot": step.reboot and bool(step.actions),
        "actions": [_words(action, "en", "would") for action in step.actions],
        **{lang: say(f"setup.{step.key}", lang, **step.facts) for lang in ("ja", "en")},
    }
