"""Many rows made few: what survives of them."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.core.message import catalog_body
from kaga_edge.core.stored import StoredRow
from kaga_edge.core.thinning import (
    DOUBTS,
    PARTS,
    WINDOWS_S,
    Few,
    flags_of,
    level,
    shapes,
    summed_up,
    thinned_sensors,
    whole_windows,
)
from kaga_edge.vocabulary.readings import Flag

LEVEL: dict[str, Any] = {
    "i": 0, "id": "level-1", "driver": "a02yyuw", "kind": "sample",
    "ch": [{"id": "water_level", "u": "m", "res": 0.001, "datum": "gauge zero", "thr": {"danger": 1.2}}],
}  # fmt: skip
AIR: dict[str, Any] = {
    "i": 3, "id": "air-1", "driver": "bme280", "kind": "sample",
    "ch": [
        {"id": "air_pressure", "u": "hPa", "res": 0.01},
        {"id": "air_temperature", "u": "Cel", "res": 0.01},
    ],
}  # fmt: skip
CATALOG = catalog_body(gw="gw-1", site={"tz": "Asia/Tokyo"}, sensors=[LEVEL, AIR])
KNOWN = shapes(CATALOG)
THINNED = int(Flag.THINNED)
AT_MS = 1_630_065_000_000  # a whole ten minutes
WINDOW_S = WINDOWS_S[0]


def thin_catalog(window_s: int, body: dict[str, Any] = CATALOG) -> dict[str, Any]:
    entries = thinned_sensors(body, window_s)
    return catalog_body(gw="gw-1", site={}, sensors=[{"i": 10 + one["of"], **one} for one in entries])


def row(n: int, after_s: float, vals: str, q: str | None = None, i: int = 0) -> StoredRow:
    return n, i, AT_MS + round(after_s * 1000), 5000 + round(after_s * 1000), vals, q


def stored(few: list[Few], first: int = 1000) -> list[StoredRow]:
    """The thinned rows as they would be read again."""
    return [(n, 10 + one.of, one.at_ms, one.up_ms, one.vals, one.q) for n, one in enumerate(few, first)]


def test_a_window_becomes_lowest_highest_mean_last_and_count() -> None:
    (one,) = summed_up([row(1, 0, "0.5"), row(2, 10, "0.44"), row(3, 20, "0.31")], KNOWN, WINDOW_S)
    assert one.vals == "0.31,0.5,0.41666667,0.31,3"
    assert one.q == "1024"
    assert (one.at_ms, one.up_ms, one.rows, one.of) == (AT_MS, 5000, 3, 0)


def test_windows_are_whole_multiples_of_their_length() -> None:
    few = summed_up([row(1, 599.999, "1"), row(2, 600, "2"), row(3, 1199, "4")], KNOWN, WINDOW_S)
    assert [one.vals for one in few] == ["1,1,1,1,1", "2,4,3,4,2"]
    assert [one.at_ms for one in few] == [AT_MS + 599_999, AT_MS + 600_000]


def test_every_channel_has_its_own_five_and_its_own_flags() -> None:
    rows = [row(1, 0, "1013.25,null", "[0,128]", 3), row(2, 10, "1013.27,null", "[0,128]", 3)]
    (one,) = summed_up(rows, KNOWN, WINDOW_S)
    assert one.vals == "1013.25,1013.27,1013.26,1013.27,2,null,null,null,null,0"
    assert json.loads(one.q) == [THINNED] * 5 + [THINNED | Flag.MISSING] * 5


def test_a_missing_value_among_others_shows_in_the_count_alone() -> None:
    (one,) = summed_up([row(1, 0, "0.5"), row(2, 10, "null", "128")], KNOWN, WINDOW_S)
    assert (one.vals, one.q, one.rows) == ("0.5,0.5,0.5,0.5,1", "1024", 2)


def test_a_spike_does_not_hide_the_crest() -> None:
    rows = [row(1, 0, "3.1"), row(2, 10, "9.99", "2"), row(3, 20, "3.24"), row(4, 30, "9.9", "1")]
    sound, doubtful = summed_up(rows, KNOWN, WINDOW_S)
    assert (sound.vals, sound.q) == ("3.1,3.24,3.17,3.24,2", "1024")
    assert (doubtful.vals, doubtful.q) == ("9.9,9.99,9.945,9.9,2", str(THINNED | 3))


def test_the_catalog_of_thinned_rows_lists_the_parts_with_their_steps() -> None:
    level_1 = thin_catalog(600)["s"][0]
    assert (level_1["id"], level_1["kind"], level_1["of"], level_1["window_s"]) == (
        "level-1",
        "thinned",
        0,
        600,
    )
    assert [(c["id"], c["u"], c["res"]) for c in level_1["ch"]] == [
        ("water_level_min", "m", 0.001),
        ("water_level_max", "m", 0.001),
        ("water_level_mean", "m", 1e-8),
        ("water_level_last", "m", 0.001),
        ("water_level_count", "{count}", 1.0),
    ]
    assert level_1["ch"][0]["datum"] == "gauge zero"
    assert "thr" not in level_1["ch"][1]  # a threshold is for single values


def test_thinning_the_thinned_gives_the_same_catalog_as_thinning_at_once() -> None:
    at_once = thin_catalog(3600)
    again = catalog_body(
        gw="gw-1",
        site={},
        sensors=[{"i": 10 + one["of"], **one} for one in thinned_sensors(thin_catalog(600), 3600)],
    )
    assert at_once == again
    assert [level(body) for body in (CATALOG, thin_catalog(600), at_once)] == [0, 1, 2]


def test_the_last_window_of_a_chunk_is_left_whole_for_the_next() -> None:
    rows = [row(n, 10.0 * n, "1") for n in range(100)]
    assert len(whole_windows(rows, WINDOW_S)) == 60
    assert len(whole_windows(rows[:59], WINDOW_S)) == 59  # there is only one
    assert len(whole_windows([*rows[:10], *rows[60:]], WINDOW_S)) == 50  # more than half would wait


VALUES = st.one_of(st.none(), st.integers(-9999, 99_999))
ROWS = st.lists(
    st.tuples(st.floats(0, 7200), VALUES, VALUES, st.sampled_from([0, 0, 0, 1, 2, 8, 32, 256])),
    min_size=1,
    max_size=60,
)  # fmt: skip


def text(hundredths: int | None) -> str:
    return "null" if hundredths is None else repr(hundredths / 100).removesuffix(".0")


def as_rows(drawn: list[tuple[float, int | None, int | None, int]]) -> list[StoredRow]:
    made = []
    for n, (after_s, one, other, flag) in enumerate(drawn, 1):
        flags = [flag | (128 if value is None else 0) for value in (one, other)]
        made.append(row(n, after_s, f"{text(one)},{text(other)}", json.dumps(flags), 3))
    return made


@given(ROWS)
def test_what_must_survive_survives_whatever_the_rows(drawn: list[Any]) -> None:
    rows = as_rows(drawn)
    once = summed_up(rows, KNOWN, 600)
    twice = summed_up(stored(once), shapes(thin_catalog(600)), 3600)
    mixed = summed_up(
        [*rows[: len(rows) // 2], *stored(summed_up(rows[len(rows) // 2 :], KNOWN, 600))],
        KNOWN | shapes(thin_catalog(600)),
        3600,
    )
    for few, window_s in ((once, 600), (twice, 3600), (mixed, 3600)):
        for channel in (0, 1):
            survives(rows, few, channel, window_s)


def survives(rows: list[StoredRow], few: list[Few], channel: int, window_s: int) -> None:
    for window in {one[2] // (window_s * 1000) for one in rows}:
        values, flags = [], 0
        for one in rows:
            if one[2] // (window_s * 1000) == window:
                value = one[4].split(",")[channel]
                flags |= flags_of(one[5], 2)[channel] if value != "null" else 0
                values += [value] if value != "null" else []
        here = [one for one in few if one.at_ms // (window_s * 1000) == window]
        parts = [one.vals.split(",")[channel * 5 : channel * 5 + 5] for one in here]
        full = [part for part in parts if part[0] != "null"]
        carried = 0
        for one in here:
            carried |= flags_of(one.q, 10)[channel * 5]
        assert sum(int(part[4]) for part in parts) == len(values)
        assert {min(values, key=float)} if values else not full
        if values:
            assert float(min((part[0] for part in full), key=float)) == min(map(float, values))
            assert float(max((part[1] for part in full), key=float)) == max(map(float, values))
            exact = sum(Fraction(value) for value in values)
            told = sum(round(float(part[2]) * int(part[4]) / 0.01) for part in full)
            assert told == exact * 100
            assert all(part[1] in values and part[0] in values and part[3] in values for part in full)
        assert carried & int(DOUBTS) >= flags & int(DOUBTS)
        assert carried & THINNED


@given(ROWS)
def test_no_sound_value_is_summed_up_with_a_doubtful_one(drawn: list[Any]) -> None:
    rows = as_rows(drawn)
    sound = [one for one in rows if not any(bits & DOUBTS for bits in flags_of(one[5], 2))]
    clean = [one for one in summed_up(rows, KNOWN, 600) if not any(b & DOUBTS for b in flags_of(one.q, 10))]
    assert sum(one.rows for one in clean) == len(sound)


@given(ROWS)
def test_a_thinned_row_is_what_the_contract_promises(drawn: list[Any]) -> None:
    for one in summed_up(as_rows(drawn), KNOWN, 600):
        texts = one.vals.split(",")
        assert len(texts) == 2 * len(PARTS)
        for part, bits in zip(texts, flags_of(one.q, 10), strict=True):
            assert part != "null" or bits & Flag.MISSING  # null always has a flag
            assert part == "null" or math.isfinite(float(part))
            assert bits & THINNED
