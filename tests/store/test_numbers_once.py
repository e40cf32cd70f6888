"""No number is given out twice, also when the end of the write-ahead log is spoilt or gone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FRAME_BYTES, HEAD_BYTES = 4120, 24


@pytest.fixture
def killed(bench: Any) -> tuple[Any, int, int]:
    """A store killed after ten appends; where its log stood before the last one, and the last number."""
    database = bench.open()
    for _ in range(9):
        bench.add(database, 2)
    log = bench.folder / "kaga.db-wal"
    before = log.stat().st_size
    last = bench.add(database, 2).last
    kept = bench.folder / "kept"
    kept.mkdir()
    for file in bench.folder.glob("kaga.db*"):
        shutil.copy(file, kept)
    database.close()
    for file in kept.iterdir():
        shutil.copy(file, bench.folder)
    return bench, before, last


def flip(at: int) -> Callable[[bytearray, int], None]:
    """Flip a bit at this place of every frame the last append wrote."""

    def spoil(log: bytearray, before: int) -> None:
        for frame in range(before, len(log), FRAME_BYTES):
            log[frame + at] ^= 0x10

    return spoil


def cut(more: int) -> Callable[[bytearray, int], None]:
    def spoil(log: bytearray, before: int) -> None:
        del log[before + more :]

    return spoil


SPOILT = {
    "page number": flip(3),
    "commit mark": flip(7),
    "first salt": flip(9),
    "second salt": flip(14),
    "checksum": flip(20),
    "page": flip(HEAD_BYTES + 100),
    "cut off whole": cut(0),
    "cut off after the head": cut(HEAD_BYTES),
    "cut off within the page": cut(1000),
    "cut off with what came before": cut(-2 * FRAME_BYTES),
    "gone": lambda log, _: log.clear(),
}


# Cut off, nothing is left that could tell but the note, which the system writes within half a minute.
BY_THE_LOG_ALONE = [how for how in SPOILT if not how.startswith(("cut off", "gone"))]


@pytest.mark.parametrize(
    ("how", "note"), [*((how, True) for how in SPOILT), *((how, False) for how in BY_THE_LOG_ALONE)]
)
def test_the_last_numbers_are_not_used_again(killed: Any, how: str, note: bool) -> None:
    bench, before, last = killed
    path: Path = bench.folder / "kaga.db-wal"
    log = bytearray(path.read_bytes())
    SPOILT[how](log, before)
    path.write_bytes(log)
    if not note:
        (bench.folder / "kaga.db.used").unlink()

    database = bench.open()

    given = bench.add(database)
    assert given.first > last or given.ep != bench.opened[0].epoch  # without any log not even that is left
    (tally,) = database.ledger().epochs
    assert tally.numbered == tally.delivered + tally.waiting + tally.gone


@pytest.mark.parametrize("content", [b"", b"x" * 45, b"00000000 1", b"\xff" * 60])
def test_a_spoilt_note_changes_nothing(bench: Any, content: bytes) -> None:
    bench.add(bench.open(), 5)
    bench.opened[-1].close()
    (bench.folder / "kaga.db.used").write_bytes(content)
    assert bench.add(bench.open()).first == 6


def test_a_clean_restart_skips_nothing(bench: Any) -> None:
    for begin in (1, 6, 11):
        database = bench.open()
        assert bench.add(database, 5).first == begin
        database.close()


def earlier(bench: Any, *names: str) -> tuple[int, str]:
    """Twenty samples; then the named files as they were after the first ten, as on a card that lied about
    every sync since. Returns the last number and the epoch."""
    database = bench.open()
    bench.add(database, 10)
    for name in names:
        shutil.copy(bench.folder / name, bench.folder / f"{name}.old")
    given = bench.add(database, 10)
    kept = {one.name: one.read_bytes() for one in bench.folder.glob("kaga.db*") if one.suffix != ".old"}
    database.close()
    for name, content in kept.items():
        (bench.folder / name).write_bytes(content)
    for name in names:
        (bench.folder / f"{name}.old").replace(bench.folder / name)
    return given.last, given.ep


FORGOTTEN = {
    "log": ("kaga.db-wal",),
    "log and note": ("kaga.db-wal", "kaga.db.used"),
    "all": ("kaga.db", "kaga.db-wal", "kaga.db.used", "kaga.db.high"),
}


@pytest.mark.parametrize("names", FORGOTTEN.values(), ids=FORGOTTEN)
@pytest.mark.parametrize("beside", [True, False], ids=["mark", "no mark"])
def test_a_power_cut_on_a_card_that_lied_lets_no_number_out_twice(
    bench: Any, names: tuple[str, ...], beside: bool
) -> None:
    """In one cut of twelve on such a card numbers that had been sent came again, with other samples."""
    last, ep = earlier(bench, *names)
    if not beside:
        (bench.folder / "kaga.db.high").unlink()
        (bench.folder / "kaga.db.used").unlink()
    bench.clock.boot = "beef"

    database = bench.open()

    given = bench.add(database, 1)
    assert given.ep != ep or given.first > last
    for tally in database.ledger().epochs:
        assert tally.numbered == tally.delivered + tally.waiting + tally.gone
    assert sum(len(database.load(one.ep, 1, 99_999, 99).rows) for one in database.standing().epochs) >= 10


def test_a_process_that_was_killed_goes_on_with_its_next_number(bench: Any) -> None:
    last, ep = earlier(bench)  # nothing forgotten: the same boot has everything
    given = bench.add(bench.open(), 1)
    assert (given.ep, given.first) == (ep, last + 1)


def test_a_machine_that_stopped_in_order_goes_on_with_its_next_number_at_the_next_boot(bench: Any) -> None:
    database = bench.open()
    bench.add(database, 10)
    given = bench.add(database, 10)
    database.end()
    bench.clock.boot = "beef"
    again = bench.add(bench.open(), 1)
    assert (again.ep, again.first) == (given.ep, given.last + 1)


def test_the_small_file_is_made_again_when_somebody_removed_it(bench: Any) -> None:
    """It came back with the next block only, up to 4,096 samples later: until then there was one mark."""
    database = bench.open()
    bench.add(database, 10)
    database.note({"command.ctr/operations": "412", "collect": "{}", "command/01J8": "{}"})
    database.close()
    beside = bench.folder / "kaga.db.high"
    before = json.loads(beside.read_text())
    beside.unlink()

    bench.open().close()

    after = json.loads(beside.read_text())
    assert after["facts"] == before["facts"] == {"command.ctr/operations": "412", "collect": "{}"}
    assert after["epochs"].keys() == before["epochs"].keys()
    assert [mark[1] for mark in after["epochs"].values()] == [mark[1] for mark in before["epochs"].values()]


@pytest.mark.parametrize("gone", [("kaga.db.high",), ()], ids=["note alone", "mark and note"])
def test_an_older_database_put_back_on_the_same_boot_lets_no_number_out_twice(
    bench: Any, gone: tuple[str, ...]
) -> None:
    database = bench.open()
    bench.add(database, 10)
    database.close()
    shutil.copy(bench.path, bench.folder / "backup")
    given = bench.add(bench.open(), 10)
    bench.opened[-1].close()
    (bench.folder / "backup").replace(bench.path)
    for name in gone:
        (bench.folder / name).unlink()

    assert bench.add(bench.open()).first > given.last
