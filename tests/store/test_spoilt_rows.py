"""Rows and facts that a sick card has spoilt: they cost themselves, never the station.

Each ended the daemon, and after every restart again, because making room, the health message or the start
came upon the same bytes.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.core import collecting, maintenance
from kaga_edge.gateway import daily, paces
from kaga_edge.store.database import Database
from kaga_edge.store.leaves import are_values

from .test_flipped_types import write_past_the_types

PAGE_BYTES = 4096


@pytest.fixture
def waiting(bench: Any) -> tuple[Any, str]:
    """Three thousand waiting rows in a closed file, and their epoch."""
    database = bench.open()
    for _ in range(12):
        bench.add(database, 250)
        bench.clock.pass_s(60)
    epoch = database.epoch
    database.close()
    return bench, epoch


def change(path: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


def ledger_adds_up(database: Database) -> Iterator[bool]:
    for tally in database.tallies():
        yield tally.numbered == tally.delivered + tally.waiting + tally.gone


def make_room(database: Database, times: int = 8) -> None:
    for _ in range(times):
        database.relieve()
    assert all(ledger_adds_up(database))


def test_a_ruined_page_among_rows_to_be_summed_up_ended_the_daemon_at_every_start(
    waiting: tuple[Any, str],
) -> None:
    bench, epoch = waiting
    whole = bytearray(bench.path.read_bytes())
    leaves = [at for at in range(2 * PAGE_BYTES, len(whole), PAGE_BYTES) if whole[at] == 0x0D]
    at = leaves[len(leaves) // 3]
    whole[at : at + PAGE_BYTES] = b"\xa5" * PAGE_BYTES
    bench.path.write_bytes(whole)
    database = bench.open()

    make_room(database)

    (tally,) = database.tallies()
    reasons = dict(tally.reasons)
    assert database.set_aside is not None
    assert 0 < reasons["unreadable"] < 400  # one page's rows
    assert reasons["thinned"] > 1000
    assert bench.add(database).ep == epoch


@pytest.mark.parametrize(
    "spoilt",
    [
        "UPDATE sample SET vals = '1.3u4' WHERE id & 0xFFFFFFFF = 100",
        "UPDATE sample SET sensor = 77 WHERE id & 0xFFFFFFFF = 100",
        "UPDATE sample SET q = '[0' WHERE id & 0xFFFFFFFF = 100",
    ],
    ids=["value", "sensor", "flags"],
)
def test_one_spoilt_row_ended_the_daemon_when_room_was_made(waiting: tuple[Any, str], spoilt: str) -> None:
    bench, _ = waiting
    change(bench.path, spoilt)
    database = bench.open()

    made = database.relieve()

    assert made.thinned >= 1000
    (tally,) = database.tallies()
    assert tally.numbered == tally.delivered + tally.waiting + tally.gone
    assert 100 in database.standing().epochs[-1].waiting  # it alone was left as it is


@pytest.mark.parametrize("body", ["{", "{}", '{"v":1,"s":7}', '{"v":1,"s":[7]}', '{"v":1,"s":[{"ch":null}]}'])
def test_a_spoilt_catalog_ended_the_daemon_when_room_was_made(waiting: tuple[Any, str], body: str) -> None:
    bench, _ = waiting
    change(bench.path, f"UPDATE catalog SET body = '{body}'")
    database = bench.open(declare=False)  # a declaration mends the present one

    make_room(database)  # what cannot be summed up expires

    assert dict(database.tallies()[0].reasons).keys() == {"expired"}


@pytest.mark.parametrize("numbers", ["7", "[[1]]", "[[", "[[9,1]]"])
def test_a_spoilt_line_of_the_ledger_ended_the_daemon_at_every_health_message(
    bench: Any, numbers: str
) -> None:
    database = bench.open()
    bench.add(database, 10)
    database.declare_gone(database.epoch, database.standing().epochs[-1].waiting, "quarantined")
    database.close()
    change(bench.path, f"UPDATE ledger_line SET numbers = '{numbers}'")
    database = bench.open()

    assert database.ledger().lines == ()

    bench.add(database, 3)
    database.declare_gone(database.epoch, database.standing().epochs[-1].waiting, "quarantined")
    (line,) = database.ledger().lines
    assert (line.rows, line.n.spans) == (3, ((11, 13),))


def test_a_spoilt_count_of_reported_lines_or_thinned_rows_costs_no_start(bench: Any) -> None:
    database = bench.open()
    bench.add(database, 10)
    database.ledger_reported(1)
    database.remember(f"thinned.{database.epoch}", "1 2 x")
    database.close()
    change(bench.path, "UPDATE memory SET value = '1y' WHERE key = 'ledger_reported'")

    database = bench.open()

    assert database.ledger().lines == ()
    assert database.set_aside is None
    assert bench.add(database).first == 11


@pytest.mark.parametrize("spoilt", ["vals = '1.3u4'", "vals = ''", "q = '12['", "q = ''"])
def test_one_spoilt_text_made_a_whole_batch_unreadable_to_the_platform(bench: Any, spoilt: str) -> None:
    database = bench.open()
    bench.add(database, 20)
    epoch = database.epoch
    database.close()
    change(bench.path, f"UPDATE sample SET {spoilt} WHERE id & 0xFFFFFFFF = 7")
    database = bench.open()

    database.load(epoch, 1, 20, 50)

    kept = [row[0] for row in database.load(epoch, 1, 6, 50).rows + database.load(epoch, 8, 20, 50).rows]
    assert kept == [n for n in range(1, 21) if n != 7]
    assert dict(database.tallies()[0].reasons)["unreadable"] == 1


def test_an_alert_that_is_no_json_any_more_is_damage_and_costs_no_other(bench: Any) -> None:
    database = bench.open()
    alerts = tuple(bench.alert(state) for state in ("raised", "cleared", "raised"))
    database.append(database.encode([bench.entry(1.34, alerts=alerts)]))
    epoch = database.epoch
    database.close()
    change(bench.path, "UPDATE notice SET body = x'7b22' WHERE id & 0xFFFFFFFF = 2")
    database = bench.open()

    database.load_notices(epoch, 1, 9)

    assert database.set_aside is not None
    assert [notice.e for notice in database.load_notices(epoch, 1, 3)] == [1, 3]


def test_a_sensor_without_an_index_is_damage(bench: Any) -> None:
    """Its index was taken from a page of another table, and a declaration could not add one to it."""
    database = bench.open()
    bench.add(database, 3)
    epoch = database.epoch
    database.close()
    write_past_the_types(bench.path, "sensor_index", "UPDATE sensor_index SET channels = NULL")

    database = bench.open()

    assert database.set_aside is not None
    assert bench.add(database).ep != epoch  # which index meant what is not known any more


@pytest.mark.parametrize("text", ["[{", "7", "[7]", '[{"sensor":"level-1"}]', '{"a":"b"}', '["x"]'])
def test_spoilt_facts_ended_the_daemon_at_every_start(text: str) -> None:
    assert collecting.from_text(text) == {}
    assert maintenance.from_text(text) == {}
    assert paces.from_text(text) == {}
    assert daily.from_text(text) is None


def test_who_asked_to_be_left_out_stays_so_when_the_database_has_forgotten_how_to_say_it(bench: Any) -> None:
    told = '[{"sensor":"level-1","until":null}]'
    database = bench.open()
    database.remember("collect", told)
    database.close()
    change(bench.path, "UPDATE memory SET value = '[{sensor' WHERE key = 'collect'")

    assert bench.open().recall("collect") == told


def test_a_spoilt_catalog_set_the_whole_file_aside_each_time_it_was_asked_for(bench: Any) -> None:
    """No salvage mends it: its rows go without, and the present one is written anew at the next start."""
    database = bench.open()
    bench.add(database, 3)
    k = database.load(database.epoch, 1, 3, 9).run.k
    whole = database.catalog_body(k)
    database.close()
    change(bench.path, "UPDATE catalog SET body = '{'")

    found = bench.open(declare=False)

    assert found.catalog_body(k) is None
    assert found.set_aside is None
    found.close()
    assert bench.open().catalog_body(k) == whole


@pytest.mark.parametrize("channels", ['["water_level"', "7", ""])
def test_a_spoilt_list_of_channels_ended_the_daemon_when_a_picture_was_asked_for(
    bench: Any, channels: str
) -> None:
    database = bench.open()
    bench.add(database, 3)
    database.close()
    change(bench.path, f"UPDATE sensor_index SET channels = '{channels}' WHERE sensor = 'level-1'")

    assert bench.open(declare=False).history_bites("level-1", "water_level", 0) == []


def test_rows_given_up_were_a_gap_for_ever_when_the_notice_that_said_so_was_spoilt(bench: Any) -> None:
    database = bench.open()
    bench.add(database, 20)
    epoch, waiting = database.epoch, database.standing().epochs[-1].waiting
    database.declare_gone(epoch, waiting.within(1, 4), "expired")
    database.declare_gone(epoch, waiting.within(9, 9), "quarantined")
    before = dict(database.tallies()[0].reasons)
    database.close()
    change(bench.path, "UPDATE notice SET body = x'7b22' WHERE id & 0xFFFFFFFF = 1")
    database = bench.open()

    database.load_notices(epoch, 1, 9)  # finds it, and the file is salvaged

    waiting = database.standing().epochs[-1].notices_waiting
    bodies = [json.loads(one.body) for one in database.load_notices(epoch, 1, waiting.last or 0)]
    told = [span for body in bodies for span in body.get("g", ())]
    assert [1, 4, "expired"] in told
    assert told.count([9, 9, "quarantined"]) == 1  # this notice was whole
    after = dict(database.tallies()[0].reasons)
    assert {why: after[why] for why in before} == before  # told again, not counted again
    database.close()
    assert bench.open().standing().epochs[-1].notices_waiting == waiting  # once


VALUES = ["15,null,-0.25", "1.695", "0", "10.5,-3"]


@pytest.mark.parametrize("row", range(len(VALUES)))
def test_a_flipped_bit_that_made_a_leading_zero_or_a_second_point_left_a_batch_unreadable(row: int) -> None:
    assert are_values(VALUES, [None] * len(VALUES))
    for at, bit in itertools.product(range(len(VALUES[row])), range(7)):
        whole = VALUES[row].encode()
        spoilt = (whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :]).decode()
        texts = [*VALUES[:row], spoilt, *VALUES[row + 1 :]]
        if are_values(texts, [None] * len(texts)):
            numbers = json.loads("[[" + "],[".join(texts) + "]]", parse_constant=str)
            assert all(isinstance(one, int | float | None) for row in numbers for one in row)


@given(st.lists(st.text("0123456789.,-nul eE+", max_size=8), min_size=2, max_size=5))
def test_what_passes_for_values_can_be_read_by_json(texts: list[str]) -> None:
    if are_values(texts, [None] * len(texts)):
        assert len(json.loads("[[" + "],[".join(texts) + "]]")) == len(texts)


def test_values_need_nothing_but_their_own_form() -> None:
    for text in ("01.5", "1.6.95", "1.", ".5", "-", "1e5", "NaN", "", "1,,2", "1,", '"a"', "-null", "００"):
        assert not are_values([text, "1"], [None, None])
        assert not are_values([text], [None])
    for flags in ("NaN", "01", "[1,]", "-1", "[]", "{}", "null", "1 "):
        assert not are_values(["1"], [flags])
    assert are_values(["1,2"], ["[0,128]"])
