"""What the receiver can say about what it has: counts, gaps by arithmetic, and the verdict. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kaga_edge.core.ranges import Range, Ranges

FIRST_NUMBER = 1  # rows and events are counted from 1 in every epoch
ACK_RANGES = 64  # the contract's limit for "have"
SILENCES_KEPT = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """One epoch of one gateway.

    ``arrived``: different rows stored. ``repeated``: rows that came again, equal. ``retimed``: came
    again with flag 256 and took the place of the first. ``conflicting``: came again with other content.
    ``gaps``: numbers known to exist that neither arrived nor were declared gone.
    ``gone``: declared gone and never arrived. ``alerts``: alarms raised or cleared.
    """

    gw: str
    ep: str
    arrived_rows: Ranges
    gone_rows: Ranges
    events: Ranges
    highest: int
    repeated: int
    retimed: int
    conflicting: int
    alerts: int

    @property
    def arrived(self) -> int:
        """How many different rows are stored."""
        return self.arrived_rows.count

    @property
    def gone(self) -> int:
        """How many numbers were declared gone and never came."""
        return self.gone_rows.minus(self.arrived_rows).count

    @property
    def gaps(self) -> Ranges:
        """Numbers that should be here and are not."""
        if self.highest < FIRST_NUMBER:
            return Ranges()
        known = Ranges(((FIRST_NUMBER, self.highest),))
        return known.minus(self.arrived_rows.union(self.gone_rows))

    def ack(self) -> dict[str, object]:
        """Return the contract's ack: declared numbers count as present."""
        present = self.arrived_rows.union(self.gone_rows)
        upto = unbroken(present)
        above = present.remove(FIRST_NUMBER, upto) if upto else present
        have = [list(span) for span in above.spans[:ACK_RANGES]]
        return {"v": 1, "ep": self.ep, "upto": upto, "have": have, "e": unbroken(self.events)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The receiver's own count against what was numbered.

    ``beyond``: rows that arrived although their number was never given: must be 0.
    """

    numbered: int
    arrived: int
    lost: int
    repeated: int
    gone: int
    conflicting: int
    longest_outage_s: float
    beyond: int = 0

    @property
    def clean(self) -> bool:
        """Nothing lost, nothing contradictory."""
        return self.lost == self.conflicting == self.beyond == 0


def unbroken(numbers: Ranges) -> int:
    """Return the last number of the run that starts at the first one; 0 when there is none."""
    if not numbers.spans or numbers.spans[0][0] > FIRST_NUMBER:
        return 0
    return numbers.spans[0][1]


def verdict_on(counts: Iterable[Counts], expected: Mapping[str, int], longest_outage_s: float) -> Verdict:
    """Compare with ``expected``: epoch → the next number that would be given."""
    known = {one.ep: one for one in counts}
    numbered = arrived = gone = beyond = repeated = conflicting = 0
    for ep, next_n in expected.items():
        numbered += max(0, next_n - FIRST_NUMBER)
        if ep not in known:
            continue
        one = known[ep]
        here = one.arrived_rows.within(FIRST_NUMBER, next_n - 1)
        arrived += here.count
        gone += one.gone_rows.within(FIRST_NUMBER, next_n - 1).minus(here).count
        beyond += one.arrived - here.count
        repeated += one.repeated
        conflicting += one.conflicting
    return Verdict(
        numbered=numbered,
        arrived=arrived,
        lost=numbered - arrived - gone,
        repeated=repeated,
        gone=gone,
        conflicting=conflicting,
        longest_outage_s=longest_outage_s,
        beyond=beyond,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """How long a gateway was not heard, and whether it had rows in that time (then it was an outage).

    ``silences`` are closed ones not yet known to have had rows, longer than the longest outage, by our
    clock; a row proves one by its own time, so the two clocks should agree to a second or so.
    """

    heard_ms: int | None = None
    silences: tuple[Range, ...] = ()
    longest_ms: int = 0

    def heard(self, at_ms: int) -> Listening:
        """Return the state after anything was heard from the gateway itself."""
        silences = self.silences
        if self.heard_ms is not None and at_ms - self.heard_ms > self.longest_ms:
            silences = (*silences, (self.heard_ms, at_ms))
            if len(silences) > SILENCES_KEPT:
                silences = tuple(sorted(sorted(silences, key=_length)[1:]))
        return Listening(heard_ms=at_ms, silences=silences, longest_ms=self.longest_ms)

    def had_rows(self, times_ms: list[int]) -> Listening:
        """Return the state after rows of these times arrived."""
        if not self.silences:
            return self
        low, high = min(times_ms), max(times_ms)
        longest_ms = self.longest_ms
        for first, last in self.silences:
            overlaps = low < last and high > first and last - first > longest_ms
            if overlaps and any(first < at_ms < last for at_ms in times_ms):
                longest_ms = last - first
        left = tuple(span for span in self.silences if _length(span) > longest_ms)
        return Listening(heard_ms=self.heard_ms, silences=left, longest_ms=longest_ms)


def _length(span: Range) -> int:
    return span[1] - span[0]
