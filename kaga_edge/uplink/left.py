"""Which rows may have left, by epoch: the platform knows their times, so they are never re-timed.

Rows and not only the highest: a live one leaves before the backlog it stands behind.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping

from kaga_edge.core.ranges import Range, Ranges
from kaga_edge.uplink.ports import UplinkStore
from kaga_edge.uplink.sender import Sender
from kaga_edge.vocabulary.clock import Clock
from kaga_edge.vocabulary.errors import KagaError
from kaga_edge.vocabulary.readings import ClockTrust

# {epoch: [[first, last], …] of rows that may have left}; null: a connection began and has not ended
KEY = "uplink.left"


class Left:
    """What the sender let go, remembered over a restart."""

    def __init__(self, sender: Sender, *, store: UplinkStore, clock: Clock) -> None:
        self._sender, self._store, self._clock = sender, store, clock
        self._known = False
        self._open = False  # what the store remembers is null

    def told(self) -> dict[str, Ranges] | None:
        """Return by epoch the rows that may have left or are packed to leave; None: not known yet."""
        if not self._known:
            return None
        state, left = self._sender.state, dict(self._sender.left)
        taken = [(p.ep, p.first, p.last) for p in (*state.ready, *state.wire, *state.resting) if p.rows]
        taken += [(load.ep, load.first, load.last) for load in state.loading if not load.notices]
        for ep, first, last in taken:
            left[ep] = left.get(ep, Ranges()).add(first, last)
        return left

    async def recall(self) -> None:
        """Learn which rows may have left before this start: all, if a connection was cut short."""
        with contextlib.suppress(KagaError, ValueError):
            kept = json.loads(await self._store.recall(KEY) or "{}")
            if kept is None:
                kept = {track.ep: track.seen for track in self._sender.state.tracks}
            self._sender.left = {str(ep): _read(rows) for ep, rows in kept.items()}
        self._known = True

    async def open(self) -> None:
        """Before the first row can leave: without this mark a crash would make them look as if they had
        not. Only while the clock is not trusted; rows with a trusted time are never re-timed."""
        if self._clock.now().trust < ClockTrust.NTP and not self._open:
            with contextlib.suppress(KagaError):
                await self._store.remember(KEY, "null")
                self._open = True

    async def remember(self) -> None:
        """The connection is over: what may have left is known."""
        if self._open:
            with contextlib.suppress(KagaError):
                await self._store.remember(KEY, _text(self._sender.left))
                self._open = False


def _text(left: Mapping[str, Ranges]) -> str:
    return json.dumps({ep: list(rows) for ep, rows in left.items()})


def _read(rows: int | list[Range]) -> Ranges:
    """Return the rows; a number (as an earlier version kept it) stands for all up to it."""
    return Ranges.upto(rows) if isinstance(rows, int) else Ranges.of((first, last) for first, last in rows)
