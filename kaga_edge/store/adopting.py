"""Taking an epoch over from another database, whole, inside one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from kaga_edge.store.book import CONTINUES, EPOCH_SHIFT, NUMBER_MOST, Book

OURS = ("alive_ms", "ledger_reported")  # and the marks: facts about a file, not about the gateway
BY_EPOCH = ("sensor_index", "run", "removed", "gone")
BY_ID = ("sample", "notice")


def adopt(db: sqlite3.Connection, other: sqlite3.Connection, theirs: Book, book: Book, before: str) -> None:
    """Write ``theirs``, as ``other`` holds it, into ``db`` as ``book``. Done twice it is there once.

    An earlier try whose commit was reported as failed may be there after all, and older: it is replaced.
    ``before``: the present epoch until now; what waits there can still be thinned.
    """
    forget(db, book)
    shift = book.base - theirs.base
    for made_ms, machine, board in _of(other, "made_ms, machine, board FROM epoch WHERE i = ?", theirs.i):
        _insert(db, "epoch", [(book.i, book.ep, made_ms, machine, board)])
    for table in BY_EPOCH:
        _insert(
            db, table, [(book.i, *row[1:]) for row in _of(other, f"* FROM {table} WHERE epoch = ?", theirs.i)]
        )
    told = _of(other, "upstream, kind, first, last FROM delivered WHERE epoch = ?", theirs.i)
    _insert(db, "delivered", [(upstream, book.i, *rest) for upstream, *rest in told])
    for table in BY_ID:
        rows = other.execute(f"SELECT * FROM {table} ORDER BY id")  # noqa: S608 our own names
        _insert(db, table, ((row[0] + shift, *row[1:]) for row in rows))
    for line in _of(other, "* FROM ledger_line WHERE epoch = ? ORDER BY id", theirs.i):
        ask = "SELECT max(coalesce(max(id), 0), ?) + 1 FROM ledger_line"
        (following,) = db.execute(ask, (_reported(db),)).fetchone()
        _insert(db, "ledger_line", [(following, book.i, *line[2:])])
    _insert(db, "catalog", other.execute("SELECT * FROM catalog").fetchall())
    facts = other.execute("SELECT * FROM memory").fetchall()
    _insert(db, "memory", [fact for fact in facts if fact[0] not in OURS and not fact[0].startswith("high.")])
    _insert(db, "memory", [(CONTINUES + before, "")])


def forget(db: sqlite3.Connection, book: Book) -> None:
    """Delete everything of an epoch, as if it had never been written."""
    for table in BY_ID:
        ids = (book.base, book.base + NUMBER_MOST)
        db.execute(f"DELETE FROM {table} WHERE id BETWEEN ? AND ?", ids)  # noqa: S608 our own names
    for table in (*BY_EPOCH, "delivered", "ledger_line", "fence"):
        db.execute(f"DELETE FROM {table} WHERE epoch = ?", (book.base >> EPOCH_SHIFT,))  # noqa: S608 our own
    db.execute("DELETE FROM epoch WHERE i = ?", (book.i,))


def _of(db: sqlite3.Connection, what: str, i: int) -> list[tuple[object, ...]]:
    return db.execute(f"SELECT {what}", (i,)).fetchall()


def _insert(db: sqlite3.Connection, table: str, rows: Iterable[Sequence[object]]) -> None:
    for row in rows:
        marks = ", ".join("?" * len(row))
        db.execute(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", row)  # noqa: S608 our own names


def _reported(db: sqlite3.Connection) -> int:
    found = db.execute("SELECT value FROM memory WHERE key = 'ledger_reported'").fetchone()
    return int(found[0]) if found and str(found[0]).isdecimal() else 0
