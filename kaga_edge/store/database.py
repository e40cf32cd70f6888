"""The store itself: one plain synchronous class on one connection, used by one thread.

What is written here for the gateway and the uplink rests on three layers: ``opened`` (one connection that
survives its disk), ``gone`` (numbers that will never arrive), ``forgetting`` (what may go, and when).

Longer than most: each public call is one transaction, and all keep the same book.
"""

from __future__ import annotations

import json
import logging
import secrets
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kaga_edge.core import message
from kaga_edge.core.ranges import Ranges
from kaga_edge.core.series import Point
from kaga_edge.core.stored import (
    Appended,
    Catalog,
    Committed,
    Entry,
    EpochBegan,
    Loaded,
    Notice,
    Run,
    SensorDeclaration,
    Standing,
    StoredRow,
    Tally,
)
from kaga_edge.core.timekeeping import Correction, DoubtfulBoot
from kaga_edge.store import adopting, retiming, series
from kaga_edge.store.book import CONTINUES, NUMBER_MOST, Book, RunStart, given
from kaga_edge.store.cutting import fitting, joined
from kaga_edge.store.errors import StoreError, integer, nonsense
from kaga_edge.store.forgetting import Retention
from kaga_edge.store.highwater import counts_further
from kaga_edge.store.leaves import are_values, is_notice
from kaga_edge.store.numbering import Declared, Encoded, catalog_entry, encoded, numbered
from kaga_edge.store.opened import CHUNK_ROWS, Write
from kaga_edge.store.statements import (
    Batch,
    insert_batch,
    insert_notice,
    run,
    run_many,
    sensor_indices,
    store_spans,
)
from kaga_edge.text import LANGUAGES, say
from kaga_edge.vocabulary.readings import Moment

log = logging.getLogger(__name__)

NAME = "gw"  # whose rows the present epoch has
# What the small file keeps as well (highwater.KEPT_TWICE): it may have been removed.
KEPT_TWICE_TOO = "SELECT key, value FROM memory WHERE key >= 'collect' AND key < 'command.ctr0'"


class Database(Retention):
    """Append, load, confirm, declare gone, purge. Raises StoreSick when the disk does not take it."""

    def __init__(self, path: Path, **settings: Any) -> None:
        self._declared: Declared | None = None
        self._declaration: tuple[Sequence[SensorDeclaration], dict[str, object], str] | None = None
        self._doubt: Batch | None = None  # an append that was refused and may be there after all
        super().__init__(path, **settings)

    # --- words for the gateway ---

    def name(self, gw: str) -> None:
        """Take the gateway's id. Another one than before is another gateway to the platform: in the epoch
        of the old one it would miss every number that was delivered under the old id, for ever."""
        known, before = self.recall(NAME), self._present
        if known == gw:
            return
        if known is None or (before.next_n == 1 and before.next_e == 1):
            self.note({NAME: gw})
            return
        ep = secrets.token_hex(4)

        def write(db: sqlite3.Connection) -> None:
            i, made_ms = self._present.i + 1, self._clock.now().wall_ms
            row = (i, ep, made_ms, self._identity.machine, self._identity.board)
            db.execute("INSERT INTO epoch VALUES (?, ?, ?, ?, ?)", row)
            pairs = [(NAME, gw), (CONTINUES + self._present.ep, "")]
            run_many(db, "INSERT OR REPLACE INTO memory VALUES (?, ?)", pairs)

        self._durably(lambda: None if self._book(ep) is not None else write)
        if self._book(ep) is None:  # else the file was read again, with it
            self._continuing.add(self._present.ep)
            self._books.append(Book(i=self._present.i + 1, ep=ep))
        log.warning("store.renamed from=%s to=%s epoch=%s", known, gw, ep)
        self._on_change(EpochBegan(ep=ep, reason="renamed"))

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
        body = message.catalog_body(
            gw=gw, site=site, sensors=[catalog_entry(s, index[s.id]) for s in sensors]
        )
        k = str(body["k"])

        def write(db: sqlite3.Connection) -> None:
            db.executemany("INSERT OR IGNORE INTO sensor_index VALUES (?, ?, ?, ?)", new)
            text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
            db.execute("INSERT OR REPLACE INTO catalog VALUES (?, ?)", (k, text))  # a spoilt one is mended

        self._durably(lambda: write)
        res = {s.id: tuple(channel[2] for channel in s.channels) for s in sensors}
        self._declared = Declared(gw=gw, ep=book.ep, k=k, index=index, res=res)
        self._declaration = (sensors, site, gw)
        if self._alarm_due:
            self._raise_alarm(gw)
        return Catalog(k=k, body=body, index=index)

    def encode(self, entries: Sequence[Entry]) -> tuple[Declared, list[Encoded]]:
        """Make the entries' rows, still without numbers, by the declaration that holds now.

        Touches no file: any thread may call it, so that the encoding of one group goes on while the one
        before is being synced.
        """
        if not entries:
            raise ValueError("nothing to append")
        known = self._known()
        return known, encoded(entries, known.res)

    def append(self, encoded: tuple[Declared, Sequence[Encoded]]) -> Appended:
        """Commit samples and the alerts they caused, all or none, and return their numbers."""
        batch: Batch | None = None

        def plan() -> Write | None:
            nonlocal batch
            book, given = self._present, self._for_room[0]  # numbers that making room has taken meanwhile
            if batch is not None and book.ep == batch.book.ep and book.next_n - given > batch.first:
                return None  # the commit that failed is there after all
            batch = self._numbered(*encoded)
            return lambda db: insert_batch(db, batch) if batch is not None else None

        try:
            self._durably(plan)
        except StoreError:
            self._doubt = batch or self._doubt  # None: the file did not even open
            raise
        assert batch is not None
        last, last_e = batch.first + len(batch.rows) - 1, batch.first_e + len(batch.notices) - 1
        book = self._present
        if book.next_n <= last:
            book.next_n, book.next_e = last + 1, last_e + 1
            book.runs += batch.runs
        self._high.note(book.ep, next_n=book.next_n, next_e=book.next_e)
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
        if not batch.notices:
            self._added(len(batch.rows))
        return Appended(
            ep=book.ep, first=batch.first, last=last, alerts_first=alerts[0], alerts_last=alerts[1]
        )

    # --- words for the uplink ---

    def load(self, ep: str, first: int, last: int, most: int) -> Loaded:
        """Return consecutive rows of one run from the first that exists at or after ``first``."""
        known = self._book(ep)
        if known is None or last < first:
            return Loaded(rows=[], run=Run(ep=ep, k="", c=0, boot=""))
        base, following = known.base, known.next_n

        def read(db: sqlite3.Connection) -> list[StoredRow]:
            found = db.execute(
                "SELECT id - ?1, sensor, at_ms, up_ms, vals, q FROM sample"
                " WHERE id BETWEEN ?1 + ?2 AND ?1 + ?3 ORDER BY id LIMIT ?4",
                (base, max(first, 1), min(last, following - 1), most),
            ).fetchall()
            if not _are_rows(found) or not _are_values(found):
                raise nonsense("a sample without values")
            return found

        rows = self._guarded(read)
        book = self._book(ep) or known  # read anew, if the file had to be mended
        if self._mended(book, first, rows[0][0] - 1 if rows else last):
            return self.load(ep, first, last, most)
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
        base, last = book.base, min(last_e, book.next_e - 1)

        def read(db: sqlite3.Connection) -> list[tuple[int, str, str, bytes]]:
            found = db.execute(
                "SELECT id - ?1, kind, key, body FROM notice"
                " WHERE id BETWEEN ?1 + ?2 AND ?1 + ?3 ORDER BY id",
                (base, max(first_e, 1), last),
            ).fetchall()
            if not all(is_notice(*rest) for _, *rest in found):
                raise nonsense("a notice without a body")
            return found

        found = self._guarded(read)
        return [
            Notice(ep=ep, e=e, kind=kind, key=key, leaf="gone" if kind == "gone" else "alert", body=body)
            for e, kind, key, body in found
        ]

    def standing(self, *, look: bool = True) -> Standing:
        """Return where every epoch stands in which something waits, and the present one, last.

        Without ``look`` the file is not touched, and how old the oldest is stays unsaid.
        """
        if look:
            self._end_declaration()  # who asks may send it
        present = self._present
        return Standing(
            epochs=tuple(
                book.standing(self._oldest_at(book) if look else None)
                for book in self._books
                if book is present or book.waiting or book.notices_waiting
            )
        )

    def confirm(self, rows: dict[str, Ranges], notices: dict[str, Ranges]) -> None:
        """Record what the upstream has. Numbers never given out or already gone change nothing."""

        def plan() -> Write | None:
            changes: list[tuple[Book, str, Ranges, Ranges]] = []
            for book in self._books:
                done = book.delivered.union(given(rows.get(book.ep), book.next_n).minus(book.all_gone))
                changes.append((book, "row", book.delivered, done))
                told = book.delivered_notices.union(given(notices.get(book.ep), book.next_e))
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
        if planned:
            self._end_declaration()  # somebody listens
        for book, kind, _, after in planned:
            if kind == "row":
                book.delivered = after
            else:
                book.delivered_notices = after

    def declare_clock(self, *, boot: str, offset_ms: int, uncertainty_ms: int, at: Moment) -> int:
        """Put the news that a boot's clock became known into the alert sequence; return its ``e``."""
        e = 0

        def plan() -> Write | None:
            nonlocal e
            book = self._present
            if e and book.next_e - self._for_room[1] > e:
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
        book = self._present
        book.next_e = max(book.next_e, e + 1)
        self._on_change(
            Committed(ep=book.ep, first=0, last=0, at_ms_first=at.wall_ms, notices_first=e, notices_last=e)
        )
        return e

    def doubtful_boots(self) -> tuple[DoubtfulBoot, ...]:
        """Return the boots with rows on disk whose clock was not trusted, in the order they began."""
        return self._guarded(lambda db: retiming.doubtful(db, self._books))

    def retime(
        self, correction: Correction, left: Mapping[str, Ranges], after: retiming.Place
    ) -> tuple[int, retiming.Place | None]:
        """Re-time one chunk of the waiting rows not in ``left``; return how many, and where to go on."""
        done: tuple[Book, tuple[int, int], list[RunStart]] | None = None

        def plan() -> Write | None:
            nonlocal done
            found = retiming.next_span(self._books, correction.boot, left, after, CHUNK_ROWS)
            if found is None:
                done = None
                return None
            book, run, span = found
            goes_on = (book.i, span[0] - 1) == after and run.first == span[0]
            runs = retiming.split(book, run, span, int(correction.trust), goes_on=goes_on)
            done = book, span, runs
            return lambda db: retiming.write_times(db, book, span, correction.offset_ms, runs)

        self._durably(plan)
        if done is None:
            return 0, None
        book, span, runs = done
        book.runs = runs
        return span[1] - span[0] + 1, (book.i, span[1])

    def catalog_body(self, k: str) -> dict[str, object] | None:
        """Return a stored catalog, None when it is not known."""
        ask = "SELECT body FROM catalog WHERE k = ?"

        def read(db: sqlite3.Connection) -> dict[str, object] | None:
            found = db.execute(ask, (k,)).fetchone()
            try:
                return dict(json.loads(found[0])) if found else None
            except (ValueError, TypeError):
                return None  # spoilt, and no salvage mends it: its rows go all the same

        return self._guarded(read)

    def catalogs_waiting(self) -> tuple[str, ...]:
        """Return the digests of the catalogs that rows on disk use."""
        return tuple(sorted(set().union(*(book.catalogs() for book in self._books))))

    # --- history, for pictures ---

    def history_bites(self, sensor: str, channel: str, since_ms: int) -> list[series.Bite]:
        """Return what to read, bite by bite, for a channel's history."""
        return self._guarded(lambda db: series.bites(db, self._books, sensor, channel, since_ms))

    def history(self, bite: series.Bite, since_ms: int) -> list[Point]:
        """Return the points of one bite."""
        return self._guarded(lambda db: series.read(db, bite, since_ms))

    # --- one database into another ---

    @property
    def rows(self) -> int:
        """How many samples it holds, by its books."""
        return sum(book.on_disk.count for book in self._books)

    def tallies(self) -> tuple[Tally, ...]:
        """Return every epoch's tally, by the books alone."""
        return tuple(book.tally() for book in self._books)

    def declare_as(self, other: Database) -> None:
        """Declare the sensors as ``other`` did."""
        if other._declaration is not None:
            self.declare(*other._declaration)

    def adopt(self, other: Database) -> None:
        """Take over the present epoch of ``other``, which then is the present one here.

        Raises StoreSick: it may be there after all, and is replaced when it is adopted again.
        """
        other._end_declaration()  # nobody tells of it here
        theirs, taken, before = other._present, other._present, ""

        def plan() -> Write:
            nonlocal taken, before
            known = self._book(theirs.ep)
            taken = replace(theirs, i=known.i if known else self._books[-1].i + 1)
            before = next(book.ep for book in reversed(self._books) if book.ep != theirs.ep)
            self._reserve(taken, 0, 0)
            return lambda db: adopting.adopt(db, other._connection(), theirs, taken, before)

        self._durably(plan)
        self._books = [*(book for book in self._books if book.ep != theirs.ep), taken]
        self._continuing.add(before)
        self._declared, self._declaration = other._declared, other._declaration
        self._high.keep(dict(other.facts()))
        if self._alarm_due:  # it was damaged, and set aside before anybody had declared the sensors here
            self._declare_again()

    # --- small memory ---

    def remember(self, key: str, value: str) -> None:
        """Keep a small fact across restarts."""
        self.note({key: value})

    def recall(self, key: str) -> str | None:
        """Return a remembered fact, None when there is none."""
        ask = "SELECT value FROM memory WHERE key = ?"
        found = self._guarded(lambda db: db.execute(ask, (key,)).fetchone())
        return str(found[0]) if found else None

    def facts(self) -> list[tuple[str, str]]:
        """Return every remembered fact."""
        return self._guarded(lambda db: db.execute("SELECT key, value FROM memory").fetchall())

    def note(self, pairs: Mapping[str, str]) -> None:
        """Keep several small facts, all or none."""
        ask = "INSERT OR REPLACE INTO memory VALUES (?, ?)"
        self._durably(lambda: lambda db: run_many(db, ask, list(pairs.items())))
        self._high.keep(pairs)

    def forget_notes(self, prefix: str, before: str, least: int) -> int:
        """Remove facts under ``prefix`` whose text sorts below ``before``, never of the ``least`` last."""
        ask = "SELECT key FROM memory WHERE key >= ?1 AND key < ?2 AND value < ?3 AND key NOT IN"
        ask += " (SELECT key FROM memory WHERE key >= ?1 AND key < ?2 ORDER BY value DESC LIMIT ?4) LIMIT ?5"
        span = (prefix, f"{prefix}\x7f", before, least, CHUNK_ROWS)
        old = self._guarded(lambda db: db.execute(ask, span).fetchall())
        if old:
            self._durably(lambda: lambda db: run_many(db, "DELETE FROM memory WHERE key = ?", old))
        return len(old)

    def kept(self, ep: str) -> Ranges:
        """Return the delivered rows of an epoch that are still on disk."""
        book = self._book(ep)
        return book.on_disk.minus(book.waiting) if book is not None else Ranges()

    # --- the parts of it ---

    def _read_further(self, db: sqlite3.Connection) -> None:
        self._take_back()
        super()._read_further(db)
        ask = "SELECT value FROM memory WHERE key = ?"
        held = {key: db.execute(ask, (key,)).fetchone() for key in self._high.facts}
        twice = self._high.facts.items()
        lost = {key: told for key, told in twice if counts_further(told, held[key] and held[key][0])}
        if lost:
            self.note(lost)
        self._high.keep(dict(db.execute(KEPT_TWICE_TOO).fetchall()))

    def _take_back(self) -> None:
        """Remove what a refused append has written after all: nobody was told of it, and whoever asked for
        it still has the samples and will bring them again."""
        doubt = self._doubt
        book = self._book(doubt.book.ep) if doubt is not None else None
        if doubt is not None and book is not None and book.next_n == doubt.first + len(doubt.rows):
            ids = (book.base + doubt.first, book.base + NUMBER_MOST)
            ids_e = (book.base + doubt.first_e, book.base + NUMBER_MOST)

            def write(db: sqlite3.Connection) -> None:
                run(db, "DELETE FROM sample WHERE id BETWEEN ? AND ?", ids)
                run(db, "DELETE FROM notice WHERE id BETWEEN ? AND ?", ids_e)
                run(db, "DELETE FROM run WHERE epoch = ? AND first >= ?", (book.i, doubt.first))

            # First the book: should this be refused and there after all too, nothing is amiss.
            book.next_n, book.next_e = doubt.first, doubt.first_e
            book.runs = [one for one in book.runs if one.first < doubt.first]
            self._durably(lambda: write)
        self._doubt = None

    def _known(self) -> Declared:
        if self._declared is None:
            raise RuntimeError("declare the sensors before appending")
        return self._declared

    def _raise_alarm(self, gw: str) -> None:
        """Put the news that the file was damaged and set aside into the alert sequence, once."""
        at, e = self._clock.now(), 0
        texts = {lang: say("alarm.store_damaged", lang) for lang in LANGUAGES}
        what = {"key": "store_damaged", "state": "raised", "subject": "store"}

        def plan() -> Write | None:
            nonlocal e
            book = self._present
            if e and book.next_e - self._for_room[1] > e:
                return None
            e, n = book.next_e, max(1, book.next_n - 1)
            self._reserve(book, 0, 1)
            body = message.alert_body(gw=gw, ep=book.ep, e=e, n=n, at=at, data=texts, **what)
            row = (book.base + e, "alert", what["key"], None, at.wall_ms, body)
            return lambda db: insert_notice(db, row)

        self._alarm_due = False
        self._durably(plan)
        book = self._present
        book.next_e = max(book.next_e, e + 1)
        self._on_change(
            Committed(ep=book.ep, first=0, last=0, at_ms_first=at.wall_ms, notices_first=e, notices_last=e)
        )

    def _declare_again(self) -> None:
        if self._declaration is not None:
            self.declare(*self._declaration)

    def _present_catalog(self) -> str:
        return self._declared.k if self._declared else ""

    def _numbered(self, known: Declared, entries: Sequence[Encoded]) -> Batch:
        book = self._present
        if known.ep != book.ep:  # a new epoch has begun since, with indices of its own
            known = self._known()
        self._reserve(book, len(entries), sum([len(entry[-1]) for entry in entries]))
        return numbered(known, book, entries)

    def _oldest_at(self, book: Book) -> int | None:
        first = book.waiting.first
        if first is None:
            return None
        ask = "SELECT at_ms FROM sample WHERE id = ?"

        def read(db: sqlite3.Connection) -> int | None:
            found = db.execute(ask, (book.base + first,)).fetchone()
            return integer(found[0], "a sample's time") if found else None

        return self._guarded(read)


def _are_values(rows: Sequence[StoredRow]) -> bool:
    return not rows or are_values([row[4] for row in rows], [row[5] for row in rows])


def _are_rows(found: Sequence[tuple[object, ...]]) -> bool:
    """Say whether every row's columns have their types: a flipped bit changes one, and SQLite lets it pass.

    One expression, without a call for each row: a draining backlog passes here.
    """
    return not [
        n
        for n, sensor, at_ms, up_ms, vals, q in found
        if type(vals) is not str
        or type(at_ms) is not int
        or (q is not None and type(q) is not str)
        or type(sensor) is not int
        or type(up_ms) is not int
    ]
