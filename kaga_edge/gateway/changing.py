"""Changes over to another configuration while measuring goes on: a reload, a trial, a pace, a stop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from kaga_edge.config import Config, ConfigFaults
from kaga_edge.core.collecting import stopped_sample
from kaga_edge.core.stored import Entry
from kaga_edge.gateway import leaner, paces, plans
from kaga_edge.gateway.collecting import Changed, Collecting
from kaga_edge.gateway.configured import Configured
from kaga_edge.gateway.judging import Judging
from kaga_edge.gateway.line import Line
from kaga_edge.gateway.planning import Planning
from kaga_edge.gateway.present import Present
from kaga_edge.gateway.recorder import Recorder
from kaga_edge.gateway.wired import Buses
from kaga_edge.station import journal
from kaga_edge.station.clock import SystemClock
from kaga_edge.station.notify import Supervisor
from kaga_edge.store import Store


class Changing:
    """One change at a time. ``written``: as the files say; the city's intervals are laid over it."""

    def __init__(
        self,
        present: Present,
        written: Config,
        every_s: Mapping[str, float],
        *,
        group: asyncio.TaskGroup,
        store: Store,
        clock: SystemClock,
        configured: Configured,
        collecting: Collecting,
        buses: Buses,
        recorder: Recorder,
        judging: Judging,
        planning: Planning,
        line: Line,
    ) -> None:
        self._present, self._written, self._paces = present, written, dict(every_s)
        self._group, self._store, self._clock = group, store, clock
        self._configured, self._collecting, self._buses = configured, collecting, buses
        self._recorder, self._judging, self._planning, self._line = recorder, judging, planning, line
        self._one_at_a_time = asyncio.Lock()

    async def when(self, asked: asyncio.Event, supervisor: Supervisor) -> None:
        """Reload whenever SIGHUP asks; run as a task."""
        while True:
            await asked.wait()
            asked.clear()
            supervisor.say("RELOADING=1", f"MONOTONIC_USEC={self._clock.monotonic_ns() // 1000}")
            try:
                await self.reload()
            except ConfigFaults as faults:
                first = faults.faults[0]
                journal.error(
                    "config.rejected",
                    faults=len(faults.faults),
                    file=first.file,
                    line=first.line,
                    key=first.key,
                )
            supervisor.say("READY=1")

    async def reload(self) -> dict[str, Any]:
        """Read the configuration again and change over to it. Raises ConfigFaults: the old one goes on."""
        async with self._one_at_a_time:
            await self._apply(await asyncio.to_thread(self._configured.again))
        return {"v": 1, "k": self._present.catalog.k, "sensors": len(self._present.plans)}

    async def to(self, new: Config) -> None:
        """Change over to a configuration."""
        async with self._one_at_a_time:
            await self._apply(new)

    async def pace(self, sensor: str, every_s: float | None) -> None:
        """Measure a sensor so often from now on, after a restart too; None: as the files say."""
        wanted = {name: pace for name, pace in self._paces.items() if name != sensor}
        if every_s is not None:
            wanted[sensor] = every_s
        await self._store.remember(paces.KEY, paces.to_text(wanted))
        self._paces = wanted
        await self.to(self._written)

    async def collected(self, changed: Changed) -> None:
        """Stop and start what was asked to; what stops is off its wire when this returns."""
        if not (changed.stopped or changed.started):
            return
        await self.to(self._present.config)
        at = self._clock.now()
        for sensor, alert in (*changed.stopped, *changed.started):
            if sensor not in self._present.plans:  # the configuration let it go meanwhile
                continue
            sample = stopped_sample(self._present.plans[sensor], at)
            self._present.latest.pop(sensor, None)  # what it measured before is not its value now
            self._recorder.add(Entry(sample=sample, alerts=(alert,)))

    async def _apply(self, new: Config) -> None:
        """Change over to ``new``: what did not change goes on untouched, what goes is read a last time."""
        old = self._present.config
        self._written = self._written if new is old else new
        new = paces.over(self._written, self._paces)
        wanted = plans.bus_plans(self._collecting.allowed(new))
        if (new.store, new.station) != (old.store, old.station):
            journal.warning("config.partly", fix="[store] and [station] change at the next restart")
        await self._buses.take_down(wanted)
        self._judging.hold()  # what comes now waits until its plan and its catalog are there
        await self._recorder.flush()  # the rows measured so far belong to the old catalog
        told = self._present.told
        await self._planning.plan(new)
        self._judging.release()
        await self._buses.put_up(self._group, wanted)
        self._present.events.apply()
        await self._change_line(old, told)
        journal.info("config.applied", sensors=len(self._present.plans), catalog=self._present.catalog.k)
        leaner.tidy()  # the old plans and what reading the new ones took

    async def _change_line(self, old: Config, told: tuple[str, bytes]) -> None:
        """Begin anew where it leads elsewhere, or the platform must be told something new at birth."""
        others = old.commands != self._present.config.commands
        if others:
            self._line.stop_commands()
        if self._line.changed() or self._present.told != told or others:
            await self._line.stop()
            self._line.start()
