"""The same series through ioos-qc, QARTOD's reference implementation: where we agree and where not.

``ioos_qc.json`` holds its answers; it names the version, and scripts/ioos_qc_vectors.py makes it anew.
Gross range, rate, flat line, attenuated signal and the limits of seasons agree on every point of series
without gaps. Meant:

- rate of change: ioos-qc cuts time to whole seconds (steps below a second divide by zero); we do not.
- after a missing value ioos-qc calls the next point's rate good (the step is masked); we compare with the
  last value that was there, over the whole time between.
- flat line over gaps: ioos-qc counts the points of a window, we count time.
- spike: ioos-qc needs the next point; ours is one-sided, so that a live value need not wait. Compared is
  what both must find: a lone spike, and nothing in calm.
- outside a season ioos-qc does not evaluate (2); ours has limits of the year, here none, and says good.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kaga_edge.core.grading import History, Limits, SeasonLimits, grade, limits_of
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Measurement

REFERENCE: dict[str, Any] = json.loads(Path(__file__).with_name("ioos_qc.json").read_text("utf-8"))
EVERY_S = 60
RATE = Limits(rate_suspect_per_s=0.03 / EVERY_S)
FLAT = Limits(flat_tolerance=0.005, flat_suspect_s=180, flat_fail_s=420)
WEAK = Limits(attenuated_suspect=0.05, attenuated_fail=0.01, attenuated_over_s=420)
SPIKE = Limits(spike_suspect=0.10, spike_fail=0.30)


def ours(limits: Limits, values: list[float | None]) -> str:
    history, grades = History(), ""
    for i, value in enumerate(values):
        measurement = Measurement(quantity=Quantity.WATER_LEVEL_M, value=value)
        history, reading = grade(limits, history, i * EVERY_S, measurement)
        grades += str(int(reading.grade))
    return grades


def cases(name: str) -> pytest.MarkDecorator:
    found = REFERENCE[name]
    assert found
    return pytest.mark.parametrize("case", found, ids=range(len(found)))


def test_the_answers_say_who_gave_them() -> None:
    assert "ioos-qc 3." in REFERENCE["made_by"]
    grades = {
        digit
        for name in ("gross", "rate", "flat", "spike")
        for one in REFERENCE[name]
        for digit in one["grades"]
    }
    assert grades >= set("1349")  # every kind of answer is among them


@cases("gross")
def test_gross_range_agrees_on_every_point(case: dict[str, Any]) -> None:
    limits = Limits(gross_suspect=(0.5, 1.5), gross_fail=(0.0, 2.5))
    assert ours(limits, case["values"]) == case["grades"]


@cases("rate")
def test_rate_of_change_agrees_on_every_point(case: dict[str, Any]) -> None:
    assert ours(RATE, case["values"]) == case["grades"]


@cases("rate_gaps")
def test_rate_of_change_with_gaps_differs_only_in_the_point_after_one(case: dict[str, Any]) -> None:
    pairs = zip(ours(RATE, case["values"]), case["grades"], strict=True)
    assert all(mine == theirs or case["values"][i - 1] is None for i, (mine, theirs) in enumerate(pairs))


@cases("flat")
def test_flat_line_agrees_on_every_point(case: dict[str, Any]) -> None:
    assert ours(FLAT, case["values"]) == case["grades"]


@cases("flat_gaps")
def test_flat_line_with_gaps_differs_only_where_a_gap_is_in_the_window(case: dict[str, Any]) -> None:
    pairs = zip(ours(FLAT, case["values"]), case["grades"], strict=True)
    for i, (mine, theirs) in enumerate(pairs):
        assert mine == theirs or None in case["values"][max(0, i - 7 - 7) : i + 1]


@cases("attenuated")
def test_attenuated_signal_agrees_on_every_point_of_a_whole_window(case: dict[str, Any]) -> None:
    mine, theirs = ours(WEAK, case["values"]), case["grades"]
    assert theirs[:7] == "2222222"  # not evaluated: what ours says too, and nothing else was wrong
    assert mine == "1111111" + theirs[7:]


@cases("spike")
def test_a_lone_spike_is_found_by_both_and_a_quiet_series_by_none(case: dict[str, Any]) -> None:
    mine, theirs, at = ours(SPIKE, case["values"]), case["grades"], case["values"].index(2.0)
    assert mine[at] == theirs[at] == "4"
    assert [i for i, one in enumerate(mine) if one != "1"] == [at]
    # the reference also fails the two neighbours (half the spike); ours leaves them good
    assert {i for i, one in enumerate(theirs) if one != "1"} - {0, len(theirs) - 1} == {at - 1, at, at + 1}


@cases("climatology")
def test_the_limits_of_a_season_agree_within_it(case: dict[str, Any]) -> None:
    winter = SeasonLimits(
        channel="water_level",
        between=((1, 1), (3, 31)),
        limits=Limits(gross_suspect=(0, 2), gross_fail=(-1, 4)),
    )
    limits = limits_of((case["month"], 10), {"water_level": Limits()}, (winter,))["water_level"]
    mine = ours(limits, case["values"])
    assert mine == (case["grades"] if case["month"] <= 3 else "111")
    assert case["month"] <= 3 or case["grades"] == "222"
