"""The contract with the platform, version 1, as data: JSON Schema (draft-07), AsyncAPI 3, samples.

``schema`` and ``asyncapi`` are for anyone's tools; ``check`` (a module beside) says without any of
them whether a message keeps the contract; ``wire`` turns what came over the line into such a message.
The samples are the tests' fixtures: each good one must pass, each bad one must fail.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

NAMES = (
    "batch", "catalog", "state", "health", "alert", "gone", "ack", "command", "reply", "manifest",
)  # fmt: skip

# Topic leaf (what follows ``up/`` or ``dn/``) → schema. Catalogs also come as ``catalog/{k}``.
SCHEMA_OF_LEAF = {
    "up/data": "batch",
    "up/hist": "batch",
    "up/catalog": "catalog",
    "up/state": "state",
    "up/health": "health",
    "up/alert": "alert",
    "up/gone": "gone",
    "up/reply": "reply",
    "up/manifest": "manifest",
    "dn/ack": "ack",
    "dn/cmd": "command",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One example message: ``leaf`` as in ``SCHEMA_OF_LEAF``, ``why`` what it shows or what is wrong."""

    name: str
    schema: str
    leaf: str
    good: bool
    why: str
    body: Any


def schema(name: str) -> dict[str, Any]:
    """Return one JSON Schema (draft-07) by its name in ``NAMES``. Raises KeyError."""
    if name not in NAMES:
        raise KeyError(name)
    loaded: dict[str, Any] = json.loads(_text(f"schemas/{name}.json"))
    return loaded


def schemas() -> dict[str, dict[str, Any]]:
    """Return every schema by name."""
    return {name: schema(name) for name in NAMES}


def asyncapi() -> dict[str, Any]:
    """Return the AsyncAPI 3 document, with the schemas put into its components."""
    document: dict[str, Any] = json.loads(_text("asyncapi.json"))
    for name, message in document["components"]["messages"].items():
        message["payload"] = {
            "schemaFormat": "application/schema+json;version=draft-07",
            "schema": schema(name),
        }
    return document


@cache
def samples() -> tuple[Sample, ...]:
    """Return every sample, schema by schema, good ones first."""
    return tuple(
        Sample(
            name=entry["name"],
            schema=name,
            leaf=entry["leaf"],
            good=good,
            why=entry["why"],
            body=entry["body"],
        )
        for name in NAMES
        for good in (True, False)
        for entry in json.loads(_text(f"samples/{name}.json"))["good" if good else "bad"]
    )


def schema_name(topic: str) -> str | None:
    """Return the schema of a whole topic or of a leaf (``up/data``); None when the contract has none."""
    parts = topic.split("/")
    for way in ("up", "dn"):
        if way in parts:
            leaf = parts[len(parts) - 1 - parts[::-1].index(way) :]
            if leaf[:2] == ["up", "catalog"] and len(leaf) == 3:
                return "catalog"
            return SCHEMA_OF_LEAF.get("/".join(leaf))
    return None


def _text(path: str) -> str:
    return files(__name__).joinpath(path).read_text(encoding="utf-8")
