"""The store itself: one plain synchronous class on one connection, used by one thread.

Every write goes through ``_durably``: one transaction, and when the disk refuses, the file is closed,
opened again and read again before anything is repeated. A failed COMMIT may be there after all (a fifth
of injected faults); whether it is, the numbers tell. After a failed sync the same connection is never
used again: the kernel has already marked the pages clean.

Longer than most modules: the writes and their order are one story.
"""

from __future__ import annotations

import json
import logging
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from kaga_edge.core import message
from kaga_edge.core.ranges import Ranges
from kaga_edge.core.retention import (
    ROOM_BEGINS,
    Alive,
    EpochRoom,
    Fence,
    Removal,
    aged,
    alive_at,
    fence_due,
    removal,
    rows_over,
)
from kaga_edge.core.rows import encode_values
from kaga_edge.core.stored import (
    Appended,
    Catalog,
    Change,
    Committed,
    Entry,
    EpochBegan,
    Gone,
    Ledger,
    LedgerLine,
    Loaded,
    Notice,
    Purged,
    Run,
    SensorDeclaration,
    Standing,
    StoredRow,
    StoreSize,
)
from kaga_edge.store.book import Book, RunStart, read_books, spans_read, spans_text
from kaga_edge.store.cutting import fitting, joined
from kaga_edge.store.errors import DAMAGED, NO_ROOM, StoreError, StoreSick, fault_code
from kaga_edge.store.file import PAGE_BYTES, FileDamaged, Identity, open_file, set_aside
from kaga_edge.store.highwater import HighWater
from kaga_edge.store.statements import (
    Batch,
    by_sensor,
    delete_rows,
    insert_batch,
    insert_notice,
    run,
    sensor_indices,
    store_spans,
)
from kaga_edge.vocabulary.clock import Clock
from kaga_edge.vocabulary.readings import Alert, Moment

log = logging.getLogger(__name__)

CHUNK_ROWS = 500  # of one deleting transaction: a bounded write-ahead log and a bounded wait for others
REASONS = frozenset({"thinned", "expired", "quarantined", "unreadable", "purged", "skipped"})
REPORTED_LINES_KEPT = 1000

T = TypeVar("T")
Write = Callable[[sqlite3.Connection], None]
Pairs = tuple[tuple[str, str], ...]  # key, value
# sensor, at, vals, q, raw, what to remember, alerts
Encoded = tuple[str, Moment, str, str | None, bytes | None, Pairs, tuple[Alert, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """The sensors as last declared: index, rounding steps, channel count by sensor id."""

    gw: str
    ep: str
    k: str
    index: dict[str, int]
    res: dict[str, tuple[float, ...]]


class Database:
    """Append, load, confirm, declare gone, purge. Raises StoreSick when the disk does not take it."""

    def __init__(
        self,
        path: Path,
        *,
        max_bytes: int,
        keep_delivered_s: float,
        clock: Clock,
        upstream: str = "native",
        identity: Identity | None = None,
        on_change: Callable[[Change], None] = lambda _: None,
    ) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._keep_ms = int(keep_delivered_s * 1000)
        self._clock = clock
        self._upstream = upstream
        self._identity = identity if identity is not None else Identity.of_this_machine()
        self._on_change = on_change
        self._db: sqlite3.Connection | None = None
        self._books: list[Book] = []
        self._fences: list[Fence] = []
        self._alive = Alive()
        self._fenced_ms: int | None = None
        self._high = HighWater(path.with_name(path.name + ".high"))
        self._declared: Declared | None = None
        self._declaration: tuple[Sequence[SensorDeclaration], dict[str, object], str] | None = None
        self._lines_shown = 0
        self._making_room = False
        self.set_aside: Path | None = None
        self._open()

    # --- words for the gateway ---

    @property
    def epoch(self) -> str:
        """The epoch new rows are numbered in."""
        return self._present.ep

    def declare(self, sensors: Sequence[SensorDeclaration], site: dict[str, object], gw: str) -> Catalog:
        """Make, store and return the catalog that later appends belong to."""
        book = self._present
        index: dict[str, int] = {}
        new: list[tuple[int, int, str, str]] = []
        known = self._guarded(lambda db: sensor_indices(db, book.i))
        following = max(known.values(), default=-1) + 1
        for sensor in sensors:
            channels = json.dumps([channel[0] for channel in sensor.channels])
            i = known.get((sensor.id, channels))
            if i is None:
                i, following = following, following + 1
                new.append((book.i, i, sensor.id, channels))
            index[sensor.id] = i
        body = message.catalog_body(gw=gw, site=site, sensors=[_entry(s, index[s.id]) for s in sensors])
        k = str(body["k"])

        def write(db: sqlite3.Connection) -> None:
            db.executemany("INSERT OR IGNORE INTO sensor_index VALUES (?, ?, ?, ?)", new)
            text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
            db.execute("INSERT OR IGNORE INTO catalog VALUES (?, ?)", (k, text))

        self._durably(lambda: write)
        res = {s.id: tuple(channel[2] for channel in s.channels) for s in sensors}
        self._declared = Declared(gw=gw, ep=book.ep, k=k, index=index, res=res)
        self._declaration = (sensors, site, gw)
        return Catalog(k=k, body=body, index=index)

    def encode(self, entries: Sequence[Entry]) -> tuple[Declared, list[Encoded]]:
        """Make the entries' rows, still without numbers, by the declaration that holds now.

        Touches no file: any thread may call it, so that the encoding of one group goes on while the one
        before is being synced.
        """
        if not entries:
            raise ValueError("nothing to append")
        known = self._known()
        res = known.res
        return known, [
            (
                entry.sample.sensor,
                entry.sample.at,
                *encode_values(entry.sample.readings, res[entry.sample.sensor]),
                entry.sample.raw,
                entry.remember,
                entry.alerts,
            )
            for entry in entries
        ]

    def append(self, encoded: tuple[Declared, Sequence[Encoded]]) -> Appended:
        """Commit samples and the alerts they caused, all or none, and return their numbers."""
        batch: Batch | None = None

        def plan() -> Write | None:
            nonlocal batch
            if batch is not None and self._present.ep == batch.book.ep and self._present.next_n > batch.first:
                return None  # the commit that failed is there after all
            batch = self._numbered(*encoded)
            return lambda db: insert_batch(db, batch) if batch is not None else None

        self._durably(plan)
        assert batch is not None
        last, last_e = batch.first + len(batch.rows) - 1, batch.first_e + len(batch.notices) - 1
        book = self._present
        if book.next_n <= last:
            book.next_n, book.next_e = last + 1, last_e + 1
            book.runs += batch.runs
        alerts = (batch.first_e, last_e) if batch.notices else (None, None)
        self._on_change(
            Committed(
                ep=book.ep,
                first=batch.first,
                last=last,
                at_ms_first=batch.rows[0][2],
                notices_first=alerts[0],
                notices_last=alerts[1],
            )
        )
        return Appended(
            ep=book.ep, first=batch.first, last=last, alerts_first=alerts[0], alerts_last=alerts[1]
        )

    # --- words for the uplink ---

    def load(self, ep: str, first: int, last: int, most: int) -> Loaded:
        """Return consecutive rows of one run from the first that exists at or after ``first``."""
        book = self._book(ep)
        if book is None or last < first:
            return Loaded(rows=[], run=Run(ep=ep, k="", c=0, boot=""))
        base = book.base
        rows: list[StoredRow] = self._guarded(
            lambda db: db.execute(
                "SELECT id - ?1, sensor, at_ms, up_ms, vals, q FROM sample"
                " WHERE id BETWEEN ?1 + ?2 AND ?1 + ?3 ORDER BY id LIMIT ?4",
                (base, max(first, 1), min(last, book.next_n - 1), most),
            ).fetchall()
        )
        if not rows:
            return Loaded(rows=[], run=Run(ep=ep, k="", c=0, boot=""))
        run, run_last = book.run_at(rows[0][0])
        del rows[joined(rows, run_last) :]
        del rows[fitting(rows) :]
        return Loaded(rows=rows, run=Run(ep=ep, k=run.k, c=run.trust, boot=run.boot))

    def load_notices(self, ep: str, first_e: int, last_e: int) -> list[Notice]:
        """Return the notices on disk in first_e..last_e, lowest first."""
        book = self._book(ep)
        if book is None:
            return []
        found = self._guarded(
            lambda db: db.execute(
                "SELECT id - ?1, kind, key, body FROM notice"
                " WHERE id BETWEEN ?1 + ?2 AND ?1 + ?3 ORDER BY id",
                (book.base, max(first_e, 1), min(last_e, book.next_e - 1)),
            ).fetchall()
        )
        return [
            Notice(ep=ep, e=e, kind=kind, key=key, leaf="gone" if kind == "gone" else "alert", body=body)
            for e, kind, key, body in found
        ]

    def standing(self) -> Standing:
        """Return where every epoch stands in which something waits, and the present one, last."""
        present = self._present
        return Standing(
            epochs=tuple(
                book.standing(self._oldest_at(book))
                for book in self._books
                if book is present or book.waiting or book.notices_waiting
            )
        )

    def confirm(self, rows: dict[str, Ranges], notices: dict[str, Ranges]) -> None:
        """Record what the upstream has. Numbers never given out or already gone change nothing."""

        def plan() -> Write | None:
            changes: list[tuple[Book, str, Ranges, Ranges]] = []
            for book in self._books:
                done = book.delivered.union(_given(rows.get(book.ep), book.next_n).minus(book.all_gone))
                changes.append((book, "row", book.delivered, done))
                told = book.delivered_notices.union(_given(notices.get(book.ep), book.next_e))
                changes.append((book, "notice", book.delivered_notices, told))
            changes = [change for change in changes if change[2] != change[3]]
            if not changes:
                return None

            def write(db: sqlite3.Connection) -> None:
                for book, kind, before, after in changes:
                    store_spans(db, "delivered", (self._upstream, book.i, kind), before, after)
                planned[:] = changes

            return write

        planned: list[tuple[Book, str, Ranges, Ranges]] = []
        self._durably(plan)
        for book, kind, _, after in planned:
            if kind == "row":
                book.delivered = after
            else:
                book.delivered_notices = after

    def declare_gone(self, ep: str, ranges: Ranges, reason: str, replaced_by: Ranges | None = None) -> int:
        """Declare that waiting numbers will never arrive; return the notice's ``e``, 0 when none waited."""
        return self._declare_gone(ep, ranges, reason, replaced_by or Ranges(), delete=False)

    def declare_clock(self, *, boot: str, offset_ms: int, uncertainty_ms: int, at: Moment) -> int:
        """Put the news that a boot's clock became known into the alert sequence; return its ``e``."""
        e = 0

        def plan() -> Write | None:
            nonlocal e
            book = self._present
            if e and book.next_e > e:
                return None
            e = book.next_e
            body = message.clock_body(
                gw=self._known().gw,
                ep=book.ep,
                e=e,
                at=at,
                boot=boot,
                offset_ms=offset_ms,
                uncertainty_ms=uncertainty_ms,
            )
            self._reserve(book, 0, 1)
            row = (book.base + e, "clock", f"clock/{boot}", None, at.wall_ms, body)
            return lambda db: insert_notice(db, row)

        self._durably(plan)
        self._present.next_e = max(self._present.next_e, e + 1)
        return e

    def catalog_body(self, k: str) -> dict[str, object] | None:
        """Return a stored catalog, None when it is not known."""
        ask = "SELECT body FROM catalog WHERE k = ?"
        found = self._guarded(lambda db: db.execute(ask, (k,)).fetchone())
        return json.loads(found[0]) if found else None

    def catalogs_waiting(self) -> tuple[str, ...]:
        """Return the digests of the catalogs that rows on disk use."""
        return tuple(sorted(set().union(*(book.catalogs() for book in self._books))))

    # --- room ---

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
            span = _given(fence.notices, book.next_e).minus(book.removed_notices).head(CHUNK_ROWS)
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
            free_bytes=shutil.disk_usage(self.path.parent).free,
        )

    # --- the loss ledger and small memory ---

    def ledger(self) -> Ledger:
        """Return every epoch's tally and the lines not yet reported."""
        names = {book.i: book.ep for book in self._books}
        found = self._guarded(
            lambda db: db.execute(
                "SELECT id, epoch, why, lane, sensor, from_ms, to_ms, count, numbers FROM ledger_line"
                " WHERE id > ? ORDER BY id",
                (self._reported(db),),
            ).fetchall()
        )
        lines = tuple(
            LedgerLine(
                id=line,
                ep=names[i],
                why=why,
                lane=lane,
                sensor=sensor,
                from_ms=from_ms,
                to_ms=to_ms,
                rows=count,
                n=spans_read(numbers),
            )
            for line, i, why, lane, sensor, from_ms, to_ms, count, numbers in found
        )
        self._lines_shown = max([self._lines_shown, *(line.id for line in lines)])
        return Ledger(epochs=tuple(book.tally() for book in self._books), lines=lines)

    def ledger_reported(self, upto: int) -> None:
        """Record that a delivered health message carried the ledger lines up to and including ``upto``."""

        def write(db: sqlite3.Connection) -> None:
            db.execute("INSERT OR REPLACE INTO memory VALUES ('ledger_reported', ?)", (str(upto),))
            db.execute("DELETE FROM ledger_line WHERE id <= ?", (upto - REPORTED_LINES_KEPT,))

        self._durably(lambda: write)

    def remember(self, key: str, value: str) -> None:
        """Keep a small fact across restarts."""
        self._durably(lambda: lambda db: run(db, "INSERT OR REPLACE INTO memory VALUES (?, ?)", (key, value)))

    def recall(self, key: str) -> str | None:
        """Return a remembered fact, None when there is none."""
        ask = "SELECT value FROM memory WHERE key = ?"
        found = self._guarded(lambda db: db.execute(ask, (key,)).fetchone())
        return str(found[0]) if found else None

    def close(self) -> None:
        """Close the file. Everything acknowledged is on disk already."""
        if self._db is not None:
            self._db.close()
            self._db = None

    # --- opening, and what to do when the disk refuses ---

    @property
    def _present(self) -> Book:
        return self._books[-1]

    def _book(self, ep: str) -> Book | None:
        return next((book for book in self._books if book.ep == ep), None)

    def _known(self) -> Declared:
        if self._declared is None:
            raise RuntimeError("declare the sensors before appending")
        return self._declared

    def _open(self) -> None:
        """Open or make the file, read the books, and begin an epoch where one is needed."""
        try:
            self._db = open_file(self.path, self._max_bytes)
            self._read()
        except FileDamaged as damage:
            self._start_afresh(str(damage))
        except sqlite3.Error as error:
            code = fault_code(error)
            self.close()
            if code not in DAMAGED:
                raise self._sick(error) from error
            self._start_afresh(str(error))

    def _start_afresh(self, reason: str) -> None:
        """Set a damaged file aside and go on in a new one, in a new epoch."""
        try:
            self.set_aside = set_aside(
                self.path, datetime.fromtimestamp(self._clock.now().wall_ms / 1000, UTC)
            )
            self._db = open_file(self.path, self._max_bytes)
            self._read()
        except (OSError, sqlite3.Error, FileDamaged) as error:
            self.close()
            raise self._sick(error) from error
        log.error("store_set_aside file=%s reason=%s epoch=%s", self.set_aside, reason, self.epoch)
        if self._declaration is not None:
            self.declare(*self._declaration)
        began = EpochBegan(ep=self.epoch, reason="damaged", set_aside=str(self.set_aside))
        self._on_change(began)

    def _read(self) -> None:
        db = self._connection()
        self._books = read_books(db, self._upstream)
        if not self._books or self._elsewhere(db):
            self._begin_epoch(db)
        names = {book.i: book.ep for book in self._books}
        self._fences = [
            Fence(alive_ms=alive_ms, ep=names[i], rows=spans_read(rows), notices=spans_read(notices))
            for alive_ms, i, rows, notices in db.execute("SELECT * FROM fence ORDER BY alive_ms, epoch")
        ]
        reached = db.execute("SELECT value FROM memory WHERE key = 'alive_ms'").fetchone()
        self._alive = Alive(ms=max(self._alive.ms, int(reached[0]) if reached else 0), last=self._alive.last)
        self._skip_uncertain()

    def _elsewhere(self, db: sqlite3.Connection) -> bool:
        """Say whether the file was made on another machine; fill in what was unknown then."""
        i = self._present.i
        machine, board = db.execute("SELECT machine, board FROM epoch WHERE i = ?", (i,)).fetchone()
        then, here = Identity(machine=machine, board=board), self._identity
        if here.differs_from(then):
            log.warning("store_moved machine and board differ from epoch=%s: a new epoch begins", self.epoch)
            return True
        if (here.machine and not machine) or (here.board and not board):
            known = (machine or here.machine, board or here.board, i)
            db.execute("UPDATE epoch SET machine = ?, board = ? WHERE i = ?", known)
        return False

    def _begin_epoch(self, db: sqlite3.Connection) -> None:
        i = self._books[-1].i + 1 if self._books else 1
        ep = secrets.token_hex(4)
        while ep in {book.ep for book in self._books}:
            ep = secrets.token_hex(4)
        made_ms = self._clock.now().wall_ms
        row = (i, ep, made_ms, self._identity.machine, self._identity.board)
        db.execute("INSERT INTO epoch VALUES (?, ?, ?, ?, ?)", row)
        self._books.append(Book(i=i, ep=ep))
        log.info("store_epoch_began epoch=%s", ep)

    def _skip_uncertain(self) -> None:
        """Never reuse a number: a database older than the second copy of the mark lost commits.

        The numbers in between may have been sent; they are given up and declared.
        """
        for book in self._books:
            mark = self._high.mark(book.ep)
            if book.next_e < mark.e:
                self._remove_notices(book, book.next_e, mark.e_upto)
                book.next_e = mark.e_upto + 1
            if book.next_n < mark.n:
                first, book.next_n = book.next_n, mark.n_upto + 1
                log.error("store_rolled_back epoch=%s skipped=%d..%d", book.ep, first, mark.n_upto)
                self._declare_gone(book.ep, Ranges(((first, mark.n_upto),)), "skipped", Ranges(), delete=True)

    def _reserve(self, book: Book, rows: int, notices: int) -> None:
        self._high.reserve(
            book.ep,
            next_n=book.next_n,
            last_n=book.next_n + rows - 1,
            next_e=book.next_e,
            last_e=book.next_e + notices - 1,
        )

    def _connection(self) -> sqlite3.Connection:
        if self._db is None:
            self._open()
        assert self._db is not None
        return self._db

    def _durably(self, plan: Callable[[], Write | None]) -> None:
        """Run one transaction. ``plan`` looks at the books as they are and says what to write, or
        None when nothing is (any more) to be written; it is asked again after a fault."""
        failure: sqlite3.Error | None = None
        for attempt in range(3):
            db = self._connection()
            write = plan()
            if write is None:
                return
            try:
                db.execute("BEGIN IMMEDIATE")
                write(db)
                db.execute("COMMIT")
            except sqlite3.Error as error:
                failure = error
                self._recover(error, last_hope=attempt == 1)
            except BaseException:  # a bug above: leave no transaction behind for the next one
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
            else:
                return
        assert failure is not None
        raise self._sick(failure) from failure

    def _recover(self, error: sqlite3.Error, *, last_hope: bool) -> None:
        """Get the file into a known state after a fault, or raise StoreSick."""
        db = self._connection()
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in NO_ROOM:
            if db.in_transaction:
                db.execute("ROLLBACK")
            # Our own cap: forget something. The card itself is full: closing first gives the
            # write-ahead log back, and only when that was not enough rows have to go.
            if (last_hope or self._at_cap(db)) and self._found_room():
                return
        self.close()
        fault_code(error)  # a bug rises here
        if code in DAMAGED and last_hope:
            self._start_afresh(str(error))
        else:
            self._open()

    def _at_cap(self, db: sqlite3.Connection) -> bool:
        pages, cap = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "max_page_count"))
        return bool(pages >= cap * ROOM_BEGINS)

    def _found_room(self) -> bool:
        """Free one chunk after "full". Not when freeing itself found no room: then the disk is full."""
        if self._making_room:
            return False
        self._making_room = True
        try:
            return self._make_room(CHUNK_ROWS) is not None
        finally:
            self._making_room = False

    def _guarded(self, read: Callable[[sqlite3.Connection], T]) -> T:
        """Read, once more on a fresh connection when the disk refused."""
        try:
            return read(self._connection())
        except sqlite3.Error as error:
            fault_code(error)
            self.close()
        try:
            return read(self._connection())
        except sqlite3.Error as error:
            self.close()
            raise self._sick(error) from error

    def _sick(self, error: Exception) -> StoreSick:
        fix = "look at the disk (dmesg, df); sampling goes on, storing is tried again with every sample"
        return StoreSick(f"the store's disk refuses ({error})", where=str(self.path), fix=fix)

    # --- the parts of an append ---

    def _numbered(self, known: Declared, entries: Sequence[Encoded]) -> Batch:
        book = self._present
        if known.ep != book.ep:  # a new epoch has begun since, with indices of its own
            known = self._known()
        e = book.next_e
        self._reserve(book, len(entries), sum([len(entry[-1]) for entry in entries]))
        rows: list[tuple[int, int, int, int, str, str | None, bytes | None]] = []
        notices: list[tuple[int, str, str, int, int, bytes]] = []
        runs: list[RunStart] = []
        run = book.runs[-1] if book.runs else RunStart(first=0, k="", boot="", trust=-1)
        base, index = book.base, known.index
        remembered: dict[str, str] = {}
        for n, (sensor, at, vals, q, raw, remember, alerts) in enumerate(entries, book.next_n):
            remembered.update(remember)
            if run.trust != at.trust or run.boot != at.boot or run.k != known.k:
                run = RunStart(first=n, k=known.k, boot=at.boot, trust=int(at.trust))
                runs.append(run)
            rows.append((base + n, index[sensor], at.wall_ms, at.up_ms, vals, q, raw))
            for alert in alerts:
                body = message.alert_body(
                    gw=known.gw,
                    ep=book.ep,
                    e=e,
                    n=n,
                    key=alert.key,
                    state=alert.state,
                    subject=alert.subject,
                    at=alert.at,
                    data=alert.data,
                )
                notices.append((base + e, "alert", alert.key, n, alert.at.wall_ms, body))
                e += 1
        return Batch(
            book=book,
            rows=rows,
            notices=notices,
            runs=runs,
            remembered=remembered,
            first=book.next_n,
            first_e=book.next_e,
        )

    # --- the parts of forgetting ---

    def _declare_gone(
        self, ep: str, ranges: Ranges, reason: str, replaced_by: Ranges, *, delete: bool
    ) -> int:
        if reason not in REASONS:
            raise StoreError(f"no such reason: {reason}", fix=f"one of {', '.join(sorted(REASONS))}")
        book, e, given_up = self._book(ep), 0, Ranges()

        def plan() -> Write | None:
            nonlocal book, e, given_up
            book = self._book(ep)
            if book is None:
                return None
            waiting = ranges.both(book.waiting)
            if not waiting:
                return None
            e, given_up = book.next_e, waiting
            self._reserve(book, 0, 1)
            return self._writing_gone(book, waiting, reason, replaced_by, delete=delete)

        self._durably(plan)
        if book is None or not given_up:
            return 0
        book.gone[reason] = book.gone.get(reason, Ranges()).union(given_up)
        book.removed = book.removed.union(given_up) if delete else book.removed
        book.next_e = max(book.next_e, e + 1)
        self._on_change(Gone(ep=ep, ranges=given_up, e=e))
        return e

    def _writing_gone(
        self, book: Book, waiting: Ranges, reason: str, replaced_by: Ranges, *, delete: bool
    ) -> Write:
        spans = [(first, last, reason, replaced_by) for first, last in waiting]
        body = message.gone_body(ep=book.ep, e=book.next_e, spans=spans)
        row = (book.base + book.next_e, "gone", reason, None, self._clock.now().wall_ms, body)
        before = book.gone.get(reason, Ranges())

        def write(db: sqlite3.Connection) -> None:
            self._write_lines(db, book, waiting, reason)
            if delete:  # first, so that on a full disk the rest finds room
                delete_rows(db, "sample", book.base, waiting)
                store_spans(db, "removed", (book.i, "row"), book.removed, book.removed.union(waiting))
            store_spans(db, "gone", (book.i, reason), before, before.union(waiting))
            insert_notice(db, row)

        return write

    def _write_lines(self, db: sqlite3.Connection, book: Book, numbers: Ranges, why: str) -> None:
        """Add to the ledger, one line a sensor; a line nobody has been shown yet grows instead."""
        for sensor, from_ms, to_ms, count, held in by_sensor(db, book, numbers):
            open_line = db.execute(
                "SELECT id, from_ms, to_ms, count, numbers FROM ledger_line"
                " WHERE id > ? AND epoch = ? AND why = ? AND sensor = ? ORDER BY id DESC LIMIT 1",
                (self._lines_shown, book.i, why, sensor),
            ).fetchone()
            if open_line is None:
                line = (book.i, why, "backlog", sensor, from_ms, to_ms, count, spans_text(held))
                db.execute(
                    "INSERT INTO ledger_line (id, epoch, why, lane, sensor, from_ms, to_ms, count, numbers)"
                    " VALUES ((SELECT coalesce(max(id), ?) + 1 FROM ledger_line), ?, ?, ?, ?, ?, ?, ?, ?)",
                    (self._reported(db), *line),
                )
                continue
            known, since_ms, until_ms, before, spans = open_line
            whole = spans_text(spans_read(spans).union(held))
            earliest = min((ms for ms in (since_ms, from_ms) if ms is not None), default=None)
            latest = max((ms for ms in (until_ms, to_ms) if ms is not None), default=None)
            db.execute(
                "UPDATE ledger_line SET from_ms = ?, to_ms = ?, count = ?, numbers = ? WHERE id = ?",
                (earliest, latest, before + count, whole, known),
            )

    def _reported(self, db: sqlite3.Connection) -> int:
        found = db.execute("SELECT value FROM memory WHERE key = 'ledger_reported'").fetchone()
        return int(found[0]) if found else 0

    def _make_room(self, most: int) -> Purged | None:
        """Remove one chunk for room by the order in core/retention.py; None: nothing may go."""
        rooms = [EpochRoom(ep=book.ep, on_disk=book.on_disk, settled=book.settled) for book in self._books]
        chosen = removal(rooms, most)
        if chosen is None:
            return None
        count = chosen.last - chosen.first + 1
        if chosen.expire:
            self._declare_gone(
                chosen.ep, Ranges(((chosen.first, chosen.last),)), "expired", Ranges(), delete=True
            )
            return Purged(expired=count)
        self._remove_rows(chosen)
        return Purged(delivered=count, early=count)

    def _remove_rows(self, chosen: Removal) -> None:
        span = Ranges(((chosen.first, chosen.last),))

        def plan() -> Write | None:
            book = self._book(chosen.ep)
            if book is None or not book.on_disk.both(span):
                return None

            def write(db: sqlite3.Connection) -> None:
                delete_rows(db, "sample", book.base, span)
                store_spans(db, "removed", (book.i, "row"), book.removed, book.removed.union(span))

            return write

        self._durably(plan)
        book = self._book(chosen.ep)
        if book is not None:
            book.removed = book.removed.union(span)

    def _remove_notices(self, book: Book, first: int, last: int) -> None:
        span = Ranges(((first, last),))
        after = book.removed_notices.union(span)

        def write(db: sqlite3.Connection) -> None:
            delete_rows(db, "notice", book.base, span)
            store_spans(db, "removed", (book.i, "notice"), book.removed_notices, after)

        self._durably(lambda: write)
        book.removed_notices = after

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
            present = self._declared.k if self._declared else ""
            db.execute("DELETE FROM catalog WHERE k <> ? AND k NOT IN (SELECT catalog FROM run)", (present,))
            gone_by = [(f.alive_ms, indices[f.ep]) for f in spent]
            db.executemany("DELETE FROM fence WHERE alive_ms = ? AND epoch = ?", gone_by)

        self._durably(lambda: write)
        for book in self._books:
            book.runs = [run for run in book.runs if (book.i, run.first) not in set(spare_runs)]
        self._fences = [fence for fence in self._fences if fence not in spent]

    def _oldest_at(self, book: Book) -> int | None:
        first = book.waiting.first
        if first is None:
            return None
        ask = "SELECT at_ms FROM sample WHERE id = ?"
        found = self._guarded(lambda db: db.execute(ask, (book.base + first,)).fetchone())
        return int(found[0]) if found else None


def _entry(sensor: SensorDeclaration, i: int) -> dict[str, object]:
    channels = [{"id": name, "u": unit, "res": res, **extra} for name, unit, res, extra in sensor.channels]
    return {"i": i, "id": sensor.id, "driver": sensor.driver, "kind": sensor.kind, "ch": channels}


def _given(ranges: Ranges | None, following: int) -> Ranges:
    """Return the part of a set that has been given out: 1..following-1."""
    return ranges.within(1, following - 1) if ranges else Ranges()


def _news(latest: Fence | None, book: Book) -> bool:
    """Say whether more is settled than the epoch's latest fence holds."""
    return latest is None or latest.rows != book.settled or latest.notices != book.delivered_notices
