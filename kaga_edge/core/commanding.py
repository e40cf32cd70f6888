"""What a command from the city is worth: judged. Contract v1, "Commands"; pure.

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

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kaga_edge.core.command_keeping import Record
from kaga_edge.core.command_reading import COMMAND_BYTES, Command, Refusal, Rules, refused
from kaga_edge.vocabulary.readings import ClockTrust, Moment

OPS = (
    "ping", "read", "collect.stop", "collect.start", "interval", "maintenance", "replay", "manifest",
    "catalog", "config.apply", "restart",
)  # fmt: skip
WITHOUT_TIME = frozenset(
    {"ping", "read", "manifest", "catalog", "collect.stop", "maintenance"}
)  # with an untrusted clock only these run: late they do no harm
NOT_BELOW_UP = frozenset({"state", "manifest", "catalog", "data", "hist", "alert", "gone", "health"})
REPLY_LEAF = "reply"

_LEAF = re.compile(r"[0-9A-Za-z_.-]{1,64}(/[0-9A-Za-z_.-]{1,64}){0,7}")

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
