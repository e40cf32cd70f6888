"""Rows as text: rounded to the channel's step, no float noise, flags as short as they can be."""

from __future__ import annotations

import json
import math
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.core.rows import _one_by_one, encode_values
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag, Reading

LEVEL = Quantity.WATER_LEVEL_M


def reading(value: float | None, flags: int = 0) -> Reading:
    return Reading(quantity=LEVEL, value=value, flags=Flag(flags))


@pytest.mark.parametrize(
    ("value", "res", "text"),
    [
        (0.39, 0.01, "0.39"),
        (0.1 + 0.2, 0.001, "0.3"),
        (1.0, 0.001, "1"),
        (-0.0, 0.001, "0"),
        (-0.0004, 0.001, "0"),
        (100.0, 1.0, "100"),
        (1200.0, 0.001, "1200"),
        (-15.03, 0.01, "-15.03"),
        (12.3, 5.0, "10"),
        (1.13, 0.25, "1.25"),
        (1024.0, 10.0, "1020"),
        (3, 1.0, "3"),
    ],
)
def test_a_value_is_rounded_to_its_step_without_float_noise(value: float, res: float, text: str) -> None:
    assert encode_values([reading(value)], (res,)) == (text, None)


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_no_value_is_null_and_always_flagged_missing(value: float | None) -> None:
    assert encode_values([reading(value)], (0.001,)) == ("null", "128")
    assert encode_values([reading(value, 8)], (0.001,)) == ("null", "136")


def test_flags_are_left_out_written_once_or_listed() -> None:
    res = (0.001, 0.001, 0.001)
    assert encode_values([reading(1.695), reading(2), reading(3)], res) == ("1.695,2,3", None)
    assert encode_values([reading(1, 2), reading(2, 2), reading(3, 2)], res) == ("1,2,3", "2")
    assert encode_values([reading(1.695), reading(None), reading(-15.03, 8)], res) == (
        "1.695,null,-15.03",
        "[0,128,8]",
    )


def test_a_sample_with_another_number_of_channels_is_a_bug() -> None:
    with pytest.raises(ValueError):
        encode_values([reading(1.0)], (0.001, 0.001))


@pytest.mark.parametrize("res", [0.0, -1.0, math.nan, math.inf])
def test_a_step_of_zero_or_less_is_a_bug(res: float) -> None:
    with pytest.raises(ValueError):
        encode_values([reading(1.0)], (res,))


@given(
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([1.0, 0.1, 0.01, 0.001, 0.0001]),
    st.integers(0, 2047),
)
def test_any_number_becomes_valid_json_within_half_a_step(value: float, res: float, flags: int) -> None:
    vals, q = encode_values([reading(value, flags)], (res,))

    (decoded,) = json.loads(f"[{vals}]", parse_float=Decimal, parse_int=Decimal)
    bits = json.loads(q or "0")
    if not math.isfinite(value):
        assert decoded is None
        assert bits == flags | Flag.MISSING
        return
    exact = Decimal(value)
    assert bits == flags
    with localcontext(prec=2000):  # the decimal package as the independent opinion
        assert decoded == exact.quantize(Decimal(str(res)).normalize(), rounding=ROUND_HALF_EVEN)
    assert vals != "-0"
    assert "e" not in vals
    assert not ("." in vals and vals.endswith("0"))


@given(st.integers(-(10**9), 10**9), st.sampled_from([0.5, 0.25, 0.2, 0.005, 2.0, 5.0, 10.0]))
def test_a_whole_number_of_uneven_steps_is_kept_exactly(steps: int, res: float) -> None:
    vals, _ = encode_values([reading(steps * res)], (res,))
    assert Decimal(vals) == steps * Decimal(str(res))


@pytest.mark.parametrize("res", [0.25, 5.0])
@pytest.mark.parametrize("value", [4.5e307, -1.7e308])
def test_a_huge_value_in_steps_that_are_no_power_of_ten_ended_in_an_overflow(
    value: float, res: float
) -> None:
    vals, q = encode_values([reading(value)], (res,))
    assert (float(vals), q) == (value, None)


@given(st.lists(st.tuples(st.floats(-1e4, 1e4), st.integers(0, 255)), min_size=1, max_size=12))
def test_many_channels_stay_in_their_order(channels: list[tuple[float, int]]) -> None:
    vals, q = encode_values([reading(v, f) for v, f in channels], (0.001,) * len(channels))

    assert json.loads(f"[{vals}]") == pytest.approx([v for v, _ in channels], abs=0.00051)
    flags = json.loads(q or "0")
    assert flags == [f for _, f in channels] or {f for _, f in channels} == {flags}


@given(
    st.lists(st.tuples(st.none() | st.floats(), st.integers(0, 255)), min_size=1, max_size=6),
    st.sampled_from([1.0, 0.1, 0.001, 0.25]),
)
def test_all_values_at_once_are_what_they_are_one_by_one(
    channels: list[tuple[float | None, int]], res: float
) -> None:
    readings, steps = [reading(v, f) for v, f in channels], (res,) * len(channels)
    assert encode_values(readings, steps) == _one_by_one(readings, steps)
