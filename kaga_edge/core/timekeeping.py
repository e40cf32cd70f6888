"""How far the wall clock can be believed, and the best guess when it cannot.

A Pi has no battery clock: after a power cut systemd starts it at a plausible but old date. A flood with
a doubtful time is worth more than no flood at all, so sampling never waits for the time; each sample
says how far its time is trusted (contract v1, ``c``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

from kaga_edge.core.stored import StoredRow
from kaga_edge.vocabulary.readings import ClockTrust, Flag, Moment

RUN_DOWN_BEFORE_MS = 1_735_689_600_000  # 2025: a battery clock that lost its power begins at 1970 or 2000
BATTERY_APART_MS = 120_000  # what the two drift apart in months without NTP


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """The last time known to be past: no sample may claim to be older. None when nothing is known.

    ``seen_up_ms``: the boot clock when the floor was read at this start, so that time goes on from it.
    """

    wall_ms: int | None = None
    seen_up_ms: int = 0


def best_guess(
    *,
    wall_ms: int,
    up_ms: int,
    synchronised: bool,
    floor: Floor,
    pulse: bool = False,
    battery_ms: int | None = None,
) -> tuple[int, ClockTrust]:
    """Return the wall clock to use in milliseconds, and its trust.

    Synchronised by the kernel's word: the clock as it is; ``pulse``: a receiver's second pulse holds it.
    Else never before the last known time, which is carried on by the boot clock. ``battery_ms``: what a
    battery clock says, None without one. It only vouches for the wall clock, it never sets it: that is the
    system's business, and a clock that nobody set may go happily on from any date.
    """
    if synchronised:
        return wall_ms, ClockTrust.GNSS if pulse else ClockTrust.NTP
    if floor.wall_ms is None:
        vouched = battery_ms is not None and _vouched_for(wall_ms, battery_ms)
        return wall_ms, ClockTrust.LAST_KNOWN if vouched else ClockTrust.NONE
    carried_ms = floor.wall_ms + max(0, up_ms - floor.seen_up_ms)
    return max(wall_ms, carried_ms), ClockTrust.LAST_KNOWN


def _vouched_for(wall_ms: int, battery_ms: int) -> bool:
    """Say whether a battery clock that has been going since it was set agrees with the wall clock."""
    return battery_ms >= RUN_DOWN_BEFORE_MS and abs(wall_ms - battery_ms) <= BATTERY_APART_MS


# --- when the clock of a boot becomes known ---

SAME_MS = 1000  # the clock was known already and has hardly moved: nothing to correct
WORTH_MS = 15 * 60 * 1000  # an estimate less sure than this is no better than the guess it replaces
STEADY_MS = 20  # what the rounding of two clocks and slewing may differ within a batch
RETIMED = int(Flag.RETIMED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """True time of boot ``boot`` = its boot clock + ``offset_ms``, give or take ``uncertainty_ms``."""

    boot: str
    offset_ms: int
    uncertainty_ms: int
    trust: ClockTrust = ClockTrust.NTP


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubtfulBoot:
    """A boot with rows on disk whose time was a guess. ``last_*``: the newest of them, as guessed."""

    boot: str
    last_wall_ms: int
    last_up_ms: int
    trust: ClockTrust


def became_known(known: Correction | None, now: Moment, uncertainty_ms: int) -> Correction | None:
    """Return the news that this boot's clock is right now; None: it is not, or that is no news.

    ``known`` is what was found out of this boot before. After a long time without NTP the kernel takes
    its word back; when the clock then turns out to have drifted, that is news again, and as uncertain as
    the drift: nobody knows when it happened.
    """
    if now.trust < ClockTrust.NTP:
        return None
    offset_ms = now.wall_ms - now.up_ms
    if known is None or known.boot != now.boot or known.trust < ClockTrust.NTP:
        return Correction(boot=now.boot, offset_ms=offset_ms, uncertainty_ms=uncertainty_ms)
    drift_ms = abs(offset_ms - known.offset_ms)
    if drift_ms <= SAME_MS:
        return None
    return Correction(boot=now.boot, offset_ms=offset_ms, uncertainty_ms=uncertainty_ms + drift_ms)


def of_earlier_boot(earlier: DoubtfulBoot, known: Correction) -> Correction | None:
    """Return what is known of a boot that ended before boot ``known`` began; None: too little.

    Its newest row lies between the guess, which is never before the last known time, and the moment the
    later boot began. The middle is the estimate, half the distance its uncertainty. Trust stays LAST_KNOWN.
    """
    if earlier.trust < ClockTrust.LAST_KNOWN:
        return None
    latest_ms = known.offset_ms + known.uncertainty_ms
    spare_ms = latest_ms - earlier.last_wall_ms
    if not 0 <= spare_ms <= 2 * WORTH_MS:
        return None
    half_ms = (spare_ms + 1) // 2
    return Correction(
        boot=earlier.boot,
        offset_ms=earlier.last_wall_ms + half_ms - earlier.last_up_ms,
        uncertainty_ms=half_ms,
        trust=ClockTrust.LAST_KNOWN,
    )


def with_retimed_flag(q: str | None) -> str:
    """Return a row's flags text with 256 added: ``None`` → "256", "128" → "384", "[0,128]" → "[256,384]"."""
    if q is None:
        return str(RETIMED)
    if q.startswith("["):
        return "[" + ",".join(str(int(flag) | RETIMED) for flag in q[1:-1].split(",")) + "]"
    return str(int(q) | RETIMED)


def steady(rows: Sequence[StoredRow], *, trusted: bool) -> int:
    """Return how many leading rows have wall and boot clock the same distance apart.

    A batch with an untrusted clock (or with re-timed rows) says its boot clock once, at its first row;
    where the wall clock was set between two rows, the receiver would otherwise reckon the later ones' boot
    clock wrongly. A trusted clock is slewed by NTP all the time: only a step cuts there.
    """
    if trusted and not any(map(itemgetter(5), rows)):
        return len(rows)  # nothing re-timed: the batch does not say its boot clock
    most_ms = SAME_MS if trusted else STEADY_MS
    apart_ms = rows[0][2] - rows[0][3] if rows else 0
    for taken, row in enumerate(rows):
        if abs(row[2] - row[3] - apart_ms) > most_ms:
            return taken
    return len(rows)
