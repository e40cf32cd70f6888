"""The current goes away at any moment; nothing acknowledged is lost, nothing is there by half.

The store's own code writes to a recorded disk (``recorded_disk.py``), the recording is cut anywhere
(``power.py``), and what is left is opened by the store's own recovery with the standard library's SQLite
(``verdict.py``). A failure prints the seed that repeats it.
"""

from __future__ import annotations

import os
import time

import pytest

from tests.crash.power import HONEST, LYING, Mode
from tests.crash.verdict import replay

FULL = bool(os.environ.get("KAGA_TEST_FULL"))
# The same cuts in every plain run, so that red means changed; new ones every time in a full run.
SEED = int(os.environ.get("KAGA_TEST_SEED", 0)) or (
    time.time_ns() % 1_000_000 if os.environ.get("KAGA_TEST_FULL") else 2018
)
CUTS = 17_000 if FULL else 1_700  # of each mode: six honest ones (100,000 together), two lying ones
SELF_TEST_CUTS = 300
by_name = {"ids": lambda mode: mode.name}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("mode", HONEST, **by_name)
def test_an_honest_disk_loses_nothing_at_any_cut(mode: Mode) -> None:
    verdicts = replay(mode, CUTS, SEED)
    assert not verdicts.faults, (f"KAGA_TEST_SEED={SEED}", verdicts.faults, verdicts.first)
    assert verdicts.cuts == CUTS


@pytest.mark.timeout(900)
@pytest.mark.parametrize("mode", LYING, **by_name)
def test_a_lying_disk_never_stops_the_store_and_the_ledger_still_adds_up(mode: Mode) -> None:
    verdicts = replay(mode, CUTS, SEED)
    assert not verdicts.faults, (f"KAGA_TEST_SEED={SEED}", verdicts.faults, verdicts.first)


SPOILED = {
    "synchronous = NORMAL": ({"spoil": ("synchronous = NORMAL",)}, HONEST[0], "lost"),
    "psow = 1, 512 B ruined": ({"psow": 1}, HONEST[3], "lost"),
    "psow = 1, 4 KiB ruined": ({"psow": 1}, HONEST[4], "lost"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_the_harness_finds_the_losses_of_a_weaker_setting(name: str) -> None:
    disk, mode, fault = SPOILED[name]
    verdicts = replay(mode, SELF_TEST_CUTS, SEED, **disk)
    assert verdicts.faults[fault] >= SELF_TEST_CUTS // 20, verdicts
