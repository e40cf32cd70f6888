"""The uplink against the embedded broker (iotcore, MQTT 5 listener) of demo and quick tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from kaga_edge.core.ranges import Ranges
from kaga_edge.sim.broker import EmbeddedBroker

Make = Callable[..., Any]


@pytest.fixture
async def embedded(tmp_path: Path) -> AsyncIterator[EmbeddedBroker]:
    broker = EmbeddedBroker(tmp_path)
    await broker.start()
    yield broker
    await broker.stop()


@pytest.mark.parametrize("delivery", ["broker", "platform"])
async def test_rows_and_alerts_arrive_through_the_embedded_broker(
    embedded: EmbeddedBroker, store: Any, receive: Make, run_uplink: Make, delivery: str
) -> None:
    heard = await receive(embedded.port, ack=delivery == "platform")
    uplink = run_uplink(embedded.port, delivery=delivery)
    store.commit(3000)
    store.commit(5, alert="danger/level-1")
    await store.until(lambda: not store.waiting)
    await heard.until(lambda: heard.arrived.get(store.epoch) == Ranges(((1, 3005),)))
    await heard.until(lambda: "alert" in heard.leaves())
    assert uplink.snapshot().state == "up"


async def test_the_embedded_broker_restarted_leaves_no_gap_under_platform_delivery(
    embedded: EmbeddedBroker, store: Any, receive: Make, run_uplink: Make
) -> None:
    heard = await receive(embedded.port, ack=True)
    run_uplink(embedded.port, delivery="platform", ack_wait_s=0.5, no_ack_s=1.0)
    store.commit(500)
    await store.until(lambda: not store.waiting)
    await embedded.stop()
    store.commit(500)
    await embedded.start()
    await store.until(lambda: not store.waiting)
    await heard.until(lambda: heard.arrived.get(store.epoch) == Ranges(((1, 1000),)))
