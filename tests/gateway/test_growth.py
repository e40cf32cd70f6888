"""A thousand polls leave nothing behind in memory: judged, committed, sent, answered and confirmed."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from kaga_edge.config.limits import default_limits
from kaga_edge.core import message
from kaga_edge.core.delivery_state import State, waiting_rows
from kaga_edge.core.sampling import SensorPlan, SensorState, judge
from kaga_edge.core.siting import Surroundings
from kaga_edge.core.stored import Entry, SensorDeclaration
from kaga_edge.gateway.recorder import Recorder
from kaga_edge.station.clock import SystemClock
from kaga_edge.store import Store
from kaga_edge.uplink import UplinkSettings
from kaga_edge.uplink.sender import Sender
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Measurement

ROUNDS = 2000 if os.environ.get("KAGA_TEST_FULL") else 200
SENSORS, EVERY_S, RECONNECT_ROUNDS, SENT_ROUNDS = 5, 10.0, 20, 2
QUANTITY = Quantity.WATER_LEVEL_M


class Line:
    """A connection on which every message is taken at once."""

    receive_most, packet_most_bytes = 20, 1 << 20

    def __init__(self, sender: Sender, number: int) -> None:
        self._sender, self._number = sender, number
        self._mid = number * 1_000_000  # a late answer on an old line belongs to nothing on the new one

    def publish(self, _topic: str, _payload: bytes, **_further: object) -> int:
        self._mid += 1
        asyncio.get_running_loop().call_soon(self._sender.answered, self._number, self._mid, 0)
        return self._mid


class Way:
    """The path of a reading, every part the real one but the wires at both ends."""

    def __init__(self, store: Store, clock: SystemClock) -> None:
        self._clock, self._store = clock, store
        self._plans = [
            SensorPlan(id=f"level-{n}", said=(QUANTITY,), limits={QUANTITY.channel: default_limits(QUANTITY)})
            for n in range(SENSORS)
        ]
        self._states = {plan.id: SensorState() for plan in self._plans}
        self._recorder = Recorder(store)
        settings = UplinkSettings(gw="gw-1", host="", port=0, batch_s=0.02, no_subscriber="accept")
        topics = message.Topics(root="kaga", gw="gw-1")
        self.sender = Sender(settings, store=store, clock=clock, topics=topics, on_posted=lambda *_: None)
        self._rounds = self._links = 0

    async def declare(self) -> None:
        channels = ((QUANTITY.channel, QUANTITY.unit, 0.001, {}),)
        sensors = [SensorDeclaration(id=p.id, channels=channels, driver="a02yyuw") for p in self._plans]
        await self._store.declare(sensors, {}, "gw-1")
        self._store.on_change.append(self.sender.changed)
        await self.sender.stand()

    async def measure(self, rounds: int) -> None:
        """Poll every sensor so often, the line gone now and then, until all of it is delivered."""
        for _ in range(rounds):
            if self._rounds % RECONNECT_ROUNDS == 0:
                self._reconnect()
            self._rounds += 1
            for plan in self._plans:
                self._recorder.add(Entry(sample=self._judged(plan)))
            await self._recorder.flush()
            if self._rounds % SENT_ROUNDS == 0:
                await self.sender.until(_all_sent)
        await self.sender.confirm_rest()

    def _judged(self, plan: SensorPlan) -> Any:
        value = Measurement(quantity=QUANTITY, value=1.0 + self._rounds % 7 / 100)
        self._states[plan.id], judged = judge(
            plan, self._states[plan.id], at=self._clock.now(), at_s=self._rounds * EVERY_S,
            measurements=(value,), around=Surroundings(),
        )  # fmt: skip
        return judged.sample

    def _reconnect(self) -> None:
        if self._links:
            self.sender.link_down(self._links)
        self._links += 1
        line: Any = Line(self.sender, self._links)
        self.sender.link_up(line, self._links)


def _all_sent(state: State) -> bool:
    return not any(waiting_rows(state).values())


@pytest.fixture
async def path(tmp_path: Path) -> AsyncIterator[Way]:
    clock = SystemClock()
    store = await Store.open(
        tmp_path / "store.sqlite", max_bytes=50_000_000, keep_delivered_s=3600.0, clock=clock
    )
    path = Way(store, clock)
    await path.declare()
    tasks = [
        asyncio.create_task(work)
        for work in (path.sender.run(), path.sender.confirm(), path.sender.reader.run())
    ]
    yield path
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await store.close()


async def test_a_thousand_polls_leave_nothing_behind(path) -> None:
    await path.measure(ROUNDS)  # what is filled once is full: statements, ranges, the range of the values
    gc.collect()
    before = sys.getallocatedblocks()

    await path.measure(ROUNDS)

    gc.collect()
    grown = sys.getallocatedblocks() - before
    assert grown < ROUNDS * SENSORS / 10, f"{grown} blocks more after {ROUNDS * SENSORS} polls"
