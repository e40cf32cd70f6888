#!/usr/bin/env python3
"""Durable appends through the real Store against bare sqlite3 doing the same commits.

Same file settings, same rows, one commit per group; interleaved rounds, medians of ratios in a round.
Two yardsticks: "bare" makes the rows' text from the same samples as the Store must, then executemany and
commit; "ready" gets the rows ready-made and pays for SQLite alone. The Store does what it does in the
daemon: text, numbers, the thread between, the answer back in the loop. On a disk whose sync takes
milliseconds every ratio goes to 1: the faster the disk, the harder the test.

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


def through_bare(
    folder: Path, entries: list[Entry], channels: int, group: int, seconds: float, *, ready: bool
) -> float:
    """Return rows a second through sqlite3 alone; ``ready``: the rows' text was made beforehand."""
    db = open_file(folder / f"bare-{ready}.db", BUDGET_BYTES)
    res = (0.001,) * channels

    def text(entry: Entry) -> tuple[object, ...]:
        sample = entry.sample
        return (0, sample.at.wall_ms, sample.at.up_ms, *encode_values(sample.readings, res), None)

    made = [text(entry) for entry in entries]
    done, at, begin = 0, 0, time.perf_counter()
    while (passed := time.perf_counter() - begin) < seconds:
        rows = made[at : at + group] if ready else [text(entry) for entry in entries[at : at + group]]
        numbered = [((1 << 40) + done + i, *row) for i, row in enumerate(rows, 1)]
        db.execute("BEGIN IMMEDIATE")
        db.executemany("INSERT INTO sample VALUES (?, ?, ?, ?, ?, ?, ?)", numbered)
        db.execute("COMMIT")
        done, at = done + group, (at + group) % (len(entries) - group + 1)
    db.close()
    return done / passed


def measured(channels: int, group: int, in_flight: int, rounds: int, seconds: float) -> list[float]:
    """Return the medians of: store, bare and ready rows/s, and of store/bare and store/ready in a round."""
    entries = samples(channels, max(2000, group * 10))
    ways = {
        "store": lambda folder: asyncio.run(
            through_store(folder, entries, channels, group, seconds, in_flight)
        ),
        "bare": lambda folder: through_bare(folder, entries, channels, group, seconds, ready=False),
        "ready": lambda folder: through_bare(folder, entries, channels, group, seconds, ready=True),
    }
    found: list[tuple[float, ...]] = []
    for turn in range(rounds + 1):
        rates: dict[str, float] = {}
        for name in sorted(ways, reverse=bool(turn % 2)):
            with tempfile.TemporaryDirectory() as folder:
                rates[name] = ways[name](Path(folder))
        store, bare, ready = (rates[name] for name in ways)
        found.append((store, bare, ready, store / bare, store / ready))
    return [median(column) for column in zip(*found[1:], strict=True)]  # the first round only warms up


def main() -> int:
    """Print the table; exit 1 when the median ratio misses the goal."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.5)
    chosen = parser.parse_args()
    print("channels  group  in flight   store rows/s    bare rows/s   ready rows/s   x bare  x ready")
    ratios = []
    for channels in (1, 8):
        for group, in_flight in product((1, 10, 100), (1, 4)):
            *rates, ratio, strict = measured(channels, group, in_flight, chosen.rounds, chosen.seconds)
            ratios.append(ratio)
            shown = " ".join(f"{rate:>14,.0f}" for rate in rates)
            print(
                f"{channels:>8} {group:>6} {in_flight:>10} {shown} {ratio:>8.2f} {strict:>8.2f}", flush=True
            )
    print(f"median {median(ratios):.2f} x bare (goal {GOAL}), lowest {min(ratios):.2f}")
    return 0 if median(ratios) >= GOAL else 1


if __name__ == "__main__":
    raise SystemExit(main())
