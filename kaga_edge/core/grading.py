"""Quality in QARTOD's terms: gross range, rate, spike, flat line, attenuated signal, missing.

Flags never delete a value.

Each test gives a grade (1 good, 3 suspect, 4 fail, 9 missing); the worst decides, in the order
4 > 3 > 1 > 2 > 9. On the wire the grades become flag bits (contract v1).

A live gateway cannot wait for the next point, so the spike test is one-sided: the value against the
median of the three before it, less what the true value may have wandered since. The first value of a
true step is flagged once and its successors are not; an alarm never looks at flags and so is never
delayed by them.

Source: IOOS QARTOD manuals, tests 4 (gross range), 6 (spike), 7 (rate of change), 8 (flat line),
10 (attenuated signal). The time-gap test is not here: every due time has a row, and a missing one says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from math import inf
from operator import itemgetter

from kaga_edge.core.local import MonthDay, in_season
from kaga_edge.vocabulary.quick import dataclass
from kaga_edge.vocabulary.readings import Flag, Grade, Measurement, Reading

# By name through the enum class these cost a call each, and every reading asks for them.
GOOD, NOT_EVALUATED, SUSPECT, FAIL = Grade.GOOD, Grade.NOT_EVALUATED, Grade.SUSPECT, Grade.FAIL
OUT_OF_RANGE, SPIKE, STUCK = Flag.OUT_OF_RANGE, Flag.SPIKE, Flag.STUCK
NO_VALUE, MISSING = Flag.MISSING, Grade.MISSING
DOUBTED = int(Flag.LOW_QUALITY | Flag.ESTIMATED)  # by the instrument or by siting

VALUE = itemgetter(1)

Span = tuple[float, float]
Point = tuple[float, float]  # time in s, value


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """One channel's limits, in its own unit; None switches a test off."""

    gross_fail: Span | None = None  # outside: fail; the limits themselves are good
    gross_suspect: Span | None = None
    rate_suspect_per_s: float | None = None
    rate_fail_per_s: float | None = None
    # Where falling is judged otherwise than rising (snow settles faster than it falls); None: alike.
    rate_down_suspect_per_s: float | None = None
    rate_down_fail_per_s: float | None = None
    # A step this small is the instrument's own noise, however soon it comes after the last value.
    rate_noise: float = 0.0
    spike_suspect: float | None = None
    spike_fail: float | None = None
    # How far the true value may wander a second: what lies hours back is no measure of a spike.
    spike_trend_per_s: float = 0.0
    spike_trend_down_per_s: float | None = None  # where it falls otherwise than it rises; None: alike
    flat_tolerance: float | None = None  # range over the window below this: flat
    flat_suspect_s: float | None = None
    flat_fail_s: float | None = None
    flat_above: float | None = None  # values up to this are never flat (bare ground is flat all summer)
    # Range over the trailing window below this: attenuated (silt in the pipe, ice on the probe).
    attenuated_suspect: float | None = None
    attenuated_fail: float | None = None
    attenuated_over_s: float | None = None
    # What follows from the above, once: most channels have no test that asks for the past.
    within: Span = field(init=False, repr=False, compare=False)  # both gross spans
    tests: tuple[tuple[Flag, Test], ...] = field(init=False, repr=False, compare=False)
    lasting: tuple[tuple[Flag, Test], ...] = field(init=False, repr=False, compare=False)  # over a window
    # As near to each of the last values a new one is neither a step nor a spike.
    calm: float = field(init=False, repr=False, compare=False)
    windows: tuple[float, ...] = field(init=False, repr=False, compare=False)  # shortest first

    def __post_init__(self) -> None:
        object.__setattr__(self, "tests", _tests(self))
        object.__setattr__(self, "lasting", tuple(one for one in self.tests if one[1] not in (rate, spike)))
        object.__setattr__(self, "calm", _calm(self))
        object.__setattr__(self, "windows", _windows(self))
        spans = [one for one in (self.gross_fail, self.gross_suspect) if one is not None]
        within = max([-inf, *(low for low, _ in spans)]), min([inf, *(high for _, high in spans)])
        object.__setattr__(self, "within", within)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeasonLimits:
    """One channel's limits from one day of the year to another, both included; may run over the new year."""

    channel: str
    between: tuple[MonthDay, MonthDay]
    limits: Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What one channel's tests must remember of the past. Times are monotonic seconds.

    ``highs`` and ``lows`` hold the candidates for maximum and minimum of the flat-line window (each
    newer one lower, or higher), so that the range is known without keeping every value.
    """

    last: tuple[Point, ...] = ()  # up to three, newest last
    began_s: float | None = None  # since when values have come without a gap
    highs: tuple[Point, ...] = ()
    lows: tuple[Point, ...] = ()


# Limits, what was before the value, what is with it, its time and the value itself.
Test = Callable[[Limits, History, History, float, float], Grade]


def grade(
    limits: Limits, before: History, at_s: float, measurement: Measurement, *, keep: bool = False
) -> tuple[History, Reading]:
    """Return the new history and the reading: the same value, with flags and grade.

    ``keep``: other limits may ask for the past that these do not ask for.
    """
    value, flags = measurement.value, measurement.flags
    if value is None:
        flags = flags | NO_VALUE if flags and flags is not NO_VALUE else NO_VALUE
        return before, Reading(quantity=measurement.quantity, value=None, flags=flags, grade=MISSING)
    now = _remembered(limits, before, at_s, value) if keep or limits.tests else before
    worst, (lowest, highest) = GOOD, limits.within
    if not lowest <= value <= highest and (found := gross_range(limits, value)) is not GOOD:
        flags, worst = flags | OUT_OF_RANGE if flags else OUT_OF_RANGE, found
    tests, calm = limits.lasting, limits.calm
    for _, earlier in before.last:
        if abs(value - earlier) > calm:
            tests = limits.tests
    for flag, test in tests:
        found = test(limits, before, now, at_s, value)
        if found is SUSPECT or found is FAIL:
            flags = flags | flag if flags else flag
            worst = max(worst, found)
    if measurement.flags and int(measurement.flags) & DOUBTED:
        worst = max(worst, SUSPECT)
    return now, Reading(quantity=measurement.quantity, value=value, flags=flags, grade=worst)


def limits_of(
    day: MonthDay, year: Mapping[str, Limits], seasons: Sequence[SeasonLimits]
) -> Mapping[str, Limits]:
    """Return each channel's limits on a day: those of the first season it lies in, else of the year."""
    found = dict(year)
    for season in reversed(seasons):
        if in_season(day, season.between):
            found[season.channel] = season.limits
    return found


def gross_range(limits: Limits, value: float) -> Grade:
    """Outside the fail span: fail; outside the suspect span: suspect. The limits themselves are good."""
    fail, suspect = limits.gross_fail, limits.gross_suspect
    if fail is not None and not fail[0] <= value <= fail[1]:
        return FAIL
    return GOOD if suspect is None or suspect[0] <= value <= suspect[1] else SUSPECT


def rate(limits: Limits, history: History, _now: History, at_s: float, value: float) -> Grade:
    """Compare the step per second since the last value with the limits; the first value is good."""
    if not history.last:
        return GOOD
    before_s, before = history.last[-1]
    if at_s <= before_s:
        return NOT_EVALUATED
    suspect, fail = limits.rate_suspect_per_s, limits.rate_fail_per_s
    if value < before:
        suspect = suspect if limits.rate_down_suspect_per_s is None else limits.rate_down_suspect_per_s
        fail = fail if limits.rate_down_fail_per_s is None else limits.rate_down_fail_per_s
    size = abs(value - before) - limits.rate_noise
    return GOOD if size <= 0 else _over(size / (at_s - before_s), suspect, fail)


def spike(limits: Limits, history: History, _now: History, at_s: float, value: float) -> Grade:
    """Compare the distance from the median of the three values before with the limits."""
    if len(history.last) < 3:
        return NOT_EVALUATED
    middle_s, middle = sorted(history.last, key=VALUE)[1]
    down_per_s = limits.spike_trend_down_per_s
    trend_per_s = limits.spike_trend_per_s if value > middle or down_per_s is None else down_per_s
    size = abs(value - middle) - trend_per_s * max(0.0, at_s - middle_s)
    return GOOD if size <= 0 else _over(size, limits.spike_suspect, limits.spike_fail)


def flat_line(limits: Limits, _before: History, history: History, at_s: float, value: float) -> Grade:
    """Fail or suspect when the values of the whole trailing window lie within the tolerance."""
    if limits.flat_tolerance is None or (limits.flat_above is not None and value <= limits.flat_above):
        return GOOD
    for window_s, found in ((limits.flat_fail_s, FAIL), (limits.flat_suspect_s, SUSPECT)):
        span = None if window_s is None else _span(history, at_s, window_s)
        if span is not None and span < limits.flat_tolerance:
            return found
    return GOOD


def attenuated(limits: Limits, _before: History, history: History, at_s: float, _value: float) -> Grade:
    """Fail or suspect when the values of the whole trailing window span less than the limits."""
    if limits.attenuated_over_s is None:
        return GOOD
    span = _span(history, at_s, limits.attenuated_over_s)
    if span is None:
        return NOT_EVALUATED
    if limits.attenuated_fail is not None and span < limits.attenuated_fail:
        return FAIL
    return SUSPECT if limits.attenuated_suspect is not None and span < limits.attenuated_suspect else GOOD


def _span(history: History, at_s: float, window_s: float) -> float | None:
    """Return highest less lowest of the trailing window; None while the window is not yet whole."""
    if history.began_s is None or at_s - history.began_s < window_s:
        return None
    since_s = at_s - window_s
    return next(v for t, v in history.highs if t >= since_s) - next(
        v for t, v in history.lows if t >= since_s
    )


def _over(size: float, suspect: float | None, fail: float | None) -> Grade:
    if fail is not None and size > fail:
        return FAIL
    return SUSPECT if suspect is not None and size > suspect else GOOD


def _remembered(limits: Limits, history: History, at_s: float, value: float) -> History:
    """Return the history with one more value, its window's candidates only where a test asks for them."""
    now, windows, began_s = (at_s, value), limits.windows, history.began_s
    last = (*history.last[-2:], now)
    if not windows:
        return History(last=last, began_s=began_s, highs=history.highs, lows=history.lows)
    since_s = at_s - windows[-1]
    if began_s is None or _long_gap(history, at_s, windows[0] / 2):
        began_s = at_s
    highs = (*[p for p in history.highs if p[1] > value and p[0] >= since_s], now)
    lows = (*[p for p in history.lows if p[1] < value and p[0] >= since_s], now)
    return History(last=last, began_s=began_s, highs=highs, lows=lows)


def _long_gap(history: History, at_s: float, longest_s: float) -> bool:
    """Tell a gap from a slow pace: after one the window holds next to nothing, which is always flat."""
    if len(history.last) < 2:
        return bool(history.last) and at_s - history.last[-1][0] > 2 * longest_s
    (earlier_s, _), (before_s, _) = history.last[-2:]
    return at_s - before_s > max(longest_s, 2 * (before_s - earlier_s))


def _windows(limits: Limits) -> tuple[float, ...]:
    flat = () if limits.flat_tolerance is None else (limits.flat_suspect_s, limits.flat_fail_s)
    return tuple(sorted(one for one in (*flat, limits.attenuated_over_s) if one))


def _calm(limits: Limits) -> float:
    rates = (limits.rate_suspect_per_s, limits.rate_fail_per_s)
    falls = (limits.rate_down_suspect_per_s, limits.rate_down_fail_per_s)
    steps = [limits.rate_noise] if any(one is not None for one in (*rates, *falls)) else []
    spikes = [one for one in (limits.spike_suspect, limits.spike_fail) if one is not None]
    return min([inf, *steps, *spikes])


def _tests(limits: Limits) -> tuple[tuple[Flag, Test], ...]:
    """Return the tests that ask for the past and are switched on, with the flag of each."""
    rates = limits.rate_suspect_per_s, limits.rate_fail_per_s
    falls = limits.rate_down_suspect_per_s, limits.rate_down_fail_per_s
    every: tuple[tuple[tuple[object, ...], Flag, Test], ...] = (
        ((*rates, *falls), SPIKE, rate),
        ((limits.spike_suspect, limits.spike_fail), SPIKE, spike),
        ((limits.flat_tolerance,), STUCK, flat_line),
        ((limits.attenuated_over_s,), STUCK, attenuated),
    )
    return tuple((flag, test) for wants, flag, test in every if any(one is not None for one in wants))
