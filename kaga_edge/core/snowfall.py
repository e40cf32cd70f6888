"""New snow over 1, 3, 6, 12 and 24 hours from the depth, and the depth without its seasonal zero.

Depth goes up by snowfall and down by settling and melting, so new snow is the sum of the rises from full
hour to full hour (as JMA counts it). Noise of a centimetre would add up to a snowfall all summer: a rise
counts only when the depth has left a dead band around the last counted depth, and then in full; the
band follows the depth down, so slow snow is late by an hour or two and not lost.

The depth of a full hour is the median of the good values of the ten minutes up to it. The **seasonal
zero** is what the gauge shows on bare ground (grass in October is no snow); outside the season there is
no snow at all. ``snow_depth`` itself is never touched: it stays beside the derived values, unclipped.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from kaga_edge.core.burst import median
from kaga_edge.core.local import HOUR_MS, MonthDay, in_season, last_full_hour_ms, local_time
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag, Measurement

HOURS = {
    Quantity.SNOWFALL_1H_M: 1,
    Quantity.SNOWFALL_3H_M: 3,
    Quantity.SNOWFALL_6H_M: 6,
    Quantity.SNOWFALL_12H_M: 12,
    Quantity.SNOWFALL_24H_M: 24,
}
QUANTITIES = (Quantity.SNOW_ON_GROUND_M, *HOURS)
AROUND_HOUR_MS = 600_000
MOST_HOURS = 24
TINY_M = 1e-6  # a rise of exactly the dead band counts, whatever binary fractions make of it


@dataclass(frozen=True, slots=True, kw_only=True)
class SnowRule:
    """``zeros``: from which day of the year on the gauge shows how much (m) on bare ground, in order.

    ``learned_m``: the same found on site on ``learned_on``; it goes before ``zeros`` until ``due_ms`` (UTC),
    the end of its winter. Where there are no ``zeros`` it goes on after that, and values say so.
    """

    zeros: tuple[tuple[MonthDay, float], ...] = ()
    season: tuple[MonthDay, MonthDay] | None = None  # None: all year
    dead_band_m: float = 0.01
    learned_m: float | None = None
    learned_on: str = ""
    due_ms: int | None = None
    basis: str = ""  # what the depth is reckoned from (mount, calibration)

    def zero_m(self, day: MonthDay, at_ms: int = 0) -> float:
        """Return the zero in force on a day: the learned one, else the last begun, in January last year's."""
        if self.learned_m is not None and not (
            self.zeros and self.due_ms is not None and at_ms >= self.due_ms
        ):
            return self.learned_m
        begun = [zero for first, zero in self.zeros if first <= day]
        return begun[-1] if begun else self.zeros[-1][1] if self.zeros else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SnowBook:
    """What must outlive a restart. Hours are UTC ms of the full hour at which they end."""

    closed_ms: int | None = None  # the last full hour dealt with
    reference_m: float | None = None  # depth at which the dead band lies
    since_ms: int | None = None  # the first hour whose depth was known
    fallen: tuple[tuple[int, float], ...] = ()  # (hour, rise) of the last 24 hours, where it rose
    unknown: tuple[int, ...] = ()  # hours of the last 24 without a depth
    zero_m: float | None = None  # that ``reference_m`` is above
    basis: str | None = None  # that it is reckoned from


@dataclass(frozen=True, slots=True, kw_only=True)
class SnowState:
    """The book, and the good depths (time, m) of the last ten minutes and more."""

    book: SnowBook = field(default_factory=SnowBook)
    recent: tuple[tuple[int, float], ...] = ()


def step(
    rule: SnowRule, state: SnowState, at_ms: int, zone: str, depth_m: float | None, *, good: bool
) -> tuple[SnowState, tuple[Measurement, ...]]:
    """Return the next state and ``QUANTITIES``. ``good`` False: shown, but not counted as snowfall."""
    now = local_time(at_ms, zone)
    day = (now.month, now.day)
    if rule.season is not None and not in_season(day, rule.season):
        return SnowState(), tuple(Measurement(quantity=q, value=0.0) for q in QUANTITIES)
    zero_m = rule.zero_m(day, at_ms)
    state = _above(_on_basis(state, rule.basis), zero_m)
    on_ground_m = None if depth_m is None else depth_m - zero_m
    recent = tuple(p for p in state.recent if at_ms - 2 * AROUND_HOUR_MS < p[0] < at_ms)
    if good and on_ground_m is not None:
        recent = (*recent, (at_ms, on_ground_m))
    book = _to_hour(state.book, last_full_hour_ms(at_ms, zone), at_ms, recent, rule.dead_band_m)
    shown = _on_ground(on_ground_m)
    falls = tuple(_fall(book, quantity, hours) for quantity, hours in HOURS.items())
    return SnowState(book=book, recent=recent), (shown, *falls)


def _on_basis(state: SnowState, basis: str) -> SnowState:
    """Begin anew where the depth is reckoned from something else: a height put right is no snowfall."""
    book = state.book
    if book.basis == basis:
        return state
    if book.basis is None:
        return replace(state, book=replace(book, basis=basis))
    return SnowState(book=replace(book, basis=basis, reference_m=None))


def _above(state: SnowState, zero_m: float) -> SnowState:
    """Tell the past above a new zero: ground that is found 3 cm lower is no snowfall of 3 cm."""
    book = state.book
    if book.zero_m == zero_m:
        return state
    if book.zero_m is None:
        return replace(state, book=replace(book, zero_m=zero_m))
    lower_m = book.zero_m - zero_m
    reference_m = None if book.reference_m is None else book.reference_m + lower_m
    recent = tuple((ms, depth_m + lower_m) for ms, depth_m in state.recent)
    return SnowState(book=replace(book, reference_m=reference_m, zero_m=zero_m), recent=recent)


def fallen_m(book: SnowBook, hours: int) -> float | None:
    """Return the new snow of the last ``hours`` full hours; None while nothing is known."""
    if book.closed_ms is None or book.since_ms is None:
        return None
    since_ms = book.closed_ms - hours * HOUR_MS
    return sum(rise for hour_ms, rise in book.fallen if hour_ms > since_ms)


def _on_ground(on_ground_m: float | None) -> Measurement:
    if on_ground_m is None:
        return Measurement(quantity=Quantity.SNOW_ON_GROUND_M, value=None, flags=Flag.MISSING)
    return Measurement(quantity=Quantity.SNOW_ON_GROUND_M, value=max(0.0, on_ground_m))


def _fall(book: SnowBook, quantity: Quantity, hours: int) -> Measurement:
    fallen = fallen_m(book, hours)
    if fallen is None or book.closed_ms is None or book.since_ms is None:
        return Measurement(quantity=quantity, value=None, flags=Flag.MISSING)
    since_ms = book.closed_ms - hours * HOUR_MS
    # The depth at the window's own start must be known too: a rise over a silence of six hours is no
    # snowfall of one.
    whole = book.since_ms <= since_ms and not any(hour_ms >= since_ms for hour_ms in book.unknown)
    return Measurement(quantity=quantity, value=fallen, flags=Flag.GOOD if whole else Flag.ESTIMATED)


def _to_hour(
    book: SnowBook, hour_ms: int, at_ms: int, recent: tuple[tuple[int, float], ...], dead_band_m: float
) -> SnowBook:
    """Close the hour when its depth is known, or can no longer become known."""
    if book.closed_ms is not None and hour_ms < book.closed_ms:  # the clock was set back
        past = tuple(one for one in book.fallen if one[0] <= hour_ms)
        return replace(book, closed_ms=hour_ms, fallen=past, unknown=())
    if hour_ms == book.closed_ms:
        return book
    before = [depth for ms, depth in recent if hour_ms - AROUND_HOUR_MS < ms <= hour_ms]
    after = [depth for ms, depth in recent if hour_ms < ms <= hour_ms + AROUND_HOUR_MS]
    if before or after:
        return _closed(book, hour_ms, median(before) if before else after[0], dead_band_m)
    if at_ms - hour_ms <= AROUND_HOUR_MS:
        return book  # a good value may still come
    return _passed(book, hour_ms, known=False)


def _closed(book: SnowBook, hour_ms: int, depth_m: float, dead_band_m: float) -> SnowBook:
    book = _passed(book, hour_ms, known=True)
    if book.reference_m is None or book.since_ms is None:
        return replace(book, reference_m=depth_m, since_ms=hour_ms)
    rise_m = depth_m - book.reference_m
    if abs(rise_m) < dead_band_m - TINY_M:
        return book
    fallen = (*book.fallen, (hour_ms, rise_m)) if rise_m > 0 else book.fallen
    return replace(book, reference_m=depth_m, fallen=fallen)


def _passed(book: SnowBook, hour_ms: int, *, known: bool) -> SnowBook:
    """Go on to ``hour_ms``; the hours between had no depth."""
    oldest_ms = hour_ms - MOST_HOURS * HOUR_MS
    first_ms = oldest_ms if book.closed_ms is None else max(oldest_ms, book.closed_ms)
    between = tuple(range(first_ms + HOUR_MS, hour_ms if known else hour_ms + HOUR_MS, HOUR_MS))
    if book.since_ms is None:
        between = ()
    return replace(
        book,
        closed_ms=hour_ms,
        fallen=tuple(one for one in book.fallen if one[0] > oldest_ms),
        unknown=tuple(ms for ms in (*book.unknown, *between) if ms >= oldest_ms),
    )
