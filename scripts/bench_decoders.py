#!/usr/bin/env python3
"""Print how many frames a second each driver decodes: scripts/bench_decoders.py [--seconds 0.5].

Every driver there is, on what its own simulated instrument says. A frame is decoded from bytes (or edges,
or registers) to measurements; where a driver has a decoder of its own that is called, elsewhere its whole
``measure()`` is run with the captured answers. What counts edges gets ten tips or vehicles a poll, and each
of them is a frame. Goal: 50,000 a second each. The processor's own time counts.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from kaga_edge.config.sensors import driver_parts
from kaga_edge.sensors import driver_names, load
from kaga_edge.sim import everything, fittings
from kaga_edge.sim.files import thermometer
from kaga_edge.sim.world import Truth
from kaga_edge.vocabulary.requests import (
    Edge,
    Edges,
    Frame,
    HostRead,
    I2cTransfer,
    ModbusRead,
    OnewireRead,
    Pause,
    TakeEdges,
    UartFrames,
)

GOAL = 50_000
PULSES = 10
SECOND_NS = 1_000_000_000
TRUTH = Truth(water_level_m=1.25, snow_depth_m=0.42, air_temperature_c=-3.0, vehicle_m_s=11.0)
PI = {"throttled": b"throttled=0x0\n", "under_voltage": b"0\n", "cpu_temperature": b"41000\n"}


class Far:
    """The far end of one driver's wire, and a clock that only moves while it waits."""

    def __init__(self, fitting: fittings.Fitting, driver: Any) -> None:
        self._fitting, self._driver = fitting, driver
        self._now_s = 100.0
        self.replies: list[Any] = []
        self._chip: Any = None
        if fitting.i2c:
            self._chip = fittings.chip(fitting, lambda: TRUTH)
            if hasattr(self._chip, "_timer"):
                self._chip._timer = lambda: self._now_s  # noqa: SLF001 - the chip's clock is ours

    def hold(self, dialogue: Any) -> Any:
        """Run a dialogue, keeping the replies."""
        self.replies, reply = [], None
        while True:
            try:
                request = dialogue.send(reply)
            except StopIteration as end:
                return end.value
            reply = self._answer(request)
            self.replies.append(reply)

    def _answer(self, request: Any) -> Any:
        match request:
            case Pause():
                self._now_s += request.seconds
                return b""
            case I2cTransfer():
                if request.write:
                    self._chip.write(request.write)
                self._now_s += request.settle_s
                return self._chip.read(request.read_bytes) if request.read_bytes else b""
            case UartFrames():
                return (Frame(data=self._frame(request.ask), age_s=0.1, at_ns=1_000),)
            case ModbusRead():
                words = fittings.registers(self._fitting, lambda: TRUTH)
                span = range(request.address, request.address + request.count)
                return tuple((words(request.function, at) or 0) & 0xFFFF for at in span)
            case OnewireRead():
                return thermometer(lambda: -3.0)().encode()
            case HostRead():
                return PI[request.what]
            case TakeEdges():
                return edges(self._driver)
        raise AssertionError(request)

    def _frame(self, ask: bytes) -> bytes:
        asked = fittings.answering(self._fitting, lambda: TRUTH)
        if asked is not None:
            said, _ = asked.take(ask)
        else:
            said = fittings.instrument(self._fitting, lambda: TRUTH).frame()
        return self._driver.split(b"\n" + said if b"{" in said else said).frames[0]


def edges(driver: Any) -> Edges:
    """Ten pulses of 0.2 s on every line of a driver, the second line 0.1 s behind."""
    lines = [use.gpio for use in driver.pins()]
    found = [
        Edge(at_ns=SECOND_NS * pulse + at * SECOND_NS // 5 + lag * SECOND_NS // 10, gpio=gpio, active=at == 0)
        for pulse in range(1, PULSES + 1)
        for lag, gpio in enumerate(lines)
        for at in (0, 1)
    ]
    return Edges(
        start_ns=0,
        end_ns=SECOND_NS * (PULSES + 2),
        edges=tuple(sorted(found, key=lambda edge: edge.at_ns)),
        active_at_start=dict.fromkeys(lines, False),
    )


def decoder(fitting: fittings.Fitting) -> Callable[[], Any]:
    """Return what decodes one frame of this driver."""
    parts = driver_parts(fitting.driver)
    options = {key: value for key, value in fitting.options.items() if key != "serial"}
    if fitting.gpio is not None:
        options["gpio"] = fitting.gpio
    if fitting.driver == "modbus_map":
        register = load("modbus_map").Register
        options["registers"] = tuple(register(**one) for one in options["registers"])  # type: ignore[attr-defined]
    driver = parts.driver(parts.options(**options))
    far = Far(fitting, driver)
    far.hold(driver.identify())
    far.hold(driver.measure())
    replies = tuple(far.replies)
    own = getattr(driver, "decode", None)
    if own is not None and len(replies) == 1 and not isinstance(replies[0], Edges):
        reply = replies[0]
        if isinstance(reply[0], Frame):
            return lambda: own(reply[0].data)
        return lambda: own(reply)

    def measure() -> Any:
        dialogue = driver.measure()
        dialogue.send(None)
        try:
            for reply in replies:
                dialogue.send(reply)
        except StopIteration as end:
            return end.value
        raise AssertionError(fitting.driver)

    return measure


def rate(decode: Callable[[], Any], seconds: float) -> float:
    """Return decodings a second of processor time, the best of three stretches."""
    best = 0.0
    for _ in range(3):
        done, began = 0, time.process_time()
        while (spent := time.process_time() - began) < seconds / 3:
            for _ in range(500):
                decode()
            done += 500
        best = max(best, done / spent)
    return best


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=0.6, help="for each driver")
    seconds = parser.parse_args().seconds
    found = {
        one.driver: rate(decoder(one), seconds) * (PULSES if one.gpio is not None else 1)
        for one in everything.fittings()
    }
    assert sorted(found) == sorted(driver_names())
    for name, per_s in sorted(found.items(), key=lambda item: item[1]):
        print(f"{name:16} {per_s:9,.0f} frames/s  {'' if per_s >= GOAL else f'below {GOAL:,}'}".rstrip())
    slow = [name for name, per_s in found.items() if per_s < GOAL]
    print(f"goal {GOAL:,} frames/s each: {'met' if not slow else 'missed by ' + ', '.join(slow)}")
    return bool(slow)


if __name__ == "__main__":
    sys.exit(main())
