"""The uplink as a whole: connects, greets, keeps the connection, says goodbye.

Longer than most: the order of a connection's life is the matter here; what is sent is ``sender``'s.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
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
from kaga_edge.uplink.ports import UplinkStore
from kaga_edge.uplink.reader import Remember
from kaga_edge.uplink.reconnect import STEADY_S, Reconnect
from kaga_edge.uplink.sender import Sender
from kaga_edge.uplink.settings import LinkHealth, UplinkSettings
from kaga_edge.vocabulary.clock import Clock
from kaga_edge.vocabulary.errors import KagaError
from kaga_edge.vocabulary.lanes import Lane
from kaga_edge.vocabulary.readings import ClockTrust

log = logging.getLogger("kaga_edge.uplink")

# Together below the two seconds the daemon leaves us: what is held back (nobody subscribed, not allowed)
# does not leave however long we wait, and must not cost the goodbye.
FLUSH_WAIT_S = 1.0
GOODBYE_WAIT_S = 0.5
NETWORK_LOOK_S = 2.0
HOLD_LOOK_S = 0.5
LONGEST_KEEPALIVE_S = 30  # silence is noticed after one and a half: a dead line within 45 s, whatever is set
CATALOGS_KEY = "uplink.catalogs"  # digests whose retained catalog is on the broker
LEFT_KEY = (
    "uplink.left"  # {epoch: highest row that may have left}; null: a connection began and has not ended
)
FLAPS_TOLD = 3  # so many short connections with one and the same end: then it is told as a whole, once
ANSWER_WAIT_S = 15.0  # for the server to take the answer to a command
OnCommand = Callable[[Incoming, Callable[[], None]], None]  # the second: it is dealt with
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
        self._birth_facts = birth_facts
        self._manifest = manifest
        self._health = health
        self._health_delivered = health_delivered
        self._on_command = on_command
        self._topics = message.Topics(root=settings.root, gw=settings.gw)
        self._sender = Sender(settings, store=store, clock=clock, topics=self._topics, on_posted=self._posted)
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
        self._catalogs: set[str] = set()
        self._healths: dict[str, dict[str, Any]] = {}
        self._health_count = 0
        self._said_goodbye = asyncio.Event()
        self._malformed_said = False
        self._will_retained = True  # until a server says that it keeps nothing
        self._left_known = False
        self._left_open = False  # what the store remembers of ``left`` is null
        self._try_again = asyncio.Event()
        self._unheard: set[str] = set()  # what the server does not let us read
        self._to_acknowledge: deque[_Owed] = deque()  # in the order in which they came
        self._answers: dict[str, asyncio.Future[bool]] = {}
        self._asked_count = 0
        self._ask_again: asyncio.TimerHandle | None = None
        self._flaps = 0  # short connections in a row that ended alike
        self._ended_last = ""
        self._steady: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Deliver until ``close`` is called or the task is cancelled."""
        self._running = True
        self._store.on_change.append(self._sender.changed)
        try:
            await self._sender.stand()
            with contextlib.suppress(KagaError):  # then old catalogs stay on the broker a little longer
                self._catalogs = set(((await self._store.recall(CATALOGS_KEY)) or "").split())
            await self._recall_left()
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
            await self._remember_left()
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
            await self._goodbye(self._link)
        elif self._connector is not None:
            self._connector.cancel()  # it may be dialling
        await self._ended.wait()

    def snapshot(self) -> LinkHealth:
        """Return how it stands now."""
        state, now_ns = self._sender.state, self._clock.monotonic_ns()
        at_ns = self._sender.delivered_at_ns
        unheard = self._topics.down("ack") in self._unheard and self._link is not None
        refused = self._refused or unheard or Saying.FORBIDDEN in state.said
        return LinkHealth(
            state="refused" if refused else ("up" if self._link is not None else "down"),
            since_s=(now_ns - self._since_ns) / SECOND_NS,
            delivered_age_s=None if at_ns is None else (now_ns - at_ns) / SECOND_NS,
            in_flight=len(state.wire),
            waiting_rows=sum(ranges.count for ranges in waiting_rows(state).values()),
            waiting_notices=sum(ranges.count for ranges in waiting_notices(state).values()),
            reason=self._reason,
            states=tuple(sorted(saying.value for saying in state.said)),
            connects=self._number,
            beat_ns=self._sender.beat_ns,
        )

    def left(self) -> dict[str, int] | None:
        """Return by epoch the highest row that may have left or is packed to leave; None: not known yet."""
        if not self._left_known:
            return None
        state, left = self._sender.state, dict(self._sender.left)
        under_way = [(p.ep, p.last) for p in (*state.ready, *state.wire, *state.resting) if p.rows]
        under_way += [(load.ep, load.last) for load in state.loading if not load.notices]
        for ep, last in under_way:
            left[ep] = max(left.get(ep, 0), last)
        return left

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

    # --- which rows may have left, for re-timing ---

    async def _recall_left(self) -> None:
        """Learn which rows may have left before this start: all, if a connection was cut short."""
        with contextlib.suppress(KagaError, ValueError):
            kept = json.loads(await self._store.recall(LEFT_KEY) or "{}")
            if kept is None:
                kept = {track.ep: track.seen for track in self._sender.state.tracks}
            self._sender.left = {str(ep): int(n) for ep, n in kept.items()}
        self._left_known = True

    async def _open_left(self) -> None:
        """Before the first row can leave: without this mark a crash would make them look as if they had
        not. Only while the clock is not trusted; rows with a trusted time are never re-timed."""
        if self._clock.now().trust < ClockTrust.NTP and not self._left_open:
            with contextlib.suppress(KagaError):
                await self._store.remember(LEFT_KEY, "null")
                self._left_open = True

    async def _remember_left(self) -> None:
        if self._left_open:
            with contextlib.suppress(KagaError):
                await self._store.remember(LEFT_KEY, json.dumps(self._sender.left))
                self._left_open = False

    # --- connecting ---

    async def _stay_connected(self) -> None:
        while not self._stopping.is_set():
            error = await self._one_connection()
            connected_s = self._ended_with(error)
            await self._remember_left()
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
            return error
        await self._open_left()
        if self._lost.done():
            return self._lost.result()
        self._link, self._refused, self._reason = link, False, ""
        self._since_ns = self._clock.monotonic_ns()
        self._say_up(link)
        self._to_acknowledge.clear()
        for topic in self._listened():
            self._subscribe(number, topic)
        self._sender.link_up(link, number)
        for (
            incoming
        ) in self._early:  # acknowledged in the order in which they came, or a strict server hangs up
            self._read(incoming)
        await self._greet()
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
        )

    def _ended_with(self, error: LinkError | None) -> float:
        """Take note of the end; returns how many seconds it was connected."""
        connected_s = 0.0
        for timer in (self._ask_again, self._steady):
            if timer is not None:
                timer.cancel()
        for answer in self._answers.values():
            if not answer.done():
                answer.set_result(False)
        if self._link is not None:
            self._link = None
            self._sender.link_down(self._number, error.reason if error else 0)
            connected_s = (self._clock.monotonic_ns() - self._since_ns) / SECOND_NS
            self._since_ns = self._clock.monotonic_ns()
        if error is None:
            return connected_s
        self._will_retained = self._will_retained and error.reason != NO_RETAIN
        self._refused = error.kind in ("auth", "tls")
        self._count_flaps(error, connected_s)
        known = connected_s > 0 and self._flaps > FLAPS_TOLD  # told as a whole already
        if error.what != self._reason and not known:  # one line per change, not per attempt
            level, name = (logging.ERROR, "refused") if self._refused else (logging.WARNING, "down")
            log.log(level, "link.%s kind=%s code=0x%02x reason=%s", name, error.kind, error.reason, error)
        self._reason = error.what
        return connected_s

    # --- a connection that comes and goes ---

    def _say_up(self, link: Link) -> None:
        """Log the connection; one that keeps ending at once not before it has held a while."""
        if self._flaps < FLAPS_TOLD:
            log.info("link.up peer=%s session=%d", link.settings.where, link.session_present)
        else:
            self._steady = asyncio.get_running_loop().call_later(STEADY_S, self._say_steady, link)

    def _say_steady(self, link: Link) -> None:
        self._flaps = 0
        self._say_up(link)

    def _count_flaps(self, error: LinkError, connected_s: float) -> None:
        """A broker may hang up on a second gateway with our id without saying so: that looks like this."""
        if not connected_s:  # a failed attempt in between neither proves nor disproves
            return
        alike = connected_s < STEADY_S and error.what == self._ended_last
        self._flaps, self._ended_last = self._flaps + 1 if alike else 1, error.what
        if self._flaps == FLAPS_TOLD:
            log.warning("link.flapping count=%d reason=%s", self._flaps, error.what)

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
                self._early.append(event)
            case Incoming():
                self._read(event)
            case Suback():
                self._subscribed(number, event)
            case Closed():
                if number == self._number and self._lost is not None and not self._lost.done():
                    self._lost.set_result(event.error)

    def _listened(self) -> list[str]:
        acks = [self._topics.down("ack")] if self._settings.delivery == "platform" else []
        return acks + ([self._topics.down("cmd")] if self._on_command is not None else [])

    def _subscribe(self, number: int, topic: str) -> None:
        if self._link is not None and number == self._number:
            self._link.subscribe(topic)

    def _subscribed(self, number: int, answer: Suback) -> None:
        """A subscription that is refused is asked for again, as seldom as a publish that is forbidden."""
        refused, known = answer.code >= 0x80, answer.topic in self._unheard
        if refused and not known:  # one line per change, not per attempt
            log.error("uplink.subscription_refused topic=%s code=0x%02x", answer.topic, answer.code)
        elif known and not refused:
            log.info("uplink.subscription_refused_over topic=%s", answer.topic)
        (self._unheard.add if refused else self._unheard.discard)(answer.topic)
        if answer.topic == self._topics.down("ack"):
            self._reason = f"not allowed to read {answer.topic}: 0x{answer.code:02x}" if refused else ""
        if refused:
            loop = asyncio.get_running_loop()
            wait_s = self._settings.forbidden_s
            self._ask_again = loop.call_later(wait_s, self._subscribe, number, answer.topic)

    def _read(self, incoming: Incoming) -> None:
        owed = _Owed(incoming)
        self._to_acknowledge.append(owed)
        if incoming.topic == self._topics.down("cmd") and self._on_command is not None:
            self._on_command(incoming, lambda: self._dealt_with(owed))
            return
        if incoming.topic == self._topics.down("ack"):
            self._read_ack(incoming)
        self._dealt_with(owed)

    def _read_ack(self, incoming: Incoming) -> None:
        try:
            ack = message.parse_ack(incoming.payload)
        except message.MessageMalformed as error:
            if not self._malformed_said:
                self._malformed_said = True
                log.warning("uplink.ack_malformed error=%s", error)
        else:
            self._sender.tell(
                words.PlatformAcked(
                    now_ns=self._clock.monotonic_ns(), ep=ack.ep, upto=ack.upto, have=ack.have, e=ack.e
                )
            )

    def _dealt_with(self, owed: _Owed) -> None:
        """Acknowledge what is dealt with, in order of arrival: a strict server hangs up over any other.

        What came on a connection that is gone is in the list no more: the server brings it again.
        """
        owed.done = True
        while self._to_acknowledge and self._to_acknowledge[0].done:
            incoming = self._to_acknowledge.popleft().incoming
            if self._link is not None:
                self._link.acknowledge(incoming)

    # --- what commands ask for ---

    async def answer(self, leaf: str, payload: bytes, correlation: bytes = b"") -> bool:
        """Publish the answer to a command below ``up/``; False: no connection, or it was not taken."""
        if self._link is None:
            return False
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
        manifest = self._manifest()
        self._sender.post(self._next_ref("asked"), "manifest", manifest, retain=True)
        return message.digest(manifest)

    async def publish_catalog(self, k: str) -> str | None:
        """Publish the catalog ``k`` (empty: the present one) again; None: there is none such."""
        present = str(self._birth_facts().get("k", ""))
        body = await self._store.catalog_body(k or present)
        if body is None:
            return None
        leaf = f"catalog/{k}" if k else "catalog"
        self._sender.post(self._next_ref("asked"), leaf, message.compact(body), retain=True)
        if k:
            self._remember_catalogs(self._catalogs | {k})
        return k or present

    def replay(self, ep: str, rows: Ranges) -> None:
        """Send delivered rows again, behind what waits."""
        self._sender.tell(words.Replay(now_ns=self._clock.monotonic_ns(), ep=ep, rows=rows))

    def _next_ref(self, kind: str) -> str:
        self._asked_count += 1
        return f"{kind}/{self._asked_count}"

    # --- what we say beside rows ---

    async def _greet(self) -> None:
        facts, manifest = self._birth_facts(), self._manifest()
        self._sender.post("state", "state", self._birth(facts, manifest), retain=True)
        self._sender.post("manifest", "manifest", manifest, retain=True)
        with contextlib.suppress(KagaError):  # a sick disk: batches go all the same
            body = await self._store.catalog_body(str(facts.get("k", "")))
            if body is not None:
                self._sender.post("catalog", "catalog", message.compact(body), retain=True)
        await self._clear_catalogs(str(facts.get("k", "")))
        self._post_health()

    def _birth(self, facts: dict[str, Any], manifest: bytes) -> bytes:
        ep, state = self._store.epoch, self._sender.state
        track = state.track(ep)
        waits_from = waiting_rows(state).get(ep, Ranges()).first
        return message.birth(
            gw=self._settings.gw,
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

    async def _tell_health(self) -> None:
        while True:
            await asyncio.sleep(self._settings.health_s)
            if self._link is not None:
                await self._clear_catalogs(str(self._birth_facts().get("k", "")))
                self._post_health()

    def _post_health(self) -> None:
        self._health_count += 1
        ref, body = f"health/{self._health_count}", self._health()
        self._healths = {ref: body}  # an older one unanswered: its ledger lines are in this one too
        self._sender.post(ref, "health", message.compact(body), retain=False)

    async def _clear_catalogs(self, current: str) -> None:
        """Take back retained catalogs that no waiting or kept row uses any more."""
        with contextlib.suppress(KagaError):
            used = {current, *(await self._store.catalogs_waiting())}
            for k in self._catalogs - used - self._sender.state.announced:
                self._sender.post(f"clear/{k}", f"catalog/{k}", b"", retain=True)

    def _posted(self, ref: str, code: int) -> None:
        kind, _, name = ref.partition("/")
        answer = self._answers.get(ref)
        if answer is not None and not answer.done():
            answer.set_result(code < 0x80)
        if code >= 0x80:
            log.warning("uplink.post_refused what=%s code=0x%02x", kind, code)
        elif kind == "health" and self._health_delivered is not None and ref in self._healths:
            self._health_delivered(self._healths.pop(ref))
        elif kind == "catalog" and name:
            self._remember_catalogs(self._catalogs | {name})
        elif kind == "clear":
            self._remember_catalogs(self._catalogs - {name})
        elif kind == "goodbye":
            self._said_goodbye.set()

    def _remember_catalogs(self, catalogs: set[str]) -> None:
        if catalogs != self._catalogs:
            self._catalogs = catalogs
            self._sender.reader.ask(Remember(key=CATALOGS_KEY, value=" ".join(sorted(catalogs))))

    # --- the end ---

    async def _flush(self) -> None:
        self._sender.tell(words.Flush(now_ns=self._clock.monotonic_ns()))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_WAIT_S):
                await self._sender.until(_nothing_urgent)

    async def _goodbye(self, link: Link) -> None:
        stopped = message.stopped(gw=self._settings.gw, ep=self._store.epoch, at=self._clock.now())
        self._sender.post("goodbye", "state", stopped, retain=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_WAIT_S):
                await self._said_goodbye.wait()
        await link.close()


@dataclass(slots=True)
class _Owed:
    """A message to us that the server must still be told of."""

    incoming: Incoming
    done: bool = False


def _nothing_urgent(state: State) -> bool:
    urgent = [p for p in (*state.wire, *state.ready, *state.shelf) if p.lane is not Lane.BACKLOG]
    loading = any(load.lane is not Lane.BACKLOG for load in state.loading)
    return not (state.fresh or urgent or loading or any(track.notices for track in state.tracks))
