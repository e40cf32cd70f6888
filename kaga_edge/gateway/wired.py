"""The buses that run, each with its plan and its task: put up, paced, asked, changed over, taken down."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from kaga_edge.buses import Bus, BusHealth, BusSensor, Polled, Wires
from kaga_edge.gateway.plans import BusPlan
from kaga_edge.station.clock import SystemClock

CHANGE_OVER_MS = 400  # closing a bus, one commit, opening it again
ANSWER_MS = 150  # what came due has answered by then
CHANGE_OVER_LOOKS = 20
STALLED_S = 30.0  # a bus without any progress for this long is no longer alive


@dataclass(slots=True)
class Running:
    """A bus, the plan it was made from, and its task."""

    plan: BusPlan
    bus: Bus
    task: asyncio.Task[None]


class Buses:
    """Every bus of the station. Use from the loop's thread."""

    def __init__(
        self,
        wires: Wires,
        clock: SystemClock,
        *,
        on_polled: Callable[[Polled], None],
        begin: Callable[[BusSensor], Awaitable[None]],
    ) -> None:
        """``begin`` is awaited for each sensor before its bus asks it for the first time."""
        self._wires, self._clock = wires, clock
        self._on_polled, self._begin = on_polled, begin
        self._running: dict[str, Running] = {}

    async def put_up(self, group: asyncio.TaskGroup, wanted: Mapping[str, BusPlan]) -> None:
        """Start the buses that do not run; one that does goes on untouched under its new plan."""
        for name, plan in wanted.items():
            if name in self._running:
                self._running[name].plan = plan
                continue
            spec = plan.make()
            for sensor in spec.sensors:
                await self._begin(sensor)
            bus = Bus(spec, wires=self._wires, clock=self._clock, on_polled=self._on_polled)
            task = group.create_task(bus.run(), name=f"bus {name}")
            self._running[name] = Running(plan, bus, task)

    async def take_down(self, wanted: Mapping[str, BusPlan]) -> None:
        """Stop the buses that are not wanted, or not with these wires; what they hold is read a last time."""
        going = [name for name, its in self._running.items() if not _same_wire(wanted.get(name), its.plan)]
        await self._between_due_times([self._running[name].plan for name in going])
        for name in going:
            await self._stop(name)

    async def close(self) -> None:
        """Stop them all, at the same time."""
        await asyncio.gather(*(self._stop(name) for name in list(self._running)))

    def pace(self, sensor: str, every_s: float) -> None:
        """Ask a sensor so often from now on."""
        if (bus := self._bus_of(sensor)) is not None:
            bus.pace(sensor, every_s)

    def begin_anew(self, sensors: tuple[str, ...]) -> None:
        """Forget what is known of sensors that had no power."""
        for running in self._running.values():
            for sensor in sensors:
                running.bus.begin_anew(sensor)

    async def read_now(self, sensor: str) -> Polled | None:
        """Ask one sensor out of turn; None: it is on no bus."""
        bus = self._bus_of(sensor)
        return None if bus is None else await bus.read_now(sensor)

    def health(self) -> dict[str, BusHealth]:
        """Return how each bus fares."""
        return {name: running.bus.health() for name, running in self._running.items()}

    def expect(self) -> bool:
        """Say whether any sensor that is due has not answered yet."""
        now_ns = self._clock.monotonic_ns()
        for running in self._running.values():  # noqa: SIM110 -- asked every second, any() doubles the calls
            if running.bus.expects(now_ns):
                return True
        return False

    def stalled(self) -> list[str]:
        """Return the buses that made no progress for far longer than their sensors' periods."""
        now_ns = self._clock.monotonic_ns()
        return [name for name, its in self._running.items() if now_ns - its.bus.beats > _patience_ns(its)]

    def _bus_of(self, sensor: str) -> Bus | None:
        for running in self._running.values():
            if any(one.id == sensor for one in running.plan.sensors):
                return running.bus
        return None

    async def _stop(self, name: str) -> None:
        running = self._running.pop(name)
        try:
            await running.bus.close(take_last=True)
        finally:
            running.task.cancel()

    async def _between_due_times(self, going: list[BusPlan]) -> None:
        """Wait for a moment with room to change a bus over before anything on it comes due."""
        every_ms = {round(s.every_s * 1000) for plan in going for s in plan.sensors}
        for _ in range(CHANGE_OVER_LOOKS):
            wall_ms = self._clock.now().wall_ms
            next_due_ms = min((-wall_ms % every for every in every_ms), default=CHANGE_OVER_MS)
            since_due_ms = min((wall_ms % every for every in every_ms), default=CHANGE_OVER_MS)
            if next_due_ms >= CHANGE_OVER_MS and since_due_ms >= ANSWER_MS:
                return
            await asyncio.sleep(ANSWER_MS / 1000)


def _same_wire(wanted: BusPlan | None, running: BusPlan) -> bool:
    return wanted is not None and wanted.on_the_wire == running.on_the_wire


def _patience_ns(running: Running) -> float:
    return (min(sensor.every_s for sensor in running.plan.sensors) + STALLED_S) * 1e9
