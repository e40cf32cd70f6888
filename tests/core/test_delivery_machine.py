"""The delivery machine under everything at once: a stateful test with a wire, a store and a platform.

Held after every step:
- no row and no notice is lost: committed = delivered + waiting + quarantined + gone, and none is in two
  places at once;
- what the machine calls in flight is on the wire, and nothing else;
- never more in flight than Receive Maximum allows;
- never idle: with the link up, the disk well and nothing held, whatever waits is under way.
"""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kaga_edge.core import delivery
from kaga_edge.core import delivery_words as words
from kaga_edge.core.delivery_state import State, unacked_rows, waiting_notices, waiting_rows
from kaga_edge.core.delivery_words import SECOND_NS, Ref, Rules
from kaga_edge.core.ranges import Ranges
from kaga_edge.vocabulary.lanes import Lane

FULL = bool(os.environ.get("KAGA_TEST_FULL"))
EPOCHS = ("3f2a9c1e", "00000002")
CODES = st.sampled_from([0, 0, 0, 0, 0x10, 0x97, 0x89, 0x87, 0x90, 0x99, 0x95, 0x80])


def assert_apart(spans: list[tuple[str, int, int]]) -> None:
    """No number of an epoch is in two of these."""
    together: dict[str, Ranges] = {}
    for ep, first, last in spans:
        together[ep] = together.get(ep, Ranges()).add(first, last)
    counted = sum(last - first + 1 for _, first, last in spans)
    assert counted == sum(ranges.count for ranges in together.values())


class Delivery(RuleBasedStateMachine):
    """One gateway, one link after another, a store that may be slow, partial or sick."""

    @initialize(
        platform=st.booleans(),
        birth_ack_s=st.sampled_from([0, 3]),
        unacked_most=st.sampled_from([6, 20_000]),
        batch_rows=st.sampled_from([1, 3, 10]),
    )
    def start(self, platform: bool, birth_ack_s: int, unacked_most: int, batch_rows: int) -> None:
        self.rules = Rules(
            platform_acks=platform,
            birth_ack_ns=birth_ack_s * SECOND_NS,
            unacked_most=unacked_most,
            batch_rows_most=10,
            batch_rows_first=batch_rows,
            batch_rows_least=1,
        )
        self.state: State = delivery.begin(self.rules)
        self.now_ns = 10**12
        self.link = 0
        self.links = 0
        self.window = 0
        self.packet_most = 0
        self.wire: list[Ref] = []
        self.loads: dict[int, Any] = {}
        self.announces: list[str] = []
        self.committed = dict.fromkeys(EPOCHS, 0)
        self.notices = dict.fromkeys(EPOCHS, 0)
        self.confirmed = dict.fromkeys(EPOCHS, Ranges())
        self.confirmed_e = dict.fromkeys(EPOCHS, Ranges())
        self.gone = dict.fromkeys(EPOCHS, Ranges())
        self.posts = 0

    def tell(self, kind: Any, **fields: Any) -> None:
        self.state, actions = delivery.step(self.state, kind(now_ns=self.now_ns, **fields))
        for action in actions:
            self.take(action)

    def take(self, action: words.Action) -> None:
        match action:
            case words.Publish():
                assert self.link, "published without a link"
                assert action.ref not in self.wire, "published twice at once"
                self.wire.append(action.ref)
            case words.Load() | words.LoadNotices():
                self.loads[action.ref] = action
            case words.Announce():
                self.announces.append(action.k)
            case words.Confirm():
                assert action.rows.minus(self.confirmed[action.ep]) == action.rows, "confirmed twice"
                self.confirmed[action.ep] = self.confirmed[action.ep].union(action.rows)
                self.confirmed_e[action.ep] = self.confirmed_e[action.ep].union(action.notices)
            case words.Quarantine():
                self.gone[action.ep] = self.gone[action.ep].add(action.first, action.last)
            case _:
                pass

    # --- what can happen ---

    @rule(count=st.integers(1, 25), alert=st.booleans(), ep=st.sampled_from(EPOCHS))
    def commit(self, count: int, alert: bool, ep: str) -> None:
        first = self.committed[ep] + 1
        self.committed[ep] += count
        self.notices[ep] += alert
        e = self.notices[ep] if alert else 0
        self.tell(words.RowsCommitted, ep=ep, first=first, last=self.committed[ep], first_e=e, last_e=e)

    @rule(ep=st.sampled_from(EPOCHS), data=st.data())
    def expire(self, ep: str, data: st.DataObject) -> None:
        waits = waiting_rows(self.state).get(ep, Ranges())
        on_the_wire = Ranges.of((p.first, p.last) for p in self.state.wire if p.ep == ep and p.rows)
        waits = waits.minus(on_the_wire)
        if not waits:
            return
        first, last = data.draw(st.sampled_from(waits.spans))
        upto = data.draw(st.integers(first, last))
        self.gone[ep] = self.gone[ep].add(first, upto)
        self.notices[ep] += 1
        self.tell(words.RowsGone, ep=ep, ranges=Ranges(((first, upto),)), e=self.notices[ep])

    @precondition(lambda self: any(self.confirmed.values()))
    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        """The platform wants delivered rows again: whatever becomes of it, what waits is not touched."""
        ep = data.draw(st.sampled_from([ep for ep in EPOCHS if self.confirmed[ep]]))
        before = waiting_rows(self.state)
        self.tell(words.Replay, ep=ep, rows=self.confirmed[ep])
        assert waiting_rows(self.state) == before

    @precondition(lambda self: not self.link)
    @rule(receive_most=st.sampled_from([1, 2, 3, 5, 65535]), packet_most=st.sampled_from([60, 10_000]))
    def link_up(self, receive_most: int, packet_most: int) -> None:
        self.links += 1
        self.link, self.window, self.packet_most = self.links, min(20, receive_most), packet_most
        self.tell(words.LinkUp, link=self.link, receive_most=receive_most, packet_most_bytes=packet_most)

    @precondition(lambda self: self.link)
    @rule()
    def link_down(self) -> None:
        down, self.link, self.wire = self.link, 0, []
        self.announces.clear()
        self.tell(words.LinkDown, link=down)

    @precondition(lambda self: self.loads)
    @rule(data=st.data(), most=st.integers(1, 10))
    def loaded(self, data: st.DataObject, most: int) -> None:
        load = self.loads.pop(data.draw(st.sampled_from(sorted(self.loads))))
        if isinstance(load, words.LoadNotices):
            infos = tuple(
                words.NoticeInfo(e=e, key=f"key/{e % 2}", leaf="alert", size_bytes=50)
                for e in range(load.first_e, load.last_e + 1)
            )
            self.tell(words.NoticesReady, ref=load.ref, ep=load.ep, notices=infos)
            return
        there = Ranges(((load.first, load.last),)).minus(self.gone[load.ep])
        if not there:
            self.tell(words.BatchReady, ref=load.ref)
            return
        first, last = there.spans[0]
        last = min(last, first + most - 1)
        size_bytes = 20 + 10 * (last - first + 1)
        k = f"k{first // 40}"
        self.tell(words.BatchReady, ref=load.ref, first=first, last=last, size_bytes=size_bytes, k=k)

    @precondition(lambda self: self.loads)
    @rule(data=st.data())
    def load_failed(self, data: st.DataObject) -> None:
        ref = data.draw(st.sampled_from(sorted(self.loads)))
        del self.loads[ref]
        self.tell(words.LoadFailed, ref=ref)

    @precondition(lambda self: self.announces)
    @rule(there=st.booleans())
    def catalog(self, there: bool) -> None:
        k = self.announces.pop(0)
        if there:
            self.tell(words.Offered, ref=f"catalog/{k}", leaf=f"catalog/{k}", size_bytes=40, catalog=k)
        else:
            self.tell(words.CatalogAbsent, k=k)

    @precondition(lambda self: self.link)
    @rule()
    def post(self) -> None:
        self.posts += 1
        self.tell(words.Offered, ref=f"health/{self.posts}", leaf="health", size_bytes=40)

    @precondition(lambda self: self.wire)
    @rule(data=st.data(), code=CODES)
    def puback(self, data: st.DataObject, code: int) -> None:
        ref = data.draw(st.sampled_from(self.wire))
        self.wire.remove(ref)
        self.tell(words.Answered, link=self.link, ref=ref, code=code)

    @precondition(lambda self: self.wire)
    @rule(data=st.data())
    def stale_puback(self, data: st.DataObject) -> None:
        before = waiting_rows(self.state), waiting_notices(self.state), len(self.wire)
        ref = data.draw(st.sampled_from(self.wire))
        self.tell(words.Answered, link=self.link - 1, ref=ref, code=0)
        assert (waiting_rows(self.state), waiting_notices(self.state)) == before[:2]
        assert len(self.wire) >= before[2]

    @rule(ref=st.integers(-5, -1))
    def stale_load(self, ref: int) -> None:
        self.tell(words.BatchReady, ref=ref, first=1, last=3, size_bytes=50, k="k0")

    @rule(ep=st.sampled_from((*EPOCHS, "ffffffff")), data=st.data())
    def platform_ack(self, ep: str, data: st.DataObject) -> None:
        sent = self.state.track(ep).sent  # the platform may ack what the broker has not yet
        upto = data.draw(st.integers(0, sent))
        have = data.draw(st.lists(st.integers(upto, max(upto, sent)), max_size=3))
        e = data.draw(st.none() | st.integers(0, self.state.track(ep).sent_e))
        if upto == 0 and not have:
            have = []
        have = [n for n in have if n > 0]
        self.tell(words.PlatformAcked, ep=ep, upto=upto, have=Ranges.of((n, n) for n in have), e=e)

    @rule(seconds=st.sampled_from([0.1, 1, 3, 10, 21, 61, 300, 3600]))
    def time_passes(self, seconds: float) -> None:
        self.now_ns += int(seconds * SECOND_NS)
        self.tell(words.Tick)

    @rule()
    def wake(self) -> None:
        at_ns = delivery.wake_at_ns(self.state, self.now_ns)
        if at_ns is not None:
            assert at_ns > self.now_ns
            self.now_ns = at_ns
            self.tell(words.Tick)

    # --- what must hold ---

    @invariant()
    def nothing_is_lost(self) -> None:
        waiting, notices = waiting_rows(self.state), waiting_notices(self.state)
        for ep in EPOCHS:
            known = waiting.get(ep, Ranges()).union(self.confirmed[ep]).union(self.gone[ep])
            assert known.count == self.committed[ep], f"{ep}: rows {known} of {self.committed[ep]}"
            known_e = notices.get(ep, Ranges()).union(self.confirmed_e[ep])
            assert known_e.count == self.notices[ep], f"{ep}: notices {known_e} of {self.notices[ep]}"

    @invariant()
    def no_row_is_in_two_places(self) -> None:
        """Nor is one that is wanted again; such a copy waits nowhere, and may be asked for while the row
        itself, gone or acknowledged meanwhile, is still being read."""
        state = self.state
        under_way: list[Any] = [load for load in state.loading if not load.notices]
        under_way += [p for p in (*state.ready, *state.wire, *state.resting) if p.rows]
        copies = [item for item in under_way if item.again]
        assert_apart([(item.ep, item.first, item.last) for item in copies])
        places: list[Any] = [item for item in under_way if not item.again]
        places += [*state.fresh, *state.pieces, *(young for young in state.young if not young.notices)]
        waiting = [(item.ep, item.first, item.last) for item in places]
        for track in state.tracks:
            waiting += [(track.ep, *span) for spans in (track.late, track.overdue) for span in spans]
        assert_apart(waiting)

    @invariant()
    def what_the_platform_has_waits_no_more(self) -> None:
        for track in self.state.tracks:
            for places in (track.late, track.overdue):
                assert places.minus(track.acked) == places
        for young in self.state.young:
            acked = Ranges() if young.notices else self.state.track(young.ep).acked
            assert acked.within(young.first, young.last) == Ranges()

    @invariant()
    def in_flight_is_on_the_wire(self) -> None:
        assert sorted(map(str, self.wire)) == sorted(str(p.ref) for p in self.state.wire)
        assert len(self.wire) <= self.window
        assert all(p.size_bytes <= self.packet_most for p in self.state.wire)

    @invariant()
    def never_idle(self) -> None:
        state, now_ns = self.state, self.now_ns
        held = any(hold.until_ns > now_ns for hold in state.holds)
        refused = {ep for ep, until_ns in state.unread if until_ns > now_ns}
        if not self.link or held or self.loads or self.announces or self.wire:
            return
        assert not state.posts
        assert not state.shelf
        assert not state.ready
        assert not state.resting
        tracks = [track for track in state.tracks if track.ep not in refused]
        assert {piece.ep for piece in state.pieces} <= refused
        assert not any(track.notices for track in tracks)
        for segment in [live for live in state.fresh if live.ep not in refused]:
            assert segment.born_ns + self.rules.batch_ns > now_ns, "live rows are due and nobody comes"
        may = state.backlog_from_ns <= now_ns
        if self.rules.platform_acks:
            may = may and unacked_rows(state) < self.rules.unacked_most
        assert not (may and any(track.late for track in tracks)), "backlog waits and nobody comes"

    @invariant()
    def something_will_wake_what_waits(self) -> None:
        """Whatever waits for time alone has a time in ``wake_at_ns``."""
        state = self.state
        waits = any(waiting_rows(state).values()) or any(waiting_notices(state).values())
        if not self.link or self.loads or self.announces or self.wire or not waits:
            return
        wakes = delivery.wake_at_ns(state, self.now_ns) is not None
        only_acks = self.rules.platform_acks and not any(
            p.lane in (Lane.LIVE, Lane.BACKLOG) for p in state.resting
        )
        assert wakes or only_acks


TestDelivery = Delivery.TestCase
TestDelivery.settings = settings(
    max_examples=1500 if FULL else 100,
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
