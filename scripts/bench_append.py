#!/usr/bin/env python3
"""Durable appends through the real Store against bare sqlite3 doing the same commits.

Same file settings, same rows, one commit per group. Within a round the ways take turns every 50 ms, so
that what else the machine does hits them alike; printed are medians over rounds.
Three yardsticks: "bare" makes the rows' text from the same samples as the Store must, then executemany and
commit; "ready" gets the rows ready-made and pays for SQLite alone; "thread" is bare in a thread, awaited, as
a program with an asyncio loop has to call it. The Store does what it does in the daemon: text,
numbers, the thread between, the answer back in the loop. On a disk whose sync takes milliseconds every ratio
goes to 1: the faster the disk, the harder the test.

    scripts/bench_append.py [--rounds 7] [--seconds 0.5]
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
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
SLICE_S = 0.05  # the ways take turns so often that what else the machine does hits them alike
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


class ThroughStore:
    """Appends through the Store, so many waiting for their commit at a time."""

    def __init__(self, folder: Path, entries: list[Entry], channels: int, group: int, in_flight: int) -> None:
        self._entries, self._group, self._in_flight = entries, group, in_flight
        self._runner = asyncio.Runner()
        self._store = self._runner.run(self._open(folder / "store.db", channels))

    @staticmethod
    async def _open(path: Path, channels: int) -> Store:
        store = await Store.open(path, max_bytes=BUDGET_BYTES, keep_delivered_s=86400, clock=WallClock())
        declared = tuple((f"water_level_{c}", "m", 0.001, {}) for c in range(channels))
        await store.declare([SensorDeclaration(id="bench-1", channels=declared, driver="bench")], {}, "bench")
        return store

    def rows_in(self, seconds: float) -> int:
        """Append for so long; return how many rows were committed."""
        return self._runner.run(self._work(time.perf_counter() + seconds))

    async def _work(self, ends_s: float) -> int:
        async def one_after_the_other(at: int) -> int:
            done = 0
            while time.perf_counter() < ends_s:
                await self._store.append(self._entries[at : at + self._group])
                done, at = done + self._group, (at + self._group) % (len(self._entries) - self._group + 1)
            return done

        at_once = (one_after_the_other(i * self._group) for i in range(self._in_flight))
        return sum(await asyncio.gather(*at_once))

    def close(self) -> None:
        """End."""
        self._runner.run(self._store.close())
        self._runner.close()


class ThroughBare:
    """The same commits through sqlite3 alone; ``ready``: the rows' text was made beforehand."""

    def __init__(self, folder: Path, entries: list[Entry], channels: int, group: int, name: str) -> None:
        self._db = open_file(folder / f"{name}.db", BUDGET_BYTES)
        self._entries, self._group, self._res = entries, group, (0.001,) * channels
        self._made = [self._text(entry) for entry in entries] if name == "ready" else None
        self._done = self._at = 0

    def _text(self, entry: Entry) -> tuple[object, ...]:
        sample = entry.sample
        return (0, sample.at.wall_ms, sample.at.up_ms, *encode_values(sample.readings, self._res), None)

    def rows_in(self, seconds: float) -> int:
        """Commit for so long; return how many rows."""
        before, ends_s = self._done, time.perf_counter() + seconds
        while time.perf_counter() < ends_s:
            self.commit()
        return self._done - before

    def commit(self) -> int:
        """Commit one group; return its size."""
        part = slice(self._at, self._at + self._group)
        rows = self._made[part] if self._made else [self._text(entry) for entry in self._entries[part]]
        numbered = [((1 << 40) + self._done + i, *row) for i, row in enumerate(rows, 1)]
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany("INSERT INTO sample VALUES (?, ?, ?, ?, ?, ?, ?)", numbered)
        self._db.execute("COMMIT")
        self._done, self._at = self._done + len(rows), (self._at + len(rows)) % self._last_at
        return len(rows)

    @property
    def _last_at(self) -> int:
        return len(self._entries) - self._group + 1

    def close(self) -> None:
        """End."""
        self._db.close()


class ThroughThread:
    """Bare as a program with an asyncio loop must call it: each commit in a thread, awaited."""

    def __init__(self, folder: Path, entries: list[Entry], channels: int, group: int) -> None:
        self._runner, self._thread = asyncio.Runner(), ThreadPoolExecutor(1)
        self._bare = self._thread.submit(ThroughBare, folder, entries, channels, group, "thread").result()

    def rows_in(self, seconds: float) -> int:
        """Commit for so long; return how many rows."""
        return self._runner.run(self._work(time.perf_counter() + seconds))

    async def _work(self, ends_s: float) -> int:
        loop, done = asyncio.get_running_loop(), 0
        while time.perf_counter() < ends_s:
            done += await loop.run_in_executor(self._thread, self._bare.commit)
        return done

    def close(self) -> None:
        """End."""
        self._thread.submit(self._bare.close).result()
        self._thread.shutdown()
        self._runner.close()


def measured(channels: int, group: int, in_flight: int, rounds: int, seconds: float) -> list[float]:
    """Return the medians of: each way's rows/s, and of the store's against each other way's in a round."""
    entries = samples(channels, max(2000, group * 10))
    found: list[tuple[float, ...]] = []
    for _ in range(rounds + 1):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            ways = (
                ThroughStore(folder, entries, channels, group, in_flight),
                ThroughBare(folder, entries, channels, group, "bare"),
                ThroughBare(folder, entries, channels, group, "ready"),
                ThroughThread(folder, entries, channels, group),
            )
            rates = in_slices(ways, seconds)
            for way in ways:
                way.close()
        found.append((*rates, *(rates[0] / other for other in rates[1:])))
    return [median(column) for column in zip(*found[1:], strict=True)]  # the first round only warms up


def in_slices(ways: tuple[ThroughStore | ThroughBare | ThroughThread, ...], seconds: float) -> list[float]:
    """Return each way's rows a second, the ways taking turns in short slices."""
    rows, spent_s = [0] * len(ways), [0.0] * len(ways)
    for turn in range(max(2, round(seconds / SLICE_S))):
        for at in range(len(ways))[:: -1 if turn % 2 else 1]:
            begin = time.perf_counter()
            rows[at] += ways[at].rows_in(SLICE_S)
            spent_s[at] += time.perf_counter() - begin
    return [done / passed for done, passed in zip(rows, spent_s, strict=True)]


def main() -> int:
    """Print the table; exit 1 when the median ratio misses the goal."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.5)
    chosen = parser.parse_args()
    print("                      rows/s:                               store's x")
    print("channels group flight     store      bare     ready    thread   bare  ready thread")
    ratios, beside_thread = [], []
    for channels in (1, 8):
        for group, in_flight in product((1, 10, 100), (1, 4)):
            found = measured(channels, group, in_flight, chosen.rounds, chosen.seconds)
            ratios.append(found[4])
            beside_thread.append(found[6])
            rates = " ".join(f"{rate:>9,.0f}" for rate in found[:4])
            shares = " ".join(f"{share:>6.2f}" for share in found[4:])
            print(f"{channels:>8} {group:>5} {in_flight:>6} {rates} {shares}", flush=True)
    print(f"median {median(ratios):.2f} x bare (goal {GOAL}), lowest {min(ratios):.2f};", end=" ")
    print(f"{median(beside_thread):.2f} x bare in a thread")
    return 0 if median(ratios) >= GOAL else 1


if __name__ == "__main__":
    raise SystemExit(main())
