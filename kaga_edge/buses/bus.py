"""One bus as the gateway sees it: who is asked when, who is left out, and what happens when it hangs.

All of this runs in the loop's thread and decides; the worker's thread only asks. One job per due time
carries every sensor due, healthy ones first, so that a sensor in trouble cannot delay them, and at most
one sensor that is known to cost a deadline. Every due time of every sensor gives exactly one ``Polled``,
asked or not, so that gaps are stated rather than silent.

Longer than most: schedule, worker and results are one state, and each touches the other two.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType

from kaga_edge.buses import bursting
from kaga_edge.buses import standing as record
from kaga_edge.buses.bursting import Bursts
from kaga_edge.buses.spec import BusGivenUp, BusHealth, BusSensor, BusSpec, Polled, SensorHealth, Wires
from kaga_edge.buses.standing import Standing
from kaga_edge.buses.wire import DueTime, Wire
from kaga_edge.buses.worker import Item, Job, Result, Worker
from kaga_edge.core import schedule
from kaga_edge.vocabulary.clock import Clock
from kaga_edge.vocabulary.errors import BusFault, KagaError, TransferTimedOut
from kaga_edge.vocabulary.readings import Moment
from kaga_edge.vocabulary.requests import BusKind

log = logging.getLogger(__name__)

MOST_HANGING = 2  # workers given up and not back; with a third, only a new process helps
# While its worker still hangs a sensor is not asked again, or it alone would use up the two.
HANG_REST_S = 60.0
# What came due together is taken together: a wake-up of the loop costs more than judging a poll. Results of
# one asking wait this long, and looks lie on one grid of the loop's clock, so that buses share them.
GATHER_S = 0.1
GATHER_GRID_S = 0.05
CLOSE_S = 2.0  # for the worker to end; the daemon has 5 s altogether


class Bus:
    """One wire with its sensors; use from one asyncio loop's thread."""

    def __init__(
        self, spec: BusSpec, *, wires: Wires, clock: Clock, on_polled: Callable[[Polled], None]
    ) -> None:
        self._spec = spec
        self._wires = wires
        self._clock = clock
        self._on_polled = on_polled
        self._sensors = {sensor.id: sensor for sensor in spec.sensors}
        self._standings = dict.fromkeys(self._sensors, Standing())
        self._worker: Worker | None = None
        self._wire_deadline_s = 1.0
        self._asked: dict[int, Item] = {}  # given to the worker, not answered
        self._none_due_before_ns = 0  # where all of them were asked ahead
        self._paces: dict[str, int] = {}  # new periods in ms, for the next look at the clock
        self._waiting: dict[str, DueTime] = {}  # came due while the worker was busy
        self._wanted: dict[int, asyncio.Future[Polled]] = {}
        self._tried_s: dict[str, float] = {}
        self._given_up: list[Worker] = []
        self._given_up_count = 0
        self._hung: dict[str, tuple[Worker, float]] = {}
        self._bursts = Bursts(spec.sensors)
        self._naps: set[asyncio.Future[None]] = set()
        self._over: asyncio.Future[None] | None = None  # while it runs
        self._ending: _Ending
        self._timer: asyncio.Handle | None = None  # of the next look; None within one
        self._look_at_s = 0.0  # of the loop's clock: when results are gathered
        self._decide_at_s = 0.0  # of the loop's clock: when something is due at the latest
        self._plan = self._before = schedule.begin((), 0, 0)
        self._number = 0
        self._closed = False
        self._beat_ns = time.monotonic_ns()

    # --- what the gateway calls ---

    async def run(self) -> None:
        """Poll on schedule until cancelled or closed. Raises BusGivenUp."""
        self._ensure_worker()
        now, up_ns = self._clock.now(), self._clock.monotonic_ns()
        periods = [(s.id, bursting.period_ms(s), 0) for s in self._spec.sensors]
        self._plan = self._before = schedule.begin(periods, now.wall_ms, up_ns // 1_000_000)
        self._over = over = asyncio.get_running_loop().create_future()
        self._ending = _Ending(over)
        try:
            self._look()
            await over
        finally:
            self._over = None
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    async def read_now(self, sensor: str) -> Polled:
        """Ask one sensor at once, identity and calibration included, beside the schedule."""
        self._ensure_worker()
        now = self._clock.now()
        due = DueTime(wall_ms=now.wall_ms, up_ns=self._clock.monotonic_ns())
        item = self._item(self._sensors[sensor], due, identify=True)
        wanted: asyncio.Future[Polled] = asyncio.get_running_loop().create_future()
        self._wanted[item.number] = wanted
        self._ask((item,))
        while not wanted.done():
            await self._nap(asyncio.get_running_loop().time() + 1.0)
            self._advance()
        return wanted.result()

    def pace(self, sensor: str, every_s: float) -> None:
        """Poll a sensor with another period from now on; no due time before now is lost."""
        self._sensors[sensor] = replace(self._sensors[sensor], every_s=every_s)
        self._paces[sensor] = bursting.period_ms(self._sensors[sensor])
        self._stir()

    def begin_anew(self, sensor: str) -> None:
        """Take a sensor as newly plugged in (its power was away): identified and asked when next due."""
        before = self._standings.get(sensor)
        if before is not None:
            self._standings[sensor] = record.plugged_in(before)

    async def close(self, *, take_last: bool) -> None:
        """End the worker. ``take_last``: what GPIO lines counted up to now is polled before."""
        self._closed = True
        worker, loop = self._worker, asyncio.get_running_loop()
        if worker is None:
            return
        if take_last and self._spec.kind is BusKind.GPIO:
            due = DueTime(wall_ms=self._clock.now().wall_ms, up_ns=self._clock.monotonic_ns())
            self._ask(tuple(self._item(sensor, due) for sensor in self._spec.sensors))
        worker.stop()
        self._stir()
        ends_at = loop.time() + CLOSE_S
        while not worker.ended and worker.late_in_s() != 0 and loop.time() < ends_at:
            await self._nap(ends_at)
            self._take_results(worker)
        if not worker.ended:
            worker.wire.release()
        self._take_results(worker)

    def health(self) -> BusHealth:
        """Return a snapshot: each sensor's state, and the workers that hang."""
        sensors = tuple(self._sensor_health(sensor) for sensor in self._spec.sensors)
        return BusHealth(
            name=self._spec.name,
            kind=self._spec.kind,
            sensors=sensors,
            hanging=len(self._hanging()),
            given_up=self._given_up_count,
            lost_edges=sum(sensor.lost_edges for sensor in sensors),
        )

    def expects(self, now_ns: int) -> bool:
        """Say whether a sensor that is due has not answered yet."""
        if now_ns < self._none_due_before_ns:
            return False
        return any(item.due.up_ns <= now_ns for item in self._asked.values())

    @property
    def beats(self) -> int:
        """CLOCK_MONOTONIC in ns when this bus last made progress, for the watchdog."""
        return self._beat_ns

    # --- what comes due ---

    def _look(self) -> None:
        """Take what came of asking, ask who is due next, and come back when something can have changed.

        A callback, not a coroutine that waits: to wake one takes the loop two turns.
        """
        self._timer, over, loop = None, self._over, asyncio.get_running_loop()
        if over is None or over.done():
            return
        with self._ending:
            self._advance()
            if self._closed:
                over.set_result(None)
                return
            now_s = loop.time()
            if self._paces or not self._asked or now_s >= self._decide_at_s:
                self._decide_at_s = now_s + self._decide()
            self._timer = loop.call_at(self._next_look_s(self._decide_at_s), self._look)

    def _decide(self) -> float:
        """Ask who is due, or will be next. Returns for how many seconds there is nothing else to decide."""
        now, up_ns = self._clock.now(), self._clock.monotonic_ns()
        plan = self._before if self._paces and self._take_back() else self._plan
        ahead_ms = self._ahead_ms(plan, now, up_ns)
        self._before = plan if ahead_ms else self._before
        wall_ms, up_ns = now.wall_ms + ahead_ms, up_ns + ahead_ms * 1_000_000
        self._plan, dues, sleep_ms = schedule.step(plan, wall_ms, up_ns // 1_000_000)
        if ahead_ms:
            self._ask_ahead(dues, wall_ms, up_ns, ahead_ms)
        else:
            for due in dues:
                self._came_due(due, now, up_ns)
            if self._paces:
                self._plan, sleep_ms = self._repaced(self._plan), 1
            self._ask_waiting(now)
        self._beat_ns = time.monotonic_ns()
        return (ahead_ms + sleep_ms) / 1000

    def _take_back(self) -> bool:
        """Take back what was asked ahead of its time, if anything was and has not begun."""
        job = self._worker.take_back() if self._worker is not None else ()
        for item in job:
            del self._asked[item.number]
        return bool(job)

    def _ahead_ms(self, plan: schedule.Schedule, now: Moment, up_ns: int) -> int:
        """Return how far the schedule may be stepped ahead of the clocks: to the next due time, or not.

        Only where all is well and idle: whatever needs a decision at the due time itself is decided then.
        """
        if self._asked or self._waiting or self._paces or self._hung or self._worker is None:
            return 0
        for one in self._standings.values():
            if one.failures or not one.identified:
                return 0
        due_ms = schedule.due_in_ms(plan, now.wall_ms, up_ns // 1_000_000)
        return due_ms if 0 < due_ms <= schedule.LONGEST_SLEEP_MS else 0

    def _ask_ahead(self, dues: tuple[schedule.Due, ...], wall_ms: int, up_ns: int, ahead_ms: int) -> None:
        """Ask those that will be due at ``wall_ms``. All is well: nobody is left out, overtaken or missed."""
        job: list[Item] = []
        when = DueTime(wall_ms=wall_ms, up_ns=up_ns)
        for due in dues:
            sensor = self._sensors[due.sensor]
            if sensor.burst_s is not None and not bursting.asked_at(sensor, due.due_ms):
                continue
            if due.due_ms != when.wall_ms:
                when = DueTime(wall_ms=due.due_ms, up_ns=up_ns - (wall_ms - due.due_ms) * 1_000_000)
            self._number += 1
            job.append(Item(number=self._number, sensor=sensor, due=when, identify=False))
        self._ask(tuple(job), ahead_ms)

    def _repaced(self, plan: schedule.Schedule) -> schedule.Schedule:
        while self._paces:
            plan = schedule.paced(plan, *self._paces.popitem())
        return plan

    def _came_due(self, due: schedule.Due, now: Moment, up_ns: int) -> None:
        sensor = self._sensors[due.sensor]
        for missed_ms in due.missed_ms:
            if bursting.asked_at(sensor, missed_ms):
                self._emit_untried(sensor, _at(missed_ms, now), _stopped(self._spec.name))
        if not bursting.asked_at(sensor, due.due_ms):
            return
        if sensor.burst_s is not None and bursting.begins_at(sensor, due.due_ms):
            self._standings[sensor.id] = record.asked_again(self._standings[sensor.id])
        when = DueTime(wall_ms=due.due_ms, up_ns=up_ns - (now.wall_ms - due.due_ms) * 1_000_000)
        if self._leaves_out(sensor, due.due_ms, now):
            return
        overtaken = self._waiting.pop(sensor.id, None)
        if overtaken is not None:
            self._emit_untried(sensor, _at(overtaken.wall_ms, now), _busy(self._spec.name))
        self._waiting[sensor.id] = when

    def _leaves_out(self, sensor: BusSensor, due_ms: int, now: Moment) -> bool:
        before = self._standings[sensor.id]
        if before.leave_out == 0 and not (self._hung and self._still_hangs(sensor.id)):
            return False
        self._standings[sensor.id] = record.left_out(before)
        self._emit_untried(sensor, _at(due_ms, now), before.last_error)
        return True

    def _ask_waiting(self, now: Moment) -> None:
        if self._asked or not self._waiting or self._closed:
            return
        chosen = self._in_turn(now)
        job = tuple([self._item(self._sensors[name], self._waiting[name]) for name in chosen])
        self._waiting.clear()
        self._ask(job)

    def _in_turn(self, now: Moment) -> list[str]:
        """Return who is asked, healthy ones first, and of those that cost a deadline one at a time."""
        for name, due in list(self._waiting.items()):  # it may have failed since it came due
            if self._leaves_out(self._sensors[name], due.wall_ms, now):
                del self._waiting[name]
        healthy = [name for name in self._waiting if not self._standings[name].costly]
        costly = [name for name in self._waiting if self._standings[name].costly]
        healthy.sort(key=lambda name: self._standings[name].failures)
        costly.sort(key=lambda name: self._tried_s.get(name, 0.0))
        for name in costly[1:]:  # their turn comes at the next due time
            at = _at(self._waiting[name].wall_ms, now)
            self._emit_untried(self._sensors[name], at, self._standings[name].last_error)
        return healthy + costly[:1]

    def _item(self, sensor: BusSensor, due: DueTime, *, identify: bool = False) -> Item:
        before = self._standings[sensor.id]
        self._number += 1
        return Item(
            number=self._number,
            sensor=sensor,
            due=due,
            identify=identify or not before.identified,
            one_try=before.backs_off or before.failures >= record.FAILURES_BEFORE_BACK_OFF,
        )

    def _ask(self, job: Job, ahead_ms: int = 0) -> None:
        now_s = time.monotonic()
        for item in job:
            self._asked[item.number] = item
            self._tried_s[item.sensor.id] = now_s
        if self._worker is not None and job:
            self._none_due_before_ns = job[0].due.up_ns if ahead_ms else 0
            self._look_at_s = _on_grid(asyncio.get_running_loop().time() + ahead_ms / 1000 + GATHER_S)
            self._worker.looked_after = not (self._wanted or self._closed)
            if ahead_ms:
                self._worker.submit_ahead(job, job[0].due.up_ns)
            else:
                self._worker.submit(job)
            self._stir()  # whoever naps must now look for a hang in time

    # --- what comes back ---

    def _advance(self) -> None:
        """Take what the worker gave; give it up when it hangs."""
        worker = self._worker
        if worker is None:
            return
        self._take_results(worker)
        if worker.bug is not None:
            raise worker.bug
        if worker.late_in_s() == 0:
            hangs, item = worker.give_up()
            if hangs:
                self._take_results(worker)
                self._replace(worker, item)

    def _take_results(self, worker: Worker) -> None:
        while worker.results:
            self._settle(worker.results.popleft())

    def _settle(self, result: Result) -> None:
        item, polled = result.item, result.polled
        self._asked.pop(item.number, None)
        self._beat_ns = time.monotonic_ns()
        name, error = polled.sensor, polled.error
        self._standings[name] = record.succeeded(polled.at) if error is None else self._failed(result, error)
        wanted = self._wanted.pop(item.number, None) if self._wanted else None
        if wanted is not None and not wanted.done():
            wanted.set_result(polled)
        # Counts that a person read are taken from the line: they must reach the store all the same.
        if wanted is None or self._spec.kind is BusKind.GPIO or _counts_reports(item.sensor):
            self._give(name, item.due.wall_ms, polled)

    def _give(self, name: str, due_ms: int, polled: Polled) -> None:
        sensor = self._sensors[name]
        whole = polled if sensor.burst_s is None else self._bursts.take(sensor, due_ms, polled)
        if whole is not None:
            self._on_polled(whole)

    def _failed(self, result: Result, error: KagaError) -> Standing:
        sensor = result.item.sensor
        return record.failed(
            self._standings[sensor.id],
            error,
            result.polled.at,
            every_s=bursting.period_ms(sensor) / 1000,
            costly=self._may_rest and result.held_s > self._wire_deadline_s / 2,
            identified=result.identified,
            may_rest=self._may_rest,
        )

    def _emit_untried(self, sensor: BusSensor, at: Moment, error: KagaError | None) -> None:
        error = error or _busy(self._spec.name)
        polled = Polled(sensor=sensor.id, at=at, measurements=None, error=error, raw=None, took_s=0.0)
        self._give(sensor.id, at.wall_ms, polled)

    # --- the worker ---

    def _ensure_worker(self) -> None:
        if self._worker is None:
            self._worker = self._new_worker()

    def _new_worker(self) -> Worker:
        loop = asyncio.get_running_loop()

        def post() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._stir)

        wire = make_wire(self._spec, self._wires, self._clock)
        self._wire_deadline_s = wire.deadline_s
        worker = Worker(f"bus {self._spec.name}", wire, self._clock, post)
        worker.start()
        return worker

    def _replace(self, worker: Worker, item: Item | None) -> None:
        hanging = self._hanging()
        where = item.sensor.id if item else "open"
        if len(hanging) >= MOST_HANGING:
            raise BusGivenUp(f"{self._spec.name}: a third worker hangs (in {where}) while two still do")
        log.error("bus.worker_given_up bus=%s sensor=%s", self._spec.name, where)
        self._given_up = [*hanging, worker]
        self._given_up_count += 1
        worker.wire.release()
        if item is not None:
            self._hung[item.sensor.id] = (worker, time.monotonic() + HANG_REST_S)
        self._worker = self._new_worker()
        if item is not None:
            self._settle(self._hang(item))
        self._worker.submit(tuple(self._asked.values()))  # its neighbours go on at once

    def _hang(self, item: Item) -> Result:
        error = TransferTimedOut(
            f"a transfer did not return within {self._wire_deadline_s:g} s",
            where=f"{self._spec.name} {item.sensor.id}",
            fix="power-cycle the sensor; check wiring and pull-ups: something holds the bus",
        )
        at = _at(item.due.wall_ms, self._clock.now())
        polled = Polled(
            sensor=item.sensor.id,
            at=at,
            measurements=None,
            error=error,
            raw=None,
            took_s=self._wire_deadline_s,
        )
        return Result(item=item, polled=polled, identified=False, held_s=self._wire_deadline_s)

    def _hanging(self) -> list[Worker]:
        return [worker for worker in self._given_up if worker.is_alive()]

    def _still_hangs(self, sensor: str) -> bool:
        worker, until_s = self._hung.get(sensor, (None, 0.0))
        if worker is None:
            return False
        if worker.is_alive() and time.monotonic() < until_s:
            return True
        del self._hung[sensor]
        return False

    @property
    def _may_rest(self) -> bool:
        return self._spec.kind in (BusKind.I2C, BusKind.MODBUS, BusKind.ONEWIRE)

    def _sensor_health(self, sensor: BusSensor) -> SensorHealth:
        now = self._standings[sensor.id]
        return SensorHealth(
            sensor=sensor.id,
            state=now.state,
            failures=now.failures,
            failing_since=now.failing_since,
            next_try_s=(now.leave_out + 1) * sensor.every_s if now.backs_off else None,
            last_error=now.last_error,
            last_ok=now.last_ok,
            lost_edges=self._worker.wire.lost_edges(sensor.id) if self._worker else 0,
            remarks=sensor.remarks,
        )

    # --- waiting ---

    def _next_look_s(self, latest_s: float) -> float:
        """Return when results are to be looked at or the worker would hang, at the latest ``latest_s``; now
        where results wait. By the loop's clock."""
        worker, now_s = self._worker, asyncio.get_running_loop().time()
        if worker is None:
            return latest_s
        if self._waiting or now_s >= self._look_at_s:
            worker.looked_after = False  # before the look at its results, or one could go unseen
        if worker.bug or (worker.results and not worker.looked_after):
            return now_s
        if worker.looked_after and self._look_at_s < latest_s:
            latest_s = self._look_at_s
        late_s = worker.late_in_s()
        return latest_s if late_s is None else min(latest_s, now_s + late_s)

    async def _nap(self, latest_s: float) -> None:
        """Wait for results, or until the worker would hang, or ``latest_s`` of the loop's clock."""
        loop = asyncio.get_running_loop()
        nap: asyncio.Future[None] = loop.create_future()
        timer = loop.call_at(self._next_look_s(latest_s), _end, nap)
        self._naps.add(nap)
        try:
            await nap
        finally:
            timer.cancel()
            self._naps.discard(nap)

    def _stir(self) -> None:
        for nap in self._naps:
            _end(nap)
        if self._timer is not None:  # else it looks right now
            self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_soon(self._look)


class _Ending:
    """Ends ``Bus.run`` by an error in a callback, as one of its own would."""

    def __init__(self, over: asyncio.Future[None]) -> None:
        self._over = over

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None or self._over.done():
            return False
        self._over.set_exception(error)
        return True


def make_wire(spec: BusSpec, wires: Wires, clock: Clock) -> Wire[Job | None]:
    """Return the wire of ``spec``, not yet open. Loads only the libraries this kind needs."""
    if spec.kind is BusKind.I2C:
        from kaga_edge.buses.i2c import I2cWire

        return I2cWire(spec, wires.open_i2c)
    if spec.kind is BusKind.UART:
        from kaga_edge.buses.uart import UartWire

        return UartWire(spec, clock)
    if spec.kind is BusKind.MODBUS:
        from kaga_edge.buses.modbus import ModbusWire

        return ModbusWire(spec)
    if spec.kind is BusKind.ONEWIRE:
        from kaga_edge.buses.onewire import OnewireWire

        return OnewireWire(spec, wires.root)
    if spec.kind is BusKind.HOST:
        from kaga_edge.buses.host import HostWire

        return HostWire(spec, wires.root)
    from kaga_edge.buses.gpio import GpioWire

    return GpioWire(spec, wires.pin_factory, clock)


def _counts_reports(sensor: BusSensor) -> bool:
    return sensor.model is not None and sensor.model.arrival_times


def _on_grid(at_s: float) -> float:
    return math.ceil(at_s / GATHER_GRID_S) * GATHER_GRID_S


def _end(nap: asyncio.Future[None]) -> None:
    if not nap.done():
        nap.set_result(None)


def _at(wall_ms: int, now: Moment) -> Moment:
    up_ms = now.up_ms - (now.wall_ms - wall_ms)
    return Moment(wall_ms=wall_ms, up_ms=up_ms, boot=now.boot, trust=now.trust)


def _busy(bus: str) -> KagaError:
    return BusFault(
        "the bus was busy over a whole period",
        where=bus,
        fix="poll less often, or move a sensor to another bus",
    )


def _stopped(bus: str) -> KagaError:
    return BusFault("the program stood still over this due time", where=bus, fix="see the machine's load")
