"""SQLite, the only owner of stored samples, behind a door that coroutines can knock on.

``Store`` is the door: every call is handed to the one thread that owns the connection and answered in
the loop's thread. What it does is in ``database``; how the file is opened, and why so, in ``file``; what
is known without reading rows, in ``book``.

A disk that hangs keeps that thread in the kernel. ``relieve`` then has memory answer, here in the loop's
thread, until the call under way returns; its answer is taken as it comes, and no sample is written twice.
The call under way may be the very first one, that opens the file.

Longer than most: the door has one handle a question, and who answers at which moment is seen here only.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from kaga_edge.core.ranges import Ranges
from kaga_edge.core.series import Point
from kaga_edge.core.stored import (
    Appended,
    Catalog,
    Change,
    Entry,
    EpochBegan,
    Ledger,
    Loaded,
    Notice,
    Purged,
    SensorDeclaration,
    Standing,
    StoreSize,
)
from kaga_edge.core.timekeeping import Correction, DoubtfulBoot
from kaga_edge.store.disk import Disk
from kaga_edge.store.errors import (
    StoreBusy,
    StoreError,
    StoreForbidden,
    StoreForeign,
    StoreHangs,
    StoreSick,
)
from kaga_edge.store.file import Identity
from kaga_edge.store.highwater import facts_beside
from kaga_edge.store.retiming import Place
from kaga_edge.store.ring import Opening, Relief, Ringed
from kaga_edge.vocabulary.clock import Clock
from kaga_edge.vocabulary.readings import Moment

__all__ = [
    "Store",
    "StoreBusy",
    "StoreError",
    "StoreForbidden",
    "StoreForeign",
    "StoreHangs",
    "StoreSick",
    "Identity",
    "Place",
]

T = TypeVar("T")

OPEN_WAIT_S = 10.0  # as long as a commit may take: then memory begins
KNOWN_WAIT_S = 2.0
ALERTS = attrgetter("alerts")


@dataclass(slots=True, kw_only=True, eq=False)
class Asked:
    """One call on its way to the owning thread and back."""

    work: Callable[[Ringed], Any]
    answer: asyncio.Future[Any]
    rows: int = 0  # of samples to be committed
    once: bool = False  # done twice it would be there twice: once begun it is waited for


class Store:
    """The store as coroutines. A cancelled ``append`` may still have happened; a returned one has.

    ``on_change`` callbacks run in the loop's thread, after the commit, before its caller goes on.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.on_change: list[Callable[[Change], None]] = []
        self.epoch = ""
        self.set_aside: Path | None = None
        self.damaged = 0  # damaged files kept beside the store's, when ``size`` was asked last
        self._closed = False
        self._loop = asyncio.get_running_loop()
        self._calls: deque[Asked] = deque()
        self._urgent: deque[Asked] = deque()  # alerts: before all others
        self._asked: SimpleQueue[bool] = SimpleQueue()  # one item a call; False: there will be no more
        self._changes: list[Change] = []  # made by the call now running; touched by the owning thread only
        self._thread = threading.Thread(target=self._own, name="store", daemon=True)
        self._running: Asked | None = None
        self._hanging: Asked | None = None  # what ran when memory took over
        self._relief: Relief | None = None
        self._relief_changes: list[Change] = []
        self._relieved = asyncio.Event()  # not set while memory answers
        self._relieved.set()
        self._database: Ringed | None = None  # None: the file is still being opened
        self._refused: BaseException | None = None  # what opening it late came to

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        max_bytes: int,
        keep_delivered_s: float,
        clock: Clock,
        upstream: str = "native",
        identity: Identity | None = None,
        keep_free_bytes: int = 0,
        disk: Disk | None = None,
        from_memory: bool = False,
        open_wait_s: float = OPEN_WAIT_S,
    ) -> Store:
        """Open or make the store. Raises StoreBusy, StoreForeign, StoreForbidden, StoreSick.

        A damaged file is renamed aside and a new epoch begins: see ``set_aside``. ``from_memory``: on a
        sick disk it begins in memory instead of raising StoreSick, see ``ring``, and so it does when the
        file is not open after ``open_wait_s``; should that end in one of the others, ``mend`` raises it.
        """
        store = cls(path)
        settings: dict[str, Any] = {
            "keep_delivered_s": keep_delivered_s,
            "clock": clock,
            "upstream": upstream,
            "identity": identity,
            "keep_free_bytes": keep_free_bytes,
        }

        def build() -> Ringed:
            return Ringed(
                path,
                max_bytes=max_bytes,
                disk=disk,
                from_memory=from_memory,
                on_change=store._changes.append,
                **settings,
            )

        store._thread.start()
        asked = store._queued(lambda _: build())
        try:
            await asyncio.wait({asked.answer}, timeout=open_wait_s if from_memory else None)
            known = {} if asked.answer.done() else await _known_beside(path)
            if asked.answer.done():
                store._opened(asked.answer.result())
            else:
                store._begin_in_memory(asked, settings, known)
        except BaseException:
            store._asked.put(False)
            raise
        return store

    @property
    def opening(self) -> bool:
        """Whether the file is still being opened."""
        return self._database is None

    async def close(self) -> None:
        """Finish every call made so far, then close the file."""
        if self._closed:
            return
        await self._relieved.wait()  # what is in memory must get to the disk
        last = asyncio.ensure_future(self._ask(lambda store: store.close()))
        await asyncio.sleep(0)  # it has taken its place in the queue: nothing may come behind it
        self._closed = True
        await last
        self._asked.put(False)

    async def declare(
        self, sensors: Sequence[SensorDeclaration], site: dict[str, object], gw: str
    ) -> Catalog:
        """Make, store and return the catalog that later appends belong to; assign sensor indices."""
        return await self._ask(lambda store: store.declare(sensors, site, gw))

    async def append(self, entries: Sequence[Entry]) -> Appended:
        """Commit samples and their alerts in one transaction.

        Raises StoreSick: bring them again, from the second time on they are taken into memory; StoreHangs:
        do not, they are on their way and are stored whatever comes of it.
        """
        rows = self._present.encode(entries)
        urgent = any(map(ALERTS, entries))
        return await self._ask(lambda store: store.append(rows), urgent=urgent, rows=len(entries))

    @property
    def in_memory(self) -> int | None:
        """How many samples are in memory while the disk is sick, None when it is well."""
        beside = self._database.in_memory if self._database is not None else 0
        if self._relief is None:
            return beside
        under_way = self._hanging.rows if self._hanging is not None else 0
        return (self._relief.in_memory or 0) + (beside or 0) + under_way

    @property
    def sick(self) -> StoreError | None:
        """What the disk said last while samples are in memory."""
        return self._present.sick

    @property
    def hangs(self) -> bool:
        """Whether memory answers because the disk does not."""
        return self._relief is not None

    @property
    def waits_for_disk(self) -> bool:
        """Whether the owning thread is in the kernel at this moment, waiting for a disk."""
        try:
            stat = Path(f"/proc/self/task/{self._thread.native_id}/stat").read_text("utf-8", "replace")
        except OSError:
            return False
        return stat.rpartition(")")[2].split()[0] == "D"  # proc(5): waiting in uninterruptible disk sleep

    def _count_damaged(self) -> None:
        with contextlib.suppress(OSError):
            kept = self._path.parent.glob(f"{self._path.name}.damaged-*")
            self.damaged = sum(not one.name.endswith(("-wal", "-shm")) for one in kept)

    async def mend(self) -> int | None:
        """Bring what is in memory to the disk; return how many samples, None while it still refuses."""
        if self._refused is not None:
            raise self._refused
        moved = await self._ask(lambda store: store.mend())
        self.epoch = self._present.epoch
        return moved

    async def load(self, ep: str, first: int, last: int, most: int) -> Loaded:
        """Return consecutive rows of one run from the first existing at or after ``first``."""
        return await self._ask(lambda store: store.load(ep, first, last, most))

    async def load_notices(self, ep: str, first_e: int, last_e: int) -> list[Notice]:
        """Return the notices on disk in first_e..last_e, lowest first."""
        return await self._ask(lambda store: store.load_notices(ep, first_e, last_e), urgent=True)

    async def standing(self) -> Standing:
        """Return where every epoch stands; does not depend on how much waits."""
        return await self._ask(lambda store: store.standing())

    async def confirm(self, rows: Mapping[str, Ranges], notices: Mapping[str, Ranges]) -> None:
        """Record what the upstream has, by epoch."""
        await self._ask(lambda store: store.confirm(dict(rows), dict(notices)))

    async def declare_gone(
        self, ep: str, ranges: Ranges, reason: str, replaced_by: Ranges | None = None
    ) -> int:
        """Declare waiting numbers gone; return the notice's ``e``, 0 when none of them waited."""
        return await self._ask(lambda store: store.declare_gone(ep, ranges, reason, replaced_by))

    async def declare_clock(self, *, boot: str, offset_ms: int, uncertainty_ms: int, at: Moment) -> int:
        """Add a clock event to the alert sequence; return its ``e``."""
        return await self._ask(
            lambda store: store.declare_clock(
                boot=boot, offset_ms=offset_ms, uncertainty_ms=uncertainty_ms, at=at
            ),
            once=True,
        )

    async def doubtful_boots(self) -> tuple[DoubtfulBoot, ...]:
        """Return the boots with rows on disk whose clock was not trusted, in the order they began."""
        return await self._ask(lambda store: store.doubtful_boots())

    async def retime(
        self, correction: Correction, left: Mapping[str, Ranges], after: Place
    ) -> tuple[int, Place | None]:
        """Give one chunk of a boot's waiting rows their true time; return how many, and where to go on.

        ``left``: by epoch, the rows that may have left; they are not changed. Rows that are asked for after
        this call are read as it leaves them, so nothing may be awaited between knowing ``left`` and the call.
        """
        return await self._ask(lambda store: store.retime(correction, left, after))

    async def catalog_body(self, k: str) -> dict[str, object] | None:
        """Return a stored catalog, None when unknown."""
        return await self._ask(lambda store: store.catalog_body(k))

    async def catalogs_waiting(self) -> tuple[str, ...]:
        """Return the digests of the catalogs that waiting or kept rows use."""
        return await self._ask(lambda store: store.catalogs_waiting())

    async def history(self, sensor: str, channel: str, since_ms: int) -> list[Point]:
        """Return a channel's points since ``since_ms``, oldest first: all when they are few, else some.

        In bites, between which other calls get their turn.
        """
        found: list[Point] = []
        for bite in await self._ask(lambda store: store.history_bites(sensor, channel, since_ms)):
            found += await self._ask(lambda store: store.history(bite, since_ms))  # noqa: B023 awaited here
        return found

    async def purge(self, now: Moment) -> Purged:
        """Forget what may go, in chunks between which other calls get their turn."""
        total, more = Purged(), True
        while more:
            part, more = await self._ask(lambda store: store.purge(now))
            total += part
        return total

    async def ledger(self) -> Ledger:
        """Return the loss ledger: tallies by epoch, and lines not yet reported."""
        return await self._ask(lambda store: store.ledger())

    async def ledger_reported(self, upto: int) -> None:
        """A delivered health message carried the ledger lines up to ``upto``."""
        await self._ask(lambda store: store.ledger_reported(upto))

    async def size(self) -> StoreSize:
        """Return the room taken and left; ``damaged`` is counted with it."""

        def look(store: Ringed) -> StoreSize:
            if store is self._database:  # not from the loop's thread, of a disk that hangs
                self._count_damaged()
            return store.size()

        return await self._ask(look)

    async def remember(self, key: str, value: str) -> None:
        """Keep a small fact across restarts. What an alert brings later must not be overwritten by it."""
        await self._ask(lambda store: store.remember(key, value), urgent=True)

    async def recall(self, key: str) -> str | None:
        """Return a remembered fact."""
        return await self._ask(lambda store: store.recall(key))

    async def note(self, pairs: Mapping[str, str]) -> None:
        """Keep small facts in one transaction, on disk. Raises StoreSick: perhaps kept, perhaps not."""
        await self._ask(lambda store: store.note(pairs))

    async def forget_notes(self, prefix: str, before: str, least: int) -> int:
        """Remove some facts under ``prefix`` that sort below ``before``; the ``least`` last ones stay."""
        return await self._ask(lambda store: store.forget_notes(prefix, before, least))

    async def kept(self, ep: str) -> Ranges:
        """Return the delivered rows of an epoch that are still there, for whoever wants them again."""
        return await self._ask(lambda store: store.kept(ep))

    # --- while the disk hangs ---

    def relieve(self) -> None:
        """Have memory take over from the owning thread, which has not answered for long.

        What it is doing it goes on doing. Samples under way are its own: should it fail, it brings them to
        memory itself. Whatever else was asked is asked of memory, and of what comes late nobody hears.
        """
        running = self._running
        if running is None or self._relief is not None or self._database is None:
            return
        sick = self._does_not_answer()
        waiting = [*_taken(self._urgent), *_taken(self._calls)]
        relief = self._database.relief(sick, self._relief_changes.append)
        self._takes_over(running, relief)
        if running.rows and not running.answer.done():
            running.answer.set_exception(StoreHangs(sick.what, where=sick.where, fix=sick.fix))
        elif not running.once:
            self._in_memory(relief, running)
        for asked in waiting:
            self._in_memory(relief, asked)

    def _begin_in_memory(self, asked: Asked, settings: Mapping[str, Any], known: Mapping[str, str]) -> None:
        """Go on without the file, which is not open yet; ``known``: what it is known to remember."""
        asked.answer.cancel()  # nobody waits for it; what came of it is told to ``_answered``
        sick = self._does_not_answer()
        self._takes_over(asked, Opening(self._path, settings, known, sick, self._relief_changes.append))

    def _does_not_answer(self) -> StoreSick:
        return StoreSick("the store's disk does not answer", where=str(self._path), fix="look at dmesg")

    def _takes_over(self, running: Asked, relief: Relief) -> None:
        self._hanging, self._relief = running, relief
        self._relieved.clear()
        self.epoch = relief.epoch
        self._tell(self._relief_changes)

    def _opened(self, database: Ringed) -> None:
        self._database, self.epoch, self.set_aside = database, database.epoch, database.set_aside

    def _in_memory(self, relief: Relief, asked: Asked) -> None:
        value, error = _done(asked.work, relief)
        self._tell(self._relief_changes)
        _settle(asked.answer, value, error)

    def _end_relief(self, relief: Relief, came_back: Asked, error: BaseException | None) -> None:
        """The disk has answered: its thread takes over, first what is in memory."""
        self._relief = self._hanging = None
        again = [came_back.work] if came_back.rows and error is not None else []
        for work in (lambda store: store.take_over(relief), *again):
            self._urgent.append(Asked(work=work, answer=self._loop.create_future()))
            self._asked.put(True)
        self.epoch = relief.epoch
        self._relieved.set()

    # --- the owning thread ---

    @property
    def _present(self) -> Ringed:
        present = self._relief or self._database
        assert present is not None
        return present

    def _own(self) -> None:
        while self._asked.get():
            try:
                self._running = asked = (self._urgent or self._calls).popleft()
            except IndexError:
                continue  # memory has taken it over
            value, error = _done(asked.work, self._database)
            changes = tuple(self._changes)
            self._changes.clear()
            self._running = None
            try:
                self._loop.call_soon_threadsafe(self._answered, asked, value, error, changes)
            except RuntimeError:
                return  # the loop is closed: nobody waits any more

    async def _ask(
        self, work: Callable[[Ringed], T], *, urgent: bool = False, rows: int = 0, once: bool = False
    ) -> T:
        if self._closed:
            raise StoreError("the store is closed")
        asked = self._queued(work, urgent=urgent, rows=rows, once=once)
        answer: asyncio.Future[T] = asked.answer
        return await answer

    def _queued(
        self, work: Callable[[Ringed], Any], *, urgent: bool = False, rows: int = 0, once: bool = False
    ) -> Asked:
        asked = Asked(work=work, answer=self._loop.create_future(), rows=rows, once=once)
        if self._relief is not None:
            self._in_memory(self._relief, asked)
        else:
            (self._urgent if urgent else self._calls).append(asked)
            self._asked.put(True)
        return asked

    def _answered(
        self, asked: Asked, value: object, error: BaseException | None, changes: Sequence[Change]
    ) -> None:
        self._tell(list(changes))
        if asked is self._hanging and self._relief is not None:
            if self._database is None and error is None:
                self._opened(value)  # type: ignore[arg-type]  # what that call was asked for
            if self._database is None:
                self._refused = error  # in use, say: that no disk will mend
            else:
                self._end_relief(self._relief, asked, error)
        _settle(asked.answer, value, error)

    def _tell(self, changes: list[Change]) -> None:
        told, changes[:] = list(changes), []
        for change in told:
            self.epoch = change.ep if isinstance(change, EpochBegan) else self.epoch
            for callback in self.on_change:
                callback(change)


async def _known_beside(path: Path) -> dict[str, str]:
    """Return what the small file beside a store remembers, {} when its disk does not answer at all."""
    loop = asyncio.get_running_loop()
    told: asyncio.Future[dict[str, str]] = loop.create_future()

    def read() -> None:
        facts = facts_beside(path)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(lambda: None if told.done() else told.set_result(facts))

    threading.Thread(target=read, name="beside", daemon=True).start()
    await asyncio.wait({told}, timeout=KNOWN_WAIT_S)
    return told.result() if told.done() else {}


def _done(work: Callable[[Any], Any], store: Ringed | None) -> tuple[Any, BaseException | None]:
    try:
        return work(store), None
    except BaseException as failure:  # noqa: BLE001 carried to the caller, who decides
        return None, failure


def _settle(answer: asyncio.Future[Any], value: object, error: BaseException | None) -> None:
    if answer.done():  # cancelled, or memory has answered
        return
    if error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(value)


def _taken(queue: deque[Asked]) -> list[Asked]:
    """Empty a queue from which another thread may be taking, too."""
    taken: list[Asked] = []
    with contextlib.suppress(IndexError):
        while True:
            taken.append(queue.popleft())
    return taken
