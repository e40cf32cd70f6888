#!/usr/bin/env python3
"""Durable appends through the real Store against bare sqlite3 doing the same commits.

Same file settings, same rows, one executemany and one commit per group; interleaved rounds, medians.
The bare side gets its rows ready-made; the Store gets samples and does all it does in the daemon:
encoding, numbering, the thread between, the answer back in the loop.

    scripts/bench_append.py [--rounds 7] [--seconds 0.5]
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from itertools import product
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kaga_edge.core.rows import encode_values
from kaga_edge.core.stored import Entry, SensorDeclaration
from kaga_edge.store import Store
from kaga_edge.store.file import open_file
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import ClockTrust, Moment, Reading, Sample

GOAL = 0.8
BUDGET_BYTES = 2_000_000_000


class WallClock:
    """The kernel's clocks."""

    def now(self) -> Moment:
        """Return now, trusted."""
        wall_ms = time.time_ns() // 1_000_000
        return Moment(wall_ms=wall_ms, up_ms=wall_ms, boot="bench", trust=ClockTrust.NTP)

    def monotonic_ns(self) -> int:
        """Return CLOCK_MONOTONIC."""
        return time.monotonic_ns()


def samples(channels: int, count: int) -> list[Entry]:
    """Return entries of one sensor with so many channels, values wandering as a river does."""
    start = WallClock().now()
    return [
        Entry(
            sample=Sample(
                sensor="bench-1",
                at=Moment(
                    wall_ms=start.wall_ms + n * 1000, up_ms=n * 1000, boot="bench", trust=ClockTrust.NTP
                ),
                readings=tuple(
                    Reading(quantity=Quantity.WATER_LEVEL_M, value=1.6 + (n * 7 + c * 13) % 997 / 1000)
                    for c in range(channels)
                ),
            )
        )
        for n in range(count)
    ]


async def through_store(
    folder: Path, entries: list[Entry], channels: int, group: int, seconds: float, in_flight: int
) -> float:
    """Return rows a second through the Store, with so many appends waiting for their commit."""
    store = await Store.open(
        folder / "store.db", max_bytes=BUDGET_BYTES, keep_delivered_s=86400, clock=WallClock()
    )
    declared = tuple((f"water_level_{c}", "m", 0.001, {}) for c in range(channels))
    await store.declare([SensorDeclaration(id="bench-1", channels=declared, driver="bench")], {}, "bench")
    begin = time.perf_counter()

    async def one_after_the_other(at: int) -> int:
        done = 0
        while time.perf_counter() - begin < seconds:
            await store.append(entries[at : at + group])
            done, at = done + group, (at + group) % (len(entries) - group + 1)
        return done

    done = sum(await asyncio.gather(*(one_after_the_other(i * group) for i in range(in_flight))))
    passed = time.perf_counter() - begin
    await store.close()
    return done / passed


def through_bare(folder: Path, entries: list[Entry], channels: int, group: int, seconds: float) -> float:
    """Return rows a second through sqlite3 alone, the rows ready-made."""
    db = open_file(folder / "bare.db", BUDGET_BYTES)
    res = (0.001,) * channels
    ready = [
        (0, e.sample.at.wall_ms, e.sample.at.up_ms, *encode_values(e.sample.readings, res), None)
        for e in entries
    ]
    done, at, begin = 0, 0, time.perf_counter()
    while (passed := time.perf_counter() - begin) < seconds:
        numbered = [((1 << 40) + done + i, *row) for i, row in enumerate(ready[at : at + group], 1)]
        db.execute("BEGIN IMMEDIATE")
        db.executemany("INSERT INTO sample VALUES (?, ?, ?, ?, ?, ?, ?)", numbered)
        db.execute("COMMIT")
        done, at = done + group, (at + group) % (len(ready) - group + 1)
    db.close()
    return done / passed


def measured(
    channels: int, group: int, in_flight: int, rounds: int, seconds: float
) -> tuple[float, float, float]:
    """Return the medians of (store rows/s, bare rows/s, their ratio within a round)."""
    entries = samples(channels, max(2000, group * 10))
    pairs = []
    for turn in range(rounds + 1):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            if turn % 2:
                bare = through_bare(folder, entries, channels, group, seconds)
                store = asyncio.run(through_store(folder, entries, channels, group, seconds, in_flight))
            else:
                store = asyncio.run(through_store(folder, entries, channels, group, seconds, in_flight))
                bare = through_bare(folder, entries, channels, group, seconds)
        if turn:  # the first round only warms up
            pairs.append((store, bare))
    return median(s for s, _ in pairs), median(b for _, b in pairs), median(s / b for s, b in pairs)


def main() -> int:
    """Print the table; exit 1 when the median ratio misses the goal."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.5)
    chosen = parser.parse_args()
    print(
        f"{'channels':>8} {'group':>6} {'in flight':>10} {'store rows/s':>13} {'bare rows/s':>12} {'ratio':>6}"
    )
    ratios = []
    for channels in (1, 8):
        for group, in_flight in product((1, 10, 100), (1, 4)):
            store, bare, ratio = measured(channels, group, in_flight, chosen.rounds, chosen.seconds)
            ratios.append(ratio)
            print(
                f"{channels:>8} {group:>6} {in_flight:>10} {store:>13,.0f} {bare:>12,.0f} {ratio:>6.2f}",
                flush=True,
            )
    print(f"median ratio {median(ratios):.2f} (goal {GOAL}), lowest {min(ratios):.2f}")
    return 0 if median(ratios) >= GOAL else 1


if __name__ == "__main__":
    raise SystemExit(main())
