"""The daemon: one TaskGroup, one named task per concern; start, run, stop. ``parts`` builds what runs.

An expected failure degrades one sensor or the link and is data; anything else ends the group, and
systemd starts us again. Nothing here waits for the network or for the time of day.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from kaga_edge import __version__
from kaga_edge.buses import Wires
from kaga_edge.config import Config
from kaga_edge.gateway import leaner, notable, plans, watchdog
from kaga_edge.gateway.configured import Configured
from kaga_edge.gateway.housekeeping import Housekeeping
from kaga_edge.gateway.parts import Parts
from kaga_edge.gateway.present import Present
from kaga_edge.gateway.timewatch import LAST_TIME_KEY, TimeWatch, not_before, remember_time
from kaga_edge.station import journal
from kaga_edge.station.clock import SystemClock
from kaga_edge.station.control import ControlSocket
from kaga_edge.station.notify import Supervisor
from kaga_edge.station.page.opening import Opening
from kaga_edge.store import Store
from kaga_edge.vocabulary.errors import KagaError

HOUSEKEEPING_S = 60.0
# A stop may take five seconds, whichever one of these hangs.
STOP_BUSES_S = 2.0
STOP_DISK_S = 1.5  # then memory answers in its place
STOP_UPLINK_S = 2.0
CLOSE_S = 2.0  # the last commit, and the end of the store's file
CLOSE_HANGING_S = 0.5  # of a disk that has had its time


class Daemon:
    """One gateway from start to stop. ``present``: what runs now."""

    def __init__(
        self,
        config: Config,
        path: Path,
        wires: Wires,
        clock: SystemClock | None = None,
        configured: Configured | None = None,
    ) -> None:
        self._config, self._wires = config, wires
        self._clock = clock or SystemClock()
        self._began_ns = self._clock.monotonic_ns()
        self.housekeep_every_s = HOUSEKEEPING_S
        self.present = Present.empty(config, self._clock, wires.pin_factory)
        self._configured = configured or Configured(path, self._clock.now)
        self._supervisor = Supervisor()
        self._socket = config.station.runtime / "control.sock"
        self._page = Opening(self._socket, config.store.path.parent / "web", path)
        self._control: ControlSocket | None = None
        self._fixed: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT. Everything measured is committed when it returns, unless the disk
        hangs for longer than a stop may take."""
        loop = asyncio.get_running_loop()
        stop, reload = asyncio.Event(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGHUP, reload.set)
        self._group = asyncio.TaskGroup()
        await self._open()
        try:
            async with self._group:
                await self._start(reload)
                await stop.wait()
                journal.info("service.stopping")
                self._supervisor.say("STOPPING=1")
                await self._stop()
        finally:
            await self._close()

    # --- start ---

    async def _open(self) -> None:
        settings = self._config.store
        self._store = await Store.open(
            settings.path,
            max_bytes=settings.max_bytes,
            keep_delivered_s=settings.keep_delivered_s,
            keep_free_bytes=settings.keep_free_bytes,
            clock=self._clock,
            from_memory=True,
        )
        if self._store.in_memory is not None:  # no lock on a file keeps a second daemon away
            await ControlSocket(self._socket, {}).refuse_second()
        known = await self._store.recall(LAST_TIME_KEY)
        if known is not None and known.isdecimal():  # a bit may have flipped in it
            not_before(self._clock, int(known))
        self._parts = Parts(
            self.present,
            group=self._group,
            store=self._store,
            clock=self._clock,
            configured=self._configured,
        )
        await self._parts.build(
            self._config,
            self._wires,
            page=self._page,
            supervisor=self._supervisor,
            began_ns=self._began_ns,
        )
        if self._store.sick is not None:
            self._parts.recorder.fell_sick(self._store.sick)

    async def _start(self, reload: asyncio.Event) -> None:
        parts, present = self._parts, self.present
        self._store.on_change.append(parts.epochs.hear)
        await parts.planning.plan(present.config)
        await parts.buses.put_up(self._group, plans.bus_plans(parts.collecting.allowed(present.config)))
        present.events.apply()
        for work, name in (
            (parts.recorder.run(), "recorder"),
            (parts.changing.when(reload, self._supervisor), "reload"),
            (self._housekeeping().run(), "housekeeping"),
            (watchdog.feed(self._supervisor, parts.buses, self._store), "watchdog"),
            (self._time_watch().run(), "time"),
            (self._configured.watch(parts.changing.to), "configuration"),
        ):
            self._fixed.append(self._group.create_task(work, name=name))
        parts.line.start()
        await parts.telling.look_around()
        self._control = ControlSocket(self._socket, parts.answers.table)
        await self._control.open()
        await parts.telling.write_metrics()
        self._supervisor.say("READY=1")
        leaner.settle()
        await self._say_ready()

    def _housekeeping(self) -> Housekeeping:
        return Housekeeping(
            self.present,
            self.housekeep_every_s,
            store=self._store,
            clock=self._clock,
            line=self._parts.line,
            collecting=self._parts.collecting,
            changing=self._parts.changing,
            telling=self._parts.telling,
        )

    def _time_watch(self) -> TimeWatch:
        return TimeWatch(
            self._store,
            self._clock,
            left=self._parts.line.left,
            flush=self._parts.recorder.flush,
            on_known=self._time_known,
        )

    async def _time_known(self) -> None:
        await remember_time(self._store, self._clock)
        self._parts.line.try_now()

    async def _say_ready(self) -> None:
        journal.info(
            "service.ready",
            version=__version__,
            gw=self.present.config.site.id,
            sensors=len(self.present.plans),
            epoch=self._store.epoch,
            clock=self._clock.now().trust.name.lower(),
            reason=await notable.began(self._store, boot=self._clock.boot, version=__version__),
            startup_ms=round((self._clock.monotonic_ns() - self._began_ns) / 1e6),
        )

    # --- stop ---

    async def _stop(self) -> None:
        parts = self._parts
        parts.counting.watched.closing = True
        parts.line.stop_commands()
        page_closed = self._group.create_task(self._page.close(), name="page")
        await _within(STOP_BUSES_S, parts.buses.close())  # a hung bus must not hold up the last commit
        self.present.outputs.close()
        await self.present.power.close()
        await self._commit_last()
        await _within(STOP_UPLINK_S, parts.line.stop())  # a line that swallows everything must not either
        await page_closed
        parts.line.abandon()
        for task in self._fixed:
            task.cancel()

    async def _commit_last(self) -> None:
        """Commit what is held, and that we ended. What a disk that hangs does not take, memory does."""
        hangs = asyncio.get_running_loop().call_later(STOP_DISK_S, self._store.relieve)
        try:
            await self._parts.recorder.flush()
            with contextlib.suppress(KagaError):
                await remember_time(self._store, self._clock)
                await notable.ended(self._store, boot=self._clock.boot, version=__version__)
        finally:
            hangs.cancel()

    async def _close(self) -> None:
        """Close the store, with what is still held where a bus was given up or a bug ended us."""
        if self._control is not None:
            await self._control.close()
        self._store.on_change.clear()  # what a last try of the disk changes, nobody needs to hear
        recorder, within_s = self._parts.recorder, CLOSE_HANGING_S if self._store.hangs else CLOSE_S
        try:
            await _within(within_s, recorder.flush())
        finally:
            if not await _within(within_s, self._store.close()) and recorder.held:
                journal.error("store.ring_lost", epoch=self._store.epoch, rows=recorder.held)


async def _within(seconds: float, work: Coroutine[Any, Any, object]) -> bool:
    """Wait for ``work``; False: it was given up."""
    try:
        async with asyncio.timeout(seconds):
            await work
    except TimeoutError:
        return False
    return True
