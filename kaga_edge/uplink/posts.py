"""What is said beside rows and notices: birth, manifest, catalogs, health, answers to commands, goodbye."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kaga_edge.core import message
from kaga_edge.core.delivery_state import waiting_rows
from kaga_edge.core.ranges import Ranges
from kaga_edge.uplink.ports import UplinkStore
from kaga_edge.uplink.reader import Remember
from kaga_edge.uplink.sender import Sender
from kaga_edge.vocabulary.clock import Clock
from kaga_edge.vocabulary.errors import KagaError

log = logging.getLogger("kaga_edge.uplink")

CATALOGS_KEY = "uplink.catalogs"  # digests whose retained catalog is on the broker
ANSWER_WAIT_S = 15.0  # for the server to take the answer to a command
GOODBYE_WAIT_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the gateway knows of itself when it is asked."""

    birth: Callable[[], dict[str, Any]]
    manifest: Callable[[], bytes]
    health: Callable[[], dict[str, Any]]
    health_delivered: Callable[[dict[str, Any]], None] | None = None


class Posts:
    """Offers messages to the sender; ``posted`` hears what became of each."""

    def __init__(self, gw: str, sender: Sender, *, store: UplinkStore, clock: Clock, facts: Facts) -> None:
        self._gw, self._sender, self._store, self._clock, self._facts = gw, sender, store, clock, facts
        self._catalogs: set[str] = set()
        self._healths: dict[str, dict[str, Any]] = {}
        self._health_count = 0
        self._said_goodbye = asyncio.Event()
        self._answers: dict[str, asyncio.Future[bool]] = {}
        self._asked_count = 0

    async def recall(self) -> None:
        """Learn which catalogs are on the broker; a sick disk: they stay there a little longer."""
        with contextlib.suppress(KagaError):
            self._catalogs = set(((await self._store.recall(CATALOGS_KEY)) or "").split())

    async def greet(self) -> None:
        """Say who we are: on a new connection, and when another epoch begins during one."""
        facts, manifest = self._facts.birth(), self._facts.manifest()
        self._sender.post(self._next_ref("state"), "state", self._birth(facts, manifest), retain=True)
        self._sender.post(self._next_ref("manifest"), "manifest", manifest, retain=True)
        with contextlib.suppress(KagaError):  # a sick disk: batches go all the same
            body = await self._store.catalog_body(str(facts.get("k", "")))
            if body is not None:
                self._sender.post(
                    self._next_ref("newest_catalog"), "catalog", message.compact(body), retain=True
                )
        await self.tell_health()

    async def tell_health(self) -> None:
        """Say how we are, and take back catalogs that nobody needs."""
        await self._clear_catalogs(str(self._facts.birth().get("k", "")))
        self._health_count += 1
        ref, body = f"health/{self._health_count}", self._facts.health()
        self._healths = {ref: body}  # an older one unanswered: its ledger lines are in this one too
        self._sender.post(ref, "health", message.compact(body), retain=False)

    async def say_goodbye(self) -> None:
        """Say that we stop in order, and wait a moment for the server to take it."""
        stopped = message.stopped(gw=self._gw, ep=self._store.epoch, at=self._clock.now())
        self._sender.post("goodbye", "state", stopped, retain=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_WAIT_S):
                await self._said_goodbye.wait()

    # --- what commands ask for ---

    async def answer(self, leaf: str, payload: bytes, correlation: bytes) -> bool:
        """Publish the answer to a command below ``up/``; False: it was not taken."""
        ref = self._next_ref("reply")
        taken: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._answers[ref] = taken
        self._sender.answer(ref, leaf, payload, correlation)
        try:
            async with asyncio.timeout(ANSWER_WAIT_S):
                return await taken
        except TimeoutError:
            return False
        finally:
            del self._answers[ref]

    def publish_manifest(self) -> str:
        """Publish the disclosure again; return its digest."""
        manifest = self._facts.manifest()
        self._sender.post(self._next_ref("asked"), "manifest", manifest, retain=True)
        return message.digest(manifest)

    async def publish_catalog(self, k: str) -> str | None:
        """Publish the catalog ``k`` (empty: the present one) again; None: there is none such."""
        present = str(self._facts.birth().get("k", ""))
        body = await self._store.catalog_body(k or present)
        if body is None:
            return None
        leaf = f"catalog/{k}" if k else "catalog"
        self._sender.post(self._next_ref("asked"), leaf, message.compact(body), retain=True)
        if k:
            self._remember_catalogs(self._catalogs | {k})
        return k or present

    # --- what became of them ---

    def posted(self, ref: str, code: int) -> None:
        """Take the server's answer to a message of ours."""
        kind, _, name = ref.partition("/")
        answer = self._answers.get(ref)
        if answer is not None and not answer.done():
            answer.set_result(code < 0x80)
        if code >= 0x80:
            log.warning("uplink.post_refused what=%s code=0x%02x", kind, code)
        elif kind == "health" and self._facts.health_delivered is not None and ref in self._healths:
            self._facts.health_delivered(self._healths.pop(ref))
        elif kind == "catalog" and name:
            self._remember_catalogs(self._catalogs | {name})
        elif kind == "clear":
            self._remember_catalogs(self._catalogs - {name})
        elif kind == "goodbye":
            self._said_goodbye.set()

    def link_down(self) -> None:
        """The connection is gone: nobody takes the answers that were under way."""
        for answer in self._answers.values():
            if not answer.done():
                answer.set_result(False)

    def _next_ref(self, kind: str) -> str:
        self._asked_count += 1
        return f"{kind}/{self._asked_count}"

    def _birth(self, facts: dict[str, Any], manifest: bytes) -> bytes:
        ep, state = self._store.epoch, self._sender.state
        track = state.track(ep)
        waits_from = waiting_rows(state).get(ep, Ranges()).first
        return message.birth(
            gw=self._gw,
            ep=ep,
            eps=sorted({ep, *(track.ep for track in state.tracks)}),
            at=self._clock.now(),
            sw=str(facts.get("sw", "")),
            k=str(facts.get("k", "")),
            m=message.digest(manifest),
            nx=track.seen + 1,
            ak=track.seen if waits_from is None else waits_from - 1,
            extra={key: value for key, value in facts.items() if key not in ("sw", "k", "m")},
        )

    async def _clear_catalogs(self, current: str) -> None:
        """Take back retained catalogs that no waiting or kept row uses any more."""
        with contextlib.suppress(KagaError):
            used = {current, *(await self._store.catalogs_waiting())}
            for k in self._catalogs - used - self._sender.state.announced:
                self._sender.post(f"clear/{k}", f"catalog/{k}", b"", retain=True)

    def _remember_catalogs(self, catalogs: set[str]) -> None:
        if catalogs != self._catalogs:
            self._catalogs = catalogs
            self._sender.reader.ask(Remember(key=CATALOGS_KEY, value=" ".join(sorted(catalogs))))
