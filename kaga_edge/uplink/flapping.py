"""A connection that comes and goes is told as a whole, once, instead of twice a minute.

A broker may hang up on a second gateway with our id without saying so: that looks like this. Reasons that
take turns are each told once an hour: attempts come every few seconds, and a log has a card to fill.
"""

from __future__ import annotations

import asyncio
import logging

from kaga_edge.link import Link
from kaga_edge.uplink.reconnect import STEADY_S

log = logging.getLogger("kaga_edge.uplink")

FLAPS_TOLD = 3  # so many short connections in a row
TOLD_FOR_S = 3600.0
REASONS_MOST = 16  # an hour


class Flapping:
    """Counts short connections in a row, and logs connections and their ends accordingly."""

    def __init__(self) -> None:
        self._count = 0
        self._told: dict[str, float] = {}  # reason → when it was last told
        self._steady: asyncio.TimerHandle | None = None

    def began(self, link: Link) -> None:
        """Log the connection; one that keeps ending at once not before it has held a while."""
        if self._count < FLAPS_TOLD:
            log.info("link.up peer=%s session=%d", link.settings.where, link.session_present)
        else:
            self._steady = asyncio.get_running_loop().call_later(STEADY_S, self._held, link)

    def ended(self, why: str, connected_s: float) -> bool:
        """Take note of the end of a connection, or (0 s) of an attempt; True: it need not be told again."""
        if connected_s >= STEADY_S:
            self._forget()
        known = self._known(why, asyncio.get_running_loop().time())
        if not connected_s:
            return known
        self._count += 1
        if self._count == FLAPS_TOLD:
            log.warning("link.flapping count=%d reason=%s", self._count, why)
        return known and self._count > FLAPS_TOLD

    def stop(self) -> None:
        """The connection is over."""
        if self._steady is not None:
            self._steady.cancel()

    def _known(self, why: str, now_s: float) -> bool:
        self._told = {reason: at_s for reason, at_s in self._told.items() if now_s - at_s < TOLD_FOR_S}
        if why in self._told or len(self._told) >= REASONS_MOST:
            return True
        self._told[why] = now_s
        return False

    def _forget(self) -> None:
        self._count, self._told = 0, {}

    def _held(self, link: Link) -> None:
        self._forget()
        self.began(link)
