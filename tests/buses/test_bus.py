"""The bus itself: what the clock does to it, and being read by hand and closed."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from kaga_edge.buses import Bus, Wires
from kaga_edge.buses.bus import make_wire
from kaga_edge.buses.standing import Standing, failed, left_out, succeeded
from kaga_edge.buses.wire import DueTime
from kaga_edge.buses.worker import POST_EVERY_S, Item, Worker
from kaga_edge.vocabulary.errors import BusMissing, SensorSilent, TransferTimedOut, ValueImpossible
from kaga_edge.vocabulary.readings import ClockTrust, Moment
from tests.quiet import quiet_s

NOW = Moment(wall_ms=0, up_ms=0, boot="b", trust=ClockTrust.NONE)


@pytest.mark.parametrize("jump_ms", [365 * 86_400_000, -365 * 86_400_000, 700, -700])
async def test_polling_goes_on_whatever_the_wall_clock_does(parts: Any, jump_ms: int) -> None:
    class Jumping(parts.RealClock):
        offset_ms = 0

        def now(self) -> Moment:
            now = super().now()
            return replace(now, wall_ms=now.wall_ms + self.offset_ms)

    clock, log = Jumping(), parts.Log()
    chips = parts.Chips(registers={0x76: {0xD0: 0x60, 0xF7: 21}})
    spec = parts.i2c_spec(parts.i2c_sensor("air", 0x76))
    bus = Bus(spec, wires=Wires(open_i2c=chips.open), clock=clock, on_polled=log)
    task = asyncio.create_task(bus.run())
    await log.until(lambda: len(log.good("air")) >= 3)
    clock.offset_ms = jump_ms
    count = len(log.good("air"))
    await log.until(lambda: len(log.good("air")) >= count + 4, within_s=60)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await bus.close(take_last=False)
    assert len(log.all) < count + 12  # one poll for the jump, not one for each due time in it
    dues = [p.at.wall_ms for p in log.all]
    assert all(a != b for a, b in pairwise(dues))


@pytest.mark.parametrize(("looked_after", "wakes"), [(True, 0), (False, 1)])
def test_a_worker_wakes_the_loop_only_when_nobody_looks_by_themselves(
    parts: Any, looked_after: bool, wakes: int
) -> None:
    chips = parts.Chips(registers={0x76: {0xD0: 0x60, 0xF7: 21}})
    spec = parts.i2c_spec(parts.i2c_sensor("air", 0x76))
    posts: list[None] = []
    wire = make_wire(spec, Wires(open_i2c=chips.open), parts.RealClock())
    worker = Worker("test", wire, parts.RealClock(), lambda: posts.append(None))
    worker.looked_after = looked_after
    worker.start()
    worker.submit((Item(number=1, sensor=spec.sensors[0], due=DueTime(wall_ms=0, up_ns=0), identify=True),))
    worker.stop()
    ends_s = time.monotonic() + 60
    while worker.is_alive() and time.monotonic() < ends_s:
        time.sleep(0.005)
    assert [result.polled.error for result in worker.results] == [None]
    assert len(posts) == wakes + 1  # its end is always told


def test_a_poll_that_took_long_wakes_the_loop_once(parts: Any) -> None:
    slow = threading.Event()
    chips = parts.Chips(registers={0x76: {0xD0: 0x60, 0xF7: 21}}, hangs={0x76: slow})
    spec = parts.i2c_spec(parts.i2c_sensor("air", 0x76))
    posts: list[None] = []
    wire = make_wire(spec, Wires(open_i2c=chips.open), parts.RealClock())
    worker = Worker("test", wire, parts.RealClock(), lambda: posts.append(None))
    worker.start()
    worker.submit((Item(number=1, sensor=spec.sensors[0], due=DueTime(wall_ms=0, up_ns=0), identify=False),))
    worker.stop()
    threading.Timer(2 * POST_EVERY_S, slow.set).start()
    ends_s = time.monotonic() + 10
    while worker.is_alive() and time.monotonic() < ends_s:
        time.sleep(0.005)
    assert [result.polled.error for result in worker.results] == [None]
    assert len(posts) == 1 + 1  # and its end


async def test_a_reading_by_hand_recovers_a_sensor_on_back_off(parts: Any) -> None:
    chips = parts.Chips()
    spec = parts.i2c_spec(parts.i2c_sensor("air", 0x76, every_s=0.05))
    async with parts.running(spec, chips=chips) as (bus, log):
        await log.until(lambda: bus.health().sensors[0].state == "back-off")
        chips.registers[0x76] = {0xD0: 0x60, 0xF7: 21}
        assert (await bus.read_now("air")).error is None
        assert bus.health().sensors[0].state == "ok"


async def test_closing_a_bus_that_hangs_does_not_wait_for_it(parts: Any) -> None:
    hang = threading.Event()
    chips = parts.Chips(registers={0x10: {0xD0: 0x60}}, hangs={0x10: hang})
    spec = parts.i2c_spec(parts.i2c_sensor("stuck", 0x10))
    try:
        async with parts.running(spec, chips=chips):
            async with asyncio.timeout(60):
                while not chips.transfers:
                    await asyncio.sleep(0.01)
            started = quiet_s()
        assert quiet_s() - started < 3
    finally:
        hang.set()


async def test_run_returns_when_the_bus_is_closed(parts: Any) -> None:
    bus = parts.bus(parts.i2c_spec(parts.i2c_sensor("air", 0x76)))
    task = asyncio.create_task(bus.run())
    await asyncio.sleep(0)
    await bus.close(take_last=True)
    async with asyncio.timeout(60):
        await task


async def test_progress_is_seen_by_the_watchdog(parts: Any) -> None:
    chips = parts.Chips(registers={0x76: {0xD0: 0x60, 0xF7: 21}})
    async with parts.running(parts.i2c_spec(parts.i2c_sensor("air", 0x76)), chips=chips) as (bus, log):
        before = bus.beats
        await log.until(lambda: bool(log.good("air")))
        assert bus.beats > before


def fail(times: int, error: Any, *, every_s: float = 1.0) -> list[int]:
    """The due times left out after each of ``times`` tries that failed."""
    standing, out = Standing(), []
    for _ in range(times):
        while standing.leave_out:
            standing = left_out(standing)
        standing = failed(standing, error, NOW, every_s=every_s, costly=False, identified=True, may_rest=True)
        out.append(standing.leave_out)
    return out


def test_back_off_doubles_from_the_period_to_five_minutes() -> None:
    assert fail(13, SensorSilent("x")) == [0, 0, 0, 1, 3, 7, 15, 31, 63, 127, 255, 299, 299]


def test_back_off_of_a_slow_sensor_never_exceeds_its_own_period() -> None:
    assert fail(8, SensorSilent("x"), every_s=600) == [0] * 8


def test_a_hang_is_left_out_at_once() -> None:
    assert fail(3, TransferTimedOut("x")) == [1, 3, 7]


def test_a_missing_device_is_looked_for_at_least_every_4_s() -> None:
    assert max(fail(20, BusMissing("x"))) == 3


def test_one_success_clears_everything() -> None:
    assert succeeded(NOW).state == "ok"
    assert succeeded(NOW).leave_out == 0


def test_only_an_impossible_value_leaves_the_identity_known() -> None:
    for error, known in ((ValueImpossible("x"), True), (SensorSilent("x"), False)):
        after = failed(Standing(), error, NOW, every_s=1, costly=False, identified=True, may_rest=True)
        assert after.identified is known


def test_a_sensor_whose_values_stay_wrong_was_never_reset_again() -> None:
    standing, identified = Standing(identified=True), []
    for _ in range(4):
        error = ValueImpossible("raw pressure is 0")
        standing = failed(
            standing, error, NOW, every_s=60, costly=False, identified=standing.identified, may_rest=True
        )
        identified.append(standing.identified)
    assert identified == [True, True, False, False]


async def test_a_bug_in_what_takes_the_polls_ends_run(parts: Any) -> None:
    def broken(_polled: Any) -> None:
        raise ZeroDivisionError

    chips = parts.Chips(registers={0x76: {0xD0: 0x60, 0xF7: 21}})
    spec = parts.i2c_spec(parts.i2c_sensor("air", 0x76))
    bus = Bus(spec, wires=Wires(open_i2c=chips.open), clock=parts.RealClock(), on_polled=broken)
    with pytest.raises(ZeroDivisionError):
        async with asyncio.timeout(60):
            await bus.run()
    bus._on_polled = parts.Log()
    await bus.close(take_last=False)


async def test_nothing_is_asked_once_run_was_cancelled(parts: Any) -> None:
    chips = parts.Chips(registers={0x76: {0xD0: 0x60, 0xF7: 21}})
    log = parts.Log()
    bus = parts.bus(parts.i2c_spec(parts.i2c_sensor("air", 0x76, every_s=0.1)), chips=chips, log=log)
    task = asyncio.create_task(bus.run())
    await log.until(lambda: len(log.good("air")) >= 2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    polled = len(log.all)
    bus.pace("air", 0.05)  # stirs whoever still looks
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(log.all) == polled
    await bus.close(take_last=False)


async def test_a_bus_expects_an_answer_only_from_the_due_time_on(parts: Any) -> None:
    chips = parts.Chips(registers={0x76: {0xD0: 0x60, 0xF7: 21}})
    clock = parts.RealClock()
    spec = parts.i2c_spec(*(parts.i2c_sensor(name, 0x76, every_s=1.0) for name in ("air", "water")))
    async with parts.running(spec, chips=chips) as (bus, log):
        await log.until(lambda: len(log.good("water")) >= 2)  # from now on asked ahead
        await log.until(lambda: not bus.expects(clock.monotonic_ns()))
        await log.until(lambda: bus.expects(clock.monotonic_ns() + 2_000_000_000))
