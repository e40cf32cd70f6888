#!/usr/bin/env python3
"""Backlog drain: 100,000 readings through the real store and uplink to mosquitto, against a raw socket.

    scripts/bench_drain.py [--readings 100000] [--rounds 3]

The raw client is the yardstick: one reading per ~100-byte message, QoS 1, 100 in flight, nothing else.
Both go to the same broker, in the same run, round by round; compare the ratio, not the rates.
Goals on two quiet cores: >= 100,000 readings/s and >= 2.5 x raw.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kaga_edge.core.stored import Entry, SensorDeclaration
from kaga_edge.store import Store
from kaga_edge.uplink import Uplink, UplinkSettings
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import ClockTrust, Moment, Reading, Sample

GOAL_RATE, GOAL_RATIO = 100_000, 2.5
RAW_WINDOW = 100
RAW_TOPIC = b"kaga/edge/v1/bench/up/raw"


class WallClock:
    """The kernel's clocks."""

    def now(self) -> Moment:
        """Return now, trusted."""
        wall_ms = time.time_ns() // 1_000_000
        return Moment(
            wall_ms=wall_ms, up_ms=time.monotonic_ns() // 1_000_000, boot="b001", trust=ClockTrust.NTP
        )

    def monotonic_ns(self) -> int:
        """Return CLOCK_MONOTONIC."""
        return time.monotonic_ns()


def main() -> int:
    """Print rates and ratios; 1 when the ratio is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--readings", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    raw: list[float] = []
    rates: dict[int, list[float]] = {1: [], 8: []}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.rounds):
            port, broker = start_broker(Path(folder))
            try:
                raw.append(asyncio.run(raw_rate(port, options.readings // 5)))
                for channels, listed in rates.items():
                    path = Path(folder) / f"{number}-{channels}.db"
                    listed.append(asyncio.run(drain_rate(port, path, options.readings, channels)))
            finally:
                broker.terminate()
                broker.wait()
    print(f"raw socket, one reading per message, {RAW_WINDOW} in flight: {median(raw):10,.0f} readings/s")
    ratios = []
    for channels, listed in rates.items():
        ratios.append(median(rate / base for rate, base in zip(listed, raw, strict=True)))
        print(
            f"store and uplink, {channels} channel(s) a row: {median(listed):10,.0f} readings/s "
            f"(goal {GOAL_RATE:,}), {ratios[-1]:.1f} x raw (goal {GOAL_RATIO})"
        )
    return 0 if min(ratios) >= GOAL_RATIO else 1


def start_broker(folder: Path) -> tuple[int, subprocess.Popen[bytes]]:
    """Start mosquitto on a free port and return both."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    config = folder / "mosquitto.conf"
    user = "user root\n" if os.geteuid() == 0 else ""
    config.write_text(f"{user}listener {port} 127.0.0.1\nallow_anonymous true\nlog_type error\n")
    broker = subprocess.Popen(["/usr/sbin/mosquitto", "-c", str(config)], stderr=subprocess.DEVNULL)
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return port, broker


async def raw_rate(port: int, count: int) -> float:
    """Return readings/s of a bare asyncio client."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"\x10\x0f\x00\x04MQTT\x04\x02\x00\x00\x00\x03raw")
    await reader.readexactly(4)
    body = (
        b'{"sensor":"level-1","channel":"water_level","at":1630065103000,"value":0.391,"unit":"m","q":0}     '
    )
    began = time.perf_counter()
    sent = answered = 0
    rest = b""
    while answered < count:
        while sent < count and sent - answered < RAW_WINDOW:
            sent += 1
            packet = (
                len(RAW_TOPIC).to_bytes(2, "big") + RAW_TOPIC + (sent % 65535 + 1).to_bytes(2, "big") + body
            )
            writer.write(b"\x32" + bytes([len(packet) % 128 | 128, len(packet) // 128]) + packet)
        rest += await reader.read(65536)
        answered += len(rest) // 4
        rest = rest[len(rest) // 4 * 4 :]
    took_s = time.perf_counter() - began
    writer.close()
    return count / took_s


async def drain_rate(port: int, path: Path, readings: int, channels: int) -> float:
    """Return readings/s from the first connection to the last confirmation on disk."""
    clock = WallClock()
    store = await Store.open(path, max_bytes=2_000_000_000, keep_delivered_s=86400.0, clock=clock)
    names = tuple((f"c{at}", "m", 0.001, {}) for at in range(channels))
    catalog = await store.declare(
        [SensorDeclaration(id="level-1", channels=names, driver="bench")], {}, "bench"
    )
    await fill(store, clock, readings // channels, channels)
    uplink = Uplink(
        UplinkSettings(gw="bench", host="127.0.0.1", port=port, no_subscriber="accept"),
        store=store,
        clock=clock,
        birth_facts=lambda: {"sw": "bench", "k": catalog.k},
        manifest=lambda: b"{}",
        health=lambda: {"v": 1},
    )
    running = asyncio.create_task(uplink.run())
    began = time.perf_counter()
    while uplink.snapshot().connects == 0 or any(e.waiting for e in (await store.standing()).epochs):
        await asyncio.sleep(0.01)
    took_s = time.perf_counter() - began
    await uplink.close()
    await running
    await store.close()
    return readings / took_s


async def fill(store: Store, clock: WallClock, rows: int, channels: int) -> None:
    """Commit ``rows`` samples, one every five minutes of a slow river."""
    moment = clock.now()
    for start in range(0, rows, 1000):
        entries = []
        for at in range(start, min(rows, start + 1000)):
            value = 0.3 + (at * 7919 % 200) / 1000
            readings = tuple(
                Reading(quantity=Quantity.WATER_LEVEL_M, value=value + channel) for channel in range(channels)
            )
            when = Moment(
                wall_ms=moment.wall_ms - (rows - at) * 300_000, up_ms=at, boot="b001", trust=ClockTrust.NTP
            )
            entries.append(Entry(sample=Sample(sensor="level-1", at=when, readings=readings)))
        await store.append(entries)


if __name__ == "__main__":
    raise SystemExit(main())
