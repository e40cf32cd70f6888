"""The daemon: one TaskGroup, one named task per concern.

An expected failure degrades one sensor or the link and is data; anything else ends the group, and
systemd starts us again. Nothing here waits for the network or for the time of day.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kaga_edge import __version__
from kaga_edge.buses import BusSensor, Polled, Wires
from kaga_edge.config import Config, ConfigFaults
from kaga_edge.core import deriving, message
from kaga_edge.core.collecting import stopped_sample
from kaga_edge.core.sampling import SensorPlan, SensorState, judge
from kaga_edge.core.signalling import Signal
from kaga_edge.core.siting import Surroundings
from kaga_edge.core.stored import Catalog, Change, Entry, EpochBegan
from kaga_edge.core.timekeeping import Floor
from kaga_edge.gateway import (
    companions,
    daily,
    diskwatch,
    leaner,
    linecut,
    notable,
    paces,
    plans,
    shown,
    snapshot,
)
from kaga_edge.gateway.battery import BatteryGuard
from kaga_edge.gateway.collecting import Changed, Collecting
from kaga_edge.gateway.configured import MEMORY, Configured
from kaga_edge.gateway.counting import Counting
from kaga_edge.gateway.diskwatch import DiskWatch
from kaga_edge.gateway.events import Events
from kaga_edge.gateway.latest import Latest, log_alert, log_change, newer
from kaga_edge.gateway.outputs import Outputs
from kaga_edge.gateway.powerswitches import PowerSwitches
from kaga_edge.gateway.recorder import Recorder
from kaga_edge.gateway.retired import ALARMED_KEY, Retired
from kaga_edge.gateway.timewatch import TimeWatch
from kaga_edge.gateway.upkeep import Upkeep
from kaga_edge.gateway.watches import RAISED_KEY, Watches
from kaga_edge.gateway.wired import Buses
from kaga_edge.gateway.wording import worded_rank
from kaga_edge.station import journal, metrics
from kaga_edge.station.clock import SystemClock
from kaga_edge.station.control import ControlSocket
from kaga_edge.station.notify import Supervisor
from kaga_edge.station.page.opening import Opening
from kaga_edge.store import Store
from kaga_edge.uplink import Uplink, UplinkSettings
from kaga_edge.vocabulary.errors import CollectionStopped, KagaError, SensorSilent
from kaga_edge.vocabulary.readings import Alert, ClockTrust, Moment, Sample

if TYPE_CHECKING:
    from kaga_edge.uplink.commands import Commands

HOUSEKEEPING_S = 60.0
REMEMBER_TIME_S = 300.0
ANSWER_WITHIN_S = 2.0  # to whoever asks how it is, however slow the disk
STOP_BUSES_S = 2.0
STOP_UPLINK_S = 2.0  # both within the five seconds a stop may take


class Daemon:
    """One gateway from start to stop."""

    def __init__(
        self,
        config: Config,
        path: Path,
        wires: Wires,
        clock: SystemClock | None = None,
        configured: Configured | None = None,
    ) -> None:
        self.config = config
        self._wires = wires
        self._clock = clock or SystemClock()
        self.housekeep_every_s = HOUSEKEEPING_S
        self._configured = configured or Configured(path, self._clock.now)
        self._supervisor = Supervisor()
        self._started_ns = self._clock.monotonic_ns()
        self._buses = Buses(wires, self._clock, on_polled=self._on_polled, begin=self._begin_sensor)
        self._plans: dict[str, SensorPlan] = {}
        self._states: dict[str, SensorState] = {}
        self._latest: dict[str, Latest] = {}
        self._counting = Counting()
        self._watches = Watches((), zone=config.site.zone)
        self._events = self._plan_events(config)
        self._outputs = self._make_outputs(())
        self._retired = Retired()
        self._disk = DiskWatch()
        self._power = PowerSwitches((), pins=wires.pin_factory, now=self._clock.now)
        self._battery = BatteryGuard(config.battery, config.station.runtime)
        self._page = Opening(config.station.runtime / "control.sock", config.store.path.parent / "web", path)
        self._one_reload = asyncio.Lock()
        self._control: ControlSocket | None = None
        self._uplink: Uplink | None = None
        self._uplink_task: asyncio.Task[None] | None = None
        self._fixed: list[asyncio.Task[None]] = []
        self._early: list[Polled] | None = None  # a list only while a reload changes the plans
        self._uplink_fault: KagaError | None = None
        self._look: notable.Look | None = None
        self._day: daily.Day | None = None
        self._commands: Commands | None = None
        self._commands_task: asyncio.Task[None] | None = None
        self._written = config  # as the files say; ``config`` has the intervals the city has set
        self._paces: dict[str, float] = {}

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT. Everything measured is committed when it returns."""
        loop = asyncio.get_running_loop()
        stop, reload = asyncio.Event(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGHUP, reload.set)
        await self._open()
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                await self._start(reload)
                await stop.wait()
                journal.info("service.stopping")
                self._supervisor.say("STOPPING=1")
                await self._stop()
        finally:
            if self._control is not None:
                await self._control.close()
            self._store.on_change.clear()  # what a last try of the disk changes, nobody needs to hear
            await self._store.close()

    # --- start ---

    async def _open(self) -> None:
        settings = self.config.store
        self._store = await Store.open(
            settings.path,
            max_bytes=settings.max_bytes,
            keep_delivered_s=settings.keep_delivered_s,
            keep_free_bytes=settings.keep_free_bytes,
            clock=self._clock,
            from_memory=True,
        )
        if self._store.in_memory is not None:  # no lock on a file keeps a second daemon away
            await self._control_socket().refuse_second()
        known = await self._store.recall("last_time_ms")
        if known is not None:
            self._floor(int(known))
        self._recorder = Recorder(self._store, more_soon=self._buses.expect)
        self._store_sick()
        self._upkeep = Upkeep(self._store, self._clock.now)
        await self._upkeep.recall()
        self._collecting = Collecting(self._store, self._clock.now)
        await self._collecting.recall()
        self._configured.recall(await self._store.recall(MEMORY))
        self._paces = paces.from_text(await self._store.recall(paces.KEY))
        self.config = paces.over(self._written, self._paces)
        self._disk.recall(await self._store.recall(diskwatch.MEMORY))

    def _floor(self, wall_ms: int) -> None:
        self._clock.floor = Floor(wall_ms=wall_ms, seen_up_ms=self._clock.now().up_ms)

    async def _start(self, reload: asyncio.Event) -> None:
        self._store.on_change.append(self._store_changed)
        await self._plan_sensors()
        await self._buses.put_up(self._group, plans.bus_plans(self._collecting.allowed(self.config)))
        self._events.apply()
        for work, name in (
            (self._recorder.run(), "recorder"),
            (self._reload_when(reload), "reload"),
            (self._keep_house(), "housekeeping"),
            (self._feed_watchdog(), "watchdog"),
            (self._time_watch().run(), "time"),
            (self._configured.watch(self._change_to), "configuration"),
        ):
            self._fixed.append(self._group.create_task(work, name=name))
        self._start_uplink()
        await self._tell_status()
        self._control = self._control_socket()
        await self._control.open()
        await self._write_metrics()
        self._supervisor.say("READY=1")
        leaner.settle()
        journal.info(
            "service.ready",
            version=__version__,
            gw=self.config.site.id,
            sensors=len(self._plans),
            epoch=self._store.epoch,
            clock=self._clock.now().trust.name.lower(),
            reason=await notable.began(self._store, boot=self._clock.boot, version=__version__),
            startup_ms=round((self._clock.monotonic_ns() - self._started_ns) / 1e6),
        )

    def _control_socket(self) -> ControlSocket:
        return ControlSocket(
            self.config.station.runtime / "control.sock",
            {
                "status": self._status,
                "read": self._read,
                "take": self._take,
                "maintenance": self._maintenance,
                "output": self._output,
                "reload": self._reload,
                "site": self._site,
                "sensors": self._sensors,
                "series": self._series,
                "web": self._page.ask,
                "config": self._config,
                "collect": self._collect,
                "cut": self._cut,
                "metrics": self._metrics,
            },
        )

    async def _plan_sensors(self) -> None:
        """Make the plans, the catalog and the manifest of the present configuration."""
        before, self._plans = self._plans, {s.id: plans.sensor_plan(s) for s in self.config.sensors}
        self._catalog = await self._declare()
        self._manifest = message.compact(plans.manifest(self.config))
        for sensor_id, plan in self._plans.items():
            if sensor_id not in self._states:
                raised = (await self._recall(f"raised/{sensor_id}") or "").split()
                memory = deriving.from_text(await self._recall(f"derived/{sensor_id}"))
                self._states[sensor_id] = SensorState(raised=frozenset(raised), memory=memory)
            keys = {rule.key for rule in plan.rules}
            state = self._states[sensor_id]
            self._states[sensor_id] = replace(state, raised=state.raised & keys)
            self._retired.add(
                state.raised - keys, (f"raised/{sensor_id}", " ".join(sorted(state.raised & keys)))
            )
            old = before.get(sensor_id)
            if old is not None and old.corrections != plan.corrections:  # a new line is no spike
                self._states[sensor_id] = replace(self._states[sensor_id], histories={})

        await self._retire_sensors()
        self._events = self._plan_events(self.config, self._events)
        if self._watches.rules != self.config.watches or not before:
            self._watches = Watches(self.config.watches, zone=self.config.site.zone)
            gone = await self._watches.recall(self._recall)
            self._retired.add(gone, (RAISED_KEY, " ".join(sorted(self._watches.raised))))
        if not before:
            await self._events.recall(self._recall, self._clock.monotonic_ns() / 1e9)
        self._watches.every_s = {one.id: one.every_s for one in self.config.sensors}
        if self._outputs.signals != self.config.outputs:
            self._outputs.close()
            self._outputs = self._make_outputs(self.config.outputs)
            self._outputs.open()
        self._outputs.show(self._raised())
        if self._battery.rule != self.config.battery:
            self._battery = BatteryGuard(self.config.battery, self.config.station.runtime)
        if self._power.rules != self.config.power:
            await self._power.close()
            self._power = self._make_power()
            await self._power.open()

    async def _recall(self, key: str) -> str | None:
        """What is remembered; None also while a sick disk cannot say: measuring goes on without it."""
        try:
            return await self._store.recall(key)
        except KagaError:
            return None

    async def _retire_sensors(self) -> None:
        """Clear the alarms of sensors that were taken out, now or while we were off."""
        known = (await self._recall(ALARMED_KEY) or "").split()
        for sensor_id in {*known, *self._states} - self._plans.keys():
            state = self._states.pop(sensor_id, None)
            told = (await self._recall(f"raised/{sensor_id}") or "").split()
            self._retired.add(state.raised if state else told, (f"raised/{sensor_id}", ""))

    def _make_power(self) -> PowerSwitches:
        return PowerSwitches(
            self.config.power,
            pins=self._wires.pin_factory,
            now=self._clock.now,
            memory=self._store,
            restored=self._buses.begin_anew,
        )

    async def _declare(self) -> Catalog:
        """Say which sensors the store's present epoch has."""
        declared = [plans.declaration(s, self._plans[s.id]) for s in self.config.sensors]
        return await self._store.declare(declared, plans.site_facts(self.config), self.config.site.id)

    def _store_changed(self, change: Change) -> None:
        if isinstance(change, EpochBegan):
            self._store_sick()
            self._group.create_task(self._new_epoch(), name="epoch")
            if change.facts:
                self._group.create_task(self._found(dict(change.facts)), name="found")

    def _store_sick(self) -> None:
        if self._store.sick is not None:
            self._recorder.fell_sick(self._store.sick)

    async def _found(self, facts: dict[str, str]) -> None:
        """The file that could not be opened at the start is there: what it remembers counts from now on."""
        if (known := facts.get("last_time_ms")) is not None:
            self._floor(int(known))
        for sensor_id, state in self._states.items():
            now = " ".join(sorted(state.raised))
            told = set(facts.get(f"raised/{sensor_id}", "").split())
            self._retired.add(told - state.raised, (f"raised/{sensor_id}", now))
        with contextlib.suppress(KagaError):  # it fell sick again at once: what was learned counts
            await self._upkeep.also(facts)
            if await self._collecting.also(facts):
                await self._change_to(self.config)

    async def _new_epoch(self) -> None:
        """The store's file was replaced, or memory took over: from now on sensors may have other indices."""
        with contextlib.suppress(KagaError):
            self._catalog = await self._declare()
            await self._tell_status()

    def _make_outputs(self, signals: tuple[Signal, ...]) -> Outputs:
        return Outputs(signals, self._wires.pin_factory, lambda: self._clock.monotonic_ns() / 1e9)

    def _raised(self) -> set[str]:
        """Return the keys of every alarm raised now."""
        return self._watches.raised.union(*(state.raised for state in self._states.values()))

    async def _begin_sensor(self, sensor: BusSensor) -> None:
        await self._counting.begin(sensor, self._clock.now(), self._recall)

    def _told(self) -> tuple[str, bytes]:
        """What the platform was told of us at birth: catalog and manifest."""
        return self._catalog.k, self._manifest

    def _uplink_wanted(self) -> UplinkSettings | None:
        """Return the uplink's settings; a password that is not there is no reason not to measure."""
        before = self._uplink_fault
        try:
            settings = plans.uplink_settings(self.config)
        except KagaError as fault:
            self._uplink_fault = fault
            if before is None:
                journal.error(
                    "link.unset", code=fault.code, error=fault.what, where=fault.where, fix=fault.fix
                )
            return None
        self._uplink_fault = None
        return settings

    def _start_uplink(self) -> None:
        settings = self._uplink_settings = self._uplink_wanted()
        if settings is None:
            return
        self._start_commands()
        self._uplink = Uplink(
            settings,
            store=self._store,
            clock=self._clock,
            birth_facts=self._birth_facts,
            manifest=lambda: self._manifest,
            health=self._health,
            health_delivered=self._health_delivered,
            on_command=self._commands.take if self._commands is not None else None,
        )
        self._uplink_task = self._group.create_task(self._uplink.run(), name="uplink")
        self._events.apply()

    # --- commands of the city ---

    def _start_commands(self) -> None:
        if self.config.commands is None or self._commands is not None:
            return
        from kaga_edge.gateway import commanded  # late: most stations take none

        station = commanded.Station(
            config=lambda: self.config,
            store=self._store,
            clock=self._clock,
            uplink=lambda: self._uplink,
            up_s=lambda: (self._clock.monotonic_ns() - self._started_ns) / 1e9,
            asks={"read": self._read, "collect": self._collect, "maintenance": self._maintenance},
            pace=self._set_pace,
            configured=self._configured,
            change_to=self._change_to,
        )
        self._commands = commanded.commands(station)
        self._commands_task = self._group.create_task(self._commands.run(), name="commands")

    def _stop_commands(self) -> None:
        if self._commands_task is not None:
            self._commands_task.cancel()
        self._commands = self._commands_task = None

    async def _set_pace(self, sensor: str, every_s: float | None) -> None:
        """Measure a sensor so often from now on, after a restart too; None: as the files say."""
        wanted = {name: pace for name, pace in self._paces.items() if name != sensor}
        if every_s is not None:
            wanted[sensor] = every_s
        await self._store.remember(paces.KEY, paces.to_text(wanted))
        self._paces = wanted
        await self._change_to(self._written)

    # --- event mode: measure and send faster ---

    def _plan_events(self, config: Config, before: Events | None = None) -> Events:
        batch_s = config.platform.batch_s if config.platform else None
        known = before.states if before is not None else {}
        return Events(
            config.sensors, batch_s, pace=self._buses.pace, send_every=self._send_every, known=known
        )

    def _send_every(self, seconds: float) -> None:
        if self._uplink is not None:
            self._uplink.batch_every(seconds)

    # --- the path of a reading ---

    def _on_polled(self, polled: Polled) -> None:
        if self._early is not None:
            self._early.append(polled)
            return
        plan = self._plans.get(polled.sensor)
        if plan is None:  # the last words of a bus that a reload took away
            return
        at_s = self._clock.monotonic_ns() / 1e9
        if (gap := self._counting.missed(plan)) is not None:
            self._recorder.add(Entry(sample=gap))
        known = self._states[plan.id]
        state, judged = judge(
            plan,
            known,
            at=polled.at,
            at_s=at_s,
            measurements=polled.measurements,
            around=self._around(plan),
            raw=polled.raw,
            maintained=self._upkeep.covers(plan.id, polled.at),
        )
        self._states[plan.id] = state
        seen = self._watches.see(judged.sample, at_s)
        alerts = (*map(worded_rank, judged.alerts), *seen.alerts)
        for alert in alerts:
            log_alert(alert)
        if alerts:
            self._outputs.show(self._raised())
        self._power.see(polled)
        kept = self._upkeep.keep(seen.sample, alerts)
        self._battery.see(kept.sample, at_s)
        told, remember = self._news(polled.at)
        paced = self._events.see(kept.sample, at_s, state.raised)
        remember = (
            *self._to_remember(plan.id, known, polled.at),
            *seen.remember,
            *kept.remember,
            *paced,
            *remember,
        )
        self._recorder.add(Entry(sample=kept.sample, alerts=(*kept.alerts, *told), remember=remember))
        self._note_latest(plan.id, kept.sample, polled.error, at_s)

    def _news(self, at: Moment) -> tuple[tuple[Alert, ...], tuple[tuple[str, str], ...]]:
        """Return what goes to the city with the next sample, whichever it is, and its memory."""
        told: tuple[Alert, ...] = ()
        remember: tuple[tuple[str, str], ...] = ()
        for alerts, memory in (
            self._configured.news(at),
            self._retired.news(at),
            self._disk.news(at, self._store.sick),
        ):
            if memory:
                told, remember = (*told, *alerts), (*remember, *memory)
        return told, remember

    def _note_latest(self, sensor: str, sample: Sample, error: KagaError | None, at_s: float) -> None:
        before = self._latest.get(sensor)
        self._latest[sensor] = after = newer(before, sample, error, at_s)
        log_change(sensor, before, after)
        for one in notable.values(sensor, before, after):
            journal.event(one.level, one.name, **one.fields)

    def _to_remember(self, sensor_id: str, known: SensorState, at: Moment) -> tuple[tuple[str, str], ...]:
        """Return what a restart must know of a sensor: alarms, sums, how far its counter stands."""
        pairs, state = [], self._states[sensor_id]
        if state.raised != known.raised:
            pairs.append((f"raised/{sensor_id}", " ".join(sorted(state.raised))))
            alarmed = (one for one, its in self._states.items() if its.raised)
            pairs.append((ALARMED_KEY, " ".join(sorted(alarmed))))
        if deriving.must_remember(known.memory, state.memory):
            pairs.append((f"derived/{sensor_id}", deriving.to_text(state.memory)))
        pairs += self._counting.to_remember(sensor_id, at)
        return tuple(pairs)

    def _around(self, plan: SensorPlan) -> Surroundings:
        return companions.around(plan, self._latest, self.config, self._clock.monotonic_ns() / 1e9)

    # --- what others are told ---

    def _birth_facts(self) -> dict[str, Any]:
        return {"sw": __version__, "k": self._catalog.k, "m": message.digest(self._manifest)}

    def _health(self) -> dict[str, Any]:
        return snapshot.health(self._facts())

    def _health_delivered(self, body: dict[str, Any]) -> None:
        """Let go of the ledger lines that the platform now has."""
        told = [int(line["id"]) for line in body["led"]]
        if told:
            self._group.create_task(self._forget_told(max(told)), name="ledger")

    async def _forget_told(self, upto: int) -> None:
        with contextlib.suppress(KagaError):  # a sick disk: the next health message carries them again
            await self._store.ledger_reported(upto)

    async def _status(self, _request: dict[str, Any]) -> dict[str, Any]:
        # A disk that has just fallen sick, or that hangs: what was known last.
        with contextlib.suppress(KagaError, TimeoutError):
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await self._refresh()
        told = snapshot.status(self._facts(), degraded=self._configured.degraded)
        told |= {"maintenance": self._upkeep.told()["windows"], "config": self._configured.told()}
        told |= {"stopped": self._collecting.told()["stopped"]}
        return told | {"k": self._catalog.k, "alarms": sorted(self._raised())}

    async def _site(self, _request: dict[str, Any]) -> dict[str, Any]:
        return shown.site(self.config, self._plans, self._catalog.k)

    async def _sensors(self, _request: dict[str, Any]) -> dict[str, Any]:
        return shown.sensors(self.config)

    async def _series(self, request: dict[str, Any]) -> dict[str, Any]:
        return await shown.series(self._store, self._plans, request, self._clock.now().wall_ms)

    async def _maintenance(self, request: dict[str, Any]) -> dict[str, Any]:
        return await self._upkeep.ask(request, tuple(self._plans))

    async def _read(self, request: dict[str, Any]) -> dict[str, Any]:
        return snapshot.polled(await self._read_now(request))

    async def _take(self, request: dict[str, Any]) -> dict[str, Any]:
        """One reading now, sited but not calibrated: what a calibration starts from."""
        polled = await self._read_now(request)
        plan = self._plans[polled.sensor]
        return snapshot.taken(plan, polled, self._around(plan))

    async def _cut(self, request: dict[str, Any]) -> dict[str, Any]:
        return linecut.cut(self._uplink, request)

    async def _output(self, request: dict[str, Any]) -> dict[str, Any]:
        return await self._outputs.ask(request)

    async def _read_now(self, request: dict[str, Any]) -> Polled:
        wanted = request.get("sensor")
        if wanted in self._collecting.stopped:
            raise CollectionStopped(f"{wanted}: collecting is stopped", fix="kaga-edge collect status")
        polled = await self._buses.read_now(str(wanted))
        if polled is not None:
            return polled
        known = ", ".join(self._plans)
        raise SensorSilent(f"no sensor {wanted!r} in the configuration", fix=f"One of: {known}")

    def _facts(self) -> snapshot.Facts:
        return snapshot.Facts(
            config=self.config,
            plans=self._plans,
            latest=self._latest,
            index=self._catalog.index,
            buses=self._buses.health(),
            uplink=self._uplink.snapshot() if self._uplink else None,
            uplink_fault=self._uplink_fault,
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
            up_s=(self._clock.monotonic_ns() - self._started_ns) / 1e9,
        )

    async def _refresh(self) -> None:
        self._ledger, self._size = await self._store.ledger(), await self._store.size()
        waiting = [e.oldest_at_ms for e in (await self._store.standing()).epochs]
        self._oldest_ms = min((at_ms for at_ms in waiting if at_ms is not None), default=None)

    async def _tell_status(self) -> None:
        await self._refresh()
        facts = self._facts()
        degraded = ", last good configuration" if self._configured.degraded else ""
        self._supervisor.status(snapshot.line(facts) + degraded)
        self._look, news = notable.look(self._look, facts)
        for one in news:
            journal.event(one.level, one.name, **one.fields)
        await self._day_by_day(facts)
        journal.tick()

    async def _day_by_day(self, facts: snapshot.Facts) -> None:
        with contextlib.suppress(KagaError):  # a sick disk is the recorder's to report
            known = self._day or daily.from_text(await self._store.recall(daily.KEY))
            self._day, news = daily.step(known, facts)
            if self._day is not None and self._day != known:
                await self._store.remember(daily.KEY, daily.to_text(self._day))
            for one in news:
                journal.event(one.level, one.name, **one.fields)

    # --- the fixed tasks ---

    async def _keep_house(self) -> None:
        remembered_s = 0.0
        while True:
            await asyncio.sleep(self.housekeep_every_s)
            moment = self._clock.now()
            if self._uplink_fault is not None:
                self._start_uplink()  # somebody may have put the secret there meanwhile
            if self._uplink is not None:
                self._power.link(there=self._uplink.snapshot().state != "down")
            with contextlib.suppress(KagaError):  # a sick disk is the recorder's to report
                await self._collecting_changed(await self._collecting.over())
                await self._store.purge(moment)
                if time.monotonic() - remembered_s >= REMEMBER_TIME_S:
                    remembered_s = time.monotonic()
                    await self._remember_time()
                await self._tell_status()
            await self._write_metrics()
            leaner.tidy()

    async def _remember_time(self) -> None:
        moment = self._clock.now()
        if moment.trust is not ClockTrust.NONE:  # a clock nobody vouches for is no floor
            await self._store.remember("last_time_ms", str(moment.wall_ms))

    def _time_watch(self) -> TimeWatch:
        return TimeWatch(
            self._store,
            self._clock,
            left=lambda: self._uplink.left() if self._uplink is not None else {},
            flush=self._recorder.flush,
            on_known=self._time_known,
        )

    async def _time_known(self) -> None:
        await self._remember_time()
        if self._uplink is not None:
            self._uplink.try_now()

    async def _feed_watchdog(self) -> None:
        """Feed systemd only when every bus moved and the store's thread answered."""
        period_s = self._supervisor.watchdog_s
        while period_s is not None:
            await asyncio.sleep(period_s / 3)
            lives = await self._store_lives(period_s / 6)
            stalled = self._buses.stalled()
            if stalled:
                journal.error("watchdog.stalled", buses=" ".join(stalled))
            elif lives:
                self._supervisor.say("WATCHDOG=1")

    async def _store_lives(self, within_s: float) -> bool:
        """Say whether the store's thread answers, or waits for a disk that hangs: no restart would mend
        that, and what was measured meanwhile is in our memory only."""
        if self._store.hangs:
            return self._store.waits_for_disk
        try:
            async with asyncio.timeout(within_s):
                await self._store.recall("last_time_ms")
        except KagaError:  # a sick disk is the recorder's to report
            return True
        except TimeoutError:
            return self._store.waits_for_disk
        return True

    async def _reload_when(self, asked: asyncio.Event) -> None:
        while True:
            await asked.wait()
            asked.clear()
            self._supervisor.say("RELOADING=1", f"MONOTONIC_USEC={self._clock.monotonic_ns() // 1000}")
            try:
                await self._reload({})
            except ConfigFaults as faults:
                first = faults.faults[0]
                journal.error(
                    "config.rejected",
                    faults=len(faults.faults),
                    file=first.file,
                    line=first.line,
                    key=first.key,
                )
            self._supervisor.say("READY=1")

    async def _reload(self, _request: dict[str, Any]) -> dict[str, Any]:
        """Read the configuration again and change over to it. Raises ConfigFaults: the old one goes on."""
        async with self._one_reload:
            await self._apply(await asyncio.to_thread(self._configured.again))
        return {"v": 1, "k": self._catalog.k, "sensors": len(self._plans)}

    async def _config(self, request: dict[str, Any]) -> dict[str, Any]:
        return await self._configured.ask(request, self._change_to)

    async def _change_to(self, new: Config) -> None:
        async with self._one_reload:
            await self._apply(new)

    async def _metrics(self, _request: dict[str, Any]) -> dict[str, Any]:
        return {"v": 1, "text": metrics.text(await self._status({}))}

    async def _write_metrics(self) -> None:
        file = self.config.station.metrics
        if file is None:
            return
        exposition = metrics.text(await self._status({}))
        try:
            await asyncio.to_thread(metrics.write, file, exposition)  # it may lie on a disk that hangs
        except OSError as error:
            journal.warning("metrics.not_written", error=error.strerror, where=file)

    async def _collect(self, request: dict[str, Any]) -> dict[str, Any]:
        """Stop or start collecting. What stops is off its wire when this returns."""
        await self._collecting_changed(await self._collecting.ask(request, tuple(self._plans)))
        return self._collecting.told()

    async def _collecting_changed(self, changed: Changed) -> None:
        if not (changed.stopped or changed.started):
            return
        await self._change_to(self.config)
        at = self._clock.now()
        for sensor, alert in (*changed.stopped, *changed.started):
            if sensor not in self._plans:  # the configuration let it go meanwhile
                continue
            sample = stopped_sample(self._plans[sensor], at)
            self._latest.pop(sensor, None)  # what it measured before is not its value now
            self._recorder.add(Entry(sample=sample, alerts=(alert,)))

    async def _apply(self, new: Config) -> None:
        """Change over to ``new``: what did not change goes on untouched, what goes is read a last time."""
        self._written = self._written if new is self.config else new
        new = paces.over(self._written, self._paces)
        wanted, old = plans.bus_plans(self._collecting.allowed(new)), self.config
        if (new.store, new.station) != (old.store, old.station):
            journal.warning("config.partly", fix="[store] and [station] change at the next restart")
        await self._buses.take_down(wanted)
        self._early = []  # what comes now waits until its plan and its catalog are there
        await self._recorder.flush()  # the rows measured so far belong to the old catalog
        told = self._told()
        self.config = new
        await self._plan_sensors()
        early, self._early = self._early, None
        for polled in early:
            self._on_polled(polled)
        await self._buses.put_up(self._group, wanted)
        self._events.apply()
        if old.commands != new.commands:
            self._stop_commands()
        if (
            self._uplink_wanted() != self._uplink_settings
            or self._told() != told
            or old.commands != new.commands
        ):
            await self._stop_uplink()
            self._start_uplink()
        journal.info("config.applied", sensors=len(self._plans), catalog=self._catalog.k)
        leaner.tidy()  # the old plans and what reading the new ones took

    # --- stop ---

    async def _stop_uplink(self) -> None:
        if self._uplink is not None and self._uplink_task is not None:
            await self._uplink.close()
            self._uplink_task.cancel()
            self._uplink = self._uplink_task = None

    async def _stop(self) -> None:
        self._counting.watched.closing = True
        self._stop_commands()
        page_closed = self._group.create_task(self._page.close(), name="page")
        with contextlib.suppress(TimeoutError):  # a hung bus must not hold up the last commit
            async with asyncio.timeout(STOP_BUSES_S):
                await self._buses.close()
        self._outputs.close()
        await self._power.close()
        await self._recorder.flush()
        with contextlib.suppress(KagaError):
            await self._remember_time()
            await notable.ended(self._store, boot=self._clock.boot, version=__version__)
        with contextlib.suppress(TimeoutError):  # a line that swallows everything must not either
            async with asyncio.timeout(STOP_UPLINK_S):
                await self._stop_uplink()
        await page_closed
        for task in (*self._fixed, self._uplink_task):
            if task is not None:
                task.cancel()
