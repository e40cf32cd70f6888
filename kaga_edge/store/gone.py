"""Numbers that will never arrive: declared, written into the ledger, and their rows removed.

Longer than most: a number leaves the books in one way only, and every step of it is here.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kaga_edge.core import message
from kaga_edge.core.ranges import Ranges
from kaga_edge.core.retention import Removal
from kaga_edge.core.stored import Gone, Ledger, LedgerLine
from kaga_edge.store.book import Book, spans_read, spans_text
from kaga_edge.store.errors import StoreError
from kaga_edge.store.highwater import Mark
from kaga_edge.store.opened import OpenedFile, Write
from kaga_edge.store.statements import by_sensor, delete_rows, run, store_spans, write_notice

log = logging.getLogger(__name__)

REASONS = frozenset({"thinned", "expired", "quarantined", "unreadable", "purged", "skipped"})
REPORTED_LINES_KEPT = 1000
TELL_AGAIN = "gone.again"  # set by a salvage
SPANS_A_NOTICE = 500  # one declaration must fit one message
SPANS_A_LINE = 64  # a line of the ledger goes into every health message until it is reported
Span = tuple[int, int, str, Ranges]  # first, last, reason, what replaces them


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """A notice of numbers gone that still grows: nobody has been told of it."""

    ep: str
    e: int
    spans: tuple[Span, ...]


class LossLedger(OpenedFile):
    """Declares numbers gone and remembers, line by line, what was lost and why.

    Making room gives up thousands of rows, chunk by chunk. After a month without a line an alert would
    wait behind thousands of notices, so while nothing is delivered one notice grows in place, in the
    transaction of each chunk. ``_end_declaration`` tells of it: when something is confirmed (the line is
    there), before any other notice is numbered and before anybody asks what waits.
    """

    def __init__(self, path: Path, **settings: Any) -> None:
        self._lines_shown = 0
        self._declaration_open: Declaration | None = None
        super().__init__(path, **settings)

    def declare_gone(self, ep: str, ranges: Ranges, reason: str, replaced_by: Ranges | None = None) -> int:
        """Declare that waiting numbers will never arrive; return the notice's ``e``, 0 when none waited."""
        return self._declare_gone(ep, ranges, reason, replaced_by or Ranges(), delete=False)

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
            # A page swapped by a sick disk may hold another table's rows.
            if i in names and {type(why), type(lane), type(sensor)} == {str}
            if _is_line(line, from_ms, to_ms, count, numbers)
        )
        self._lines_shown = max([self._lines_shown, *(line.id for line in lines)])
        return Ledger(epochs=tuple(book.tally() for book in self._books), lines=lines)

    def ledger_reported(self, upto: int) -> None:
        """Record that a delivered health message carried the ledger lines up to and including ``upto``."""

        def write(db: sqlite3.Connection) -> None:
            db.execute("INSERT OR REPLACE INTO memory VALUES ('ledger_reported', ?)", (str(upto),))
            db.execute("DELETE FROM ledger_line WHERE id <= ?", (upto - REPORTED_LINES_KEPT,))

        self._durably(lambda: write)

    # --- the parts of it ---

    def _declare_gone(
        self, ep: str, ranges: Ranges, reason: str, replaced_by: Ranges, *, delete: bool, grow: bool = False
    ) -> int:
        if reason not in REASONS:
            raise StoreError(f"no such reason: {reason}", fix=f"one of {', '.join(sorted(REASONS))}")
        book, given_up, told = self._book(ep), Ranges(), Declaration(ep=ep, e=0, spans=())

        def plan() -> Write | None:
            nonlocal book, told, given_up
            book = self._book(ep)
            if book is None:
                return None
            waiting = ranges.both(book.waiting)
            if not waiting:
                return None
            given_up, told = waiting, self._declaring(book, waiting, reason, replaced_by, grow=grow)
            return self._writing_gone(book, waiting, reason, told, delete=delete)

        self._durably(plan)
        if book is None or not given_up:
            return 0
        book.gone[reason] = book.gone.get(reason, Ranges()).union(given_up)
        book.removed = book.removed.union(given_up) if delete else book.removed
        self._declared_so_far(book, told, given_up, grow=grow)
        return told.e

    def _declaring(
        self, book: Book, numbers: Ranges, reason: str, replaced_by: Ranges, *, grow: bool
    ) -> Declaration:
        """Return the notice that tells of these numbers: the open one, longer, or a new one."""
        new = tuple((first, last, reason, replaced_by) for first, last in numbers)
        known = self._declaration_open
        if grow and known is not None and known.ep == book.ep:
            spans = joined_spans((*known.spans, *new))
            if sum(1 + len(instead.spans) for *_, instead in spans) <= SPANS_A_NOTICE:
                return Declaration(ep=book.ep, e=known.e, spans=spans)
        self._reserve(book, 0, 1)
        return Declaration(ep=book.ep, e=book.next_e, spans=joined_spans(new))

    def _declared_so_far(self, book: Book, told: Declaration, numbers: Ranges, *, grow: bool) -> None:
        """After the commit: say which rows wait no more, and of the notice unless it may still grow."""
        book.next_e = max(book.next_e, told.e + 1)
        if grow:
            self._declaration_open = told
        self._on_change(Gone(ep=book.ep, ranges=numbers, e=0 if grow else told.e))

    def _end_declaration(self) -> None:
        """Tell of the notice that grew: from now on it is as it is."""
        told, self._declaration_open = self._declaration_open, None
        if told is not None:
            self._on_change(Gone(ep=told.ep, ranges=Ranges(), e=told.e))

    def _reserve(self, book: Book, rows: int, notices: int) -> None:
        if notices:  # told of in the order of their numbers
            self._end_declaration()
        super()._reserve(book, rows, notices)

    def _writing_gone(
        self, book: Book, waiting: Ranges, reason: str, told: Declaration, *, delete: bool
    ) -> Write:
        body = message.gone_body(ep=book.ep, e=told.e, spans=told.spans)
        row = (book.base + told.e, "gone", reason, None, self._clock.now().wall_ms, body)
        before = book.gone.get(reason, Ranges())

        def write(db: sqlite3.Connection) -> None:
            self._write_lines(db, book, waiting, reason)
            if delete:  # first, so that on a full disk the rest finds room
                delete_rows(db, "sample", book.base, waiting)
                store_spans(db, "removed", (book.i, "row"), book.removed, book.removed.union(waiting))
            store_spans(db, "gone", (book.i, reason), before, before.union(waiting))
            write_notice(db, row)

        return write

    def _write_lines(self, db: sqlite3.Connection, book: Book, numbers: Ranges, why: str) -> None:
        """Add to the ledger, one line a sensor; a line nobody has been shown yet grows instead."""
        for sensor, from_ms, to_ms, count, own in by_sensor(db, book, numbers):
            held = enclosed(own)
            open_line = db.execute(
                "SELECT id, from_ms, to_ms, count, numbers FROM ledger_line"
                " WHERE id > ? AND epoch = ? AND why = ? AND sensor = ? ORDER BY id DESC LIMIT 1",
                (self._lines_shown, book.i, why, sensor),
            ).fetchone()
            if open_line is None or not _is_line(*open_line):
                line = (book.i, why, "backlog", sensor, from_ms, to_ms, count, spans_text(held))
                db.execute(
                    "INSERT INTO ledger_line (id, epoch, why, lane, sensor, from_ms, to_ms, count, numbers)"
                    " VALUES ((SELECT coalesce(max(id), ?) + 1 FROM ledger_line), ?, ?, ?, ?, ?, ?, ?, ?)",
                    (self._reported(db), *line),
                )
                continue
            known, since_ms, until_ms, before, spans = open_line
            whole = spans_text(enclosed(spans_read(spans).union(held)))
            earliest = min((ms for ms in (since_ms, from_ms) if ms is not None), default=None)
            latest = max((ms for ms in (until_ms, to_ms) if ms is not None), default=None)
            db.execute(
                "UPDATE ledger_line SET from_ms = ?, to_ms = ?, count = ?, numbers = ? WHERE id = ?",
                (earliest, latest, before + count, whole, known),
            )

    def _reported(self, db: sqlite3.Connection) -> int:
        found = db.execute("SELECT value FROM memory WHERE key = 'ledger_reported'").fetchone()
        return int(found[0]) if found and str(found[0]).isdecimal() else 0

    def _skip_uncertain(self) -> None:
        """Never reuse a number: a database older than the second copy of the mark lost commits.

        The numbers in between may have been sent; they are given up and declared.
        """
        for book in self._books:
            self._follow_settled(book)
            self._declare_unsaved(book)
            mark = self._mark(book.ep)
            growing = book is self._present or (self._goes_on(book) and bool(book.waiting))
            torn = self._torn and growing and book.next_n <= mark.n_upto
            if book.next_e < mark.e or (torn and book.next_e <= mark.e_upto):
                self._remove_notices(book, book.next_e, mark.e_upto)
                book.next_e = mark.e_upto + 1
            if book.next_n < mark.n or torn:
                tell = log.error if book.next_n < mark.n else log.warning
                first, book.next_n = book.next_n, mark.n_upto + 1
                tell("store.rolled_back epoch=%s skipped=%d..%d", book.ep, first, mark.n_upto)
                self._declare_gone(book.ep, Ranges(((first, mark.n_upto),)), "skipped", Ranges(), delete=True)
        self._tell_again()

    def _tell_again(self) -> None:
        """After a salvage: declare again what no notice in the file tells: the one that did may be lost."""
        db = self._connection()
        if db.execute("SELECT 1 FROM memory WHERE key = ?", (TELL_AGAIN,)).fetchone() is None:
            return
        ask = "SELECT body FROM notice WHERE kind = 'gone' AND id BETWEEN ? AND ?"
        for book in self._books:
            bodies = db.execute(ask, (book.base, book.base + book.next_e)).fetchall()
            told = Ranges.of(span for (body,) in bodies for span in _spans_told(body))
            for reason, numbers in sorted(book.gone.items()):
                spans = tuple(numbers.minus(told))
                for at in range(0, len(spans), SPANS_A_NOTICE):
                    self._tell_of(book, reason, Ranges(spans[at : at + SPANS_A_NOTICE]))
        self._durably(lambda: lambda db: run(db, "DELETE FROM memory WHERE key = ?", (TELL_AGAIN,)))

    def _tell_of(self, book: Book, reason: str, numbers: Ranges) -> None:
        e = book.next_e
        self._reserve(book, 0, 1)
        body = message.gone_body(ep=book.ep, e=e, spans=[(*span, reason, Ranges()) for span in numbers])
        row = (book.base + e, "gone", reason, None, self._clock.now().wall_ms, body)
        self._durably(lambda: lambda db: write_notice(db, row))
        book.next_e = max(book.next_e, e + 1)
        self._on_change(Gone(ep=book.ep, ranges=Ranges(), e=e))

    def _mark(self, ep: str) -> Mark:
        """Return an epoch's mark, from the copy beside the database and the one in it."""
        ask = "SELECT value FROM memory WHERE key = ?"
        held = self._connection().execute(ask, (f"high.{ep}",)).fetchone()
        with contextlib.suppress(ValueError):
            n_upto, e_upto = (int(word) for word in str(held[0]).split()) if held else (0, 0)
            self._high.learn(ep, n_upto, e_upto)
        return self._high.mark(ep)

    def _follow_settled(self, book: Book) -> None:
        """Go on above every number the books name: a disk that lied may have lost rows it had delivered."""
        settled, told = book.settled.last or 0, book.delivered_notices.last or 0
        if told >= book.next_e:
            self._remove_notices(book, book.next_e, told)
            book.next_e = told + 1
        if settled >= book.next_n:
            removed = book.removed.union(Ranges(((book.next_n, settled),)))
            key = (book.i, "row")
            self._durably(lambda: lambda db: store_spans(db, "removed", key, book.removed, removed))
            book.removed, book.next_n = removed, settled + 1

    def _declare_unsaved(self, book: Book) -> None:
        """Declare what waits but is not on disk: numbers a salvaged file could not give back."""
        unsaved = book.waiting.minus(book.on_disk)
        highest = book.on_disk.last or 0
        above = unsaved.within(highest + 1, book.next_n)
        for reason, numbers in (("unreadable", unsaved.minus(above)), ("skipped", above)):
            spans = tuple(numbers)
            for at in range(0, len(spans), SPANS_A_NOTICE):
                some = Ranges(spans[at : at + SPANS_A_NOTICE])
                self._declare_gone(book.ep, some, reason, Ranges(), delete=True)

    def _mended(self, book: Book, first: int, last: int) -> bool:
        """Salvage the file when rows that should be in it are not found; True: it was, look again.

        A page that points the wrong way hides rows without any error. What cannot be found after all is
        declared by the salvage: nobody waits for it for ever.
        """
        missing = book.on_disk.within(first, last)
        if missing:
            self._start_afresh(f"rows {spans_text(missing)[:80]} are not found")
        return bool(missing)

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


def _spans_told(body: bytes) -> list[tuple[int, int]]:
    try:
        return [(int(span[0]), int(span[1])) for span in json.loads(body)["g"] if span[0] <= span[1]]
    except (ValueError, TypeError, LookupError):
        return []


def _is_line(line: object, from_ms: object, to_ms: object, count: object, numbers: str) -> bool:
    """Say whether these can be a line of the ledger: of one that is spoilt the tallies know as much."""
    try:
        spans_read(numbers)
    except (ValueError, TypeError):
        return False
    return type(line) is type(count) is int and all(isinstance(ms, int | None) for ms in (from_ms, to_ms))


def joined_spans(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return the spans with neighbours of one reason made one."""
    whole: list[Span] = []
    for first, last, reason, instead in sorted(spans, key=lambda span: span[:3]):
        if whole and whole[-1][1] + 1 == first and whole[-1][2] == reason:
            before = whole.pop()
            whole.append((before[0], last, reason, before[3].union(instead)))
        else:
            whole.append((first, last, reason, instead))
    return tuple(whole)


def enclosed(numbers: Ranges) -> Ranges:
    """Return the numbers in few spans: where there are too many, one encloses all the later ones."""
    spans = numbers.spans
    if len(spans) <= SPANS_A_LINE:
        return numbers
    return Ranges((*spans[: SPANS_A_LINE - 1], (spans[SPANS_A_LINE - 1][0], spans[-1][1])))
