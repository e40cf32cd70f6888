"""``kaga-edge enroll``: the station's key and the request for its certificate, by the system's openssl.

The key is made here and never leaves the machine; the request goes to the platform's people, and what they
send back is put in place with ``--install``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from kaga_edge.cli.ask import DEFAULT_CONFIG, agreed, language_of, not_written, tables
from kaga_edge.cli.screen import fold
from kaga_edge.cli.secret import give_to_the_gateway
from kaga_edge.config.placing import put
from kaga_edge.station.openssl import OpensslFailed, client_key, client_request, openssl
from kaga_edge.text import say


class CannotEnroll(OpensslFailed):
    """Key and certificate do not belong together, or there is no site to ask for."""


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser("enroll")
    parser.add_argument("--install", type=Path, metavar="FILE")
    parser.add_argument("--new-key", action="store_true")
    parser.add_argument("--yes", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--config", type=Path, metavar="FILE")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Make key and request, or install the certificate; returns 0, 1 not agreed."""
    lang, config = language_of(args), (args.config or DEFAULT_CONFIG).resolve()
    name = _site(config, lang)
    key = config.parent / "secrets" / f"{name}.key"
    if args.install is not None:
        return _install(args, config.parent / f"{name}.pem", key, lang)
    if key.exists() and args.new_key and not agreed(args, lang):
        return 1
    if not key.exists() or args.new_key:
        made = client_key()
        try:
            key.parent.mkdir(mode=0o750, exist_ok=True)
            put(key, made, mode=0o600)
            give_to_the_gateway(key)
        except OSError as error:
            raise not_written(key, error, lang) from error
    try:
        request = client_request(key.read_bytes(), name).decode()
    except OSError as error:
        raise CannotEnroll(error.strerror or str(error), where=str(key), fix="sudo") from error
    print(json.dumps({"key": str(key), "csr": request}) if args.json else request, end="")
    return 0


def _install(args: argparse.Namespace, target: Path, key: Path, lang: str) -> int:
    try:
        certificate = args.install.read_bytes()
    except OSError as error:
        what = say("enroll.unreadable", lang, reason=error.strerror)
        raise CannotEnroll(what, where=str(args.install)) from error
    theirs = openssl("x509", "-noout", "-pubkey", given=certificate)
    if theirs != openssl("pkey", "-pubout", "-in", str(key)):
        raise CannotEnroll(
            say("enroll.other_key", lang), where=str(args.install), fix=say("enroll.again", lang)
        )
    until = openssl("x509", "-noout", "-enddate", given=certificate).decode().partition("=")[2].strip()
    try:
        put(target, certificate, mode=0o640, like=args.config or DEFAULT_CONFIG)
    except OSError as error:
        raise not_written(target, error, lang) from error
    if args.json:
        print(json.dumps({"certificate": str(target), "key": str(key), "until": until}))
    else:
        print("\n".join(fold(say("enroll.installed", lang, file=target, until=until))))
        print(f'  [platform]\n  certificate = "{target.name}"\n  key = "{key.name}"')
    return 0


def _site(config: Path, lang: str) -> str:
    for table in tables(config):
        site = table.get("site")
        name = site.get("id") if isinstance(site, dict) else None
        if isinstance(name, str) and name.replace("-", "").isalnum() and name.isascii():
            return name
    raise CannotEnroll(say("enroll.no_site", lang), where=str(config), fix="kaga-edge config check")
