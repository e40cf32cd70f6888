"""What can still be read of a damaged file, in a new one.

The damaged file and its log are never written to. A working copy is made with the log's committed pages
laid over it, a spoilt first page replaced by that of a new store (all stores have the same tables on the
same root pages), and SQLite is asked for what it can read; the leaf pages it cannot reach are read by
``leaves``. The new file is finished, synced and whole before it takes the damaged one's name.

What is missing afterwards is not hidden: its numbers count as removed without being delivered or gone,
and the store declares such numbers when it opens the file.

Longer than most: one pass over a damaged file, step by step in its order.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import shutil
import sqlite3
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kaga_edge.store.book import CONTINUES, EPOCH_SHIFT, NUMBER_MOST, continuing
from kaga_edge.store.errors import fault_code
from kaga_edge.store.file import PAGE_BYTES, Identity, make_schema
from kaga_edge.store.highwater import Mark
from kaga_edge.store.leaves import Leaf, Row, in_order, leaf_of, rows_of, sound
from kaga_edge.store.wal import committed_pages, read

log = logging.getLogger(__name__)

HEAD_BYTES, INTERIOR = 100, 0x05  # of page 1; a page that points to others
GROUP_LEAVES = 64  # read by one statement; when it fails, each by itself
SMALL = (
    "epoch",
    "run",
    "catalog",
    "sensor_index",
    "delivered",
    "removed",
    "gone",
    "fence",
    "memory",
    "ledger_line",
)
UNKNOWN_CATALOG = "00000000"  # the platform keeps rows with a catalog it does not know, and asks


@dataclass(frozen=True, slots=True, kw_only=True)
class Salvaged:
    """What was saved; ``continues``: the present epoch goes on above its mark, else a new one begins."""

    rows: int
    notices: int
    continues: bool
    unreadable: tuple[str, ...]  # tables that could not be read as a whole


def salvage(old: Path, new: Path, marks: Mapping[str, Mark], identity: Identity, made_ms: int) -> Salvaged:
    """Write into ``new`` what ``old`` still holds. Raises OSError, sqlite3.Error (no room, say)."""
    work = new.with_name(new.name + ".work")
    for leftover in (work, new):
        leftover.unlink(missing_ok=True)
    try:
        _working_copy(old, work)
        db = _new_file(new)
        try:
            saved = _saved(db, work, marks, identity, made_ms)
        finally:
            db.close()
    finally:
        work.unlink(missing_ok=True)
    return saved


def _saved(
    db: sqlite3.Connection, work: Path, marks: Mapping[str, Mark], identity: Identity, made_ms: int
) -> Salvaged:
    db.execute("BEGIN")
    with contextlib.closing(_damaged(work)) as old:
        unreadable = tuple(table for table in SMALL if not _copied(db, old, table))
        for table, leaves in _leaves(work).items():
            _copy_leaves(db, old, table, leaves)
            _copy_unreached(db, work, table, leaves)
    # Numbers among the small facts must be numbers: whoever recalls them counts on it.
    db.execute(
        "DELETE FROM memory WHERE value GLOB '*[^0-9]*'"
        " AND key IN ('alive_ms', 'last_time_ms', 'ledger_reported')"
    )
    known = _marks(db, marks)
    _name_epochs(db, known, made_ms)
    for i, ep in db.execute("SELECT i, ep FROM epoch").fetchall():
        _settle_epoch(db, i, known.get(ep))
    continues = _may_continue(db, known, unreadable)
    ended = [ep for ep in continuing(db) if not (continues and ep in known and known[ep].n_upto > 0)]
    db.executemany("DELETE FROM memory WHERE key = ?", [(CONTINUES + ep,) for ep in ended])
    if not continues:
        (last,) = db.execute("SELECT coalesce(max(i), 0) FROM epoch").fetchone()
        fresh = (last + 1, secrets.token_hex(4), made_ms, identity.machine, identity.board)
        db.execute("INSERT INTO epoch VALUES (?, ?, ?, ?, ?)", fresh)
    # Which notices are lost nobody can say: see ``LossLedger._tell_again``.
    db.execute("INSERT OR REPLACE INTO memory VALUES ('gone.again', '')")
    rows, notices = (db.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ("sample", "notice"))  # noqa: S608 our own
    db.execute("COMMIT")
    return Salvaged(rows=rows, notices=notices, continues=continues, unreadable=unreadable)


# --- the files ---


def _working_copy(old: Path, work: Path) -> None:
    """Copy the file, lay the log's committed pages over it and mend what SQLite needs of page 1."""
    shutil.copyfile(old, work)
    with work.open("r+b") as file:
        for page, newest in committed_pages(read(old.with_name(old.name + "-wal"))).items():
            file.seek((page - 1) * PAGE_BYTES)
            file.write(newest)
        size = file.seek(0, 2)
        whole = -(-size // PAGE_BYTES) * PAGE_BYTES
        file.write(bytes(whole - size))
        for page in _table_list():
            file.seek(page * PAGE_BYTES)
            held, usual = file.read(PAGE_BYTES), _new_store()[page * PAGE_BYTES : (page + 1) * PAGE_BYTES]
            content = bytearray(held if page == 0 and held[HEAD_BYTES:] == usual[HEAD_BYTES:] else usual)
            if page == 0:
                content[:24] = usual[:24]
                content[18:20] = b"\x01\x01"  # no log any more
                content[28:32] = max(1, whole // PAGE_BYTES).to_bytes(4, "big")
                content[32:40] = bytes(8)  # no list of free pages
                content[40:92] = usual[40:92]
                content[92:96] = content[24:28]  # so that the page count is believed
            file.seek(page * PAGE_BYTES)
            file.write(content)


@cache
def _table_list() -> tuple[int, ...]:
    """Return the pages (from 0) on which a new store lists its tables: the first and those it points to."""
    first = _new_store()[:PAGE_BYTES]
    if first[HEAD_BYTES] != INTERIOR:
        return (0,)
    count = int.from_bytes(first[HEAD_BYTES + 3 : HEAD_BYTES + 5], "big")
    cells = struct.unpack_from(f">{count}H", first, HEAD_BYTES + 12)
    pointers = [HEAD_BYTES + 8, *cells]
    return (0, *(struct.unpack_from(">I", first, at)[0] - 1 for at in pointers))


@cache
def _new_store() -> bytes:
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        make_schema(db)
        return bytes(db.serialize())


def _new_file(new: Path) -> sqlite3.Connection:
    """Make the new store. It is synced as a whole before it gets its name, so nothing here needs to wait."""
    db = sqlite3.connect(new.absolute().as_uri(), uri=True, isolation_level=None)
    for pragma in (
        f"page_size = {PAGE_BYTES}",
        "journal_mode = MEMORY",
        "synchronous = OFF",
        "temp_store = MEMORY",
    ):
        db.execute(f"PRAGMA {pragma}").fetchall()
    make_schema(db)
    new.chmod(0o600)
    return db


# --- reading ---


def _damaged(work: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{work.absolute().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)


def _copied(db: sqlite3.Connection, old: sqlite3.Connection, table: str) -> bool:
    """Copy a small table; False when only a part of it could be read."""
    for order in ("ASC", "DESC"):  # up to the damage, from either end
        rows, whole = _read(old, f"SELECT * FROM {table} ORDER BY 1 {order}", ())  # noqa: S608 our own names
        taken = [_insert(db, table, row) for row in rows]
        if whole and all(taken):
            return order == "ASC"
    return False


def _read(old: sqlite3.Connection, ask: str, values: tuple[int, ...]) -> tuple[list[Row], bool]:
    """Return the rows up to the first damage, and whether that was the end."""
    rows: list[Row] = []
    try:
        for row in old.execute(ask, values):
            rows.append(row)  # noqa: PERF402 what came before the error counts
    except sqlite3.Error as error:
        fault_code(error)
        return rows, False
    return rows, True


def _leaves(work: Path) -> dict[str, list[Leaf]]:
    """Return the leaf pages of the two big tables, wherever they lie, by what their rows look like."""
    found: dict[str, list[Leaf]] = {"sample": [], "notice": []}
    with work.open("rb") as file:
        number = 0
        while page := file.read(PAGE_BYTES):
            number += 1
            leaf = leaf_of(number, page)
            if leaf is not None:
                found[leaf.table].append(leaf)
    for leaves in found.values():
        leaves.sort(key=lambda leaf: leaf.first)
    return found


def _copy_leaves(db: sqlite3.Connection, old: sqlite3.Connection, table: str, leaves: list[Leaf]) -> None:
    """Copy what SQLite reaches, some leaves' worth of ids at a time."""
    ask = f"SELECT * FROM {table} WHERE id BETWEEN ? AND ? ORDER BY id"  # noqa: S608 our own names
    for at in range(0, len(leaves), GROUP_LEAVES):
        group = leaves[at : at + GROUP_LEAVES]
        rows, _ = _read(old, ask, (group[0].first, max(leaf.last for leaf in group)))
        whole = in_order([row for row in rows if sound(table, row)])
        if not whole:
            continue
        marks = ", ".join("?" * len(whole[0]))
        db.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", whole)  # noqa: S608 our own


def _copy_unreached(db: sqlite3.Connection, work: Path, table: str, leaves: list[Leaf]) -> None:
    """Read by itself every leaf of which rows are missing."""
    ask = f"SELECT count(*) FROM {table} WHERE id BETWEEN ? AND ?"  # noqa: S608 our own names
    with work.open("rb") as file:
        for leaf in leaves:
            if db.execute(ask, (leaf.first, leaf.last)).fetchone()[0] < leaf.count:
                file.seek((leaf.page - 1) * PAGE_BYTES)
                for row in in_order(list(rows_of(leaf.table, file.read(PAGE_BYTES)))):
                    _insert(db, table, row)


def _insert(db: sqlite3.Connection, table: str, row: Row) -> bool:
    """Write a row that was read; False: it can be none of this table, or it is there already."""
    marks = ", ".join("?" * len(row))
    with contextlib.suppress(sqlite3.IntegrityError, sqlite3.ProgrammingError, OverflowError):
        put = db.execute(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", row)  # noqa: S608 our own names
        return put.rowcount == 1
    return False


# --- making sense of it ---


def _marks(db: sqlite3.Connection, marks: Mapping[str, Mark]) -> dict[str, Mark]:
    """Return each epoch's mark: the higher of the copies in the small file and in the database."""
    known = dict(marks)
    for key, value in db.execute("SELECT key, value FROM memory WHERE key LIKE 'high.%'").fetchall():
        with contextlib.suppress(ValueError):
            n_upto, e_upto = (int(word) for word in str(value).split())
            ep = str(key).partition(".")[2]
            other = known.get(ep, Mark())
            known[ep] = Mark(
                n=other.n, n_upto=max(n_upto, other.n_upto), e=other.e, e_upto=max(e_upto, other.e_upto)
            )
    return known


def _name_epochs(db: sqlite3.Connection, marks: Mapping[str, Mark], made_ms: int) -> None:
    """Give every epoch that has rows a name: its own where only one can be meant, else a new one."""
    db.execute("DELETE FROM epoch WHERE typeof(ep) <> 'text' OR length(ep) <> 8")
    held = "SELECT id FROM sample UNION ALL SELECT id FROM notice"
    found = {i for (i,) in db.execute(f"SELECT DISTINCT id >> {EPOCH_SHIFT} FROM ({held})")}  # noqa: S608 our own
    for table, first in (("sample", 1), ("notice", 1)):  # a spoilt id is in no epoch
        db.execute(f"DELETE FROM {table} WHERE id < ?", (first << EPOCH_SHIFT,))  # noqa: S608 our own
    named = dict(db.execute("SELECT i, ep FROM epoch").fetchall())
    nameless = sorted(i for i in found - set(named) if 0 < i < 1000)
    spare = {ep: mark for ep, mark in marks.items() if ep not in named.values()}
    alone = len(nameless) == len(spare) == 1
    for i in nameless:
        meant = list(spare) if alone else [ep for ep, mark in spare.items() if mark.n == _top(db, i) + 1]
        if len(meant) != 1:
            meant = [secrets.token_hex(4)]
            _forget_delivered(db, i)
        spare.pop(meant[0], None)
        db.execute("INSERT INTO epoch VALUES (?, ?, ?, '', '')", (i, meant[0], made_ms))
    everywhere = ", ".join(str(i) for i in {*named, *nameless}) or "0"
    for table in ("sample", "notice"):
        db.execute(f"DELETE FROM {table} WHERE id >> {EPOCH_SHIFT} NOT IN ({everywhere})")  # noqa: S608 our own


def _top(db: sqlite3.Connection, i: int) -> int:
    """Return the highest number of an epoch's samples: one below its mark, where the note is of then."""
    base = i << EPOCH_SHIFT
    ask = "SELECT coalesce(max(id), ?1) - ?1 FROM sample WHERE id BETWEEN ?1 AND ?1 + ?2"
    return int(db.execute(ask, (base, NUMBER_MOST)).fetchone()[0])


def _forget_delivered(db: sqlite3.Connection, i: int) -> None:
    """Under a new name nothing has been delivered. What the platform has under the old one is not sent
    again: it would count twice. Its numbers have no row then, and are declared."""
    base = i << EPOCH_SHIFT
    for table, kind in (("sample", "row"), ("notice", "notice")):
        ask = "SELECT first, last FROM delivered WHERE epoch = ? AND kind = ?"
        for first, last in db.execute(ask, (i, kind)).fetchall():
            if 1 <= first <= last <= NUMBER_MOST:
                db.execute(f"DELETE FROM {table} WHERE id BETWEEN ? AND ?", (base + first, base + last))  # noqa: S608 our own
    db.execute("DELETE FROM delivered WHERE epoch = ?", (i,))


def _settle_epoch(db: sqlite3.Connection, i: int, mark: Mark | None) -> None:
    """Bring the ranges of one epoch in line with the rows that were saved."""
    for table, kind, top in (
        ("sample", "row", mark and mark.n_upto),
        ("notice", "notice", mark and mark.e_upto),
    ):
        base = i << EPOCH_SHIFT
        _forget_removed(db, table, kind, i)
        if top:  # above the mark no number was ever given out
            db.execute(f"DELETE FROM {table} WHERE id > ? AND id <= ?", (base + top, base + NUMBER_MOST))  # noqa: S608 our own
        for ranges, more in (
            ("delivered", f"AND kind = '{kind}'"),
            ("gone", "" if kind == "row" else "AND 0"),
        ):
            wrong = f"first < 1 OR last < first OR last > {top or NUMBER_MOST >> 8}"
            db.execute(f"DELETE FROM {ranges} WHERE epoch = ? {more} AND ({wrong})", (i,))  # noqa: S608 our own
        last = top or _highest(db, table, base, i, kind)
        holes = list(_holes(db, table, base, last))
        db.execute("DELETE FROM removed WHERE epoch = ? AND kind = ?", (i, kind))
        db.executemany("INSERT INTO removed VALUES (?, ?, ?, ?)", ((i, kind, *hole) for hole in holes))
    db.execute("DELETE FROM fence WHERE epoch = ?", (i,))  # delivered rows are kept a little longer
    _ensure_run(db, i)


def _forget_removed(db: sqlite3.Connection, table: str, kind: str, i: int) -> None:
    """Delete again what a page left over from earlier has brought back."""
    base = i << EPOCH_SHIFT
    spans = db.execute("SELECT first, last FROM removed WHERE epoch = ? AND kind = ?", (i, kind)).fetchall()
    for first, last in spans:
        if 1 <= first <= last <= NUMBER_MOST:
            db.execute(f"DELETE FROM {table} WHERE id BETWEEN ? AND ?", (base + first, base + last))  # noqa: S608 our own


def _highest(db: sqlite3.Connection, table: str, base: int, i: int, kind: str) -> int:
    """Return the highest number anything speaks of, where there is no mark."""
    ask = f"SELECT coalesce(max(id), 0) FROM {table} WHERE id BETWEEN ? AND ?"  # noqa: S608 our own
    (top,) = db.execute(ask, (base, base + NUMBER_MOST)).fetchone()
    tops = [max(0, top - base)]
    for (last,) in db.execute("SELECT max(last) FROM delivered WHERE epoch = ? AND kind = ?", (i, kind)):
        tops.append(last or 0)
    return int(max(tops))


def _holes(db: sqlite3.Connection, table: str, base: int, last: int) -> Iterator[tuple[int, int]]:
    """Give the ranges within 1..last that have no row."""
    within = f"FROM {table} WHERE id BETWEEN ?1 + 1 AND ?1 + ?2"
    ask = f"SELECT id - ?1 AS n, lead(id - ?1, 1, ?2 + 1) OVER (ORDER BY id) AS following {within}"
    (first,) = db.execute(f"SELECT min(id) {within}", (base, last)).fetchone()
    if first is None:
        if last > 0:
            yield 1, last
        return
    if first > base + 1:
        yield 1, first - base - 1
    for n, following in db.execute(f"SELECT * FROM ({ask}) WHERE following > n + 1", (base, last)).fetchall():  # noqa: S608 our own
        yield n + 1, following - 1


def _ensure_run(db: sqlite3.Connection, i: int) -> None:
    """Rows whose run cannot be read any more get one that claims nothing of the clock."""
    base = i << EPOCH_SHIFT
    db.execute("DELETE FROM run WHERE epoch = ? AND (first < 1 OR trust NOT BETWEEN 0 AND 3)", (i,))
    (first,) = db.execute(
        "SELECT min(id) FROM sample WHERE id BETWEEN ? AND ?", (base, base + NUMBER_MOST)
    ).fetchone()
    held = db.execute("SELECT min(first) FROM run WHERE epoch = ?", (i,)).fetchone()[0]
    if first is not None and (held is None or held > first - base):
        k = db.execute("SELECT k FROM catalog LIMIT 1").fetchone()
        db.execute(
            "INSERT INTO run VALUES (?, ?, ?, '0000', 0)", (i, first - base, k[0] if k else UNKNOWN_CATALOG)
        )


def _may_continue(db: sqlite3.Connection, marks: Mapping[str, Mark], unreadable: Iterable[str]) -> bool:
    """Say whether new numbers of the present epoch can be above all used ones, and indices mean the same."""
    present = db.execute("SELECT ep FROM epoch ORDER BY i DESC LIMIT 1").fetchone()
    if present is None or {"epoch", "sensor_index"} & set(unreadable):
        return False
    return present[0] in marks and marks[present[0]].n_upto > 0
