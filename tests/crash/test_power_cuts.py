"""The current goes away at any moment; nothing acknowledged is lost, nothing is there by half.

The store's own code writes to a recorded disk (``recorded_disk.py``), the recording is cut anywhere
(``power.py``), and what is left is opened by the store's own recovery with the standard library's SQLite
(``verdict.py``). A failure prints the seed that repeats it.
"""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import tempfile
import time
from pathlib import Path

import pytest

from kaga_edge.store import file
from tests.crash.power import HONEST, LYING, Mode, cuts
from tests.crash.recorded_disk import FOLDER, RecordedDisk
from tests.crash.verdict import STEPS, recording, recovered, replay
from tests.crash.workload import Life

FULL = bool(os.environ.get("KAGA_TEST_FULL"))
# The same cuts in every plain run, so that red means changed; new ones every time in a full run.
SEED = int(os.environ.get("KAGA_TEST_SEED", 0)) or (
    time.time_ns() % 1_000_000 if os.environ.get("KAGA_TEST_FULL") else 2018
)
CUTS = 17_000 if FULL else 1_700  # of each of six honest modes: 100,000 together, 10,000 in every run
LYING_CUTS = CUTS if FULL else 400  # of each of two lying ones
SELF_TEST_CUTS = 300
by_name = {"ids": lambda mode: mode.name}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("mode", HONEST, **by_name)
def test_an_honest_disk_loses_nothing_at_any_cut(mode: Mode) -> None:
    verdicts = replay(mode, CUTS, SEED)
    assert not verdicts.faults, (f"KAGA_TEST_SEED={SEED}", verdicts.faults, verdicts.first)
    assert verdicts.cuts == CUTS


@pytest.mark.timeout(900)
@pytest.mark.parametrize("mode", LYING, **by_name)
def test_a_lying_disk_never_stops_the_store_and_the_ledger_still_adds_up(mode: Mode) -> None:
    verdicts = replay(mode, LYING_CUTS, SEED)
    assert not verdicts.faults, (f"KAGA_TEST_SEED={SEED}", verdicts.faults, verdicts.first)


MIGRATION = """
CREATE TABLE extra (id INTEGER PRIMARY KEY, up_ms INTEGER NOT NULL) STRICT;
INSERT INTO extra SELECT id, up_ms FROM sample;
CREATE INDEX sample_at ON sample (at_ms);
"""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("mode", HONEST[2:5], **by_name)
def test_a_cut_during_a_migration_leaves_the_old_or_the_new_store_whole(
    mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Halfway through the workload a later version of the program takes over, with steps of its own."""
    real = file.schema_steps
    monkeypatch.setattr(file, "schema_steps", lambda version: MIGRATION if version == 2 else real(version))

    def update() -> None:
        monkeypatch.setattr(file, "SCHEMA_VERSION", 2)

    operations = recording(SEED, 20, halfway=update)
    folder_of = tempfile.TemporaryDirectory(prefix="kaga-cut-")
    with folder_of as folder:
        for cut in cuts(operations, mode, CUTS // 10, random.Random(SEED)):
            faults = recovered(cut, Path(folder), thorough=False)
            with contextlib.closing(sqlite3.connect(Path(folder) / "kaga.db")) as db:
                (version,) = db.execute("PRAGMA user_version").fetchone()
                extra, rows = (
                    db.execute(f"SELECT count(*) FROM {table} WHERE {which}").fetchone()[0]
                    for table, which in (("extra", "1"), ("sample", "id IN (SELECT id FROM extra)"))
                )
            assert (faults, version) == ([], 2), f"KAGA_TEST_SEED={SEED}, cut after {cut.at}"
            assert rows <= extra


def test_the_workload_does_everything_a_store_does() -> None:
    kinds = {type(operation).__name__ for operation in recording(SEED)}
    assert kinds == {"Write", "Truncate", "Sync", "Link", "SyncDirectory", "Commit"}
    disk = RecordedDisk()
    life = Life(FOLDER / "kaga.db", disk, random.Random(SEED))
    database = life.open()
    for _ in range(STEPS):
        life.step()
        database = life.database or database
    *earlier, present = database.ledger().epochs
    reasons = {why for tally in (*earlier, present) for why, _ in tally.reasons}
    database.close()
    disk.crash()
    assert reasons >= {"quarantined", "thinned"}
    assert any(tally.thinned for tally in earlier)


SPOILED = {
    "synchronous = NORMAL": ({"spoil": ("synchronous = NORMAL",)}, HONEST[0], "lost"),
    "psow = 1, 512 B ruined": ({"psow": 1}, HONEST[3], "lost"),
    "psow = 1, 4 KiB ruined": ({"psow": 1}, HONEST[4], "lost"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_the_harness_finds_the_losses_of_a_weaker_setting(name: str) -> None:
    disk, mode, fault = SPOILED[name]
    verdicts = replay(mode, SELF_TEST_CUTS, SEED, **disk)
    assert verdicts.faults[fault] >= SELF_TEST_CUTS // 20, verdicts
