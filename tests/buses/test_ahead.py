"""Sensors asked ahead of their due time: the worker begins by itself, and nobody wakes only to say so."""

from __future__ import annotations

import threading
import time
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from gpiozero.pins.mock import MockFactory

from kaga_edge.buses import BusSensor, Wires
from kaga_edge.buses.bus import make_wire
from kaga_edge.buses.wire import DueTime
from kaga_edge.buses.worker import Item, Worker
from kaga_edge.core import schedule
from tests.quiet import quiet_s

SECOND_MS = 1000


def chips_at(parts: Any, address: int = 0x76) -> Any:
    return parts.Chips(registers={address: {0xD0: 0x60, 0xF7: 21}})


def dues(log: Any, sensor: str) -> list[int]:
    return [polled.at.wall_ms for polled in log.all if polled.sensor == sensor]


async def test_a_sensor_is_asked_at_its_due_time_although_the_loop_is_held_up(parts: Any) -> None:
    chips = chips_at(parts)
    spec = parts.i2c_spec(parts.i2c_sensor("air", 0x76, every_s=0.3))
    async with parts.running(spec, chips=chips) as (_, log):
        await log.until(lambda: len(log.good("air")) >= 3)
        asked = len(chips.transfers)
        held_up_s = time.monotonic() + 0.5  # over the next due time
        while time.monotonic() < held_up_s and len(chips.transfers) == asked:
            time.sleep(0.01)
        assert len(chips.transfers) > asked


async def test_every_due_time_has_one_row_through_a_change_of_pace(parts: Any) -> None:
    spec = parts.i2c_spec(parts.i2c_sensor("air", 0x76, every_s=0.4))
    async with parts.running(spec, chips=chips_at(parts)) as (bus, log):
        await log.until(lambda: len(log.good("air")) >= 3)
        bus.pace("air", 0.1)
        await log.until(lambda: len(log.good("air")) >= 9)
        bus.pace("air", 0.4)
        await log.until(lambda: len(log.good("air")) >= 12)
    assert max(Counter(dues(log, "air")).values()) == 1
    assert dues(log, "air") == sorted(dues(log, "air"))
    assert not [polled.error for polled in log.all if polled.error is not None]


async def test_a_faster_pace_takes_back_what_was_asked_ahead(parts: Any) -> None:
    spec = parts.i2c_spec(parts.i2c_sensor("air", 0x76, every_s=1.0))
    async with parts.running(spec, chips=chips_at(parts)) as (bus, log):
        await log.until(lambda: len(log.good("air")) >= 2)
        bus.pace("air", 0.1)
        began, count = quiet_s(), len(log.good("air"))
        await log.until(lambda: len(log.good("air")) >= count + 3)
        assert quiet_s() - began < 0.9  # not only after the due time of the old pace


async def test_a_bus_closed_before_the_due_time_asks_nothing_more(parts: Any) -> None:
    chips = chips_at(parts)
    spec = parts.i2c_spec(parts.i2c_sensor("air", 0x76, every_s=1.0))
    async with parts.running(spec, chips=chips) as (_, log):
        await log.until(lambda: len(log.good("air")) >= 2)
        began, asked = quiet_s(), len(chips.transfers)
    assert quiet_s() - began < 0.8  # it does not wait for the due time either
    assert len(chips.transfers) == asked


async def test_a_reading_by_hand_goes_before_what_was_asked_ahead(parts: Any) -> None:
    spec = parts.i2c_spec(parts.i2c_sensor("air", 0x76, every_s=1.0))
    async with parts.running(spec, chips=chips_at(parts)) as (bus, log):
        await log.until(lambda: len(log.good("air")) >= 2)
        by_hand = await bus.read_now("air")
        assert by_hand.error is None
        count = len(log.good("air"))
        await log.until(lambda: len(log.good("air")) >= count + 2)
    assert {due % SECOND_MS for due in dues(log, "air")} == {0}
    assert max(Counter(dues(log, "air")).values()) == 1


async def test_edges_of_the_whole_time_are_counted_once_over_asking_ahead(parts: Any) -> None:
    counter, pins = parts.Counter(17), MockFactory()
    spec = parts.gpio_spec(BusSensor(id="rain", driver=counter, every_s=0.2))
    async with parts.running(spec, pins=pins) as (_, log):
        await log.until(lambda: len(counter.taken) >= 6)
    spans = [(one.start_ns, one.end_ns) for one in counter.taken]
    assert all(end == start for (_, end), (start, _) in pairwise(spans))


@pytest.mark.parametrize("taken_back", [True, False])
def test_what_is_taken_back_in_time_is_never_asked(parts: Any, taken_back: bool) -> None:
    chips = chips_at(parts)
    spec = parts.i2c_spec(parts.i2c_sensor("air", 0x76))
    done = threading.Event()
    wire = make_wire(spec, Wires(open_i2c=chips.open), parts.RealClock())
    worker = Worker("test", wire, parts.RealClock(), done.set)
    due = DueTime(wall_ms=time.time_ns() // 1_000_000 + 200, up_ns=time.monotonic_ns() + 200_000_000)
    item = Item(number=7, sensor=spec.sensors[0], due=due, identify=False)
    worker.start()
    worker.submit_ahead((item,), due.up_ns)
    if taken_back:
        assert worker.take_back() == (item,)
        worker.stop()
    assert done.wait(60)
    assert len(chips.transfers) == (0 if taken_back else 1)
    assert time.monotonic_ns() >= due.up_ns or taken_back
    worker.stop()


def test_the_schedule_says_when_the_next_sensor_is_due() -> None:
    plan = schedule.begin([("a", 1000, 0), ("b", 60_000, 0)], wall_ms=59_400, up_ms=0)
    assert schedule.due_in_ms(plan, 59_400, 0) == 600
    assert schedule.due_in_ms(plan, 60_000, 600) == 0
    assert schedule.due_in_ms(plan, 60_250, 850) == -250
