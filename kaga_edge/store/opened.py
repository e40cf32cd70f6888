"""One connection that survives its disk: opened, read, and after every fault closed, opened and read again.

Every write goes through ``_durably``: one transaction, and when the disk refuses, the file is closed,
opened again and read again before anything is repeated. A failed COMMIT may be there after all (a fifth
of injected faults); whether it is, the numbers tell. After a failed sync the same connection is never
used again: the kernel has already marked the pages clean.

Longer than most: every way a disk can refuse ends here, and they lead into each other.
"""

from __future__ import annotations

import logging
import os
import secrets
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from kaga_edge.core.retention import ROOM_BEGINS
from kaga_edge.core.stored import Change, EpochBegan, Purged
from kaga_edge.store import wal
from kaga_edge.store.book import END_ALL, Book, continuing, read_books
from kaga_edge.store.disk import Disk
from kaga_edge.store.errors import DAMAGED, NO_ROOM, StoreSick, fault_code, nonsense, refused
from kaga_edge.store.file import (
    FileDamaged,
    Identity,
    ensure_schema,
    open_file,
    refuse_locked,
    set_aside,
)
from kaga_edge.store.highwater import HighWater
from kaga_edge.store.refusal import why_not_open
from kaga_edge.store.salvage import Salvaged, salvage
from kaga_edge.vocabulary.clock import Clock

log = logging.getLogger(__name__)

CARD = "card"  # the storage device that the present epoch's numbers were given out on
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
        # Where a link leads: SQLite's log lies there, and there the file must be replaced, not the link.
        self.path = path = Path(os.path.realpath(path))
        self._disk = disk or Disk()
        self._max_bytes = max_bytes
        self._clock = clock
        self._upstream = upstream
        self._identity = identity or Identity.of_this_machine(self._disk.card(path.parent))
        self._on_change = on_change
        self._db: sqlite3.Connection | None = None
        self._books: list[Book] = []
        self._continuing: set[str] = set()  # earlier epochs whose numbers go on in this file
        self._high = HighWater(path.with_name(path.name + ".high"), self._disk)
        self._mark_due: tuple[str, str] | None = None
        self._torn = self._reading = False
        self._left_log = False  # a log was found: whoever ran before did not close the file
        self._alarm_due = False  # a file was set aside and nobody was told yet
        self._making_room = False
        self._for_room = (0, 0)  # numbers and notices taken by making room inside the present write
        self.set_aside: Path | None = None
        self._open()

    @property
    def epoch(self) -> str:
        """The epoch new rows are numbered in."""
        return self._present.ep

    def report_to(self, on_change: Callable[[Change], None]) -> None:
        """Tell of every change there from now on."""
        self._on_change = on_change

    def end(self) -> None:
        """Close the file for good, with a note of how far it came: what a power cut leaves out."""
        if self._db is not None:
            book = self._present
            self._high.note(book.ep, next_n=book.next_n, next_e=book.next_e)
        self.close()

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

    def _goes_on(self, book: Book) -> bool:
        """Say whether an epoch may be given new numbers: the present one, and one that was the present one
        here until memory took over. Never one that another machine may go on with, nor one whose highest
        number or whose indices are not known for certain."""
        return book is self._present or book.ep in self._continuing

    def _open(self) -> None:
        """Open or make the file, read the books, and begin an epoch where one is needed."""
        log_path = self.path.with_name(self.path.name + "-wal")
        try:
            if not self._disk.exists(self.path) and self._disk.exists(self._salvaged_path):
                self._disk.rename(self._salvaged_path, self.path)  # a cut came between the two renames
            left = self._disk.read(log_path) if self._disk.exists(log_path) else b""
            journal = self.path.with_name(self.path.name + "-journal")
            if not left and not self._disk.exists(
                journal
            ):  # else a cut ruined the header: those have it whole
                refuse_locked(self.path, self._disk)
            self._db = open_file(self.path, self._max_bytes, self._disk, as_found=True)
            self._left_log = bool(left)
            self._judge(left)  # before anything is written: it compares the log with what was found
            ensure_schema(self._connection())
            self._read_whole()
            self._torn = False
        except FileDamaged as damage:
            self._start_afresh(str(damage))
        except OSError as error:
            self.close()
            if isinstance(error, PermissionError):
                raise why_not_open(self.path, error) from error
            raise self._sick(error) from error
        except sqlite3.Error as error:
            code = fault_code(error)
            self.close()
            if code not in DAMAGED:
                raise self._sick(error) from error
            self._start_afresh(str(error))

    def _judge(self, left: bytes) -> None:
        """Compare the write-ahead log that was found with what SQLite took of it. Raises FileDamaged."""
        if not left:
            return
        busy, accepted, _ = self._connection().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if busy:  # the disk refused in the middle; nothing can be said of the log
            raise refused("the write-ahead log could not be read")
        tail = wal.tail(left, max(accepted, 0))
        self._torn = tail is wal.Tail.TORN and not self._books  # while running we know what was promised
        if tail is wal.Tail.DAMAGED:
            if accepted > 0 or not self._holds(wal.committed_pages(left)):
                raise FileDamaged("acknowledged transactions follow a spoilt one in the write-ahead log")
            self.close()  # reading the file beside SQLite has given back its lock
            self._db = open_file(self.path, self._max_bytes, self._disk, as_found=True)

    def _holds(self, pages: dict[int, bytes]) -> bool:
        """Say whether the file has these pages already: the log had only begun to be used anew."""
        size = wal.PAGE_BYTES
        return all(
            self._disk.read_part(self.path, (page - 1) * size, size) == content
            for page, content in pages.items()
        )

    def _start_afresh(self, reason: str) -> None:
        """Save what a damaged file holds into a new one, set it aside and go on."""
        now_ms = self._clock.now().wall_ms
        saved = self._salvage(now_ms)
        try:
            self.set_aside = set_aside(self.path, datetime.fromtimestamp(now_ms / 1000, UTC), self._disk)
            # Only now: closing a database that has lost its name leaves its write-ahead log alone.
            self.close()
            if saved is None or not self._took_over():
                self._db = open_file(self.path, self._max_bytes, self._disk)
                self._read_whole()
        except (OSError, sqlite3.Error, FileDamaged) as error:
            self.close()
            raise self._sick(error) from error
        log.error(
            "store.set_aside file=%s reason=%s epoch=%s rows=%d",
            *(self.set_aside, reason, self.epoch, saved.rows if saved is not None else 0),
        )
        self._alarm_due = True
        self._declare_again()
        began = EpochBegan(ep=self.epoch, reason="damaged", set_aside=str(self.set_aside))
        self._on_change(began)

    def _took_over(self) -> bool:
        """Go on in the salvaged file; False: it makes no sense either and was set aside as well."""
        self._disk.rename(self._salvaged_path, self.path)
        self._disk.sync_directory(self.path.parent)
        try:
            self._db = open_file(self.path, self._max_bytes, self._disk)
            self._read_whole()
        except (FileDamaged, sqlite3.DatabaseError) as error:
            log.error("store.salvage_failed error=%r", error)  # noqa: TRY400 no stack in the journal
            self.close()
            set_aside(self.path, datetime.fromtimestamp(self._clock.now().wall_ms / 1000, UTC), self._disk)
            self._books = []
            return False
        return True

    @property
    def _salvaged_path(self) -> Path:
        return self.path.with_name(self.path.name + ".salvaged")

    def _salvage(self, now_ms: int) -> Salvaged | None:
        """Return what was saved, None when nothing could be: the file set aside still holds it."""
        try:
            saved = salvage(self.path, self._salvaged_path, self._high.marks, self._identity, now_ms)
            self._disk.sync(self._salvaged_path)
        # Any SQL error too: in a damaged file everything can go wrong, and going on comes first.
        except (OSError, sqlite3.Error, ValueError, LookupError, TypeError, OverflowError) as error:
            log.error("store.salvage_failed error=%r", error)  # noqa: TRY400 no stack in the journal
            return None
        return saved

    def _read_whole(self) -> None:
        """Read the books. Rows that SQLite accepts but that cannot be ours are damage, not a bug."""
        self._reading = True
        try:
            self._read()
        except (ValueError, TypeError, LookupError, OverflowError) as error:
            raise FileDamaged(f"the books make no sense: {error!r}") from error
        finally:
            self._reading = False

    def _read(self) -> None:
        db = self._connection()
        promised = {book.ep: book.next_n for book in self._books}
        self._books = read_books(db, self._upstream)
        self._continuing = continuing(db)
        self._torn |= any(book.next_n < promised.get(book.ep, 0) for book in self._books)
        self._torn |= bool(self._books) and not promised and self._cut_off()
        if not self._books or self._elsewhere(db):
            self._begin_epoch(db)
        self._read_further(db)

    def _cut_off(self) -> bool:
        """Say whether the power may have gone while the file was open.

        Then a card that lied about a sync has perhaps lost whole transactions from the end, and there is
        nothing to see of it: numbers that were sent would be given out again, and the platform would take
        the new samples for those it has. A process that was killed lost nothing: the same boot goes on.
        """
        book = self._present
        last = book.runs[-1].boot if book.runs else ""
        if last in ("", self._clock.now().boot):
            return False
        return self._left_log or not self._high.ended_with(book.ep, book.next_n, book.next_e)

    def _elsewhere(self, db: sqlite3.Connection) -> bool:
        """Say whether the file was made on another machine; fill in what was unknown then."""
        i = self._present.i
        machine, board = db.execute("SELECT machine, board FROM epoch WHERE i = ?", (i,)).fetchone()
        (card,) = db.execute("SELECT max(value) FROM memory WHERE key = ?", (CARD,)).fetchone()
        then, here = Identity(machine, board, card or ""), self._identity
        if here.differs_from(then):
            log.warning("store.moved epoch=%s", self.epoch)
            return True
        known = then.completed_by(here)
        if known != then:
            written = (known.machine, known.board, i)
            db.execute("UPDATE epoch SET machine = ?, board = ? WHERE i = ?", written)
            self._note_card(db)
        return False

    def _note_card(self, db: sqlite3.Connection) -> None:
        if self._identity.card:
            db.execute("INSERT OR REPLACE INTO memory VALUES (?, ?)", (CARD, self._identity.card))

    def _begin_epoch(self, db: sqlite3.Connection) -> None:
        i = self._books[-1].i + 1 if self._books else 1
        ep = secrets.token_hex(4)
        while ep in {book.ep for book in self._books}:
            ep = secrets.token_hex(4)
        made_ms = self._clock.now().wall_ms
        row = (i, ep, made_ms, self._identity.machine, self._identity.board)
        db.execute(END_ALL)  # first: the machine this was copied from goes on with them
        self._continuing = set()
        db.execute("INSERT INTO epoch VALUES (?, ?, ?, ?, ?)", row)
        self._note_card(db)
        self._books.append(Book(i=i, ep=ep))
        log.info("store.epoch_began epoch=%s", ep)

    def _reserve(self, book: Book, rows: int, notices: int) -> None:
        """Reserve numbers in the small file beside; the same mark goes into the next transaction."""
        taken = self._high.reserve(
            book.ep,
            next_n=book.next_n,
            last_n=book.next_n + rows - 1,
            next_e=book.next_e,
            last_e=book.next_e + notices - 1,
        )
        if taken is not None:
            self._mark_due = (f"high.{book.ep}", f"{taken.n_upto} {taken.e_upto}")

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
        if not self._making_room:
            self._for_room = (0, 0)
        for attempt in range(3):
            db = self._connection()
            try:
                write = plan()  # it may read: rows to sum up, say, on a page that is spoilt
                if write is None:
                    return
                db.execute("BEGIN IMMEDIATE")
                write(db)
                if self._mark_due is not None:
                    db.execute("INSERT OR REPLACE INTO memory VALUES (?, ?)", self._mark_due)
                db.execute("COMMIT")
            except sqlite3.Error as error:
                failure = error
                self._recover(error, last_hope=attempt == 1)
            except BaseException:  # a bug above: leave no transaction behind for the next one
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
            else:
                self._mark_due = None
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
        if code == sqlite3.SQLITE_CONSTRAINT:
            if db.in_transaction:
                db.execute("ROLLBACK")
            if not self._spoilt(db):
                raise error  # a bug of ours
            error, code = nonsense(str(error)), sqlite3.SQLITE_CORRUPT
        if self._reading:
            raise error  # whoever opens the file decides; opening it from here would never end
        self.close()
        if fault_code(error) in DAMAGED and last_hope:  # a bug rises here
            self._start_afresh(str(error))
        else:
            self._open()

    def _spoilt(self, db: sqlite3.Connection) -> bool:
        """Say whether the file is out of order: then a number may be there that the books do not know."""
        try:
            read_books(db, self._upstream)
            return bool(db.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",))
        except sqlite3.DatabaseError as error:
            return fault_code(error) in DAMAGED
        except (ValueError, TypeError, LookupError, OverflowError):
            return True  # as ``_read_whole``: the books themselves make no sense

    def _at_cap(self, db: sqlite3.Connection) -> bool:
        pages, cap = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "max_page_count"))
        return bool(pages >= cap * ROOM_BEGINS)

    def _found_room(self) -> bool:
        """Free one chunk after "full". Not when freeing itself found no room: then the disk is full."""
        if self._making_room:
            return False
        self._making_room = True
        (rows, notices), book = self._for_room, self._present
        book_n, book_e = book.next_n, book.next_e
        try:
            return self._make_room(CHUNK_ROWS) is not None
        finally:
            self._making_room = False
            now = self._book(book.ep) or book
            self._for_room = (rows + now.next_n - book_n, notices + now.next_e - book_e)

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
            if fault_code(error) not in DAMAGED:
                self.close()
                raise self._sick(error) from error
            self.close()
            self._start_afresh(str(error))
        try:
            return read(self._connection())
        except sqlite3.Error as error:
            self.close()
            raise self._sick(error) from error

    def _sick(self, error: Exception) -> StoreSick:
        fix = "look at the disk (dmesg, df); sampling goes on, storing is tried again with every sample"
        return StoreSick(f"the store's disk refuses ({error})", where=str(self.path), fix=fix)
