"""What nobody uses any more is given back, although the freeze hides most objects from the collector."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Iterator

import pytest

from kaga_edge.gateway import leaner


class Knot:
    """Holds on to itself, as an error holds the frame that holds the error."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def settled() -> Iterator[None]:
    leaner.settle()
    yield
    gc.unfreeze()


def test_what_died_in_a_circle_and_had_grown_old_goes_with_the_next_tidying(settled) -> None:
    knot = Knot()
    for generation in (0, 1):
        gc.collect(generation)  # now it is of the oldest
    seen = weakref.ref(knot)
    del knot
    gc.collect(1)
    assert seen() is not None, "the young collections should not find it: what then is tested here?"

    leaner.tidy()

    assert seen() is None


def test_tuples_that_were_freed_are_not_hoarded(settled) -> None:
    leaner.tidy()
    before = sys.getallocatedblocks()
    for number in range(3000):
        tuple(
            one for one in (number, number, number)
        )  # made longer, then cut: another list than it came from

    leaner.tidy()

    assert sys.getallocatedblocks() - before < 500
