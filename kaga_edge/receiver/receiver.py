"""The platform's side of the contract: subscribes, stores, answers, and counts for itself."""

from __future__ import annotations

import asyncio
import json
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import aiomqtt
from tenacity import AsyncRetrying, retry_if_exception_type, wait_random_exponential

from kaga_edge.link.ending import end, end_if_cancelled
from kaga_edge.receiver.archive import Archive, Arrival, Kept, News
from kaga_edge.receiver.reckoning import Counts, Listening, Verdict, verdict_on
from kaga_edge.receiver.session import ACK_EXPIRY_S, AckingClient, Tls, expiring
from kaga_edge.receiver.view import Snapshot, snapshot_of
from kaga_edge.vocabulary.errors import KagaError

GROUP_MESSAGES = 100  # in one transaction
GROUP_BYTES = 256 * 1024
STEADY_S = 10.0  # connected this long: the next connection is tried at once again
CATALOG_GRACE_S = 2.0  # a catalog may be a few messages behind: ask only after that
COMMAND_VALID_MS = 60_000

T = TypeVar("T")


class Receiver:
    """Keep the contract for every gateway below ``root``. ``path``: its own SQLite file.

    ``ack`` False: only listen; nothing is published. ``changed`` is notified after each transaction
    and each change of the connection. ``on_news`` hears of every change of state, in the loop's thread.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        path: Path | str,
        root: str = "kaga",
        username: str | None = None,
        password: str | None = None,
        tls: Tls | None = None,
        ack: bool = True,
        ack_every_s: float = 2.0,
        reconnect_max_s: float = 30.0,
        on_news: Callable[[News], None] | None = None,
    ) -> None:
        self._host, self._port, self._root = host, port, root
        self._username, self._password, self._tls = username, password, tls
        self._path, self._answers = path, ack
        self._ack_every_s, self._reconnect_max_s = ack_every_s, reconnect_max_s
        self._on_news = on_news
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="receiver")
        self._archive: Archive | None = None
        self._identifier = ""
        self._counts: dict[tuple[str, str], Counts] = {}
        self._listening: dict[str, Listening] = {}
        self._to_ack: set[tuple[str, str]] = set()
        self._at_once = asyncio.Event()
        self._unknown: dict[tuple[str, str], float] = {}
        self.unreadable = 0
        self.rows = 0
        self.connected = False
        self.changed = asyncio.Condition()

    async def run(self) -> None:
        """Receive until cancelled; connect again by itself. Call once.

        Raises KagaError when the file cannot be opened.
        """
        try:
            await self._open()
            while True:
                async for attempt in AsyncRetrying(
                    wait=wait_random_exponential(multiplier=0.5, max=self._reconnect_max_s),
                    retry=retry_if_exception_type(aiomqtt.MqttError),
                ):
                    with attempt:
                        try:
                            await self._connected_once()
                        finally:
                            end_if_cancelled()
        finally:
            if self._archive is not None:
                # Cancelled or not, the last transaction ends before the file closes.
                await asyncio.shield(self._in_thread(self._archive.close))
            self._thread.shutdown(wait=False)

    def counts(self) -> dict[tuple[str, str], Counts]:
        """Return the counts per (gateway, epoch), as committed."""
        return dict(self._counts)

    def longest_outage_s(self) -> float:
        """Return the longest time without anything from a gateway that had rows in that time."""
        return max((one.longest_ms for one in self._listening.values()), default=0) / 1000

    def verify(self, expected_numbered: Mapping[str, int]) -> Verdict:
        """Compare with what was numbered: epoch → the next number that would be given."""
        return verdict_on(self._counts.values(), expected_numbered, self.longest_outage_s())

    async def snapshot(self) -> Snapshot:
        """Return what a live view shows; empty before ``run`` has opened the file."""
        if self._archive is None:
            return Snapshot(connected=False, gateways=(), counts=(), unreadable=0)
        return await self._in_thread(partial(snapshot_of, self._archive, connected=self.connected))

    async def until(self, claim: Callable[[Receiver], bool], *, timeout_s: float = 10.0) -> None:
        """Wait until ``claim(self)`` holds. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s), self.changed:
            await self.changed.wait_for(lambda: claim(self))

    # --- connection ---

    async def _open(self) -> None:
        def opened() -> tuple[Archive, str, Kept]:
            try:
                archive = Archive(self._path, root=self._root)
            except sqlite3.Error as error:
                fix = "name a file of the receiver, or one that does not exist yet"
                raise KagaError(f"cannot be opened: {error}", where=str(self._path), fix=fix) from error
            # The id belongs to the file: the broker's session holds what this file has not seen.
            identifier = archive.note("client", f"receiver-{secrets.token_hex(4)}")
            return archive, identifier, archive.everything()

        self._archive, self._identifier, kept = await self._in_thread(opened)
        self._learn(kept)

    async def _connected_once(self) -> None:
        """Hold one connection; return when a steady one broke, raise MqttError otherwise."""
        client = AckingClient(
            self._host,
            self._port,
            identifier=self._identifier,
            username=self._username,
            password=self._password,
            tls=self._tls,
        )
        began_s = time.monotonic()
        try:
            async with client:
                # Retained births come again with every subscription: each gets its ack.
                await client.subscribe(f"{self._root}/edge/v1/+/up/#", qos=1)
                async with self._answering(client):
                    await self._say_connected(True)
                    await self._receive(client)
        except aiomqtt.MqttError:
            if time.monotonic() - began_s < STEADY_S:
                raise
        finally:
            await self._say_connected(False)

    async def _receive(self, client: AckingClient) -> None:
        async for message in client.messages:
            group = [message]
            size = len(message.payload)
            while client.waiting() and len(group) < GROUP_MESSAGES and size < GROUP_BYTES:
                group.append(await anext(client.messages))
                size += len(group[-1].payload)
            arrivals = [_arrival(one) for one in group]
            kept = await self._in_thread(partial(self._opened().keep, arrivals))
            for one in group:
                client.confirm(one)
            await self._after(kept)

    async def _after(self, kept: Kept) -> None:
        gaps = [_gap_news(self._counts.get((one.gw, one.ep)), one) for one in kept.counts]
        self._learn(kept)
        self.unreadable = self._opened().unreadable
        self.rows += kept.rows
        for pair in kept.unknown_catalogs:
            self._unknown.setdefault(pair, time.monotonic())
        if kept.births:
            self._at_once.set()
        if self._on_news is not None:
            for news in [*kept.news, *(one for one in gaps if one)]:
                self._on_news(news)
        async with self.changed:
            self.changed.notify_all()

    def _learn(self, kept: Kept) -> None:
        for one in kept.counts:
            self._counts[one.gw, one.ep] = one
            self._to_ack.add((one.gw, one.ep))
        self._listening.update(kept.listening)

    async def _say_connected(self, connected: bool) -> None:
        if connected != self.connected:
            self.connected = connected
            if self._on_news is not None:
                self._on_news(News(what="connection", gw="", facts={"up": connected}))
            async with self.changed:
                self.changed.notify_all()

    # --- answers ---

    @asynccontextmanager
    async def _answering(self, client: AckingClient) -> AsyncIterator[None]:
        if not self._answers:
            yield
            return
        task = asyncio.create_task(self._answer(client), name="receiver answers")
        try:
            yield
        finally:
            await end(task)

    async def _answer(self, client: AckingClient) -> None:
        """Ack what changed: at once after a birth, else every ``ack_every_s``; ask for catalogs."""
        while True:
            self._at_once.clear()
            with suppress(aiomqtt.MqttError):  # the reader notices a broken line; what is due stays due
                await self._ack_what_is_due(client)
                await self._ask_for_catalogs(client)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._ack_every_s):
                    await self._at_once.wait()

    async def _ack_what_is_due(self, client: AckingClient) -> None:
        while self._to_ack:
            gw, _ep = pair = self._to_ack.pop()
            body = json.dumps(self._counts[pair].ack(), separators=(",", ":"))
            try:
                await client.publish(
                    f"{self._root}/edge/v1/{gw}/dn/ack", body, qos=1, properties=expiring(ACK_EXPIRY_S)
                )
            except aiomqtt.MqttError:
                self._to_ack.add(pair)
                raise

    async def _ask_for_catalogs(self, client: AckingClient) -> None:
        now_s = time.monotonic()
        for gw, k in [pair for pair, since_s in self._unknown.items() if now_s - since_s >= CATALOG_GRACE_S]:
            del self._unknown[gw, k]
            if await self._in_thread(partial(self._opened().knows, gw, k)):
                continue
            counter = await self._in_thread(self._opened().next_counter)
            asked: dict[str, Any] = {"v": 1, "id": secrets.token_hex(8), "ctr": counter, "op": "catalog"}
            asked |= {"args": {"k": k}, "iss": self._identifier, "exp": _now_ms() + COMMAND_VALID_MS}
            await client.publish(
                f"{self._root}/edge/v1/{gw}/dn/cmd",
                json.dumps(asked, separators=(",", ":")),
                qos=1,
                properties=expiring(COMMAND_VALID_MS // 1000),
            )

    # --- the archive's thread ---

    def _opened(self) -> Archive:
        if self._archive is None:
            raise RuntimeError("the receiver is not running")
        return self._archive

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _arrival(message: aiomqtt.Message) -> Arrival:
    payload = message.payload if isinstance(message.payload, bytes) else bytes(message.payload)
    return Arrival(topic=message.topic.value, payload=payload, retained=message.retain, at_ms=_now_ms())


def _gap_news(before: Counts | None, after: Counts) -> News | None:
    """Return the news that numbers began to be missing, or that none is missing any more."""
    were, are = before is not None and bool(before.gaps), bool(after.gaps)
    if were == are:
        return None
    return News(what="gap", gw=after.gw, facts={"ep": after.ep, "missing": after.gaps.count})


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
