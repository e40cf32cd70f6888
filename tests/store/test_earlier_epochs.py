"""What waited before memory took over from a sick disk is thinned like the rest, in its own epoch.

Before, it only expired: a month offline with one disk fault in it could lose its crest.
"""

from __future__ import annotations

import json
from typing import Any

from kaga_edge.store.database import Database
from kaga_edge.store.file import Identity
from kaga_edge.store.memory import NoDisk
from tests.crash.verdict import drains

CREST_M = 4.321
EVERY_S = 60
OTHER = Identity(machine="b" * 32, board="2")


def measure(bench: Any, database: Database, count: int) -> None:
    for _ in range(count):
        bench.clock.pass_s(EVERY_S)
        bench.add(database, 1)


def before_and_after_a_fault(bench: Any) -> tuple[Database, str]:
    """A flood of 300 rows, a fault, 20 rows that memory took. Returns the first epoch's name too."""
    database = bench.open()
    measure(bench, database, 150)
    database.append(database.encode([bench.entry(CREST_M)]))
    measure(bench, database, 149)
    before = database.epoch
    ring = Database(
        bench.path,
        max_bytes=4_000_000,
        keep_delivered_s=60.0,
        clock=bench.clock,
        identity=bench.here,
        disk=NoDisk(),
    )
    ring.declare((bench.level, bench.rain), bench.site, "daishoji-01")
    measure(bench, ring, 20)
    database.adopt(ring)
    ring.close()
    assert database.epoch != before
    return database, before


def make_room(database: Database, most: int = 50) -> int:
    """Make room until nothing can be thinned any more; returns how many rows expired."""
    for _ in range(most):
        made = database.relieve()
        if made is None or made.expired:
            return made.expired if made is not None else 0
    raise AssertionError("it never ends")


def rows(database: Database, ep: str) -> dict[int, str]:
    found: dict[int, str] = {}
    while loaded := database.load(ep, max(found, default=0) + 1, 10**6, 500).rows:
        found |= {row[0]: row[4] for row in loaded}
    return found


def numbered(database: Database, ep: str) -> int:
    return next(tally.numbered for tally in database.ledger().epochs if tally.ep == ep)


def exact(database: Database) -> None:
    for tally in database.ledger().epochs:
        assert tally.numbered == tally.delivered + tally.waiting + tally.gone


def test_rows_from_before_a_disk_fault_are_summed_up_with_their_crest(bench: Any) -> None:
    database, before = before_and_after_a_fault(bench)

    thinned = database.relieve()

    assert thinned is not None
    assert (thinned.thinned, thinned.expired) == (300, 0)
    held = rows(database, before)
    assert min(held) == 301  # new numbers at the end of the epoch that the old ones are of
    assert any(str(CREST_M) in vals.split(",") for vals in held.values())
    notice = database.load_notices(before, 1, 9)[-1]
    told = json.loads(notice.body)
    assert (told["ep"], told["g"][0][:3]) == (before, [1, 300, "thinned"])
    exact(database)
    assert drains(database) == []


def test_they_are_thinned_further_before_anything_expires(bench: Any) -> None:
    database, before = before_and_after_a_fault(bench)
    held = -1
    while (made := database.relieve()) is not None and not made.expired:
        found = rows(database, before).values()
        assert any(str(CREST_M) in vals.split(",") for vals in found)
        held = len(found)
    assert 0 < held <= 6  # five hours, in windows of an hour
    exact(database)


def test_that_goes_on_over_a_restart_and_a_second_fault(bench: Any) -> None:
    database, before = before_and_after_a_fault(bench)
    database.close()
    database = bench.open()

    made = database.relieve()

    assert made is not None
    assert made.thinned == 300
    database.close()
    assert max(rows(bench.open(), before)) > 300


def test_a_copied_card_adds_no_number_to_what_the_first_machine_goes_on_with(bench: Any) -> None:
    """Also when it comes back: the first machine has gone on with another copy meanwhile."""
    database, before = before_and_after_a_fault(bench)
    database.close()
    bench.open(identity=OTHER).close()

    for identity in (OTHER, bench.here):
        database = bench.open(identity=identity)
        make_room(database)
        assert numbered(database, before) == 300
        exact(database)
        database.close()


def test_a_power_cut_on_a_card_that_lied_lets_none_of_those_numbers_out_twice(bench: Any) -> None:
    database, before = before_and_after_a_fault(bench)
    database.close()
    names = ("kaga.db", "kaga.db-wal", "kaga.db.high", "kaga.db.used")
    kept = {name: (bench.folder / name).read_bytes() for name in names if (bench.folder / name).exists()}
    database = bench.open()
    database.relieve()
    given = max(rows(database, before))
    left = (bench.folder / "kaga.db-wal").read_bytes()  # a log without a commit that counts: it was cut off
    database.close()
    for name, content in kept.items():
        (bench.folder / name).write_bytes(content)
    (bench.folder / "kaga.db-wal").write_bytes(left[:32])
    bench.clock.boot = "beef"

    database = bench.open()

    database.relieve()
    assert min(rows(database, before)) > given
    exact(database)


def test_an_epoch_whose_highest_number_nobody_knows_is_left_alone(bench: Any) -> None:
    database, before = before_and_after_a_fault(bench)
    database.note({f"high.{before}": "", "nothing": ""})
    database.close()
    beside = bench.folder / "kaga.db.high"
    told = json.loads(beside.read_text())
    del told["epochs"][before]
    beside.write_text(json.dumps(told))
    (bench.folder / "kaga.db.used").unlink()
    with bench.path.open("r+b") as file:  # page 1: the table list
        file.write(b"\0" * 100)

    database = bench.open()

    assert database.set_aside is not None
    make_room(database)
    assert numbered(database, before) == 300
    exact(database)
