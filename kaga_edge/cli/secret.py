"""``kaga-edge secret``: passwords and keys as files, never in the configuration, never in a command line.

A secret is read from standard input or asked for on the terminal. It lies in ``secrets`` beside the
configuration, owned by root, readable by the gateway's group alone. systemd's credentials of the same name
come first; ``--credential`` makes one (``credential.py``).
"""

from __future__ import annotations

import argparse
import contextlib
import getpass
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from kaga_edge.cli import credential
from kaga_edge.cli.ask import (
    DEFAULT_CONFIG,
    JUDGING_PATIENCE_S,
    NotAllowed,
    add_daemon_options,
    agreed,
    ask,
    language_of,
    not_written,
    socket_of,
    tables,
)
from kaga_edge.cli.screen import fold
from kaga_edge.config.placing import put, sync_folder
from kaga_edge.config.secret import CREDENTIAL_SUFFIX
from kaga_edge.text import say
from kaga_edge.vocabulary.errors import KagaError

USER = "kaga-edge"
MOST_BYTES = 64 * 1024
BYTE_ORDER_MARK = "\ufeff"  # Notepad's, no part of a password


class BadSecret(KagaError):
    """The name or the secret itself cannot be one."""

    code = "KE-U06"
    exit_code = 64


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the commands."""
    parser = subparsers.add_parser("secret")
    commands = parser.add_subparsers(dest="action", required=True)
    given = commands.add_parser("set")
    given.add_argument("--credential", action="store_true")
    listed = commands.add_parser("list")
    removed = commands.add_parser("remove")
    removed.add_argument("--yes", action="store_true")
    for one, run in ((given, run_set), (listed, run_list), (removed, run_remove)):
        if one is not listed:
            one.add_argument("name", metavar="NAME")
        one.add_argument("--json", action="store_true")
        add_daemon_options(one)
        one.set_defaults(func=run)


def run_set(args: argparse.Namespace) -> int:
    """Keep a secret and have the gateway use it; returns 0."""
    lang = language_of(args)
    file = _file(args, lang)
    if args.credential and _needed(args).get(args.name) == "platform.key":
        raise BadSecret(say("secret.no_credential_key", lang), fix="kaga-edge enroll")
    secret = _read(args.name, lang)
    if args.credential and credential.available():
        return _seal(args, secret, lang)
    if args.credential:
        print(say("secret.no_systemd", lang), file=sys.stderr)
    try:
        file.parent.mkdir(mode=0o750, exist_ok=True)
        put(file, secret.encode(), mode=0o600)
        give_to_the_gateway(file)
    except OSError as error:
        raise not_written(file, error, lang) from error
    _tell(args, {"name": args.name, "file": str(file)}, say("secret.kept", lang, file=file))
    return 0


def _seal(args: argparse.Namespace, secret: str, lang: str) -> int:
    """Have systemd encrypt it; the unit learns of it by a drop-in. Returns 0."""
    folder = _folder(args)
    try:
        folder.mkdir(mode=0o750, exist_ok=True)
        file = credential.encrypt(args.name, secret, folder)
        ours = folder == DEFAULT_CONFIG.parent / "secrets"
        unit = credential.tell_unit(args.name, file) if ours else None
    except OSError as error:
        raise not_written(folder / args.name, error, lang) from error
    if args.json:
        facts = {"name": args.name, "file": str(file), "unit": str(unit) if unit else None}
        print(json.dumps(facts, ensure_ascii=False))
    else:
        print("\n".join(fold(say("secret.sealed", lang, file=file), indent=2)))
        if unit is None:
            print(say("secret.unit_needs", lang))
            print(credential.drop_in(args.name, file), end="")
        print(say("secret.restart", lang))
    return 0


def run_list(args: argparse.Namespace) -> int:
    """Print the names; returns 0, 1 when one that is needed is not there."""
    lang = language_of(args)
    found = [_facts(args, name) for name in sorted(_present(args) | _needed(args).keys())]
    if args.json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        for one in found:
            state = say("secret.there" if one["there"] else "secret.missing", lang)
            use = f"  {one['used_as']}" if one["used_as"] else ""
            print(f"{one['name']:<20} {state}  {one['mode'] or ''}{use}".rstrip())
        if not found:
            print(say("secret.none", lang))
    return 1 if any(one["used_as"] and not one["there"] for one in found) else 0


def run_remove(args: argparse.Namespace) -> int:
    """Delete one; returns 0, 1 not agreed."""
    lang = language_of(args)
    _present(args)  # says who may not look
    file = _file(args, lang)
    sealed = file.with_name(file.name + CREDENTIAL_SUFFIX)
    file = sealed if sealed.is_file() and not file.is_file() else file
    if not file.is_file():
        raise BadSecret(say("secret.unknown", lang, name=args.name), where=str(file))
    if args.name in _needed(args) and not args.json:
        print(say("secret.in_use", lang, key=_needed(args)[args.name]))
    if not agreed(args, lang):
        return 1
    try:
        file.unlink()
        if file == sealed:
            credential.forget(args.name)
        sync_folder(file.parent)
    except OSError as error:
        raise not_written(file, error, lang) from error
    _tell(args, {"name": args.name, "file": str(file)}, say("secret.removed", lang, file=file))
    return 0


def _file(args: argparse.Namespace, lang: str) -> Path:
    name: str = args.name
    letters = name.replace("-", "").replace("_", "").replace(".", "")
    if not (letters.isalnum() and letters.isascii()) or name[0] == ".":
        raise BadSecret(say("secret.bad_name", lang))
    return _folder(args) / name


def _folder(args: argparse.Namespace) -> Path:
    config: Path = args.config or DEFAULT_CONFIG
    from kaga_edge.config.plainfile import folder

    return folder(config) / "secrets"


def _read(name: str, lang: str) -> str:
    if sys.stdin.isatty():
        first = getpass.getpass(say("secret.ask", lang, name=name))
        if first != getpass.getpass(say("secret.again", lang)):
            raise BadSecret(say("secret.differ", lang))
        secret = first
    else:
        secret = sys.stdin.read(MOST_BYTES + 1).removeprefix(BYTE_ORDER_MARK)
        if "PRIVATE KEY" not in secret:  # the newline of an echo is none of a password
            secret = secret.rstrip("\r\n")
    if not secret.strip() or len(secret) > MOST_BYTES or "\x00" in secret:
        raise BadSecret(say("secret.empty", lang))
    if (
        not secret.isascii() and secret != secret.encode(errors="replace").decode()
    ):  # bytes of another encoding
        raise BadSecret(say("secret.not_utf8", lang))
    return secret


def give_to_the_gateway(file: Path) -> None:
    """Let the gateway's group read it where there is one; else it stays its owner's alone."""
    with contextlib.suppress(LookupError, PermissionError):
        shutil.chown(file, group=USER)
        file.chmod(0o640)
        shutil.chown(file.parent, group=USER)


def _needed(args: argparse.Namespace) -> dict[str, str]:
    """Return the names the configuration uses, and the keys they stand at."""
    found: dict[str, str] = {}
    for table in tables(args.config or DEFAULT_CONFIG):
        platform = table.get("platform")
        if isinstance(platform, dict):
            found |= {platform[key]: f"platform.{key}" for key in ("secret", "key") if key in platform}
    return {name: key for name, key in found.items() if isinstance(name, str)}


def _present(args: argparse.Namespace) -> set[str]:
    try:
        files = [one for one in _folder(args).iterdir() if one.is_file() and one.name[0] != "."]
        return {one.name.removesuffix(CREDENTIAL_SUFFIX) for one in files}
    except PermissionError as error:
        what, fix = say("secret.closed", language_of(args)), say("write.failed_fix", language_of(args))
        raise NotAllowed(what, where=str(_folder(args)), fix=fix) from error
    except OSError:
        return set()


def _facts(args: argparse.Namespace, name: str) -> dict[str, Any]:
    file = _folder(args) / name
    sealed = file.with_name(name + CREDENTIAL_SUFFIX)
    file = sealed if sealed.is_file() and not file.is_file() else file
    try:
        mode: str | None = f"{file.stat().st_mode & 0o777:04o}"
    except OSError:
        mode = None
    facts = {"name": name, "there": mode is not None, "mode": mode, "used_as": _needed(args).get(name)}
    return facts | {"encrypted": mode is not None and file == sealed}


def _tell(args: argparse.Namespace, facts: dict[str, Any], words: str) -> None:
    lang = language_of(args)
    try:
        ask(socket_of(args), {"op": "reload"}, lang, patience_s=JUDGING_PATIENCE_S)
    except KagaError:  # not running, or the configuration has other faults: the secret is kept all the same
        facts["used"] = False
    else:
        facts["used"] = True
        words += " " + say("secret.used", lang)
    print(json.dumps(facts, ensure_ascii=False) if args.json else words)
