"""Tables of different moments in one file, as a card leaves them that lied about a sync: each part is
whole, together they make no sense. The store notices when it opens, and nothing waits for ever.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from kaga_edge.core.ranges import Ranges
from tests.crash.verdict import drains


@pytest.fixture
def spoiled(bench: Any) -> Callable[..., Any]:
    """A closed store of twenty rows over two boots, changed behind its back; opened again."""

    def spoil(*statements: str, note: bool = True) -> Any:
        database = bench.open()
        bench.add(database, 10)
        bench.clock.boot = "8d2e"
        bench.add(database, 9)
        database.append(database.encode([bench.entry(9.0, alerts=(bench.alert(),))]))
        bench.ep = database.epoch
        database.close()
        db = sqlite3.connect(bench.path, isolation_level=None)
        db.executescript(";".join(statements))
        db.close()
        if not note:
            bench.path.with_name("kaga.db.used").unlink()
        return bench.open()

    return spoil


def held(database: Any) -> int:
    return int(database._connection().execute("SELECT count(*) FROM sample").fetchone()[0])


def sums(database: Any) -> None:
    for tally in database.ledger().epochs:
        assert tally.numbered == tally.delivered + tally.waiting + tally.gone


def test_rows_of_an_epoch_that_is_not_listed_do_not_block_new_ones(bench: Any, spoiled: Any) -> None:
    database = spoiled("DELETE FROM epoch")

    assert bench.add(database).first > 20  # was: UNIQUE constraint failed, for ever
    assert database.epoch == bench.ep  # only one epoch is known to the mark beside the file
    assert database.set_aside is not None
    assert held(database) == 21
    assert drains(database) == []
    sums(database)


@pytest.mark.parametrize("note", [True, False], ids=["with the note", "without"])
def test_delivered_rows_under_a_new_name_were_a_gap_that_nobody_ever_declared(
    bench: Any, spoiled: Any, note: bool
) -> None:
    """Two marks beside a file without its epochs' names: the note tells which is meant, else none is."""
    bench.add(bench.open(), 12)
    bench.opened[-1].confirm({bench.opened[-1].epoch: Ranges.upto(12)}, {})
    bench.opened[-1].close()
    beside = bench.path.with_name("kaga.db.high")
    told = json.loads(beside.read_text())
    told["epochs"]["deadbeef"] = [1, 4096, 1, 64]
    beside.write_text(json.dumps(told))

    database = spoiled("DELETE FROM epoch", note=note)

    tally = database.ledger().epochs[0]
    assert (tally.ep == bench.ep) == note
    assert drains(database) == []
    sums(database)
    if note:
        assert tally.delivered == 12
    else:  # the platform has them under the name that is lost; under this one they never arrive
        assert dict(tally.reasons)["unreadable"] == 12
        assert tally.delivered == 0


def test_rows_between_two_epochs_are_found_too(bench: Any, spoiled: Any) -> None:
    stray = "INSERT INTO sample SELECT id + (6 << 40), sensor, at_ms, up_ms, vals, q, raw FROM sample"
    database = spoiled(stray + " LIMIT 3")

    assert held(database) == 23
    assert len(database.standing().epochs) >= 2  # under a name of their own: nobody may mistake them
    assert drains(database) == []
    sums(database)


def test_rows_before_the_first_known_run_are_delivered_and_claim_nothing_of_the_clock(
    bench: Any, spoiled: Any
) -> None:
    database = spoiled("DELETE FROM run WHERE first = 1")

    loaded = database.load(bench.ep, 1, 20, 99)
    assert [row[0] for row in loaded.rows] == list(range(1, 11))
    assert (loaded.run.c, loaded.run.boot) == (0, "0000")
    assert drains(database) == []


@pytest.mark.parametrize("lost", ["id & 0xFFFFFFFF <= 3", "id & 0xFFFFFFFF BETWEEN 5 AND 8", "1"])
def test_rows_the_books_know_and_the_table_lost_are_declared_gone(
    bench: Any, spoiled: Any, lost: str
) -> None:
    settled = "INSERT INTO removed SELECT i, 'row', 30, 30 FROM epoch"  # the books know of number 30
    database = spoiled(f"DELETE FROM sample WHERE {lost}", settled)

    assert drains(database) == []
    gone = database._book(bench.ep).all_gone
    rows = held(database)
    assert gone.both(Ranges(((1, 20),))).count == 20 - rows
    assert bench.add(database).first > 30
    sums(database)


def test_alerts_the_books_call_removed_and_the_table_still_has_do_no_harm(bench: Any, spoiled: Any) -> None:
    database = spoiled("INSERT INTO removed SELECT i, 'notice', 1, 5 FROM epoch")

    given = database.append(database.encode([bench.entry(1.0, alerts=(bench.alert(),))]))
    assert given.alerts_first > 5
    assert drains(database) == []


ASKED: dict[str, Callable[[Any], Any]] = {
    "declare_gone": lambda database: database.declare_gone(database.epoch, Ranges(((1, 5),)), "quarantined"),
    "standing": lambda database: database.standing(),
    "load": lambda database: database.load(database.epoch, 1, 9, 9),
}


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_a_row_with_text_for_a_time_is_damage_and_not_a_bug(bench: Any, spoiled: Any, ask: Any) -> None:
    """The disk swapped a page of another table in; whoever looked at the row's time then broke."""
    spoiled().close()
    spoil = "UPDATE sample SET at_ms = 'x' WHERE id & 0xFFFFFFFF = 1"
    for steps in (
        "UPDATE sqlite_schema SET sql = replace(sql, ' STRICT', '') WHERE name = 'sample'",
        f"{spoil}; UPDATE sqlite_schema SET sql = sql || ' STRICT' WHERE name = 'sample'",
    ):
        db = sqlite3.connect(bench.path, isolation_level=None)
        db.executescript(f"PRAGMA writable_schema = ON; {steps}")
        db.close()
    database = bench.open()

    ask(database)

    assert database.set_aside is not None
    assert held(database) == 19
    assert drains(database) == []
    sums(database)
