"""What may be forgotten, and in which order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.core.ranges import Ranges
from kaga_edge.core.retention import (
    LEAST_BYTES,
    NEWEST_KEPT,
    Alive,
    EpochRoom,
    Fence,
    Stretch,
    aged,
    alive_at,
    budget_bytes,
    early,
    expiry,
    fence_due,
    shares,
    short_of_room,
    thinning,
)
from kaga_edge.vocabulary.readings import ClockTrust, Moment

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def moment(up_ms: int, *, wall_ms: int = 0, boot: str = "7c1d") -> Moment:
    return Moment(wall_ms=wall_ms, up_ms=up_ms, boot=boot, trust=ClockTrust.NTP)


def span(first: int, last: int) -> Ranges:
    return Ranges(((first, last),))


def test_the_oldest_delivered_rows_go_early() -> None:
    epoch = EpochRoom(ep="a", on_disk=span(1, 5000), settled=span(4000, 4900))
    chosen = early([epoch], 500)
    assert chosen is not None
    assert (chosen.first, chosen.last, chosen.expire) == (4000, 4499, False)
    assert early([EpochRoom(ep="a", on_disk=span(1, 10), settled=Ranges())], 500) is None


def test_the_oldest_waiting_rows_expire() -> None:
    epoch = EpochRoom(ep="a", on_disk=span(301, 5000), settled=Ranges())
    chosen = expiry([epoch], 500)
    assert chosen is not None
    assert (chosen.first, chosen.last, chosen.expire) == (301, 800, True)


def test_an_older_epochs_rows_expire_before_the_present_ones() -> None:
    old = EpochRoom(ep="old", on_disk=span(10, 20), settled=Ranges())
    new = EpochRoom(ep="new", on_disk=span(1, 5000), settled=Ranges())
    chosen = expiry([old, new], 500)
    assert chosen is not None
    assert (chosen.ep, chosen.first, chosen.last, chosen.expire) == ("old", 10, 20, True)


def test_the_newest_rows_are_neither_thinned_nor_expired() -> None:
    left = EpochRoom(ep="a", on_disk=span(4001, 4001 + 2 * NEWEST_KEPT), settled=Ranges())
    chosen = expiry([left], 10**6)
    assert chosen is not None
    assert chosen.last == 4001 + NEWEST_KEPT
    thinned = thinning(left, [Stretch(first=1, last=10**6, level=0)], (0, 0, 0), 10**6)
    assert thinned is not None
    assert thinned.rows == span(4001, 4001 + NEWEST_KEPT)
    assert expiry([EpochRoom(ep="a", on_disk=Ranges(), settled=span(1, 9))], 10) is None
    few = EpochRoom(ep="a", on_disk=span(7, 7), settled=Ranges())
    assert expiry([few], 10) is not None  # half of one row rounds to none spared


def test_rows_as_measured_are_thinned_before_thinned_ones_are_thinned_again() -> None:
    room = EpochRoom(ep="a", on_disk=span(1, 10_000), settled=Ranges())
    stretches = [
        Stretch(first=1, last=100, level=1),
        Stretch(first=101, last=4000, level=0),
        Stretch(first=4001, last=10_000, level=None),
    ]
    first = thinning(room, stretches, (0, 0, 0), 500)
    assert first is not None
    assert (first.rows, first.level) == (span(101, 600), 1)
    then = thinning(room, stretches, (4000, 50, 0), 500)
    assert then is not None
    assert (then.rows, then.level) == (span(51, 550), 2)
    last = thinning(room, stretches, (4000, 4000, 3990), 500)
    assert last is not None
    assert (last.rows, last.level) == (span(3991, 4000), 3)
    assert thinning(room, stretches, (4000, 4000, 4000), 500) is None


@given(st.sets(st.integers(1, 80)), st.sets(st.integers(1, 80)), st.integers(1, 30))
def test_only_rows_on_disk_are_ever_chosen(on_disk: set[int], settled: set[int], most: int) -> None:
    epoch = EpochRoom(
        ep="a", on_disk=Ranges.of((n, n) for n in on_disk), settled=Ranges.of((n, n) for n in settled)
    )
    first, then = early([epoch], most), expiry([epoch], most)
    assert (first is None) == (not on_disk & settled)
    for chosen, allowed in ((first, on_disk & settled), (then, on_disk - settled)):
        if chosen is not None:
            numbers = set(range(chosen.first, chosen.last + 1))
            assert numbers <= allowed
            assert len(numbers) <= most
    thinned = thinning(epoch, [Stretch(first=1, last=80, level=0)], (0,), most)
    if thinned is not None:
        numbers = {n for low, high in thinned.rows for n in range(low, high + 1)}
        assert numbers <= on_disk - settled
        assert len(numbers) <= most


def test_room_is_made_from_a_twentieth_short_until_a_tenth_is_free() -> None:
    assert not short_of_room(False, 949, 1000)
    assert short_of_room(False, 951, 1000)
    assert short_of_room(True, 901, 1000)
    assert not short_of_room(True, 900, 1000)


@given(st.integers(4_000_000, 2 * 10**9))
def test_database_log_and_events_together_keep_the_budget(max_bytes: int) -> None:
    parts = shares(max_bytes)
    assert parts.database_bytes + parts.wal_bytes + 2 * parts.events_file_bytes == max_bytes
    assert parts.database_bytes >= max_bytes * 0.8


def test_on_a_disk_that_others_fill_the_budget_is_what_the_file_has_already() -> None:
    most, file_bytes = 500_000_000, 80_000_000
    assert budget_bytes(most, file_bytes, 10**9, 200_000_000) == most
    assert budget_bytes(most, file_bytes, 210_000_000, 200_000_000) == 90_000_000
    assert budget_bytes(most, file_bytes, 100_000_000, 200_000_000) == file_bytes
    assert budget_bytes(most, 100_000, 0, 200_000_000) == LEAST_BYTES


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
