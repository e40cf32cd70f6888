"""The disk hangs: it neither takes nor refuses, and the thread that owns the store waits in the kernel."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from kaga_edge.core.ranges import Ranges
from kaga_edge.core.stored import Committed, EpochBegan
from kaga_edge.store import Store, StoreBusy, StoreHangs, StoreSick
from kaga_edge.store.disk import Disk


class HangingDisk(Disk):
    """A real file whose commits wait while ``frozen``; ``refuses``: and are refused when they go on."""

    def __init__(self) -> None:
        self.goes_on, self.waiting, self.refuses = threading.Event(), threading.Event(), False
        self.goes_on.set()

    def freeze(self) -> None:
        self.waiting.clear()
        self.goes_on.clear()

    def connect(self, path: Path) -> sqlite3.Connection:
        return Carried(super().connect(path), self)  # type: ignore[return-value]

    def ask(self, statement: str) -> None:
        if not statement.startswith("COMMIT"):
            return
        if not self.goes_on.is_set():
            self.waiting.set()
            self.goes_on.wait(60)
        if self.refuses:
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            raise error


class Carried:
    """A connection that asks the disk first."""

    def __init__(self, real: sqlite3.Connection, disk: HangingDisk) -> None:
        self._real, self._disk = real, disk

    def execute(self, statement: str, *values: Any) -> Any:
        self._disk.ask(statement)
        return self._real.execute(statement, *values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class Ward:
    """One store on a disk that hangs, and what it said."""

    def __init__(self, bench: Any, store: Store, disk: HangingDisk) -> None:
        self.bench, self.store, self.disk = bench, store, disk
        self.heard: list[Any] = []
        store.on_change.append(self.heard.append)

    async def bring(self, value: float) -> Any:
        return await self.store.append([self.bench.entry(value)])

    async def begins_to_hang(self, value: float) -> asyncio.Task[Any]:
        """Freeze the disk, bring a sample, and let memory take over."""
        self.disk.freeze()
        under_way = asyncio.create_task(self.bring(value))
        await asyncio.to_thread(self.disk.waiting.wait, 60)
        self.store.relieve()
        return under_way

    async def well_again(self) -> None:
        self.disk.refuses = False
        self.disk.goes_on.set()
        async with asyncio.timeout(60):
            while self.store.hangs or await self.store.mend() is None:
                await asyncio.sleep(0.01)

    async def sums(self) -> tuple[int, int]:
        """Numbered and delivered; each epoch's sum is exact."""
        tallies = (await self.store.ledger()).epochs
        for tally in tallies:
            assert tally.numbered == tally.delivered + tally.waiting + tally.gone
        return sum(t.numbered for t in tallies), sum(t.delivered for t in tallies)

    async def values(self) -> list[float]:
        """What is in the file at last, row by row."""
        await self.store.close()
        with contextlib.closing(sqlite3.connect(self.bench.path)) as db:
            return sorted(float(vals) for (vals,) in db.execute("SELECT vals FROM sample"))


@pytest.fixture
async def ward(bench: Any) -> AsyncIterator[Ward]:
    disk = HangingDisk()
    store = await Store.open(
        bench.path, max_bytes=64_000_000, keep_delivered_s=86_400.0, identity=bench.here,
        clock=bench.clock, disk=disk,
    )  # fmt: skip
    await store.declare((bench.level, bench.rain), bench.site, "daishoji-01")
    yield Ward(bench, store, disk)
    disk.goes_on.set()
    await store.close()


async def test_what_is_measured_while_the_disk_hangs_can_be_sent_at_once_and_is_stored_once(
    ward: Ward,
) -> None:
    old = (await ward.bring(1)).ep
    under_way = await ward.begins_to_hang(2)
    with pytest.raises(StoreHangs):  # the store has it: whoever brings it again would have it twice
        await under_way

    given = await ward.bring(3)
    assert given.ep != old
    assert ward.store.epoch == given.ep
    assert EpochBegan(ep=given.ep, reason="sick") in ward.heard
    loaded = await ward.store.load(given.ep, 1, 9, 9)
    assert [row[4] for row in loaded.rows] == ["3"]
    assert await ward.store.catalog_body(loaded.run.k) is not None
    await ward.store.confirm({given.ep: Ranges(((1, 1),))}, {})
    with pytest.raises(StoreSick):
        await ward.store.load(old, 1, 9, 9)
    assert await ward.sums() == (2, 1)  # of the file what it had acknowledged
    assert ward.store.in_memory == 2

    await ward.well_again()
    assert ward.store.in_memory is None
    late = [change for change in ward.heard if isinstance(change, Committed) and change.ep == old]
    assert [(change.first, change.last) for change in late] == [(1, 1), (2, 2)]
    assert await ward.sums() == (3, 1)
    assert (await ward.bring(4)).ep == given.ep  # memory's epoch goes on
    assert await ward.values() == [1, 2, 3, 4]


async def test_a_group_that_hangs_and_is_refused_in_the_end_is_brought_to_memory_by_the_store(
    ward: Ward,
) -> None:
    under_way = await ward.begins_to_hang(1)
    with pytest.raises(StoreHangs):
        await under_way
    await ward.bring(2)

    ward.disk.refuses = True
    ward.disk.goes_on.set()
    async with asyncio.timeout(60):
        while ward.store.hangs:
            await asyncio.sleep(0.01)
    await ward.bring(3)
    assert await ward.sums() == (3, 0)

    await ward.well_again()
    assert await ward.values() == [1, 2, 3]


async def test_a_sick_disk_that_hangs_while_it_is_tried_again_costs_no_sample(ward: Ward) -> None:
    ward.disk.refuses = True
    for value in (1, 1):  # refused, then taken into memory
        with contextlib.suppress(StoreSick):
            await ward.bring(value)
    ward.disk.refuses = False
    ward.disk.freeze()
    trying = asyncio.create_task(ward.store.mend())
    await asyncio.to_thread(ward.disk.waiting.wait, 60)
    ward.store.relieve()
    assert await trying is None

    await ward.bring(2)
    assert await ward.sums() == (2, 0)
    await ward.well_again()
    assert await ward.sums() == (2, 0)
    assert await ward.values() == [1, 2]


async def test_what_was_asked_before_memory_took_over_is_answered_by_it(ward: Ward) -> None:
    ward.disk.freeze()
    under_way = asyncio.create_task(ward.bring(1))
    await asyncio.to_thread(ward.disk.waiting.wait, 60)
    behind = asyncio.create_task(ward.bring(2))
    asked = asyncio.create_task(ward.store.recall("last_time_ms"))
    await asyncio.sleep(0)
    ward.store.relieve()

    with pytest.raises(StoreHangs):
        await under_way
    assert (await behind).first == 1
    with pytest.raises(StoreSick):
        await asked
    await ward.well_again()
    assert await ward.values() == [1, 2]


async def test_closing_waits_for_the_disk_and_leaves_nothing_in_memory(ward: Ward) -> None:
    under_way = await ward.begins_to_hang(1)
    with pytest.raises(StoreHangs):
        await under_way
    await ward.bring(2)
    closing = asyncio.create_task(ward.store.close())
    await asyncio.sleep(0)
    ward.disk.goes_on.set()
    await closing
    assert await ward.values() == [1, 2]


async def test_a_store_that_answers_is_not_relieved(ward: Ward) -> None:
    await ward.bring(1)
    ward.store.relieve()
    assert not ward.store.hangs
    assert (await ward.bring(2)).last == 2


class SlowToOpen(HangingDisk):
    """Hangs before the file is even connected to."""

    def connect(self, path: Path) -> sqlite3.Connection:
        if not self.goes_on.is_set():
            self.waiting.set()
            self.goes_on.wait(60)
        if self.refuses:
            raise sqlite3.OperationalError("locked by somebody else")
        return super().connect(path)


async def opened_in_memory(bench: Any, disk: SlowToOpen) -> Store:
    disk.freeze()
    store = await Store.open(
        bench.path, max_bytes=64_000_000, keep_delivered_s=86_400.0, identity=bench.here,
        clock=bench.clock, disk=disk, from_memory=True, open_wait_s=0.1,
    )  # fmt: skip
    await store.declare((bench.level, bench.rain), bench.site, "daishoji-01")
    return store


async def test_a_disk_that_hung_at_the_very_first_opening_held_up_the_start(bench: Any) -> None:
    """Now memory begins; what the file holds and remembers is there as soon as it is open."""
    before = bench.open()
    bench.add(before, 5)
    before.note({"collect": "{}", "last_time_ms": "1700000000000"})
    before.close()
    disk = SlowToOpen()

    store = await opened_in_memory(bench, disk)

    ward = Ward(bench, store, disk)
    assert store.opening
    assert store.hangs
    assert await store.recall("collect") == "{}"  # kept beside the file too
    assert await store.recall("last_time_ms") is None
    given = await ward.bring(1)
    assert (given.ep, given.first) == (store.epoch, 1)
    assert await ward.sums() == (1, 0)
    assert store.in_memory == 1
    with pytest.raises(StoreSick):  # else what the file's rows need would be taken from the broker
        await store.catalogs_waiting()

    await ward.well_again()
    assert len(await store.catalogs_waiting()) == 1  # the same sensors, before and after
    assert not store.opening
    assert store.in_memory is None
    assert store.epoch == given.ep
    found = next(change for change in ward.heard if getattr(change, "reason", "") == "found")
    assert ("last_time_ms", "1700000000000") in found.facts
    assert await store.recall("last_time_ms") == "1700000000000"
    assert [epoch.ep for epoch in (await store.standing()).epochs] == [before.epoch, given.ep]
    assert await ward.sums() == (6, 0)
    assert len(await ward.values()) == 6


async def mended(store: Store) -> None:
    """Ask as the recorder does, once a second."""
    async with asyncio.timeout(60):
        while await store.mend() is None:
            await asyncio.sleep(0.01)


async def test_a_file_that_turns_out_to_be_in_use_ends_the_gateway_that_began_without_it(bench: Any) -> None:
    other = bench.open()
    disk = SlowToOpen()
    store = await opened_in_memory(bench, disk)

    disk.goes_on.set()
    with pytest.raises(StoreBusy):
        await mended(store)
    other.close()
