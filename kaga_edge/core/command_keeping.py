"""Commands once they were taken: the answer, and what is kept of them so that none runs twice.

Pure. A record is kept before its command runs, and again with the answer; an issuer's highest ctr beside it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kaga_edge.core.command_reading import INTEGER_MOST, Command, Refusal

KEPT_BYTES = 1024  # of a command's bytes once it is answered; of a longer one the digest stays
KEEP_MS = 30 * 86_400_000  # ids, at least
KEEP_LEAST = 1000  # and so many, however old

_STAMP = 15  # digits of the time in front of a record


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is kept of a command. ``reply`` None: it began and was never answered."""

    at_ms: int
    iss: str
    ctr: int
    op: str
    raw: str
    reply: str | None = None


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
