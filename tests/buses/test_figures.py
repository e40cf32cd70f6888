"""The scripts that print the figures of the buses run, and say what they must."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kaga_edge.sensors import driver_names

SCRIPTS = Path(__file__).parents[2] / "scripts"
FULL = bool(os.environ.get("KAGA_TEST_FULL"))
full_only = pytest.mark.skipif(not FULL, reason="judged by time: scripts/test --full, or scripts/bench")


def printed(*words: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, SCRIPTS / words[0], *words[1:]], capture_output=True, text=True, check=False
    )
    assert done.returncode == code or code < 0, done.stdout + done.stderr
    return done.stdout


def test_every_driver_is_measured() -> None:
    told = printed("bench_decoders.py", "--seconds", "0.02", code=-1).splitlines()
    assert sorted(line.split()[0] for line in told[:-1]) == sorted(driver_names())


@pytest.mark.alone
@full_only
def test_every_decoder_makes_fifty_thousand_frames_a_second() -> None:
    assert "goal 50,000 frames/s each: met" in printed("bench_decoders.py")


@pytest.mark.alone
@full_only
def test_a_hundred_edges_a_second_on_eight_lines_are_all_counted() -> None:
    assert "goal every tip counted: met" in printed("bench_edges.py", "--seconds", "10")


@pytest.mark.alone
@full_only
def test_of_twenty_sensors_two_that_hang_delay_only_their_own_bus() -> None:
    told = printed("bench_lateness.py", "--only-lateness", "--seconds", "30")
    assert told.count(": met") == 2
