"""The uplink as a whole: connects, keeps the connection, ends it; its parts do the rest.

A little longer than most: the order of a connection's life is the matter here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

from kaga_edge.core import delivery_words as words
from kaga_edge.core import message
from kaga_edge.core.delivery_state import State, waiting_notices, waiting_rows
from kaga_edge.core.delivery_words import SECOND_NS, Saying
from kaga_edge.core.ranges import Ranges
from kaga_edge.link import (
    NO_RETAIN,
    Closed,
    Dialler,
    Incoming,
    Link,
    LinkError,
    LinkEvent,
    LinkSettings,
    Puback,
    Suback,
    Will,
    network_absent,
)
from kaga_edge.uplink.flapping import Flapping
from kaga_edge.uplink.hearing import Hearing, OnCommand
from kaga_edge.uplink.left import Left
from kaga_edge.uplink.ports import UplinkStore
from kaga_edge.uplink.posts import Facts, Posts
from kaga_edge.uplink.reconnect import Reconnect
from kaga_edge.uplink.sender import Sender
from kaga_edge.uplink.settings import LinkHealth, UplinkSettings
from kaga_edge.vocabulary.clock import Clock
from kaga_edge.vocabulary.lanes import Lane

log = logging.getLogger("kaga_edge.uplink")

# With the goodbye below the two seconds the daemon leaves us: what is held back (nobody subscribed, not
# allowed) does not leave however long we wait, and must not cost the goodbye.
FLUSH_WAIT_S = 1.0
NETWORK_LOOK_S = 2.0
HOLD_LOOK_S = 0.5
LONGEST_KEEPALIVE_S = 30  # silence is noticed after one and a half: a dead line within 45 s, whatever is set
EARLY_MOST = 16  # as many as the link lets a server have unacknowledged
READERS = 2  # one reads while the other packs


class Uplink:
    """``run`` until ``close``. ``snapshot`` at any time."""

    def __init__(
        self,
        settings: UplinkSettings,
        *,
        store: UplinkStore,
        clock: Clock,
        birth_facts: Callable[[], dict[str, Any]],
        manifest: Callable[[], bytes],
        health: Callable[[], dict[str, Any]],
        health_delivered: Callable[[dict[str, Any]], None] | None = None,
        on_command: OnCommand | None = None,
    ) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self._topics = message.Topics(root=settings.root, gw=settings.gw)
        self._sender = Sender(
            settings,
            store=store,
            clock=clock,
            topics=self._topics,
            on_posted=lambda ref, code: self._posts.posted(ref, code),
        )
        facts = Facts(birth=birth_facts, manifest=manifest, health=health, health_delivered=health_delivered)
        self._posts = Posts(settings.gw, self._sender, store=store, clock=clock, facts=facts)
        self._left = Left(self._sender, store=store, clock=clock)
        self._hearing = Hearing(settings, self._topics, self._sender, on_command)
        self._flapping = Flapping()
        self._dialler = Dialler()
        self._reconnect = Reconnect(
            settings.reconnect_first_s, settings.reconnect_max_s, settings.taken_over_s
        )
        self._held_until_ns = 0  # cut for a test until then; 0: not
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()
        self._running = False
        self._link: Link | None = None
        self._early: list[Incoming] = []
        self._connector: asyncio.Task[None] | None = None
        self._number = 0
        self._lost: asyncio.Future[LinkError | None] | None = None
        self._reason = "not connected yet"
        self._refused = False
        self._since_ns = clock.monotonic_ns()
        self._will_retained = True  # until a server says that it keeps nothing, and again when one does
        self._try_again = asyncio.Event()

    async def run(self) -> None:
        """Deliver until ``close`` is called or the task is cancelled."""
        self._running = True
        self._store.on_change.append(self._sender.changed)
        try:
            await self._sender.stand()
            await self._posts.recall()
            await self._left.recall()
            async with asyncio.TaskGroup() as group:
                helpers = [group.create_task(self._sender.run(), name="uplink sender")]
                helpers += [
                    group.create_task(self._sender.reader.run(), name="uplink reader") for _ in range(READERS)
                ]
                helpers.append(group.create_task(self._sender.confirm(), name="uplink confirmer"))
                helpers.append(group.create_task(self._tell_health(), name="uplink health"))
                self._connector = group.create_task(self._stay_connected(), name="uplink connector")
                await asyncio.wait({self._connector})
                for helper in helpers:
                    helper.cancel()
            await self._sender.confirm_rest()
            await self._left.remember()
        finally:
            self._store.on_change.remove(self._sender.changed)
            if self._link is not None:
                self._link.abort()
            self._running = False
            self._ended.set()

    def batch_every(self, seconds: float) -> None:
        """Send what waits at least so often from now on: an event began or ended."""
        self._sender.batch_every(seconds)

    async def close(self) -> None:
        """Flush what goes within 1 s, publish ``stopped``, DISCONNECT, end ``run``."""
        if not self._running:
            return
        self._stopping.set()
        self._try_again.set()
        if self._link is not None:
            await self._flush()
            await self._posts.say_goodbye()
            if self._link is not None:  # it may have gone meanwhile
                await self._link.close()
        elif self._connector is not None:
            self._connector.cancel()  # it may be dialling
        await self._ended.wait()

    def snapshot(self) -> LinkHealth:
        """Return how it stands now."""
        state, now_ns = self._sender.state, self._clock.monotonic_ns()
        at_ns = self._sender.delivered_at_ns
        unheard = self._hearing.refused if self._link is not None else ""
        refused = self._refused or bool(unheard) or Saying.FORBIDDEN in state.said
        return LinkHealth(
            state="refused" if refused else ("up" if self._link is not None else "down"),
            since_s=(now_ns - self._since_ns) / SECOND_NS,
            delivered_age_s=None if at_ns is None else (now_ns - at_ns) / SECOND_NS,
            in_flight=len(state.wire),
            waiting_rows=sum(ranges.count for ranges in waiting_rows(state).values()),
            waiting_notices=sum(ranges.count for ranges in waiting_notices(state).values()),
            reason=self._reason or unheard,
            states=tuple(sorted(saying.value for saying in state.said)),
            connects=self._number,
            beat_ns=self._sender.beat_ns,
        )

    def left(self) -> dict[str, Ranges] | None:
        """Return by epoch the rows that may have left or are packed to leave; None: not known yet."""
        return self._left.told()

    def try_now(self) -> None:
        """Dial at once if waiting to: what was in the way (a wrong clock) is over."""
        self._try_again.set()

    def cut(self, seconds: float) -> None:
        """Break the line without a word and stay away so long: an acceptance looks at what becomes of rows.

        An alarm ends it at once. Raises LinkError when there is no connection to cut.
        """
        if self._link is None:
            raise LinkError("there is no connection to cut", kind="local", fix="kaga-edge link test")
        self._held_until_ns = self._clock.monotonic_ns() + round(seconds * SECOND_NS)
        log.warning("link.down kind=test code=0x00 reason=cut for a test")
        self._link.abort()

    # --- connecting ---

    async def _stay_connected(self) -> None:
        while not self._stopping.is_set():
            error = await self._one_connection()
            connected_s = self._ended_with(error)
            await self._left.remember()
            if not self._stopping.is_set() and not await self._held():
                await self._wait(error, connected_s)

    async def _one_connection(self) -> LinkError | None:
        """Return why the connection ended or did not come about; None: we closed it."""
        self._number += 1
        self._lost = asyncio.get_running_loop().create_future()
        number, moment = self._number, self._clock.now()
        self._early = []
        will = Will(
            topic=self._topics.up("state"),
            payload=message.will(gw=self._settings.gw, ep=self._store.epoch, boot=moment.boot),
        )
        try:
            link = await Link.open(
                self._link_settings(), will, lambda event: self._heard(number, event), self._dialler
            )
        except LinkError as error:
            self._will_retained = self._will_retained and error.reason != NO_RETAIN
            return error
        self._will_retained = link.retains
        await self._left.open()
        if self._lost.done():
            return self._lost.result()
        self._link, self._refused, self._reason = link, False, ""
        self._since_ns = self._clock.monotonic_ns()
        self._flapping.began(link)
        self._hearing.link_up(link)
        self._sender.link_up(link, number)
        for incoming in self._early:
            self._hearing.read(incoming)
        await self._posts.greet()
        return await self._lost

    def _link_settings(self) -> LinkSettings:
        wanted = self._settings
        return LinkSettings(
            client_id=wanted.client_id or wanted.gw,
            host=wanted.host,
            port=wanted.port,
            tls=wanted.tls,
            username=wanted.username,
            password=wanted.password,
            keepalive_s=max(1, min(LONGEST_KEEPALIVE_S, round(wanted.keepalive_s))),
            will_retained=self._will_retained,
            puback_wait_s=wanted.puback_wait_s,
            mqtt=wanted.mqtt,
        )

    def _ended_with(self, error: LinkError | None) -> float:
        """Take note of the end; returns how many seconds it was connected."""
        connected_s = 0.0
        self._flapping.stop()
        self._hearing.link_down()
        self._posts.link_down()
        if self._link is not None:
            self._link = None
            self._sender.link_down(self._number, error.reason if error else 0)
            connected_s = (self._clock.monotonic_ns() - self._since_ns) / SECOND_NS
            self._since_ns = self._clock.monotonic_ns()
        if error is None:
            return connected_s
        self._refused = error.kind in ("auth", "tls")
        known = self._flapping.ended(error.what, connected_s)
        if error.what != self._reason and not known:  # one line per change, not per attempt
            level, name = (logging.ERROR, "refused") if self._refused else (logging.WARNING, "down")
            log.log(level, "link.%s kind=%s code=0x%02x reason=%s", name, error.kind, error.reason, error)
        self._reason = error.what
        return connected_s

    async def _held(self) -> bool:
        """Stay away for the rest of a cut, unless an alarm must leave; True: there was one, dial at once."""
        until_ns, self._held_until_ns = self._held_until_ns, 0
        if not until_ns:
            return False
        self._reason = "cut for a test"
        alerts = self.snapshot().waiting_notices
        while self._clock.monotonic_ns() < until_ns and self.snapshot().waiting_notices <= alerts:
            if self._stopping.is_set():
                break
            await self._rest(HOLD_LOOK_S)
        return True

    async def _wait(self, error: LinkError | None, connected_s: float) -> None:
        if error is not None and error.kind == "local":
            while network_absent() and not self._stopping.is_set():
                await self._rest(NETWORK_LOOK_S)
        await self._rest(self._reconnect.wait_s(error, connected_s))

    async def _rest(self, wait_s: float) -> None:
        self._try_again.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._try_again.wait()  # close() sets it too

    # --- what the link says ---

    def _heard(self, number: int, event: LinkEvent) -> None:
        match event:
            case Puback():
                self._sender.answered(number, event.mid, event.code)
            case Incoming() if self._link is None:  # a resumed session speaks before we are ready
                if len(self._early) < EARLY_MOST:
                    self._early.append(event)
            case Incoming():
                self._hearing.read(event)
            case Suback():
                self._hearing.subscribed(event)
            case Closed():
                if number == self._number and self._lost is not None and not self._lost.done():
                    self._lost.set_result(event.error)

    # --- what commands ask for ---

    async def answer(self, leaf: str, payload: bytes, correlation: bytes = b"") -> bool:
        """Publish the answer to a command below ``up/``; False: no connection, or it was not taken."""
        if self._link is None:
            return False
        return await self._posts.answer(leaf, payload, correlation)

    async def epoch_began(self) -> None:
        """Say anew who we are, where there is a connection: the birth names the epoch, and the catalog."""
        if self._link is not None:
            await self._posts.greet()

    def publish_manifest(self) -> str:
        """Publish the disclosure again; return its digest."""
        return self._posts.publish_manifest()

    async def publish_catalog(self, k: str) -> str | None:
        """Publish the catalog ``k`` (empty: the present one) again; None: there is none such."""
        return await self._posts.publish_catalog(k)

    def replay(self, ep: str, rows: Ranges) -> None:
        """Send delivered rows again, behind what waits."""
        self._sender.tell(words.Replay(now_ns=self._clock.monotonic_ns(), ep=ep, rows=rows))

    async def _tell_health(self) -> None:
        while True:
            await asyncio.sleep(self._settings.health_s)
            if self._link is not None:
                await self._posts.tell_health()

    # --- the end ---

    async def _flush(self) -> None:
        self._sender.tell(words.Flush(now_ns=self._clock.monotonic_ns()))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_WAIT_S):
                await self._sender.until(_nothing_urgent)


def _nothing_urgent(state: State) -> bool:
    urgent = [p for p in (*state.wire, *state.ready, *state.shelf) if p.lane is not Lane.BACKLOG]
    loading = any(load.lane is not Lane.BACKLOG for load in state.loading)
    return not (state.fresh or urgent or loading or any(track.notices for track in state.tracks))
