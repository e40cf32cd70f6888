"""What is looked after once a minute: the store's room, stops that are over, a line without its secret."""

from __future__ import annotations

import asyncio
import contextlib
import time

from kaga_edge.gateway import leaner
from kaga_edge.gateway.changing import Changing
from kaga_edge.gateway.collecting import Collecting
from kaga_edge.gateway.line import Line
from kaga_edge.gateway.present import Present
from kaga_edge.gateway.telling import Telling
from kaga_edge.gateway.timewatch import remember_time
from kaga_edge.station.clock import SystemClock
from kaga_edge.store import Store
from kaga_edge.vocabulary.errors import KagaError

REMEMBER_TIME_S = 300.0


class Housekeeping:
    """One task runs ``run``."""

    def __init__(
        self,
        present: Present,
        every_s: float,
        *,
        store: Store,
        clock: SystemClock,
        line: Line,
        collecting: Collecting,
        changing: Changing,
        telling: Telling,
    ) -> None:
        self._present, self._every_s, self._store, self._clock = present, every_s, store, clock
        self._line, self._collecting, self._changing, self._telling = line, collecting, changing, telling
        self._remembered_s = 0.0

    async def run(self) -> None:
        """Keep house for ever."""
        while True:
            await asyncio.sleep(self._every_s)
            if self._line.fault is not None:
                self._line.start()  # somebody may have put the secret there meanwhile
            if (link := self._line.snapshot()) is not None:
                self._present.power.link(there=link.state != "down")
            with contextlib.suppress(KagaError):  # a sick disk is the recorder's to report
                await self._look_after_store()
            await self._telling.write_metrics()
            leaner.tidy()

    async def _look_after_store(self) -> None:
        moment = self._clock.now()
        await self._changing.collected(await self._collecting.over())
        await self._store.purge(moment)
        if time.monotonic() - self._remembered_s >= REMEMBER_TIME_S:
            self._remembered_s = time.monotonic()
            await remember_time(self._store, self._clock)
        await self._telling.look_around()
