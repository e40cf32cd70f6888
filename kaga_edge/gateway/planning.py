"""Makes the present out of a configuration: plans, catalog, manifest, rules, lamps, power switches.

At the start what the store remembers goes on; at a reload what did not change goes on untouched, and an
alarm whose rule has gone is handed to ``retired``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from kaga_edge.config import Config
from kaga_edge.core import deriving, message
from kaga_edge.core.sampling import SensorPlan, SensorState
from kaga_edge.core.stored import Catalog
from kaga_edge.gateway import plans
from kaga_edge.gateway.battery import BatteryGuard
from kaga_edge.gateway.events import Events
from kaga_edge.gateway.outputs import Outputs
from kaga_edge.gateway.powerswitches import PowerSwitches
from kaga_edge.gateway.present import Present
from kaga_edge.gateway.retired import ALARMED_KEY, Retired
from kaga_edge.gateway.watches import RAISED_KEY, Watches
from kaga_edge.gateway.wired import Buses
from kaga_edge.station.clock import SystemClock
from kaga_edge.store import Store
from kaga_edge.vocabulary.errors import KagaError


async def recalled(store: Store, key: str) -> str | None:
    """What is remembered; None also while a sick disk cannot say: measuring goes on without it."""
    try:
        return await store.recall(key)
    except KagaError:
        return None


class Planning:
    """``send_every`` sets how often batches go, for event mode."""

    def __init__(
        self,
        present: Present,
        *,
        store: Store,
        clock: SystemClock,
        pins: Callable[[], Any],
        buses: Buses,
        retired: Retired,
        send_every: Callable[[float], None],
    ) -> None:
        self._present, self._store, self._clock, self._pins = present, store, clock, pins
        self._buses, self._retired, self._send_every = buses, retired, send_every
        self._recall = partial(recalled, store)

    async def plan(self, config: Config) -> None:
        """Make everything that depends on the configuration, and on what the store remembers."""
        present = self._present
        present.config = config
        before, present.plans = present.plans, {s.id: plans.sensor_plan(s) for s in config.sensors}
        present.catalog = await self.declare()
        present.manifest = message.compact(plans.manifest(config))
        for sensor_id, plan in present.plans.items():
            await self._resume(sensor_id, plan, before.get(sensor_id))
        await self._retire_sensors()
        present.events = self._events(config, present.events)
        await self._plan_watches(config, first=not before)
        if not before:
            await present.events.recall(self._recall, self._now_s())
        await self._plan_lines(config)

    async def declare(self) -> Catalog:
        """Say which sensors the store's present epoch has."""
        config = self._present.config
        declared = [plans.declaration(s, self._present.plans[s.id]) for s in config.sensors]
        return await self._store.declare(declared, plans.site_facts(config), config.site.id)

    async def _resume(self, sensor_id: str, plan: SensorPlan, old: SensorPlan | None) -> None:
        states = self._present.states
        if sensor_id not in states:
            raised = (await self._recall(f"raised/{sensor_id}") or "").split()
            memory = deriving.from_text(await self._recall(f"derived/{sensor_id}"))
            states[sensor_id] = SensorState(raised=frozenset(raised), memory=memory)
        keys, state = {rule.key for rule in plan.rules}, states[sensor_id]
        histories = plan.kept(state.histories)
        states[sensor_id] = replace(state, raised=state.raised & keys, histories=histories)
        left = " ".join(sorted(state.raised & keys))
        self._retired.add(state.raised - keys, (f"raised/{sensor_id}", left))
        if old is not None and (old.corrections, old.mount) != (plan.corrections, plan.mount):  # no spike
            states[sensor_id] = replace(states[sensor_id], histories={})

    async def _retire_sensors(self) -> None:
        """Clear the alarms of sensors that were taken out, now or while we were off."""
        states = self._present.states
        known = (await self._recall(ALARMED_KEY) or "").split()
        for sensor_id in {*known, *states} - self._present.plans.keys():
            state = states.pop(sensor_id, None)
            told = (await self._recall(f"raised/{sensor_id}") or "").split()
            self._retired.add(state.raised if state else told, (f"raised/{sensor_id}", ""))

    def _events(self, config: Config, before: Events) -> Events:
        batch_s = config.platform.batch_s if config.platform else None
        return Events(
            config.sensors,
            batch_s,
            pace=self._buses.pace,
            send_every=self._send_every,
            known=before.states,
        )

    async def _plan_watches(self, config: Config, *, first: bool) -> None:
        present = self._present
        if present.watches.rules != config.watches or first:
            present.watches = Watches(config.watches, zone=config.site.zone)
            gone = await present.watches.recall(self._recall)
            self._retired.add(gone, (RAISED_KEY, " ".join(sorted(present.watches.raised))))
        present.watches.every_s = {one.id: one.every_s for one in config.sensors}

    async def _plan_lines(self, config: Config) -> None:
        """Lamps and sirens, the battery's guard, power switches: those whose tables changed begin anew."""
        present = self._present
        if present.outputs.signals != config.outputs:
            present.outputs.close()
            present.outputs = Outputs(config.outputs, self._pins, self._now_s)
            present.outputs.open()
        present.outputs.show(present.raised())
        if present.battery.rule != config.battery:
            present.battery = BatteryGuard(config.battery, config.station.runtime)
        if present.power.rules != config.power:
            await present.power.close()
            present.power = self._power(config)
            await present.power.open()

    def _power(self, config: Config) -> PowerSwitches:
        return PowerSwitches(
            config.power,
            pins=self._pins,
            now=self._clock.now,
            memory=self._store,
            restored=self._buses.begin_anew,
        )

    def _now_s(self) -> float:
        return self._clock.monotonic_ns() / 1e9
