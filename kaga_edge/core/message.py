"""Every message of contract v1 as bytes, and the two that come in as checked values.

Pure: takes rows and facts, returns bytes. Batches are put together from the texts the store keeps
(``vals``, ``q``), so a row leaves exactly as it was committed and nothing is formatted twice.

Only batches are wrapped in zlib (RFC 1950, above 200 bytes); everything else is plain JSON in UTF-8.
The first byte tells a reader: ``{`` is JSON, ``x`` is zlib.

This module is longer than most because it is the whole wire: one page to hold beside the contract.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from kaga_edge.core.ranges import Ranges
from kaga_edge.core.stored import Run, StoredRow
from kaga_edge.vocabulary.errors import DecodeError
from kaga_edge.vocabulary.readings import ClockTrust, Flag, Moment

MESSAGE_BYTES = 64 * 1024  # the contract's limit for one message before compression
ZLIB_ABOVE_BYTES = 200  # below this zlib gains nothing
ZLIB_LEVEL = 6  # bytes cost money on a mobile line; level 1 is 25 % larger
ACK_RANGES = 64  # the contract's limit for "have"
# Opening and closing brackets, epoch, catalog, clock and boot of a batch: never more than this.
BATCH_FRAME_BYTES = 256

_EPOCH_OR_DIGEST = re.compile(r"[0-9a-f]{8}")
_EPOCH_START = datetime(1970, 1, 1, tzinfo=UTC)


class MessageMalformed(DecodeError):
    """What came over the line is not what the contract promises."""

    code = "KE-L10"
    check = "contract"


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """The topics of one gateway. It writes only below ``up/`` and reads only below ``dn/``."""

    root: str
    gw: str

    def up(self, leaf: str) -> str:
        """Return the topic of ``leaf`` (state, manifest, catalog, data, hist, alert, gone, health, reply)."""
        return f"{self.root}/edge/v1/{self.gw}/up/{leaf}"

    def down(self, leaf: str) -> str:
        """Return the topic of ``leaf`` (cmd, ack)."""
        return f"{self.root}/edge/v1/{self.gw}/dn/{leaf}"

    def catalog(self, k: str) -> str:
        """Return the retained topic of the catalog with the digest ``k``."""
        return self.up(f"catalog/{k}")


# --- catalog ---


def catalog_body(*, gw: str, site: Mapping[str, Any], sensors: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the catalog with its version and its digest ``k``; ``sensors`` as in the contract's ``s``."""
    bare: dict[str, Any] = {"v": 1, "gw": gw, "site": dict(site), "s": [dict(sensor) for sensor in sensors]}
    return {"v": 1, "k": catalog_digest(bare), **{key: bare[key] for key in ("gw", "site", "s")}}


def catalog_digest(body: Mapping[str, Any]) -> str:
    """Return the first 8 hex digits of SHA-256 over the catalog's bytes without the field ``k``."""
    return digest(compact({key: value for key, value in body.items() if key != "k"}))


def digest(data: bytes) -> str:
    """Return the first 8 hex digits of SHA-256 over ``data``."""
    return hashlib.sha256(data).hexdigest()[:8]


def compact(body: object) -> bytes:
    """Return JSON in UTF-8 without spaces, keys in the order given. NaN and infinity are ValueError."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


# --- batch ---


def batch(rows: Sequence[StoredRow], run: Run) -> bytes:
    """Return one batch (``up/data``, ``up/hist``): consecutive rows of one catalog, clock trust and boot.

    Raises ValueError when there is no row, a number is skipped or the text is above 64 KiB.
    """
    payload, taken = packed(rows, run)
    if taken < len(rows):
        raise ValueError(f"batch of {len(rows)} rows is above {MESSAGE_BYTES} bytes, {taken} of them fit")
    return payload


def packed(rows: Sequence[StoredRow], run: Run, most_bytes: int = MESSAGE_BYTES) -> tuple[bytes, int]:
    """Return a batch of leading rows, at most ``most_bytes`` before compression, and how many they are.

    At least one row: a single row cannot be cut. Raises ValueError as ``batch`` does.
    """
    if not rows:
        raise ValueError("a batch needs at least one row")
    parts, room = _row_texts(rows), most_bytes - BATCH_FRAME_BYTES
    body, taken = ",".join(parts), len(parts)
    if len(body) > room:
        taken = _fitting(parts, room)
        body = ",".join(parts[:taken])
    text = f"{_head(rows[:taken], run)}{body}]}}".encode()
    if len(text) > MESSAGE_BYTES:
        raise ValueError(f"batch of {taken} rows is {len(text)} bytes, above {MESSAGE_BYTES}")
    return zlib.compress(text, ZLIB_LEVEL) if len(text) > ZLIB_ABOVE_BYTES else text, taken


def _row_texts(rows: Sequence[StoredRow]) -> list[str]:
    """Return each row as it stands in a batch."""
    before_ms = rows[0][2]
    parts = []
    for _n, i, at_ms, _up, vals, q in rows:  # hot: once per row of a draining backlog
        if q is None:
            parts.append(f"[{i},{at_ms - before_ms},{vals}]")
        else:
            parts.append(f'[{i},{at_ms - before_ms},{vals},{{"q":{q}}}]')
        before_ms = at_ms
    return parts


def _fitting(parts: Sequence[str], room: int) -> int:
    """Return how many leading parts fit with the commas between them, at least 1."""
    for taken, part in enumerate(parts):
        room -= len(part) + 1
        if room < 0 and taken:
            return taken
    return len(parts)


def _head(rows: Sequence[StoredRow], run: Run) -> str:
    first, _i, t0_ms, up_ms, _vals, _q = rows[0]
    if rows[-1][0] - first != len(rows) - 1:
        raise ValueError(f"rows {first}..{rows[-1][0]} of a batch are not consecutive")
    says_boot = run.c < ClockTrust.NTP or any(map(_retimed, {row[5] for row in rows}))
    boot = f',"b":{{"id":"{run.boot}","up":{up_ms}}}' if says_boot else ""
    return f'{{"v":1,"ep":"{run.ep}","n":{first},"k":"{run.k}","t0":{t0_ms},"c":{int(run.c)}{boot},"r":['


@lru_cache(maxsize=256)
def _retimed(q: str | None) -> bool:
    flags = json.loads(q or "0")
    return any(flag & Flag.RETIMED for flag in (flags if isinstance(flags, list) else [flags]))


# --- state and health ---


def birth(
    *,
    gw: str,
    ep: str,
    eps: Sequence[str],
    at: Moment,
    sw: str,
    k: str,
    m: str,
    nx: int,
    ak: int,
    extra: Mapping[str, Any] | None = None,
) -> bytes:
    """Return the birth (``up/state``): epochs, software, catalog ``k``, manifest digest ``m``.

    ``nx`` is the next number, ``ak`` the number up to which all is delivered, of epoch ``ep``.
    """
    body: dict[str, Any] = {"v": 1, "st": "alive", "gw": gw, "ep": ep, "eps": list(eps), "boot": at.boot}
    body |= {"t": at.wall_ms, "c": int(at.trust), "sw": sw, "k": k, "m": m, "nx": nx, "ak": ak}
    return compact(body | dict(extra or {}))


def will(*, gw: str, ep: str, boot: str) -> bytes:
    """Return the will (``up/state``), which the broker publishes when we vanish."""
    return compact({"v": 1, "st": "dead", "gw": gw, "ep": ep, "boot": boot})


def stopped(*, gw: str, ep: str, at: Moment) -> bytes:
    """Return the goodbye of a clean exit (``up/state``)."""
    body = {"v": 1, "st": "stopped", "gw": gw, "ep": ep, "boot": at.boot}
    return compact(body | {"t": at.wall_ms, "c": int(at.trust)})


def health(
    *,
    ep: str,
    at: Moment,
    counts: Mapping[str, int],
    oldest_ms: int | None,
    ledger: Sequence[Mapping[str, Any]],
    sensors: Sequence[Mapping[str, Any]],
    disk: Mapping[str, Any],
    link: Mapping[str, Any],
    epochs: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return the health message's body (``up/health``).

    ``counts`` is numbered = delivered + waiting + gone of epoch ``ep``, ``epochs`` the same of every epoch
    by name; ``oldest_ms`` the time of the oldest waiting row. ValueError when the counts do not add up: a
    ledger that lies is a bug.
    """
    for one in (counts, *epochs):
        if one["numbered"] != one["delivered"] + one["waiting"] + one["gone"]:
            raise ValueError(f"the ledger of {one.get('ep', ep)} does not add up: {dict(one)}")
    body: dict[str, Any] = {"v": 1, "ep": ep, "t": at.wall_ms, "c": int(at.trust), "up": at.up_ms}
    body |= {"n": dict(counts), "oldest": oldest_ms, "led": list(ledger), "s": list(sensors)}
    return body | {"disk": dict(disk), "link": dict(link), "epochs": [dict(one) for one in epochs]}


# --- alert, clock, gone ---


def alert_body(
    *,
    gw: str,
    ep: str,
    e: int,
    n: int,
    key: str,
    state: str,
    subject: str,
    at: Moment,
    data: Mapping[str, Any],
) -> bytes:
    """Return an alarm (``up/alert``) as a CloudEvent; ``data`` as in ``Alert.data``."""
    texts = {name: data[name] for name in ("ja", "en") if name in data}
    facts = {name: value for name, value in data.items() if name not in texts}
    inner: dict[str, Any] = {"key": key, "state": state, "n": n} | facts | _trust(at) | texts
    return compact(_cloud_event(gw, ep, e, "alert", at, subject) | {"data": inner})


def clock_body(
    *, gw: str, ep: str, e: int, at: Moment, boot: str, offset_ms: int, uncertainty_ms: int
) -> bytes:
    """Return a clock correction (``up/alert``): true time = boot-time clock of ``boot`` + offset."""
    inner = {"boot": boot, "offset_ms": offset_ms, "uncertainty_ms": uncertainty_ms, "c": int(at.trust)}
    return compact(_cloud_event(gw, ep, e, "clock", at, None) | {"data": inner})


def gone_body(*, ep: str, e: int, spans: Sequence[tuple[int, int, str, Ranges]]) -> bytes:
    """Return numbers that will never arrive (``up/gone``): (from, to, reason, rows that replace them).

    The replacing rows are closed ranges written one after the other: ``[52310,52319]``, or
    ``[a,b,c,d]`` for a..b and c..d; left out when there are none.
    """
    listed: list[list[Any]] = []
    for first, last, reason, replaced_by in spans:
        flat = [number for span in replaced_by for number in span]
        listed.append([first, last, reason, flat] if flat else [first, last, reason])
    return compact({"v": 1, "ep": ep, "e": e, "g": listed})


def utc_text(at_ms: int) -> str:
    """Return UTC milliseconds as RFC 3339 with three decimals: ``2021-08-28T04:46:46.000Z``."""
    moment = _EPOCH_START + timedelta(milliseconds=at_ms)
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _trust(at: Moment) -> dict[str, Any]:
    if at.trust >= ClockTrust.NTP:
        return {"c": int(at.trust)}
    return {"c": int(at.trust), "b": {"id": at.boot, "up": at.up_ms}}


def _cloud_event(gw: str, ep: str, e: int, kind: str, at: Moment, subject: str | None) -> dict[str, Any]:
    head = {"specversion": "1.0", "id": f"{gw}/{ep}/e{e}", "source": f"urn:kaga:gw:{gw}"}
    head["type"] = f"jp.kaga.edge.{kind}.v1"
    if subject is not None:
        head["subject"] = subject
    return head | {"time": utc_text(at.wall_ms), "datacontenttype": "application/json"}


# --- what comes in ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """What the platform says is durable: all rows to ``upto``, the rows in ``have``, notices to ``e``."""

    ep: str
    upto: int
    have: Ranges = field(default_factory=Ranges)
    e: int | None = None


def parse(payload: bytes) -> dict[str, Any]:
    """Return the JSON object in a message, plain or zlib. Raises MessageMalformed, also above 64 KiB."""
    if payload[:1] == b"x":
        payload = _inflated(payload)
    if len(payload) > MESSAGE_BYTES:
        raise MessageMalformed(f"message above {MESSAGE_BYTES} bytes")
    try:
        body = json.loads(payload.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise MessageMalformed(f"not JSON: {error}") from error
    if not isinstance(body, dict):
        raise MessageMalformed("not a JSON object")
    return body


def parse_ack(payload: bytes) -> Ack:
    """Return a checked platform acknowledgement (``dn/ack``). Raises MessageMalformed."""
    body = parse(payload)
    ep, have, e = body.get("ep"), body.get("have", []), body.get("e")
    if body.get("v") != 1:
        raise MessageMalformed(f"ack of version {body.get('v')!r}, not 1")
    if not isinstance(ep, str) or not _EPOCH_OR_DIGEST.fullmatch(ep):
        raise MessageMalformed("ack without an epoch of 8 hex digits")
    if not isinstance(have, list) or len(have) > ACK_RANGES:
        raise MessageMalformed(f"ack's have is not a list of at most {ACK_RANGES} ranges")
    return Ack(
        ep=ep,
        upto=_number(body.get("upto"), "upto"),
        have=Ranges.of(_span(span) for span in have),
        e=None if e is None else _number(e, "e"),
    )


def _inflated(payload: bytes) -> bytes:
    wrapped = zlib.decompressobj()
    try:
        text = wrapped.decompress(payload, MESSAGE_BYTES + 1)
    except zlib.error as error:
        raise MessageMalformed(f"damaged zlib: {error}") from error
    if not wrapped.eof and len(text) <= MESSAGE_BYTES:
        raise MessageMalformed("zlib ends too early")
    if wrapped.unused_data:
        raise MessageMalformed("bytes after the end of zlib")
    return text


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _number(value: object, name: str) -> int:
    # 0 is "nothing yet": numbers start at 1. bool is an int to Python, not to us.
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise MessageMalformed(f"ack's {name} is not a number")
    return value


def _span(span: object) -> tuple[int, int]:
    if not isinstance(span, list) or len(span) != 2:
        raise MessageMalformed("ack's have holds something other than [from, to]")
    first, last = _number(span[0], "have"), _number(span[1], "have")
    if last < first:
        raise MessageMalformed(f"ack's range {first}..{last} ends before it begins")
    return first, last
