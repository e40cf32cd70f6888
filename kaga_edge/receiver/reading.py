"""From a message's topic and bytes to what the archive keeps. Pure; raises MessageUnreadable only.

Written from the contract's text and not from the sender's code, so that the two are independent
voices; unknown fields are ignored, everything else is held to the letter.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, NamedTuple

from kaga_edge.contract import SCHEMA_OF_LEAF
from kaga_edge.contract.check import problems
from kaga_edge.contract.wire import MessageUnreadable, body_of

RETIMED = 256  # the flag that lets a row's time differ from what came before
THINNED = 1024  # the row stands for many
MOST_VALUES = 256
MOST_INDEX = 65535
MOST_FLAGS = 65535
MOST_MS = 2**53 - 1

_GATEWAY = re.compile(r"[a-z0-9-]{1,32}")
_HEX8 = re.compile(r"[0-9a-f]{8}")
_ROW_STAND_IN = [[0, 0, 0]]  # the rows have a faster check of their own
_text = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Who speaks, and what kind of message: ``leaf`` is the topic's part after ``up/``."""

    gw: str
    leaf: str
    digest: str | None = None  # of ``catalog/{k}``


class Row(NamedTuple):
    """One row as received. ``up_ms`` is None where the batch named no boot."""

    n: int
    sensor: int
    at_ms: int
    up_ms: int | None
    vals: str
    q: str | None

    @property
    def retimed(self) -> bool:
        """Whether the row's time was corrected before it was sent."""
        return bool(self.q) and any(flag & RETIMED for flag in flags_of(self.q))


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Consecutive rows of one epoch, catalog, clock trust and boot ("" when none was named)."""

    ep: str
    k: str
    c: int
    boot: str
    rows: list[Row]


def address_of(topic: str, root: str) -> Address:
    """Return gateway and leaf of a topic below ``{root}/edge/v1/``."""
    gw, _, leaf = topic.removeprefix(f"{root}/edge/v1/").partition("/up/")
    kind, _, digest = leaf.partition("/")
    if not _GATEWAY.fullmatch(gw) or f"up/{kind}" not in SCHEMA_OF_LEAF:
        raise MessageUnreadable("topic is not in the contract")
    if digest and (kind != "catalog" or not _HEX8.fullmatch(digest)):
        raise MessageUnreadable("topic is not in the contract")
    return Address(gw=gw, leaf=kind, digest=digest or None)


def message_of(address: Address, payload: bytes) -> dict[str, Any]:
    """Return the checked body of any message but a batch."""
    body = body_of(payload)
    wrong = problems(SCHEMA_OF_LEAF[f"up/{address.leaf}"], body)
    # Somebody else's tool may write 36.30 for 36.3: its digest is right over bytes we no longer have.
    if wrong := [problem for problem in wrong if not problem.startswith("/k:")]:
        raise MessageUnreadable(wrong[0])
    speaker = body.get("gw", address.gw) if address.leaf != "alert" else body["id"].split("/")[0]
    if speaker != address.gw:
        raise MessageUnreadable(f"speaks of gateway {speaker} on the topic of {address.gw}")
    if address.digest is not None and body["k"] != address.digest:
        raise MessageUnreadable(f"catalog {body['k']} on the topic of {address.digest}")
    return body if address.leaf == "catalog" else _with_whole_numbers(body)


def batch_of(payload: bytes) -> Batch:
    """Return the rows of a batch."""
    body = body_of(payload)
    listed = body.get("r")
    if not isinstance(listed, list) or not listed:
        raise MessageUnreadable("a batch without rows")
    if wrong := problems("batch", {**body, "r": _ROW_STAND_IN}):
        raise MessageUnreadable(wrong[0])
    n, at_ms, boot = body["n"], body["t0"], body.get("b")
    if not (type(n) is type(at_ms) is type(body["c"]) is int):
        raise MessageUnreadable("a whole number is written with a fraction")
    to_up_ms = None if boot is None else int(boot["up"]) - at_ms
    rows = []
    for number, row in enumerate(listed, n):
        sensor, step_ms, vals, q = _row_of(row)
        at_ms += step_ms
        rows.append(Row(number, sensor, at_ms, None if to_up_ms is None else at_ms + to_up_ms, vals, q))
    if not -MOST_MS <= min(row.at_ms for row in rows) <= max(row.at_ms for row in rows) <= MOST_MS:
        raise MessageUnreadable("times add up to more than a time can be")
    return Batch(ep=body["ep"], k=body["k"], c=body["c"], boot=boot["id"] if boot else "", rows=rows)


def flags_of(q: str | None) -> list[int]:
    """Return the flags in a row's ``q`` text, one or one per channel."""
    flags = json.loads(q or "[]")
    return flags if isinstance(flags, list) else [flags]


def _with_whole_numbers(value: Any) -> Any:
    """Return the same with 18 for 18.0: to JSON they are one number, to a key they are not."""
    if isinstance(value, dict):
        return {key: _with_whole_numbers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_whole_numbers(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _row_of(row: Any) -> tuple[int, int, str, str | None]:
    """Return (sensor, step in ms, values as text, flags as text). Hot: once per row."""
    if type(row) is not list or len(row) < 3:
        raise MessageUnreadable("a row needs index, time and values")
    sensor, step_ms, q = row[0], row[1], None
    if type(sensor) is not int or not 0 <= sensor <= MOST_INDEX:
        raise MessageUnreadable("a row's sensor index is none")
    if type(step_ms) is not int or not -MOST_MS <= step_ms <= MOST_MS:
        raise MessageUnreadable("a row's time is no whole number of milliseconds")
    values = row[2:]
    if type(values[-1]) is dict:
        q = _flags(values.pop(), values)
    if not 1 <= len(values) <= MOST_VALUES:
        raise MessageUnreadable("a row has no values, or too many")
    for value in values:
        kind = type(value)
        if kind is not float and kind is not int and (value is not None or q is None):
            raise MessageUnreadable("a row's value is neither a number nor a flagged null")
    return sensor, step_ms, _text(values)[1:-1], q


def _flags(holder: dict[str, Any], values: list[Any]) -> str:
    q = holder.get("q")
    flags = q if type(q) is list else [q] * len(values)
    if len(flags) != len(values) or not any(flags):
        raise MessageUnreadable("a row's flags do not match its values")
    for flag, value in zip(flags, values, strict=True):
        if type(flag) is not int or not 0 <= flag <= MOST_FLAGS:
            raise MessageUnreadable("a row's flag is no flag")
        if value is None and not flag:
            raise MessageUnreadable("null without a flag")
    return _text(q)
