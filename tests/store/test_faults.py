"""The disk refuses. What was acknowledged stays, and what is repeated is not stored twice.

A connection that fails on demand stands before the real one; the file behind it is real.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kaga_edge.store.errors import StoreSick

FAULTS = {
    "I/O error": sqlite3.SQLITE_IOERR_FSYNC,
    "full": sqlite3.SQLITE_FULL,
    "read-only": sqlite3.SQLITE_READONLY,
    "corrupt": sqlite3.SQLITE_CORRUPT,
}


def fault(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("as injected")
    error.sqlite_errorcode = code
    return error


class FailingConnection:
    """Fails at the statement that begins with ``at``: before running it, or after (``landed``)."""

    def __init__(self, real: sqlite3.Connection, at: str, code: int, *, landed: bool) -> None:
        self.real, self.at, self.code, self.landed = real, at, code, landed

    def execute(self, statement: str, *values: Any) -> Any:
        if statement.startswith(self.at):
            if self.landed:
                self.real.execute(statement, *values)
            raise fault(self.code)
        return self.real.execute(statement, *values)

    def executemany(self, statement: str, rows: Any) -> Any:
        if statement.startswith(self.at):
            raise fault(self.code)
        return self.real.executemany(statement, rows)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


@pytest.mark.parametrize("at", ["BEGIN", "INSERT INTO sample", "COMMIT"])
@pytest.mark.parametrize("code", FAULTS.values(), ids=FAULTS)
def test_an_append_that_failed_once_is_there_exactly_once(bench: Any, at: str, code: int) -> None:
    database = bench.open()
    bench.add(database, 3)
    database._db = FailingConnection(database._db, at, code, landed=False)

    given = bench.add(database, 2)

    assert (given.first, given.last) == (4, 5)
    assert [row[0] for row in database.load(database.epoch, 1, 99, 99).rows] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_WRITE])
def test_a_commit_that_failed_but_is_there_is_not_repeated(bench: Any, code: int) -> None:
    database = bench.open()
    bench.add(database, 3)
    database._db = FailingConnection(database._db, "COMMIT", code, landed=True)

    given = database.append(database.encode([bench.entry(7.0, alerts=(bench.alert(),))]))

    assert (given.first, given.last, given.alerts_first) == (4, 4, 1)
    (count,) = database._connection().execute("SELECT count(*) FROM sample").fetchone()
    assert count == 4
    assert bench.add(database).first == 5
    assert len(database.load_notices(database.epoch, 1, 9)) == 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 3 MB of our own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small disk needs root")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_disk_filled_by_somebody_else_loses_nothing_acknowledged(small_disk: Path, new_bench: Any) -> None:
    bench = new_bench(small_disk)
    database = bench.open(max_bytes=64_000_000)
    bench.add(database, 2000)
    filler = (small_disk / "filler").open("wb", buffering=0)
    try:
        while filler.write(b"x" * 4096) == 4096:
            pass
    except OSError:
        filler.close()

    kept, refused = 2000, 0
    for _ in range(100):
        try:
            kept = bench.add(database, 20).last
        except StoreSick:
            refused += 1
    (small_disk / "filler").unlink()
    after = bench.add(database, 20)

    (tally,) = database.ledger().epochs
    assert after.first == kept + 1
    assert tally.numbered == after.last == tally.waiting + tally.gone
    (rows,) = database._connection().execute("SELECT count(*) FROM sample").fetchone()
    assert rows == tally.waiting
    assert refused or tally.gone, "the disk was never full"
    bench.close()


@pytest.mark.parametrize("landed", [True, False])
def test_gone_and_confirmed_are_recorded_once_across_a_failed_commit(bench: Any, landed: bool) -> None:
    database = bench.open()
    bench.add(database, 9)
    spans = type(database.standing().epochs[0].waiting)
    database._db = FailingConnection(database._db, "COMMIT", sqlite3.SQLITE_IOERR_FSYNC, landed=landed)
    e = database.declare_gone(database.epoch, spans(((1, 3),)), "quarantined")
    database._db = FailingConnection(database._db, "COMMIT", sqlite3.SQLITE_IOERR_FSYNC, landed=landed)
    database.confirm({database.epoch: spans(((4, 6),))}, {})

    (tally,) = database.ledger().epochs
    assert (e, tally.gone, tally.delivered, tally.waiting) == (1, 3, 3, 3)
    assert len(database.load_notices(database.epoch, 1, 9)) == 1


def test_a_disk_that_stays_sick_is_reported_and_later_tried_again(bench: Any) -> None:
    database = bench.open()
    bench.add(database, 3)
    database.close()
    hidden = bench.folder / "away"
    bench.path.rename(hidden)
    bench.path.mkdir()  # a folder in its place: every opening fails

    with pytest.raises(StoreSick, match="cannot be opened"):
        bench.add(database)

    bench.path.rmdir()
    hidden.rename(bench.path)
    assert bench.add(database).first == 4


def test_damage_met_while_running_sets_the_file_aside_and_goes_on(bench: Any) -> None:
    heard: list[Any] = []
    database = bench.open(on_change=heard.append)
    bench.add(database, 3)
    old = database.epoch
    database._connection().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = bytearray(bench.path.read_bytes())
    whole[:4096] = b"\0" * 4096
    encoded = database.encode([bench.entry(5.0)])
    database.close()
    bench.path.write_bytes(bytes(whole))

    given = database.append(encoded)

    assert given.ep == database.epoch == old
    alerts = [notice.key for notice in database.load_notices(old, 1, 999) if notice.kind == "alert"]
    assert alerts == ["store_damaged"]
    assert given.first == 1540  # above every number that may have been used
    assert [row[0] for row in database.load(old, 1, 9999, 99).rows] == [1, 2, 3]
    assert database.set_aside is not None
    assert [type(change).__name__ for change in heard[-2:]] == ["EpochBegan", "Committed"]


def test_a_mistake_in_our_own_sql_is_a_bug_and_rises(bench: Any) -> None:
    database = bench.open()
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        database._guarded(lambda db: db.execute("SELECT * FROM nowhere"))
