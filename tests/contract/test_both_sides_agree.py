"""What our sender makes keeps the contract as the schemas say it and as the receiver reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from kaga_edge import contract
from kaga_edge.config import load
from kaga_edge.contract.check import problems
from kaga_edge.contract.wire import body_of
from kaga_edge.core import message
from kaga_edge.core.ranges import Ranges
from kaga_edge.core.rows import encode_values
from kaga_edge.core.stored import Run, StoredRow
from kaga_edge.gateway.plans import manifest
from kaga_edge.receiver.reading import Address, batch_of, message_of
from kaga_edge.receiver.reckoning import Counts
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import ClockTrust, Flag, Moment, Reading

ROOT = Path(__file__).parents[2]
GW, EP = "daishoji-01", "3f2a9c1e"
VALIDATORS = {name: Draft7Validator(schema) for name, schema in contract.schemas().items()}
TRUST = st.sampled_from(ClockTrust)


def moment(trust: ClockTrust = ClockTrust.NTP) -> Moment:
    return Moment(wall_ms=1630065103000, up_ms=123456, boot="7c1d", trust=trust)


def kept(name: str, payload: bytes) -> dict[str, Any]:
    """Return the body after both the schema and our check found nothing wrong."""
    body = body_of(payload)
    VALIDATORS[name].validate(body)
    assert problems(name, body) == []
    return body


# --- batches, from readings to rows ---

READING = st.builds(
    lambda value, flags: Reading(
        quantity=Quantity.WATER_LEVEL_M,
        value=value,
        flags=flags | Flag.MISSING if value is None else flags,
    ),
    st.one_of(st.none(), st.floats(-100, 100)),
    st.sampled_from([Flag.GOOD, Flag.SPIKE, Flag.OUT_OF_RANGE | Flag.RETIMED, Flag.MAINTENANCE]),
)


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(-5000, 5000), st.lists(READING, min_size=1, max_size=8)),
        min_size=1,
        max_size=40,
    ),
    st.integers(1, 2**40),
    TRUST,
)
def test_a_batch_is_read_as_the_rows_it_was_made_of(
    listed: list[tuple[int, int, list[Reading]]], first: int, trust: ClockTrust
) -> None:
    rows: list[StoredRow] = []
    for at, (sensor, step_ms, readings) in enumerate(listed):
        vals, q = encode_values(readings, [reading.quantity.res for reading in readings])
        rows.append((first + at, sensor, 1630065103000 + step_ms, 5_000 + step_ms, vals, q))
    run = Run(ep=EP, k="a1b2c3d4", c=int(trust), boot="7c1d")
    payload = message.batch(rows, run)
    kept("batch", payload)
    heard = batch_of(payload)
    assert (heard.ep, heard.k, heard.c) == (EP, "a1b2c3d4", trust)
    assert [(row.n, row.sensor, row.at_ms) for row in heard.rows] == [row[:3] for row in rows]
    assert [json.loads(f"[{row.vals}]") for row in heard.rows] == [json.loads(f"[{row[4]}]") for row in rows]
    assert [row.q for row in heard.rows] == [row[5] for row in rows]
    if trust < ClockTrust.NTP:
        assert heard.boot == "7c1d"
        assert [row.up_ms for row in heard.rows] == [row[3] for row in rows]


# --- the others ---


def test_a_catalog_carries_the_digest_the_check_computes() -> None:
    sensors = [
        {"i": 0, "id": "level-1", "driver": "a02yyuw", "kind": "sample"}
        | {"ch": [{"id": "water_level", "u": "m", "res": 0.001, "thr": {"danger": 1.2}}]}
    ]
    site = {"name": {"ja": "大聖寺川", "en": "Daishoji River"}, "lat": 36.3, "lon": 136.3, "tz": "Asia/Tokyo"}
    body = message.catalog_body(gw=GW, site=site, sensors=sensors)
    assert kept("catalog", message.compact(body)) == body
    assert message_of(Address(gw=GW, leaf="catalog", digest=body["k"]), message.compact(body)) == body


@given(TRUST)
def test_birth_will_and_stopped_keep_the_contract(trust: ClockTrust) -> None:
    born = message.birth(
        gw=GW, ep=EP, eps=[EP], at=moment(trust), sw="1.0.0", k="a1b2c3d4", m="5e6f7a8b", nx=1, ak=0
    )
    for payload in (
        born,
        message.will(gw=GW, ep=EP, boot="7c1d"),
        message.stopped(gw=GW, ep=EP, at=moment(trust)),
    ):
        kept("state", payload)


@pytest.mark.parametrize("file", sorted((ROOT / "config").glob("*.toml")), ids=lambda file: file.stem)
def test_the_manifest_of_every_example_site_keeps_the_contract(file: Path) -> None:
    body = manifest(load(file))
    kept("manifest", message.compact(body))


def test_health_keeps_the_contract() -> None:
    body = message.health(
        ep=EP,
        at=moment(),
        counts={"numbered": 10, "delivered": 7, "waiting": 2, "gone": 1},
        oldest_ms=None,
        ledger=[],
        sensors=[{"i": 0, "st": "ok", "last": 1630065103000, "err": 0}],
        disk={"free": 1},
        link={},
    )
    kept("health", message.compact(body))


@given(TRUST, st.sampled_from(["raised", "cleared"]))
def test_an_alarm_keeps_the_contract(trust: ClockTrust, state: str) -> None:
    data = {"value": 1.34, "unit": "m", "threshold": 1.2, "q": 0, "ja": "危険水位", "en": "Danger level"}
    payload = message.alert_body(
        gw=GW,
        ep=EP,
        e=17,
        n=48207,
        key="danger/level-1",
        state=state,
        subject="level-1/water_level",
        at=moment(trust),
        data=data,
    )
    body = kept("alert", payload)
    assert message_of(Address(gw=GW, leaf="alert"), payload)["data"]["state"] == state
    assert body["id"] == f"{GW}/{EP}/e17"


def test_a_clock_correction_keeps_the_contract() -> None:
    payload = message.clock_body(
        gw=GW, ep=EP, e=18, at=moment(), boot="7c1d", offset_ms=1630064979544, uncertainty_ms=40
    )
    kept("alert", payload)


@pytest.mark.parametrize("reason", ["thinned", "expired", "quarantined", "unreadable", "purged", "skipped"])
def test_a_gone_declaration_keeps_the_contract(reason: str) -> None:
    spans = [(1, 5, reason, Ranges(((7, 8), (10, 10)))), (20, 20, reason, Ranges())]
    body = kept("gone", message.gone_body(ep=EP, e=3, spans=spans))
    assert body["g"] == [[1, 5, reason, [7, 8, 10, 10]], [20, 20, reason]]


@given(st.sets(st.integers(1, 300)), st.sets(st.integers(1, 20)))
def test_our_sender_understands_every_ack_of_our_receiver(arrived: set[int], events: set[int]) -> None:
    rows = Ranges.of((n, n) for n in arrived)
    counts = Counts(
        gw=GW, ep=EP, arrived_rows=rows, gone_rows=Ranges(), events=Ranges.of((e, e) for e in events),
        highest=300, repeated=0, retimed=0, conflicting=0, alerts=0,
    )  # fmt: skip
    payload = json.dumps(counts.ack()).encode()
    kept("ack", payload)
    ack = message.parse_ack(payload)
    assert ack.ep == EP
    durable = {n for n in range(1, 301) if n <= ack.upto or _inside(n, ack.have)}
    assert durable <= arrived
    if len(rows.spans) <= 64:
        assert durable == arrived


def _inside(number: int, ranges: Ranges) -> bool:
    return any(first <= number <= last for first, last in ranges)


@pytest.mark.parametrize(
    "sample", [s for s in contract.samples() if s.schema == "ack" and s.good], ids=lambda s: s.name
)
def test_our_sender_understands_the_sample_acks(sample: contract.Sample) -> None:
    assert message.parse_ack(json.dumps(sample.body).encode()).upto == sample.body["upto"]
