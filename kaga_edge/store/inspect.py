"""Looking into a store's file without touching it: everything is read from a copy.

Only the daemon may ever open its file (two connections can lose commits in SQLite before 3.51.3), so these
read a copy of the file and its write-ahead log; nothing is confirmed, purged or declared here.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kaga_edge.core import message
from kaga_edge.core.ranges import Range, Ranges
from kaga_edge.core.stored import Run, StoredRow, Tally
from kaga_edge.store.book import Book, read_books
from kaga_edge.store.cutting import fitting, joined
from kaga_edge.store.errors import StoreForeign, StoreSick
from kaga_edge.store.file import APPLICATION_ID
from kaga_edge.store.gone import SPANS_A_NOTICE

TRIES = 3  # a copy of a running store's file may catch it between two writes
AT_ONCE = 500
# What reading a damaged file may end in: also books that make no sense, and numbers beyond SQLite's.
UNREADABLE = (sqlite3.DatabaseError, ValueError, LookupError, TypeError, OverflowError)
Line = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a file holds."""

    tallies: tuple[Tally, ...]
    rows: int
    notices: int
    bytes: int
    lines: tuple[tuple[str, str, str, int, str], ...]  # epoch, why, sensor, rows, numbers


@contextlib.contextmanager
def copied(path: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection to a copy. Raises StoreSick: unreadable; StoreForeign: not a store."""
    with tempfile.TemporaryDirectory(prefix="kaga-store-") as folder:
        copy = Path(folder) / "store"
        db = _consistent(path, copy)
        try:
            yield db
        finally:
            db.close()


def contents(db: sqlite3.Connection, upstream: str = "native") -> Contents:
    """Return the tallies, the loss ledger and the sizes. Raises StoreSick when the file is damaged."""
    try:
        books = read_books(db, upstream)
        names = {book.i: book.ep for book in books}
        asked = "SELECT epoch, why, sensor, count, numbers FROM ledger_line ORDER BY id"
        lines = tuple((names.get(i, "?"), *rest) for i, *rest in db.execute(asked))
        rows, notices = (db.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ("sample", "notice"))  # noqa: S608 our own
        pages, size = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    except UNREADABLE as error:
        raise damaged(error) from error
    tallies = tuple(book.tally() for book in books)
    return Contents(tallies=tallies, rows=rows, notices=notices, bytes=pages * size, lines=lines)


def faults(db: sqlite3.Connection, upstream: str = "native") -> list[str]:
    """Return what is wrong with the file, nothing when it is whole."""
    try:
        found = [str(text) for (text,) in db.execute("PRAGMA integrity_check(20)") if text != "ok"]
        for book in read_books(db, upstream):
            tally = book.tally()
            if tally.numbered != tally.delivered + tally.waiting + tally.gone:
                found.append(f"{book.ep}: the ledger does not add up: {tally}")
            ask = "SELECT count(*) FROM sample WHERE id BETWEEN ? AND ?"
            (rows,) = db.execute(ask, (book.base + 1, book.base + book.next_n)).fetchone()
            if rows != book.on_disk.count:
                found.append(f"{book.ep}: {rows} rows, the ledger knows {book.on_disk.count}")
    except UNREADABLE as error:
        return [str(error)]
    return found


def export(db: sqlite3.Connection, *, root: str = "kaga", upstream: str = "native") -> Iterator[Line]:
    """Give every message of the contract that the file's rows and notices make: topic and payload."""
    try:
        bodies = {k: json.loads(text) for k, text in db.execute("SELECT k, body FROM catalog").fetchall()}
        gw = next((str(body["gw"]) for body in bodies.values()), "unknown")
        topics = message.Topics(root=root, gw=gw)
        for k, body in bodies.items():
            yield {"topic": topics.catalog(k), "payload": body}
        for book in read_books(db, upstream):
            for rows, run in _batches(db, book):
                payload = message.batch(rows, run)
                text = payload if payload[:1] == b"{" else zlib.decompress(payload)
                yield {"topic": topics.up("hist"), "payload": json.loads(text)}
            told: list[Range] = []
            asked = "SELECT kind, body FROM notice WHERE id BETWEEN ? AND ? ORDER BY id"
            for kind, body in db.execute(asked, (book.base + 1, book.base + book.next_e)):
                payload = json.loads(body)
                told += [(span[0], span[1]) for span in payload["g"]] if kind == "gone" else []
                yield {"topic": topics.up("gone" if kind == "gone" else "alert"), "payload": payload}
            for body in _gone_again(book, Ranges.of(told)):
                yield {"topic": topics.up("gone"), "payload": json.loads(body)}
    except UNREADABLE as error:
        raise damaged(error) from error


def _gone_again(book: Book, told: Ranges) -> Iterator[bytes]:
    """Declare again what was declared and delivered before, so that the file explains each of its gaps.

    With numbers of notices that are no more: whoever had those has these. Rows that a salvage did not find
    are among them, though only the gateway, when it opens the file, will tell the city.
    """
    lost = {**book.gone, "unreadable": book.gone.get("unreadable", Ranges()).union(_unsaved(book))}
    spans = [(*span, why, Ranges()) for why, held in sorted(lost.items()) for span in held.minus(told)]
    spare = (e for first, last in book.removed_notices for e in range(first, last + 1))
    for at, e in zip(range(0, len(spans), SPANS_A_NOTICE), spare, strict=False):
        yield message.gone_body(ep=book.ep, e=e, spans=spans[at : at + SPANS_A_NOTICE])


def _unsaved(book: Book) -> Ranges:
    return book.waiting.minus(book.on_disk)


def damaged(error: Exception) -> StoreSick:
    """Return the error for a file that cannot be read as it is."""
    return StoreSick(f"the file is damaged ({error})", fix="kaga-edge store salvage FILE")


def _batches(db: sqlite3.Connection, book: Book) -> Iterator[tuple[list[StoredRow], Run]]:
    following = 1
    while True:
        rows: list[StoredRow] = db.execute(
            "SELECT id - ?1, sensor, at_ms, up_ms, vals, q FROM sample"
            " WHERE id BETWEEN ?1 + ?2 AND ?1 + ?3 ORDER BY id LIMIT ?4",
            (book.base, following, book.next_n, AT_ONCE),
        ).fetchall()
        if not rows:
            return
        run, last = book.run_at(rows[0][0])
        del rows[joined(rows, last) :]
        del rows[fitting(rows) :]
        yield rows, Run(ep=book.ep, k=run.k, c=run.trust, boot=run.boot)
        following = rows[-1][0] + 1


def _consistent(path: Path, copy: Path) -> sqlite3.Connection:
    log, copied_log = path.with_name(path.name + "-wal"), copy.with_name(copy.name + "-wal")
    for attempt in range(1, TRIES + 1):
        try:
            before = _stamp(path), _stamp(log)
            shutil.copyfile(path, copy)
            copied_log.unlink(missing_ok=True)
            if log.exists():
                shutil.copyfile(log, copied_log)
            if (_stamp(path), _stamp(log)) != before and attempt < TRIES:
                continue
        except OSError as error:
            reason = error.strerror or error  # a pipe has no errno's text
            raise StoreSick(f"not readable: {reason}", where=str(path), fix="check the path") from error
        break
    db = sqlite3.connect(copy, isolation_level=None)
    try:
        (application,) = db.execute("PRAGMA application_id").fetchone()
    except sqlite3.DatabaseError as error:
        db.close()
        raise damaged(error) from error
    if application != APPLICATION_ID:
        db.close()
        raise StoreForeign(
            "this database is not a kaga-edge store", where=str(path), fix="name a store's file"
        )
    return db


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0, 0
    return found.st_mtime_ns, found.st_size
