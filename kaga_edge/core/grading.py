"""Quality in QARTOD's terms: gross range, rate, spike, flat line, missing. Flags never delete a value."""

from __future__ import annotations

from dataclasses import dataclass

Span = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """One channel's limits, in its own unit; None switches a test off."""

    gross_fail: Span | None = None  # outside: fail; the limits themselves are good
    gross_suspect: Span | None = None
    rate_suspect_per_s: float | None = None
    rate_fail_per_s: float | None = None
    spike_suspect: float | None = None
    spike_fail: float | None = None
    flat_tolerance: float | None = None  # range over the window below this: flat
    flat_suspect_s: float | None = None
    flat_fail_s: float | None = None
