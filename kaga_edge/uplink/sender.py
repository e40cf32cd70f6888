"""Carries out what the delivery machine decides: publishes, confirms, has the store read.

One task steps the machine (``run``), one writes confirmations (``confirm``), the ``Reader`` reads.
Nothing here decides anything; it only does, and tells the machine what came of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from kaga_edge.core import delivery, message
from kaga_edge.core import delivery_words as words
from kaga_edge.core.delivery_state import State
from kaga_edge.core.delivery_words import SECOND_NS, Event, Ref
from kaga_edge.core.ranges import Ranges
from kaga_edge.core.stored import Change, Committed, EpochBegan, Gone
from kaga_edge.link import Link
from kaga_edge.uplink.ports import UplinkStore
from kaga_edge.uplink.reader import Look, Reader, packet_bytes
from kaga_edge.uplink.settings import UplinkSettings
from kaga_edge.vocabulary.clock import Clock
from kaga_edge.vocabulary.errors import KagaError

log = logging.getLogger("kaga_edge.uplink")

CONFIRM_AFTER_S = 1.0
CONFIRM_AFTER_MESSAGES = 50
DISK_AGAIN_S = 1.0


class Sender:
    """The machine, its inbox, and the bytes of what is under way."""

    def __init__(
        self,
        settings: UplinkSettings,
        *,
        store: UplinkStore,
        clock: Clock,
        topics: message.Topics,
        on_posted: Callable[[str, int], None],
    ) -> None:
        self.state = delivery.begin(settings.rules())
        self.delivered_at_ns: int | None = None
        self.beat_ns = clock.monotonic_ns()
        self.left: dict[str, Ranges] = {}  # by epoch, the rows that may have left
        self.turned = asyncio.Event()  # set after every turn: for whoever waits for a state
        self._store = store
        self._clock = clock
        self._topics = topics
        self._on_posted = on_posted
        self._inbox: deque[Event] = deque()
        self._wake = asyncio.Event()
        self._bytes: dict[Ref, tuple[bytes, bool]] = {}  # payload, retain
        self._correlations: dict[Ref, bytes] = {}  # of answers: what the asker knows them by
        self.reader = Reader(self, store=store, topics=topics)
        self._link: Link | None = None
        self._link_number = 0
        self._refs: dict[int, Ref] = {}  # packet id → what it carries
        self._rows: dict[str, Ranges] = {}  # delivered, not yet confirmed to the store
        self._notices: dict[str, Ranges] = {}
        self._unconfirmed = 0
        self._confirm_soon = asyncio.Event()
        self._confirm_now = asyncio.Event()

    # --- what others tell ---

    def tell(self, event: Event) -> None:
        """Put an event before the machine."""
        self._inbox.append(event)
        self._wake.set()

    def batch_every(self, seconds: float) -> None:
        """Send what waits at least so often from now on."""
        rules = replace(self.state.rules, batch_ns=int(seconds * SECOND_NS))
        self.state = replace(self.state, rules=rules)
        self._tick()

    def now_ns(self) -> int:
        """The time every event carries."""
        return self._clock.monotonic_ns()

    def changed(self, change: Change) -> None:
        """Take what the store says after a commit."""
        now_ns = self.now_ns()
        match change:
            case Committed():
                self._inbox.append(
                    words.RowsCommitted(
                        now_ns=now_ns,
                        ep=change.ep,
                        first=change.first,
                        last=change.last,
                        first_e=change.notices_first or 0,
                        last_e=change.notices_last or 0,
                        late=change.late,
                    )
                )
                if not self._only_joins(change):
                    self._wake.set()
            case Gone():
                self.tell(words.RowsGone(now_ns=now_ns, ep=change.ep, ranges=change.ranges, e=change.e))
            case EpochBegan():
                self.tell(words.RowsCommitted(now_ns=now_ns, ep=change.ep))
                if change.reason in ("damaged", "found"):
                    self.reader.ask(Look())

    def _only_joins(self, change: Committed) -> bool:
        """Say whether rows only join those that wait for their batch: its time wakes us, they need not."""
        state = self.state
        if change.late or change.notices_first or not state.link or not state.fresh:
            return False
        first = state.fresh[0]
        in_time = self.now_ns() < first.born_ns + state.rules.batch_ns
        return in_time and first.ep == change.ep and change.last - first.first + 1 < state.rows_most

    def link_up(self, link: Link, number: int) -> None:
        """A greeted connection: from here on ``Publish`` goes there."""
        self._link, self._link_number = link, number
        self._refs.clear()
        self.tell(
            words.LinkUp(
                now_ns=self.now_ns(),
                link=number,
                receive_most=link.receive_most,
                packet_most_bytes=link.packet_most_bytes,
            )
        )

    def link_down(self, number: int, code: int = 0) -> None:
        """The connection is gone; ``code``: why, if the server said so."""
        self._link = None
        self.tell(words.LinkDown(now_ns=self.now_ns(), link=number, code=code))

    def answered(self, number: int, mid: int, code: int) -> None:
        """A PUBACK arrived."""
        ref = self._refs.pop(mid, None)
        if ref is not None:
            self.tell(words.Answered(now_ns=self.now_ns(), link=number, ref=ref, code=code))

    def answer(self, ref: str, leaf: str, payload: bytes, correlation: bytes) -> None:
        """Offer the answer to a command, as ``post``."""
        if correlation:
            self._correlations[ref] = correlation
        self.post(ref, leaf, payload, retain=False)

    def post(self, ref: str, leaf: str, payload: bytes, *, retain: bool, catalog: str | None = None) -> None:
        """Offer a message that is no row and no notice; ``on_posted`` hears what became of it."""
        self.pack(ref, payload, retain=retain)
        size_bytes = packet_bytes(self._topics.up(leaf), payload) + len(self._correlations.get(ref, b""))
        self.tell(
            words.Offered(now_ns=self.now_ns(), ref=ref, leaf=leaf, size_bytes=size_bytes, catalog=catalog)
        )

    def pack(self, ref: Ref, payload: bytes, *, retain: bool = False) -> None:
        """Keep the bytes of ``ref`` until the machine forgets it."""
        self._bytes[ref] = (payload, retain)

    async def until(self, reached: Callable[[State], bool]) -> None:
        """Wait until the machine has taken in all it was told and its state is as wished."""
        while self._inbox or not reached(self.state):
            self.turned.clear()
            await self.turned.wait()

    # --- the tasks ---

    async def stand(self) -> None:
        """Learn from the store what waits, before the first birth says so; a sick disk is asked again."""
        while True:
            try:
                standing = await self._store.standing()
            except KagaError as error:
                log.warning("uplink.standing_failed error=%s", error)
                await asyncio.sleep(DISK_AGAIN_S)
            else:
                self._turn(words.Stood(now_ns=self.now_ns(), standing=standing))
                return

    async def look_again(self) -> None:
        """Learn what waits after the store's file was replaced: rows may have come back to light."""
        await self.confirm_rest()  # what is confirmed does not wait
        known = {track.ep for track in self.state.tracks}
        await self.stand()
        for track in self.state.tracks:
            if track.ep not in known:  # of a file found late: nobody says which of its rows have left
                self.left.setdefault(track.ep, Ranges.upto(track.seen))

    async def run(self) -> None:
        """Step the machine for ever: whenever something happened, or time alone changes something."""
        loop = asyncio.get_running_loop()
        while True:
            while self._inbox:
                self._turn(self._inbox.popleft())
            self._wake.clear()
            timer = None
            at_ns = delivery.wake_at_ns(self.state, self.beat_ns)  # what came due since the last step too
            if at_ns is not None:
                timer = loop.call_later((at_ns - self.now_ns()) / SECOND_NS, self._tick)
            await self._wake.wait()
            if timer is not None:
                timer.cancel()

    async def confirm(self) -> None:
        """Tell the store what is delivered: a second late at most, after 50, or when all is quiet."""
        while True:
            await self._confirm_soon.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CONFIRM_AFTER_S):
                    await self._confirm_now.wait()
            if not await self.confirm_rest():
                await asyncio.sleep(DISK_AGAIN_S)

    async def confirm_rest(self) -> bool:
        """Confirm what is left; False when the disk would not."""
        rows, notices = self._rows, self._notices
        self._rows, self._notices, self._unconfirmed = {}, {}, 0
        self._confirm_soon.clear()
        self._confirm_now.clear()
        if not rows and not notices:
            return True
        try:
            await self._store.confirm(rows, notices)
        except KagaError as error:
            log.warning("uplink.confirm_failed error=%s", error)
            self._note(rows, notices)
            return False
        return True

    # --- one turn ---

    def _tick(self) -> None:
        self.tell(words.Tick(now_ns=self.now_ns()))

    def _turn(self, event: Event) -> None:
        self.beat_ns = event.now_ns
        self.state, actions = delivery.step(self.state, event)
        for action in actions:
            self._do(action)
        quiet = not (self.state.wire or self.state.ready or self.state.loading)
        if self._unconfirmed >= CONFIRM_AFTER_MESSAGES or (self._unconfirmed and quiet):
            self._confirm_now.set()
        self.turned.set()

    def _do(self, action: words.Action) -> None:
        match action:
            case words.Publish():
                self._publish(action)
            case words.Load() | words.LoadNotices() | words.Announce() | words.Quarantine():
                self.reader.ask(action)
            case words.Confirm():
                self.delivered_at_ns = self.now_ns()
                self._note({action.ep: action.rows}, {action.ep: action.notices})
            case words.Forget():
                self._bytes.pop(action.ref, None)
                self._correlations.pop(action.ref, None)
            case words.Posted():
                self._on_posted(action.ref, action.code)
            case words.Say():
                _say(action)
            case words.AckIgnored():
                log.warning("uplink.ack_ignored epoch=%s why=%s", action.ep, action.why)

    def _publish(self, action: words.Publish) -> None:
        payload, retain = self._bytes[action.ref]
        if isinstance(action.ref, int):  # rows: from here on the platform may know their times
            parcel = next(p for p in self.state.wire if p.ref == action.ref)
            self.left[parcel.ep] = self.left.get(parcel.ep, Ranges()).add(parcel.first, parcel.last)
        if self._link is not None and self._link_number == self.state.link:
            known_by = self._correlations.get(action.ref, b"")
            topic = self._topics.up(action.leaf)
            mid = self._link.publish(topic, payload, retain=retain, correlation=known_by)
            self._refs[mid] = action.ref

    def _note(self, rows: dict[str, Ranges], notices: dict[str, Ranges]) -> None:
        for noted, more in ((self._rows, rows), (self._notices, notices)):
            for ep, ranges in more.items():
                known = noted.get(ep, Ranges())
                for first, last in ranges:
                    known = known.add(first, last)
                if known:
                    noted[ep] = known
        self._unconfirmed += 1
        self._confirm_soon.set()


def _say(action: words.Say) -> None:
    name = action.saying.value
    if action.saying is words.Saying.UNACKED_FULL:  # comes and goes with every ack of a draining backlog
        log.debug("uplink.unacked_full on=%s", action.on)
    elif not action.on:
        log.info("uplink.%s_over", name)
    elif action.saying in (words.Saying.FORBIDDEN, words.Saying.REFUSING):
        log.error("uplink.%s code=0x%02x", name, action.code)
    else:
        log.warning("uplink.%s code=0x%02x", name, action.code)
