"""What every kind of wire can do. Used by one worker thread only, except ``wake`` and ``release``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from queue import SimpleQueue
from typing import Generic, TypeVar

from kaga_edge.buses.spec import BusSensor
from kaga_edge.vocabulary.quick import dataclass
from kaga_edge.vocabulary.requests import Reply, Request

J = TypeVar("J")


@dataclass(frozen=True, slots=True, kw_only=True)
class DueTime:
    """A due time by both clocks: UTC in ms, and CLOCK_MONOTONIC in ns (the kernel's edge times)."""

    wall_ms: int
    up_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Who is asked, for which due time, and how long one transfer with its tries may still take."""

    sensor: BusSensor
    due: DueTime
    budget_s: float


class Wire(ABC, Generic[J]):
    """One open device. Every method may raise ``BusError`` kinds and nothing else expected."""

    deadline_s: float  # of one transfer, beyond the wait that a request itself asks for
    tries: int = 1  # of one transfer, when it fails fast
    between_tries_s: float = 0.005
    overlaps: bool = False  # while one sensor is to be left alone, others may be asked
    after_due_s: float = 0.0  # what is asked for takes so long to arrive

    @abstractmethod
    def open(self) -> None:
        """Open the device unless it is open. Raises BusMissing."""

    @abstractmethod
    def close(self) -> None:
        """Close the device; does nothing when it is not open."""

    def end(self) -> None:
        """Close the device for good: this wire is not used again."""
        self.close()

    @abstractmethod
    def carry(self, request: Request, asking: Asking) -> Reply:
        """Carry one request, within its budget where the wire can be bounded, and reply."""

    def next_job(self, jobs: SimpleQueue[J], longest_s: float | None) -> J:
        """Wait for the next job; wires that listen all the time listen meanwhile. Raises queue.Empty."""
        return jobs.get(timeout=longest_s)

    def wake(self) -> None:
        """End the wait of ``next_job`` (from any thread); for wires that wait on a device."""

    def release(self) -> None:
        """Let another worker open the device although this one hangs in it (from the loop's thread)."""

    def settled(self, sensor: BusSensor, *, good: bool) -> None:
        """Learn how the poll ended: what was only lent is now spent, or comes back."""

    def residue(self) -> bytes:
        """Return the bytes seen that made no reply, for the raw column of a failed poll."""
        return b""

    def lost_edges(self, sensor: str) -> int:  # noqa: ARG002 - GPIO uses it
        """Return how many edges were lost so far (from any thread)."""
        return 0
