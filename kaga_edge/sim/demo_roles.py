"""Who plays with the demo from outside, and how it ends.

The receiver is handed in: it is the platform's side, and the simulation may not know it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from kaga_edge.sim.toll import Toll


class Verdict(Protocol):
    """A receiver's own count against what was numbered."""

    @property
    def numbered(self) -> int: ...
    @property
    def arrived(self) -> int: ...
    @property
    def lost(self) -> int: ...
    @property
    def repeated(self) -> int: ...
    @property
    def gone(self) -> int: ...
    @property
    def conflicting(self) -> int: ...
    @property
    def longest_outage_s(self) -> float: ...
    @property
    def clean(self) -> bool: ...


class Platform(Protocol):
    """What the demo needs of ``kaga_edge.receiver.Receiver``, which the simulation may not import."""

    connected: bool

    async def run(self) -> None: ...
    def counts(self) -> Mapping[tuple[str, str], Any]: ...
    def verify(self, expected_numbered: Mapping[str, int]) -> Verdict: ...
    async def until(self, claim: Callable[[Any], bool], *, timeout_s: float = 10.0) -> None: ...


class News(Protocol):
    """One change of state, as the receiver tells it."""

    @property
    def what(self) -> str: ...
    @property
    def facts(self) -> dict[str, Any]: ...


# port, file, who hears the news
MakePlatform = Callable[[int, Path, Callable[[News], None]], Platform]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How the demo ended. ``waiting``: rows on disk that were not sent in time; not lost, but not good."""

    seconds: float
    verdict: Verdict
    waiting: int
    outage_s: float
    alarm_delay_s: float | None
    tolls: tuple[Toll, ...]
    exit_code: int

    @property
    def lost(self) -> int:
        """Rows that are neither at the receiver, nor declared gone, nor on disk."""
        return self.verdict.lost - self.waiting

    @property
    def good(self) -> bool:
        """Nothing lost, nothing contradictory, nothing left behind, a clean stop."""
        return self.verdict.clean and self.waiting == 0 and self.exit_code == 0
