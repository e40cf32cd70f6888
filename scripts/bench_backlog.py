#!/usr/bin/env python3
"""Does a long backlog cost anything? Adding, draining and starting with 10 thousand, 1 and 10 million rows.

    scripts/bench_backlog.py [--rows 10000 1000000 10000000] [--rounds 9]

Processor time a row, interleaved rounds, medians; compared with the smallest backlog in the same round.
"add" commits ten rows at a time; "drain" loads 500, packs them and confirms, from the oldest on; "start"
opens the file as the daemon does and asks what waits. Goals: add and drain within 20 % of the smallest
backlog's cost, the start at most 0.5 s longer than with an empty store.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from backlog import entry, opened, with_backlog

from kaga_edge.core import message
from kaga_edge.core.ranges import Ranges
from kaga_edge.store.database import Database

FLAT = 1.2
START_MORE_S = 0.5
ADDED, GROUP, DRAINED, LOAD = 2000, 10, 1000, 500


def main() -> int:
    """Print the table; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 1_000_000, 10_000_000])
    parser.add_argument("--rounds", type=int, default=9)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = {rows: with_backlog(Path(folder) / f"{rows}.db", rows) for rows in (1, *chosen.rows)}
        starts = {rows: start_s(path) for rows, path in paths.items()}
        stores = {rows: opened(paths[rows]) for rows in chosen.rows}
        found: dict[tuple[str, int], list[float]] = {}
        for turn in range(chosen.rounds + 1):
            for rows in sorted(stores, reverse=bool(turn % 2)):
                for what, work in (("add", add_s), ("drain", drain_s)):
                    cost_s = work(stores[rows])
                    if turn:  # the first round only warms up
                        found.setdefault((what, rows), []).append(cost_s)
        for store in stores.values():
            store.close()
    return told(chosen.rows, found, starts)


def told(sizes: list[int], found: dict[tuple[str, int], list[float]], starts: dict[int, float]) -> int:
    print("    waiting rows   add us/row  x smallest   drain us/row  x smallest   start ms")
    worst = 1.0
    for rows in sizes:
        columns = []
        for what in ("add", "drain"):
            least = found[what, sizes[0]]
            ratio = median(a / b for a, b in zip(found[what, rows], least, strict=True))
            worst = max(worst, ratio)
            columns.append(f"{median(found[what, rows]) * 1e6:>12.2f} {ratio:>11.2f}")
        print(f"{rows:>16,} {columns[0]} {columns[1]:>27} {starts[rows] * 1000:>10.1f}")
    more_s = starts[sizes[-1]] - starts[1]
    print(
        f"worst {worst:.2f} x the smallest (goal {FLAT}); start {more_s * 1000:+.1f} ms beyond an empty store"
    )
    return 0 if worst <= FLAT and more_s <= START_MORE_S else 1


def start_s(path: Path) -> float:
    """Return the seconds from opening to knowing what waits, best of three."""
    best = float("inf")
    for _ in range(3):
        began_s = time.perf_counter()
        store = opened(path)
        store.standing()
        best = min(best, time.perf_counter() - began_s)
        store.close()
    return best


def add_s(store: Database) -> float:
    """Return the processor time of adding one row."""
    entries = [entry(n) for n in range(GROUP)]
    began_s = time.process_time()
    for _ in range(ADDED // GROUP):
        store.append(store.encode(entries))
    return (time.process_time() - began_s) / ADDED


def drain_s(store: Database) -> float:
    """Return the processor time of draining one row."""
    (epoch,) = store.standing().epochs
    began_s = time.process_time()
    first, done = epoch.waiting.first or 1, 0
    while done < DRAINED:
        loaded = store.load(epoch.ep, first, epoch.next_n - 1, LOAD)
        _, taken = message.packed(loaded.rows, loaded.run)
        last = loaded.rows[taken - 1][0]
        store.confirm({epoch.ep: Ranges(((loaded.rows[0][0], last),))}, {})
        first, done = last + 1, done + taken
    return (time.process_time() - began_s) / done


if __name__ == "__main__":
    sys.exit(main())
