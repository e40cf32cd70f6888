"""After a cut: the store's own recovery runs on what was found, and must give back what it acknowledged."""

from __future__ import annotations

import random
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kaga_edge.core.ranges import Ranges
from kaga_edge.store.database import Database
from kaga_edge.vocabulary.errors import KagaError
from tests.crash.power import Cut, Mode, cuts
from tests.crash.recorded_disk import FOLDER, Operation, RecordedDisk
from tests.crash.workload import HERE, KEEP_S, MAX_BYTES, TABLES, Life, StoodClock, state

STEPS = 150
SKIPPING = {"notice", "removed", "gone", "ledger_line"}  # what declaring numbers as skipped writes


def recording(
    seed: int, steps: int = STEPS, halfway: Callable[[], None] | None = None, **disk: Any
) -> list[Operation]:
    """Run the workload on a recorded disk; return everything that was done to the disk.

    ``halfway`` is called while the store is closed, as for an update of the program.
    """
    recorded = RecordedDisk(state=state, **disk)
    life = Life(FOLDER / "kaga.db", recorded, random.Random(seed))
    database = life.open()
    for step in range(steps):
        if halfway is not None and step == steps // 2:
            database.close()
            halfway()
            database = life.open()
        life.step()
        database = life.database or database
    operations = list(recorded.operations)
    database.close()
    recorded.crash()
    return operations


@dataclass(slots=True)
class Verdicts:
    """What came of many cuts."""

    cuts: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    first: list[str] = field(default_factory=list)  # the first few, to be repeated by their seed

    def add(self, faults: Sequence[str], cut: Cut, seed: int) -> None:
        self.cuts += 1
        self.faults.update(fault.partition(":")[0] for fault in faults)
        if faults and len(self.first) < 5:
            self.first.append(f"seed {seed}, mode {cut.mode.name}, cut after {cut.at}: {'; '.join(faults)}")


def replay(mode: Mode, count: int, seed: int, **how: Any) -> Verdicts:
    """Cut the power ``count`` times, a new recording every 2,000. ``how``: see ``recording``."""
    verdicts = Verdicts()
    for n in range(0, count, 2000):
        operations = recording(seed + n, **how)
        chance = random.Random(seed + n + 1)
        with tempfile.TemporaryDirectory(dir=_memory(), prefix="kaga-cut-") as folder:
            for number, cut in enumerate(cuts(operations, mode, min(2000, count - n), chance)):
                try:
                    faults = recovered(cut, Path(folder), thorough=number % 8 == 0)
                except (sqlite3.Error, KagaError, TypeError, ValueError, LookupError) as error:
                    faults = [f"raised: {error!r}"]
                verdicts.add(faults, cut, seed + n)
    return verdicts


def recovered(cut: Cut, folder: Path, *, thorough: bool) -> list[str]:
    """Let the store open what the cut left; return what is wrong, each as "kind: more"."""
    for old in folder.iterdir():
        old.unlink()
    for name, content in cut.files.items():
        (folder / Path(name).name).write_bytes(content)
    faults: list[str] = []
    database = Database(
        folder / "kaga.db", max_bytes=MAX_BYTES, keep_delivered_s=KEEP_S, clock=StoodClock(), identity=HERE
    )
    db = database._connection()
    try:
        if database.set_aside is not None and not cut.mode.lying:
            faults.append(f"corrupt: set aside as {database.set_aside.name}")
        elif not cut.mode.lying:
            faults += _compared(cut, db)
            if db.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
                faults.append("corrupt: integrity_check")
        faults += _accounts(database, exact=not cut.mode.lying)
        if thorough or cut.mode.lying:
            faults += _goes_on(database)
    finally:
        database.close()
    return faults


def _compared(cut: Cut, db: Any) -> list[str]:
    """The database is exactly as acknowledged, or as the transaction under way would have left it."""
    if cut.acknowledged is None:
        return []  # nothing was acknowledged before the first epoch
    found = state(db)
    if found in (cut.acknowledged, cut.following):
        return []
    if found is None:
        return ["lost: everything"]
    for wanted in (cut.acknowledged, cut.following or cut.acknowledged):
        differing = {name for name, a, b in zip(TABLES, found, wanted, strict=True) if a != b}
        skipped = db.execute("SELECT count(*) FROM gone WHERE reason = 'skipped'").fetchone()[0]
        if differing <= SKIPPING and skipped:
            return []  # numbers that may have been used were given up: nothing that was stored is missing
    differing = {name for name, a, b in zip(TABLES, found, cut.acknowledged, strict=True) if a != b}
    return [f"lost: {', '.join(sorted(differing))}"]


def _accounts(database: Database, *, exact: bool) -> list[str]:
    """numbered = delivered + waiting + gone, and the books agree with counting."""
    faults = []
    db = database._connection()
    for tally, book in zip(database.ledger().epochs, database._books, strict=True):
        if tally.numbered != tally.delivered + tally.waiting + tally.gone:
            faults.append(f"ledger: {tally}")
        if not exact:
            continue
        ask = "SELECT count(*) FROM sample WHERE id BETWEEN ? AND ?"
        counted = db.execute(ask, (book.base, book.base + (1 << 40) - 1)).fetchone()[0]
        if counted != book.on_disk.count:
            faults.append(f"ledger: {counted} rows, the books say {book.on_disk.count}")
    return faults


def _goes_on(database: Database) -> list[str]:
    """It can store again, above every number it knows of."""
    life = Life(database.path, database._disk, random.Random(1))
    life.database = database
    life.declare()
    following = database._present.next_n
    life.append(3)
    first = min(n for _, n in life.acknowledged)
    if first != following:
        return [f"number: {first} instead of {following}"]
    return drains(database)


def drains(database: Database) -> list[str]:
    """Everything that waits can be loaded and confirmed, or is declared gone: nothing waits for ever."""
    for epoch in database.standing().epochs:
        while (book := database._book(epoch.ep)) is not None and (first := book.waiting.first) is not None:
            # What a salvage in between has found lies above where the epoch stood.
            rows = database.load(epoch.ep, first, book.next_n + 9, 500).rows
            if rows:
                database.confirm({epoch.ep: Ranges(((rows[0][0], rows[-1][0]),))}, {})
            elif database._book(epoch.ep) is book and book.waiting.first == first:
                return [f"stuck: at {first} of {epoch.ep}"]
    return []


def _memory() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None
