"""Watches for the moment the clock of this boot becomes right, and makes good what was dated before.

Then, in this order: what was found out is remembered (a power cut in the middle repeats the rest), the
platform is told by one clock event, waiting rows that never left are re-timed, earlier boots too where
enough is known of them, the floor is renewed, and a connection that failed for the time is tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from kaga_edge.core.ranges import Ranges
from kaga_edge.core.timekeeping import Correction, Floor, became_known, of_earlier_boot
from kaga_edge.station import journal
from kaga_edge.station.clock import SystemClock
from kaga_edge.store import Place, Store
from kaga_edge.vocabulary.errors import KagaError
from kaga_edge.vocabulary.readings import ClockTrust

LOOK_S = 5.0
UPLINK_BEGINS_S = 0.1
BEGINNING: Place | None = (0, 0)  # of the first epoch
LAST_TIME_KEY = "last_time_ms"  # no later start can be before it
CLOCKS_KEY = "clocks"  # {boot: [offset_ms, uncertainty_ms, trust, told]} of boots with rows on disk


async def remember_time(store: Store, clock: SystemClock) -> None:
    """Keep the time as a floor for later starts; not of a clock that nobody vouches for. Raises KagaError."""
    moment = clock.now()
    if moment.trust is not ClockTrust.NONE:
        await store.remember(LAST_TIME_KEY, str(moment.wall_ms))


def not_before(clock: SystemClock, wall_ms: int) -> None:
    """Set the clock's floor: it was once that late already."""
    clock.floor = Floor(wall_ms=wall_ms, seen_up_ms=clock.now().up_ms)


class TimeWatch:
    """One task runs ``run``.

    ``left``: by epoch the rows that may have left, None while that is not known yet.
    ``on_known``: called after the clock of this boot became known; ``flush`` commits what is held.
    """

    def __init__(
        self,
        store: Store,
        clock: SystemClock,
        *,
        left: Callable[[], Mapping[str, Ranges] | None],
        flush: Callable[[], Awaitable[object]],
        on_known: Callable[[], Awaitable[None]],
    ) -> None:
        self._store = store
        self._clock = clock
        self._left = left
        self._flush = flush
        self._on_known = on_known
        self._clocks: dict[str, Correction] = {}
        self._told: set[str] = set()
        self._read = False
        self._sick = False

    async def run(self) -> None:
        """Look for ever; a sick disk or an uplink that is still starting only means: at the next look."""
        while True:
            try:
                await self._look()
                self._sick = False
            except KagaError as error:
                if not self._sick:
                    journal.warning("clock.not_applied", error=error.what)
                self._sick = True
            await asyncio.sleep(LOOK_S)

    async def _look(self) -> None:
        if self._left() is None:
            return
        if not self._read:
            await self._recall()
        moment = self._clock.now()
        before = self._clocks.get(moment.boot)
        news = became_known(before, moment, self._clock.uncertainty_ms)
        if news is not None:
            self._clocks[moment.boot] = news
            self._told.discard(moment.boot)
            await self._remember()
            await self._on_known()
        if all(boot in self._told for boot in self._clocks):
            return
        await self._flush()
        await self._make_good()

    async def _make_good(self) -> None:
        """Tell of every boot whose clock is known and not told of, and re-time its rows."""
        doubtful = await self._store.doubtful_boots()
        here = self._clock.now().boot
        known = self._clocks.get(here)
        for earlier in doubtful:
            if earlier.boot != here and earlier.boot not in self._clocks and known is not None:
                estimate = of_earlier_boot(earlier, known)
                if estimate is not None:
                    self._clocks[earlier.boot] = estimate
        names = {boot.boot for boot in doubtful}
        for boot, correction in list(self._clocks.items()):
            if boot not in self._told and boot in names:
                await self._correct(correction)
            self._told.add(boot)
            if boot not in names and boot != here:
                del self._clocks[boot]
        await self._remember()

    async def _correct(self, correction: Correction) -> None:
        # The event is always made when the truth is known, so it says so; how well, its uncertainty tells.
        at = replace(self._clock.now(), trust=ClockTrust.NTP)
        e = await self._store.declare_clock(
            boot=correction.boot,
            offset_ms=correction.offset_ms,
            uncertainty_ms=correction.uncertainty_ms,
            at=at,
        )
        rows = await self._retimed(correction)
        journal.info(
            "clock.known",
            boot=correction.boot,
            e=e,
            uncertainty_ms=correction.uncertainty_ms,
            retimed=rows,
        )

    async def _retimed(self, correction: Correction) -> int:
        """Re-time what has not left, chunk by chunk: while a backlog drains, more has left each time."""
        total, place = 0, BEGINNING
        while place is not None:
            left = self._left()
            if left is None:  # the uplink has just been replaced: it knows in a moment
                await asyncio.sleep(UPLINK_BEGINS_S)
                continue
            rows, place = await self._store.retime(correction, left, place)
            total += rows
        return total

    async def _recall(self) -> None:
        text = await self._store.recall(CLOCKS_KEY) or "{}"
        with contextlib.suppress(ValueError, TypeError, AttributeError):  # spoilt: they are not known then
            for boot, (offset_ms, uncertainty_ms, trust, told) in json.loads(text).items():
                self._clocks[boot] = Correction(
                    boot=boot, offset_ms=offset_ms, uncertainty_ms=uncertainty_ms, trust=ClockTrust(trust)
                )
                if told:
                    self._told.add(boot)
        self._read = True

    async def _remember(self) -> None:
        kept = {
            boot: [c.offset_ms, c.uncertainty_ms, int(c.trust), boot in self._told]
            for boot, c in self._clocks.items()
        }
        await self._store.remember(CLOCKS_KEY, json.dumps(kept))
