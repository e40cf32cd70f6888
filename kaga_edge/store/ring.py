"""The database, and while its disk is sick a second one in memory in its place.

The disk has to refuse twice in a row: a single hiccup is waited out by the recorder. From then on new
samples are numbered in an epoch of their own, the *ring epoch*, that lives in memory, bounded like the
file: what the ring cannot hold is expired and declared. They can be loaded, sent and confirmed as if they
were on disk; only a power cut loses them. ``mend`` tries the disk again; when it takes, the ring epoch is
stored whole and is the present one from then on.

Until then nothing else is asked of the disk: a dying card takes its time over every answer.

The disk may be sick from the start (read-only, full, not mounted): with ``from_memory`` it begins in the
ring. ``mend`` then opens the file first; whatever that holds is there again from that moment on.

A disk may also hang: it neither takes nor refuses, and whoever called it waits in the kernel. Then ``Relief``
takes over in another thread, with an epoch and a memory of its own, and touches nothing of what the waiting
thread uses. When that one is back it takes the relief's memory over (``take_over``) and all is as above.

Longer than most: which of the two answers is one decision, and every call makes it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kaga_edge.core.ranges import Ranges
from kaga_edge.core.stored import (
    Appended,
    Catalog,
    Change,
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
from kaga_edge.store import series
from kaga_edge.store.database import Database
from kaga_edge.store.disk import Disk
from kaga_edge.store.errors import StoreError, StoreSick
from kaga_edge.store.glimpse import facts_of
from kaga_edge.store.memory import Beside, rings
from kaga_edge.store.numbering import Declared, Encoded
from kaga_edge.store.retiming import Place
from kaga_edge.vocabulary.readings import Moment

log = logging.getLogger(__name__)

REFUSALS = 2  # of appends in a row, before memory takes over
RING_BYTES = 4 * 1024 * 1024  # some 50,000 samples: half an hour of twenty-five sensors at 1 Hz
COMMANDS = "command"  # what begins so is many, and must be on disk or not at all


class Ringed:
    """``Database``'s words; ``in_memory`` tells whether."""

    def __init__(
        self,
        path: Path,
        *,
        max_bytes: int,
        disk: Disk | None = None,
        ring_bytes: int = RING_BYTES,
        from_memory: bool = False,
        **settings: Any,
    ) -> None:
        self._open_file: Callable[[], Database] = lambda: Database(
            path, max_bytes=max_bytes, disk=disk, **settings
        )
        self._make_ring = rings(path, ring_bytes, settings)
        self._on_change = settings.get("on_change", lambda _: None)
        self._file: Database | None = None  # None: it could not be opened yet
        self._unseen = False  # what the file remembers: it was opened when memory had taken over
        self._facts: dict[str, str] = {}  # what the file that could not be opened was seen to remember
        self._heard: dict[str, str] = {}  # what was said or asked so far, for when the file cannot be asked
        self._found: tuple[tuple[str, str], ...] | None = None  # what it remembers and we did not know
        self._rings: list[Database] = []  # in memory; the last one takes the samples
        self._sick: StoreError | None = None
        self._refusals = 0
        self._size: StoreSize | None = None
        try:
            self._file = self._open_file()
        except StoreSick as sick:  # not: in use, not ours, forbidden; those a person must mend
            if not from_memory or os.path.isdir(path):  # a folder there is a slip of the configuration
                raise
            self._facts = facts_of(path)
            self._begin_ring(sick)

    @property
    def epoch(self) -> str:
        """The epoch new rows are numbered in."""
        return self._present.epoch

    @property
    def set_aside(self) -> Path | None:
        """The damaged file that was replaced last."""
        return self._file.set_aside if self._file is not None else None

    @property
    def sick(self) -> StoreError | None:
        """What the disk said last while samples are in memory."""
        return self._sick

    @property
    def in_memory(self) -> int | None:
        """How many samples are in memory, None while the disk is well."""
        return sum(ring.rows for ring in self._rings) if self._rings else None

    def close(self) -> None:
        """Close the file; what is in memory goes there first, if it takes it."""
        if self._rings and self.mend() is None:
            for ring in self._rings:
                lost = sum(tally.waiting for tally in ring.tallies())  # what was delivered is in safety
                if lost:
                    log.error("store.ring_lost epoch=%s rows=%d", ring.epoch, lost)
            self._rings = []
        if self._file is not None:
            self._file.end()

    # --- writing ---

    def declare(self, sensors: Sequence[SensorDeclaration], site: dict[str, object], gw: str) -> Catalog:
        """Say which sensors there are; in memory at once when the disk refuses: no sample without it."""
        if not self._rings:
            try:
                self._present.name(gw)
                return self._present.declare(sensors, site, gw)
            except StoreSick as sick:
                self._begin_ring(sick)
        return self._present.declare(sensors, site, gw)

    def encode(self, entries: Sequence[Any]) -> tuple[Declared, list[Encoded]]:
        return self._present.encode(entries)

    def append(self, rows: tuple[Declared, list[Encoded]]) -> Appended:
        """Commit samples: on disk, or in memory while that is sick.

        Raises StoreSick, StoreBusy: refused for the first time; bring them again.
        """
        for row in rows[1]:
            if row[-2]:  # facts to remember
                self._heard.update(row[-2])
        if not self._rings:
            try:
                given = self._present.append(rows)
            except StoreError as sick:
                self._refusals += 1
                if self._refusals < REFUSALS:
                    raise
                self._begin_ring(sick)
            else:
                self._refusals = 0
                return given
        return self._present.append(rows)

    def mend(self) -> int | None:
        """Bring what is in memory to the disk; return how many samples, None when it still refuses."""
        if not self._rings:
            return 0
        rows = 0
        while self._rings:  # the oldest first: the last one is the present epoch, here and there
            ring = self._rings[0]
            try:
                self._opened().adopt(ring)
            except StoreError as sick:
                self._sick = sick
                return None
            log.warning("store.ring_stored epoch=%s rows=%d", ring.epoch, ring.rows)
            rows += ring.rows
            ring.close()
            del self._rings[0]
        self._sick, self._refusals = None, 0
        if self._found is not None:
            facts, self._found, self._facts = self._found, None, {}
            self._on_change(EpochBegan(ep=self.epoch, reason="found", facts=facts))
        return rows

    def confirm(self, rows: dict[str, Ranges], notices: dict[str, Ranges]) -> None:
        if not self._rings:
            self._present.confirm(rows, notices)
            return
        for ring in self._rings:
            ring.confirm(rows, notices)
        ours = {ring.epoch for ring in self._rings}
        if any(ranges and ep not in ours for told in (rows, notices) for ep, ranges in told.items()):
            self._healthy()  # the others' stay with whoever asked

    def declare_gone(self, ep: str, ranges: Ranges, reason: str, replaced_by: Ranges | None = None) -> int:
        return self._of(ep).declare_gone(ep, ranges, reason, replaced_by)

    def declare_clock(self, *, boot: str, offset_ms: int, uncertainty_ms: int, at: Moment) -> int:
        return self._healthy().declare_clock(
            boot=boot, offset_ms=offset_ms, uncertainty_ms=uncertainty_ms, at=at
        )

    def doubtful_boots(self) -> tuple[DoubtfulBoot, ...]:
        return self._healthy().doubtful_boots()

    def retime(
        self, correction: Correction, left: Mapping[str, Ranges], after: Place
    ) -> tuple[int, Place | None]:
        return self._healthy().retime(correction, left, after)

    def remember(self, key: str, value: str) -> None:
        self._heard[key] = value
        self._present.remember(key, value)

    def note(self, pairs: Mapping[str, str]) -> None:
        """On disk or not at all: memory would forget them with the power."""
        self._healthy().note(pairs)

    def forget_notes(self, prefix: str, before: str, least: int) -> int:
        return self._healthy().forget_notes(prefix, before, least)

    def kept(self, ep: str) -> Ranges:
        return self._of(ep).kept(ep)

    def purge(self, now: Moment) -> tuple[Purged, bool]:
        return self._present.purge(now)

    def ledger_reported(self, upto: int) -> None:
        self._healthy().ledger_reported(upto)

    # --- reading ---

    def load(self, ep: str, first: int, last: int, most: int) -> Loaded:
        return self._of(ep).load(ep, first, last, most)

    def load_notices(self, ep: str, first_e: int, last_e: int) -> list[Notice]:
        return self._of(ep).load_notices(ep, first_e, last_e)

    def standing(self) -> Standing:
        if not self._rings:
            return self._present.standing()
        in_memory = (epoch for ring in self._rings for epoch in ring.standing().epochs)
        return Standing(epochs=(*self._beside().epochs, *in_memory))

    def catalog_body(self, k: str) -> dict[str, object] | None:
        held = next((body for ring in self._rings if (body := ring.catalog_body(k)) is not None), None)
        return held if held is not None else self._healthy().catalog_body(k)

    def catalogs_waiting(self) -> tuple[str, ...]:
        if self._rings and self._blind:  # what a file needs that nobody has read, nobody can say
            self._healthy()
        ours = (k for ring in self._rings for k in ring.catalogs_waiting())
        return tuple(sorted({*self._beside().catalogs, *ours}))

    def history_bites(self, sensor: str, channel: str, since_ms: int) -> list[series.Bite]:
        return self._present.history_bites(sensor, channel, since_ms)

    def history(self, bite: series.Bite, since_ms: int) -> list[Any]:
        return self._present.history(bite, since_ms)

    def recall(self, key: str) -> str | None:
        held = next((told for ring in reversed(self._rings) if (told := ring.recall(key)) is not None), None)
        if held is None and self._file is None:
            return self._facts.get(key)
        if held is None and self._rings and key in self._heard:
            return self._heard[key]
        held = held if held is not None else self._healthy().recall(key)
        if held is not None and not key.startswith(COMMANDS):
            self._heard[key] = held
        return held

    def ledger(self) -> Ledger:
        if not self._rings:
            return self._present.ledger()
        ours = (tally for ring in self._rings for tally in ring.tallies())
        return Ledger(epochs=(*self._beside().tallies, *ours))

    def size(self) -> StoreSize:
        if not self._rings or self._size is None:
            self._size = (self._file or self._present).size()
        return self._size

    # --- the parts of it ---

    @property
    def _present(self) -> Database:
        present = self._rings[-1] if self._rings else self._file
        assert present is not None
        return present

    @property
    def _blind(self) -> bool:
        """Whether not even the books of the file are known."""
        return self._file is None

    def _beside(self) -> Beside:
        return Beside.of((self._file,) if self._file is not None else ())

    def _opened(self) -> Database:
        """Return the file; could it not be opened before, it is now, and what it remembers is noted."""
        file = self._file or self._open_file()
        if self._unseen or self._file is None:
            self._found = tuple(fact for fact in file.facts() if fact[0] not in self._facts)
            self._file, self._size, self._unseen = file, None, False
        return file

    def _of(self, ep: str) -> Database:
        return next((ring for ring in self._rings if ring.epoch == ep), None) or self._healthy()

    def _healthy(self) -> Database:
        if self._sick is not None:
            raise self._sick
        return self._present

    def _begin_ring(self, sick: StoreError, declared: Database | None = None) -> None:
        self._sick, ring = sick, self._make_ring()
        ring.report_to(self._on_change)
        if (declared := declared or self._file) is not None:
            ring.declare_as(declared)
        self._rings.append(ring)
        log.error("store.ring_began epoch=%s code=%s error=%s", self.epoch, sick.code, sick.what)
        self._on_change(EpochBegan(ep=self.epoch, reason="sick"))

    # --- while a disk hangs ---

    def relief(self, sick: StoreError, on_change: Callable[[Change], None]) -> Relief:
        """Return what takes over from here while the thread of this one waits in the kernel."""
        databases = (*((self._file,) if self._file is not None else ()), *self._rings)
        return Relief(
            make_ring=self._make_ring,
            known=Beside.of(databases),
            heard=self._facts | self._heard,
            size=self._size,
            declared=self._present,
            sick=sick,
            on_change=on_change,
        )

    def take_over(self, relief: Relief) -> None:
        """Go on with the memory that took the samples while this thread waited for the disk."""
        self._sick = relief.sick
        if isinstance(relief, Opening) and self._file is not None:
            self._unseen, self._facts = True, dict(relief.facts)
        for ring in relief.given_up():
            ring.report_to(self._on_change)
            self._rings.append(ring)


class Relief(Ringed):
    """A ``Ringed`` without a file; ``known``: what the books of the one that hangs say."""

    def __init__(
        self,
        *,
        make_ring: Callable[[], Database],
        known: Beside,
        heard: dict[str, str],
        size: StoreSize | None,
        declared: Database | None,
        sick: StoreError,
        on_change: Callable[[Change], None],
    ) -> None:
        """Not ``Ringed``'s: nothing is opened."""
        self._make_ring, self._on_change, self._known, self._size = make_ring, on_change, known, size
        self._file, self._facts, self._found, self._heard, self._unseen = None, {}, None, heard, False
        self._rings, self._refusals = [], REFUSALS
        self._begin_ring(sick, declared)

    def given_up(self) -> list[Database]:
        """Return the memory; it is somebody else's now."""
        rings, self._rings = self._rings, []
        return rings

    def mend(self) -> int | None:
        """Nobody can tell yet."""
        return None

    def recall(self, key: str) -> str | None:
        if (held := self._rings[-1].recall(key) or self._heard.get(key)) is None:
            self._healthy()
        return held

    @property
    def _blind(self) -> bool:
        return False

    def _beside(self) -> Beside:
        return self._known


class Opening(Relief):
    """While the disk has not even let the file be opened. ``facts``: what is known of it all the same."""

    def __init__(
        self,
        path: Path,
        settings: Mapping[str, Any],
        facts: Mapping[str, str],
        sick: StoreError,
        on_change: Callable[[Change], None],
    ) -> None:
        super().__init__(
            make_ring=rings(path, RING_BYTES, settings),
            known=Beside.of(()),
            heard={},
            size=None,
            declared=None,
            sick=sick,
            on_change=on_change,
        )
        self.facts = self._facts = dict(facts)

    @property
    def _blind(self) -> bool:
        return True

    def recall(self, key: str) -> str | None:
        return Ringed.recall(self, key)  # of what nobody knows there is nothing to wait for
