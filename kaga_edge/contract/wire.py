"""From the bytes of a message to its JSON object: plain or zlib, and never more than it should be."""

from __future__ import annotations

import json
import zlib
from typing import Any

from kaga_edge.vocabulary.errors import DecodeError

# A sender keeps to 64 KiB. A reader allows 16 times that, so that a later minor version may grow,
# and nothing more: a few KiB of zlib can unpack to gigabytes.
MOST_BYTES = 1024 * 1024


class MessageUnreadable(DecodeError):
    """The bytes are no JSON object, damaged, or too large."""

    code = "KE-L11"
    check = "contract"


def body_of(payload: bytes, *, most_bytes: int = MOST_BYTES) -> dict[str, Any]:
    """Return the JSON object in ``payload``. Raises MessageUnreadable, and nothing else.

    The first byte tells: ``{`` (0x7B) is JSON, ``x`` (0x78) is zlib (RFC 1950). NaN, infinity and
    numbers that would become infinity are refused.
    """
    text = _inflated(payload, most_bytes) if payload[:1] == b"x" else payload
    if len(text) > most_bytes:
        raise MessageUnreadable(f"message above {most_bytes} bytes")
    if text[:1] != b"{":
        raise MessageUnreadable("neither JSON nor zlib: the first byte is not { or x")
    try:
        body = json.loads(text.decode(), parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise MessageUnreadable(f"not JSON: {error}") from error
    if not isinstance(body, dict):
        raise MessageUnreadable("not a JSON object")
    return body


def _inflated(payload: bytes, most_bytes: int) -> bytes:
    wrapped = zlib.decompressobj()
    try:
        text = wrapped.decompress(payload, most_bytes + 1)
    except zlib.error as error:
        raise MessageUnreadable(f"damaged zlib: {error}") from error
    if len(text) > most_bytes:
        raise MessageUnreadable(f"message above {most_bytes} bytes when unpacked")
    if not wrapped.eof:
        raise MessageUnreadable("zlib ends too early")
    if wrapped.unused_data:
        raise MessageUnreadable("bytes after the end of zlib")
    return text


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"{text[:24]} is too large")
    return value
