"""Commands as they arrive: signed or bare bytes become a checked ``Command``, or a ``Refusal`` that says why.

Pure; the signature itself is looked at by whoever has the key. Source: contract v1, "Commands".
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

COMMAND_BYTES = 48 * 1024  # the longest carries a configuration
SIGNED_PREFIX = b"kaga-cmd-v1\n"
SIGNATURE_BYTES = 64
INTEGER_MOST = 2**53 - 1  # what every JSON reader keeps exactly
MOST_ISSUER = 64

_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What this gateway allows. ``issuers`` empty: whoever the broker lets write; ``signed``: by our key."""

    gw: str
    allow: frozenset[str]
    issuers: frozenset[str] = frozenset()
    signed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command as it came; ``raw``: its exact bytes. Times in UTC milliseconds."""

    id: str
    ctr: int
    op: str
    args: Mapping[str, Any]
    iss: str
    exp: int
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A command whose signature must be looked at first: ``over`` is what was signed."""

    cmd: bytes
    over: bytes
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Not done. ``id`` empty: nobody to answer. ``err``: the contract's code; ``why``: key of its words."""

    id: str
    err: str
    why: str = ""  # empty: what there is to say of ``err``
    params: Mapping[str, object] = field(default_factory=dict)


def unwrapped(payload: bytes, rules: Rules) -> Command | Signed | Refusal:
    """Return what came in, as far as it can be told without looking at a signature."""
    body = _object(payload) if len(payload) <= COMMAND_BYTES * 4 // 3 + 1024 else None
    if body is None:
        return Refusal(id="", err="bad_args", why="command.unreadable")
    if "cmd" in body:
        return _signed(body, rules) if rules.signed else _unsigned_wanted(body)
    if rules.signed:
        return Refusal(id=_id_of(body), err="bad_sig", why="command.not_signed")
    return _command(body, payload)


def command_of(cmd: bytes) -> Command | Refusal:
    """Return the command inside a signed one, once the signature is good."""
    body = _object(cmd)
    if body is None:
        return Refusal(id="", err="bad_args", why="command.unreadable")
    return _command(body, cmd)


def forged(signed: Signed) -> Refusal:
    """Return what is said of a command whose signature is not by our key."""
    return Refusal(id=_id_of(_object(signed.cmd) or {}), err="bad_sig", why="command.forged")


def refused(command: Command, err: str) -> Refusal:
    """Return the refusal of a command that was read well."""
    return Refusal(id=command.id, err=err, why=f"command.{err}")


def _signed(body: Mapping[str, Any], rules: Rules) -> Signed | Refusal:
    cmd, signature = _base64url(body.get("cmd")), _base64url(body.get("sig"))
    if cmd is None or signature is None or len(signature) != SIGNATURE_BYTES or body.get("v") != 1:
        return Refusal(id=_id_of(_object(cmd or b"") or {}), err="bad_sig", why="command.forged")
    if body.get("gw") != rules.gw:
        return Refusal(id=_id_of(_object(cmd) or {}), err="bad_sig", why="command.other_gateway")
    return Signed(cmd=cmd, over=SIGNED_PREFIX + rules.gw.encode() + b"\n" + cmd, signature=signature)


def _unsigned_wanted(body: Mapping[str, Any]) -> Refusal:
    """A signed one where there is no key to check it with: it was meant to be checked."""
    inner = _object(_base64url(body.get("cmd")) or b"") or {}
    return Refusal(id=_id_of(inner), err="bad_sig", why="command.no_key")


def _command(body: Mapping[str, Any], raw: bytes) -> Command | Refusal:
    known = _id_of(body)
    args, iss = body.get("args", {}), body.get("iss")
    good = (
        _is_integer(body.get("v")) and body["v"] == 1
        and len(raw) <= COMMAND_BYTES
        and _is_integer(body.get("ctr")) and 0 <= body["ctr"] <= INTEGER_MOST
        and _is_integer(body.get("exp")) and abs(body["exp"]) <= INTEGER_MOST
        and isinstance(body.get("op"), str)
        and isinstance(args, dict)
        and isinstance(iss, str) and 0 < len(iss) <= MOST_ISSUER and iss.isprintable()
    )  # fmt: skip
    if not known or not good:
        return Refusal(id=known, err="bad_args", why="command.unreadable")
    return Command(
        id=known, ctr=body["ctr"], op=body["op"], args=args, iss=str(iss), exp=body["exp"], raw=raw
    )


def _object(text: bytes) -> Mapping[str, Any] | None:
    """Return a JSON object; None for anything else, numbers that are none and names given twice included."""
    try:
        body = json.loads(text.decode(), object_pairs_hook=_once, parse_constant=_no_number)
        json.dumps(body, ensure_ascii=False).encode()  # half a surrogate pair cannot be kept
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name twice")
    return dict(pairs)


def _no_number(name: str) -> None:
    raise ValueError(name)


def _id_of(body: Mapping[str, Any]) -> str:
    found = body.get("id")
    return found if isinstance(found, str) and _ID.fullmatch(found) else ""


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _base64url(text: object) -> bytes | None:
    if not isinstance(text, str) or not re.fullmatch(r"[0-9A-Za-z_-]+={0,2}", text):
        return None
    bare = text.rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
