"""The uplink against a scripted MQTT 5 peer: every reason code, small windows, silence."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from kaga_edge.core import message
from kaga_edge.core.ranges import Ranges
from kaga_edge.vocabulary.errors import KagaError

Make = Callable[..., Any]
EPOCH = "3f2a9c1e"
BATCHES = ("data", "hist")


async def test_the_birth_comes_first_then_manifest_and_catalog_and_all_are_retained(
    make_peer: Make, store: Any, run_uplink: Make
) -> None:
    peer = await make_peer()
    store.commit(3)
    run_uplink(peer.port)
    await peer.until(lambda: any(p.leaf in BATCHES for p in peer.published))
    leaves = [publish.leaf for publish in peer.published]
    assert leaves[:3] == ["state", "manifest", "catalog"]
    k = json.loads(peer.published[0].payload)["k"]
    batch = next(i for i, leaf in enumerate(leaves) if leaf in BATCHES)
    assert leaves.index(f"catalog/{k}") < batch
    retained = {publish.leaf for publish in peer.published if publish.retain}
    assert retained == {"state", "manifest", "catalog", f"catalog/{k}"}
    birth = json.loads(peer.published[0].payload)
    assert (birth["st"], birth["nx"], birth["ak"], birth["eps"]) == ("alive", 4, 0, [store.epoch])
    assert birth["m"] == message.digest(b'{"v":1}')


async def test_a_new_epoch_during_a_connection_was_named_by_no_birth(
    make_peer: Make, store: Any, run_uplink: Make
) -> None:
    """When memory takes over from a disk: the retained state and catalog told of the old epoch for months."""
    peer = await make_peer()
    peer.hold_pubacks = True
    uplink = run_uplink(peer.port)
    await peer.until(lambda: any(p.leaf == "health" for p in peer.published))
    store.epoch = "aa00bb11"

    await uplink.epoch_began()  # also while the first birth is still unanswered
    await peer.until(lambda: sum(p.leaf == "health" for p in peer.published) == 2)
    peer.release()

    births = [json.loads(p.payload) for p in peer.published if p.leaf == "state"]
    assert [birth["ep"] for birth in births] == [EPOCH, "aa00bb11"]
    assert set(births[1]["eps"]) == {EPOCH, "aa00bb11"}
    assert [p.leaf for p in peer.published if p.retain] == ["state", "manifest", "catalog"] * 2


async def test_a_sick_disk_at_start_is_asked_again(make_peer: Make, store: Any, run_uplink: Make) -> None:
    class SickOnce(type(store)):  # type: ignore[misc]
        sick = 1

        async def standing(self) -> Any:
            if self.sick:
                self.sick -= 1
                raise KagaError("disk I/O error")
            return await super().standing()

    sick = SickOnce()
    sick.commit(5)
    peer = await make_peer()
    run_uplink(peer.port, over=sick)
    await sick.until(lambda: not sick.waiting)
    assert json.loads(peer.published[0].payload)["nx"] == 6


async def test_connect_asks_for_a_kept_session_and_a_delayed_will(make_peer: Make, run_uplink: Make) -> None:
    peer = await make_peer()
    run_uplink(peer.port)
    await peer.until(lambda: bool(peer.published))
    connect = peer.connects[0]
    assert connect[6] == 5  # MQTT 5
    flags = connect[7]
    assert flags & 0x02 == 0  # Clean Start false
    assert flags & 0x3C == 0x2C  # will, QoS 1, retained
    assert b"\x11" + (7 * 86400).to_bytes(4, "big") in connect  # session expiry
    assert b"\x18" + (90).to_bytes(4, "big") in connect  # will delay
    assert b'"st":"dead"' in connect


RETAINED_WILL, KEEPS_NOTHING, NO_RETAIN = 0x20, b"\x25\x00", 0x9A


async def test_one_word_of_retain_not_supported_made_every_later_will_a_passing_one(
    make_peer: Make, run_uplink: Make
) -> None:
    """A broker set up anew, or one DISCONNECT 0x9A: until a restart nobody who came later saw us dead."""
    peer = await make_peer()
    run_uplink(peer.port)
    for refuses, properties in ((True, b""), (False, KEEPS_NOTHING), (False, b""), (False, b"")):
        peer.connack_code, peer.connack = NO_RETAIN if refuses else 0, properties
        seen = len(peer.connects)
        peer.say(bytes([0xE0, 2, NO_RETAIN, 0]))
        await peer.until(lambda seen=seen: len(peer.connects) > seen)
        wills = [bool(connect[7] & RETAINED_WILL) for connect in peer.connects]
    peer.say(bytes([0xE0, 2, 0x8B, 0]))
    await peer.until(lambda: len(peer.connects) > len(wills))
    assert False in wills  # while it keeps nothing
    assert peer.connects[-1][7] & RETAINED_WILL


@pytest.mark.parametrize("code", [0x87, 0x97, 0x10, 0x89, 0x80])
async def test_a_refusing_broker_loses_nothing(
    make_peer: Make, store: Any, run_uplink: Make, code: int
) -> None:
    refusing = True
    peer = await make_peer(lambda p: code if refusing and p.leaf in (*BATCHES, "alert") else 0)
    uplink = run_uplink(peer.port, pause_s=0.05, forbidden_s=0.2)
    store.commit(20, alert="danger/level-1")
    await peer.until(lambda: sum(p.leaf in (*BATCHES, "alert") for p in peer.published) >= 2)
    await asyncio.sleep(0)
    assert store.waiting == Ranges(((1, 20),))
    assert not store.confirmed_notices
    assert uplink.snapshot().states
    refusing = False
    await store.until(lambda: not store.waiting and bool(store.confirmed_notices))
    first, second = [p.payload for p in peer.published if p.leaf in BATCHES][:2]
    assert first == second  # within a connection a retry has the same bytes
    await store.until(lambda: not uplink.snapshot().states)


@pytest.mark.parametrize("code", [0x90, 0x99])
async def test_a_refused_row_is_quarantined_declared_gone_and_the_rest_arrives(
    make_peer: Make, store: Any, run_uplink: Make, code: int
) -> None:
    def answer(publish: Any) -> int:
        guilty = publish.leaf in BATCHES and "666" in str(message.parse(publish.payload)["r"])
        return code if guilty else 0

    store.commit(10)
    store.commit(1, vals="666")
    store.commit(10)
    peer = await make_peer(answer)
    run_uplink(peer.port)
    await store.until(lambda: not store.waiting)
    assert 11 in store.gone
    if code == 0x99:
        assert set(store.gone) == {11}
    await peer.until(lambda: any(p.leaf == "gone" for p in peer.published))
    gone = next(message.parse(p.payload) for p in peer.published if p.leaf == "gone")
    assert gone["g"][0][2] == "quarantined"


async def test_too_large_is_cut_until_it_fits(make_peer: Make, store: Any, run_uplink: Make) -> None:
    def answer(publish: Any) -> int:
        big = publish.leaf in BATCHES and len(message.parse(publish.payload)["r"]) > 10
        return 0x95 if big else 0

    store.commit(100)
    peer = await make_peer(answer)
    run_uplink(peer.port)
    await store.until(lambda: not store.waiting)
    assert not store.gone


async def test_the_maximum_packet_size_is_never_exceeded(
    make_peer: Make, store: Any, run_uplink: Make
) -> None:
    store.commit(300)
    peer = await make_peer(connack=b"\x27" + (400).to_bytes(4, "big"))
    run_uplink(peer.port)
    await store.until(lambda: not store.waiting)
    assert all(len(p.payload) + len(p.topic) + 7 <= 400 for p in peer.published if p.leaf in BATCHES)


@pytest.mark.parametrize("most", [1, 3])
async def test_the_receive_maximum_is_obeyed_from_the_first_packet(
    make_peer: Make, store: Any, run_uplink: Make, most: int
) -> None:
    store.commit(2000)
    peer = await make_peer(connack=b"\x21" + most.to_bytes(2, "big"))
    peer.hold_pubacks = True
    run_uplink(peer.port)
    for count in range(1, 10):
        await peer.until(lambda count=count: len(peer.published) >= count)
        assert peer.open <= most
        peer.release()
        peer.hold_pubacks = True
    peer.release()
    await store.until(lambda: not store.waiting)
    assert peer.open <= most


async def test_a_peer_that_never_acknowledges_is_left_after_a_while_and_nothing_is_lost(
    make_peer: Make, store: Any, run_uplink: Make
) -> None:
    mute = True
    peer = await make_peer(lambda _p: None if mute else 0)
    store.commit(20)
    uplink = run_uplink(peer.port, puback_wait_s=0.3)
    await peer.until(lambda: len(peer.connects) >= 2)
    assert store.waiting == Ranges(((1, 20),))
    assert uplink.snapshot().in_flight <= 20
    mute = False
    await store.until(lambda: not store.waiting)


async def test_alerts_leave_before_live_and_live_before_backlog(
    make_peer: Make, store: Any, run_uplink: Make
) -> None:
    peer = await make_peer(connack=b"\x21\x00\x01")
    store.commit(500)
    peer.hold_pubacks = True
    run_uplink(peer.port)
    await peer.until(lambda: bool(peer.published))
    store.commit(5, alert="danger/level-1")
    peer.release()
    await store.until(lambda: not store.waiting)
    leaves = [p.leaf for p in peer.published if p.leaf in (*BATCHES, "alert")]
    assert leaves.index("alert") < leaves.index("data")
    assert leaves.index("data") <= 2  # at most one batch of the backlog was already packed


async def test_platform_acks_confirm_and_missing_rows_are_sent_again(
    make_peer: Make, store: Any, run_uplink: Make
) -> None:
    peer = await make_peer()
    store.commit(50)
    uplink = run_uplink(peer.port, delivery="platform", ack_wait_s=0.3)
    await peer.until(lambda: bool(peer.subscribed))
    assert peer.subscribed == ["kaga/edge/v1/daishoji-01/dn/ack"]
    await peer.until(lambda: peer.rows() == Ranges(((1, 50),)))
    assert store.waiting == Ranges(((1, 50),))
    ack = {"v": 1, "ep": store.epoch, "upto": 10, "have": [[21, 50]]}
    peer.send("kaga/edge/v1/daishoji-01/dn/ack", message.compact(ack))
    await store.until(lambda: store.waiting == Ranges(((11, 20),)))
    await peer.until(lambda: _rows_of(peer.published[-1]) == (11, 20))
    ack |= {"upto": 50, "have": []}
    peer.send("kaga/edge/v1/daishoji-01/dn/ack", message.compact(ack), mid=2)
    await store.until(lambda: not store.waiting)
    assert uplink.snapshot().delivered_age_s is not None


async def test_what_a_resumed_session_says_with_its_greeting_is_acknowledged_first_and_in_order(
    make_peer: Make, store: Any, run_uplink: Make
) -> None:
    # Seen: three acks queued while the gateway was down came with CONNACK and were never acknowledged; the
    # fourth was, out of order, and the broker hung up, again and again.
    peer = await make_peer()
    store.commit(5)
    ack = message.compact({"v": 1, "ep": store.epoch, "upto": 2})
    peer.queued = [peer.packet("kaga/edge/v1/daishoji-01/dn/ack", ack, mid) for mid in (1, 2, 3)]
    run_uplink(peer.port, delivery="platform")
    await peer.until(lambda: len(peer.acknowledged) == 3)
    peer.send("kaga/edge/v1/daishoji-01/dn/ack", ack, mid=4)
    await peer.until(lambda: len(peer.acknowledged) == 4)
    assert peer.acknowledged == [1, 2, 3, 4]
    await store.until(lambda: store.waiting == Ranges(((3, 5),)))


async def test_packet_ids_go_on_over_connections_so_that_a_late_puback_confirms_nothing(
    make_peer: Make, store: Any, run_uplink: Make
) -> None:
    peer = await make_peer(lambda _publish: None)
    store.commit(5)
    run_uplink(peer.port)
    await peer.until(lambda: peer.rows().count == 5)
    ids = {publish.mid for publish in peer.published}
    port = peer.port
    await peer.stop()
    peer.published.clear()
    await peer.start(port)
    await peer.until(lambda: peer.rows().count == 5)
    assert ids.isdisjoint(publish.mid for publish in peer.published)


async def test_a_refused_subscription_is_said_and_asked_for_again(
    make_peer: Make, store: Any, run_uplink: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    peer = await make_peer()
    peer.suback = 0x87
    store.commit(5)
    uplink = run_uplink(peer.port, delivery="platform", forbidden_s=0.05)
    await peer.until(lambda: len(peer.subscribed) >= 3)
    assert uplink.snapshot().state == "refused"
    assert "0x87" in uplink.snapshot().reason
    assert store.waiting == Ranges(((1, 5),))
    peer.suback = 1
    again = len(peer.subscribed)
    await peer.until(lambda: len(peer.subscribed) > again and peer.rows().count == 5)
    peer.send("kaga/edge/v1/daishoji-01/dn/ack", message.compact({"v": 1, "ep": store.epoch, "upto": 5}))
    await store.until(lambda: not store.waiting)
    assert uplink.snapshot().state == "up"
    assert caplog.text.count("uplink.subscription_refused ") == 1  # one line per change, not per attempt


async def test_a_link_that_comes_and_goes_is_told_as_a_whole(
    make_peer: Make, store: Any, run_uplink: Make, caplog: pytest.LogCaptureFixture
) -> None:
    # Seen: a server that hung up on every connection filled the journal with two lines each.
    caplog.set_level("INFO")
    peer = await make_peer(lambda _p: peer.say(b"\xe0\x02\x89\x00"))
    run_uplink(peer.port)
    await peer.until(lambda: len(peer.connects) >= 10)
    assert caplog.text.count("link.flapping count=3") == 1
    assert caplog.text.count("link.up ") <= 3
    assert caplog.text.count("link.down ") <= 3
    await peer.stop()
    await _until_said(caplog, "kind=refused")  # another end is another story


async def test_a_broker_that_gave_another_reason_each_time_filled_the_log(
    make_peer: Make, store: Any, run_uplink: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    codes = (0x81, 0x89, 0x97)
    peer = await make_peer(lambda _p: peer.say(bytes((0xE0, 2, codes[len(peer.connects) % 3], 0))))
    run_uplink(peer.port)
    await peer.until(lambda: len(peer.connects) >= 15)
    assert caplog.text.count("link.flapping count=3") == 1
    assert caplog.text.count("link.up ") <= 3
    assert caplog.text.count("link.down ") <= 3 + len(codes)


async def test_rubbish_on_dn_ack_changes_nothing(make_peer: Make, store: Any, run_uplink: Make) -> None:
    peer = await make_peer()
    store.commit(5)
    run_uplink(peer.port, delivery="platform")
    await peer.until(lambda: peer.rows().count == 5)
    for mid, rubbish in enumerate((b"", b"{", b'{"v":1,"ep":"3f2a9c1e","upto":999}', b"\xff" * 100), 1):
        peer.send("kaga/edge/v1/daishoji-01/dn/ack", rubbish, mid=mid)
    good = {"v": 1, "ep": store.epoch, "upto": 3}
    peer.send("kaga/edge/v1/daishoji-01/dn/ack", message.compact(good), mid=9)
    await store.until(lambda: bool(store.confirmed))
    assert store.waiting == Ranges(((4, 5),))


async def test_a_clean_stop_flushes_says_stopped_and_disconnects(
    make_peer: Make, store: Any, run_uplink: Make
) -> None:
    peer = await make_peer()
    uplink = run_uplink(peer.port, batch_s=60)
    await peer.until(lambda: any(p.leaf == "health" for p in peer.published))
    store.commit(7)
    async with asyncio.timeout(4):
        await uplink.close()
    assert not store.waiting
    last = peer.published[-1]
    assert (last.leaf, json.loads(last.payload)["st"], last.retain) == ("state", "stopped", True)
    await peer.until(lambda: peer.disconnects == 1)


async def test_a_stop_while_dialling_a_mute_host_does_not_hang(make_peer: Make, run_uplink: Make) -> None:
    peer = await make_peer()
    peer.connack_code = None
    uplink = run_uplink(peer.port)
    await peer.until(lambda: bool(peer.connects))
    async with asyncio.timeout(2):
        await uplink.close()


async def test_a_retained_catalog_nobody_needs_is_taken_back(
    make_peer: Make, store: Any, run_uplink: Make
) -> None:
    store.small["uplink.catalogs"] = "deadbeef"
    peer = await make_peer()
    run_uplink(peer.port)
    await peer.until(lambda: any(p.leaf == "catalog/deadbeef" for p in peer.published))
    cleared = next(p for p in peer.published if p.leaf == "catalog/deadbeef")
    assert (cleared.payload, cleared.retain) == (b"", True)
    await store.until(lambda: "deadbeef" not in store.small["uplink.catalogs"])


async def test_an_unknown_user_is_refused_and_said(make_peer: Make, store: Any, run_uplink: Make) -> None:
    peer = await make_peer()
    peer.connack_code = 0x86
    uplink = run_uplink(peer.port)
    await peer.until(lambda: len(peer.connects) >= 2)
    assert uplink.snapshot().state == "refused"
    peer.connack_code = 0
    store.commit(1)
    await store.until(lambda: not store.waiting)
    assert uplink.snapshot().state == "up"


async def _until_said(caplog: pytest.LogCaptureFixture, text: str) -> None:
    async with asyncio.timeout(60):
        while text not in caplog.text:
            await asyncio.sleep(0.01)


def _rows_of(publish: Any) -> tuple[int, int] | None:
    if publish.leaf not in BATCHES:
        return None
    body = message.parse(publish.payload)
    return body["n"], body["n"] + len(body["r"]) - 1
