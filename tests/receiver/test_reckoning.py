"""Counting: acks, verdicts, outages. Pure."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.core.ranges import Ranges
from kaga_edge.receiver.reckoning import ACK_RANGES, Counts, Listening, verdict_on

NUMBERS = st.sets(st.integers(1, 60))


def counted(arrived: set[int], gone: set[int] = frozenset(), highest: int = 0, **other: int) -> Counts:  # type: ignore[assignment]
    counters = {"repeated": 0, "retimed": 0, "conflicting": 0, "alerts": 0} | other
    return Counts(
        gw="gw-1",
        ep="3f2a9c1e",
        arrived_rows=Ranges.of((n, n) for n in arrived),
        gone_rows=Ranges.of((n, n) for n in gone),
        events=Ranges(),
        highest=max([highest, *arrived, *gone]),
        **counters,
    )


@given(NUMBERS, NUMBERS, st.integers(0, 70))
def test_every_known_number_has_arrived_or_is_gone_or_missing(
    arrived: set[int], gone: set[int], highest: int
) -> None:
    one = counted(arrived, gone, highest)
    assert one.arrived + one.gone + one.gaps.count == one.highest
    assert all(n not in one.gaps for n in arrived | gone)


@given(NUMBERS, NUMBERS)
def test_an_ack_says_exactly_what_is_here_or_declared(arrived: set[int], gone: set[int]) -> None:
    ack = counted(arrived, gone).ack()
    upto, have = ack["upto"], ack["have"]
    assert isinstance(upto, int)
    assert isinstance(have, list)
    said = set(range(1, upto + 1)) | {n for first, last in have for n in range(first, last + 1)}
    assert said == arrived | gone
    assert upto + 1 not in said


def test_an_ack_never_holds_more_than_64_ranges_and_keeps_the_lowest() -> None:
    ack = counted({2 * n for n in range(1, 100)}).ack()
    assert ack["upto"] == 0
    assert isinstance(ack["have"], list)
    assert len(ack["have"]) == ACK_RANGES
    assert ack["have"][0] == [2, 2]


@given(NUMBERS, NUMBERS, st.integers(1, 70))
def test_a_verdict_accounts_for_every_number_given(arrived: set[int], gone: set[int], next_n: int) -> None:
    verdict = verdict_on([counted(arrived, gone)], {"3f2a9c1e": next_n}, 0.0)
    assert verdict.numbered == next_n - 1
    assert verdict.lost == len(set(range(1, next_n)) - arrived - gone)
    assert verdict.beyond == len([n for n in arrived if n >= next_n])
    assert verdict.arrived + verdict.gone + verdict.lost == verdict.numbered


def test_an_epoch_nobody_heard_of_is_all_lost() -> None:
    assert verdict_on([], {"3f2a9c1e": 11}, 0.0).lost == 10


def test_a_silence_in_which_rows_were_measured_was_an_outage() -> None:
    one = Listening().heard(1_000).heard(2_000).heard(62_000)
    assert one.longest_ms == 0  # nothing known of that minute yet
    one = one.heard(62_100).had_rows([30_000])
    assert one.longest_ms == 60_000


def test_a_silence_in_which_nothing_was_measured_was_none() -> None:
    one = Listening().heard(1_000).heard(601_000).had_rows([601_000])
    assert one.longest_ms == 0


def test_a_backlog_that_comes_after_the_live_rows_still_proves_the_outage() -> None:
    one = Listening().heard(0).heard(15_000).had_rows([14_999])
    one = one.heard(16_000).had_rows([15_900])
    one = one.heard(17_000).had_rows([3_000, 4_000])
    assert one.longest_ms == 15_000


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=60))
def test_the_longest_outage_is_found_whatever_came_between(heard: list[int]) -> None:
    heard.sort()
    one = Listening()
    for at_ms in heard:
        one = one.heard(at_ms)
    longest = max(b - a for a, b in pairwise(heard))
    for a, b in pairwise(heard):
        if b - a > 1:
            one = one.had_rows([(a + b) // 2])
    assert one.longest_ms == (longest if longest > 1 else 0)
