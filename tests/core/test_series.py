"""Few points for a picture, and no peak lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.core.series import thinned

POINTS = st.lists(
    st.tuples(st.integers(0, 10**9), st.none() | st.floats(-1e6, 1e6)), unique_by=lambda point: point[0]
).map(sorted)


@given(POINTS, st.integers(2, 50))
def test_lowest_and_highest_are_kept_and_the_order_stays(points, most):
    few = thinned(points, most)
    assert len(few) <= max(most, 2)
    assert few == sorted(few, key=lambda point: point[0])
    assert set(few) <= set(points)
    values = [value for _, value in points if value is not None]
    if values:
        kept = [value for _, value in few if value is not None]
        assert (min(kept), max(kept)) == (min(values), max(values))


def test_little_is_left_as_it_is():
    assert thinned([(1, 1.0), (2, None)], 10) == [(1, 1.0), (2, None)]


def test_a_stretch_without_values_stays_a_gap():
    points = [(at, 1.0 if at < 50 or at >= 150 else None) for at in range(200)]
    assert [value for _, value in thinned(points, 8)].count(None) >= 1
