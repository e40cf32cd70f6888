"""One channel's history out of the file, in small bites: other calls get their turn between them.

Rows lie in the order they were measured, not by sensor or time, and there is no index: writing must stay
cheap. So the first row of the time asked for is found by halving, and what follows is read whole while it is
little; of a great deal only every so many rows are looked at.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from kaga_edge.core.series import Point
from kaga_edge.store.book import Book

READ_WHOLE = 20_000  # rows of all sensors; more are looked at here and there
BITE_ROWS = 2000
BITE_PLACES = 60
PLACES = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Bite:
    """What one call reads: ``ids`` from first to last, or the first row of the sensor behind each place."""

    channel_at: dict[int, int]  # the sensor's index in the epoch -> where the channel stands in its row
    spans: tuple[tuple[int, int], ...]
    whole: bool


def bites(
    db: sqlite3.Connection,
    books: Sequence[Book],
    sensor: str,
    channel: str,
    since_ms: int,
    *,
    whole: int = READ_WHOLE,
    places: int = PLACES,
) -> list[Bite]:
    """Return what must be read for the rows of ``sensor`` since ``since_ms``, oldest first."""
    found: list[Bite] = []
    for book in books:
        asked = "SELECT i, channels FROM sensor_index WHERE epoch = ? AND sensor = ?"
        lists = {i: _names(text) for i, text in db.execute(asked, (book.i, sensor))}
        channel_at = {i: names.index(channel) for i, names in lists.items() if channel in names}
        span = _span(db, book, since_ms)
        if channel_at and span is not None:
            found += _cut(channel_at, *span, whole=whole, places=places)
    return found


def read(db: sqlite3.Connection, bite: Bite, since_ms: int) -> list[Point]:
    """Return the points of one bite."""
    marks = ", ".join("?" * len(bite.channel_at))
    order = "ORDER BY id" if bite.whole else "ORDER BY id LIMIT 1"
    what = "SELECT CAST(at_ms AS INTEGER), sensor, vals FROM sample WHERE id BETWEEN ? AND ?"
    asked = f"{what} AND sensor IN ({marks}) {order}"
    rows = (row for span in bite.spans for row in db.execute(asked, (*span, *bite.channel_at)))
    return [(at_ms, _value(vals, bite.channel_at[i])) for at_ms, i, vals in rows if at_ms >= since_ms]


def _names(text: str) -> list[object]:
    try:
        return list(json.loads(text))
    except (ValueError, TypeError):  # spoilt: the picture has nothing of it
        return []


def _value(vals: str, at: int) -> float | None:
    try:
        value = json.loads(f"[{vals}]")[at]
    except (ValueError, IndexError):  # a spoilt row is for those who deliver it to find; a picture has a gap
        return None
    return value if isinstance(value, int | float) else None


def _cut(channel_at: dict[int, int], first: int, last: int, *, whole: int, places: int) -> Iterator[Bite]:
    if last - first < whole:
        for start in range(first, last + 1, BITE_ROWS):
            span = (start, min(last, start + BITE_ROWS - 1))
            yield Bite(channel_at=channel_at, spans=(span,), whole=True)
        return
    edges = [first + (last - first + 1) * place // places for place in range(places + 1)]
    spans = [(begin, end - 1) for begin, end in pairwise(edges)]
    for at in range(0, places, BITE_PLACES):
        yield Bite(channel_at=channel_at, spans=tuple(spans[at : at + BITE_PLACES]), whole=False)


def _span(db: sqlite3.Connection, book: Book, since_ms: int) -> tuple[int, int] | None:
    """Return the ids from the first row at or after ``since_ms`` to the last; None: there is none."""
    newest = db.execute(
        "SELECT id, CAST(at_ms AS INTEGER) FROM sample WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1",
        (book.base + 1, book.base + book.next_n),
    ).fetchone()
    if newest is None or newest[1] < since_ms:
        return None
    low, high = book.base + 1, newest[0]
    asked = "SELECT id, CAST(at_ms AS INTEGER) FROM sample WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 1"
    while low < high:
        middle = (low + high) // 2
        row = db.execute(asked, (middle, high)).fetchone()
        if row is not None and row[1] < since_ms:
            low = row[0] + 1
        else:
            high = middle
    return low, newest[0]
