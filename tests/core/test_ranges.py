"""Closed ranges behave as sets of numbers do."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.core.ranges import Ranges

NUMBERS = st.sets(st.integers(1, 60), max_size=40)


def ranges(numbers: set[int]) -> Ranges:
    return Ranges.of((n, n) for n in numbers)


def numbers(found: Ranges) -> set[int]:
    return {n for first, last in found for n in range(first, last + 1)}


def tidy(found: Ranges) -> bool:
    """Sorted, no range empty, none touching the next."""
    flat = list(found)
    return all(a <= b for a, b in flat) and all(p[1] + 1 < q[0] for p, q in pairwise(flat))


@given(NUMBERS, NUMBERS)
def test_union_difference_and_intersection_agree_with_python_sets(a: set[int], b: set[int]) -> None:
    one, other = ranges(a), ranges(b)
    for found, wanted in ((one.union(other), a | b), (one.minus(other), a - b), (one.both(other), a & b)):
        assert numbers(found) == wanted
        assert tidy(found)
        assert found.count == len(wanted)
        assert found == ranges(wanted)


@given(NUMBERS, st.integers(1, 60), st.integers(0, 20))
def test_adding_and_removing_a_range_agree_with_python_sets(a: set[int], first: int, more: int) -> None:
    span = set(range(first, first + more + 1))
    assert ranges(a).add(first, first + more) == ranges(a | span)
    assert ranges(a).remove(first, first + more) == ranges(a - span)
    assert ranges(a).within(first, first + more) == ranges(a & span)


@given(NUMBERS, st.integers(0, 61))
def test_membership_first_and_last_agree_with_python_sets(a: set[int], n: int) -> None:
    found = ranges(a)
    assert (n in found) == (n in a)
    assert (found.first, found.last) == (min(a, default=None), max(a, default=None))
    assert bool(found) == bool(a)


@given(NUMBERS, st.integers(1, 10))
def test_the_head_is_the_first_run_and_no_longer_than_asked(a: set[int], most: int) -> None:
    head = ranges(a).head(most)
    if head is None:
        assert not a
        return
    assert head[0] == min(a)
    assert head[1] - head[0] < most
    assert set(range(head[0], head[1] + 1)) <= a


def test_an_upside_down_window_holds_nothing() -> None:
    assert Ranges(((1, 10),)).within(7, 3) == Ranges()


def test_a_range_that_ends_before_it_begins_is_a_bug() -> None:
    with pytest.raises(ValueError):
        Ranges.of([(2, 1)])
