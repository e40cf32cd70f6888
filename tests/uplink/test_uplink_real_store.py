"""The uplink over the real store on disk: what is committed arrives, and the ledger adds up."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from kaga_edge.core import message
from kaga_edge.core.ranges import Ranges
from kaga_edge.core.stored import Entry, SensorDeclaration
from kaga_edge.store import Store
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Alert, ClockTrust, Moment, Reading, Sample

Make = Callable[..., Any]
GW = "daishoji-01"
RESTARTS = 20 if os.environ.get("KAGA_TEST_FULL") else 2


class Clock:
    """A fixed date and the real monotonic clock."""

    def now(self) -> Moment:
        return Moment(wall_ms=1630065103000, up_ms=1000, boot="7c1d", trust=ClockTrust.NTP)

    def monotonic_ns(self) -> int:
        return int(asyncio.get_running_loop().time() * 1e9)


@pytest.fixture
async def disk(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(tmp_path / "store.db", max_bytes=10**9, keep_delivered_s=86400.0, clock=Clock())
    channels = (("water_level", "m", 0.001, {}),)
    await store.declare([SensorDeclaration(id="level-1", channels=channels, driver="sim")], {}, GW)
    yield store
    await store.close()


def entries(count: int, *, value: float = 0.39, alert: str = "") -> list[Entry]:
    sample = Sample(
        sensor="level-1",
        at=Clock().now(),
        readings=(Reading(quantity=Quantity.WATER_LEVEL_M, value=value),),
    )
    made = [Entry(sample=sample) for _ in range(count)]
    if alert:
        raised = Alert(
            key=alert, state="raised", subject="level-1/water_level", at=sample.at, data={"value": value}
        )
        made[-1] = Entry(sample=sample, alerts=(raised,))
    return made


async def delivered(store: Store, within_s: float = 60.0) -> None:
    async with asyncio.timeout(within_s):
        while any(e.waiting or e.notices_waiting for e in (await store.standing()).epochs):
            await asyncio.sleep(0.02)


@pytest.mark.mosquitto
async def test_broker_restarts_over_a_real_store_leave_no_gap(
    mosquitto: Any, disk: Store, receive: Make, run_uplink: Make
) -> None:
    heard = await receive(mosquitto.port)
    run_uplink(mosquitto.port, over=disk, pause_s=0.1)
    last = 0
    for _ in range(RESTARTS):
        n = (await disk.append(entries(40, alert="danger/level-1"))).last
        await heard.until(lambda n=n: any(alert["data"]["n"] == n for alert in heard.bodies("alert")))
        await disk.append(entries(300))
        mosquitto.stop()
        last = (await disk.append(entries(20))).last
        mosquitto.start()
    await delivered(disk)
    await heard.until(lambda: heard.arrived.get(disk.epoch) == Ranges(((1, last),)))
    for tally in (await disk.ledger()).epochs:
        assert (tally.numbered, tally.delivered, tally.waiting, tally.gone) == (last, last, 0, 0)


async def test_a_quarantined_row_is_in_the_ledger_and_declared_gone(
    make_peer: Make, disk: Store, run_uplink: Make
) -> None:
    def answer(publish: Any) -> int:
        batch = publish.leaf in ("data", "hist")
        return 0x99 if batch and "666" in str(message.parse(publish.payload)["r"]) else 0

    await disk.append([*entries(10), *entries(1, value=666.0), *entries(10)])
    peer = await make_peer(answer)
    run_uplink(peer.port, over=disk)
    await peer.until(lambda: any(p.leaf == "gone" for p in peer.published))
    await delivered(disk)
    gone = next(message.parse(p.payload) for p in peer.published if p.leaf == "gone")
    assert gone["g"] == [[11, 11, "quarantined"]]
    tally = (await disk.ledger()).epochs[-1]
    assert (tally.numbered, tally.delivered, tally.waiting, tally.gone) == (21, 20, 0, 1)


async def test_after_a_restart_only_what_was_not_confirmed_is_sent(
    make_peer: Make, disk: Store, run_uplink: Make
) -> None:
    peer = await make_peer()
    await disk.append(entries(50))
    first = run_uplink(peer.port, over=disk)
    await delivered(disk)
    await first.close()
    peer.published.clear()
    await disk.append(entries(5))
    run_uplink(peer.port, over=disk)
    await delivered(disk)
    assert peer.rows() == Ranges(((51, 55),))


@pytest.mark.parametrize("code", [0x87, 0x97])
async def test_a_refusing_broker_leaves_every_row_waiting_on_disk(
    make_peer: Make, disk: Store, run_uplink: Make, code: int
) -> None:
    refusing = True
    peer = await make_peer(lambda p: code if refusing and p.leaf in ("data", "hist", "alert") else 0)
    await disk.append(entries(50, alert="danger/level-1"))
    run_uplink(peer.port, over=disk, pause_s=0.05, forbidden_s=0.1)
    await peer.until(lambda: sum(p.leaf == "alert" for p in peer.published) >= 2)
    standing = (await disk.standing()).epochs[-1]
    assert (standing.waiting.count, standing.notices_waiting.count) == (50, 1)
    refusing = False
    await delivered(disk)
