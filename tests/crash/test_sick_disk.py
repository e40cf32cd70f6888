"""Every Nth operation of the disk fails or hangs, once or from then on: nothing acknowledged is lost.

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

from kaga_edge.core.stored import Entry, SensorDeclaration
from kaga_edge.store.errors import StoreBusy, StoreSick
from kaga_edge.store.ring import Ringed
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Reading, Sample
from tests.crash.recorded_disk import FOLDER, RecordedDisk, ShortWrite, coded
from tests.crash.workload import HERE, KEEP_S, SITE, Life, StoodClock

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


class Slow(Exception):
    """No fault: the operation is carried out, and takes its time."""


def slow(_kind: str) -> Exception:
    return Slow()


SLOW_S = 7.0


class NthFails:
    """Fails at operation ``nth`` and, when it lasts, at every later one until it is over."""

    def __init__(self, nth: int, error: Callable[[str], Exception], *, lasting: bool) -> None:
        self.nth, self.error, self.lasting = nth, error, lasting
        self.count, self.struck, self.over = 0, False, False
        self.delay: Callable[[], None] = lambda: None

    def __call__(self, kind: str, size: int) -> None:
        self.count += 1
        if self.over or (self.count < self.nth or (self.struck and not self.lasting)):
            return
        self.struck = True
        error = self.error(kind)
        if isinstance(error, Slow):
            self.delay()
            return
        raise error


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
    disk.fault, fault.delay = fault, lambda: life.clock.pass_s(SLOW_S)
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


FAULTS = [io_error, no_space, short_write, busy, slow]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "for good"])
@pytest.mark.parametrize("error", FAULTS, ids=lambda error: error.__name__)
def test_no_fault_at_any_operation_loses_what_was_acknowledged(
    error: Callable[[str], Exception], lasting: bool
) -> None:
    for nth in itertools.count(1 + BEGIN, STEP):
        if not one_life(NthFails(nth, error, lasting=lasting)):
            assert nth > 100, "the workload is too short to say anything"
            return


class Bringer:
    """The store with its ring, and whoever brings samples to it: what is refused is brought again."""

    def __init__(self, disk: RecordedDisk) -> None:
        self.disk, self.clock = disk, StoodClock()
        self.store: Ringed | None = None
        self.pending: list[Entry] = []
        self.value = 0

    def open(self) -> None:
        store = Ringed(
            FOLDER / "kaga.db",
            max_bytes=4_000_000,
            keep_delivered_s=KEEP_S,
            clock=self.clock,
            identity=HERE,
            disk=self.disk,
        )
        channel = ("water_level", "m", 0.001, {})
        sensor = SensorDeclaration(id="level-1", channels=(channel,), driver="a02yyuw")
        store.declare([sensor], SITE, "gw")
        self.store = store

    def step(self, count: int) -> None:
        self.clock.pass_s(1)
        at = self.clock.now()
        for _ in range(count):
            self.value += 1
            reading = Reading(quantity=Quantity.WATER_LEVEL_M, value=float(self.value))
            self.pending.append(Entry(sample=Sample(sensor="level-1", at=at, readings=(reading,))))
        if self.store is not None and attempt(self._bring):
            self.pending = []
            if self.store.in_memory is not None:
                self.store.mend()

    def _bring(self) -> None:
        assert self.store is not None
        self.store.append(self.store.encode(self.pending))

    def held(self) -> list[int]:
        assert self.store is not None
        db = self.store._file._connection()
        return sorted(int(vals) for (vals,) in db.execute("SELECT vals FROM sample"))


def one_ringed_life(fault: NthFails) -> bool:
    """Live through a fault that ends; return whether it struck at all. Every sample is there once."""
    disk = RecordedDisk()
    life = Bringer(disk)
    disk.fault, fault.delay = fault, lambda: life.clock.pass_s(SLOW_S)
    for step in range(9):
        fault.over |= step == 6
        if life.store is None:
            attempt(life.open)
        life.step(step % 4 + 1)
    assert life.store is not None
    assert life.store.in_memory is None, "back on the disk with the next try"
    for _ in range(2):
        assert life.held() == list(range(1, life.value + 1))
        tallies = life.store.ledger().epochs
        assert sum(tally.waiting for tally in tallies) == life.value
        assert all(t.numbered == t.delivered + t.waiting + t.gone for t in tallies)
        life.store.close()
        life.open()
    life.store.close()
    disk.crash()
    return fault.struck


@pytest.mark.timeout(900)
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "until it ends"])
@pytest.mark.parametrize("error", FAULTS, ids=lambda error: error.__name__)
def test_whatever_is_refused_is_on_the_disk_exactly_once_when_the_fault_is_over(
    error: Callable[[str], Exception], lasting: bool
) -> None:
    for nth in itertools.count(1 + BEGIN, STEP):
        if not one_ringed_life(NthFails(nth, error, lasting=lasting)):
            assert nth > 50, "the workload is too short to say anything"
            return
