#!/usr/bin/env python3
"""Print whether edges are lost: 100 a second on each of eight lines, scripts/bench_edges.py [--seconds 20].

gpiozero's mock pins, the real GPIO bus with its worker, eight rain gauges polled every second, and a thread
that drives the lines and knows how often. Goal: every tip counted, none lost.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from kaga_edge.buses import Bus, BusSensor, BusSpec, Polled, Wires
from kaga_edge.sensors import tipping_bucket
from kaga_edge.sim.pins import TimedPins
from kaga_edge.station.clock import SystemClock
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.requests import BusKind

LINES = (5, 6, 12, 13, 16, 17, 22, 23)
EDGES_PER_S = 100  # on each line


def drive(pins: TimedPins, seconds: float, pulses: list[int]) -> None:
    """Drive every line at its time, without drifting; what comes late goes out at once."""
    began_ns, step_ns = time.monotonic_ns(), 1_000_000_000 // EDGES_PER_S
    for edge in range(round(seconds * EDGES_PER_S) // 2 * 2):
        at_ns = began_ns + edge * step_ns
        time.sleep(max(0.0, (at_ns - time.monotonic_ns()) / 1e9))
        for gpio in LINES:
            pins.drive(gpio, high=edge % 2 == 1, at_ns=at_ns)
        pulses[0] += edge % 2


async def run(seconds: float) -> int:
    """Count and print; returns 0 when nothing was lost."""
    pins, counted, lost, pulses = TimedPins(), dict.fromkeys(LINES, 0), 0, [0]
    for gpio in LINES:
        pins.drive(gpio, high=True, at_ns=time.monotonic_ns())

    def on_polled(polled: Polled) -> None:
        assert polled.measurements is not None, polled.error
        told = {m.quantity: m.value or 0 for m in polled.measurements}
        counted[int(polled.sensor[5:])] += int(told[Quantity.TIP_COUNT])

    sensors = tuple(
        BusSensor(
            id=f"rain-{gpio}",
            driver=tipping_bucket.Driver(
                tipping_bucket.Options(gpio=gpio, bounce_ms=1.0, pulse_min_ms=1.0, pulse_max_ms=500.0)
            ),
            every_s=1.0,
        )
        for gpio in LINES
    )
    spec = BusSpec(kind=BusKind.GPIO, name="gpio", sensors=sensors)
    bus = Bus(spec, wires=Wires(pin_factory=lambda: pins), clock=SystemClock(), on_polled=on_polled)
    task = asyncio.create_task(bus.run())
    await asyncio.sleep(1.5)  # the lines are watched
    hand = threading.Thread(target=drive, args=(pins, seconds, pulses))
    hand.start()
    await asyncio.to_thread(hand.join)
    await asyncio.sleep(2.5)
    lost = bus.health().lost_edges
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await bus.close(take_last=True)
    print(f"driven   {pulses[0]} tips on each of {len(LINES)} lines, {EDGES_PER_S} edges/s a line")
    print(f"counted  {' '.join(str(counted[gpio]) for gpio in LINES)}; edges known lost {lost}")
    good = lost == 0 and set(counted.values()) == {pulses[0]}
    print(f"goal every tip counted: {'met' if good else 'MISSED'}")
    return 0 if good else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    return asyncio.run(run(parser.parse_args().seconds))


if __name__ == "__main__":
    sys.exit(main())
