"""Rows dated by a guess get their true time once their boot's clock is known; those that left keep theirs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kaga_edge.core import message
from kaga_edge.core.ranges import Ranges
from kaga_edge.core.timekeeping import Correction
from kaga_edge.receiver.reading import batch_of
from kaga_edge.store.database import Database
from kaga_edge.vocabulary.readings import ClockTrust, Flag

GUESS = 1_700_000_000_000
TRUE_OFFSET = 1_790_000_000_000
NONE = Ranges()


def known(trust: ClockTrust = ClockTrust.NTP, boot: str = "7c1d") -> Correction:
    return Correction(boot=boot, offset_ms=TRUE_OFFSET, uncertainty_ms=5, trust=trust)


def retime(database: Database, correction: Correction, left: Ranges = NONE) -> int:
    total, place = 0, (0, 0)
    while place is not None:
        rows, place = database.retime(correction, {database.epoch: left}, place)
        total += rows
    return total


def measure(bench: Any, database: Database, count: int, **how: Any) -> None:
    for _ in range(count):
        bench.clock.pass_s(1)
        bench.add(database, 1, **how)


def times(database: Database) -> dict[int, tuple[int, int, str | None, int]]:
    """Return n → (at, up, q, trust) of every row, through ``load`` as the uplink reads."""
    found, n = {}, 1
    while rows := (loaded := database.load(database.epoch, n, 10**6, 500)).rows:
        found.update({row[0]: (row[2], row[3], row[5], loaded.run.c) for row in rows})
        n = rows[-1][0] + 1
    return found


@pytest.fixture
def doubtful(bench: Any) -> Database:
    bench.clock.trust = ClockTrust.LAST_KNOWN
    return bench.open()


def test_waiting_rows_of_the_boot_are_moved_and_flagged_and_keep_their_numbers(
    bench: Any, doubtful: Database
) -> None:
    measure(bench, doubtful, 3)
    doubtful.append(doubtful.encode([bench.entry(None, flags=Flag.MISSING)]))
    before = times(doubtful)
    assert retime(doubtful, known()) == 4
    after = times(doubtful)
    assert list(after) == list(before)
    assert all(at == up + TRUE_OFFSET for at, up, _q, _c in after.values())
    assert [q for _at, _up, q, _c in after.values()] == ["256", "256", "256", "384"]
    assert {c for *_rest, c in after.values()} == {ClockTrust.NTP}


def test_rows_that_may_have_left_and_delivered_ones_are_not_touched(bench: Any, doubtful: Database) -> None:
    measure(bench, doubtful, 10)
    doubtful.confirm({doubtful.epoch: Ranges(((7, 8),))}, {})
    before = times(doubtful)
    assert retime(doubtful, known(), left=Ranges.upto(4)) == 4
    after = times(doubtful)
    untouched = (1, 2, 3, 4, 7, 8)
    assert [n for n in after if after[n] == before[n]] == list(untouched)
    assert all(after[n][3] == ClockTrust.NTP for n in (5, 6, 9, 10))


def test_a_backlog_behind_rows_that_left_is_re_timed_all_the_same(bench: Any, doubtful: Database) -> None:
    """Found with a platform of our own: one live row had left, and a whole backlog kept its guess."""
    measure(bench, doubtful, 1200)
    before = times(doubtful)
    left = Ranges(((1, 2), (700, 710), (1195, 1196)))
    assert retime(doubtful, known(), left=left) == 1200 - left.count
    after = times(doubtful)
    assert Ranges.of((n, n) for n in after if after[n] == before[n]) == left
    doubtful.close()
    assert times(bench.open()) == after


def test_a_long_backlog_goes_in_chunks_and_ends_in_few_runs(bench: Any, doubtful: Database) -> None:
    for _ in range(30):
        bench.clock.pass_s(1)
        bench.add(doubtful, 50)
    assert retime(doubtful, known()) == 1500
    runs = doubtful._present.runs
    assert [(run.first, run.trust) for run in runs] == [(1, ClockTrust.NTP)]
    doubtful.close()
    again = bench.open()
    assert again._present.runs == runs
    assert all(q == "256" for _at, _up, q, _c in times(again).values())


def test_doing_it_twice_changes_nothing_more(bench: Any, doubtful: Database) -> None:
    measure(bench, doubtful, 5)
    retime(doubtful, known(ClockTrust.LAST_KNOWN))
    once = times(doubtful)
    assert retime(doubtful, known(ClockTrust.LAST_KNOWN)) == 5
    assert times(doubtful) == once


def test_only_rows_of_that_boot_with_a_doubtful_clock_are_meant(bench: Any, doubtful: Database) -> None:
    measure(bench, doubtful, 2)
    bench.clock.boot = "beef"
    measure(bench, doubtful, 2)
    bench.clock.trust = ClockTrust.NTP
    measure(bench, doubtful, 2)
    assert [b.boot for b in doubtful.doubtful_boots()] == ["7c1d", "beef"]
    before = times(doubtful)
    assert retime(doubtful, known(boot="beef")) == 2
    after = times(doubtful)
    assert [n for n in after if after[n] != before[n]] == [3, 4]
    assert [b.boot for b in doubtful.doubtful_boots()] == ["7c1d"]


def test_rows_appended_afterwards_carry_their_own_trust(bench: Any, doubtful: Database) -> None:
    measure(bench, doubtful, 3)
    retime(doubtful, known())
    measure(bench, doubtful, 2)  # measured before the news, committed after it
    bench.clock.trust, bench.clock.wall_ms = ClockTrust.NTP, bench.clock.up_ms + TRUE_OFFSET
    measure(bench, doubtful, 2)
    assert [c for *_rest, c in times(doubtful).values()] == [2, 2, 2, 1, 1, 2, 2]


def test_a_re_timed_batch_keeps_its_boot_and_the_receiver_reads_the_same_boot_clock(
    bench: Any, doubtful: Database
) -> None:
    measure(bench, doubtful, 3)
    retime(doubtful, known())
    loaded = doubtful.load(doubtful.epoch, 1, 3, 10)
    batch = batch_of(message.batch(loaded.rows, loaded.run))
    assert (batch.c, batch.boot) == (2, "7c1d")
    assert [(row.at_ms, row.up_ms) for row in batch.rows] == [(r[2], r[3]) for r in loaded.rows]


def test_the_event_tells_listeners_and_waits_as_a_notice(bench: Any) -> None:
    heard: list[Any] = []
    database = bench.open(on_change=heard.append)
    e = database.declare_clock(boot="7c1d", offset_ms=TRUE_OFFSET, uncertainty_ms=5, at=bench.clock.now())
    (notice,) = database.load_notices(database.epoch, e, e)
    assert json.loads(notice.body)["data"] == {
        "boot": "7c1d",
        "offset_ms": TRUE_OFFSET,
        "uncertainty_ms": 5,
        "c": 2,
    }
    assert heard[-1].notices_first == e
