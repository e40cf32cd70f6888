"""Nothing grows with use: polls leave no object behind, hang-ups and reloads no descriptor and no thread."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Iterator
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

from .conftest import config_text, wait_for

FULL = bool(os.environ.get("KAGA_TEST_FULL"))
ROUNDS = 2000 if FULL else 200
HANG_UPS, RELOADS = (200, 200) if FULL else (20, 8)
MOST_GROWTH_KB = 3000  # what a first time needs, bounded: 200 reloads take no more than 25
POOL_THREADS = 2  # packing of two large batches
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
    grown = []
    while not grown or (grown[-1] >= ROUNDS * SENSORS / 10 and len(grown) < 4):
        # Once more, where something else in this process filled up meanwhile: who leaks does it each time.
        gc.collect()
        before = sys.getallocatedblocks()
        await path.measure(ROUNDS)
        gc.collect()
        grown.append(sys.getallocatedblocks() - before)
    assert grown[-1] < ROUNDS * SENSORS / 10, f"{grown} blocks more after {ROUNDS * SENSORS} polls each"


class HangingUp:
    """A broker that greets and hangs up, each time."""

    def __init__(self) -> None:
        self.times = 0
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = self._door.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # the door is closed: the test is over
            while True:
                guest, _ = self._door.accept()
                with guest, contextlib.suppress(OSError):
                    guest.recv(4096)
                    guest.sendall(bytes.fromhex("2003000000"))  # CONNACK
                self.times += 1

    def close(self) -> None:
        self._door.close()


@pytest.fixture
def hanging_up() -> Iterator[HangingUp]:
    with contextlib.closing(HangingUp()) as broker:
        yield broker


def held(pid: int) -> tuple[int, int]:
    """Return descriptors and threads: the fewest of some looks, a dial under way has one more of each."""
    proc = Path(f"/proc/{pid}")
    looks = []

    def look() -> bool:
        looks.append((len(list((proc / "fd").iterdir())), len(list((proc / "task").iterdir()))))
        return len(looks) == 50

    wait_for(look, why="fifty looks")
    return min(one for one, _ in looks), min(one for _, one in looks)


def resident_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Rss:"))


@pytest.mark.timeout(600)
def test_hang_ups_and_reloads_leave_no_descriptor_and_no_thread_behind(
    tmp_path, daemon, instruments, hanging_up
) -> None:
    level = [("level-1", tmp_path / "level-1")]
    text = config_text(tmp_path, level, port=hanging_up.port)
    text = text.replace('reconnect_max = "1s"', 'reconnect_max = "100ms"')
    daemon.config.write_text(text)
    daemon.start()

    def reload(number: int) -> None:
        daemon.config.write_text(text.replace("sensor_m = 5.0", f"sensor_m = {number / 4}"))
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: daemon.log.read_text().count("config.applied") == number, why="the reload")

    reload(1)  # reading it apart takes a thread of the pool, which stays
    wait_for(lambda: hanging_up.times >= 3, why="the first hang-ups")
    (descriptors, threads), before_kb = held(daemon.process.pid), resident_kb(daemon.process.pid)

    wait_for(lambda: hanging_up.times >= HANG_UPS, seconds=300, why="the hang-ups")
    for number in range(2, RELOADS + 2):
        reload(number)

    after = held(daemon.process.pid)
    assert after[0] == descriptors
    assert after[1] <= threads + POOL_THREADS
    assert resident_kb(daemon.process.pid) - before_kb < MOST_GROWTH_KB
