"""What a command from the city is worth: read, judged, answered. Contract v1, "Commands"; pure.

A command passes, in this order, and the first door that is shut gives the answer:

    shape      one JSON object with v, id, ctr, op, iss, exp          bad_args (without an id: no answer)
    form       signed where there is a key, for this gateway          bad_sig
    retained   never: an old command is no command                    replayed
    id         known already: what was answered is answered again     (nothing runs)
    issuer     one of ours, if the configuration names them           bad_sig
    op         in the contract's closed list and in ours              unknown_op
    clock      untrusted: only what does no harm late, by ctr alone   clock
    expiry     trusted: not over                                      expired
    ctr        above the highest that this issuer ever used           replayed
    arguments  exactly those of the op                                bad_args

Sources: contract v1; the counter is what keeps a replay out where the clock cannot be relied on.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kaga_edge.vocabulary.readings import ClockTrust, Moment

OPS = (
    "ping", "read", "collect.stop", "collect.start", "interval", "maintenance", "replay", "manifest",
    "catalog", "config.apply", "restart",
)  # fmt: skip
WITHOUT_TIME = frozenset(
    {"ping", "read", "manifest", "catalog", "collect.stop", "maintenance"}
)  # with an untrusted clock only these run: late they do no harm
COMMAND_BYTES = 48 * 1024  # the longest carries a configuration
KEPT_BYTES = 1024  # of a command's bytes once it is answered; of a longer one the digest stays
KEEP_MS = 30 * 86_400_000  # ids, at least
KEEP_LEAST = 1000  # and so many, however old
SIGNED_PREFIX = b"kaga-cmd-v1\n"
SIGNATURE_BYTES = 64
INTEGER_MOST = 2**53 - 1  # what every JSON reader keeps exactly
MOST_ISSUER = 64
BURST, REFILL_S = 20.0, 4.0  # so many at once, then one in so many seconds: 15 lines of audit a minute
NOT_BELOW_UP = frozenset({"state", "manifest", "catalog", "data", "hist", "alert", "gone", "health"})
REPLY_LEAF = "reply"

_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_LEAF = re.compile(r"[0-9A-Za-z_.-]{1,64}(/[0-9A-Za-z_.-]{1,64}){0,7}")
_STAMP = 15  # digits of the time in front of a record

Kind = type | tuple[type, ...]
NUMBER: Kind = (int, float)
ARGUMENTS: Mapping[str, Mapping[str, tuple[Kind, bool]]] = {  # name: what it is, whether it must be there
    "ping": {},
    "read": {"sensor": (str, True)},
    "collect.stop": {
        "sensor": (str, True), "reason": (str, True), "until": ((int, type(None)), False),
    },
    "collect.start": {"sensor": (str, True)},
    "interval": {"sensor": (str, True), "every_s": ((int, float, type(None)), True)},
    "maintenance": {"sensor": (str, False), "minutes": (NUMBER, True), "reason": (str, False)},
    "replay": {"ep": (str, True), "from": (int, True), "to": (int, True)},
    "manifest": {},
    "catalog": {"k": (str, False)},
    "config.apply": {
        "text": (str, False), "confirm_s": (NUMBER, False), "do": (str, False),
    },
    "restart": {},
}  # fmt: skip


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is kept of a command. ``reply`` None: it began and was never answered."""

    at_ms: int
    iss: str
    ctr: int
    op: str
    raw: str
    reply: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """Keep it, then do it."""

    command: Command


@dataclass(frozen=True, slots=True)
class Again:
    """Known: answer as before."""

    id: str
    reply: bytes


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Known, and cut off before it was answered: never run again."""

    id: str
    record: Record


Verdict = Run | Again | Interrupted | Refusal


# --- reading ---


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


# --- judging ---


def judge(
    rules: Rules,
    command: Command,
    *,
    retained: bool,
    known: Record | None,
    highest: int | None,
    at: Moment,
) -> Verdict:
    """Return what is to be done. ``known``: what is kept under its id; ``highest``: the issuer's last ctr."""
    trusted = at.trust >= ClockTrust.NTP
    if retained:
        return Refusal(id=command.id, err="replayed", why="command.retained")
    if known is not None:
        if known.reply is not None:
            return Again(command.id, known.reply.encode())
        return Interrupted(command.id, known)
    if rules.issuers and command.iss not in rules.issuers:
        return Refusal(id=command.id, err="bad_sig", why="command.issuer")
    if command.op not in OPS or command.op not in rules.allow:
        return refused(command, "unknown_op")
    if not trusted and command.op not in WITHOUT_TIME:
        return refused(command, "clock")
    if trusted and command.exp <= at.wall_ms:
        return refused(command, "expired")
    if highest is not None and command.ctr <= highest:
        return refused(command, "replayed")
    if not arguments_right(command.op, command.args):
        return refused(command, "bad_args")
    return Run(command)


def arguments_right(op: str, args: Mapping[str, Any]) -> bool:
    """Say whether these are the arguments of ``op``: all it needs, none it does not know, of their kinds."""
    wanted = ARGUMENTS[op]
    if not args.keys() <= wanted.keys():
        return False
    return all(
        _is(args[name], kind) if name in args else not needed for name, (kind, needed) in wanted.items()
    )


def _is(value: object, kind: Kind) -> bool:
    if isinstance(value, bool):
        return kind is bool
    if isinstance(value, str):
        return kind is str and len(value) <= COMMAND_BYTES
    return isinstance(value, kind)


def reply_leaf(response_topic: str, up: Callable[[str], str]) -> str:
    """Return where below our ``up/`` the answer goes: where it was asked for, if that is ours to give.

    What the contract publishes elsewhere (data, state, …) is never written to.
    """
    prefix = up("")
    leaf = response_topic.removeprefix(prefix)
    if not response_topic.startswith(prefix) or not _LEAF.fullmatch(leaf):
        return REPLY_LEAF
    return REPLY_LEAF if leaf.split("/")[0] in NOT_BELOW_UP else leaf


# --- how many ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How many more may come now, and today; ``at_s`` on a clock that never jumps."""

    day_most: float
    left: float = BURST
    left_today: float = -1.0
    at_s: float = 0.0


def spent(budget: Budget, now_s: float) -> tuple[Budget, bool]:
    """Return the budget after one more command, and whether there was one left."""
    passed_s = max(0.0, now_s - budget.at_s)
    today = budget.day_most if budget.left_today < 0 else budget.left_today
    left = min(BURST, budget.left + passed_s / REFILL_S)
    today = min(budget.day_most, today + passed_s * budget.day_most / 86_400)
    enough = left >= 1 and today >= 1
    one = 1 if enough else 0
    return Budget(
        day_most=budget.day_most, left=left - one, left_today=max(0.0, today - one), at_s=now_s
    ), enough


def a_day(store_bytes: int) -> float:
    """Return how many commands a day may be kept: 30 days of them fill a twentieth of the store."""
    return float(min(1000, max(34, store_bytes // 20 // (30 * KEPT_BYTES))))


# --- answering and keeping ---


def done(command_id: str, at_ms: int, res: Mapping[str, Any]) -> bytes:
    """Return the answer of a command that was done."""
    return _compact({"v": 1, "id": command_id, "ok": True, "at": at_ms, "res": dict(res)})


def not_done(refusal: Refusal, at_ms: int, words: Mapping[str, str]) -> bytes:
    """Return the answer of one that was not; ``words``: why, in both languages."""
    return _compact(
        {"v": 1, "id": refusal.id, "ok": False, "at": at_ms, "err": refusal.err, "say": dict(words)}
    )


def begun(command: Command, at_ms: int) -> Record:
    """Return what is kept of a command before it runs."""
    return Record(at_ms=at_ms, iss=command.iss, ctr=command.ctr, op=command.op, raw=command.raw.decode())


def answered(record: Record, reply: bytes) -> Record:
    """Return what is kept afterwards: the answer, and the command's bytes unless they are many."""
    content = record.raw.encode()
    raw = record.raw if len(content) <= KEPT_BYTES else f"sha256:{hashlib.sha256(content).hexdigest()}"
    return Record(
        at_ms=record.at_ms, iss=record.iss, ctr=record.ctr, op=record.op, raw=raw, reply=reply.decode()
    )


def to_text(record: Record) -> str:
    """Return a record as text whose order is that of its time."""
    kept = {"i": record.iss, "c": record.ctr, "o": record.op, "b": record.raw, "r": record.reply}
    return f"{stamp(record.at_ms)} {json.dumps(kept, ensure_ascii=False, separators=(',', ':'))}"


def from_text(text: str | None) -> Record | None:
    """Return the record that ``to_text`` wrote, None for None; a spoilt one counts as never answered."""
    if text is None:
        return None
    try:
        kept = json.loads(text[_STAMP + 1 :])
        return Record(
            at_ms=int(text[:_STAMP]),
            iss=str(kept["i"]),
            ctr=int(kept["c"]),
            op=str(kept["o"]),
            raw=str(kept["b"]),
            reply=None if kept["r"] is None else str(kept["r"]),
        )
    except (ValueError, TypeError, LookupError):
        return Record(at_ms=0, iss="", ctr=0, op="", raw="")


def highest_of(text: str | None) -> int | None:
    """Return an issuer's highest ctr as it was kept; a spoilt one lets nothing pass."""
    if text is None:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _STAMP + 1 else INTEGER_MOST


def stamp(at_ms: int) -> str:
    """Return a time as text that sorts by it."""
    return f"{max(0, at_ms):0{_STAMP}d}"


def _compact(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
