"""Pulses into counts: state in, edges in, totals out. Nothing here looks at a clock.

A **pulse** is one closing of a contact or one presence on a detector. It is counted when it has ended
and its bounce is over, so a pulse that is open or bouncing at the end of an interval is carried into
the next one: late by that much, never lost, never counted twice.
"""

from __future__ import annotations

from kaga_edge.vocabulary.quick import dataclass
from kaga_edge.vocabulary.requests import Edges

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PulseRule:
    """What counts as one pulse of one line.

    Activations closer than ``bounce_ns`` to the end of the one before belong to it. What is then
    shorter than ``shortest_ns`` or longer than ``longest_ns`` (None: no limit) is rejected.
    """

    gpio: int
    shortest_ns: int = 0
    longest_ns: int | None = None
    bounce_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """One whole pulse, on the kernel's monotonic clock."""

    start_ns: int
    end_ns: int

    @property
    def on_ns(self) -> int:
        """How long it lasted."""
        return self.end_ns - self.start_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class LineState:
    """The pulse in progress, if any: still active (``ended_ns`` None) or perhaps bouncing."""

    started_ns: int | None = None
    ended_ns: int | None = None


QUIET = LineState()


def is_still(edges: Edges) -> bool:
    """Say whether nothing moved, every line was at rest and nothing is amiss, as most of the time."""
    amiss = edges.edges or edges.lost or edges.first or edges.end_ns <= edges.start_ns
    return not amiss and True not in edges.active_at_start.values()


@dataclass(frozen=True, slots=True, kw_only=True)
class LineTally:
    """What one interval gave: whole pulses, how many were rejected, and the time active within it."""

    pulses: tuple[Pulse, ...]
    rejected: int
    on_ns: int


def fold_line(state: LineState, edges: Edges, rule: PulseRule) -> tuple[LineState, LineTally]:
    """Return the next state and the pulses that became whole within ``edges``.

    A line already active when watching began has no known start: that presence gives on-time, no pulse.
    """
    changes = [(e.at_ns, e.active) for e in edges.edges if e.gpio == rule.gpio]
    active_at_start = edges.active_at_start.get(rule.gpio, False)
    state = _joined(state, edges.first, active_at_start)
    whole: list[Pulse] = []
    for at_ns, active in changes:
        state = _changed(state, at_ns, active, rule.bounce_ns, whole)
    if state.ended_ns is not None and edges.end_ns - state.ended_ns >= rule.bounce_ns:
        state = _settled(state, whole)
    kept = tuple([pulse for pulse in whole if _fits(pulse, rule)])
    on_ns = _on_ns(changes, active_at_start, edges.start_ns, edges.end_ns)
    return state, LineTally(pulses=kept, rejected=len(whole) - len(kept), on_ns=on_ns)


def _joined(state: LineState, first: bool, active: bool) -> LineState:
    """Return the state that agrees with the line's level at the start of the interval."""
    ended = state.ended_ns is not None or state.started_ns is None
    if first or (not active and not ended):
        return QUIET  # its end was not seen: how long it lasted is unknown
    return state


def _changed(state: LineState, at_ns: int, active: bool, bounce_ns: int, whole: list[Pulse]) -> LineState:
    if not active:
        still_open = state.started_ns is not None and state.ended_ns is None
        return LineState(started_ns=state.started_ns, ended_ns=at_ns) if still_open else state
    if state.started_ns is None:
        return LineState(started_ns=at_ns)
    if state.ended_ns is None:
        return state  # two activations in a row: the end between them was lost
    if at_ns - state.ended_ns < bounce_ns:
        return LineState(started_ns=state.started_ns)
    _settled(state, whole)
    return LineState(started_ns=at_ns)


def _settled(state: LineState, whole: list[Pulse]) -> LineState:
    assert state.started_ns is not None
    assert state.ended_ns is not None
    whole.append(Pulse(start_ns=state.started_ns, end_ns=state.ended_ns))
    return QUIET


def _fits(pulse: Pulse, rule: PulseRule) -> bool:
    on_ns = pulse.end_ns - pulse.start_ns
    return on_ns >= rule.shortest_ns and (rule.longest_ns is None or on_ns <= rule.longest_ns)


def _on_ns(changes: list[tuple[int, bool]], active: bool, start_ns: int, end_ns: int) -> int:
    on_ns, since_ns = 0, start_ns
    for at_ns, now_active in changes:
        if active:
            on_ns += at_ns - since_ns
        active, since_ns = now_active, at_ns
    return on_ns + (end_ns - since_ns if active else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RainState:
    """Tips since counting began, and when the last one was."""

    line: LineState = QUIET
    tips_total: int = 0
    last_tip_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RainTally:
    """One interval of rain. ``intensity_mm_h`` None: the interval has no length."""

    tips: int
    tips_total: int
    rain_mm: float
    rain_total_mm: float
    intensity_mm_h: float | None
    rejected: int


def fold_rain(
    state: RainState, edges: Edges, rule: PulseRule, mm_per_tip: float
) -> tuple[RainState, RainTally]:
    """Return the next state and the rain of one interval."""
    line, tally = fold_line(state.line, edges, rule)
    tips = len(tally.pulses)
    total = state.tips_total + tips
    interval_ns = edges.end_ns - edges.start_ns
    known_ns = None if edges.first else state.last_tip_ns
    intensity = _intensity_mm_h(tally.pulses, known_ns, interval_ns, mm_per_tip)
    last_ns = tally.pulses[-1].start_ns if tips else known_ns
    return RainState(line=line, tips_total=total, last_tip_ns=last_ns), RainTally(
        tips=tips,
        tips_total=total,
        rain_mm=tips * mm_per_tip,
        rain_total_mm=total * mm_per_tip,
        intensity_mm_h=intensity,
        rejected=tally.rejected,
    )


def _intensity_mm_h(
    tips: tuple[Pulse, ...], before_ns: int | None, interval_ns: int, mm_per_tip: float
) -> float | None:
    """Return tips x mm per hour; for a single tip, over the time since the tip before it.

    One tip in a minute would otherwise read 30 mm/h of 0.5 mm tips, however long it took to fill.
    """
    if interval_ns <= 0:
        return None
    span_ns = interval_ns
    if len(tips) == 1 and before_ns is not None:
        span_ns = max(interval_ns, tips[0].start_ns - before_ns)
    return len(tips) * mm_per_tip * 3600 * NS_PER_S / span_ns
