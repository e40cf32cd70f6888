"""Group commit, against a store that can be told to refuse."""

from __future__ import annotations

import asyncio

import pytest

from kaga_edge.core.stored import Appended, Entry
from kaga_edge.gateway.recorder import MOST_HELD, Recorder
from kaga_edge.store import StoreHangs
from kaga_edge.vocabulary.errors import KagaError
from kaga_edge.vocabulary.readings import Alert, ClockTrust, Moment, Sample

AT = Moment(wall_ms=0, up_ms=0, boot="7c1d", trust=ClockTrust.NTP)


class Disk:
    """Takes groups as the store does; ``sick`` makes it refuse."""

    def __init__(self) -> None:
        self.groups: list[list[Entry]] = []
        self.sick = False
        self.memory = False  # what is refused is taken into memory
        self.in_memory: int | None = None
        self.written = asyncio.Event()

    async def append(self, entries: list[Entry]) -> Appended:
        await asyncio.sleep(0)
        if self.sick and not self.memory:
            raise KagaError("disk full")
        if self.sick:
            self.in_memory = (self.in_memory or 0) + len(entries)
        self.groups.append(list(entries))
        self.written.set()
        return Appended(ep="3f2a9c1e", first=1, last=len(entries))

    async def mend(self) -> int | None:
        if self.sick:
            return None
        moved, self.in_memory = self.in_memory, None
        return moved or 0

    def relieve(self) -> None:
        """It always answers."""


def entry(name: str, *, alarm: bool = False) -> Entry:
    alert = Alert(key="danger/level-1", state="raised", subject="level-1/water_level", at=AT, data={})
    return Entry(sample=Sample(sensor=name, at=AT, readings=()), alerts=(alert,) if alarm else ())


@pytest.fixture
async def disk():
    return Disk()


def names(group: list[Entry]) -> list[str]:
    return [e.sample.sensor for e in group]


async def test_samples_of_one_moment_share_one_commit(disk) -> None:
    recorder = Recorder(disk, group_s=0.05)
    task = asyncio.create_task(recorder.run())
    for name in "abc":
        recorder.add(entry(name))
    await asyncio.wait_for(disk.written.wait(), 5)
    task.cancel()
    assert [names(g) for g in disk.groups] == [["a", "b", "c"]]
    assert recorder.held == 0


async def test_an_alarm_does_not_wait_for_the_group(disk) -> None:
    recorder = Recorder(disk, group_s=3600.0)
    task = asyncio.create_task(recorder.run())
    recorder.add(entry("a"))
    recorder.add(entry("b", alarm=True))
    await asyncio.wait_for(disk.written.wait(), 5)
    task.cancel()
    assert [names(g) for g in disk.groups] == [["a", "b"]]


async def test_a_refused_group_is_kept_in_order_and_written_later(disk) -> None:
    recorder = Recorder(disk)
    disk.sick = True
    recorder.add(entry("a"))
    assert not await recorder.flush()
    assert recorder.sick is not None
    recorder.add(entry("b"))
    disk.sick = False
    assert await recorder.flush()
    assert [names(g) for g in disk.groups] == [["a", "b"]]
    assert recorder.sick is None


async def test_when_memory_is_full_the_oldest_without_an_alarm_gives_way_and_is_counted(disk) -> None:
    recorder = Recorder(disk)
    recorder.add(entry("alarm", alarm=True))
    for i in range(MOST_HELD):
        recorder.add(entry(str(i)))
    assert recorder.lost == 1
    assert await recorder.flush()
    assert names(disk.groups[0])[:2] == ["alarm", "1"]
    assert len(disk.groups[0]) == MOST_HELD


async def test_what_arrives_during_a_commit_belongs_to_the_next(disk) -> None:
    recorder = Recorder(disk)
    recorder.add(entry("a"))
    flushing = asyncio.create_task(recorder.flush())
    await asyncio.sleep(0)
    recorder.add(entry("b"))
    assert recorder.held == 2
    await flushing
    assert recorder.held == 1
    await recorder.flush()
    assert [names(g) for g in disk.groups] == [["a"], ["b"]]


async def test_it_stays_sick_while_the_store_works_in_memory_and_is_well_without_a_new_sample(disk) -> None:
    recorder = Recorder(disk, group_s=0.01)
    disk.sick = True
    recorder.add(entry("a"))
    assert not await recorder.flush()
    disk.memory = True
    task = asyncio.create_task(recorder.run())
    await asyncio.wait_for(disk.written.wait(), 10)
    assert recorder.sick is not None
    assert recorder.held == 1

    disk.sick = False
    async with asyncio.timeout(5):  # back on disk within 5 s after the fault ends
        while recorder.sick is not None:
            await asyncio.sleep(0.05)
    task.cancel()
    assert recorder.held == 0
    assert [names(g) for g in disk.groups] == [["a"]]


async def test_a_commit_that_does_not_return_is_told_and_what_comes_later_goes_into_memory() -> None:
    disk = Hanging()
    recorder = Recorder(disk, slow_s=0.01)
    recorder.add(entry("level-1"))
    assert await recorder.flush()  # the store has it: it is not brought again
    assert recorder.sick is not None
    recorder.add(entry("level-2"))
    assert await recorder.flush()
    assert [names(g) for g in disk.groups] == [["level-2"]]
    assert recorder.held == 2  # by the store's own count


class Hanging(Disk):
    """Does not answer, until ``relieve`` has memory take what comes."""

    def __init__(self) -> None:
        super().__init__()
        self.answer: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()

    def relieve(self) -> None:
        self.memory = self.sick = True
        self.in_memory = 1
        self.answer.set_exception(StoreHangs("the disk does not answer"))

    async def append(self, entries: list[Entry]) -> Appended:
        if not self.memory:
            return await self.answer
        return await super().append(entries)


async def turns_of_the_loop() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_one_group_that_had_to_wait_does_not_make_every_later_one_wait(disk, monkeypatch) -> None:
    loop = asyncio.get_running_loop()
    began_s, passed_s = loop.time(), 0.0
    monkeypatch.setattr(loop, "time", lambda: began_s + passed_s)
    slow, seconds, at_once = True, 30, []
    recorder = Recorder(disk, group_s=0.5, more_soon=lambda: slow)
    task = asyncio.create_task(recorder.run())
    await turns_of_the_loop()
    for second in range(seconds):
        recorder.add(entry(str(second)))
        await turns_of_the_loop()
        at_once.append(recorder.held == 0)
        passed_s += 0.5
        await turns_of_the_loop()
        assert recorder.held == 0, "committed within half a second in any case"
        slow = False
        passed_s += 0.5
    task.cancel()
    assert at_once[0] is False
    assert all(at_once[20:])
    assert len(disk.groups) == seconds, "and no more of them"


async def test_what_comes_last_of_a_moment_takes_the_others_with_it(disk) -> None:
    missing = True
    recorder = Recorder(disk, group_s=3600.0, more_soon=lambda: missing)
    task = asyncio.create_task(recorder.run())
    recorder.add(entry("a"))
    await turns_of_the_loop()
    assert disk.groups == []
    missing = False
    recorder.add(entry("b"))
    await asyncio.wait_for(disk.written.wait(), 5)
    task.cancel()
    assert [names(g) for g in disk.groups] == [["a", "b"]]


async def test_what_comes_at_two_times_of_each_second_costs_no_second_commit(disk, monkeypatch) -> None:
    loop = asyncio.get_running_loop()
    began_s, passed_s = loop.time(), 0.0
    monkeypatch.setattr(loop, "time", lambda: began_s + passed_s)
    seconds = 100
    recorder = Recorder(disk, group_s=0.5, more_soon=lambda: False)
    task = asyncio.create_task(recorder.run())
    for second in range(seconds):
        for part, lasts_s in (("first", 0.45), ("second", 0.05), ("", 0.5)):
            if part:
                recorder.add(entry(f"{part} of {second}"))
            await turns_of_the_loop()
            passed_s += lasts_s
            await turns_of_the_loop()
    task.cancel()
    assert recorder.held == 0
    assert len(disk.groups) <= seconds * 1.05
