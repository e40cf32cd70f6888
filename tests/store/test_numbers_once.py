"""No number is given out twice, also when the end of the write-ahead log is spoilt or gone."""

from __future__ import annotations

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
