"""What the contract asks and JSON Schema cannot say: sums, digests, orders.

The bodies have passed their schema.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any


def _batch(body: dict[str, Any]) -> Iterator[str]:
    for at, row in enumerate(body["r"]):
        yield from (f"/r/{at}: {wrong}" for wrong in row_problems(row))


def row_problems(row: list[Any]) -> Iterator[str]:
    """Say what is wrong with one row of a batch that has the shape of one."""
    flags = row[-1]["q"] if isinstance(row[-1], dict) else 0
    values = row[2:-1] if isinstance(row[-1], dict) else row[2:]
    if not values:
        yield "a row needs at least one value"
    if any(isinstance(value, dict) for value in values):
        yield "flags come once, after the values"
    elif isinstance(flags, list) and len(flags) != len(values):
        yield f"{len(flags)} flags for {len(values)} values"
    elif isinstance(flags, list) and not any(flags):
        yield "flags are left out where all are zero"
    elif isinstance(flags, list) and any(v is None and not q for v, q in zip(values, flags, strict=True)):
        yield "null needs a flag"


def _catalog(body: dict[str, Any]) -> Iterator[str]:
    bare = {key: value for key, value in body.items() if key != "k"}
    text = json.dumps(bare, separators=(",", ":"), ensure_ascii=False)
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    if digest != body["k"]:
        yield f"/k: {body['k']} is not the digest of the rest, {digest}"
    indices = [sensor["i"] for sensor in body["s"]]
    if len(set(indices)) != len(indices):
        yield "/s: an index is given twice"


def _state(body: dict[str, Any]) -> Iterator[str]:
    if body["st"] == "alive" and body["ep"] not in body["eps"]:
        yield "/eps: the epoch itself is missing"
    if body["st"] == "alive" and body["ak"] >= body["nx"]:
        yield "/ak: more is acknowledged than was numbered"


def _health(body: dict[str, Any]) -> Iterator[str]:
    told = {f"/epochs/{at}": one for at, one in enumerate(body.get("epochs", []))}
    for where, n in ({"/n": body["n"]} | told).items():
        if n["numbered"] != n["delivered"] + n["waiting"] + n["gone"]:
            yield f"{where}: numbered is not delivered + waiting + gone"


def _gone(body: dict[str, Any]) -> Iterator[str]:
    for at, span in enumerate(body["g"]):
        if span[1] < span[0]:
            yield f"/g/{at}: {span[0]}..{span[1]} ends before it begins"
        instead = span[3] if len(span) == 4 else []
        if len(instead) % 2 or any(b < a for a, b in zip(instead[::2], instead[1::2], strict=False)):
            yield f"/g/{at}/3: not pairs of from and to"


def _ack(body: dict[str, Any]) -> Iterator[str]:
    before = body["upto"]
    for at, (first, last) in enumerate(body.get("have", [])):
        if last < first:
            yield f"/have/{at}: {first}..{last} ends before it begins"
        if first <= before:
            yield f"/have/{at}: {first} is not above what came before it"
        before = max(last, before)


def _alert(body: dict[str, Any]) -> Iterator[str]:
    if body["source"] != "urn:kaga:gw:" + body["id"].split("/")[0]:
        yield "/source: not the gateway of the id"


RULES: dict[str, Callable[[Any], Iterator[str]]] = {
    "batch": _batch,
    "catalog": _catalog,
    "state": _state,
    "health": _health,
    "gone": _gone,
    "ack": _ack,
    "alert": _alert,
}
"""By schema name; the others have none."""
