"""What is known of each epoch without looking at its rows: counters as closed ranges.

Read once at start (a few rows per epoch, however long the backlog), kept in step with every commit.
The ledger is arithmetic on these sets, never a count(*).
"""

from __future__ import annotations

import json
import sqlite3
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from operator import attrgetter

from kaga_edge.core.ranges import Range, Ranges
from kaga_edge.core.stored import EpochStanding, Tally

EPOCH_SHIFT = 40  # ids are (epoch index << 40) + number: a trillion numbers an epoch
NUMBER_MOST = (1 << EPOCH_SHIFT) - 1
ID_MOST = (1 << 63) - 1  # SQLite's

# Of an epoch that is not the present one any more but goes on: see ``OpenedFile._goes_on``.
CONTINUES = "continues."
END_ALL = f"DELETE FROM memory WHERE key GLOB '{CONTINUES}*'"  # noqa: S608 our own name

Gone = dict[str, Ranges]  # by reason


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStart:
    """From number ``first`` on, until the next run starts, rows share all this."""

    first: int
    k: str
    boot: str
    trust: int


@dataclass(slots=True, kw_only=True)
class Book:
    """One epoch. Mutable: the database changes it after each commit, and nobody else sees it."""

    i: int
    ep: str
    next_n: int = 1
    next_e: int = 1
    delivered: Ranges = field(default_factory=Ranges)
    delivered_notices: Ranges = field(default_factory=Ranges)
    removed: Ranges = field(default_factory=Ranges)
    removed_notices: Ranges = field(default_factory=Ranges)
    gone: Gone = field(default_factory=dict)
    runs: list[RunStart] = field(default_factory=list)

    @property
    def base(self) -> int:
        """What to add to a number to get its id."""
        return self.i << EPOCH_SHIFT

    @property
    def all_gone(self) -> Ranges:
        """Every number declared gone, whatever the reason."""
        return Ranges.of(span for ranges in self.gone.values() for span in ranges)

    @property
    def settled(self) -> Ranges:
        """Delivered or gone."""
        return self.delivered.union(self.all_gone)

    @property
    def waiting(self) -> Ranges:
        """Numbered, not delivered and not gone."""
        return _upto(self.next_n).minus(self.settled)

    @property
    def notices_waiting(self) -> Ranges:
        """The same of alerts and gone declarations."""
        return _upto(self.next_e).minus(self.delivered_notices).minus(self.removed_notices)

    @property
    def on_disk(self) -> Ranges:
        """The numbers whose rows are in the file."""
        return _upto(self.next_n).minus(self.removed)

    def run_at(self, n: int) -> tuple[RunStart, int]:
        """Return the run a row belongs to and the last number that run can hold."""
        at = bisect_right(self.runs, n, key=attrgetter("first"))
        if at:
            return self.runs[at - 1], self.runs[at].first - 1 if at < len(self.runs) else NUMBER_MOST
        raise LookupError(f"row {n} of epoch {self.ep} belongs to no run")

    def catalogs(self) -> set[str]:
        """The catalogs that rows on disk still need."""
        return {run.k for run in self.needed()}

    def needed(self) -> list[RunStart]:
        """The runs that a row on disk belongs to."""
        on_disk = self.on_disk
        return [run for run, last in self.run_spans() if on_disk.within(run.first, last)]

    def run_spans(self) -> list[tuple[RunStart, int]]:
        """Each run with the last number it holds."""
        following = [later.first for later in self.runs[1:]] + [self.next_n]
        return [(run, end - 1) for run, end in zip(self.runs, following, strict=False)]

    def tally(self) -> Tally:
        """The epoch's line in the loss ledger."""
        return Tally(
            ep=self.ep,
            numbered=self.next_n - 1,
            delivered=self.delivered.count,
            waiting=self.waiting.count,
            gone=self.all_gone.count,
            reasons=tuple((why, ranges.count) for why, ranges in sorted(self.gone.items()) if ranges),
            thinned=self.gone.get("thinned", Ranges()).count,
        )

    def standing(self, oldest_at_ms: int | None) -> EpochStanding:
        """Where the epoch stands, given the time of its oldest waiting row."""
        waiting = self.waiting
        return EpochStanding(
            ep=self.ep,
            next_n=self.next_n,
            next_e=self.next_e,
            waiting=waiting,
            notices_waiting=self.notices_waiting,
            oldest_at_ms=oldest_at_ms,
            delivered_upto=(waiting.first or self.next_n) - 1,
        )


def read_books(db: sqlite3.Connection, upstream: str) -> list[Book]:
    """Read every epoch's book, oldest first. The cost does not depend on how many rows wait."""
    books = [Book(i=i, ep=ep) for i, ep in db.execute("SELECT i, ep FROM epoch ORDER BY i")]
    for book in books:
        of = (book.i,)
        ours = (upstream, book.i)
        delivered = "SELECT first, last FROM delivered WHERE upstream = ? AND epoch = ? AND kind = "
        removed = "SELECT first, last FROM removed WHERE epoch = ? AND kind = "
        book.delivered = Ranges.of(db.execute(delivered + "'row'", ours))
        book.delivered_notices = Ranges.of(db.execute(delivered + "'notice'", ours))
        book.removed = Ranges.of(db.execute(removed + "'row'", of))
        book.removed_notices = Ranges.of(db.execute(removed + "'notice'", of))
        for reason, first, last in db.execute("SELECT reason, first, last FROM gone WHERE epoch = ?", of):
            book.gone[reason] = book.gone.get(reason, Ranges()).add(first, last)
        starts = db.execute("SELECT first, catalog, boot, trust FROM run WHERE epoch = ? ORDER BY first", of)
        book.runs = [RunStart(first=first, k=k, boot=boot, trust=trust) for first, k, boot, trust in starts]
        book.next_n = 1 + max(_last(db, "sample", book.base), book.removed.last or 0)
        book.next_e = 1 + max(_last(db, "notice", book.base), book.removed_notices.last or 0)
        book.runs = [run for run in book.runs if run.first < book.next_n]
        tops = [book.delivered.last, book.delivered_notices.last, book.all_gone.last]
        if max(book.next_n, book.next_e, *(top or 0 for top in tops)) > NUMBER_MOST:
            raise ValueError(f"epoch {book.ep} counts beyond its end")
        lowest = book.on_disk.first
        if lowest is not None and (not book.runs or book.runs[0].first > lowest):
            raise ValueError(f"row {lowest} of epoch {book.ep} belongs to no run")
        _agree(db, book)
    _all_named(db, books)
    return books


def continuing(db: sqlite3.Connection) -> set[str]:
    """Return the earlier epochs that go on in this file."""
    found = db.execute("SELECT key FROM memory WHERE key GLOB ?", (f"{CONTINUES}*",))
    return {key.removeprefix(CONTINUES) for (key,) in found}


def spans_text(ranges: Iterable[Range]) -> str:
    """Return ranges as compact JSON."""
    return json.dumps([list(span) for span in ranges], separators=(",", ":"))


def spans_read(text: str) -> Ranges:
    """Return ranges from their JSON."""
    return Ranges.of((first, last) for first, last in json.loads(text))


def given(ranges: Ranges | None, following: int) -> Ranges:
    """Return the part of a set that has been given out: 1..following-1."""
    return ranges.within(1, following - 1) if ranges else Ranges()


def _upto(following: int) -> Ranges:
    return Ranges(((1, following - 1),)) if following > 1 else Ranges()


def _agree(db: sqlite3.Connection, book: Book) -> None:
    """Compare the ends of the books with the ends of the tables: a card that lied about a sync may have
    kept one and lost the other. Raises ValueError."""
    notices = _upto(book.next_e).minus(book.removed_notices)
    for table, numbers in (("sample", book.on_disk), ("notice", notices)):
        found = _first(db, table, book.base), _last(db, table, book.base)
        told = numbers.first or 0, numbers.last or 0
        if found != told:
            raise ValueError(f"epoch {book.ep} holds {table} {found}, its books say {told}")


def _all_named(db: sqlite3.Connection, books: list[Book]) -> None:
    """Look for rows between the epochs: their numbers would be given out again. Raises ValueError."""
    edges = [(0, 0), *((book.base, book.base + NUMBER_MOST) for book in books), (ID_MOST, ID_MOST)]
    for table in ("sample", "notice"):
        for (_, before), (after, _) in pairwise(edges):
            ask = f"SELECT id FROM {table} WHERE id > ? AND id < ? LIMIT 1"  # noqa: S608 our own name
            stray = db.execute(ask, (before, after)).fetchone()
            if stray is not None:
                raise ValueError(f"{table} {stray[0]} belongs to no epoch")


def _first(db: sqlite3.Connection, table: str, base: int) -> int:
    return _end(db, table, base, "ASC")


def _last(db: sqlite3.Connection, table: str, base: int) -> int:
    return _end(db, table, base, "DESC")


def _end(db: sqlite3.Connection, table: str, base: int, order: str) -> int:
    """Return the epoch's lowest or highest number in a table, 0 when none: one step down the tree."""
    found = db.execute(
        f"SELECT id FROM {table} WHERE id BETWEEN ? AND ? ORDER BY id {order} LIMIT 1",  # noqa: S608 our own
        (base + 1, base + NUMBER_MOST),
    ).fetchone()
    return found[0] - base if found else 0
