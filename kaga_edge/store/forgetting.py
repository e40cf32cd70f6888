"""Forgetting what may go: delivered rows whose time is up, and rows for room at the byte budget.

What and in which order is decided in ``core/retention.py``; here it is done, one chunk at a time.
"""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path
from typing import Any

from kaga_edge.core.ranges import Ranges
from kaga_edge.core.retention import (
    Alive,
    EpochRoom,
    Fence,
    Removal,
    aged,
    alive_at,
    budget_bytes,
    early,
    expiry,
    fence_due,
    short_of_room,
)
from kaga_edge.core.stored import Purged, StoreSize
from kaga_edge.store.book import Book, given, spans_read, spans_text
from kaga_edge.store.file import PAGE_BYTES
from kaga_edge.store.opened import CHUNK_ROWS
from kaga_edge.store.thinning import Thinner
from kaga_edge.vocabulary.readings import Moment

log = logging.getLogger(__name__)

LOOK_ROWS = 500  # so many rows may be added between two looks at the room that is left


class Retention(Thinner):
    """Purges, makes room, and keeps the fences that tell how long a row has been delivered."""

    def __init__(
        self, path: Path, *, keep_delivered_s: float, keep_free_bytes: int = 0, **settings: Any
    ) -> None:
        self._keep_ms = int(keep_delivered_s * 1000)
        self._keep_free_bytes = keep_free_bytes
        self._short = False  # of room: room is being made
        self._unlooked_rows = 0
        self._round = Purged()  # what was given up for room and not yet logged
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
        freed = self._make_room(CHUNK_ROWS) if self._is_short() else None
        if freed is not None:
            return freed, True
        self._tidy()
        self._end_round()
        return Purged(), False

    def size(self) -> StoreSize:
        """Return the room taken and left, of what the database may take at this moment."""
        pages, unused, most = self._guarded(
            lambda db: [
                db.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_count", "freelist_count", "max_page_count")
            ]
        )
        free_bytes = self._disk.free_bytes(self.path.parent)
        return StoreSize(
            used_bytes=(pages - unused) * PAGE_BYTES,
            max_bytes=budget_bytes(most * PAGE_BYTES, pages * PAGE_BYTES, free_bytes, self._keep_free_bytes),
            rows=sum(book.on_disk.count for book in self._books),
            free_bytes=free_bytes,
        )

    def relieve(self) -> Purged | None:
        """Make one chunk of room whatever the sizes say; None: nothing may go."""
        return self._make_room(CHUNK_ROWS)

    # --- the parts of it ---

    def _is_short(self) -> bool:
        size = self.size()
        self._short = short_of_room(self._short, size.used_bytes, size.max_bytes)
        return self._short

    def _added(self, rows: int) -> None:
        """After a commit of so many rows: a store that fills faster than it is purged keeps its budget."""
        self._unlooked_rows += rows
        if self._unlooked_rows >= LOOK_ROWS:
            self._unlooked_rows = 0
            if self._is_short():
                self._make_room(CHUNK_ROWS)

    def _make_room(self, most: int) -> Purged | None:
        """Remove one chunk for room by the order in core/retention.py; None: nothing may go."""
        rooms = [EpochRoom(ep=book.ep, on_disk=book.on_disk, settled=book.settled) for book in self._books]
        delivered = early(rooms, most)
        if delivered is not None:
            self._remove_rows(delivered)
            count = delivered.last - delivered.first + 1
            freed: Purged | None = Purged(delivered=count, early=count)
        else:
            freed = self._thin()
            while self._making_room and freed is not None and not freed.thinned:
                freed = self._thin()  # room is needed now: what was not worth it made none
            if freed is None:
                freed = self._expire(rooms, most)
        self._round += freed or Purged()
        return freed

    def _expire(self, rooms: list[EpochRoom], most: int) -> Purged | None:
        chosen = expiry(rooms, most)
        if chosen is None:
            return None
        numbers = Ranges(((chosen.first, chosen.last),))
        self._declare_gone(chosen.ep, numbers, "expired", Ranges(), delete=True, grow=True)
        return Purged(expired=numbers.count)

    def _end_round(self) -> None:
        """Tell of what was given up since the last round, each step in one line."""
        done, self._round = self._round, Purged()
        if done.early:
            log.warning("store.early rows=%d", done.early)
        if done.thinned:
            log.warning("store.thinned rows=%d into=%d", done.thinned, done.into)
        if done.expired:
            log.error("store.expired rows=%d", done.expired)

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
        self._read_tried(db)
        self._end_declaration()  # whatever is on the disk now is what it says
        self._skip_uncertain()

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
        spare_runs = []
        for book in self._books:
            needed = {run.first for run in (*book.needed(), *book.runs[-1:])}
            spare_runs += [(book.i, run.first) for run in book.runs if run.first not in needed]
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
            spare = {first for i, first in spare_runs if i == book.i}
            book.runs = [run for run in book.runs if run.first not in spare]
        self._fences = [fence for fence in self._fences if fence not in spent]


def _news(latest: Fence | None, book: Book) -> bool:
    """Say whether more is settled than the epoch's latest fence holds."""
    return latest is None or latest.rows != book.settled or latest.notices != book.delivered_notices
