"""Contract v1 on the wire: expected bytes are the contract's own examples."""

from __future__ import annotations

import hashlib
import json
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.core import message
from kaga_edge.core.ranges import Ranges
from kaga_edge.core.stored import Run, StoredRow
from kaga_edge.vocabulary.readings import ClockTrust, Moment

RUN = Run(ep="3f2a9c1e", k="a1b2c3d4", c=2, boot="7c1d")
AT = Moment(wall_ms=1630126006000, up_ms=123456, boot="7c1d", trust=ClockTrust.NTP)
T0 = 1630065103000


def test_a_small_batch_is_the_contract_example_byte_for_byte() -> None:
    rows: list[StoredRow] = [
        (48211, 0, T0, 5, "0.39", None),
        (48212, 0, T0 + 300000, 6, "0.36", None),
        (48213, 3, T0 + 300000, 6, "1.695,null,-15.03", "[0,128,8]"),
    ]
    assert message.batch(rows, RUN) == (
        b'{"v":1,"ep":"3f2a9c1e","n":48211,"k":"a1b2c3d4","t0":1630065103000,"c":2,'
        b'"r":[[0,0,0.39],[0,300000,0.36],[3,0,1.695,null,-15.03,{"q":[0,128,8]}]]}'
    )


def test_a_batch_above_200_bytes_is_zlib_and_says_so_in_its_first_byte() -> None:
    rows: list[StoredRow] = [(n, 0, T0 + n * 1000, n, "0.391", None) for n in range(100)]
    payload = message.batch(rows, RUN)
    assert payload[0] == 0x78
    assert json.loads(zlib.decompress(payload))["r"][99] == [0, 1000, 0.391]
    assert message.parse(payload) == json.loads(zlib.decompress(payload))


def test_time_steps_may_be_negative() -> None:
    rows: list[StoredRow] = [(1, 0, T0, 5, "1", None), (2, 1, T0 - 250, 6, "2", None)]
    assert message.parse(message.batch(rows, RUN))["r"] == [[0, 0, 1], [1, -250, 2]]


@pytest.mark.parametrize("c", [0, 1])
def test_an_untrusted_clock_adds_the_boot_and_its_clock_at_t0(c: int) -> None:
    run = Run(ep="3f2a9c1e", k="a1b2c3d4", c=c, boot="7c1d")
    body = message.parse(message.batch([(1, 0, T0, 123456, "1", None)], run))
    assert body["b"] == {"id": "7c1d", "up": 123456}
    assert "b" not in message.parse(message.batch([(1, 0, T0, 123456, "1", None)], RUN))


def test_a_row_timed_again_afterwards_keeps_its_boot() -> None:
    body = message.parse(message.batch([(1, 0, T0, 123456, "1", "256"), (2, 0, T0, 7, "1", "8")], RUN))
    assert body["b"] == {"id": "7c1d", "up": 123456}


def test_a_skipped_number_in_a_batch_is_a_bug_not_a_message() -> None:
    with pytest.raises(ValueError, match="not consecutive"):
        message.batch([(1, 0, T0, 0, "1", None), (3, 0, T0, 0, "1", None)], RUN)
    with pytest.raises(ValueError, match="at least one"):
        message.batch([], RUN)


@given(st.lists(st.integers(1, 400), min_size=1, max_size=600), st.integers(400, message.MESSAGE_BYTES))
def test_what_fits_never_makes_a_batch_above_the_limit(widths: list[int], limit: int) -> None:
    rows: list[StoredRow] = [
        (n, 99, (-1) ** n * 8_000_000_000_000, 2**50, "1" * width, "[1023]" if width % 2 else None)
        for n, width in enumerate(widths)
    ]
    run = Run(ep="3f2a9c1e", k="a1b2c3d4", c=0, boot="b" * 32)
    payload, taken = message.packed(rows, run, limit)
    assert 1 <= taken <= len(rows)
    assert payload == message.batch(rows[:taken], run)
    plain = zlib.decompress(payload) if payload[0] == 0x78 else payload
    assert len(plain) <= limit or taken == 1


def test_the_catalog_digest_is_of_its_bytes_without_k() -> None:
    sensors = [{"i": 0, "id": "level-1", "ch": [{"id": "water_level", "u": "m", "res": 0.001}]}]
    site = {"name": {"ja": "大聖寺川", "en": "Daishoji"}, "tz": "Asia/Tokyo"}
    body = message.catalog_body(gw="daishoji-01", site=site, sensors=sensors)
    bare = (
        '{"v":1,"gw":"daishoji-01","site":{"name":{"ja":"大聖寺川","en":"Daishoji"},"tz":"Asia/Tokyo"},'
        '"s":[{"i":0,"id":"level-1","ch":[{"id":"water_level","u":"m","res":0.001}]}]}'
    )
    assert list(body) == ["v", "k", "gw", "site", "s"]
    assert body["k"] == hashlib.sha256(bare.encode()).hexdigest()[:8] == message.catalog_digest(body)
    assert message.catalog_digest(json.loads(message.compact(body))) == body["k"]


def test_topics_are_those_of_the_contract() -> None:
    topics = message.Topics(root="kaga", gw="daishoji-01")
    assert topics.up("data") == "kaga/edge/v1/daishoji-01/up/data"
    assert topics.down("ack") == "kaga/edge/v1/daishoji-01/dn/ack"
    assert topics.catalog("a1b2c3d4") == "kaga/edge/v1/daishoji-01/up/catalog/a1b2c3d4"


def test_birth_and_will_are_the_contract_examples() -> None:
    at = Moment(wall_ms=T0, up_ms=1, boot="7c1d", trust=ClockTrust.NTP)
    born = message.birth(
        gw="daishoji-01", ep="3f2a9c1e", eps=["3f2a9c1e"], at=at, sw="1.0.0", k="a1b2c3d4", m="5e6f7a8b",
        nx=48211, ak=48190,
    )  # fmt: skip
    assert born == (
        b'{"v":1,"st":"alive","gw":"daishoji-01","ep":"3f2a9c1e","eps":["3f2a9c1e"],"boot":"7c1d",'
        b'"t":1630065103000,"c":2,"sw":"1.0.0","k":"a1b2c3d4","m":"5e6f7a8b","nx":48211,"ak":48190}'
    )
    assert message.will(gw="daishoji-01", ep="3f2a9c1e", boot="7c1d") == (
        b'{"v":1,"st":"dead","gw":"daishoji-01","ep":"3f2a9c1e","boot":"7c1d"}'
    )


def test_an_alert_is_the_contract_example() -> None:
    body = message.alert_body(
        gw="daishoji-01", ep="3f2a9c1e", e=17, n=48207, key="danger/level-1", state="raised",
        subject="level-1/water_level", at=AT,
        data={"value": 1.34, "unit": "m", "threshold": 1.2, "q": 0,
              "ja": "水位が氾濫危険水位に達しました", "en": "Water level has reached the flood danger level"},
    )  # fmt: skip
    assert body.decode() == (
        '{"specversion":"1.0","id":"daishoji-01/3f2a9c1e/e17","source":"urn:kaga:gw:daishoji-01",'
        '"type":"jp.kaga.edge.alert.v1","subject":"level-1/water_level","time":"2021-08-28T04:46:46.000Z",'
        '"datacontenttype":"application/json","data":{"key":"danger/level-1","state":"raised","n":48207,'
        '"value":1.34,"unit":"m","threshold":1.2,"q":0,"c":2,"ja":"水位が氾濫危険水位に達しました",'
        '"en":"Water level has reached the flood danger level"}}'
    )


def test_an_alert_under_an_untrusted_clock_carries_its_boot() -> None:
    at = Moment(wall_ms=T0, up_ms=123456, boot="7c1d", trust=ClockTrust.LAST_KNOWN)
    body = message.alert_body(
        gw="g", ep="3f2a9c1e", e=1, n=1, key="k", state="raised", subject="s", at=at, data={}
    )
    assert json.loads(body)["data"]["b"] == {"id": "7c1d", "up": 123456}


def test_gone_is_the_contract_example() -> None:
    spans = [
        (48000, 48119, "thinned", Ranges(((52310, 52319),))),
        (48300, 48300, "quarantined", Ranges()),
    ]
    assert message.gone_body(ep="3f2a9c1e", e=18, spans=spans) == (
        b'{"v":1,"ep":"3f2a9c1e","e":18,"g":[[48000,48119,"thinned",[52310,52319]],[48300,48300,"quarantined"]]}'
    )


def test_health_refuses_a_ledger_that_does_not_add_up() -> None:
    counts = {"numbered": 10, "delivered": 7, "waiting": 2, "gone": 1}
    body = message.health(
        ep="3f2a9c1e", at=AT, counts=counts, oldest_ms=None, ledger=[], sensors=[], disk={}, link={}
    )
    assert body["n"] == counts
    with pytest.raises(ValueError, match="aa00bb11 does not add up"):
        message.health(
            ep="3f2a9c1e", at=AT, counts=counts, oldest_ms=None, ledger=[], sensors=[], disk={}, link={},
            epochs=[{"ep": "aa00bb11", **counts, "gone": 0}],
        )  # fmt: skip
    with pytest.raises(ValueError, match="does not add up"):
        message.health(
            ep="3f2a9c1e", at=AT, counts=counts | {"gone": 0}, oldest_ms=None, ledger=[], sensors=[],
            disk={}, link={},
        )  # fmt: skip


def test_an_ack_is_read_as_in_the_contract() -> None:
    ack = message.parse_ack(b'{"v":1,"ep":"3f2a9c1e","upto":48252,"have":[[48260,48300]],"e":17,"new":1}')
    assert ack == message.Ack(ep="3f2a9c1e", upto=48252, have=Ranges(((48260, 48300),)), e=17)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"x\x9c rubbish",
        b'{"v":2,"ep":"3f2a9c1e","upto":1}',
        b'{"v":1,"ep":"3F2A9C1E","upto":1}',
        b'{"v":1,"ep":"3f2a9c1e"}',
        b'{"v":1,"ep":"3f2a9c1e","upto":true}',
        b'{"v":1,"ep":"3f2a9c1e","upto":1.5}',
        b'{"v":1,"ep":"3f2a9c1e","upto":NaN}',
        b'{"v":1,"ep":"3f2a9c1e","upto":1,"have":[[5,4]]}',
        b'{"v":1,"ep":"3f2a9c1e","upto":1,"have":[5]}',
        b'{"v":1,"ep":"3f2a9c1e","upto":1,"e":"x"}',
        b'{"v":1,"ep":"3f2a9c1e","upto":1,"have":[' + b",".join([b"[9,9]"] * 65) + b"]}",
        b"[" * 60000,
        zlib.compress(b" " * 10_000_000),
    ],
)
def test_a_malformed_ack_is_refused(payload: bytes) -> None:
    with pytest.raises(message.MessageMalformed):
        message.parse_ack(payload)


@given(st.binary(max_size=200) | st.text(max_size=80).map(str.encode))
def test_random_bytes_raise_only_message_malformed(payload: bytes) -> None:
    for wrapped in (payload, zlib.compress(payload)):
        with suppress(message.MessageMalformed):
            message.parse_ack(wrapped)
