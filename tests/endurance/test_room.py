"""Too little room: a month offline with a budget far too small, and a disk that others fill."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kaga_edge.core.retention import LEAST_BYTES
from kaga_edge.store.errors import StoreSick
from kaga_edge.store.ring import Ringed
from kaga_edge.store.thinning import CHUNK_ROWS

FULL = bool(os.environ.get("KAGA_TEST_FULL"))
DAYS, BUDGET_BYTES = (30, 4_000_000) if FULL else (1, 500_000)
DAY_MS = 86_400_000
CREST_M, DEEPEST_M = 3.456, 1.987  # each in a single sample of one sensor


def sums(store: Any) -> tuple[int, int, int, int]:
    tallies = store.ledger().epochs
    return (
        sum(tally.numbered for tally in tallies),
        sum(tally.delivered for tally in tallies),
        sum(tally.waiting for tally in tallies),
        sum(tally.gone for tally in tallies),
    )


@pytest.mark.timeout(900)
def test_a_month_offline_ends_with_the_crest_and_every_alert(
    opening: Any, station: Any, platform: Any, clock: Any
) -> None:
    began_ms = clock.wall_ms
    crest_ms = began_ms + DAYS * DAY_MS * 37 // 100 // 10_000 * 10_000
    deepest_ms = began_ms + DAYS * DAY_MS * 71 // 100 // 10_000 * 10_000

    def values(sensor: int, at_ms: int) -> float:
        if (sensor, at_ms) in ((0, crest_ms), (1, deepest_ms)):
            return CREST_M if sensor == 0 else DEEPEST_M
        return 0.5 + (at_ms // 10_000 * 7 + sensor * 13) % 997 / 1000

    def alarming(sensor: int, value: float) -> bool:
        return value > 1.9 or (sensor == 5 and value == 0.6)

    site = station(sensors=20, every_s=10, values=values, alert_when=alarming)
    store = opening(site, max_bytes=BUDGET_BYTES)
    most = 0
    for _ in range(DAYS * 8640 // 6):  # a minute at a time: what one transaction brings, and a purge
        entries = site.measured(6)
        store.append(store.encode(entries))
        more = True
        while more:
            part, more = store.purge(clock.now())
            most = max(most, part.delivered, part.thinned, part.expired)
        assert store.path.stat().st_size <= BUDGET_BYTES

    numbered, delivered, waiting, gone = sums(store)
    assert (delivered, numbered) == (0, waiting + gone)
    (tally,) = store.ledger().epochs
    assert tally.thinned > 0.9 * site.rows
    assert {line.why for line in store.ledger().lines} == {"thinned"}  # nothing had to be thrown away
    assert most <= CHUNK_ROWS  # in one bite: measuring waits for no more than that

    platform.drain(store)
    counts = platform.counts()
    assert sums(store) == (numbered, waiting, 0, gone)
    assert (counts.highest, counts.arrived, counts.gone) == (numbered, waiting, gone)
    assert not counts.gaps
    assert (counts.repeated, counts.conflicting) == (0, 0)
    assert counts.alerts == site.alerts > DAYS
    assert platform.highest("level-0") == CREST_M
    assert platform.highest("level-1") == DEEPEST_M


def test_an_alert_after_a_long_outage_does_not_wait_behind_hundreds_of_declarations(
    opening: Any, station: Any, clock: Any
) -> None:
    site = station(sensors=20, every_s=10, values=lambda *_: 0.5)
    store = opening(site, max_bytes=400_000)
    for _ in range(200):
        store.append(store.encode(site.measured(6)))
        while store.purge(clock.now())[1]:
            pass
    (epoch,) = store.standing().epochs
    assert sums(store)[3] > 12_000
    assert epoch.notices_waiting.count == 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def free_bytes(folder: Path) -> int:
    here = os.statvfs(folder)
    return here.f_bavail * here.f_frsize


def fill(folder: Path, left: int) -> Path:
    """Let others take the disk but for ``left`` bytes."""
    other = folder / "others"
    with other.open("ab") as file:
        file.write(b"x" * max(0, free_bytes(folder) - left))
    return other


def test_the_store_leaves_others_their_share_of_the_disk(
    small_disk: Path, opening: Any, station: Any
) -> None:
    site = station(sensors=20, every_s=10, values=lambda *_: 0.5)
    store = opening(site, folder=small_disk, max_bytes=64_000_000, keep_free_bytes=3_000_000)
    for _ in range(400):  # more than fits below the floor, as measured
        store.append(store.encode(site.measured(30)))
    assert free_bytes(small_disk) > 3_000_000 - 1_000_000  # the write-ahead log comes and goes
    numbered, _, waiting, gone = sums(store)
    assert numbered == waiting + gone
    assert store.ledger().epochs[0].thinned == gone > 0


def test_a_disk_filled_by_others_stops_neither_sampling_nor_the_ledger_and_loses_no_alert(
    small_disk: Path, opening: Any, station: Any, platform: Any, clock: Any
) -> None:
    site = station(
        sensors=20,
        every_s=10,
        values=lambda n, ms: ms // 10_000 % 97 / 100 + n,
        alert_when=lambda n, v: v == 7,
    )
    store = opening(site, folder=small_disk, kind=Ringed, max_bytes=64_000_000, keep_free_bytes=1_000_000)
    for _ in range(100):
        store.append(store.encode(site.measured(6)))
    others = fill(small_disk, left=0)
    held: list[Any] = []
    refused = 0
    for _ in range(400):
        held += site.measured(6)
        try:
            store.append(store.encode(held))
        except StoreSick:  # the recorder brings them again
            refused += 1
        else:
            held = []
        with contextlib.suppress(StoreSick):  # as the daemon's housekeeping
            store.purge(clock.now())
    assert refused
    assert store.in_memory > 10_000  # sampling went on, in memory
    others.unlink()
    assert store.mend()
    assert store.in_memory is None

    platform.drain(store)
    numbered, delivered, waiting, gone = sums(store)
    assert (waiting, numbered) == (0, delivered + gone)
    kept = platform.archive.everything().counts
    assert sum(one.alerts for one in kept) == site.alerts > 0
    assert not any(one.gaps for one in kept)
    assert sum(one.arrived for one in kept) == delivered
    assert store.size().used_bytes < LEAST_BYTES
