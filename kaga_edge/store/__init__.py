"""SQLite, the only owner of stored samples, behind a door that coroutines can knock on.

``Store`` is the door: every call is handed to the one thread that owns the connection and answered in
the loop's thread. What it does is in ``database``; how the file is opened, and why so, in ``file``; what
is known without reading rows, in ``book``.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

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
from kaga_edge.store.errors import StoreBusy, StoreError, StoreForbidden, StoreForeign, StoreSick
from kaga_edge.store.file import Identity
from kaga_edge.store.ring import Ringed
from kaga_edge.vocabulary.clock import Clock
from kaga_edge.vocabulary.readings import Moment

__all__ = ["Store", "StoreBusy", "StoreError", "StoreForbidden", "StoreForeign", "StoreSick", "Identity"]

T = TypeVar("T")
U = TypeVar("U")
Call = Callable[[], None]


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
        self._calls: deque[Call] = deque()
        self._urgent: deque[Call] = deque()  # alerts: before all others
        self._asked: SimpleQueue[bool] = SimpleQueue()  # one item a call; False: there will be no more
        self._changes: list[Change] = []  # made by the call now running; touched by the owning thread only
        self._thread = threading.Thread(target=self._own, name="store", daemon=True)
        self._database: Ringed

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
    ) -> Store:
        """Open or make the store. Raises StoreBusy, StoreForeign, StoreForbidden, StoreSick.

        A damaged file is renamed aside and a new epoch begins: see ``set_aside``. ``from_memory``: on a
        sick disk it begins in memory instead of raising StoreSick, see ``ring``.
        """
        store = cls(path)

        def build() -> Ringed:
            return Ringed(
                path,
                max_bytes=max_bytes,
                keep_delivered_s=keep_delivered_s,
                clock=clock,
                upstream=upstream,
                identity=identity,
                keep_free_bytes=keep_free_bytes,
                disk=disk,
                from_memory=from_memory,
                on_change=store._changes.append,
            )

        store._thread.start()
        try:
            store._database = await store._ask(build)
        except BaseException:
            store._asked.put(False)
            raise
        store.epoch = store._database.epoch
        store.set_aside = store._database.set_aside
        return store

    async def close(self) -> None:
        """Finish every call made so far, then close the file."""
        if self._closed:
            return
        last = asyncio.ensure_future(self._ask(self._database.close))
        await asyncio.sleep(0)  # it has taken its place in the queue: nothing may come behind it
        self._closed = True
        await last
        self._asked.put(False)

    async def declare(
        self, sensors: Sequence[SensorDeclaration], site: dict[str, object], gw: str
    ) -> Catalog:
        """Make, store and return the catalog that later appends belong to; assign sensor indices."""
        return await self._ask(lambda: self._database.declare(sensors, site, gw))

    async def append(self, entries: Sequence[Entry]) -> Appended:
        """Commit samples and their alerts in one transaction.

        Raises StoreSick: bring them again. From the second time on they are taken into memory.
        """
        rows = self._database.encode(entries)
        urgent = any(entry.alerts for entry in entries)
        return await self._ask(lambda: self._database.append(rows), urgent=urgent)

    @property
    def in_memory(self) -> int | None:
        """How many samples are in memory while the disk is sick, None when it is well."""
        return self._database.in_memory

    @property
    def sick(self) -> StoreError | None:
        """What the disk said last while samples are in memory."""
        return self._database.sick

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
        moved = await self._ask(lambda: self._database.mend())
        self.epoch = self._database.epoch
        return moved

    async def load(self, ep: str, first: int, last: int, most: int) -> Loaded:
        """Return consecutive rows of one run from the first existing at or after ``first``."""
        return await self._ask(lambda: self._database.load(ep, first, last, most))

    async def load_notices(self, ep: str, first_e: int, last_e: int) -> list[Notice]:
        """Return the notices on disk in first_e..last_e, lowest first."""
        return await self._ask(lambda: self._database.load_notices(ep, first_e, last_e), urgent=True)

    async def standing(self) -> Standing:
        """Return where every epoch stands; does not depend on how much waits."""
        return await self._ask(lambda: self._database.standing())

    async def confirm(self, rows: Mapping[str, Ranges], notices: Mapping[str, Ranges]) -> None:
        """Record what the upstream has, by epoch."""
        await self._ask(lambda: self._database.confirm(dict(rows), dict(notices)))

    async def declare_gone(
        self, ep: str, ranges: Ranges, reason: str, replaced_by: Ranges | None = None
    ) -> int:
        """Declare waiting numbers gone; return the notice's ``e``, 0 when none of them waited."""
        return await self._ask(lambda: self._database.declare_gone(ep, ranges, reason, replaced_by))

    async def declare_clock(self, *, boot: str, offset_ms: int, uncertainty_ms: int, at: Moment) -> int:
        """Add a clock event to the alert sequence; return its ``e``."""
        return await self._ask(
            lambda: self._database.declare_clock(
                boot=boot, offset_ms=offset_ms, uncertainty_ms=uncertainty_ms, at=at
            )
        )

    async def doubtful_boots(self) -> tuple[DoubtfulBoot, ...]:
        """Return the boots with rows on disk whose clock was not trusted, in the order they began."""
        return await self._ask(lambda: self._database.doubtful_boots())

    async def retime(self, correction: Correction, left: Mapping[str, int]) -> int:
        """Give waiting rows of a boot their true time; return how many.

        ``left``: by epoch, the highest number that may have left; up to it no row is changed.
        """
        total = 0
        place: tuple[int, int] | None = (0, 0)
        while place is not None:
            after = place
            rows, place = await self._ask(lambda: self._database.retime(correction, left, after))  # noqa: B023 awaited here
            total += rows
        return total

    async def catalog_body(self, k: str) -> dict[str, object] | None:
        """Return a stored catalog, None when unknown."""
        return await self._ask(lambda: self._database.catalog_body(k))

    async def catalogs_waiting(self) -> tuple[str, ...]:
        """Return the digests of the catalogs that waiting or kept rows use."""
        return await self._ask(lambda: self._database.catalogs_waiting())

    async def history(self, sensor: str, channel: str, since_ms: int) -> list[Point]:
        """Return a channel's points since ``since_ms``, oldest first: all when they are few, else some.

        In bites, between which other calls get their turn.
        """
        found: list[Point] = []
        for bite in await self._ask(lambda: self._database.history_bites(sensor, channel, since_ms)):
            found += await self._ask(lambda: self._database.history(bite, since_ms))  # noqa: B023 awaited here
        return found

    async def purge(self, now: Moment) -> Purged:
        """Forget what may go, in chunks between which other calls get their turn."""
        total, more = Purged(), True
        while more:
            part, more = await self._ask(lambda: self._database.purge(now))
            total += part
        return total

    async def ledger(self) -> Ledger:
        """Return the loss ledger: tallies by epoch, and lines not yet reported."""
        return await self._ask(lambda: self._database.ledger())

    async def ledger_reported(self, upto: int) -> None:
        """A delivered health message carried the ledger lines up to ``upto``."""
        await self._ask(lambda: self._database.ledger_reported(upto))

    async def size(self) -> StoreSize:
        """Return the room taken and left; ``damaged`` is counted with it."""

        def look() -> StoreSize:
            self._count_damaged()
            return self._database.size()

        return await self._ask(look)

    async def remember(self, key: str, value: str) -> None:
        """Keep a small fact across restarts."""
        await self._ask(lambda: self._database.remember(key, value))

    async def recall(self, key: str) -> str | None:
        """Return a remembered fact."""
        return await self._ask(lambda: self._database.recall(key))

    async def note(self, pairs: Mapping[str, str]) -> None:
        """Keep small facts in one transaction, on disk. Raises StoreSick: perhaps kept, perhaps not."""
        await self._ask(lambda: self._database.note(pairs))

    async def forget_notes(self, prefix: str, before: str, least: int) -> int:
        """Remove some facts under ``prefix`` that sort below ``before``; the ``least`` last ones stay."""
        return await self._ask(lambda: self._database.forget_notes(prefix, before, least))

    async def kept(self, ep: str) -> Ranges:
        """Return the delivered rows of an epoch that are still there, for whoever wants them again."""
        return await self._ask(lambda: self._database.kept(ep))

    # --- the owning thread ---

    def _own(self) -> None:
        while self._asked.get():
            calls = self._urgent or self._calls
            calls.popleft()()

    async def _ask(self, work: Callable[[], T], *, urgent: bool = False) -> T:
        if self._closed:
            raise StoreError("the store is closed")
        answer: asyncio.Future[T] = self._loop.create_future()

        def call() -> None:
            value, error = None, None
            try:
                value = work()
            except BaseException as failure:  # noqa: BLE001 carried to the caller, who decides
                error = failure
            changes = tuple(self._changes)
            self._changes.clear()
            try:
                self._loop.call_soon_threadsafe(self._answered, answer, value, error, changes)
            except RuntimeError:
                return  # the loop is closed: nobody waits any more

        (self._urgent if urgent else self._calls).append(call)
        self._asked.put(True)
        return await answer

    def _answered(
        self,
        answer: asyncio.Future[U],
        value: U | None,
        error: BaseException | None,
        changes: Sequence[Change],
    ) -> None:
        for change in changes:
            self.epoch = change.ep if isinstance(change, EpochBegan) else self.epoch
            for callback in self.on_change:
                callback(change)
        if answer.cancelled():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(value)  # type: ignore[arg-type]  # U itself may be None
