"""Rows out of the leaf pages of a table, one page by itself, without SQLite.

The page (SQLite file format 2, section 1.6): 0x0D, first free block 2, cells 2, start of contents 2, a byte;
then an offset of 2 bytes for each cell. A cell: payload length, row id (variable-length numbers), payload.
The payload (2.1): header length, one type a column, then the values. Rows too long for a page are left out:
no sample and no alert is.
"""

from __future__ import annotations

import json
import re
import struct
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

from kaga_edge.store.file import PAGE_BYTES

LEAF, HEAD_BYTES = 0x0D, 8
LONGEST_LOCAL_BYTES = PAGE_BYTES - 35
COLUMNS = {7: "sample", 6: "notice"}  # the two big tables, told by how many columns a row has
INTEGER_BYTES = (0, 1, 2, 3, 4, 6, 8)

Row = tuple[Any, ...]
R = TypeVar("R", bound=Row)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A page that looks like a leaf of ``table``, with ids ``first``..``last`` in ``count`` cells."""

    page: int
    table: str
    first: int
    last: int
    count: int


class _Spoilt(Exception):
    """These bytes are no row."""


def leaf_of(number: int, page: bytes) -> Leaf | None:
    """Return what a page holds, None when it is no leaf of a big table."""
    if len(page) < PAGE_BYTES or page[0] != LEAF:
        return None
    offsets = _offsets(page)
    ids, tables = [], set()
    for at in (offsets[0], offsets[-1]) if offsets else ():
        try:
            rowid, types, _ = _cell(page, at)
        except _Spoilt:
            continue
        ids.append(rowid)
        tables.add(COLUMNS.get(len(types), ""))
    if len(tables) != 1 or not (table := tables.pop()):
        return _by_any_row(number, page)
    return (
        Leaf(number, table, min(ids), max(ids), len(offsets)) if len(ids) == 2 else _by_any_row(number, page)
    )


def rows_of(table: str, page: bytes) -> Iterator[Row]:
    """Give every row of a leaf page that is whole and can be ours."""
    for at in _offsets(page):
        try:
            rowid, types, start = _cell(page, at)
            row = (rowid, *_values(page, types, start)[1:])
        except (_Spoilt, UnicodeDecodeError, struct.error):
            continue
        if COLUMNS.get(len(types)) == table and sound(table, row):
            yield row


def in_order(rows: list[R]) -> list[R]:
    """Return the most rows whose ids ascend, as in the table they must.

    A row that stands elsewhere has a spoilt id: it would take the place of the row whose id it now has.
    """
    if all(one[0] < other[0] for one, other in pairwise(rows)):
        return rows
    ends: list[int] = []  # the lowest id at which a run of each length ends, and that row's place
    places: list[int] = []
    before: list[int | None] = []
    for place, (rowid, *_) in enumerate(rows):
        length = bisect_left(ends, rowid)
        ends[length : length + 1], places[length : length + 1] = [rowid], [place]
        before.append(places[length - 1] if length else None)
    at: int | None = places[-1]
    kept: list[R] = []
    while at is not None:
        kept.append(rows[at])
        at = before[at]
    return kept[::-1]


def _by_any_row(number: int, page: bytes) -> Leaf | None:
    for table in COLUMNS.values():
        ids = [row[0] for row in rows_of(table, page)]
        if ids:
            return Leaf(number, table, min(ids), max(ids), len(ids))
    return None


def _offsets(page: bytes) -> list[int]:
    count = int.from_bytes(page[3:5], "big")
    if HEAD_BYTES + 2 * count > len(page):
        return []
    return [at for at in struct.unpack_from(f">{count}H", page, HEAD_BYTES) if HEAD_BYTES < at < len(page)]


def _cell(page: bytes, at: int) -> tuple[int, list[int], int]:
    """Return the row id, the columns' types and where the values begin."""
    length, at = _number(page, at)
    rowid, at = _number(page, at)
    if not 0 < length <= LONGEST_LOCAL_BYTES or at + length > len(page):
        raise _Spoilt
    head, after = _number(page, at)
    if not 0 < head <= length:
        raise _Spoilt
    types = []
    while after < at + head:
        kind, after = _number(page, after)
        types.append(kind)
    if sum(_bytes_of(kind) for kind in types) + head != length:
        raise _Spoilt
    return rowid, types, at + head


def _number(page: bytes, at: int) -> tuple[int, int]:
    """Return a variable-length number (up to 63 bits here) and where the next thing begins."""
    value = 0
    for count in range(8):
        if at + count >= len(page):
            raise _Spoilt
        byte = page[at + count]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + count + 1
    raise _Spoilt  # nine bytes: no number of ours is so big


def _bytes_of(kind: int) -> int:
    if kind < len(INTEGER_BYTES):
        return INTEGER_BYTES[kind]
    if kind in (8, 9):
        return 0
    if kind < 12:
        raise _Spoilt
    return (kind - 12) // 2


def _values(page: bytes, types: list[int], at: int) -> list[Any]:
    values: list[Any] = []
    for kind in types:
        size = _bytes_of(kind)
        content, at = page[at : at + size], at + size
        if kind == 0:
            values.append(None)
        elif kind in (8, 9):
            values.append(kind - 8)
        elif kind < 12:
            values.append(int.from_bytes(content, "big", signed=True))
        else:
            values.append(content if kind % 2 == 0 else content.decode())
    return values


def sound(table: str, row: Row) -> bool:
    """Say whether a row can be one of ours."""
    if table == "notice":
        _, kind, key, n, at_ms, body = row
        return is_notice(kind, key, body) and isinstance(at_ms, int) and isinstance(n, int | None)
    _, sensor, at_ms, up_ms, vals, q, raw = row
    if not all(isinstance(number, int) for number in (sensor, at_ms, up_ms)) or not isinstance(vals, str):
        return False
    if not isinstance(q, str | None) or not isinstance(raw, bytes | None):
        return False
    return are_values([vals], [q])


def is_notice(kind: object, key: object, body: object) -> bool:
    """Say whether this can be an alert or a declaration: one without sense would count as delivered."""
    try:
        return (
            type(kind) is type(key) is str and isinstance(body, bytes) and isinstance(json.loads(body), dict)
        )
    except ValueError:
        return False


def are_values(vals: Sequence[str], flags: Iterable[str | None]) -> bool:
    """Say whether these texts can stand in a message: one that cannot makes the whole of it unreadable."""
    told = {q for q in flags if q is not None}
    return bool(_NUMBERS.fullmatch(",".join(vals))) and all(map(_FLAGS.fullmatch, told))


# As RFC 8259, section 6, without the exponent, which we never write. Of a draining backlog each row passes
# here: half of what json takes. No possessive quantifiers: Python 3.11.2, Debian 12's, takes "1." with them.
_WHOLE = "(?:0|[1-9][0-9]*)"
_NUMBER = rf"(?:-?{_WHOLE}(?:\.[0-9]+)?|null)"
_NUMBERS = re.compile(f"{_NUMBER}(?:,{_NUMBER})*")
_FLAGS = re.compile(rf"{_WHOLE}|\[{_WHOLE}(?:,{_WHOLE})*\]")
