"""The clock everything is given rather than takes: tests set it, the daemon reads the kernel's."""

from __future__ import annotations

from typing import Protocol

from kaga_edge.vocabulary.readings import Moment


class Clock(Protocol):
    """Wall, boot and monotonic time."""

    def now(self) -> Moment:
        """Return this instant by the wall clock and the boot clock, with the wall clock's trust."""

    def monotonic_ns(self) -> int:
        """Return CLOCK_MONOTONIC in nanoseconds: for intervals, never for dates."""
