"""Does the store's jobs for delivery: reads and packs batches, notices, catalogs; declares rows gone."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import Protocol

from kaga_edge.core import delivery_words as words
from kaga_edge.core import message
from kaga_edge.core.delivery_words import Event, Ref
from kaga_edge.core.ranges import Ranges
from kaga_edge.core.timekeeping import steady
from kaga_edge.uplink.ports import UplinkStore
from kaga_edge.vocabulary.errors import KagaError
from kaga_edge.vocabulary.readings import ClockTrust

log = logging.getLogger("kaga_edge.uplink")

BATCH_TEXT_BYTES = 60 * 1024  # before compression; the contract's limit is 64 KiB
PACKED_HERE_ROWS = 100  # half a millisecond's work; live batches are no larger
PACKET_FRAME_BYTES = 12  # fixed header, topic length, packet id, no properties


@dataclass(frozen=True, slots=True, kw_only=True)
class Remember:
    """Keep a small text in the store."""

    key: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Look again at what waits in the store."""


Job = words.Load | words.LoadNotices | words.Announce | words.Quarantine | Remember | Look


class Desk(Protocol):
    """Where the results go."""

    def tell(self, event: Event) -> None: ...
    def now_ns(self) -> int: ...
    def pack(self, ref: Ref, payload: bytes, *, retain: bool = False) -> None: ...
    def post(
        self, ref: str, leaf: str, payload: bytes, *, retain: bool, catalog: str | None = None
    ) -> None: ...
    async def look_again(self) -> None: ...


class Reader:
    """A queue of jobs; ``run`` it in as many tasks as should read at once."""

    def __init__(self, desk: Desk, *, store: UplinkStore, topics: message.Topics) -> None:
        self._desk = desk
        self._store = store
        self._topics = topics
        self._jobs: asyncio.PriorityQueue[tuple[bool, int, Job]] = asyncio.PriorityQueue()
        self._asked = 0

    def ask(self, job: Job) -> None:
        """Put a job in the queue: in order, but alerts before everything."""
        self._asked += 1
        self._jobs.put_nowait((not isinstance(job, words.LoadNotices), self._asked, job))

    async def run(self) -> None:
        """Do jobs for ever."""
        while True:
            *_, job = await self._jobs.get()
            match job:
                case words.Load():
                    await self._load(job)
                case words.LoadNotices():
                    await self._load_notices(job)
                case words.Announce():
                    await self._announce(job)
                case words.Quarantine():
                    await self._quarantine(job)
                case Look():
                    await self._desk.look_again()
                case Remember():
                    with contextlib.suppress(KagaError):  # asked again at the next connection
                        await self._store.remember(job.key, job.value)

    async def _load(self, job: words.Load) -> None:
        try:
            loaded = await self._store.load(job.ep, job.first, job.last, job.last - job.first + 1)
        except KagaError as error:
            log.warning("uplink.load_failed error=%s", error)
            self._desk.tell(words.LoadFailed(now_ns=self._desk.now_ns(), ref=job.ref))
            return
        rows = loaded.rows[: steady(loaded.rows, trusted=loaded.run.c >= ClockTrust.NTP)]
        if not rows:
            self._desk.tell(words.BatchReady(now_ns=self._desk.now_ns(), ref=job.ref))
            return
        if len(rows) > PACKED_HERE_ROWS:  # an alert need not wait until a large batch is compressed
            payload, taken = await asyncio.to_thread(message.packed, rows, loaded.run, BATCH_TEXT_BYTES)
        else:
            payload, taken = message.packed(rows, loaded.run, BATCH_TEXT_BYTES)
        self._desk.pack(job.ref, payload)
        self._desk.tell(
            words.BatchReady(
                now_ns=self._desk.now_ns(),
                ref=job.ref,
                first=rows[0][0],
                last=rows[taken - 1][0],
                size_bytes=packet_bytes(self._topics.up("data"), payload),
                k=loaded.run.k,
            )
        )

    async def _load_notices(self, job: words.LoadNotices) -> None:
        try:
            notices = await self._store.load_notices(job.ep, job.first_e, job.last_e)
        except KagaError as error:
            log.warning("uplink.load_failed error=%s", error)
            self._desk.tell(words.LoadFailed(now_ns=self._desk.now_ns(), ref=job.ref))
            return
        infos = []
        for notice in notices:
            self._desk.pack((notice.ep, notice.e), notice.body)
            size_bytes = packet_bytes(self._topics.up(notice.leaf), notice.body)
            key = notice.key if notice.kind == "alert" else ""
            infos.append(words.NoticeInfo(e=notice.e, key=key, leaf=notice.leaf, size_bytes=size_bytes))
        self._desk.tell(
            words.NoticesReady(now_ns=self._desk.now_ns(), ref=job.ref, ep=job.ep, notices=tuple(infos))
        )

    async def _announce(self, job: words.Announce) -> None:
        try:
            body = await self._store.catalog_body(job.k)
        except KagaError as error:
            log.warning("uplink.catalog_failed k=%s error=%s", job.k, error)
            body = None
        if body is None:
            self._desk.tell(words.CatalogAbsent(now_ns=self._desk.now_ns(), k=job.k))
            return
        leaf = f"catalog/{job.k}"
        self._desk.post(leaf, leaf, message.compact(body), retain=True, catalog=job.k)

    async def _quarantine(self, job: words.Quarantine) -> None:
        log.error(
            "data.quarantined epoch=%s numbers=%d-%d code=0x%02x", job.ep, job.first, job.last, job.code
        )
        try:
            await self._store.declare_gone(job.ep, Ranges(((job.first, job.last),)), "quarantined")
        except KagaError as error:  # they wait in the store, and are tried again after a restart
            log.warning("uplink.quarantine_failed error=%s", error)


def packet_bytes(topic: str, payload: bytes) -> int:
    """Return how long the PUBLISH packet is, at most."""
    return PACKET_FRAME_BYTES + len(topic) + len(payload)
