"""What is appended stays, with its number; what is delivered, gone or forgotten adds up."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest

from kaga_edge.core.message import catalog_digest
from kaga_edge.core.ranges import Ranges
from kaga_edge.core.stored import Committed, Gone, SensorDeclaration
from kaga_edge.store.errors import StoreError
from kaga_edge.store.file import Identity
from kaga_edge.vocabulary.readings import ClockTrust, Flag


def span(first: int, last: int) -> Ranges:
    return Ranges(((first, last),))


def counted(database: Any) -> dict[str, tuple[int, int]]:
    """(rows on disk by counting, rows on disk by the books) of each epoch."""
    db = database._connection()
    found = {}
    for book in database._books:
        (rows,) = db.execute("SELECT count(*) FROM sample WHERE id >> 40 = ?", (book.i,)).fetchone()
        found[book.ep] = (rows, book.on_disk.count)
    return found


# --- appending and loading ---


def test_rows_come_back_as_they_go_over_the_wire(bench: Any) -> None:
    database = bench.open()
    rows = [bench.entry(1.695), bench.entry(None, raw=b"\xff\x00"), bench.entry(0.2, sensor="rain-1")]

    given = database.append(database.encode(rows))

    loaded = database.load(given.ep, 1, 99, 99)
    at, up = bench.clock.wall_ms, bench.clock.up_ms
    assert loaded.rows == [
        (1, 0, at, up, "1.695", None),
        (2, 0, at, up, "null", "128"),
        (3, 1, at, up, "0.2", None),
    ]
    assert (loaded.run.boot, loaded.run.c) == ("7c1d", 2)
    assert (given.first, given.last, given.alerts_first) == (1, 3, None)
    assert database._connection().execute("SELECT raw FROM sample WHERE raw NOT NULL").fetchall() == [
        (b"\xff\x00",)
    ]


def test_an_alert_is_committed_with_its_row_and_knows_its_number(bench: Any) -> None:
    database = bench.open()
    bench.add(database, 4)

    given = database.append(database.encode([bench.entry(1.34, alerts=(bench.alert(),)), bench.entry(1.0)]))

    (notice,) = database.load_notices(given.ep, 1, 9)
    body = json.loads(notice.body)
    assert (given.alerts_first, given.alerts_last) == (1, 1)
    assert (notice.kind, notice.key, notice.leaf, notice.e) == ("alert", "danger/level-1", "alert", 1)
    assert body["id"] == f"daishoji-01/{given.ep}/e1"
    assert body["data"]["n"] == 5
    assert body["data"]["state"] == "raised"


def test_a_batch_never_crosses_a_change_of_boot_clock_trust_or_catalog(bench: Any) -> None:
    database = bench.open()
    bench.add(database, 3)
    bench.clock.trust = ClockTrust.GNSS
    bench.add(database, 2)
    bench.clock.boot = "9e9e"
    bench.add(database, 2)
    changed = SensorDeclaration(
        id="level-1", channels=(("water_level", "m", 0.001, {"cal": "2026-11-02"}),), driver="x"
    )
    new_catalog = database.declare((changed,), bench.site, "daishoji-01")
    bench.add(database, 2)

    pieces, n = [], 1
    while (loaded := database.load(database.epoch, n, 99, 99)).rows:
        pieces.append((len(loaded.rows), loaded.run.c, loaded.run.boot))
        n = loaded.rows[-1][0] + 1
    assert pieces == [(3, 2, "7c1d"), (2, 3, "7c1d"), (2, 3, "9e9e"), (2, 3, "9e9e")]
    assert loaded.rows == []
    assert database.load(database.epoch, 8, 99, 99).run.k == new_catalog.k
    assert set(database.catalogs_waiting()) > {new_catalog.k}


def test_a_load_starts_at_the_first_row_there_is_and_stops_at_a_hole(bench: Any) -> None:
    database = bench.open(keep_delivered_s=0)
    bench.add(database, 40)
    database.confirm({database.epoch: Ranges.of([(1, 5), (20, 24)])}, {})
    while database.purge(bench.clock.now())[1]:
        pass

    assert [row[0] for row in database.load(database.epoch, 1, 99, 99).rows] == list(range(6, 20))
    assert [row[0] for row in database.load(database.epoch, 20, 99, 3).rows] == [25, 26, 27]
    assert database.load(database.epoch, 41, 99, 9).rows == []
    assert database.load("00000000", 1, 9, 9).rows == []


def test_a_load_holds_about_what_fits_one_message(bench: Any) -> None:
    many = tuple((f"c{n}", "m", 0.0001, {}) for n in range(200))
    database = bench.open(sensors=(SensorDeclaration(id="level-1", channels=many, driver="x"),))
    entry = bench.entry()
    wide = type(entry.sample)(sensor="level-1", at=entry.sample.at, readings=entry.sample.readings * 200)
    database.append(database.encode([type(entry)(sample=wide)] * 100))

    rows = database.load(database.epoch, 1, 100, 100).rows
    assert 10 < len(rows) < 100
    assert sum(len(row[4]) for row in rows) <= 60 * 1024


def test_nothing_may_be_appended_before_the_sensors_are_declared(bench: Any) -> None:
    database = bench.open(declare=False)
    with pytest.raises(RuntimeError, match="declare"):
        bench.add(database)


# --- declaring ---


def test_the_catalog_is_stored_under_its_digest_and_comes_back(bench: Any) -> None:
    database = bench.open(declare=False)
    catalog = database.declare((bench.level, bench.rain), bench.site, "daishoji-01")

    assert catalog.index == {"level-1": 0, "rain-1": 1}
    assert catalog.k == catalog_digest(catalog.body)
    assert database.catalog_body(catalog.k) == catalog.body
    assert catalog.body["s"][0]["ch"][0] == {
        "id": "water_level",
        "u": "m",
        "res": 0.001,
        "datum": "gauge zero",
    }
    assert database.catalog_body("ffffffff") is None


def test_an_index_is_never_given_to_another_sensor_or_channel_list(bench: Any) -> None:
    database = bench.open()
    two = SensorDeclaration(
        id="level-1", channels=(*bench.level.channels, ("water_depth", "m", 0.001, {})), driver="a02yyuw"
    )
    assert database.declare((two,), bench.site, "daishoji-01").index == {"level-1": 2}
    database.close()

    again = bench.open(declare=False)
    back = again.declare((bench.rain, bench.level), bench.site, "daishoji-01")
    assert back.index == {"rain-1": 1, "level-1": 0}


def test_rows_encoded_before_a_new_declaration_keep_the_catalog_they_were_made_for(bench: Any) -> None:
    database = bench.open()
    encoded = database.encode([bench.entry(1.0)])
    two = SensorDeclaration(id="level-1", channels=(*bench.level.channels,) * 2, driver="a02yyuw")
    old_k = database._known().k
    database.declare((two,), bench.site, "daishoji-01")

    database.append(encoded)

    assert database.load(database.epoch, 1, 1, 1).run.k == old_k
    assert database.load(database.epoch, 1, 1, 1).rows[0][1] == 0


# --- delivering ---


def test_confirming_many_rows_keeps_one_range_on_disk(bench: Any) -> None:
    database = bench.open()
    bench.add(database, 300)
    for first in range(1, 300, 10):
        database.confirm({database.epoch: span(first, first + 9)}, {})

    held = database._connection().execute("SELECT first, last FROM delivered").fetchall()
    assert held == [(1, 300)]


def test_where_it_stands_is_the_same_before_and_after_a_restart(bench: Any) -> None:
    database = bench.open()
    bench.add(database, 10)
    database.append(database.encode([bench.entry(9, alerts=(bench.alert(), bench.alert("cleared")))]))
    database.confirm({database.epoch: Ranges.of([(1, 4), (7, 8)])}, {database.epoch: span(1, 1)})
    database.declare_gone(database.epoch, span(5, 5), "quarantined")
    before = database.standing()
    database.close()

    after = bench.open().standing()

    assert after == before
    (epoch,) = after.epochs
    assert epoch.waiting == Ranges(((6, 6), (9, 11)))
    assert epoch.notices_waiting == span(2, 3)
    assert (epoch.next_n, epoch.next_e, epoch.delivered_upto) == (12, 4, 5)
    assert epoch.oldest_at_ms == bench.clock.wall_ms


def test_confirming_what_was_never_given_out_or_is_gone_changes_nothing(bench: Any) -> None:
    database = bench.open()
    bench.add(database, 5)
    database.declare_gone(database.epoch, span(2, 2), "quarantined")
    database.confirm({database.epoch: span(1, 900), "ffffffff": span(1, 9)}, {database.epoch: span(1, 900)})

    (tally,) = database.ledger().epochs
    assert (tally.numbered, tally.delivered, tally.waiting, tally.gone) == (5, 4, 0, 1)
    assert bench.add(database).first == 6


# --- gone and the ledger ---


def test_gone_rows_are_declared_once_with_reason_and_replacement(bench: Any) -> None:
    database = bench.open()
    bench.add(database, 10)
    e = database.declare_gone(database.epoch, span(3, 6), "thinned", span(9, 10))

    (notice,) = database.load_notices(database.epoch, e, e)
    assert (notice.kind, notice.leaf) == ("gone", "gone")
    assert json.loads(notice.body) == {
        "v": 1, "ep": database.epoch, "e": 1, "g": [[3, 6, "thinned", [9, 10]]]
    }  # fmt: skip
    assert database.declare_gone(database.epoch, span(3, 6), "thinned") == 0
    assert database.load_notices(database.epoch, 1, 99) == [notice]


def test_a_ledger_line_names_sensor_time_and_numbers_until_it_is_reported(bench: Any) -> None:
    database = bench.open()
    begin = bench.clock.wall_ms
    bench.add(database, 2)
    bench.clock.pass_s(60)
    bench.add(database, 1, sensor="rain-1")
    bench.clock.pass_s(60)
    bench.add(database, 1)
    database.declare_gone(database.epoch, span(1, 4), "expired")

    rain, level = sorted(database.ledger().lines, key=lambda line: line.rows)
    assert (level.sensor, level.why, level.rows, level.n) == (
        "level-1",
        "expired",
        3,
        Ranges(((1, 2), (4, 4))),
    )
    assert (level.from_ms, level.to_ms) == (begin, begin + 120_000)
    assert (rain.sensor, rain.rows) == ("rain-1", 1)

    database.ledger_reported(max(level.id, rain.id))
    assert database.ledger().lines == ()


def test_lines_grow_until_somebody_has_seen_them(bench: Any) -> None:
    database = bench.open()
    bench.add(database, 6)
    database.declare_gone(database.epoch, span(1, 1), "expired")
    database.declare_gone(database.epoch, span(2, 2), "expired")
    (seen,) = database.ledger().lines
    database.declare_gone(database.epoch, span(3, 3), "expired")

    first, second = database.ledger().lines
    assert first == seen
    assert (first.rows, second.rows) == (2, 1)


def test_an_unknown_reason_is_refused(bench: Any) -> None:
    database = bench.open()
    bench.add(database)
    with pytest.raises(StoreError, match="no such reason"):
        database.declare_gone(database.epoch, span(1, 1), "boredom")


def test_a_clock_event_joins_the_alert_sequence(bench: Any) -> None:
    database = bench.open()
    e = database.declare_clock(boot="7c1d", offset_ms=5, uncertainty_ms=20, at=bench.clock.now())
    (notice,) = database.load_notices(database.epoch, e, e)
    assert (notice.kind, notice.leaf, e) == ("clock", "alert", 1)
    assert json.loads(notice.body)["data"]["offset_ms"] == 5


# --- forgetting ---


def purge_all(database: Any, now: Any) -> dict[str, int]:
    total = {"delivered": 0, "early": 0, "expired": 0, "notices": 0}
    more = True
    while more:
        part, more = database.purge(now)
        for name in total:
            total[name] += getattr(part, name)
    return total


def test_delivered_rows_stay_for_the_grace_period_and_then_go(bench: Any) -> None:
    database = bench.open(keep_delivered_s=86_400)
    given = database.append(database.encode([bench.entry(1.0, alerts=(bench.alert(),))]))
    bench.add(database, 1199)
    database.confirm({given.ep: span(1, 1150)}, {given.ep: span(1, 1)})
    for _ in range(23):
        assert purge_all(database, bench.clock.now())["delivered"] == 0
        bench.clock.pass_s(3600)
    database.close()

    database = bench.open(keep_delivered_s=86_400)  # a restart in between costs an hour, not the rows
    for _ in range(3):
        total = purge_all(database, bench.clock.now())
        bench.clock.pass_s(3600)

    assert (total["delivered"], total["notices"]) == (1150, 1)
    assert counted(database) == {database.epoch: (50, 50)}
    assert database.standing().epochs[0].waiting == span(1151, 1200)
    assert bench.add(database).first == 1201


def test_a_clock_that_jumps_fifty_years_throws_nothing_away(bench: Any) -> None:
    bench.clock.wall_ms = 0
    database = bench.open()
    bench.add(database, 10)
    database.confirm({database.epoch: span(1, 10)}, {})
    purge_all(database, bench.clock.now())
    bench.clock.wall_ms = 1_700_000_000_000
    assert purge_all(database, bench.clock.now())["delivered"] == 0


def test_numbers_are_not_reused_when_everything_was_forgotten(bench: Any) -> None:
    database = bench.open(keep_delivered_s=0)
    database.append(database.encode([bench.entry(1.0, alerts=(bench.alert(),))]))
    database.confirm({database.epoch: span(1, 1)}, {database.epoch: span(1, 1)})
    purge_all(database, bench.clock.now())
    assert counted(database) == {database.epoch: (0, 0)}
    database.close()

    given = (lambda again: again.append(again.encode([bench.entry(1.0, alerts=(bench.alert(),))])))(
        bench.open(keep_delivered_s=0)
    )
    assert (given.first, given.alerts_first) == (2, 2)


def sparsely(bench: Any, database: Any, count: int) -> Any:
    entries = []
    for _ in range(count):
        bench.clock.wall_ms += 4 * 3_600_000
        entries.append(bench.entry())
    return database.append(database.encode(entries))


def test_at_the_byte_budget_delivered_rows_go_early_then_the_oldest_expire(bench: Any) -> None:
    database = bench.open(max_bytes=1_000_000)
    bench.add(database, 500, alerts=(bench.alert(),))
    while database.size().used_bytes < 0.94 * database.size().max_bytes:
        sparsely(bench, database, 20)  # four hours between two rows: nothing can be thinned
    database.confirm({database.epoch: span(2000, 4000)}, {})
    while not (early := purge_all(database, bench.clock.now())["early"]):
        sparsely(bench, database, 20)
    assert early >= 1

    for _ in range(40):  # twice the budget in all
        sparsely(bench, database, 500)
        purge_all(database, bench.clock.now())

    standing = database.standing().epochs[0]
    (tally,) = database.ledger().epochs
    assert tally.gone > 0
    assert standing.waiting.last == standing.next_n - 1  # the newest rows are there
    assert (
        database.load(database.epoch, standing.next_n - 500, standing.next_n, 500).rows[0][0]
        == standing.next_n - 500
    )
    assert bench.path.stat().st_size <= 1_000_000
    kinds = {n.kind for n in database.load_notices(database.epoch, 1, 10**6)}
    alerts = [n for n in database.load_notices(database.epoch, 1, 10**6) if n.kind == "alert"]
    assert kinds == {"alert", "gone"}
    assert len(alerts) == 500  # alerts are never thrown away
    assert tally.numbered == tally.delivered + tally.waiting + tally.gone
    rows, booked = counted(database)[database.epoch]
    assert rows == booked


def test_a_full_file_makes_room_by_itself_when_nobody_purges(bench: Any) -> None:
    database = bench.open(max_bytes=600_000)
    for _ in range(60):
        given = sparsely(bench, database, 400)
    (tally,) = database.ledger().epochs
    assert given.last == 24_000 == tally.numbered
    assert tally.gone > 0
    assert bench.path.stat().st_size <= 600_000


def test_runs_and_catalogs_nobody_needs_are_dropped(bench: Any) -> None:
    database = bench.open(keep_delivered_s=0)
    old = database._known().k
    for boot in ("0001", "0002", "0003"):
        bench.clock.boot = boot
        bench.add(database, 2)
    new = database.declare((bench.level,), bench.site, "daishoji-01").k
    bench.add(database, 2)
    database.confirm({database.epoch: span(1, 6)}, {})
    purge_all(database, bench.clock.now())

    assert database.catalogs_waiting() == (new,)
    assert database.catalog_body(old) is None
    assert database._connection().execute("SELECT first FROM run").fetchall() == [(7,)]


# --- epochs ---


def test_a_copied_card_starts_a_new_epoch_and_the_waiting_rows_keep_theirs(bench: Any) -> None:
    database = bench.open()
    bench.add(database, 3)
    old = database.epoch
    database.close()

    copied = bench.open(identity=Identity(machine=bench.here.machine, board="another board"))

    assert copied.epoch != old
    assert bench.add(copied).first == 1
    assert [epoch.ep for epoch in copied.standing().epochs] == [old, copied.epoch]
    assert [row[0] for row in copied.load(old, 1, 9, 9).rows] == [1, 2, 3]
    copied.confirm({old: span(1, 3)}, {})
    assert [epoch.ep for epoch in copied.standing().epochs] == [copied.epoch]


def test_the_same_machine_keeps_its_epoch_even_when_its_serial_is_learnt_later(bench: Any) -> None:
    epoch = bench.open(identity=Identity(machine="m")).epoch
    bench.opened[-1].close()
    assert bench.open(identity=Identity(machine="m", board="b")).epoch == epoch
    bench.opened[-1].close()
    assert bench.open(identity=Identity(machine="m", board="c")).epoch != epoch


# --- damage ---


def test_a_damaged_file_is_set_aside_and_its_epoch_goes_on_above_the_mark(bench: Any) -> None:
    database = bench.open()
    bench.add(database, 3)
    old = database.epoch
    database.close()
    whole = bench.path.read_bytes()
    bench.path.write_bytes(b"\0" * 100 + whole[100:])

    fresh = bench.open()

    assert fresh.epoch == old
    assert fresh.set_aside is not None
    assert fresh.set_aside.read_bytes()[100:] == whole[100:]
    assert bench.add(fresh).first == 1540  # the mark was taken at row 3 for 512 commits of three more
    (tally,) = fresh.ledger().epochs
    assert (tally.numbered, tally.waiting, tally.gone) == (1540, 4, 1536)


def test_a_file_that_came_back_older_than_promised_skips_the_uncertain_numbers(bench: Any) -> None:
    database = bench.open()
    bench.add(database, 10)
    database.close()
    backup = bench.path.read_bytes()
    database = bench.open()
    epoch = database.epoch
    for _ in range(10):
        last = bench.add(database, 500).last
    database.close()
    bench.path.write_bytes(backup)

    again = bench.open()

    assert again.epoch == epoch
    given = bench.add(again)
    assert given.first > last
    (tally,) = again.ledger().epochs
    assert tally.waiting == 11
    assert tally.gone == given.first - 11
    assert json.loads(again.load_notices(epoch, 1, 999)[0].body)["g"] == [[11, given.first - 1, "skipped"]]


@pytest.mark.parametrize("content", [b"", b"{", b'{"epochs": 3}', b'{"epochs": {"a": [1]}}', b"\xff\xfe"])
def test_a_damaged_second_copy_of_the_mark_does_not_stop_anything(bench: Any, content: bytes) -> None:
    database = bench.open()
    bench.add(database, 10)
    database.close()
    bench.path.with_name("kaga.db.high").write_bytes(content)
    assert bench.add(bench.open()).first == 11


# --- the rest ---


def test_small_facts_are_remembered(bench: Any) -> None:
    database = bench.open()
    database.remember("last_time", "1")
    database.remember("last_time", "2")
    database.close()
    again = bench.open()
    assert again.recall("last_time") == "2"
    assert again.recall("nothing") is None


def test_listeners_hear_of_commits_and_losses(bench: Any) -> None:
    heard: list[Any] = []
    database = bench.open(on_change=heard.append)
    at = bench.clock.wall_ms
    database.append(database.encode([bench.entry(1.0, alerts=(bench.alert(),))]))
    database.declare_gone(database.epoch, span(1, 1), "quarantined")
    ep = database.epoch
    assert heard == [
        Committed(ep=ep, first=1, last=1, at_ms_first=at, notices_first=1, notices_last=1),
        Gone(ep=ep, ranges=span(1, 1), e=2),
    ]


def test_one_append_writes_one_page_of_rows_and_nothing_else(bench: Any) -> None:
    """Wear is counted in pages: counters must not cost a second page at every commit."""
    database = bench.open()
    bench.add(database, 3)
    wal = bench.path.with_name("kaga.db-wal")
    before = wal.stat().st_size
    bench.add(database, 1, flags=Flag.SPIKE)
    frames = wal.read_bytes()[before:]  # each: 24 bytes of header beginning with the page's number
    pages = [frames[at : at + 4] for at in range(0, len(frames), 24 + 4096)]
    assert len(set(pages)) == 1
    assert len(pages) <= 2  # psow=0 fills up the sector being written with a copy


def test_starting_costs_the_same_however_much_waits(bench: Any) -> None:
    costs = []
    for _ in range(2):
        seen: list[str] = []
        database = bench.open(declare=False)
        steps = [0]

        def count(steps: list[int] = steps) -> int:
            steps[0] += 1
            return 0

        db = database._connection()
        db.set_trace_callback(seen.append)
        db.set_progress_handler(count, 1)  # every instruction of SQLite's machine
        database._read()
        database.standing()
        database.ledger()
        db.set_progress_handler(None, 0)
        db.set_trace_callback(None)
        costs.append((len(seen), steps[0]))
        database.declare((bench.level, bench.rain), bench.site, "daishoji-01")
        for _ in range(40):
            bench.add(database, 1000)
        database.confirm({database.epoch: span(1, 10)}, {})
        database.close()
    (few, steps_few), (many, steps_many) = costs
    assert many <= few + 5
    assert steps_many <= steps_few + 200


def test_a_bug_in_a_write_leaves_no_transaction_open(bench: Any) -> None:
    database = bench.open()
    encoded = database.encode([bench.entry(1.0)])
    database._present.next_n = 1
    database.append(encoded)
    database._present.next_n = 1  # as a bug would
    with pytest.raises(sqlite3.IntegrityError):
        database.append(encoded)
    database._present.next_n = 2
    assert bench.add(database).first == 2
