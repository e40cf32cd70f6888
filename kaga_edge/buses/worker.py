"""The thread that owns one bus: takes jobs, asks the sensors in turn, hands back what they gave.

A transfer can hang inside the kernel, where nothing can end it. So the thread says, before each step,
until when it will be back, and the loop's thread looks: a worker that is late is given up, and a new one
opens the bus again. The one given up ends by itself if its call ever returns.

A little longer than most: the thread and the loop's view of it are one contract.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from queue import Empty, SimpleQueue
from types import TracebackType

from kaga_edge.buses.dialogue import Conversation, Watch
from kaga_edge.buses.spec import BusSensor, Polled
from kaga_edge.buses.wire import DueTime, Wire
from kaga_edge.vocabulary.clock import Clock
from kaga_edge.vocabulary.errors import KagaError
from kaga_edge.vocabulary.quick import dataclass
from kaga_edge.vocabulary.readings import Measurement, Moment

GRACE_S = 0.25  # after a deadline before a worker is given up: scheduling noise is no hang
OPEN_S = 5.0  # opening a device
ON_TIME_MS = 100  # a poll begun this soon after its due time is dated with the due time
FRESH_NS = 100_000_000  # a look at the clocks serves so long; the clock's own count carries it on
LATE_NS = 1_000_000  # due times are told to the millisecond: one wake-up a little late, not two
POST_EVERY_S = 0.1  # results younger than this share one wake-up of the loop: wake-ups are what polling costs


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One sensor to ask. ``number`` tells results of one asking from those of another."""

    number: int
    sensor: BusSensor
    due: DueTime
    identify: bool
    one_try: bool = False


Job = tuple[Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What asking gave. ``identified``: the sensor has said who it is; ``held_s``: by a failure."""

    item: Item
    polled: Polled
    identified: bool
    held_s: float


class Worker:
    """One thread on one wire. ``results`` is filled by the thread and emptied by the loop's."""

    def __init__(self, name: str, wire: Wire[Job | None], clock: Clock, post: Callable[[], None]) -> None:
        self.results: deque[Result] = deque()
        self.wire = wire
        self.bug: BaseException | None = None
        self.ended = False
        self.looked_after = False  # the loop will look at ``results`` by itself, soon: do not wake it
        self._clock = clock
        self._post = post  # tells the loop to look at ``results``
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._watch = Watch(time.monotonic() + OPEN_S)
        self._item: Item | None = None
        self._given_up = False
        self._seen, self._seen_ns = clock.now(), clock.monotonic_ns()
        self._ahead: tuple[int, Job] | None = None  # from when on (monotonic ns), what
        self._all_well = False
        self._again_ns: int | None = None  # one period after the last begin: the next is expected then
        self._wakes_ns: int | None = None  # when the wait for a job ends by itself
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Open the wire in the thread and wait for jobs."""
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Ask these sensors, in this order, after everything submitted before."""
        if self._watch.until_s == 0:  # even the wait for jobs can hang, where a wire opens its port meanwhile
            self._watch.until_s = time.monotonic() + OPEN_S
        self._jobs.put(job)
        self.wire.wake()

    def submit_ahead(self, job: Job, due_ns: int) -> None:
        """Ask these sensors by itself once their due time has come, unless it is stopped before.

        Whoever asks need not wake at the due time, only to see what came of it: at rest that is half of all
        wake-ups. One at a time; what is submitted meanwhile goes first.
        """
        begin_ns = due_ns + round(self.wire.after_due_s * 1e9)
        with self._lock:
            self._ahead = begin_ns, job
            wakes_in_time = self._wakes_ns is not None and self._wakes_ns <= begin_ns + 2 * LATE_NS
        if not wakes_in_time:
            self._jobs.put(())  # a nudge: it waits no longer than that from now on
            self.wire.wake()

    def take_back(self) -> Job:
        """Return what was submitted ahead if it has not begun, else nothing; it will not be asked then."""
        with self._lock:
            (_, job), self._ahead = self._ahead or (0, ()), None
            return job

    def stop(self) -> None:
        """End after what was submitted, without what was submitted ahead."""
        self._jobs.put(None)
        self.wire.wake()

    def is_alive(self) -> bool:
        """Whether the thread has not ended."""
        return self._thread.is_alive()

    def late_in_s(self) -> float | None:
        """Return the time until this worker counts as hanging (0: now), None when it is idle."""
        until_s = self._watch.until_s
        return None if until_s == 0 else max(0.0, until_s + GRACE_S - time.monotonic())

    def give_up(self) -> tuple[bool, Item | None]:
        """Abandon the thread if it still hangs: (whether it did, the item it hangs in)."""
        with self._lock:
            if self.late_in_s() != 0:
                return False, None
            self._given_up = True
            return True, self._item

    def _run(self) -> None:
        with _Report(self):
            try:
                self._open()
                while (job := self._next_job()) is not None:
                    self._expect_next(job)
                    together = self._all_well and self.wire.overlaps
                    if not (self._work_together(job) if together else self._work(job)):
                        return
            finally:
                self._watch.until_s = 0
                self.wire.end()

    def _open(self) -> None:
        try:
            self.wire.open()
        except KagaError:
            return  # the first poll finds the same and says so, once a due time

    def _next_job(self) -> Job | None:
        self._all_well = False
        while True:
            wait_s, job = self._look_ahead()
            if job:
                self._all_well = True  # or it would not have been asked ahead
                return job
            # While it listens for a job it is idle, but must be there when the time has come.
            self._watch.until_s = 0 if wait_s is None else time.monotonic() + wait_s + OPEN_S
            try:
                asked = self.wire.next_job(self._jobs, wait_s)
            except Empty:
                continue
            if asked is None or asked:
                return asked

    def _look_ahead(self) -> tuple[float | None, Job]:
        """Return the time until what was asked ahead begins, or is expected to be there (None: neither), or
        take it: it is to begin now."""
        with self._lock:
            self._wakes_ns, job = self._ahead or (self._again_ns, ())
            if self._wakes_ns is None:
                return None, ()
            wait_s = (self._wakes_ns - self._clock.monotonic_ns()) / 1e9
            if wait_s > 0:
                return wait_s, ()
            self._ahead = None
            if not job:  # the next one comes later than the last two were apart
                self._wakes_ns = self._again_ns = None
            return None, job

    def _expect_next(self, job: Job) -> None:
        every_s = job[0].sensor.every_s
        for item in job:
            if item.sensor.every_s < every_s:
                every_s = item.sensor.every_s
        self._again_ns = job[0].due.up_ns + int((every_s + self.wire.after_due_s) * 1e9) + LATE_NS

    def _work_together(self, job: Job) -> bool:
        """Ask sensors that are all well, so that they convert at the same time: a wake-up serves them all."""
        together, alone = job, job[:0]
        addresses = [item.sensor.address for item in job]
        if len(set(addresses)) < len(job):  # inputs of one converter
            together = tuple([item for item in job if addresses.count(item.sensor.address) == 1])
            alone = tuple([item for item in job if addresses.count(item.sensor.address) > 1])
        talking = [(item, self._ask(item)) for item in together]
        while talking:
            ends_s, still = 0.0, []
            for one in talking:
                item, asking = one
                if not self._take(item):
                    return False
                pause_s = next(asking, None)
                if pause_s is not None:
                    ends_s = max(ends_s, time.monotonic() + pause_s)
                    still.append(one)
            self._rest(ends_s - time.monotonic())
            talking = still
        return self._work(alone)

    def _rest(self, seconds: float) -> None:
        if seconds > 0:
            self._watch.until_s = time.monotonic() + seconds
            time.sleep(seconds)

    def _work(self, job: Job) -> bool:
        """Ask one sensor after the other. Says whether this worker is still wanted."""
        posted_s = time.monotonic()
        for item in job:
            if not self._take(item):
                return False
            if self.results and (item.identify or time.monotonic() - posted_s > POST_EVERY_S):
                self._tell()  # the next may take long: what its neighbours gave shall not wait for it
                posted_s = time.monotonic()
            for pause_s in self._ask(item):
                self._rest(pause_s)
        if self._given_up:
            return False
        self._watch.until_s = 0
        if self.results:
            self._tell()
        return True

    def _tell(self) -> None:
        if not self.looked_after:
            self._post()

    def _take(self, item: Item) -> bool:
        with self._lock:
            self._item = item
            self._watch.until_s = time.monotonic() + OPEN_S
            return not self._given_up

    def _ask(self, item: Item) -> Generator[float, None, None]:
        """Put what asking gave among the results. Yields for how long the sensor is to be left alone."""
        at, started_s = self._dated(item.due), time.monotonic()
        wire, sensor, identify = self.wire, item.sensor, item.identify
        talk = Conversation(wire, sensor, item.due, one_try=item.one_try, whole=identify, watch=self._watch)
        identified = not identify
        measurements: tuple[Measurement, ...] | None = None
        error: KagaError | None = None
        try:
            wire.open()
            if identify:
                yield from talk.hold(sensor.driver.identify())
                identified = True
            measurements = yield from talk.hold(sensor.driver.measure())
        except KagaError as failure:
            error = failure.with_traceback(None)  # kept for long; a traceback would keep the frames
        wire.settled(sensor, good=error is None)
        polled = Polled(
            sensor=sensor.id,
            at=at,
            measurements=measurements,
            error=error,
            raw=talk.raw(failed=error is not None),
            took_s=time.monotonic() - started_s,
            exchanges=tuple(talk.exchanges),
            remarks=sensor.remarks if identify else (),
        )
        self._keep(Result(item=item, polled=polled, identified=identified, held_s=talk.held_s))

    def _keep(self, result: Result) -> None:
        with self._lock:
            self._item = None
            if not self._given_up:
                self.results.append(result)

    def _dated(self, due: DueTime) -> Moment:
        """Return this instant, or the due time when that is what it is for. Neighbours asked one right after
        the other share one look at the clocks."""
        seen_ns = self._clock.monotonic_ns()
        if seen_ns - self._seen_ns > FRESH_NS:
            self._seen, self._seen_ns = self._clock.now(), seen_ns
        seen, since_ms = self._seen, (seen_ns - self._seen_ns) // 1_000_000
        late_ms = seen.wall_ms + since_ms - due.wall_ms
        if 0 <= late_ms <= ON_TIME_MS:
            since_ms -= late_ms
        return Moment(
            wall_ms=seen.wall_ms + since_ms, up_ms=seen.up_ms + since_ms, boot=seen.boot, trust=seen.trust
        )


class _Report:
    """Hands a bug in the thread to the loop, which ends the program: a silent thread is worse."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, bug: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._worker.bug = bug
        self._worker.ended = True
        self._worker._post()  # noqa: SLF001 - one class in two parts
        return True
