"""Group commit: everything measured within half a second goes to disk in one transaction.

A commit costs the SD card about 9 KiB however little is in it, so samples wait for each other, but
never longer than a second. Nothing waits once all that was due has come, as long as no more commits are made
than about one a second; an alarm does not wait at all. Until the commit has returned a sample does not exist
for anybody else.

What the disk refuses stays here, bounded, and is brought again a second later; then the store takes it
into memory, from where it can be sent, and the disk is tried once a second until it is well. Should even
memory refuse, the oldest samples without an alarm give way; each one that is lost is counted, loudly.

A disk that neither takes nor refuses but hangs holds up the one thread that owns the store. After ten seconds
we say that it is sick, and have the store take what comes later into memory at once. The group that hangs is
the disk's: nobody knows whether it is there, so it is sent when the disk answers and not before.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from kaga_edge.core.stored import Appended, Entry
from kaga_edge.station import journal
from kaga_edge.store import StoreHangs
from kaga_edge.vocabulary.errors import KagaError

APART_S = 0.97  # commits at once, on average: what comes every second comes a little early now and then
GROUP_S = 0.5  # with the commit itself well below the second that a power cut may cost
MOST_HELD = 20_000
RETRY_S = 1.0
SLOW_S = 10.0  # a commit takes a hundredth of it; a card that tidies up inside, a second


class Appends(Protocol):
    """What the recorder needs of the store."""

    @property
    def in_memory(self) -> int | None:
        """How many samples the store has in memory while its disk is sick, else None."""

    async def append(self, entries: list[Entry]) -> Appended: ...

    async def mend(self) -> int | None:
        """Bring those to the disk; None: it still refuses."""

    def relieve(self) -> None:
        """Go on in memory: the disk does not answer."""


class Recorder:
    """Collects entries and commits them; one task runs ``run``."""

    def __init__(
        self,
        store: Appends,
        group_s: float = GROUP_S,
        slow_s: float = SLOW_S,
        *,
        more_soon: Callable[[], bool] = lambda: True,
    ) -> None:
        """``more_soon``: whether something that is due has not come yet."""
        self._more_soon = more_soon
        self._at_once_from_s = 0.0  # of the loop's clock
        self.looking = False  # whether all has come: one was taken in this turn of the loop
        self._store = store
        self._group_s = group_s
        self._slow_s = slow_s
        self._held: deque[Entry] = deque()
        self._writing: list[Entry] = []
        self._now = asyncio.Event()  # commit what is held
        self._timer: asyncio.TimerHandle | None = None
        self._one_at_a_time = asyncio.Lock()
        self._tried_s = 0.0
        self._began_s: float | None = None  # the commit under way
        self._slow: asyncio.TimerHandle | None = None  # set at most once in ``slow_s``, not for each commit
        self.lost = 0
        self.sick: KagaError | None = None

    @property
    def held(self) -> int:
        """How many samples are measured and not yet on disk."""
        return len(self._held) + len(self._writing) + (self._store.in_memory or 0)

    def add(self, entry: Entry) -> None:
        """Take one sample; it is committed within a second, with alerts at once."""
        while len(self._held) >= MOST_HELD:
            self._give_way()
        self._held.append(entry)
        if entry.alerts:
            self._now.set()
        elif not self.looking:
            self.looking = True
            asyncio.get_running_loop().call_soon(self._perhaps_now)  # when what came with it is there too

    def fell_sick(self, error: KagaError) -> None:
        """Say, once, that the disk refuses, until it has taken everything again."""
        if self.sick is None:
            journal.error("store.sick", code=error.code, error=error.what, fix=error.fix, held=self.held)
        self.sick = error

    async def run(self) -> None:
        """Commit group after group, for ever."""
        while True:
            if self.sick is None:
                await self._now.wait()
            else:
                await _wait_at_most(self._now, RETRY_S)
            if self._store.in_memory is not None:
                await self._try_disk()
            if self._now.is_set() and not await self.flush():
                await asyncio.sleep(RETRY_S)

    async def flush(self) -> bool:
        """Commit all that is held now. False when the disk refused: it stays held."""
        async with self._one_at_a_time:
            self._writing = list(self._held)
            self._held.clear()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._now.clear()
            if not self._writing:
                return True
            self._count_commit()
            try:
                await self._store.append(self._writing)
            except StoreHangs as error:
                self.fell_sick(error)
                return True
            except KagaError as error:
                self._held.extendleft(reversed(self._writing))
                self._now.set()
                self.fell_sick(error)
                return False
            else:
                if self.sick is not None and self._store.in_memory is None:
                    self._recovered(len(self._writing))
                return True
            finally:
                self._began_s = None
                self._writing = []

    async def _try_disk(self) -> None:
        """Once a second while the store works in memory: is the disk well again?"""
        now_s = asyncio.get_running_loop().time()
        if now_s - self._tried_s < RETRY_S:
            return
        self._tried_s = now_s
        slow = asyncio.get_running_loop().call_later(self._slow_s, self._store.relieve)
        written = await self._store.mend()
        slow.cancel()
        if written is not None:
            self._recovered(written)

    def _perhaps_now(self) -> None:
        """Commit what is held, or wait for more."""
        self.looking = False
        if not self._held or self._now.is_set():
            return
        loop = asyncio.get_running_loop()
        if loop.time() >= self._at_once_from_s and not self._more_soon():
            self._now.set()
        elif self._timer is None:
            self._timer = loop.call_later(self._group_s, self._now.set)

    def _count_commit(self) -> None:
        """Whoever waited longer than need be catches up little by little, or he would wait for ever."""
        loop = asyncio.get_running_loop()
        self._began_s = now_s = loop.time()
        self._at_once_from_s = max(self._at_once_from_s, now_s - self._group_s) + APART_S
        if self._slow is None:
            self._slow = loop.call_later(self._slow_s, self._perhaps_slow)

    def _perhaps_slow(self) -> None:
        """Look whether a commit has been under way for too long."""
        self._slow = None
        if self._began_s is None:
            return
        loop = asyncio.get_running_loop()
        left_s = self._began_s + self._slow_s - loop.time()
        if left_s <= 0:
            self._store.relieve()
        else:
            self._slow = loop.call_later(left_s, self._perhaps_slow)

    def _give_way(self) -> None:
        for i, entry in enumerate(self._held):
            if not entry.alerts:
                del self._held[i]
                break
        else:
            self._held.popleft()
        self.lost += 1

    def _recovered(self, written: int) -> None:
        if self.sick is not None:
            journal.warning("store.back", written=written, lost=self.lost)
            self.sick = None


async def _wait_at_most(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
