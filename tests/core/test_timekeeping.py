from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.core.timekeeping import Floor, best_guess
from kaga_edge.vocabulary.readings import ClockTrust

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


@given(st.integers(0, 2 * NOON), st.integers(0, 10**10), st.integers(0, NOON))
def test_an_unsynchronised_guess_is_never_before_the_last_known_time(wall: int, up: int, known: int) -> None:
    guess, _ = best_guess(
        wall_ms=wall, up_ms=up, synchronised=False, floor=Floor(wall_ms=known, seen_up_ms=0)
    )
    assert guess >= known
