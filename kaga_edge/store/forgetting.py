"""Forgetting what may go: delivered rows whose time is up, and rows for room at the byte budget.

What and in which order is decided in ``core/retention.py``; here it is done, one chunk at a time.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from kaga_edge.core.retention import Alive, Fence, Removal, aged, alive_at, fence_due, rows_over
from kaga_edge.core.stored import Purged, StoreSize
from kaga_edge.store.book import Book, given, spans_read, spans_text
from kaga_edge.store.file import PAGE_BYTES
from kaga_edge.store.gone import LossLedger
from kaga_edge.store.opened import CHUNK_ROWS
from kaga_edge.vocabulary.readings import Moment


class Retention(LossLedger):
    """Purges, and keeps the fences that tell how long a row has been delivered."""

    def __init__(self, path: Path, *, keep_delivered_s: float, **settings: Any) -> None:
        self._keep_ms = int(keep_delivered_s * 1000)
        self._fences: list[Fence] = []
        self._alive = Alive()
        self._fenced_ms: int | None = None
        super().__init__(path, **settings)

    def purge(self, now: Moment) -> tuple[Purged, bool]:
        """Forget one chunk of what may go; return what went and whether there is more to do."""
        self._alive = alive_at(self._alive, now)
        self._put_up_fence()
        old = self._newest_aged()
        for fence in old:
            book = self._book(fence.ep)
            if book is None:
                continue
            span = book.on_disk.both(fence.rows).head(CHUNK_ROWS)
            if span is not None:
                self._remove_rows(Removal(ep=book.ep, first=span[0], last=span[1], expire=False))
                return Purged(delivered=span[1] - span[0] + 1), True
            span = given(fence.notices, book.next_e).minus(book.removed_notices).head(CHUNK_ROWS)
            if span is not None:
                self._remove_notices(book, *span)
                return Purged(notices=span[1] - span[0] + 1), True
        size = self.size()
        over = rows_over(size.used_bytes, self._room_bytes(), size.rows)
        freed = self._make_room(min(over, CHUNK_ROWS))
        if freed is not None:
            return freed, True
        self._tidy()
        return Purged(), False

    def size(self) -> StoreSize:
        """Return the room taken and left."""
        pages, unused = self._guarded(
            lambda db: [
                db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count")
            ]
        )
        return StoreSize(
            used_bytes=(pages - unused) * PAGE_BYTES,
            max_bytes=self._max_bytes,
            rows=sum(book.on_disk.count for book in self._books),
            free_bytes=self._disk.free_bytes(self.path.parent),
        )

    # --- the parts of it ---

    def _present_catalog(self) -> str:
        """Return the catalog that is kept even when no row uses it yet."""
        raise NotImplementedError

    def _read_further(self, db: sqlite3.Connection) -> None:
        names = {book.i: book.ep for book in self._books}
        self._fences = [
            Fence(alive_ms=alive_ms, ep=names[i], rows=spans_read(rows), notices=spans_read(notices))
            for alive_ms, i, rows, notices in db.execute("SELECT * FROM fence ORDER BY alive_ms, epoch")
        ]
        reached = db.execute("SELECT value FROM memory WHERE key = 'alive_ms'").fetchone()
        self._alive = Alive(ms=max(self._alive.ms, int(reached[0]) if reached else 0), last=self._alive.last)
        self._skip_uncertain()

    def _room_bytes(self) -> int:
        pages = self._guarded(lambda db: db.execute("PRAGMA max_page_count").fetchone()[0])
        return int(pages) * PAGE_BYTES

    def _put_up_fence(self) -> None:
        """Note, once a 24th of the grace period, what is settled by now and how long we have run."""
        if not fence_due(self._fenced_ms, self._alive.ms, self._keep_ms):
            return
        latest = {fence.ep: fence for fence in self._fences}
        new = [
            Fence(alive_ms=self._alive.ms, ep=book.ep, rows=book.settled, notices=book.delivered_notices)
            for book in self._books
            if (book.settled or book.delivered_notices) and _news(latest.get(book.ep), book)
        ]
        indices = {book.ep: book.i for book in self._books}
        rows = [(f.alive_ms, indices[f.ep], spans_text(f.rows), spans_text(f.notices)) for f in new]
        alive = str(self._alive.ms)

        def write(db: sqlite3.Connection) -> None:
            db.executemany("INSERT OR REPLACE INTO fence VALUES (?, ?, ?, ?)", rows)
            db.execute("INSERT OR REPLACE INTO memory VALUES ('alive_ms', ?)", (alive,))

        self._durably(lambda: write)
        fresh = {(fence.alive_ms, fence.ep) for fence in new}
        self._fences = [f for f in self._fences if (f.alive_ms, f.ep) not in fresh] + new
        self._fenced_ms = self._alive.ms

    def _newest_aged(self) -> list[Fence]:
        """Return each epoch's newest fence that is old enough: it holds all that older ones hold."""
        newest = {fence.ep: fence for fence in aged(self._fences, self._alive.ms, self._keep_ms)}
        return list(newest.values())

    def _tidy(self) -> None:
        """Drop the runs, catalogs and fences that nothing needs any more."""
        spare_runs = [
            (book.i, run.first) for book in self._books for run in book.runs[:-1] if not book.needs(run)
        ]
        newest = {fence.ep: fence.alive_ms for fence in self._newest_aged()}
        indices = {book.ep: book.i for book in self._books}
        spent = [f for f in self._fences if f.alive_ms < newest.get(f.ep, 0)]
        if not spare_runs and not spent:
            return

        def write(db: sqlite3.Connection) -> None:
            db.executemany("DELETE FROM run WHERE epoch = ? AND first = ?", spare_runs)
            present = self._present_catalog()
            db.execute("DELETE FROM catalog WHERE k <> ? AND k NOT IN (SELECT catalog FROM run)", (present,))
            gone_by = [(f.alive_ms, indices[f.ep]) for f in spent]
            db.executemany("DELETE FROM fence WHERE alive_ms = ? AND epoch = ?", gone_by)

        self._durably(lambda: write)
        for book in self._books:
            book.runs = [run for run in book.runs if (book.i, run.first) not in set(spare_runs)]
        self._fences = [fence for fence in self._fences if fence not in spent]


def _news(latest: Fence | None, book: Book) -> bool:
    """Say whether more is settled than the epoch's latest fence holds."""
    return latest is None or latest.rows != book.settled or latest.notices != book.delivered_notices
