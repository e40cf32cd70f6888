"""What is told of the station: status, health message, systemd's line, metrics, events of the look around."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from kaga_edge.gateway import daily, notable, snapshot
from kaga_edge.gateway.collecting import Collecting
from kaga_edge.gateway.configured import Configured
from kaga_edge.gateway.line import Line
from kaga_edge.gateway.present import Present
from kaga_edge.gateway.recorder import Recorder
from kaga_edge.gateway.upkeep import Upkeep
from kaga_edge.gateway.wired import Buses
from kaga_edge.station import journal, metrics
from kaga_edge.station.clock import SystemClock
from kaga_edge.station.notify import Supervisor
from kaga_edge.store import Store
from kaga_edge.vocabulary.errors import KagaError

ANSWER_WITHIN_S = 2.0  # to whoever asks how it is, however slow the disk


class Telling:
    """``began_ns``: monotonic time of the start. Nothing can be told before the first ``look_around``."""

    def __init__(
        self,
        present: Present,
        *,
        store: Store,
        clock: SystemClock,
        began_ns: int,
        buses: Buses,
        line: Line,
        recorder: Recorder,
        collecting: Collecting,
        upkeep: Upkeep,
        configured: Configured,
        supervisor: Supervisor,
    ) -> None:
        self._present, self._store, self._clock, self._began_ns = present, store, clock, began_ns
        self._buses, self._line, self._recorder = buses, line, recorder
        self._collecting, self._upkeep, self._configured = collecting, upkeep, configured
        self._supervisor = supervisor
        self._look: notable.Look | None = None
        self._day: daily.Day | None = None

    @property
    def up_s(self) -> float:
        """Seconds since the start."""
        return (self._clock.monotonic_ns() - self._began_ns) / 1e9

    def health(self) -> dict[str, Any]:
        """Return the body of a health message."""
        return snapshot.health(self._facts())

    async def status(self) -> dict[str, Any]:
        """Return what ``kaga-edge status`` shows."""
        # A disk that has just fallen sick, or that hangs: what was known last.
        with contextlib.suppress(KagaError, TimeoutError):
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await self._refresh()
        told = snapshot.status(self._facts(), degraded=self._configured.degraded)
        told |= {"maintenance": self._upkeep.told()["windows"], "config": self._configured.told()}
        told |= {"stopped": self._collecting.told()["stopped"]}
        return told | {"k": self._present.catalog.k, "alarms": sorted(self._present.raised())}

    async def metrics(self) -> str:
        """Return the status as Prometheus reads it."""
        return metrics.text(await self.status())

    async def write_metrics(self) -> None:
        """Write them where the configuration wants them."""
        file = self._present.config.station.metrics
        if file is None:
            return
        exposition = await self.metrics()
        try:
            await asyncio.to_thread(metrics.write, file, exposition)  # it may lie on a disk that hangs
        except OSError as error:
            journal.warning("metrics.not_written", error=error.strerror, where=file)

    async def look_around(self) -> None:
        """Tell systemd how it is, and the log what is new. Raises KagaError: a sick disk."""
        await self._refresh()
        facts = self._facts()
        degraded = ", last good configuration" if self._configured.degraded else ""
        self._supervisor.status(snapshot.line(facts) + degraded)
        self._look, news = notable.look(self._look, facts)
        for one in news:
            journal.event(one.level, one.name, **one.fields)
        await self._day_by_day(facts)
        journal.tick()

    async def _refresh(self) -> None:
        self._ledger, self._size = await self._store.ledger(), await self._store.size()
        waiting = [e.oldest_at_ms for e in (await self._store.standing()).epochs]
        self._oldest_ms = min((at_ms for at_ms in waiting if at_ms is not None), default=None)

    async def _day_by_day(self, facts: snapshot.Facts) -> None:
        with contextlib.suppress(KagaError):  # a sick disk is the recorder's to report
            known = self._day or daily.from_text(await self._store.recall(daily.KEY))
            self._day, news = daily.step(known, facts)
            if self._day is not None and self._day != known:
                await self._store.remember(daily.KEY, daily.to_text(self._day))
            for one in news:
                journal.event(one.level, one.name, **one.fields)

    def _facts(self) -> snapshot.Facts:
        return snapshot.Facts(
            config=self._present.config,
            plans=self._present.plans,
            latest=self._present.latest,
            index=self._present.catalog.index,
            buses=self._buses.health(),
            uplink=self._line.snapshot(),
            uplink_fault=self._line.fault,
            ep=self._store.epoch,
            ledger=self._ledger,
            stopped=self._collecting.stopped,
            oldest_ms=self._oldest_ms,
            size=self._size,
            held=self._recorder.held,
            sick=self._recorder.sick,
            damaged=self._store.damaged,
            moment=self._clock.now(),
            now_s=self._clock.monotonic_ns() / 1e9,
            up_s=self.up_s,
        )
