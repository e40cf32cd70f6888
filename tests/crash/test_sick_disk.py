"""Every Nth operation of the disk fails, once or from then on: nothing acknowledged is lost.

The same recorded disk as for the power cuts, asked before each operation. Errors leave the store as
StoreSick and nothing else; when the fault is over the next append is taken, above every number given out.
"""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Callable

import apsw
import pytest

from kaga_edge.store.errors import StoreBusy, StoreSick
from tests.crash.recorded_disk import FOLDER, RecordedDisk, ShortWrite, coded
from tests.crash.workload import Life

FULL = bool(os.environ.get("KAGA_TEST_FULL"))
STEP = 1 if FULL else 10  # every operation, or every tenth with a different beginning each time
BEGIN = int(os.environ.get("KAGA_TEST_SEED", 0)) % 10


def io_error(kind: str) -> Exception:
    codes = {"read": apsw.SQLITE_IOERR_READ, "sync": apsw.SQLITE_IOERR_FSYNC}
    return coded(apsw.IOError, codes.get(kind, apsw.SQLITE_IOERR_WRITE))


def no_space(kind: str) -> Exception:
    return coded(apsw.FullError, apsw.SQLITE_FULL) if kind in ("write", "create") else io_error(kind)


def short_write(kind: str) -> Exception:
    return ShortWrite(coded(apsw.FullError, apsw.SQLITE_FULL)) if kind == "write" else io_error(kind)


def busy(kind: str) -> Exception:
    return coded(apsw.BusyError, apsw.SQLITE_BUSY) if kind == "lock" else io_error(kind)


class NthFails:
    """Fails at operation ``nth`` and, when it lasts, at every later one until it is over."""

    def __init__(self, nth: int, error: Callable[[str], Exception], *, lasting: bool) -> None:
        self.nth, self.error, self.lasting = nth, error, lasting
        self.count, self.struck, self.over = 0, False, False

    def __call__(self, kind: str, size: int) -> None:
        self.count += 1
        if self.over or (self.count < self.nth or (self.struck and not self.lasting)):
            return
        self.struck = True
        raise self.error(kind)


def attempt(work: Callable[[], object]) -> bool:
    """Do it; False when the store said it is sick. Any other error ends the test."""
    try:
        work()
    except (StoreSick, StoreBusy):
        return False
    return True


def one_life(fault: NthFails) -> bool:
    """Live through a fault; return whether it struck at all."""
    disk = RecordedDisk()
    life = Life(FOLDER / "kaga.db", disk, random.Random(5), max_bytes=300_000)
    disk.fault = fault
    opened = attempt(life.open)
    for _ in range(12):
        opened = opened or attempt(life.open)
        if opened:
            life.clock.pass_s(1)
            attempt(lambda: life.append(life.chance.randint(1, 8)))
            attempt(life.confirm)
            attempt(lambda: life.database.purge(life.clock.now()))  # type: ignore[union-attr]
    fault.over = True
    if not opened:
        life.open()
    life.append(3)  # asserts that no number is given out twice
    _all_there(life)
    assert life.database is not None
    life.database.close()
    _all_there_after_opening(life)
    disk.crash()
    return fault.struck


def _all_there(life: Life) -> None:
    assert life.database is not None
    db = life.database._connection()
    held = dict(db.execute("SELECT id & ((1 << 40) - 1), vals FROM sample").fetchall())
    gone = {book.ep: book.all_gone for book in life.database._books}
    for (ep, n), text in life.acknowledged.items():
        assert held.get(n, text) == text
        settled = (ep, n) in life.delivered or n in gone[ep]
        assert n in held or settled, f"row {n} was acknowledged and is missing"
    for tally in life.database.ledger().epochs:
        assert tally.numbered == tally.delivered + tally.waiting + tally.gone
    assert life.database.set_aside is None


def _all_there_after_opening(life: Life) -> None:
    life.open()
    _all_there(life)
    assert life.database is not None
    life.database.close()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "for good"])
@pytest.mark.parametrize("error", [io_error, no_space, short_write, busy], ids=lambda error: error.__name__)
def test_no_fault_at_any_operation_loses_what_was_acknowledged(
    error: Callable[[str], Exception], lasting: bool
) -> None:
    for nth in itertools.count(1 + BEGIN, STEP):
        if not one_life(NthFails(nth, error, lasting=lasting)):
            assert nth > 100, "the workload is too short to say anything"
            return
