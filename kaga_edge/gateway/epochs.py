"""A new epoch of the store: the sensors are declared anew, and what a found file remembers counts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping

from kaga_edge.core.stored import Change, EpochBegan
from kaga_edge.gateway.changing import Changing
from kaga_edge.gateway.collecting import Collecting
from kaga_edge.gateway.line import Line
from kaga_edge.gateway.planning import Planning
from kaga_edge.gateway.present import Present
from kaga_edge.gateway.recorder import Recorder
from kaga_edge.gateway.retired import Retired
from kaga_edge.gateway.telling import Telling
from kaga_edge.gateway.timewatch import LAST_TIME_KEY, not_before
from kaga_edge.gateway.upkeep import Upkeep
from kaga_edge.station.clock import SystemClock
from kaga_edge.store import Store
from kaga_edge.vocabulary.errors import KagaError


class Epochs:
    """Hears every change of the store."""

    def __init__(
        self,
        present: Present,
        *,
        group: asyncio.TaskGroup,
        store: Store,
        clock: SystemClock,
        recorder: Recorder,
        retired: Retired,
        upkeep: Upkeep,
        collecting: Collecting,
        planning: Planning,
        changing: Changing,
        telling: Telling,
        line: Line,
    ) -> None:
        self._present, self._group, self._store, self._clock = present, group, store, clock
        self._recorder, self._retired, self._upkeep = recorder, retired, upkeep
        self._collecting, self._planning = collecting, planning
        self._changing, self._telling, self._line = changing, telling, line

    def hear(self, change: Change) -> None:
        """Take a change, in the loop's thread, after its commit."""
        if isinstance(change, EpochBegan) and change.reason != "renamed":
            if self._store.sick is not None:
                self._recorder.fell_sick(self._store.sick)
            self._group.create_task(self._declare_again(), name="epoch")
            if change.facts:
                self._group.create_task(self._found(dict(change.facts)), name="found")

    async def _declare_again(self) -> None:
        """The store's file was replaced, or memory took over: from now on sensors may have other indices."""
        with contextlib.suppress(KagaError):
            self._present.catalog = await self._planning.declare()
            await self._telling.look_around()
            if self._line.uplink is not None:
                await self._line.uplink.epoch_began()

    async def _found(self, facts: Mapping[str, str]) -> None:
        """The file that could not be opened at the start is there: what it remembers counts from now on."""
        if (known := facts.get(LAST_TIME_KEY)) is not None:
            not_before(self._clock, int(known))
        for sensor_id, state in self._present.states.items():
            now = " ".join(sorted(state.raised))
            told = set(facts.get(f"raised/{sensor_id}", "").split())
            self._retired.add(told - state.raised, (f"raised/{sensor_id}", now))
        with contextlib.suppress(KagaError):  # it fell sick again at once: what was learned counts
            await self._upkeep.also(facts)
            if await self._collecting.also(facts):
                await self._changing.to(self._present.config)
