"""``kaga-edge config apply|confirm|rollback|diff|show``: what runs, and how to change it without fear.

``apply --confirm 10m`` puts a file on trial: unless ``config confirm`` comes in time, the gateway returns to
the last good one by itself, also when the line to it is gone.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from kaga_edge.cli.ask import (
    DEFAULT_CONFIG,
    JUDGING_PATIENCE_S,
    NotRunning,
    Refused,
    add_daemon_options,
    agreed,
    ask,
    at_site,
    language_of,
    not_written,
    socket_of,
)
from kaga_edge.cli.screen import fold
from kaga_edge.text import say, span_words
from kaga_edge.vocabulary.errors import KagaError

EXIT_CONFIGURATION = 78
PREVIOUS = ".previous"


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the commands below ``config``."""
    show = commands.add_parser("show")
    show.add_argument("--origin", action="store_true")
    show.add_argument("--json", action="store_true")
    show.add_argument("--config", type=Path, metavar="FILE")
    show.set_defaults(func=run_show)
    diff = commands.add_parser("diff")
    diff.add_argument("file", nargs="?", type=Path, metavar="FILE")
    diff.add_argument("--json", action="store_true")
    add_daemon_options(diff)
    diff.set_defaults(func=run_diff)
    apply = commands.add_parser("apply")
    apply.add_argument("file", nargs="?", type=Path, metavar="FILE")
    apply.add_argument("--confirm", metavar="TIME")
    apply.add_argument("--confirmed", action="store_true")
    confirm = commands.add_parser("confirm")
    rollback = commands.add_parser("rollback")
    for one, run in ((apply, run_apply), (confirm, run_confirm), (rollback, run_rollback)):
        one.add_argument("--yes", action="store_true")
        one.add_argument("--json", action="store_true")
        add_daemon_options(one)
        one.set_defaults(func=run)


# --- looking ---


def run_show(args: argparse.Namespace) -> int:
    """Print the configuration in effect; returns 0, 78 when it has faults."""
    from kaga_edge.config import ConfigFaults
    from kaga_edge.config.shown import effective

    lang, file = language_of(args), args.config or DEFAULT_CONFIG
    try:
        found = effective(file)
    except ConfigFaults as faults:
        return _faulty(faults, file, lang, as_json=args.json)
    if args.json:
        facts = [{"key": o.key, "value": o.value, "file": o.file, "line": o.line or None} for o in found]
        print(json.dumps(facts, ensure_ascii=False, indent=2))
        return 0
    for one in found:
        where = f"{one.file}:{one.line}" if one.file else say("config.default", lang)
        print("\n".join(fold(one.text() + (f"  # {where}" if args.origin else ""), indent=4)))
    return 0


def run_diff(args: argparse.Namespace) -> int:
    """Print what differs between the running configuration and the file; returns 0, 1, 78: it is no TOML."""
    from kaga_edge.config import ConfigFaults

    lang, target = language_of(args), args.config or DEFAULT_CONFIG
    answer = ask(socket_of(args), {"op": "config", "do": "show", "text": True}, lang)
    try:
        found = differences(answer, target, args.file or target)
    except ConfigFaults as faults:
        return _faulty(faults, args.file or target, lang, as_json=args.json)
    if args.json:
        print(json.dumps({"source": answer["source"], "differences": found}, ensure_ascii=False, indent=2))
    else:
        print("\n".join(_difference_lines(found, lang)))
        if answer["left_s"] is not None:
            print(say("config.trial_left", lang, span=span_words(answer["left_s"], lang)))
    return 1 if found else 0


def differences(answer: dict[str, Any], target: Path, file: Path) -> list[dict[str, Any]]:
    """Return what ``file`` (with the conf.d of ``target``) has otherwise than what runs, key by key."""
    from kaga_edge.config.copies import Source
    from kaga_edge.config.shown import written

    with tempfile.TemporaryDirectory(prefix="kaga-config-") as name:
        folder = Path(name)
        (folder / "conf.d").mkdir()
        for part, text in answer["files"]:
            (folder / part).write_text(text, encoding="utf-8")
        before = written(folder / target.name) if answer["files"] else {}
    after = written(target, Source(main=file, parts=target.resolve().parent / "conf.d"))
    return [
        {
            "key": key,
            "running": before[key].value if key in before else None,
            "file": after[key].value if key in after else None,
            "where": f"{after[key].file}:{after[key].line}" if key in after else None,
        }
        for key in [*after, *(key for key in before if key not in after)]
        if (key in before) != (key in after) or before[key].value != after[key].value
    ]


def _difference_lines(found: list[dict[str, Any]], lang: str) -> list[str]:
    from kaga_edge.config.shown import toml

    lines = []
    for one in found:
        kind = "added" if one["running"] is None else "removed" if one["file"] is None else "changed"
        old, new = (toml(one["key"], one[side]) for side in ("running", "file"))
        words = {"key": one["key"], "old": old, "new": new}
        wanted = {"added": ("key", "new"), "removed": ("key", "old"), "changed": ("key", "old", "new")}[kind]
        where = f"  # {one['where']}" if one["where"] else ""
        text = say(f"config.{kind}", lang, **{name: words[name] for name in wanted})
        lines += fold(text + where, indent=4)
    return lines or [say("config.same", lang)]


# --- changing ---


def run_apply(args: argparse.Namespace) -> int:
    """Check, show what changes, ask, change; returns 0, 1 not agreed, 78 faults."""
    from kaga_edge.config import ConfigFaults, load
    from kaga_edge.config.copies import Source

    if args.confirmed:
        return run_confirm(args)
    lang, target = language_of(args), (args.config or DEFAULT_CONFIG)
    file = args.file or target
    seconds = _seconds(args.confirm, lang) if args.confirm else None
    try:
        load(target, Source(main=file, parts=target.resolve().parent / "conf.d"))
    except ConfigFaults as faults:
        return _faulty(faults, file, lang, as_json=args.json)
    if not _shown_and_agreed(args, target, file, lang):
        return 1
    if seconds is not None:
        return _try(args, file, seconds, lang)
    return _put_in_place(args, target, file, lang)


def _shown_and_agreed(args: argparse.Namespace, target: Path, file: Path, lang: str) -> bool:
    if not args.json:
        try:
            answer = ask(socket_of(args), {"op": "config", "do": "show", "text": True}, lang)
        except NotRunning:
            answer = {"files": []}
        if answer["files"]:
            print("\n".join(_difference_lines(differences(answer, target, file), lang)))
    return agreed(args, lang)


def _try(args: argparse.Namespace, file: Path, seconds: float, lang: str) -> int:
    text = file.read_text(encoding="utf-8-sig")
    request = {"op": "config", "do": "try", "text": text, "seconds": seconds}
    answer = ask(socket_of(args), request, lang, patience_s=JUDGING_PATIENCE_S)
    until = at_site(args, time.time() + answer["left_s"], "%H:%M:%S %Z")
    span = span_words(answer["left_s"], lang)
    _tell(args, answer, say("config.on_trial", lang, until=until, span=span))
    return 0


def _put_in_place(args: argparse.Namespace, target: Path, file: Path, lang: str) -> int:
    from kaga_edge.config.placing import put

    previous = target.with_name(target.name + PREVIOUS)
    before = target.read_bytes() if target.exists() else None
    if file.resolve() != target.resolve():
        try:
            if before is not None:
                put(previous, before, like=target)
            put(target, file.read_bytes(), like=target)
        except OSError as error:
            raise not_written(target, error, lang) from error
    try:
        answer = ask(socket_of(args), {"op": "reload"}, lang, patience_s=JUDGING_PATIENCE_S)
    except NotRunning:
        _tell(args, {"applied": False}, say("config.applied_later", lang))
        return 0
    except Refused:
        if before is not None and file.resolve() != target.resolve():
            put(target, before, like=target)
        raise
    _tell(args, answer, say("config.applied", lang))
    return 0


def run_confirm(args: argparse.Namespace) -> int:
    """Write the configuration on trial to its place and keep it; returns 0."""
    from kaga_edge.config.copies import digest, digest_of
    from kaga_edge.config.placing import put

    lang, target = language_of(args), (args.config or DEFAULT_CONFIG)
    path = socket_of(args)
    answer = ask(path, {"op": "config", "do": "show", "text": True}, lang)
    if answer["digest"] is not None and digest_of(target) != answer["digest"]:
        text = answer["files"][0][1].encode()
        assert digest(text) == answer["digest"]
        try:
            if target.exists():
                put(target.with_name(target.name + PREVIOUS), target.read_bytes(), like=target)
            put(target, text, like=target)
        except OSError as error:
            raise not_written(target, error, lang) from error
    answer = ask(path, {"op": "config", "do": "confirm"}, lang)
    _tell(args, answer, say("config.confirmed", lang, file=target))
    return 0


def run_rollback(args: argparse.Namespace) -> int:
    """End a trial, or change the file with the one before; returns 0, 1 not agreed, 2 none before."""
    lang, target = language_of(args), (args.config or DEFAULT_CONFIG)
    path = socket_of(args)
    try:
        on_trial = ask(path, {"op": "config", "do": "show"}, lang)["left_s"] is not None
    except NotRunning:
        on_trial = False
    if on_trial:
        if not agreed(args, lang):
            return 1
        request = {"op": "config", "do": "rollback"}
        answer = ask(path, request, lang, patience_s=JUDGING_PATIENCE_S)
        _tell(args, answer, say("config.rolled_back", lang))
        return 0
    previous = target.with_name(target.name + PREVIOUS)
    if not previous.exists():
        raise KagaError(
            say("config.no_previous", lang, file=previous), fix=say("config.no_previous_fix", lang)
        )
    with tempfile.TemporaryDirectory(prefix="kaga-config-") as folder:
        args.file = Path(folder) / target.name
        args.file.write_bytes(previous.read_bytes())
        args.confirmed, args.confirm = False, None
        return run_apply(args)


def _tell(args: argparse.Namespace, answer: dict[str, Any], words: str) -> None:
    if args.json:
        print(json.dumps(answer, ensure_ascii=False, indent=2))
    else:
        print("\n".join(fold(words)))


def _faulty(faults: Any, file: Path, lang: str, *, as_json: bool) -> int:
    from kaga_edge.cli.config import faults_json, faults_text

    if as_json:
        print(faults_json(faults))
    else:
        print(faults_text(faults, file, lang))
        print(say("config.goes_on", lang), file=sys.stderr)
    return EXIT_CONFIGURATION


def _seconds(text: str, lang: str) -> float:
    from kaga_edge.cli.log import BadTime
    from kaga_edge.config.units import UnitFault, seconds

    try:
        return seconds(text)
    except UnitFault as error:
        raise BadTime(say("config.bad_span", lang, value=text)) from error
