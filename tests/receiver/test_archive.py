"""What the receiver stores: the duplicate key, re-timing, clock corrections, hostile messages."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from kaga_edge import contract
from kaga_edge.contract.check import problems
from kaga_edge.contract.wire import MOST_BYTES, MessageUnreadable, body_of
from kaga_edge.core.ranges import Ranges
from kaga_edge.receiver.archive import Archive, Arrival, Kept
from kaga_edge.receiver.reading import batch_of
from kaga_edge.receiver.reckoning import Counts

GW, EP = "daishoji-01", "3f2a9c1e"
T0_MS = 1630065103000
Keep = Callable[..., Counts]
EXAMPLES = 2000 if os.environ.get("KAGA_TEST_FULL") else 200


def message(leaf: str, body: object, *, at_ms: int = T0_MS, retained: bool = False) -> Arrival:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Arrival(topic=f"kaga/edge/v1/{GW}/up/{leaf}", payload=payload, retained=retained, at_ms=at_ms)


def batch(n: int, *rows: list[Any], **other: Any) -> dict[str, Any]:
    return {"v": 1, "ep": EP, "n": n, "k": "a1b2c3d4", "t0": T0_MS, "c": 2, "r": list(rows)} | other


def clock(e: int, offset_ms: int) -> dict[str, Any]:
    data = {"boot": "7c1d", "offset_ms": offset_ms, "uncertainty_ms": 40, "c": 2}
    body = {"specversion": "1.0", "id": f"{GW}/{EP}/e{e}", "source": f"urn:kaga:gw:{GW}"}
    return body | {"type": "jp.kaga.edge.clock.v1", "time": "2021-08-28T04:50:00.000Z", "data": data}


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    opened = Archive(tmp_path / "r.db", root="kaga")
    yield opened
    opened.close()


def counts(kept: Kept) -> Counts:
    (one,) = kept.counts
    return one


def times(archive: Archive) -> list[tuple[int, int]]:
    rows = archive._db.execute("SELECT n, coalesce(true_ms, at_ms) FROM sample ORDER BY n")
    return [(n, at_ms) for n, at_ms in rows]


# --- the same number again ---


def test_times_in_a_batch_are_steps_from_the_row_before(archive: Archive) -> None:
    archive.keep([message("data", batch(7, [0, 5, 1.0], [0, 1000, 2.0], [0, -3, 3.0]))])
    assert times(archive) == [(7, T0_MS + 5), (8, T0_MS + 1005), (9, T0_MS + 1002)]


def test_the_same_row_in_another_batch_is_repeated_and_not_conflicting(archive: Archive) -> None:
    archive.keep([message("data", batch(1, [0, 0, 1.0], [0, 1000, 2.0]))])
    after = counts(archive.keep([message("hist", batch(2, [0, 1000, 2.0], [0, 1000, 3.0]))]))
    assert (after.arrived, after.repeated, after.conflicting) == (3, 1, 0)


@pytest.mark.parametrize(
    "changed",
    [
        batch(1, [0, 0, 1.5]),
        batch(1, [1, 0, 1.0]),
        batch(1, [0, 1, 1.0]),
        batch(1, [0, 0, 1.0, {"q": 8}]),
        batch(1, [0, 0, 1.0, 2.0]),
        batch(1, [0, 0, 1.0], k="00000000"),
        batch(1, [0, 0, 1.5, {"q": 256}]),
        batch(1, [0, 0, 1.0, {"q": 256 + 8}]),
    ],
    ids=["value", "sensor", "time", "flag", "channels", "catalog", "re-timed value", "re-timed flag"],
)
def test_the_same_number_with_other_content_conflicts_and_the_first_stays(
    archive: Archive, changed: dict[str, Any]
) -> None:
    archive.keep([message("data", batch(1, [0, 0, 1.0]))])
    kept = archive.keep([message("hist", changed)])
    assert (counts(kept).arrived, counts(kept).conflicting) == (1, 1)
    assert "conflict" in [news.what for news in kept.news]
    assert archive._db.execute("SELECT sensor, at_ms, vals, q FROM sample").fetchall() == [
        (0, T0_MS, "1.0", None)
    ]
    assert archive._db.execute("SELECT count(*) FROM aside").fetchone() == (1,)


def test_the_same_value_written_otherwise_is_the_same_row(archive: Archive) -> None:
    archive.keep(
        [message("data", b'{"v":1,"ep":"3f2a9c1e","n":1,"k":"a1b2c3d4","t0":5,"c":2,"r":[[0,0,1.50,2]]}')]
    )
    again = b'{"v":1,"ep":"3f2a9c1e","n":1,"k":"a1b2c3d4","t0":5,"c":2,"r":[[0,0,1.5,2.0]]}'
    assert counts(archive.keep([message("hist", again)])).conflicting == 0


@pytest.mark.parametrize("retimed_first", [False, True])
def test_of_two_times_the_one_with_flag_256_wins_in_either_order(
    archive: Archive, retimed_first: bool
) -> None:
    boot = {"id": "7c1d", "up": 100}
    guessed = batch(1, [0, 0, 1.0, None, {"q": [0, 128]}], c=1, b=boot)
    retimed = batch(1, [0, 0, 1.0, None, {"q": [256, 384]}], c=2, b=boot, t0=T0_MS + 50_000)
    order = [retimed, guessed] if retimed_first else [guessed, retimed]
    for body in order:
        after = counts(archive.keep([message("hist", body)]))
    assert times(archive) == [(1, T0_MS + 50_000)]
    assert after.conflicting == 0
    assert (after.retimed, after.repeated) == ((0, 1) if retimed_first else (1, 0))


def test_one_integer_of_flags_equals_a_list_of_the_same(archive: Archive) -> None:
    archive.keep([message("data", batch(1, [0, 0, None, None, {"q": 128}]))])
    after = counts(archive.keep([message("hist", batch(1, [0, 0, None, None, {"q": [128, 128]}]))]))
    assert (after.repeated, after.conflicting) == (1, 0)


# --- the clock becomes known ---


def test_a_clock_correction_moves_the_rows_of_its_boot_and_those_that_come_later(archive: Archive) -> None:
    old = {"id": "7c1d", "up": 1000}
    archive.keep(
        [
            message("data", batch(1, [0, 0, 1.0], [0, 500, 2.0], c=0, b=old)),
            message("data", batch(3, [0, 0, 3.0], c=0, b={"id": "other", "up": 1000})),
        ]
    )
    assert archive.current(GW) == []
    archive.keep([message("alert", clock(1, T0_MS + 60_000))])
    archive.keep([message("hist", batch(4, [0, 0, 4.0], c=1, b={"id": "7c1d", "up": 9000}))])
    moved = dict(times(archive))
    assert moved == {1: T0_MS + 61_000, 2: T0_MS + 61_500, 3: T0_MS, 4: T0_MS + 69_000}
    assert [row[3:5] for row in archive.current(GW)] == [(T0_MS + 69_000, "4.0")]


def test_a_repeated_row_after_a_correction_is_still_the_same_row(archive: Archive) -> None:
    body = batch(1, [0, 0, 1.0], c=0, b={"id": "7c1d", "up": 1000})
    archive.keep([message("data", body), message("alert", clock(1, T0_MS + 60_000))])
    after = counts(archive.keep([message("hist", body)]))
    assert (after.repeated, after.conflicting) == (1, 0)


def test_a_row_made_current_by_a_wrong_time_gives_way_when_it_is_re_timed(archive: Archive) -> None:
    boot = {"id": "7c1d", "up": 100}
    archive.keep([message("data", batch(1, [0, 0, 1.0]))])
    archive.keep([message("data", batch(2, [0, 0, 2.0], c=1, b=boot, t0=T0_MS + 10**9))])
    archive.keep([message("hist", batch(2, [0, 0, 2.0, {"q": 256}], b=boot, t0=T0_MS - 5000))])
    assert [row[4] for row in archive.current(GW)] == ["1.0"]


def test_a_thinned_row_is_never_the_current_value(archive: Archive) -> None:
    archive.keep([message("hist", batch(1, [0, 0, 1.0], [9, 0, 0.31, 0.44, 0.37, 0.39, 120, {"q": 1024}]))])
    assert [row[4] for row in archive.current(GW)] == ["1.0"]


# --- gone, events ---


def test_a_number_that_was_declared_gone_and_comes_all_the_same_has_arrived(archive: Archive) -> None:
    archive.keep([message("gone", {"v": 1, "ep": EP, "e": 1, "g": [[1, 3, "thinned", [7, 8, 10, 10]]]})])
    after = counts(archive.keep([message("hist", batch(2, [0, 0, 1.0]))]))
    assert (after.arrived, after.gone, after.highest) == (1, 2, 10)
    assert after.gaps == Ranges(((4, 10),))


def test_an_event_with_a_number_used_before_conflicts(archive: Archive) -> None:
    archive.keep([message("alert", clock(1, 5))])
    assert counts(archive.keep([message("alert", clock(1, 5))])).conflicting == 0
    assert counts(archive.keep([message("alert", clock(1, 6))])).conflicting == 1


def test_counters_of_commands_rise_over_a_restart(tmp_path: Path) -> None:
    first = Archive(tmp_path / "r.db", root="kaga")
    assert [first.next_counter(), first.next_counter()] == [1, 2]
    first.close()
    again = Archive(tmp_path / "r.db", root="kaga")
    assert again.next_counter() == 3
    again.close()


def test_everything_counted_is_there_after_a_restart(tmp_path: Path) -> None:
    first = Archive(tmp_path / "r.db", root="kaga")
    before = first.keep(
        [
            message("data", batch(1, [0, 0, 1.0]), at_ms=T0_MS - 5000),
            message("data", batch(1, [0, 0, 1.0])),
            message("data", batch(4, [0, 0, 1.0], [0, 0, 2.0])),
            message("gone", {"v": 1, "ep": EP, "e": 1, "g": [[2, 2, "expired"]]}),
            message("alert", clock(2, 5)),
        ]
    )
    first.close()
    again = Archive(tmp_path / "r.db", root="kaga")
    assert again.everything().counts == before.counts
    assert again.everything().listening == before.listening
    again.close()


# --- who speaks ---


@pytest.mark.parametrize(
    ("leaf", "body"),
    [
        ("state", {"v": 1, "st": "dead", "gw": "someone-else", "ep": EP, "boot": "7c1d"}),
        ("alert", clock(1, 5) | {"id": f"someone-else/{EP}/e1", "source": "urn:kaga:gw:someone-else"}),
        ("catalog/00000000", next(s.body for s in contract.samples() if s.schema == "catalog")),
        ("unheard-of", {}),
        ("data/more", batch(1, [0, 0, 1.0])),
    ],
)
def test_a_message_that_is_not_its_topic_s_is_kept_aside(archive: Archive, leaf: str, body: object) -> None:
    kept = archive.keep([message(leaf, body)])
    assert archive.unreadable == 1
    assert [news.what for news in kept.news] == ["unreadable"]
    assert kept.counts == []


def test_one_unreadable_message_does_not_touch_its_group(archive: Archive) -> None:
    kept = archive.keep(
        [message("data", batch(1, [0, 0, 1.0])), message("data", b"{"), message("data", b"x")]
    )
    assert counts(kept).arrived == 1
    assert archive.unreadable == 2


def test_what_is_kept_aside_is_bounded(archive: Archive) -> None:
    archive.keep([message("data", b"?" * 100_000) for _ in range(1010)])
    assert archive._db.execute("SELECT count(*), max(length(payload)) FROM aside").fetchone() == (1000, 65536)
    assert archive.unreadable == 1010


# --- hostile bytes ---


def test_a_decompression_bomb_is_refused() -> None:
    bomb = zlib.compress(b"{" + b" " * (MOST_BYTES * 100) + b"}", 9)
    assert len(bomb) < 200_000
    with pytest.raises(MessageUnreadable, match="when unpacked"):
        body_of(bomb)


@pytest.mark.parametrize(
    "payload",
    [
        b'{"v":NaN}',
        b'{"v":-Infinity}',
        b'{"v":1e400}',
        b'{"a":' * 5000,
        b'{"v":' + b"9" * 5000 + b"}",
        b'{"v":"\xff"}',
        zlib.compress(b'{"v":1}')[:-3],
        zlib.compress(b'{"v":1}') + b"more",
        zlib.compress(b"[1]"),
        b" {}",
        b"x",
    ],
)
def test_what_is_no_json_object_is_refused(payload: bytes) -> None:
    with pytest.raises(MessageUnreadable):
        body_of(payload)


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    # 1.0 is a whole number to JSON Schema; the reader is stricter (a test of its own).
    st.floats(allow_nan=False, allow_infinity=False).filter(lambda value: not value.is_integer()),
    st.text(max_size=3),
    st.lists(st.integers(-1, 70000), max_size=3),
    st.dictionaries(st.sampled_from(["q", "id", "up"]), st.integers(-1, 70000), max_size=2),
)
CELL = st.one_of(st.integers(-5, 5), st.none(), JUNK)
FLAGS = st.one_of(st.integers(-1, 1024), st.lists(st.integers(0, 256), max_size=3), JUNK)
ROW = st.builds(
    lambda head, cells, tail: [*head, *cells, *tail],
    st.one_of(st.just([0, 0]), st.lists(CELL, max_size=2)),
    st.lists(CELL, max_size=3),
    st.one_of(st.just([]), FLAGS.map(lambda q: [{"q": q}])),
)
NEAR_BATCH = st.builds(
    lambda rows, changes: batch(1, *rows) | changes,
    st.lists(ROW, max_size=3),
    st.dictionaries(st.sampled_from(["v", "ep", "n", "k", "t0", "c", "b", "r"]), JUNK, max_size=2),
)
VALIDATOR = Draft7Validator(contract.schema("batch"))


def read(payload: bytes) -> list[int] | str:
    """The numbers of a batch's rows, or why it was refused."""
    try:
        return [row.n for row in batch_of(payload).rows]
    except MessageUnreadable as error:
        return error.what


@settings(max_examples=EXAMPLES * 5)
@given(NEAR_BATCH)
def test_the_fast_reader_takes_exactly_what_the_contract_allows(body: dict[str, Any]) -> None:
    outcome = read(json.dumps(body).encode())
    if VALIDATOR.is_valid(body) and not problems("batch", body):
        numbers = list(range(body["n"], body["n"] + len(body["r"])))
        assert outcome in (numbers, "times add up to more than a time can be")
    else:
        assert isinstance(outcome, str)


def test_a_whole_number_written_with_a_fraction_is_refused_in_a_key() -> None:
    assert (
        read(json.dumps(batch(1, [0, 0, 1.0]) | {"n": 1.0}).encode())
        == "a whole number is written with a fraction"
    )


@settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    deadline=None,
)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "data",
                    "hist",
                    "alert",
                    "gone",
                    "state",
                    "catalog",
                    "catalog/a1b2c3d4",
                    "health",
                    "reply",
                    "",
                    "x/y",
                ]
            ),
            st.one_of(
                st.binary(max_size=40),
                st.binary(max_size=40).map(zlib.compress),
                NEAR_BATCH.map(lambda body: json.dumps(body).encode()),
                st.sampled_from(contract.samples()).map(lambda sample: json.dumps(sample.body).encode()),
            ),
        ),
        max_size=4,
    )
)
def test_nothing_that_can_be_published_stops_the_archive(
    archive: Archive, messages: list[tuple[str, bytes]]
) -> None:
    archive.keep([message(leaf, payload) for leaf, payload in messages])
    for one in archive.everything().counts:
        stored = archive._db.execute(
            "SELECT count(*) FROM sample JOIN epoch ON epoch.id = epoch WHERE ep = ?", (one.ep,)
        ).fetchone()
        assert stored == (one.arrived,)
        assert Draft7Validator(contract.schema("ack")).is_valid(one.ack())
        assert problems("ack", one.ack()) == []
