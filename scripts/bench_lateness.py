#!/usr/bin/env python3
"""Print what polling costs and how late it is: scripts/bench_lateness.py [--seconds 30].

First: CPU of ten sensors at 1 Hz on three buses (I2C, I2C, serial), against an empty asyncio loop with one
1 Hz timer. Then, in one run: twenty sensors every 2 s on two I2C buses, two of them on one bus hanging (one
for ever, one until the kernel's timeout), and a bare timer thread on the same grid. Goals: other bus no
later than the timer + 20 ms, same bus one deadline more. The chips are simulated in the process, so
their cost is in the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
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
from kaga_edge.sensors import a02yyuw, ina219, sht4x
from kaga_edge.vocabulary.readings import ClockTrust, Moment
from kaga_edge.vocabulary.requests import BusKind, SerialLine

REPLY = bytes.fromhex("6422B37525BE")  # 23.45 degC, 51.2 %
FRAME = bytes.fromhex("FF07A1A7")
SENSORS = 20
PERIOD_MS = 2000.0  # longer than a deadline, so that a lateness is never taken for earliness
HANGS_FOR_EVER, HANGS_UNTIL_TIMEOUT = 0x44, 0x47
KERNEL_TIMEOUT_S = 0.8  # as open_device sets it
DEADLINE_MS = 1250.0  # a transfer's deadline and the grace before its worker is given up


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


class Supplies:
    """An I2C bus of INA219 that answer at once and note when; two addresses may hang."""

    WORDS = (b"\x39\x9f", b"\x07\xd0", b"\x5d\x98")

    def __init__(self, ever: threading.Event | None = None) -> None:
        self.asked: list[tuple[int, float]] = []  # address, wall time in ms
        self._ever = ever
        self._pointer = 0

    def i2c_rdwr(self, *messages: Any) -> None:
        address = messages[0].addr
        if self._ever is not None and address == HANGS_FOR_EVER:
            self._ever.wait()
        if self._ever is not None and address == HANGS_UNTIL_TIMEOUT:
            self._ever.wait(KERNEL_TIMEOUT_S)
            raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        for message in messages:
            if message.flags & 1:
                for at, value in enumerate(self.WORDS[self._pointer]):
                    message.buf[at] = bytes([value])
            else:
                self._pointer = bytes(message)[0]
                if self._pointer == 0 and message.len == 1:  # the first transfer of a poll
                    self.asked.append((address, time.time_ns() / 1e6))

    def close(self) -> None:
        """Nothing to close."""


def supplies(chips: Supplies, name: str) -> Bus:
    sensors = tuple(
        BusSensor(
            id=f"{name}-{n}",
            driver=ina219.Driver(ina219.Options()),
            every_s=PERIOD_MS / 1000,
            address=0x40 + n,
        )
        for n in range(SENSORS // 2)
    )
    spec = BusSpec(kind=BusKind.I2C, name=name, sensors=sensors, i2c_bus=1)
    return Bus(spec, wires=Wires(open_i2c=lambda _: chips), clock=MachineClock(), on_polled=count_one)


async def lateness(seconds: float) -> dict[str, list[float]]:
    """Return how late each poll of the healthy sensors began, in ms after its due time."""
    ever, other = threading.Event(), Supplies()
    same = Supplies(ever)
    buses = [supplies(other, "other"), supplies(same, "same")]
    tasks = [asyncio.create_task(bus.run()) for bus in buses]
    await asyncio.sleep(5.0)  # the first hang has been noticed
    control: list[float] = []
    timer = threading.Thread(target=bare_timer, args=(PERIOD_MS, time.monotonic() + seconds, control))
    other.asked.clear()
    same.asked.clear()
    timer.start()
    await asyncio.to_thread(timer.join)
    assert buses[1].health().hanging, "nothing hung"
    found = {
        "bare timer": control,
        "other bus": [at_ms % PERIOD_MS for _, at_ms in other.asked],
        "same bus": [at_ms % PERIOD_MS for _, at_ms in same.asked],
    }
    ever.set()
    await stop(tasks, buses)
    return found


def judged(found: dict[str, list[float]]) -> bool:
    """Print the lateness of each with its goal; return whether all are met."""
    good = True
    base = found["bare timer"]
    for name, more_ms in (("bare timer", 0.0), ("other bus", 20.0), ("same bus", 20.0 + DEADLINE_MS)):
        goals = [(p99(base) + more_ms, p99(found[name])), (max(base) + more_ms, max(found[name]))]
        met = all(seen <= goal for goal, seen in goals)
        good &= met
        told = "" if name == "bare timer" else f"   goal {goals[0][0]:.1f} / {goals[1][0]:.1f}: "
        print(line(name, found[name]) + told + ("" if not told else "met" if met else "MISSED"))
    return good


def p99(late_ms: list[float]) -> float:
    ordered = sorted(late_ms)
    return ordered[min(len(ordered) - 1, round(len(ordered) * 0.99))]


def line(name: str, late_ms: list[float]) -> str:
    return (
        f"late, {name:11} n {len(late_ms):5}  p50 {statistics.median(late_ms):6.1f}  "
        f"p99 {p99(late_ms):6.1f}  max {max(late_ms):6.1f} ms"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--only-lateness", action="store_true")
    asked = parser.parse_args()
    seconds = asked.seconds
    if not asked.only_lateness:
        cpu(seconds)
    print(f"{SENSORS} sensors every {PERIOD_MS:g} ms on two buses, two of one bus hang:")
    return 0 if judged(asyncio.run(lateness(seconds))) else 1


def cpu(seconds: float) -> None:
    """Print what ten sensors at 1 Hz cost beside an empty loop."""
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


if __name__ == "__main__":
    sys.exit(main())
