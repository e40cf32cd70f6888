"""How far the wall clock can be believed, and the best guess when it cannot.

A Pi has no battery clock: after a power cut systemd starts it at a plausible but old date. A flood with
a doubtful time is worth more than no flood at all, so sampling never waits for the time; each sample
says how far its time is trusted (contract v1, ``c``).
"""

from __future__ import annotations

from dataclasses import dataclass

from kaga_edge.vocabulary.readings import ClockTrust


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """The last time known to be past: no sample may claim to be older. None when nothing is known.

    ``seen_up_ms``: the boot clock when the floor was read at this start, so that time goes on from it.
    """

    wall_ms: int | None = None
    seen_up_ms: int = 0


def best_guess(*, wall_ms: int, up_ms: int, synchronised: bool, floor: Floor) -> tuple[int, ClockTrust]:
    """Return the wall clock to use in milliseconds, and its trust.

    Synchronised by the kernel's word: the clock as it is. Else never before the last known time, which
    is carried on by the boot clock.
    """
    if synchronised:
        return wall_ms, ClockTrust.NTP
    if floor.wall_ms is None:
        return wall_ms, ClockTrust.NONE
    carried_ms = floor.wall_ms + max(0, up_ms - floor.seen_up_ms)
    return max(wall_ms, carried_ms), ClockTrust.LAST_KNOWN
