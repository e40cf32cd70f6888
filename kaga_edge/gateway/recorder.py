"""Group commit: everything measured within half a second goes to disk in one transaction.

A commit costs the SD card about 9 KiB however little is in it, so samples wait for each other, but
never longer than a second; an alarm does not wait at all. Until the commit has returned a sample does
not exist for anybody else.

While the disk is sick the samples stay here, bounded, and the oldest without an alarm give way; each
one that is lost is counted, loudly.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

from kaga_edge.core.stored import Appended, Entry
from kaga_edge.station import journal
from kaga_edge.vocabulary.errors import KagaError

GROUP_S = 0.5  # with the commit itself well below the second that a power cut may cost
MOST_HELD = 20_000
RETRY_S = 1.0


class Appends(Protocol):
    """What the recorder needs of the store."""

    async def append(self, entries: list[Entry]) -> Appended: ...


class Recorder:
    """Collects entries and commits them; one task runs ``run``."""

    def __init__(self, store: Appends, group_s: float = GROUP_S) -> None:
        self._store = store
        self._group_s = group_s
        self._held: deque[Entry] = deque()
        self._writing: list[Entry] = []
        self._something = asyncio.Event()
        self._urgent = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self.lost = 0
        self.sick: KagaError | None = None

    @property
    def held(self) -> int:
        """How many samples are measured and not yet on disk."""
        return len(self._held) + len(self._writing)

    def add(self, entry: Entry) -> None:
        """Take one sample; it is committed within a second, with alerts at once."""
        while len(self._held) >= MOST_HELD:
            self._give_way()
        self._held.append(entry)
        self._something.set()
        if entry.alerts:
            self._urgent.set()

    async def run(self) -> None:
        """Commit group after group, for ever."""
        while True:
            await self._something.wait()
            await _wait_at_most(self._urgent, self._group_s)
            if not await self.flush():
                await asyncio.sleep(RETRY_S)

    async def flush(self) -> bool:
        """Commit all that is held now. False when the disk refused: it stays held."""
        async with self._one_at_a_time:
            self._writing = list(self._held)
            self._held.clear()
            self._something.clear()
            self._urgent.clear()
            if not self._writing:
                return True
            try:
                await self._store.append(self._writing)
            except KagaError as error:
                self._held.extendleft(reversed(self._writing))
                self._something.set()
                self._fell_sick(error)
                return False
            else:
                self._recovered(len(self._writing))
                return True
            finally:
                self._writing = []

    def _give_way(self) -> None:
        for i, entry in enumerate(self._held):
            if not entry.alerts:
                del self._held[i]
                break
        else:
            self._held.popleft()
        self.lost += 1

    def _fell_sick(self, error: KagaError) -> None:
        if self.sick is None:
            journal.error("store.sick", code=error.code, error=error.what, fix=error.fix, held=self.held)
        self.sick = error

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
