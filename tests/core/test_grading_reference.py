"""The same series through ioos-qc, QARTOD's reference implementation: where we agree and where not.

ioos-qc brings numpy, pandas and xarray, so it is no part of the usual environment; run this file where it
is installed. Of 100,000 points each (500 series) gross range, rate and flat line differ in none. Meant:

- rate of change: ioos-qc cuts time to whole seconds (steps below a second divide by zero); we do not.
- after a missing value ioos-qc calls the next point's rate good (the step is masked); we compare with the
  last value that was there, over the whole time between (267 points of series with 5 % gaps).
- flat line over gaps: ioos-qc counts the points of a window, we count time (15 points).
- spike: ioos-qc needs the next point; ours is one-sided, so that a live value need not wait (6 % of a
  series full of jumps differ). Compared is what both must find: a lone spike, and nothing in calm.
"""

from __future__ import annotations

import random

import pytest

from kaga_edge.core.grading import History, Limits, grade
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Measurement

qartod = pytest.importorskip("ioos_qc.qartod", reason="ioos-qc is not installed (heavy, optional)")
np = pytest.importorskip("numpy")
pytestmark = pytest.mark.filterwarnings("ignore")

SEEDS = range(200)
EVERY_S = 60


def ours(limits: Limits, values: list[float | None], every_s: float = EVERY_S) -> list[int]:
    history, grades = History(), []
    for i, value in enumerate(values):
        measurement = Measurement(quantity=Quantity.WATER_LEVEL_M, value=value)
        history, reading = grade(limits, history, i * every_s, measurement)
        grades.append(int(reading.grade))
    return grades


def series(seed: int, *, missing: bool) -> list[float | None]:
    """A random walk in steps of a centimetre, with flat stretches, jumps and, if asked for, gaps."""
    chance = random.Random(seed)
    level, values = 1.0, []
    while len(values) < 200:
        kind = chance.random()
        if kind < 0.05:
            level += chance.choice((-1, 1)) * chance.uniform(0.05, 2.0)
        elif kind > 0.3:
            level += chance.gauss(0, 0.02)
        values += [round(level, 3)] * (chance.randint(2, 12) if kind < 0.15 else 1)
    values = values[:200]
    if missing:
        values = [None if chance.random() < 0.05 else value for value in values]
    return values


def array(values: list[float | None]):
    return np.array([np.nan if value is None else value for value in values])


def times(count: int, every_s: int = EVERY_S):
    return np.datetime64("2026-01-01T00:00:00") + np.arange(count) * np.timedelta64(every_s, "s")


@pytest.mark.parametrize("seed", SEEDS)
def test_gross_range_agrees_on_every_point(seed: int) -> None:
    values = series(seed, missing=True)
    theirs = qartod.gross_range_test(inp=array(values), suspect_span=(0.5, 1.5), fail_span=(0.0, 2.5))
    assert ours(Limits(gross_suspect=(0.5, 1.5), gross_fail=(0.0, 2.5)), values) == theirs.tolist()


@pytest.mark.parametrize("seed", SEEDS)
def test_rate_of_change_agrees_on_every_point(seed: int) -> None:
    values, limit = series(seed, missing=False), 0.03 / 60
    theirs = qartod.rate_of_change_test(inp=array(values), tinp=times(len(values)), threshold=limit)
    assert ours(Limits(rate_suspect_per_s=limit), values) == theirs.tolist()


@pytest.mark.parametrize("seed", SEEDS)
def test_rate_of_change_with_gaps_differs_only_in_the_point_after_one(seed: int) -> None:
    values, limit = series(seed, missing=True), 0.03 / 60
    theirs = qartod.rate_of_change_test(inp=array(values), tinp=times(len(values)), threshold=limit).tolist()
    for i, (mine, reference) in enumerate(
        zip(ours(Limits(rate_suspect_per_s=limit), values), theirs, strict=True)
    ):
        assert mine == reference or values[i - 1] is None


@pytest.mark.parametrize("seed", SEEDS)
def test_flat_line_agrees_on_every_point(seed: int) -> None:
    values = series(seed, missing=False)
    theirs = qartod.flat_line_test(
        inp=array(values), tinp=times(len(values)), suspect_threshold=180, fail_threshold=420, tolerance=0.005
    )
    limits = Limits(flat_tolerance=0.005, flat_suspect_s=180, flat_fail_s=420)
    assert ours(limits, values) == theirs.tolist()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_lone_spike_is_found_by_both_and_a_quiet_series_by_none(seed: int) -> None:
    chance = random.Random(seed)
    values: list[float | None] = [round(1 + chance.uniform(-0.02, 0.02), 3) for _ in range(50)]
    limits = Limits(spike_suspect=0.10, spike_fail=0.30)
    theirs = qartod.spike_test(inp=array(values), suspect_threshold=0.10, fail_threshold=0.30)
    assert set(ours(limits, values)) == {1}
    assert set(theirs[1:-1].tolist()) == {1}
    at = chance.randint(5, 44)
    values[at] = 2.0
    theirs = qartod.spike_test(inp=array(values), suspect_threshold=0.10, fail_threshold=0.30)
    assert ours(limits, values)[at] == theirs[at] == 4
    # the reference also fails the two neighbours (half the spike); ours leaves them good
    assert [i for i, g in enumerate(ours(limits, values)) if g != 1] == [at]
