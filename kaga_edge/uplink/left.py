"""Which rows may have left, by epoch: the platform knows their times, so they are never re-timed."""

from __future__ import annotations

import contextlib
import json

from kaga_edge.uplink.ports import UplinkStore
from kaga_edge.uplink.sender import Sender
from kaga_edge.vocabulary.clock import Clock
from kaga_edge.vocabulary.errors import KagaError
from kaga_edge.vocabulary.readings import ClockTrust

KEY = "uplink.left"  # {epoch: highest row that may have left}; null: a connection began and has not ended


class Left:
    """What the sender let go, remembered over a restart."""

    def __init__(self, sender: Sender, *, store: UplinkStore, clock: Clock) -> None:
        self._sender, self._store, self._clock = sender, store, clock
        self._known = False
        self._open = False  # what the store remembers is null

    def told(self) -> dict[str, int] | None:
        """Return by epoch the highest row that may have left or is packed to leave; None: not known yet."""
        if not self._known:
            return None
        state, left = self._sender.state, dict(self._sender.left)
        under_way = [(p.ep, p.last) for p in (*state.ready, *state.wire, *state.resting) if p.rows]
        under_way += [(load.ep, load.last) for load in state.loading if not load.notices]
        for ep, last in under_way:
            left[ep] = max(left.get(ep, 0), last)
        return left

    async def recall(self) -> None:
        """Learn which rows may have left before this start: all, if a connection was cut short."""
        with contextlib.suppress(KagaError, ValueError):
            kept = json.loads(await self._store.recall(KEY) or "{}")
            if kept is None:
                kept = {track.ep: track.seen for track in self._sender.state.tracks}
            self._sender.left = {str(ep): int(n) for ep, n in kept.items()}
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
                await self._store.remember(KEY, json.dumps(self._sender.left))
                self._open = False
