"""How much that nobody waits for is read of a peer: it may flood the line, not our processor."""

from __future__ import annotations

BURST_READS = 200  # more than a resumed session, its acks and a command of 128 KiB come to
READS_PER_S = 20.0  # beyond; a read is about 0.1 ms here and 1 ms on the slowest Pi
AFTER_S = 0.25  # a pause; the line's own flow control holds the rest back meanwhile


class Flood:
    """A bucket that leaks: every read fills it, every answer that was waited for empties it again."""

    def __init__(self, now_s: float) -> None:
        self._level, self._at_s = 0.0, now_s

    def pause_s(self, now_s: float, *, things: int, answers: int) -> float:
        """Take note of a read: ``things`` that came, ``answers`` we waited for. Return the pause now due."""
        leaked = (now_s - self._at_s) * READS_PER_S
        self._level = max(0.0, self._level - leaked + max(1, things) - 2 * answers)
        self._at_s = now_s
        return AFTER_S if self._level > BURST_READS else 0.0
