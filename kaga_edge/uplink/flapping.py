"""A connection that comes and goes is told as a whole, once, instead of twice a minute.

A broker may hang up on a second gateway with our id without saying so: that looks like this.
"""

from __future__ import annotations

import asyncio
import logging

from kaga_edge.link import Link
from kaga_edge.uplink.reconnect import STEADY_S

log = logging.getLogger("kaga_edge.uplink")

FLAPS_TOLD = 3  # so many short connections with one and the same end


class Flapping:
    """Counts short connections in a row that ended alike, and logs the connection accordingly."""

    def __init__(self) -> None:
        self._count = 0
        self._ended_last = ""
        self._steady: asyncio.TimerHandle | None = None

    def began(self, link: Link) -> None:
        """Log the connection; one that keeps ending at once not before it has held a while."""
        if self._count < FLAPS_TOLD:
            log.info("link.up peer=%s session=%d", link.settings.where, link.session_present)
        else:
            self._steady = asyncio.get_running_loop().call_later(STEADY_S, self._held, link)

    def ended(self, why: str, connected_s: float) -> bool:
        """Take note of an end; True: it is told as a whole already."""
        if not connected_s:  # a failed attempt in between neither proves nor disproves
            return False
        alike = connected_s < STEADY_S and why == self._ended_last
        self._count, self._ended_last = self._count + 1 if alike else 1, why
        if self._count == FLAPS_TOLD:
            log.warning("link.flapping count=%d reason=%s", self._count, why)
        return self._count > FLAPS_TOLD

    def stop(self) -> None:
        """The connection is over."""
        if self._steady is not None:
            self._steady.cancel()

    def _held(self, link: Link) -> None:
        self._count = 0
        self.began(link)
