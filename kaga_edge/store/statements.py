"""The statements that write and look up, each doing one thing inside somebody else's transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from kaga_edge.core.ranges import Ranges
from kaga_edge.store.book import EPOCH_SHIFT, Book, RunStart
from kaga_edge.store.errors import integer, nonsense


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Entries with their numbers, as the rows to insert."""

    book: Book
    rows: list[tuple[int, int, int, int, str, str | None, bytes | None]]
    notices: list[tuple[int, str, str, int, int, bytes]]
    runs: list[RunStart]
    remembered: dict[str, str]
    first: int
    first_e: int


def run(db: sqlite3.Connection, statement: str, values: tuple[object, ...]) -> None:
    db.execute(statement, values)


def run_many(db: sqlite3.Connection, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
    db.executemany(statement, rows)


def insert_batch(db: sqlite3.Connection, batch: Batch) -> None:
    i = batch.book.base >> EPOCH_SHIFT
    if batch.runs:  # a disk that lied may have kept the run of rows it lost
        db.execute("DELETE FROM run WHERE epoch = ? AND first >= ?", (i, batch.first))
    for run in batch.runs:
        db.execute("INSERT INTO run VALUES (?, ?, ?, ?, ?)", (i, run.first, run.k, run.boot, run.trust))
    insert_samples(db, batch.rows)
    for notice in batch.notices:
        insert_notice(db, notice)
    for pair in batch.remembered.items():
        db.execute("INSERT OR REPLACE INTO memory VALUES (?, ?)", pair)


def insert_samples(db: sqlite3.Connection, rows: Sequence[tuple[object, ...]]) -> None:
    """Insert many rows a statement: a third cheaper than one by one, and far fewer hand-overs of the GIL."""
    for at in range(0, len(rows), ROWS_MOST):
        part = rows[at : at + ROWS_MOST]
        db.execute(_insert(len(part)), [value for row in part for value in row])


ROWS_MOST = 100  # of one statement; groups are as large as the one before, so few of them are ever prepared


@lru_cache(maxsize=ROWS_MOST)
def _insert(rows: int) -> str:
    return "INSERT INTO sample VALUES " + ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * rows)  # noqa: S608 no values


def insert_notice(db: sqlite3.Connection, row: tuple[int, str, str, int | None, int, bytes]) -> None:
    db.execute("INSERT INTO notice VALUES (?, ?, ?, ?, ?, ?)", row)


def write_notice(db: sqlite3.Connection, row: tuple[int, str, str, int | None, int, bytes]) -> None:
    """The same where the notice may be there, shorter."""
    db.execute("INSERT OR REPLACE INTO notice VALUES (?, ?, ?, ?, ?, ?)", row)


def delete_rows(db: sqlite3.Connection, table: str, base: int, numbers: Ranges) -> None:
    for first, last in numbers:
        statement = f"DELETE FROM {table} WHERE id BETWEEN ? AND ?"  # noqa: S608 our own name
        db.execute(statement, (base + first, base + last))


_SPAN_KEYS = {
    "delivered": ("upstream", "epoch", "kind"),
    "removed": ("epoch", "kind"),
    "gone": ("epoch", "reason"),
}


def store_spans(
    db: sqlite3.Connection, table: str, key: tuple[object, ...], before: Ranges, after: Ranges
) -> None:
    """Write only what changed of a set of ranges: usually one row."""
    kept = {first for first, _ in after}
    where = " AND ".join(f"{name} = ?" for name in (*_SPAN_KEYS[table], "first"))
    for first, _ in before:
        if first not in kept:
            db.execute(f"DELETE FROM {table} WHERE {where}", (*key, first))  # noqa: S608 our own names
    held = set(before)
    marks = ", ".join("?" * (len(key) + 2))
    for span in after:
        if span not in held:
            db.execute(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", (*key, *span))  # noqa: S608


def sensor_indices(db: sqlite3.Connection, epoch: int) -> dict[tuple[str, str], int]:
    found = db.execute("SELECT sensor, channels, i FROM sensor_index WHERE epoch = ?", (epoch,)).fetchall()
    if not all((type(one), type(channels)) == (str, str) for one, channels, _ in found):
        raise nonsense("a sensor without a name")
    return {(sensor, channels): integer(i, "a sensor's index") for sensor, channels, i in found}


def by_sensor(
    db: sqlite3.Connection, book: Book, numbers: Ranges
) -> list[tuple[str, int | None, int | None, int, Ranges]]:
    """Return (sensor id, first time, last time, rows, their numbers), numbers without rows under "".

    Where there are many, "their numbers" are all of ``numbers``: every sensor's own would be a long list.
    """
    held: dict[int, tuple[int, int, int]] = {}
    for first, last in numbers:
        for sensor, low, high, count in db.execute(
            "SELECT sensor, min(at_ms), max(at_ms), count(*) FROM sample"
            " WHERE id BETWEEN ?1 + ?2 AND ?1 + ?3 GROUP BY sensor",
            (book.base, first, last),
        ):
            span_ms = integer(low, "a sample's time"), integer(high, "a sample's time")
            before = held.get(sensor, (*span_ms, 0))
            held[sensor] = min(before[0], span_ms[0]), max(before[1], span_ms[1]), before[2] + count
    own = _own_numbers(db, book, numbers) if numbers.count <= OWN_NUMBERS_MOST else {}
    names = {i: sensor for (sensor, _), i in sensor_indices(db, book.i).items()}
    found: list[tuple[str, int | None, int | None, int, Ranges]] = [
        (names.get(sensor, ""), *facts, own.get(sensor, numbers)) for sensor, facts in held.items()
    ]
    rowless = numbers.count - sum(facts[2] for facts in held.values())
    if rowless:
        rest = numbers.minus(Ranges.of(span for spans in own.values() for span in spans))
        found.append(("", None, None, rowless, rest))
    return found


OWN_NUMBERS_MOST = 100


def _own_numbers(db: sqlite3.Connection, book: Book, numbers: Ranges) -> dict[int, Ranges]:
    ask = "SELECT id - ?1, sensor FROM sample WHERE id BETWEEN ?1 + ?2 AND ?1 + ?3"
    own: dict[int, list[tuple[int, int]]] = {}
    for span in numbers:
        for n, sensor in db.execute(ask, (book.base, *span)):
            own.setdefault(sensor, []).append((n, n))
    return {sensor: Ranges.of(spans) for sensor, spans in own.items()}
