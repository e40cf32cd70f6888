"""Builds every part of the daemon, once, and gives each what it needs by name; nothing is decided here.

The order is the path of a reading: wires to store, store to platform, and then what changes all that. Where
a part needs one that is built later it is given a small function, never the whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from kaga_edge.buses import BusSensor, Wires
from kaga_edge.config import Config
from kaga_edge.gateway import diskwatch, paces
from kaga_edge.gateway.answers import Answers
from kaga_edge.gateway.changing import Changing
from kaga_edge.gateway.collecting import Collecting
from kaga_edge.gateway.configured import MEMORY, Configured
from kaga_edge.gateway.counting import Counting
from kaga_edge.gateway.diskwatch import DiskWatch
from kaga_edge.gateway.epochs import Epochs
from kaga_edge.gateway.judging import Judging
from kaga_edge.gateway.line import Line
from kaga_edge.gateway.planning import Planning, recalled
from kaga_edge.gateway.present import Present
from kaga_edge.gateway.recorder import Recorder
from kaga_edge.gateway.retired import Retired
from kaga_edge.gateway.telling import Telling
from kaga_edge.gateway.upkeep import Upkeep
from kaga_edge.gateway.wired import Buses
from kaga_edge.station.clock import SystemClock
from kaga_edge.station.notify import Supervisor
from kaga_edge.station.page.opening import Opening
from kaga_edge.store import Store

if TYPE_CHECKING:
    from kaga_edge.uplink.commands import Commands


class Parts:
    """The parts of one daemon, from ``build`` on; none runs yet then."""

    def __init__(
        self,
        present: Present,
        *,
        group: asyncio.TaskGroup,
        store: Store,
        clock: SystemClock,
        configured: Configured,
    ) -> None:
        self.present, self.group, self.store = present, group, store
        self.clock, self.configured = clock, configured

    async def build(
        self, config: Config, wires: Wires, *, page: Opening, supervisor: Supervisor, began_ns: int
    ) -> None:
        """Build them with what the store remembers. ``began_ns``: monotonic time of the daemon's start."""
        await self._recall()
        every_s = paces.from_text(await self.store.recall(paces.KEY))
        self.present.config = paces.over(config, every_s)
        self._build_measuring(wires)
        self._build_telling(supervisor, began_ns)
        self._build_planning(wires.pin_factory)
        self._build_changing(config, every_s)
        self._build_hearing()
        self._build_asking(page)

    async def _recall(self) -> None:
        self.counting, self.retired, self.disk = Counting(), Retired(), DiskWatch()
        self.upkeep = Upkeep(self.store, self.clock.now)
        await self.upkeep.recall()
        self.collecting = Collecting(self.store, self.clock.now)
        await self.collecting.recall()
        self.configured.recall(await self.store.recall(MEMORY))
        self.disk.recall(await self.store.recall(diskwatch.MEMORY))

    def _build_measuring(self, wires: Wires) -> None:
        """From the wires to the store."""
        self.recorder = Recorder(self.store, more_soon=lambda: self.buses.expect())
        judging = self.judging = Judging(
            self.present,
            store=self.store,
            clock=self.clock,
            recorder=self.recorder,
            counting=self.counting,
            upkeep=self.upkeep,
            configured=self.configured,
            retired=self.retired,
            disk=self.disk,
        )
        self.buses = Buses(wires, self.clock, on_polled=judging.take, begin=self._begin)

    async def _begin(self, sensor: BusSensor) -> None:
        await self.counting.begin(sensor, self.clock.now(), partial(recalled, self.store))

    def _build_telling(self, supervisor: Supervisor, began_ns: int) -> None:
        """From the store to the platform, and to whoever asks how it is."""
        self.line = Line(
            self.present,
            group=self.group,
            store=self.store,
            clock=self.clock,
            health=lambda: self.telling.health(),
            commands=self._commands,
        )
        self.telling = Telling(
            self.present,
            store=self.store,
            clock=self.clock,
            began_ns=began_ns,
            buses=self.buses,
            line=self.line,
            recorder=self.recorder,
            collecting=self.collecting,
            upkeep=self.upkeep,
            configured=self.configured,
            supervisor=supervisor,
        )

    def _build_planning(self, pins: Callable[[], Any]) -> None:
        """What makes the present."""
        self.planning = Planning(
            self.present,
            store=self.store,
            clock=self.clock,
            pins=pins,
            buses=self.buses,
            retired=self.retired,
            send_every=self.line.batch_every,
        )

    def _build_changing(self, config: Config, every_s: Mapping[str, float]) -> None:
        """What changes it while it runs."""
        self.changing = Changing(
            self.present,
            config,
            every_s,
            group=self.group,
            store=self.store,
            clock=self.clock,
            configured=self.configured,
            collecting=self.collecting,
            buses=self.buses,
            recorder=self.recorder,
            judging=self.judging,
            planning=self.planning,
            line=self.line,
        )

    def _build_hearing(self) -> None:
        """What hears of the store's new epochs."""
        self.epochs = Epochs(
            self.present,
            group=self.group,
            store=self.store,
            clock=self.clock,
            recorder=self.recorder,
            retired=self.retired,
            upkeep=self.upkeep,
            collecting=self.collecting,
            planning=self.planning,
            changing=self.changing,
            telling=self.telling,
            line=self.line,
        )

    def _build_asking(self, page: Opening) -> None:
        """What people ask over the control socket."""
        self.answers = Answers(
            self.present,
            store=self.store,
            clock=self.clock,
            buses=self.buses,
            line=self.line,
            upkeep=self.upkeep,
            collecting=self.collecting,
            configured=self.configured,
            changing=self.changing,
            telling=self.telling,
            web=page.ask,
        )

    def _commands(self) -> Commands:
        """What the city asks over the line."""
        from kaga_edge.gateway import commanded  # late: most stations take none

        answers = self.answers
        station = commanded.Station(
            config=lambda: self.present.config,
            store=self.store,
            clock=self.clock,
            uplink=lambda: self.line.uplink,
            up_s=lambda: self.telling.up_s,
            asks={"read": answers.read, "collect": answers.collect, "maintenance": answers.maintenance},
            pace=self.changing.pace,
            configured=self.configured,
            change_to=self.changing.to,
        )
        return commanded.commands(station)
