"""One connection that survives its disk: opened, read, and after every fault closed, opened and read again.

Every write goes through ``_durably``: one transaction, and when the disk refuses, the file is closed,
opened again and read again before anything is repeated. A failed COMMIT may be there after all (a fifth
of injected faults); whether it is, the numbers tell. After a failed sync the same connection is never
used again: the kernel has already marked the pages clean.
"""

from __future__ import annotations

import logging
import secrets
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from kaga_edge.core.retention import ROOM_BEGINS
from kaga_edge.core.stored import Change, EpochBegan, Purged
from kaga_edge.store.book import Book, read_books
from kaga_edge.store.disk import Disk
from kaga_edge.store.errors import DAMAGED, NO_ROOM, StoreSick, fault_code
from kaga_edge.store.file import FileDamaged, Identity, open_file, set_aside
from kaga_edge.store.highwater import HighWater
from kaga_edge.vocabulary.clock import Clock

log = logging.getLogger(__name__)

CHUNK_ROWS = 500  # of one deleting transaction: a bounded write-ahead log and a bounded wait for others

T = TypeVar("T")
Write = Callable[[sqlite3.Connection], None]


class OpenedFile:
    """The file, its books and how to write to it. Raises StoreSick when the disk does not take it."""

    def __init__(
        self,
        path: Path,
        *,
        max_bytes: int,
        clock: Clock,
        upstream: str = "native",
        identity: Identity | None = None,
        on_change: Callable[[Change], None] = lambda _: None,
        disk: Disk | None = None,
    ) -> None:
        self.path = path
        self._disk = disk or Disk()
        self._max_bytes = max_bytes
        self._clock = clock
        self._upstream = upstream
        self._identity = identity if identity is not None else Identity.of_this_machine()
        self._on_change = on_change
        self._db: sqlite3.Connection | None = None
        self._books: list[Book] = []
        self._high = HighWater(path.with_name(path.name + ".high"), self._disk)
        self._making_room = False
        self.set_aside: Path | None = None
        self._open()

    @property
    def epoch(self) -> str:
        """The epoch new rows are numbered in."""
        return self._present.ep

    def close(self) -> None:
        """Close the file. Everything acknowledged is on disk already."""
        if self._db is not None:
            self._db.close()
            self._db = None

    # --- what the classes above add ---

    def _read_further(self, db: sqlite3.Connection) -> None:
        """Read what else is needed once the books are known."""
        raise NotImplementedError

    def _declare_again(self) -> None:
        """Repeat the declaration of the sensors in a new file."""
        raise NotImplementedError

    def _make_room(self, most: int) -> Purged | None:
        """Remove one chunk for room; None: nothing may go."""
        raise NotImplementedError

    # --- opening ---

    @property
    def _present(self) -> Book:
        return self._books[-1]

    def _book(self, ep: str) -> Book | None:
        return next((book for book in self._books if book.ep == ep), None)

    def _open(self) -> None:
        """Open or make the file, read the books, and begin an epoch where one is needed."""
        try:
            self._db = open_file(self.path, self._max_bytes, self._disk)
            self._read_whole()
        except FileDamaged as damage:
            self.close()
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
                self.path, datetime.fromtimestamp(self._clock.now().wall_ms / 1000, UTC), self._disk
            )
            self._db = open_file(self.path, self._max_bytes, self._disk)
            self._read_whole()
        except (OSError, sqlite3.Error, FileDamaged) as error:
            self.close()
            raise self._sick(error) from error
        log.error("store_set_aside file=%s reason=%s epoch=%s", self.set_aside, reason, self.epoch)
        self._declare_again()
        began = EpochBegan(ep=self.epoch, reason="damaged", set_aside=str(self.set_aside))
        self._on_change(began)

    def _read_whole(self) -> None:
        """Read the books. Rows that SQLite accepts but that cannot be ours are damage, not a bug."""
        try:
            self._read()
        except (ValueError, TypeError, LookupError) as nonsense:
            raise FileDamaged(f"the books make no sense: {nonsense!r}") from nonsense

    def _read(self) -> None:
        db = self._connection()
        self._books = read_books(db, self._upstream)
        if not self._books or self._elsewhere(db):
            self._begin_epoch(db)
        self._read_further(db)

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

    def _reserve(self, book: Book, rows: int, notices: int) -> None:
        self._high.reserve(
            book.ep,
            next_n=book.next_n,
            last_n=book.next_n + rows - 1,
            next_e=book.next_e,
            last_e=book.next_e + notices - 1,
        )

    # --- writing, reading, and what to do when the disk refuses ---

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
