"""Which rows may have left: rows, not only the highest, for live ones overtake a backlog."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from kaga_edge.core.delivery_state import Loading, Parcel, State, Track
from kaga_edge.core.ranges import Ranges
from kaga_edge.uplink.left import KEY, Left
from kaga_edge.vocabulary.lanes import Lane
from kaga_edge.vocabulary.readings import ClockTrust

EP = "3f2a9c1e"


class Kept:
    """The store's small memory."""

    def __init__(self, told: str | None = None) -> None:
        self.told = told

    async def recall(self, key: str) -> str | None:
        assert key == KEY
        return self.told

    async def remember(self, key: str, value: str) -> None:
        assert key == KEY
        self.told = value


def parcel(first: int, last: int) -> Parcel:
    return Parcel(
        ref=first, kind="rows", leaf="data", lane=Lane.LIVE, size_bytes=99, ep=EP, first=first, last=last
    )


def sender(left: dict[str, Ranges] | None = None, **places: Any) -> Any:
    state = State(tracks=(Track(ep=EP, seen=500),), **places)
    return SimpleNamespace(state=state, left=left or {})


def clock(trust: ClockTrust) -> Any:
    return SimpleNamespace(now=lambda: SimpleNamespace(trust=trust))


async def told(of: Any, kept: Kept) -> dict[str, Ranges] | None:
    left = Left(of, store=kept, clock=clock(ClockTrust.NONE))  # type: ignore[arg-type]
    assert left.told() is None
    await left.recall()
    return left.told()


async def test_a_live_row_that_left_says_nothing_of_the_backlog_before_it() -> None:
    loading = Loading(ref=1, ep=EP, first=1, last=10, lane=Lane.BACKLOG)
    of = sender(ready=(parcel(490, 491),), wire=(parcel(495, 500),), loading=(loading,))
    assert await told(of, Kept()) == {EP: Ranges(((1, 10), (490, 491), (495, 500)))}


async def test_it_is_remembered_over_a_restart() -> None:
    kept, first = Kept(), sender()
    left = Left(first, store=kept, clock=clock(ClockTrust.NONE))  # type: ignore[arg-type]
    await left.recall()
    await left.open()
    first.left[EP] = Ranges(((400, 500),))
    await left.remember()
    assert await told(sender(), kept) == {EP: Ranges(((400, 500),))}


@pytest.mark.parametrize(
    ("kept", "rows"),
    [
        ("null", Ranges(((1, 500),))),  # a connection was cut short: all may have left
        ('{"3f2a9c1e":400}', Ranges(((1, 400),))),  # as an earlier version kept it
    ],
)
async def test_where_it_is_not_known_exactly_more_counts_as_left(kept: str, rows: Ranges) -> None:
    assert await told(sender(), Kept(kept)) == {EP: rows}
