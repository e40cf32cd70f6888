#!/usr/bin/env python3
"""Print what polling costs and how late it is: scripts/bench_lateness.py [--seconds 30].

First: CPU of ten sensors at 1 Hz on three buses (I2C, I2C, serial), against an empty asyncio loop with one
1 Hz timer. Then, in one run: lateness of a healthy I2C bus at 10 Hz while another bus hangs, beside a bare
timer thread on the same grid. The chips are simulated in the process, so their cost is in the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import threading
import time
import tty
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from kaga_edge.buses import Bus, BusSensor, BusSpec, Polled, Wires
from kaga_edge.sensors import a02yyuw, sht4x
from kaga_edge.vocabulary.readings import ClockTrust, Moment
from kaga_edge.vocabulary.requests import BusKind, SerialLine

REPLY = bytes.fromhex("6422B37525BE")  # 23.45 degC, 51.2 %
FRAME = bytes.fromhex("FF07A1A7")


class MachineClock:
    """The machine's clocks."""

    def now(self) -> Moment:
        up_ms = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
        return Moment(wall_ms=time.time_ns() // 1_000_000, up_ms=up_ms, boot="", trust=ClockTrust.NTP)

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()


class Chips:
    """An I2C bus of SHT4x that answer at once and note when they were asked, or hang."""

    def __init__(self, hang: threading.Event | None = None) -> None:
        self.asked_ms: list[float] = []
        self._hang = hang

    def i2c_rdwr(self, *messages: Any) -> None:
        if self._hang is not None:
            self._hang.wait()
        for message in messages:
            if message.flags & 1:
                for at, value in enumerate(REPLY):
                    message.buf[at] = bytes([value])
            else:
                self.asked_ms.append(time.time_ns() / 1e6)

    def close(self) -> None:
        """Nothing to close."""


def i2c(chips: Chips, count: int, every_s: float) -> Bus:
    sensors = tuple(
        BusSensor(id=f"t{n}", driver=sht4x.Driver(sht4x.Options()), every_s=every_s, address=0x44)
        for n in range(count)
    )
    spec = BusSpec(kind=BusKind.I2C, name="i2c", sensors=sensors, i2c_bus=1)
    return Bus(spec, wires=Wires(open_i2c=lambda _: chips), clock=MachineClock(), on_polled=count_one)


def uart(path: str) -> Bus:
    sensor = BusSensor(id="level", driver=a02yyuw.Driver(a02yyuw.Options()), every_s=1.0)
    spec = BusSpec(kind=BusKind.UART, name=path, sensors=(sensor,), port=path, line=SerialLine(baud=9600))
    return Bus(spec, wires=Wires(), clock=MachineClock(), on_polled=count_one)


polls = {"good": 0, "bad": 0}


def count_one(polled: Polled) -> None:
    polls["bad" if polled.error else "good"] += 1


async def cpu_percent(buses: list[Bus], seconds: float) -> float:
    tasks = [asyncio.create_task(bus.run()) for bus in buses]
    await asyncio.sleep(3)
    cpu, wall = time.process_time(), time.monotonic()
    for _ in range(round(seconds)):
        await asyncio.sleep(1)
    percent = 100 * (time.process_time() - cpu) / (time.monotonic() - wall)
    await stop(tasks, buses)
    return percent


async def stop(tasks: list[asyncio.Task[None]], buses: list[Bus]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for bus in buses:
        await bus.close(take_last=False)


def bare_timer(period_ms: float, ends_s: float, late_ms: list[float]) -> None:
    while time.monotonic() < ends_s:
        now_ms = time.time_ns() / 1e6
        time.sleep((period_ms - now_ms % period_ms) / 1000)
        late_ms.append(time.time_ns() / 1e6 % period_ms)


async def lateness(seconds: float) -> tuple[list[float], list[float]]:
    hang, healthy = threading.Event(), Chips()
    buses = [i2c(healthy, 1, 0.1), i2c(Chips(hang), 2, 1.0)]
    tasks = [asyncio.create_task(bus.run()) for bus in buses]
    await asyncio.sleep(0.5)
    control: list[float] = []
    timer = threading.Thread(target=bare_timer, args=(100.0, time.monotonic() + seconds, control))
    healthy.asked_ms.clear()
    timer.start()
    await asyncio.to_thread(timer.join)
    assert buses[1].health().hanging, "the other bus did not hang"
    late_ms = [asked % 100 for asked in healthy.asked_ms]
    hang.set()
    await stop(tasks, buses)
    return late_ms, control


def line(name: str, late_ms: list[float]) -> str:
    ordered = sorted(late_ms)
    p99 = ordered[min(len(ordered) - 1, round(len(ordered) * 0.99))]
    return (
        f"{name:22} n {len(ordered):5}  p50 {statistics.median(ordered):6.2f} ms  "
        f"p99 {p99:6.2f} ms  max {ordered[-1]:6.2f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0)
    seconds = parser.parse_args().seconds
    master, slave = os.openpty()
    tty.setraw(master)
    tty.setraw(slave)
    # the instrument talks from a process of its own: its cost is not ours
    speaker = os.fork()
    if speaker == 0:
        while True:
            os.write(master, FRAME)
            time.sleep(0.2)
    try:
        empty = asyncio.run(cpu_percent([], seconds))
        buses = [i2c(Chips(), 5, 1.0), i2c(Chips(), 4, 1.0), uart(os.ttyname(slave))]
        ten = asyncio.run(cpu_percent(buses, seconds))
    finally:
        os.kill(speaker, 9)
        os.waitpid(speaker, 0)
    print(f"CPU, empty loop         {empty:.3f} %")
    print(f"CPU, 10 sensors at 1 Hz {ten:.3f} %   polls good {polls['good']}, bad {polls['bad']}")
    late_ms, control = asyncio.run(lateness(seconds))
    print(line("late, another bus hangs", late_ms))
    print(line("late, bare timer", control))


if __name__ == "__main__":
    main()
