"""Rows of a recorded series, as others wrote them: whole ones, in the order of their times.

Files come from loggers and spreadsheets: with a byte order mark, cut off in the middle, put together in the
wrong order, with NAN for what was not measured. A row that cannot be read is named by its line.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from kaga_edge.vocabulary.errors import KagaError

NO_NUMBER = ("", "NULL", "NAN", "-9999")
Row = Sequence[str]


def rows_of(path: Path) -> list[list[str]]:
    """Return every row of a CSV file. Raises KagaError when it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise _unreadable(path, "no UTF-8 text") from error
    return list(csv.reader(io.StringIO(text)))


def body(rows: Sequence[Row], *, below: int, columns: int, at: Callable[[str], datetime]) -> list[Row]:
    """Return the rows below the first ``below``, in the order of their times, which ``at`` reads of column 0.

    Raises ValueError, naming the line, for a row with fewer columns or without a time; or when there is none.
    """
    found: list[tuple[datetime, Row]] = []
    for number, row in enumerate(rows[below:], below + 1):
        if not row:
            continue
        if len(row) < columns:
            raise ValueError(f"line {number} has {len(row)} columns, expected {columns}")
        try:
            found.append((at(row[0]), row))
        except ValueError as error:
            raise ValueError(f"line {number} has no time: {row[0][:40]!r}") from error
    if not found:
        raise ValueError("there is none below the header")
    return [row for _, row in sorted(found, key=lambda one: one[0])]


def names_in(rows: Sequence[Row], line: int) -> Row:
    """Return the names of the columns, which stand in that line. Raises ValueError without it."""
    if len(rows) < line:
        raise ValueError("the header is cut off")
    return rows[line - 1]


def iso_time(text: str) -> datetime:
    """Read a time, with or without a fraction; local times keep their numbers, only differences matter."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def logger_time(text: str) -> datetime:
    """Read a time as the Trout Creek logger writes it."""
    return datetime.strptime(text, "%Y/%m/%d %H:%M:%S").replace(tzinfo=UTC)


def number(text: str) -> float | None:
    """Return a number, None for what was not measured. Raises ValueError."""
    if text.strip().upper() in NO_NUMBER:
        return None
    try:
        value = float(text)
    except ValueError as error:
        raise ValueError(f"{text[:40]!r} is no number") from error
    return value if math.isfinite(value) else None


def _unreadable(path: Path, why: str) -> KagaError:
    return KagaError(f"cannot be read: {why}", where=str(path), fix="give a readable CSV file")
