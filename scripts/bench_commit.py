#!/usr/bin/env python3
"""Commit latency and device bytes per reading at 1, 10 and 100 readings a commit, beside an append-only log.

    scripts/bench_commit.py [--commits 400] [--rounds 3]

As root on an ext4 of its own in a loop device, whose counter sees all that reaches the disk (the file
system's own journal too) and nothing of anybody else; otherwise in the temporary folder, with what the
kernel charges this process for. The log is the yardstick: 30-byte lines appended to a file, one fdatasync a
group. A commit costs more than the log's because no part of the card that a cut may ruin holds older commits
(psow=0 writes the last page twice). Carry over the bytes and ratios: this disk is not an SD card. Goal: 10 a
commit (what half a second brings) cost at most 0.15 x the bytes of 1.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

from backlog import entry, opened

GROUPS = (1, 10, 100)
MOST_SINGLE = 0.15
LINE = b"1630065103000,0,1.695,0.3\n".ljust(30)


def main() -> int:
    """Print the table; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--commits", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    found: dict[int, list[tuple[float, ...]]] = {group: [] for group in GROUPS}
    for _ in range(chosen.rounds):
        for group in GROUPS:
            with disk() as (folder, written):
                took_s, ours = measured(folder, written, group, chosen.commits)
            with disk() as (folder, written):
                log = logged(folder, written, group, chosen.commits)
            cuts = quantiles(took_s, n=100)
            found[group].append((cuts[49] * 1000, cuts[98] * 1000, ours, log))
    return told({g: [median(column) for column in zip(*rows, strict=True)] for g, rows in found.items()})


def told(figures: dict[int, list[float]]) -> int:
    print(" a commit   p50 ms   p99 ms   device B/reading   log B/reading   x log   x one a commit")
    good = True
    for group, (p50, p99, ours, log) in figures.items():
        single = ours / figures[1][2]
        good &= group != 10 or single <= MOST_SINGLE
        latency = f"{group:>9} {p50:>8.2f} {p99:>8.2f}"
        print(f"{latency} {ours:>18,.0f} {log:>15,.0f} {ours / log:>7.2f} {single:>16.3f}")
    return 0 if good else 1


def measured(folder: Path, written: Written, group: int, commits: int) -> tuple[list[float], float]:
    """Return every commit's seconds and the bytes a reading that reached the disk."""
    store = opened(folder / "store.db")
    entries = [store.encode([entry(n) for n in range(group)]) for _ in range(20)]
    store.append(entries[0])
    before, took_s = written.bytes(), []
    for n in range(commits):
        began_s = time.perf_counter()
        store.append(entries[n % len(entries)])
        took_s.append(time.perf_counter() - began_s)
    store.close()  # brings what is in the write-ahead log into the file
    return took_s, (written.bytes() - before) / (commits * group)


def logged(folder: Path, written: Written, group: int, commits: int) -> float:
    """Return the same of a plain log."""
    handle = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    before = written.bytes()
    for _ in range(commits):
        os.write(handle, LINE * group)
        os.fdatasync(handle)
    os.close(handle)
    return (written.bytes() - before) / (commits * group)


class Written:
    """Bytes that have reached a block device, or None: that this process caused."""

    def __init__(self, device: str | None) -> None:
        self._device = device

    def bytes(self) -> int:
        """Return the count so far."""
        os.sync()
        if self._device is None:
            lines = Path("/proc/self/io").read_text().splitlines()
            return int(next(line for line in lines if line.startswith("write_bytes")).split()[1])
        return 512 * int(Path(f"/sys/block/{self._device}/stat").read_text().split()[6])


@contextlib.contextmanager
def disk() -> Iterator[tuple[Path, Written]]:
    """Give a folder on a disk of our own, where that can be had, and its counter."""
    with tempfile.TemporaryDirectory() as folder:
        device = own_ext4(Path(folder)) if os.geteuid() == 0 else None
        place = Path(folder) / "disk" if device else Path(folder)
        try:
            yield place, Written(device)
        finally:
            if device:
                subprocess.run(["umount", str(place)], check=True)


def own_ext4(folder: Path) -> str | None:
    """Mount a new ext4 on folder/disk; return the loop device's name, None when that cannot be."""
    image, place = folder / "image", folder / "disk"
    place.mkdir()
    with image.open("wb") as file:
        file.truncate(256 * 1024 * 1024)
    # Without the lazy initialisation, which would write behind our back.
    make = ["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(image)]
    for command in (make, ["mount", "-o", "loop", str(image), str(place)]):
        if subprocess.run(command, capture_output=True, check=False).returncode != 0:
            return None
    found = subprocess.run(["losetup", "-j", str(image)], capture_output=True, text=True, check=True)
    return Path(found.stdout.partition(":")[0]).name


if __name__ == "__main__":
    sys.exit(main())
