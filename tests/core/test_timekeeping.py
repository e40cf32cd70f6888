from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.core.timekeeping import (
    Correction,
    DoubtfulBoot,
    Floor,
    became_known,
    best_guess,
    of_earlier_boot,
    steady,
    with_retimed_flag,
)
from kaga_edge.vocabulary.readings import ClockTrust, Moment

NOON = 1_790_000_000_000


def test_a_synchronised_clock_is_believed_even_before_the_floor() -> None:
    floor = Floor(wall_ms=NOON, seen_up_ms=0)
    assert best_guess(wall_ms=NOON - 5, up_ms=1, synchronised=True, floor=floor) == (NOON - 5, ClockTrust.NTP)


def test_a_clock_in_1970_goes_on_from_the_last_known_time() -> None:
    floor = Floor(wall_ms=NOON, seen_up_ms=4_000)
    guess = best_guess(wall_ms=10_000, up_ms=34_000, synchronised=False, floor=floor)
    assert guess == (NOON + 30_000, ClockTrust.LAST_KNOWN)


def test_the_first_boot_of_all_knows_nothing() -> None:
    assert best_guess(wall_ms=NOON, up_ms=1, synchronised=False, floor=Floor())[1] is ClockTrust.NONE


def test_a_battery_clock_vouches_only_while_it_goes_and_agrees() -> None:
    guess = {
        battery_ms: best_guess(
            wall_ms=NOON, up_ms=0, synchronised=False, floor=Floor(), battery_ms=battery_ms
        )
        for battery_ms in (None, 0, NOON - 120_000, NOON - 120_001, NOON + 60_000)
    }
    assert {wall_ms for wall_ms, _trust in guess.values()} == {NOON}
    assert [trust.value for _wall, trust in guess.values()] == [0, 0, 1, 0, 1]


def test_a_receivers_pulse_is_more_than_ntp_but_only_while_the_clock_is_held() -> None:
    floor = Floor(wall_ms=NOON)
    held = best_guess(wall_ms=NOON, up_ms=0, synchronised=True, floor=floor, pulse=True)
    lost = best_guess(wall_ms=NOON, up_ms=0, synchronised=False, floor=floor, pulse=True)
    assert (held[1], lost[1]) == (ClockTrust.GNSS, ClockTrust.LAST_KNOWN)


@given(st.integers(0, 2 * NOON), st.integers(0, 10**10), st.integers(0, NOON))
def test_an_unsynchronised_guess_is_never_before_the_last_known_time(wall: int, up: int, known: int) -> None:
    guess, _ = best_guess(
        wall_ms=wall, up_ms=up, synchronised=False, floor=Floor(wall_ms=known, seen_up_ms=0)
    )
    assert guess >= known


# --- when the clock of a boot becomes known ---


def at(wall_ms: int, up_ms: int, trust: ClockTrust = ClockTrust.NTP, boot: str = "7c1d") -> Moment:
    return Moment(wall_ms=wall_ms, up_ms=up_ms, boot=boot, trust=trust)


def test_an_untrusted_clock_is_no_news() -> None:
    assert became_known(None, at(NOON, 1000, ClockTrust.LAST_KNOWN), 5) is None


def test_the_first_trusted_look_says_true_time_is_boot_clock_plus_offset() -> None:
    news = became_known(None, at(NOON, 1000), 5)
    assert news == Correction(boot="7c1d", offset_ms=NOON - 1000, uncertainty_ms=5)


def test_what_is_known_is_no_news_again_and_slewing_neither() -> None:
    known = became_known(None, at(NOON, 1000), 5)
    assert became_known(known, at(NOON + 60_900, 61_000), 5) is None


def test_a_clock_that_drifted_without_ntp_is_corrected_and_the_drift_is_the_uncertainty() -> None:
    known = became_known(None, at(NOON, 1000), 5)
    news = became_known(known, at(NOON + 50_000, 11_000), 5)
    assert news == Correction(boot="7c1d", offset_ms=NOON + 39_000, uncertainty_ms=40_005)


def test_a_boot_of_which_only_an_estimate_was_known_is_news() -> None:
    known = Correction(boot="7c1d", offset_ms=NOON, uncertainty_ms=9, trust=ClockTrust.LAST_KNOWN)
    assert became_known(known, at(NOON, 0), 5) is not None


def test_an_earlier_boot_lies_between_its_guess_and_the_next_boots_beginning() -> None:
    known = Correction(boot="b", offset_ms=NOON, uncertainty_ms=0)
    earlier = DoubtfulBoot(
        boot="a", last_wall_ms=NOON - 120_000, last_up_ms=50_000, trust=ClockTrust.LAST_KNOWN
    )
    estimate = of_earlier_boot(earlier, known)
    assert estimate is not None
    assert estimate.offset_ms + 50_000 == NOON - 60_000
    assert (estimate.uncertainty_ms, estimate.trust) == (60_000, ClockTrust.LAST_KNOWN)


@pytest.mark.parametrize(
    ("last_wall_ms", "trust"),
    [
        (NOON - 40 * 60_000, ClockTrust.LAST_KNOWN),  # the power was away too long
        (NOON + 60_000, ClockTrust.LAST_KNOWN),  # the guess was ahead: nothing to hold on to
        (NOON - 1000, ClockTrust.NONE),  # the guess was no bound at all
    ],
)
def test_an_earlier_boot_of_which_too_little_is_known_keeps_its_guess(
    last_wall_ms: int, trust: ClockTrust
) -> None:
    known = Correction(boot="b", offset_ms=NOON, uncertainty_ms=0)
    assert (
        of_earlier_boot(DoubtfulBoot(boot="a", last_wall_ms=last_wall_ms, last_up_ms=1, trust=trust), known)
        is None
    )


@pytest.mark.parametrize(
    ("q", "flagged"), [(None, "256"), ("128", "384"), ("256", "256"), ("[0,128,8]", "[256,384,264]")]
)
def test_the_flag_is_added_to_every_form_of_flags(q: str | None, flagged: str) -> None:
    assert with_retimed_flag(q) == flagged


def test_a_batch_ends_where_the_wall_clock_was_set() -> None:
    rows = [(1, 0, NOON, 1000, "1", None), (2, 0, NOON + 1000, 2010, "1", None)]
    rows.append((3, 0, NOON + 90_000, 3000, "1", None))
    assert steady(rows, trusted=False) == 2
    assert steady(rows, trusted=True) == 3  # says no boot clock
    rows[0] = (*rows[0][:5], "256")
    assert steady(rows, trusted=True) == 2
    assert steady(rows[:2], trusted=False) == 2
    assert steady([], trusted=False) == 0
