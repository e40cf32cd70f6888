"""Folding: a few at once, one an hour with the count, nothing lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.core.folding import AT_ONCE, HOUR_S, due, pruned, take


def test_three_at_once_then_one_after_the_hour_that_counts_the_rest() -> None:
    state, shown = None, []
    for second in range(100):
        state, count = take(state, float(second))
        shown.append(count)
    assert shown[:AT_ONCE] == [1, 1, 1]
    assert set(shown[AT_ONCE:]) == {None}
    assert due({"a": state}, HOUR_S) == ("a",)
    assert take(state, HOUR_S)[1] == 98


def test_a_quiet_hour_begins_anew() -> None:
    state, _ = take(None, 0.0)
    assert pruned({"a": state}, HOUR_S) == {}
    assert take(state, HOUR_S)[1] == 1


@given(st.lists(st.floats(0, 900), max_size=300))
def test_shown_and_held_are_all_that_came(gaps: list[float]) -> None:
    state, now_s, shown = None, 0.0, 0
    for gap in gaps:
        now_s += gap
        state, count = take(state, now_s)
        shown += count or 0
    assert shown + (state.held if state else 0) == len(gaps)
