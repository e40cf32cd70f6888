"""Sets of row numbers as closed ranges: what was delivered, what waits, what is gone.

A month of samples is one range, so a set costs nothing to keep, copy or store. Immutable.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

Range = tuple[int, int]  # first, last: both belong to it


@dataclass(frozen=True, slots=True)
class Ranges:
    """Sorted closed ranges that neither overlap nor touch."""

    spans: tuple[Range, ...] = ()

    @classmethod
    def of(cls, spans: Iterable[Range]) -> Ranges:
        """Make a set from ranges in any order, overlapping or not."""
        merged: list[Range] = []
        for first, last in sorted(spans):
            if last < first:
                raise ValueError(f"range {first}..{last} ends before it begins")
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(merged[-1][1], last))
            else:
                merged.append((first, last))
        return cls(tuple(merged))

    @classmethod
    def upto(cls, last: int) -> Ranges:
        """Make 1..last, empty when there is none such."""
        return cls(((1, last),)) if last > 0 else cls()

    def __bool__(self) -> bool:
        return bool(self.spans)

    def __iter__(self) -> Iterator[Range]:
        return iter(self.spans)

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self.spans, (number, number)) - 1
        after = at + 1
        if at >= 0 and self.spans[at][0] <= number <= self.spans[at][1]:
            return True
        return after < len(self.spans) and self.spans[after][0] == number

    @property
    def count(self) -> int:
        """How many numbers are in the set."""
        return sum(last - first + 1 for first, last in self.spans)

    @property
    def first(self) -> int | None:
        """The lowest number, None when empty."""
        return self.spans[0][0] if self.spans else None

    @property
    def last(self) -> int | None:
        """The highest number, None when empty."""
        return self.spans[-1][1] if self.spans else None

    def add(self, first: int, last: int) -> Ranges:
        """Return the set with first..last in it."""
        spans = self.spans
        if not spans:
            return Ranges(((first, last),))
        tail_first, tail_last = spans[-1]
        if tail_first <= first <= tail_last + 1:  # the usual case: growing at the end
            return Ranges((*spans[:-1], (tail_first, max(tail_last, last))))
        if first > tail_last:
            return Ranges((*spans, (first, last)))
        return Ranges.of((*spans, (first, last)))

    def remove(self, first: int, last: int) -> Ranges:
        """Return the set without first..last."""
        kept: list[Range] = []
        for low, high in self.spans:
            if high < first or low > last:
                kept.append((low, high))
                continue
            if low < first:
                kept.append((low, first - 1))
            if high > last:
                kept.append((last + 1, high))
        return Ranges(tuple(kept))

    def union(self, other: Ranges) -> Ranges:
        """Return the numbers in either set."""
        return Ranges.of((*self.spans, *other.spans))

    def minus(self, other: Ranges) -> Ranges:
        """Return the numbers in this set and not in the other, in one walk over both."""
        if not self.spans or not other.spans:
            return self
        kept: list[Range] = []
        cuts, at = other.spans, 0
        for span_first, last in self.spans:
            first = span_first
            while at < len(cuts) and cuts[at][1] < first:
                at += 1
            cut = at  # a cut may reach into the next span too, so ``at`` stays on it
            while cut < len(cuts) and cuts[cut][0] <= last and first <= last:
                if cuts[cut][0] > first:
                    kept.append((first, cuts[cut][0] - 1))
                first = cuts[cut][1] + 1
                cut += 1
            if first <= last:
                kept.append((first, last))
        return Ranges(tuple(kept))

    def both(self, other: Ranges) -> Ranges:
        """Return the numbers in both sets."""
        return self.minus(self.minus(other))

    def within(self, first: int, last: int) -> Ranges:
        """Return the part of the set inside first..last."""
        if last < first:
            return Ranges()
        at = bisect_right(self.spans, (first, first)) - 1  # the first that may reach in
        found: list[Range] = []
        for low, high in self.spans[max(at, 0) :]:
            if low > last:
                break
            if high >= first:
                found.append((max(low, first), min(high, last)))
        return Ranges(tuple(found))

    def head(self, most: int) -> Range | None:
        """Return the first consecutive run of at most ``most`` numbers, None when empty."""
        if not self.spans:
            return None
        first, last = self.spans[0]
        return first, min(last, first + most - 1)
