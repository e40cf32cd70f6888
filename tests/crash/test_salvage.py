"""Bits flip, files are cut short, pages change places: the store is up again with what is still whole."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import sqlite3
import struct
import time
from pathlib import Path

import pytest

from kaga_edge.core.ranges import Ranges
from kaga_edge.store.book import NUMBER_MOST
from kaga_edge.store.database import Database
from kaga_edge.store.disk import Disk
from kaga_edge.store.highwater import marks_of
from kaga_edge.store.salvage import salvage
from tests.crash.mutations import MUTATIONS, PAGE_BYTES, Mutation, rows_by_page
from tests.crash.verdict import drains
from tests.crash.workload import HERE, KEEP_S, Life, StoodClock
from tests.quiet import quiet_s

FULL = bool(os.environ.get("KAGA_TEST_FULL"))
# The same cuts in every plain run, so that red means changed; new ones every time in a full run.
SEED = int(os.environ.get("KAGA_TEST_SEED", 0)) or (
    time.time_ns() % 1_000_000 if os.environ.get("KAGA_TEST_FULL") else 2018
)

FILES = 500 if FULL else 50  # of each of the four kinds
UP_WITHIN_S = 10.0


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Life]:
    """A stopped-by-kill store: rows in the file and in the log, and what was acknowledged."""
    folder = tmp_path_factory.mktemp("life")
    made = Life(folder / "kaga.db", Disk(), random.Random(20261122), max_bytes=64_000_000)
    database = made.open()
    for _ in range(150):
        made.append(40)
        if made.chance.random() < 0.1:
            made.confirm()
    database._connection().execute("PRAGMA wal_checkpoint(PASSIVE)")
    for _ in range(40):
        made.append(3)
    copy = tmp_path_factory.mktemp("killed")
    for file in folder.iterdir():
        shutil.copy(file, copy)
    database.close()
    return copy, made


@pytest.mark.timeout(900)
@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: mutate.__name__)
def test_a_spoilt_file_is_salvaged(life: tuple[Path, Life], mutate: Mutation, tmp_path: Path) -> None:
    source, made = life
    rows_of_page = rows_by_page(source / "kaga.db")
    for number in range(FILES):
        seed = SEED + number
        chance = random.Random(seed)
        name = "kaga.db" if number % 3 else "kaga.db-wal"
        folder = tmp_path / str(number)
        shutil.copytree(source, folder)
        content = bytearray((folder / name).read_bytes())
        touched = mutate(content, chance)
        (folder / name).write_bytes(content)
        lost = (
            set().union(*(rows_of_page.get(page, set()) for page in touched)) if name == "kaga.db" else set()
        )
        faults = _up_again(folder / "kaga.db", made, lost, in_log=name != "kaga.db")
        assert not faults, f"KAGA_TEST_SEED={SEED}, file {number} ({name}, {mutate.__name__}): {faults}"
        shutil.rmtree(folder)


def _up_again(path: Path, made: Life, lost: set[int], *, in_log: bool) -> list[str]:
    faults: list[str] = []
    before = quiet_s()
    database = Database(
        path, max_bytes=64_000_000, keep_delivered_s=KEEP_S, clock=StoodClock(), identity=HERE
    )
    try:
        life = Life(path, Disk(), random.Random(1))
        life.database, life.value = database, 10_000_000
        life.declare()
        # Reading it all meets the damage that opening did not; twice, as salvage may begin in between.
        for _ in range(2):
            for epoch in database.standing().epochs:
                n = 1  # as the uplink reads: from the end of what came to the next there is
                while rows := database.load(epoch.ep, n, NUMBER_MOST, 200).rows:
                    n = rows[-1][0] + 1
        every = database._connection().execute("SELECT id & ((1 << 40) - 1), vals FROM sample")
        by_number = dict(every.fetchall())
        if (took_s := quiet_s() - before) > UP_WITHIN_S:
            faults.append(f"took {took_s:.1f} s")
        wanted = {n: text for (_, n), text in made.acknowledged.items() if n not in lost}
        # In the log each row may be on a frame that is spoilt; in the file nearly all have whole pages.
        saved = sum(by_number.get(n) == text for n, text in wanted.items())
        share = saved / len(wanted)
        if share < (0.95 if in_log else 0.99):
            faults.append(f"saved {share:.3%} of the rows on whole pages")
        life.append(5)
        reused = set(life.acknowledged) & set(made.acknowledged)
        if reused:
            faults.append(f"numbers used twice: {sorted(reused)}")
        for tally in database.ledger().epochs:
            if tally.numbered != tally.delivered + tally.waiting + tally.gone:
                faults.append(f"ledger: {tally}")
        if database.set_aside is not None and not database.set_aside.exists():
            faults.append("the damaged file is gone")
        faults += drains(database)
    finally:
        database.close()
    return faults


def test_waiting_rows_keep_their_epoch_and_the_lost_ones_are_declared(
    life: tuple[Path, Life], tmp_path: Path
) -> None:
    source, made = life
    shutil.copytree(source, tmp_path / "s")
    path = tmp_path / "s" / "kaga.db"
    pages = rows_by_page(path)
    page, numbers = max(pages.items(), key=lambda item: len(item[1]))
    content = bytearray(path.read_bytes())
    content[page * PAGE_BYTES : (page + 1) * PAGE_BYTES] = bytes(PAGE_BYTES)
    path.write_bytes(content)
    (epoch,) = {ep for ep, _ in made.acknowledged}

    database = Database(
        path, max_bytes=64_000_000, keep_delivered_s=KEEP_S, clock=StoodClock(), identity=HERE
    )
    database.load(epoch, min(numbers), max(numbers), 500)

    assert database.set_aside is not None
    assert database.epoch == epoch
    gone = database._present.gone
    waiting = {n for n in numbers if (epoch, n) not in made.delivered}
    assert Ranges.of((n, n) for n in waiting).minus(gone.get("unreadable", Ranges())) == Ranges()
    highest = max(n for _, n in made.acknowledged)
    assert gone["skipped"].first == highest + 1
    assert database._present.next_n > gone["skipped"].last  # type: ignore[operator]
    database.close()


@pytest.mark.parametrize("further", [-1, 1])
def test_a_row_with_a_spoilt_number_never_takes_another_rows_place(
    life: tuple[Path, Life], tmp_path: Path, further: int
) -> None:
    source, made = life
    shutil.copytree(source, tmp_path / "s")
    path = tmp_path / "s" / "kaga.db"
    content = bytearray(path.read_bytes())
    pages = sorted(rows_by_page(path).items(), key=lambda item: min(item[1]))
    page, numbers = pages[len(pages) // 2]
    # Two rows of this page now say that they are 128 further on or back: on another page.
    meant = [n for n in sorted(numbers) if (n >> 7 & 1) == (further < 0)][1:3]
    for n in meant:
        wrong = _spoil_number(content, page, n)
        assert abs(wrong - n) == 128
        assert wrong not in numbers
    path.write_bytes(content)

    saved = salvage(path, tmp_path / "new.db", marks_of(path), HERE, made_ms=0)

    assert saved.rows > 0
    with contextlib.closing(sqlite3.connect(tmp_path / "new.db")) as db:
        held = dict(db.execute("SELECT id & ((1 << 40) - 1), vals FROM sample"))
    told = {n: text for (_, n), text in made.acknowledged.items()}
    assert {n: text for n, text in held.items() if told.get(n, text) != text} == {}
    assert not set(meant) & set(held)


def _spoil_number(content: bytearray, page: int, n: int) -> int:
    """Flip one bit in the id of a row, where it lies on its page; return the number it has now."""
    piece = bytes(content[page * PAGE_BYTES : (page + 1) * PAGE_BYTES])
    count = int.from_bytes(piece[3:5], "big")
    for cell in struct.unpack_from(f">{count}H", piece, 8):
        at = cell + 1 if piece[cell] < 0x80 else cell + 2  # behind the payload's length
        end = next(i for i in range(at, at + 9) if piece[i] < 0x80)
        rowid = 0
        for byte in piece[at : end + 1]:
            rowid = rowid << 7 | byte & 0x7F
        if rowid & (1 << 40) - 1 == n:
            content[page * PAGE_BYTES + end - 1] ^= 1
            return n ^ 128
    raise AssertionError(f"no row {n} on page {page}")
