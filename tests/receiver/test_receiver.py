"""The receiver against real brokers: duplicates, gaps, gone, epochs, acks, restarts."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
import trustme

from kaga_edge.core.ranges import Ranges
from kaga_edge.receiver import News, Receiver, Tls

KEY = ("daishoji-01", "3f2a9c1e")
Maker = Callable[..., Any]


def arrived(number: int, key: tuple[str, str] = KEY) -> Callable[[Receiver], bool]:
    return lambda one: key in one.counts() and one.counts()[key].arrived >= number


def stored(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(query).fetchall()


async def test_rows_arrive_once_each_and_a_gap_is_seen_by_arithmetic(
    broker: Any, gateway: Maker, running: Maker, tmp_path: Path
) -> None:
    async with running(broker.port, tmp_path / "r.db") as receiver, gateway(broker.port) as one:
        await one.rows(1, 0.39, 0.36)
        await one.rows(5, *[0.1 * step for step in range(60)])  # long enough for zlib
        await one.rows(1, 0.39, 0.36)
        await receiver.until(lambda r: arrived(62)(r) and r.counts()[KEY].repeated == 2)
        counts = receiver.counts()[KEY]
        assert counts.gaps == Ranges(((3, 4),))
        assert counts.conflicting == 0
        verdict = receiver.verify({"3f2a9c1e": 65})
        assert (verdict.numbered, verdict.arrived, verdict.lost, verdict.repeated) == (64, 62, 2, 2)
        assert not verdict.clean


async def test_a_declared_number_is_present_and_the_verdict_is_clean(
    broker: Any, gateway: Maker, running: Maker, tmp_path: Path
) -> None:
    async with running(broker.port, tmp_path / "r.db") as receiver, gateway(broker.port) as one:
        await one.rows(1, 1.0, 2.0)
        await one.rows(5, 3.0)
        await one.gone(1, [3, 4, "expired"])
        await receiver.until(lambda r: arrived(3)(r) and r.counts()[KEY].gone == 2)
        assert not receiver.counts()[KEY].gaps
        assert receiver.verify({"3f2a9c1e": 6}).clean


async def test_every_birth_is_answered_with_the_current_ack_of_every_epoch(
    broker: Any, gateway: Maker, running: Maker, tmp_path: Path
) -> None:
    async with (
        running(broker.port, tmp_path / "r.db", ack_every_s=30.0) as receiver,
        gateway(broker.port) as one,
    ):
        await one.listen()
        await one.birth(nx=1, eps=("00000abc",))
        answers = [await one.told("ack"), await one.told("ack")]
        assert {answer["ep"]: answer["upto"] for answer in answers} == {"3f2a9c1e": 0, "00000abc": 0}
        await one.rows(1, 1.0, 2.0)
        await receiver.until(arrived(2))
        await one.birth(nx=3)
        while (answer := await one.told("ack"))["upto"] != 2:
            pass
        assert answer == {"v": 1, "ep": "3f2a9c1e", "upto": 2, "have": [], "e": 0}


async def test_the_ack_tells_what_is_durable_above_a_gap_and_the_events_without_one(
    broker: Any, gateway: Maker, running: Maker, tmp_path: Path
) -> None:
    async with running(broker.port, tmp_path / "r.db", ack_every_s=0.05), gateway(broker.port) as one:
        await one.listen()
        await one.rows(1, 1.0, 2.0)
        await one.rows(5, 1.0)
        await one.gone(1, [7, 8, "skipped"])
        await one.alert(2)
        await one.alert(4)
        while (answer := await one.told("ack"))["e"] != 2:
            pass
        while len(answer["have"]) < 2:
            answer = await one.told("ack")
        assert answer == {"v": 1, "ep": "3f2a9c1e", "upto": 2, "have": [[5, 5], [7, 8]], "e": 2}


async def test_a_listener_without_ack_says_nothing(
    mosquitto: Any, gateway: Maker, running: Maker, tmp_path: Path
) -> None:
    async with (
        running(mosquitto.port, tmp_path / "r.db", ack=False) as receiver,
        gateway(mosquitto.port) as one,
    ):
        await one.listen()
        await one.birth(nx=1)
        await one.rows(1, 1.0)
        await receiver.until(arrived(1))
        await one.client.publish(f"kaga/edge/v1/{one.gw}/dn/ack", json.dumps({"mine": True}), qos=1)
        assert await one.told("ack") == {"mine": True}


async def test_a_restarted_receiver_knows_everything_and_gets_what_came_meanwhile(
    mosquitto: Any, gateway: Maker, running: Maker, tmp_path: Path
) -> None:
    path = tmp_path / "r.db"
    async with gateway(mosquitto.port) as one:
        async with running(mosquitto.port, path) as receiver:
            await one.rows(1, 1.0, 2.0)
            await one.gone(1, [3, 3, "quarantined"])
            await receiver.until(lambda r: arrived(2)(r) and r.counts()[KEY].gone == 1)
        await one.rows(4, 4.0)  # nobody is there; the broker keeps it for the session
        async with running(mosquitto.port, path) as receiver:
            await receiver.until(arrived(3))
            assert receiver.verify({"3f2a9c1e": 5}).clean
            assert receiver.verify({"3f2a9c1e": 5}).repeated == 0


async def test_the_receiver_comes_back_by_itself_when_the_broker_was_restarted(
    mosquitto: Any, gateway: Maker, running: Maker, tmp_path: Path
) -> None:
    news: list[News] = []
    async with running(mosquitto.port, tmp_path / "r.db", on_news=news.append) as receiver:
        mosquitto.stop()
        await receiver.until(lambda r: not r.connected)
        mosquitto.start()
        await receiver.until(lambda r: r.connected)
        async with gateway(mosquitto.port) as one:
            await one.rows(1, 1.0)
            await receiver.until(arrived(1))
    assert [one.facts["up"] for one in news if one.what == "connection"] == [True, False, True, False]


async def test_nothing_is_acknowledged_to_the_broker_before_it_is_on_disk(
    mosquitto: Any, gateway: Maker, running: Maker, tmp_path: Path
) -> None:
    path = tmp_path / "r.db"
    async with running(mosquitto.port, path) as receiver, gateway(mosquitto.port) as one:
        await one.rows(1, 1.0)
        await receiver.until(arrived(1))
        blocker = sqlite3.connect(path, isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")  # the next transaction cannot begin
        await one.rows(2, 2.0)
        await one.rows(3, 3.0)
        receiver_id = blocker.execute("SELECT value FROM note WHERE key = 'client'").fetchone()[0]
        # Another connection takes the session over: the broker still has both messages for it.
        async with aiomqtt.Client(
            "127.0.0.1",
            mosquitto.port,
            identifier=receiver_id,
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=False,
        ) as thief:
            taken = []
            async with asyncio.timeout(60):
                async for message in thief.messages:
                    taken.append(message)
                    if len(taken) == 2:
                        break
        blocker.execute("ROLLBACK")
        blocker.close()
        assert len(taken) == 2


async def test_an_unknown_catalog_is_asked_for_and_its_rows_are_kept(
    mosquitto: Any, gateway: Maker, running: Maker, tmp_path: Path
) -> None:
    async with running(mosquitto.port, tmp_path / "r.db") as receiver, gateway(mosquitto.port) as one:
        await one.listen()
        await one.rows(1, 1.0)
        asked = await one.told("cmd")
        assert (asked["op"], asked["args"]) == ("catalog", {"k": "a1b2c3d4"})
        assert asked["ctr"] == 1
        assert receiver.counts()[KEY].arrived == 1


async def test_current_is_the_newest_time_and_late_rows_never_move_it_back(
    mosquitto: Any, gateway: Maker, running: Maker, tmp_path: Path
) -> None:
    async with running(mosquitto.port, tmp_path / "r.db") as receiver, gateway(mosquitto.port) as one:
        catalog = {"v": 1, "gw": one.gw, "site": {"name": {"ja": "川", "en": "River"}, "tz": "Asia/Tokyo"}}
        catalog |= {"s": [{"i": 0, "id": "level-1", "driver": "a02yyuw", "kind": "sample", "ch": []}]}
        catalog["s"][0]["ch"] = [{"id": "water_level", "u": "m"}]  # type: ignore[index]
        await one.say("catalog/a1b2c3d4", catalog | {"k": "a1b2c3d4"}, retain=True)
        await one.rows(2, 5.0, t0=1630065200000)
        await one.rows(1, 4.0, t0=1630065100000, leaf="hist")
        await one.rows(3, 6.0, t0=1630065300000, c=0, b={"id": "7c1d", "up": 1})  # no clock: not current
        await one.alert(1)
        await receiver.until(lambda r: arrived(3)(r) and r.counts()[KEY].alerts == 1)
        (view,) = (await receiver.snapshot()).gateways
        (value,) = view.current
        assert (value.sensor, value.channel, value.unit, value.value) == ("level-1", "water_level", "m", 5.0)
        assert [(alarm.key, alarm.raised) for alarm in view.alarms] == [("danger/level-1", True)]


async def test_the_state_of_an_alarm_is_its_highest_e_whatever_the_order(
    mosquitto: Any, gateway: Maker, running: Maker, tmp_path: Path
) -> None:
    async with running(mosquitto.port, tmp_path / "r.db") as receiver, gateway(mosquitto.port) as one:
        await one.alert(2, state="cleared", n=9)
        await one.alert(1, state="raised", n=4)
        await one.alert(1, state="raised", n=4)
        await receiver.until(lambda r: KEY in r.counts() and r.counts()[KEY].alerts == 2)
        (view,) = (await receiver.snapshot()).gateways
        assert [alarm.raised for alarm in view.alarms] == [False]
        assert receiver.counts()[KEY].highest == 9  # an alert's row is known to exist


async def test_a_new_epoch_is_counted_apart_and_several_gateways_do_not_mix(
    mosquitto: Any, gateway: Maker, running: Maker, tmp_path: Path
) -> None:
    async with running(mosquitto.port, tmp_path / "r.db") as receiver:
        async with gateway(mosquitto.port) as one, gateway(mosquitto.port, "snow-02") as other:
            await one.rows(1, 1.0)
            await one.rows(1, 7.0, 8.0, ep="0badcafe")
            await other.rows(1, 9.0)
            await receiver.until(lambda r: len(r.counts()) == 3)
        assert {key: counts.arrived for key, counts in receiver.counts().items()} == {
            KEY: 1,
            ("daishoji-01", "0badcafe"): 2,
            ("snow-02", "3f2a9c1e"): 1,
        }


@pytest.mark.parametrize("payload", [b"", b"{", b"x\x9c", b'{"v":1}', b"[1]", b"\xff" * 9])
async def test_what_cannot_be_read_is_counted_and_kept_aside(
    mosquitto: Any, gateway: Maker, running: Maker, tmp_path: Path, payload: bytes
) -> None:
    path = tmp_path / "r.db"
    async with running(mosquitto.port, path) as receiver, gateway(mosquitto.port) as one:
        await one.say("data", payload)
        await one.rows(1, 1.0)
        await receiver.until(arrived(1))
        assert receiver.unreadable == (1 if payload else 0)
    assert len(stored(path, "SELECT * FROM aside")) == (1 if payload else 0)


async def test_over_tls_only_a_broker_with_the_right_certificate_is_believed(
    tls_broker: Maker, running: Maker, tmp_path: Path
) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    with tls_broker(authority) as broker:
        port = broker.port
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        stranger.cert_pem.write_to_path(tmp_path / "stranger.pem")
        async with running(
            port, tmp_path / "r.db", tls=Tls(ca_file=tmp_path / "ca.pem"), host="localhost"
        ) as one:
            assert one.connected
        with pytest.raises(TimeoutError):
            async with running(
                port,
                tmp_path / "s.db",
                tls=Tls(ca_file=tmp_path / "stranger.pem"),
                wait_s=1.0,
                host="localhost",
            ):
                pytest.fail("believed a stranger")


class EndsUncleanly(Receiver):
    """Its connection ends as aiomqtt ends one whose goodbye is late: by an error, no cancelling."""

    def __init__(self, path: Path) -> None:
        super().__init__("127.0.0.1", 1, path=path, reconnect_max_s=0.01)
        self.connections = 0
        self.up = asyncio.Event()

    async def _connected_once(self) -> None:
        self.connections += 1
        self.up.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise aiomqtt.MqttError("Operation timed out")


async def test_a_receiver_that_is_stopped_does_not_connect_again_because_the_goodbye_was_late(
    tmp_path: Path,
) -> None:
    receiver = EndsUncleanly(tmp_path / "receiver.sqlite")
    task = asyncio.create_task(receiver.run())
    await receiver.up.wait()
    task.cancel()
    async with asyncio.timeout(60):
        with pytest.raises(asyncio.CancelledError):
            await task
    assert receiver.connections == 1
