"""What the control socket answers: each action is a few words here and done by the part that knows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from kaga_edge.buses import Polled
from kaga_edge.gateway import companions, linecut, shown, snapshot
from kaga_edge.gateway.changing import Changing
from kaga_edge.gateway.collecting import Collecting
from kaga_edge.gateway.configured import Configured
from kaga_edge.gateway.line import Line
from kaga_edge.gateway.present import Present
from kaga_edge.gateway.telling import Telling
from kaga_edge.gateway.upkeep import Upkeep
from kaga_edge.gateway.wired import Buses
from kaga_edge.station.clock import SystemClock
from kaga_edge.store import Store
from kaga_edge.vocabulary.errors import AskedWrongly, CollectionStopped

Answer = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class Answers:
    """``table`` has them by ``op``; ``web`` is the status page's."""

    def __init__(
        self,
        present: Present,
        *,
        store: Store,
        clock: SystemClock,
        buses: Buses,
        line: Line,
        upkeep: Upkeep,
        collecting: Collecting,
        configured: Configured,
        changing: Changing,
        telling: Telling,
        web: Answer,
    ) -> None:
        self._present, self._store, self._clock, self._buses = present, store, clock, buses
        self._line, self._upkeep, self._collecting = line, upkeep, collecting
        self._configured, self._changing, self._telling = configured, changing, telling
        self._web = web

    @property
    def table(self) -> dict[str, Answer]:
        """Every action."""
        return {
            "status": self._status,
            "read": self.read,
            "take": self._take,
            "maintenance": self.maintenance,
            "output": self._output,
            "reload": self._reload,
            "site": self._site,
            "sensors": self._sensors,
            "series": self._series,
            "web": self._web,
            "config": self._config,
            "collect": self.collect,
            "cut": self._cut,
            "metrics": self._metrics,
        }

    # --- what a command of the city can ask as well ---

    async def read(self, request: dict[str, Any]) -> dict[str, Any]:
        """One reading now, as the instrument says it."""
        return snapshot.polled(await self._read_now(request))

    async def collect(self, request: dict[str, Any]) -> dict[str, Any]:
        """Stop or start collecting. What stops is off its wire when this returns."""
        await self._changing.collected(await self._collecting.ask(request, tuple(self._present.plans)))
        return self._collecting.told()

    async def maintenance(self, request: dict[str, Any]) -> dict[str, Any]:
        """Begin or end a maintenance window."""
        return await self._upkeep.ask(request, tuple(self._present.plans))

    # --- the others ---

    async def _status(self, _request: dict[str, Any]) -> dict[str, Any]:
        return await self._telling.status()

    async def _metrics(self, _request: dict[str, Any]) -> dict[str, Any]:
        return {"v": 1, "text": await self._telling.metrics()}

    async def _take(self, request: dict[str, Any]) -> dict[str, Any]:
        """One reading now, sited but not calibrated: what a calibration starts from."""
        polled = await self._read_now(request)
        present, now_s = self._present, self._clock.monotonic_ns() / 1e9
        plan = present.plans[polled.sensor]
        return snapshot.taken(plan, polled, companions.around(plan, present.latest, present.config, now_s))

    async def _output(self, request: dict[str, Any]) -> dict[str, Any]:
        return await self._present.outputs.ask(request)

    async def _reload(self, _request: dict[str, Any]) -> dict[str, Any]:
        return await self._changing.reload()

    async def _site(self, _request: dict[str, Any]) -> dict[str, Any]:
        return shown.site(self._present.config, self._present.plans, self._present.catalog.k)

    async def _sensors(self, _request: dict[str, Any]) -> dict[str, Any]:
        return shown.sensors(self._present.config)

    async def _series(self, request: dict[str, Any]) -> dict[str, Any]:
        return await shown.series(self._store, self._present.plans, request, self._clock.now().wall_ms)

    async def _config(self, request: dict[str, Any]) -> dict[str, Any]:
        return await self._configured.ask(request, self._changing.to)

    async def _cut(self, request: dict[str, Any]) -> dict[str, Any]:
        return linecut.cut(self._line.uplink, request)

    async def _read_now(self, request: dict[str, Any]) -> Polled:
        wanted = request.get("sensor")
        if wanted in self._collecting.stopped:
            raise CollectionStopped(f"{wanted}: collecting is stopped", fix="kaga-edge collect status")
        polled = await self._buses.read_now(str(wanted))
        if polled is not None:
            return polled
        known = ", ".join(self._present.plans)
        raise AskedWrongly(f"no sensor {wanted!r} in the configuration", fix=f"One of: {known}")
