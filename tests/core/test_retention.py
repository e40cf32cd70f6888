"""What may be forgotten, and in which order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.core.ranges import Ranges
from kaga_edge.core.retention import (
    NEWEST_KEPT,
    Alive,
    EpochRoom,
    Fence,
    aged,
    alive_at,
    fence_due,
    removal,
    rows_over,
)
from kaga_edge.vocabulary.readings import ClockTrust, Moment

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def moment(up_ms: int, *, wall_ms: int = 0, boot: str = "7c1d") -> Moment:
    return Moment(wall_ms=wall_ms, up_ms=up_ms, boot=boot, trust=ClockTrust.NTP)


def span(first: int, last: int) -> Ranges:
    return Ranges(((first, last),))


def test_delivered_rows_go_before_any_waiting_row() -> None:
    epoch = EpochRoom(ep="a", on_disk=span(1, 5000), settled=span(4000, 4900))
    chosen = removal([epoch], 500)
    assert chosen is not None
    assert (chosen.first, chosen.last, chosen.expire) == (4000, 4499, False)


def test_then_the_oldest_waiting_rows_expire() -> None:
    epoch = EpochRoom(ep="a", on_disk=span(301, 5000), settled=Ranges())
    chosen = removal([epoch], 500)
    assert chosen is not None
    assert (chosen.first, chosen.last, chosen.expire) == (301, 800, True)


def test_an_older_epochs_rows_go_before_the_present_ones() -> None:
    old = EpochRoom(ep="old", on_disk=span(10, 20), settled=Ranges())
    new = EpochRoom(ep="new", on_disk=span(1, 5000), settled=Ranges())
    chosen = removal([old, new], 500)
    assert chosen is not None
    assert (chosen.ep, chosen.first, chosen.last, chosen.expire) == ("old", 10, 20, True)


def test_the_newest_rows_never_expire() -> None:
    left = EpochRoom(ep="a", on_disk=span(4001, 4001 + 2 * NEWEST_KEPT), settled=Ranges())
    chosen = removal([left], 10**6)
    assert chosen is not None
    assert chosen.last == 4001 + NEWEST_KEPT
    few = EpochRoom(ep="a", on_disk=span(7, 7), settled=Ranges())
    assert removal([EpochRoom(ep="a", on_disk=Ranges(), settled=span(1, 9))], 10) is None
    assert removal([few], 10) is not None  # half of one row rounds to none spared


@given(st.sets(st.integers(1, 80)), st.sets(st.integers(1, 80)), st.integers(1, 30))
def test_only_rows_on_disk_are_ever_chosen(on_disk: set[int], settled: set[int], most: int) -> None:
    epoch = EpochRoom(
        ep="a", on_disk=Ranges.of((n, n) for n in on_disk), settled=Ranges.of((n, n) for n in settled)
    )
    chosen = removal([epoch], most)
    if chosen is None:
        assert not on_disk & settled
        return
    numbers = set(range(chosen.first, chosen.last + 1))
    assert numbers <= on_disk
    assert len(numbers) <= most
    assert chosen.expire == (not (on_disk & settled))
    assert not (numbers & settled) if chosen.expire else numbers <= settled


def test_nothing_is_over_the_budget_until_room_runs_short() -> None:
    assert rows_over(900, 1000, 90) == 0
    assert rows_over(1000, 1000, 100) == 10  # down to nine tenths
    assert rows_over(100, 1000, 10, full=True) >= 1


def test_a_fence_counts_running_time_not_the_wall_clock() -> None:
    alive = alive_at(Alive(), moment(1000, wall_ms=0))
    alive = alive_at(alive, moment(61_000, wall_ms=1_700_000_000_000))  # NTP found: fifty years at once
    assert alive.ms == 60_000
    alive = alive_at(alive, moment(5_000, boot="9a9a"))  # restarted, a year in a drawer
    assert alive.ms == 60_000
    assert alive_at(alive, moment(4_000, boot="9a9a")).ms == 60_000


def test_what_was_delivered_may_go_after_the_grace_period_and_not_before() -> None:
    fence = Fence(alive_ms=HOUR_MS, ep="a", rows=span(1, 10), notices=Ranges())
    assert aged([fence], DAY_MS, DAY_MS) == ()
    assert aged([fence], DAY_MS + HOUR_MS, DAY_MS) == (fence,)


def test_fences_are_put_up_once_a_24th_of_the_grace_period() -> None:
    assert fence_due(None, 0, DAY_MS)
    assert not fence_due(0, HOUR_MS - 1, DAY_MS)
    assert fence_due(0, HOUR_MS, DAY_MS)
