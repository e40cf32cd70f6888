"""Rain of the last 10 minutes, hour and day, and of today: sums that go on after a restart.

Each sample says how much fell since the sample before. What nobody watched (the gateway was off) is not
zero rain: every sum that reaches into such a time is flagged ESTIMATED, a lower bound. So is one that reaches
back to before the clock was set: what fell then lies at wrong times. 10 minutes and one hour are exact to the
sample; 24 hours move in steps of ten minutes. Today begins at the site's midnight (or ``day_begins_min``
later).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from kaga_edge.core.local import local_time
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag, Measurement

MIN_MS = 60_000
TEN_MIN_MS = 10 * MIN_MS
HOUR_MS = 60 * MIN_MS
DAY_MS = 24 * HOUR_MS
MOST_GAPS = 16
CLOCK_SET_MS = 1000  # wall and boot clock part by more between two samples: somebody set the wall clock
TENS_AN_HOUR = 6
QUANTITIES = (
    Quantity.RAIN_10MIN_MM,
    Quantity.RAIN_1H_MM,
    Quantity.RAIN_24H_MM,
    Quantity.RAIN_TODAY_MM,
    Quantity.RAIN_INTENSITY_10MIN_MM_H,
)

Fall = tuple[int, float]  # UTC ms, mm


@dataclass(frozen=True, slots=True, kw_only=True)
class RainRule:
    """``day_begins_min``: minutes after local midnight at which the day's sum begins."""

    day_begins_min: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RainBook:
    """What must outlive a restart."""

    samples: tuple[Fall, ...] = ()  # (end, mm) of the last hour, where it rained
    tens: tuple[Fall, ...] = ()  # (end, mm) of the last day's ten minutes, where it rained
    day: int | None = None  # ordinal of the local day that ``day_mm`` belongs to
    day_mm: float = 0.0
    watched_to_ms: int | None = None  # to within ten minutes
    gaps: tuple[tuple[int, int], ...] = ()  # (from, to) of the last day that nobody watched


@dataclass(frozen=True, slots=True, kw_only=True)
class RainState:
    """The book, and when the last sample of this run was (None: this run has just begun), by both clocks."""

    book: RainBook = field(default_factory=RainBook)
    last_ms: int | None = None
    last_up_ms: int | None = None


def step(
    rule: RainRule,
    state: RainState,
    at_ms: int,
    zone: str,
    rain_mm: float | None,
    *,
    good: bool,
    up_ms: int | None = None,
) -> tuple[RainState, tuple[Measurement, ...]]:
    """Return the next state and ``QUANTITIES``. ``rain_mm`` None: nothing new; it may come later.

    ``up_ms``: the boot clock; None: the wall clock is never set.
    """
    book = _forgot(state.book, at_ms)
    if rain_mm is None:
        return replace(state, book=book), _sums(rule, book, at_ms, zone)
    if state.last_ms is None:
        book = _unwatched(book, book.watched_to_ms, at_ms)
    elif not good or _clock_was_set(state, at_ms, up_ms):
        book = _unwatched(book, min(state.last_ms, at_ms - 1), at_ms)
    day = _day(rule, at_ms, zone)
    book = replace(
        book,
        samples=(*book.samples, (at_ms, rain_mm)) if rain_mm else book.samples,
        tens=_added(book.tens, -(-at_ms // TEN_MIN_MS) * TEN_MIN_MS, rain_mm),
        day=day,
        day_mm=rain_mm + (book.day_mm if book.day == day else 0.0),
    )
    if book.watched_to_ms is None or abs(at_ms - book.watched_to_ms) >= TEN_MIN_MS or rain_mm:
        book = replace(book, watched_to_ms=at_ms)
    return RainState(book=book, last_ms=at_ms, last_up_ms=up_ms), _sums(rule, book, at_ms, zone)


def _clock_was_set(state: RainState, at_ms: int, up_ms: int | None) -> bool:
    if state.last_ms is None or state.last_up_ms is None or up_ms is None:
        return False
    return abs((at_ms - state.last_ms) - (up_ms - state.last_up_ms)) > CLOCK_SET_MS


def _sums(rule: RainRule, book: RainBook, at_ms: int, zone: str) -> tuple[Measurement, ...]:
    ten_mm = _since(book.samples, at_ms - TEN_MIN_MS)
    day_start_ms = _day_start_ms(rule, at_ms, zone)
    day_mm = book.day_mm if book.day == _day(rule, at_ms, zone) else 0.0
    values = (
        (ten_mm, at_ms - TEN_MIN_MS),
        (_since(book.samples, at_ms - HOUR_MS), at_ms - HOUR_MS),
        (_since(book.tens, at_ms - DAY_MS), at_ms - DAY_MS),
        (day_mm, day_start_ms),
        (ten_mm * TENS_AN_HOUR, at_ms - TEN_MIN_MS),
    )
    return tuple(
        Measurement(quantity=quantity, value=mm, flags=_flags(book, since_ms))
        for quantity, (mm, since_ms) in zip(QUANTITIES, values, strict=True)
    )


def _flags(book: RainBook, since_ms: int) -> Flag:
    return Flag.ESTIMATED if any(end_ms > since_ms for _, end_ms in book.gaps) else Flag.GOOD


def _since(falls: tuple[Fall, ...], since_ms: int) -> float:
    return sum(mm for end_ms, mm in falls if end_ms > since_ms)


def _added(tens: tuple[Fall, ...], end_ms: int, mm: float) -> tuple[Fall, ...]:
    if not mm:
        return tens
    if tens and tens[-1][0] == end_ms:
        return (*tens[:-1], (end_ms, tens[-1][1] + mm))
    return (*tens, (end_ms, mm))


def _forgot(book: RainBook, at_ms: int) -> RainBook:
    """Let go of what no sum reaches any more, and of a future left behind by a clock set back."""
    samples = tuple(f for f in book.samples if at_ms - HOUR_MS < f[0] <= at_ms)
    tens = tuple(f for f in book.tens if at_ms - DAY_MS < f[0] <= at_ms + TEN_MIN_MS)
    gaps = tuple(g for g in book.gaps if at_ms - DAY_MS - HOUR_MS < g[1] <= at_ms)
    if (samples, tens, gaps) == (book.samples, book.tens, book.gaps):
        return book
    return replace(book, samples=samples, tens=tens, gaps=gaps)


def _unwatched(book: RainBook, from_ms: int | None, to_ms: int) -> RainBook:
    since_ms = to_ms - DAY_MS - HOUR_MS if from_ms is None else from_ms
    if since_ms >= to_ms:
        return book
    return replace(book, gaps=(*book.gaps, (since_ms, to_ms))[-MOST_GAPS:])


def _day(rule: RainRule, at_ms: int, zone: str) -> int:
    """Return the ordinal of the day a sample belongs to; one that ends at midnight is yesterday's."""
    return local_time(at_ms - 1 - rule.day_begins_min * MIN_MS, zone).toordinal()


def _day_start_ms(rule: RainRule, at_ms: int, zone: str) -> int:
    begun = local_time(at_ms - 1 - rule.day_begins_min * MIN_MS, zone)
    midnight = begun.replace(hour=0, minute=0, second=0, microsecond=0)
    return int(midnight.timestamp() * 1000) + rule.day_begins_min * MIN_MS
