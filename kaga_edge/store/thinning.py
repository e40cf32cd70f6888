"""Waiting rows summed up in fewer new ones, in one transaction a chunk.

Which rows, and into which windows, is decided in ``core/retention.py``; what comes out, in
``core/thinning.py``; here it is done. One transaction takes the old rows away, declares them gone and
writes the new ones with their numbers, their run and their catalog: after a power cut it has happened or
it has not.

The new rows stand at the end of the epoch the old ones are of. That may be an earlier one: where memory took
over from a sick disk, what waited before the fault is thinned like what came after it.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kaga_edge.core import message
from kaga_edge.core.ranges import Ranges
from kaga_edge.core.retention import EpochRoom, Stretch
from kaga_edge.core.retention import Thinning as Chosen
from kaga_edge.core.retention import thinning as choose
from kaga_edge.core.stored import Committed, Purged, StoredRow
from kaga_edge.core.thinning import (
    WINDOWS_S,
    WORTH,
    Few,
    Shape,
    level,
    shapes,
    summed_up,
    thinned_sensors,
    whole_windows,
)
from kaga_edge.store.book import Book, RunStart
from kaga_edge.store.gone import Declaration, LossLedger
from kaga_edge.store.leaves import in_order
from kaga_edge.store.opened import Write
from kaga_edge.store.statements import Batch, insert_batch, sensor_indices

CHUNK_ROWS = 2000  # about 10 ms of work on a desktop, well below 50 ms on a Pi
REASON = "thinned"
NO_NUMBERS = (ValueError, TypeError, LookupError)  # what is no row, or no catalog, comes to one of these


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a catalog says about its rows. ``family``: equal where rows may be summed up together."""

    body: dict[str, Any]
    shapes: dict[int, Shape]
    level: int
    family: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """Rows that may be summed up together, and what came of them."""

    kind: Kind
    boot: str
    trust: int
    few: list[Few]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One chunk, ready to be written. Without ``batch`` only how far thinning has come is noted."""

    book: Book
    done: tuple[int, ...]
    rows: Ranges
    batch: Batch | None = None
    told: Declaration | None = None
    catalogs: tuple[tuple[str, str], ...] = ()
    indices: tuple[tuple[int, int, str, str], ...] = ()


class Thinner(LossLedger):
    """Thins, and remembers how far it has come at each level."""

    def __init__(self, path: Path, **settings: Any) -> None:
        self._kinds: dict[str, Kind | None] = {}
        self._tried: dict[str, tuple[int, ...]] = {}  # by epoch, and then by level: up to which number
        super().__init__(path, **settings)

    def _thin(self) -> Purged | None:
        """Thin one chunk; None: there is nothing left to thin."""
        made: Made | None = None

        def plan() -> Write | None:
            nonlocal made
            book = self._book(made.book.ep) if made is not None and made.rows else None
            if made is not None and book is not None and not made.rows.minus(book.all_gone):
                made = Made(book=book, done=self._done(book), rows=made.rows)  # it is there after all
                return None
            chosen = self._chosen()
            made = None if chosen is None else self._plan(*chosen)
            return None if made is None else self._writing(made)

        self._durably(plan)
        if made is None:
            return None
        self._tried[made.book.ep] = made.done
        if made.batch is None or made.told is None:
            return Purged()
        self._thinned(made, made.batch, made.told)
        return Purged(thinned=made.rows.count, into=len(made.batch.rows))

    # --- the parts of it ---

    def _read_tried(self, db: sqlite3.Connection) -> None:
        """Learn how far thinning has come, after the books have been read."""
        ask = "SELECT value FROM memory WHERE key = ?"
        self._tried = {}
        for book in self._books:
            found = db.execute(ask, (f"{REASON}.{book.ep}",)).fetchone()
            with contextlib.suppress(ValueError):  # spoilt: all is tried once more
                done = tuple(map(int, found[0].split())) if found else ()
                if len(done) == len(WINDOWS_S):
                    self._tried[book.ep] = done

    def _chosen(self) -> tuple[Book, Chosen] | None:
        """Return what to thin next: in the shortest window that still has some, the oldest epoch first."""
        found: list[tuple[Book, Chosen]] = []
        for book in filter(self._goes_on, self._books):
            room = EpochRoom(ep=book.ep, on_disk=book.on_disk, settled=book.settled)
            present = book is self._present
            chosen = choose(room, self._stretches(book), self._done(book), CHUNK_ROWS, present=present)
            found += [(book, chosen)] if chosen is not None else []
        return min(found, key=lambda one: one[1].level, default=None)

    def _done(self, book: Book) -> tuple[int, ...]:
        return self._tried.get(book.ep, (0,) * len(WINDOWS_S))

    def _stretches(self, book: Book) -> list[Stretch]:
        return [
            Stretch(first=run.first, last=last, level=kind.level if kind is not None else None)
            for run, last in book.run_spans()
            for kind in (self._kind(run.k),)
        ]

    def _kind(self, k: str) -> Kind | None:
        """Return what a catalog says; None: it is lost or has rows that cannot be thinned."""
        if k not in self._kinds:
            ask = "SELECT body FROM catalog WHERE k = ?"
            found = self._connection().execute(ask, (k,)).fetchone()
            if found is None:
                return None
            self._kinds[k] = _read_kind(found[0])
        return self._kinds[k]

    def _plan(self, book: Book, chosen: Chosen) -> Made:
        rows = self._rows(book, chosen.rows)
        try:
            return self._made(book, chosen, rows)
        except NO_NUMBERS:
            # A flipped bit that SQLite let pass; who reads such a row to send it mends the file.
            rows = self._summable(book, rows, WINDOWS_S[chosen.level - 1])
        with contextlib.suppress(*NO_NUMBERS):
            return self._made(book, chosen, rows)
        return self._made(book, chosen, [])  # passed over

    def _summable(self, book: Book, rows: list[StoredRow], window_s: int) -> list[StoredRow]:
        """Return the rows that can be summed up by themselves."""
        found = []
        for row in rows:
            with contextlib.suppress(*NO_NUMBERS):
                self._lots(book, list(whole_windows([row], window_s)), window_s)
                found.append(row)
        return found

    def _made(self, book: Book, chosen: Chosen, rows: list[StoredRow]) -> Made:
        window_s = WINDOWS_S[chosen.level - 1]
        if chosen.rows.count == CHUNK_ROWS:
            rows = list(whole_windows(rows, window_s))
        numbers = Ranges.of((row[0], row[0]) for row in rows)
        done = list(self._done(book))
        done[chosen.level - 1] = numbers.last or chosen.rows.last or 0
        lots = self._lots(book, rows, window_s)
        made = sum(len(lot.few) for lot in lots)
        if not rows or made * WORTH > len(rows):
            return Made(book=book, done=tuple(done), rows=Ranges())
        return self._numbered_lots(book, lots, numbers, tuple(done), window_s)

    def _rows(self, book: Book, numbers: Ranges) -> list[StoredRow]:
        """Return the stored rows, in order of their numbers: what a swapped page has elsewhere stays out."""
        ask = (
            "SELECT id - ?1, sensor, at_ms, up_ms, vals, q FROM sample"
            " WHERE id BETWEEN ?1 + ?2 AND ?1 + ?3 ORDER BY id"
        )
        db = self._connection()
        return in_order([row for span in numbers for row in db.execute(ask, (book.base, *span)).fetchall()])

    def _lots(self, book: Book, rows: list[StoredRow], window_s: int) -> list[Lot]:
        """Sum up what belongs together: same sensors as the catalogs tell them, same boot, same trust."""
        parted: dict[tuple[str, str, int], list[StoredRow]] = {}
        kinds: dict[str, Kind] = {}
        known: dict[str, dict[int, Shape]] = {}
        last, family, run = 0, "", RunStart(first=0, k="", boot="", trust=0)
        for row in rows:
            if row[0] > last:
                run, last = book.run_at(row[0])
                kind = self._kind(run.k)
                assert kind is not None  # stretches that cannot be thinned are not chosen
                family = kind.family
                kinds[family] = kind
                known.setdefault(family, {}).update(kind.shapes)
            parted.setdefault((family, run.boot, run.trust), []).append(row)
        return [
            Lot(kind=kinds[family], boot=boot, trust=trust, few=summed_up(together, known[family], window_s))
            for (family, boot, trust), together in parted.items()
        ]

    def _numbered_lots(
        self, book: Book, lots: list[Lot], numbers: Ranges, done: tuple[int, ...], window_s: int
    ) -> Made:
        """Give the new rows their numbers, indices, runs and catalogs, and the old ones their notice."""
        given = sensor_indices(self._connection(), book.i)
        taken, catalogs, runs = dict(given), {}, []
        samples: list[tuple[int, int, int, int, str, str | None, bytes | None]] = []
        n = first = book.next_n
        for lot in lots:
            k, body, index = _catalog(lot, window_s, taken)
            catalogs[k] = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
            runs.append(RunStart(first=n, k=k, boot=lot.boot, trust=lot.trust))
            for one in lot.few:
                samples.append((book.base + n, index[one.of], one.at_ms, one.up_ms, one.vals, one.q, None))
                n += 1
        self._reserve(book, n - first, 0)
        told = self._declaring(book, numbers, REASON, Ranges(((first, n - 1),)), grow=True)
        new = tuple((book.i, i, *key) for key, i in taken.items() if key not in given)
        remembered = _remembered(book, done)
        batch = Batch(
            book=book, rows=samples, notices=[], runs=runs, remembered=remembered, first=first, first_e=0
        )  # fmt: skip
        return Made(
            book=book, done=done, rows=numbers, batch=batch, told=told, catalogs=tuple(catalogs.items()),
            indices=new,
        )  # fmt: skip

    def _writing(self, made: Made) -> Write:
        book, batch, told = made.book, made.batch, made.told

        def note(db: sqlite3.Connection) -> None:
            for pair in _remembered(book, made.done).items():
                db.execute("INSERT OR REPLACE INTO memory VALUES (?, ?)", pair)

        if batch is None or told is None:
            return note
        gone = self._writing_gone(book, made.rows, REASON, told, delete=True)

        def write(db: sqlite3.Connection) -> None:
            gone(db)  # first, so that on a full disk the rest finds room
            db.executemany("INSERT OR IGNORE INTO catalog VALUES (?, ?)", made.catalogs)
            db.executemany("INSERT OR IGNORE INTO sensor_index VALUES (?, ?, ?, ?)", made.indices)
            insert_batch(db, batch)

        return write

    def _thinned(self, made: Made, batch: Batch, told: Declaration) -> None:
        """After the commit: the books, and whoever listens."""
        book = made.book
        book.gone[REASON] = book.gone.get(REASON, Ranges()).union(made.rows)
        book.removed = book.removed.union(made.rows)
        book.runs += batch.runs
        last = batch.first + len(batch.rows) - 1
        book.next_n = last + 1
        self._declared_so_far(book, told, made.rows, grow=True)
        at_ms = batch.rows[0][2]
        self._on_change(Committed(ep=book.ep, first=batch.first, last=last, at_ms_first=at_ms, late=True))


def _remembered(book: Book, done: tuple[int, ...]) -> dict[str, str]:
    return {f"{REASON}.{book.ep}": " ".join(map(str, done))}


def _read_kind(text: str) -> Kind | None:
    try:
        body = json.loads(text)
        found = shapes(body)
        if len(found) < len(body["s"]):
            return None  # a kind of row that is not known here
        family = json.dumps(thinned_sensors(body, 0), sort_keys=True)
        return Kind(body=body, shapes=found, level=level(body), family=family)
    except (*NO_NUMBERS, AttributeError):
        return None  # spoilt


def _catalog(
    lot: Lot, window_s: int, taken: dict[tuple[str, str], int]
) -> tuple[str, dict[str, Any], dict[int, int]]:
    """Return the thinned rows' catalog and the index of each sensor by the one it began with."""
    sensors, index = [], {}
    for entry in thinned_sensors(lot.kind.body, window_s):
        key = entry["id"], json.dumps([channel["id"] for channel in entry["ch"]])
        i = taken.setdefault(key, max(taken.values(), default=-1) + 1)
        sensors.append({"i": i, **entry})
        index[entry["of"]] = i
    body = lot.kind.body
    whole = message.catalog_body(gw=body["gw"], site=body["site"], sensors=sensors)
    return str(whole["k"]), whole, index
