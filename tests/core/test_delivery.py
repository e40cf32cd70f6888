"""The delivery machine, one rule at a time. Time is whatever the test says."""

from __future__ import annotations

from typing import Any

import pytest

from kaga_edge.core import delivery
from kaga_edge.core import delivery_words as words
from kaga_edge.core.delivery_state import State, waiting_notices, waiting_rows
from kaga_edge.core.delivery_words import SECOND_NS, Rules, Saying
from kaga_edge.core.ranges import Ranges
from kaga_edge.core.stored import EpochStanding, Standing
from kaga_edge.vocabulary.lanes import Lane

EP = "3f2a9c1e"
S = SECOND_NS


class Line:
    """A machine with a clock, a wire to look at, and a store that answers at once unless told not to."""

    def __init__(self, rules: Rules | None = None, *, answers: bool = True) -> None:
        self.state: State = delivery.begin(rules or Rules())
        self.now_ns = 1000 * S
        self.answers = answers
        self.sent: list[words.Publish] = []
        self.actions: list[words.Action] = []
        self.loads: list[words.Load] = []
        self.keys: dict[int, tuple[str, str]] = {}  # e → key, leaf
        self.row_bytes = 10
        self.most_rows = 10_000

    def tell(self, kind: Any, **fields: Any) -> list[words.Action]:
        self.state, actions = delivery.step(self.state, kind(now_ns=self.now_ns, **fields))
        self.actions += actions
        for action in list(actions):
            if isinstance(action, words.Publish):
                self.sent.append(action)
            elif isinstance(action, words.Load):
                self.loads.append(action)
                if self.answers:
                    self.pack(action)
            elif isinstance(action, words.LoadNotices):
                infos = tuple(
                    words.NoticeInfo(e=e, key=self.keys[e][0], leaf=self.keys[e][1], size_bytes=300)
                    for e in range(action.first_e, action.last_e + 1)
                )
                self.tell(words.NoticesReady, ref=action.ref, ep=action.ep, notices=infos)
            elif isinstance(action, words.Announce):
                self.tell(words.CatalogAbsent, k=action.k)
        return actions

    def pack(self, load: words.Load) -> None:
        last = min(load.last, load.first + self.most_rows - 1)
        size_bytes = (last - load.first + 1) * self.row_bytes
        self.tell(words.BatchReady, ref=load.ref, first=load.first, last=last, size_bytes=size_bytes, k="k")

    def up(self, link: int = 1, **fields: Any) -> None:
        self.tell(words.LinkUp, link=link, **fields)

    def commit(self, first: int, last: int, e: int = 0, key: str = "", leaf: str = "alert") -> None:
        if e:
            self.keys[e] = (key, leaf)
        self.tell(words.RowsCommitted, ep=EP, first=first, last=last, first_e=e, last_e=e)

    def backlog(self, last: int) -> None:
        standing = EpochStanding(
            ep=EP, next_n=last + 1, next_e=1, waiting=Ranges(((1, last),)), notices_waiting=Ranges(),
            oldest_at_ms=0, delivered_upto=0,
        )  # fmt: skip
        self.tell(words.Stood, standing=Standing(epochs=(standing,)))

    def answer(self, ref: words.Ref, code: int = 0, link: int = 1) -> list[words.Action]:
        return self.tell(words.Answered, link=link, ref=ref, code=code)

    def wait(self, seconds: float) -> None:
        self.now_ns += int(seconds * S)
        self.tell(words.Tick)

    def spans(self) -> list[tuple[str, int, int]]:
        return [(p.leaf, p.first, p.last) for p in self.state.wire]

    def said(self, kind: type) -> list[Any]:
        return [action for action in self.actions if isinstance(action, kind)]

    def waits(self) -> Ranges:
        return waiting_rows(self.state).get(EP, Ranges())


def stood(waiting: Ranges, next_n: int, notices: Ranges | None = None, next_e: int = 1) -> Standing:
    told = EpochStanding(
        ep=EP, next_n=next_n, next_e=next_e, waiting=waiting, notices_waiting=notices or Ranges(),
        oldest_at_ms=0, delivered_upto=0,
    )  # fmt: skip
    return Standing(epochs=(told,))


def test_rows_a_salvage_brought_back_are_sent_and_those_under_way_not_twice() -> None:
    """The file was replaced while running: until a restart nobody asked for what was found in it."""
    line = Line()
    line.backlog(4)
    line.up()
    line.commit(5, 6)

    line.tell(words.Stood, standing=stood(Ranges(((1, 9),)), 10))

    assert line.waits() == Ranges(((1, 9),))
    line.wait(10)
    sent: list[tuple[int, int]] = []
    while line.state.wire:
        for parcel in line.state.wire:
            sent.append((parcel.first, parcel.last))
            line.answer(parcel.ref)
    assert sum(last - first + 1 for first, last in sent) == 9
    assert Ranges.of(sent) == Ranges(((1, 9),))


# --- lanes ---


def test_live_rows_leave_together_after_one_batch_interval() -> None:
    line = Line()
    line.up()
    line.commit(1, 3)
    line.wait(5)
    line.commit(4, 6)
    assert line.spans() == []
    assert delivery.wake_at_ns(line.state, line.now_ns) == line.now_ns + 5 * S
    line.wait(5)
    assert line.spans() == [("data", 1, 6)]


def test_an_alert_leaves_at_once_and_takes_the_live_rows_with_it() -> None:
    line = Line()
    line.up()
    line.commit(1, 3, e=1, key="danger/level-1")
    assert line.spans() == [("alert", 1, 1), ("data", 1, 3)]


def test_a_full_batch_does_not_wait_for_its_interval() -> None:
    line = Line(Rules(batch_rows_most=50))
    line.up()
    line.commit(1, 120)
    assert line.spans() == [("data", 1, 50), ("data", 51, 100)]


def test_rows_older_than_two_intervals_go_on_hist() -> None:
    line = Line()
    line.commit(1, 3)
    line.wait(21)
    line.up()
    assert line.spans() == [("hist", 1, 3)]


def test_rows_of_exactly_two_intervals_are_still_live() -> None:
    line = Line()
    line.commit(1, 3)
    line.wait(20)
    line.up()
    assert line.spans() == [("data", 1, 3)]


def test_once_on_hist_always_on_hist() -> None:
    line = Line()
    line.backlog(5)
    line.up()
    assert line.spans() == [("hist", 1, 5)]
    line.tell(words.LinkDown, link=1)
    line.up(2)
    assert line.spans() == [("hist", 1, 5)]


def test_a_live_batch_lost_with_the_link_is_live_again_only_while_young() -> None:
    line = Line()
    line.up()
    line.commit(1, 3)
    line.wait(10)
    line.tell(words.LinkDown, link=1)
    line.wait(11)
    line.up(2)
    assert line.spans() == [("hist", 1, 3)]


def test_live_goes_on_while_a_backlog_drains() -> None:
    line = Line()
    line.backlog(100_000)
    line.up()
    for _ in range(40):
        line.now_ns += S // 100
        line.answer(line.state.wire[0].ref)
    line.commit(100_001, 100_010)
    line.wait(10)
    assert ("data", 100_001, 100_010) in line.spans()
    assert any(leaf == "hist" for leaf, _first, _last in line.spans())


def test_a_slot_each_is_kept_for_alerts_and_live() -> None:
    line = Line()
    line.backlog(100_000)
    line.up(receive_most=5)
    for _ in range(60):
        line.now_ns += S // 100
        line.answer(line.state.wire[0].ref)
    assert len(line.spans()) == 3
    line.commit(100_001, 100_001)
    line.wait(10)
    assert len(line.spans()) == 4
    line.commit(100_002, 100_002, e=1, key="danger/level-1")
    assert len(line.spans()) == 5
    assert line.spans()[-1] == ("alert", 1, 1)


def test_a_receive_maximum_of_one_is_obeyed_and_the_alert_goes_first() -> None:
    line = Line()
    line.backlog(1000)
    line.up(receive_most=1)
    line.commit(1001, 1001, e=1, key="danger/level-1")
    assert len(line.state.wire) == 1
    line.answer(line.state.wire[0].ref)
    assert line.spans() == [("alert", 1, 1)]


def test_unacknowledged_backlog_stays_within_what_the_link_carried_lately() -> None:
    line = Line(Rules(batch_rows_first=100, batch_rows_most=100))
    line.backlog(100_000)
    line.up()
    assert line.spans() == [("hist", 1, 100)]  # nothing carried yet: one batch
    line.now_ns += S
    line.answer(line.state.wire[0].ref)
    assert len(line.spans()) == 1
    line.now_ns += S // 2
    line.answer(line.state.wire[0].ref)
    assert len(line.spans()) == 2
    line.now_ns += 10 * S
    line.answer(line.state.wire[0].ref)
    assert len(line.spans()) == 1


def test_batches_shrink_on_a_slow_link_and_grow_on_a_fast_one() -> None:
    line = Line()
    line.backlog(100_000)
    line.up(receive_most=1)
    sizes = []
    for wait_s in (3, 3, 0.1, 0.1, 0.1):
        line.now_ns += int(wait_s * S)
        line.answer(line.state.wire[0].ref)
        sizes.append(line.state.batch_rows)
    assert sizes == [50, 25, 50, 100, 200]


# --- notices ---


def test_one_alert_of_a_key_is_in_flight_at_a_time_and_others_pass() -> None:
    line = Line()
    line.up()
    line.commit(1, 1, e=1, key="danger/level-1")
    line.commit(2, 2, e=2, key="danger/level-1")
    line.commit(3, 3, e=3, key="danger/level-2")
    alerts = [first for leaf, first, _last in line.spans() if leaf == "alert"]
    assert alerts == [1, 3]
    line.answer((EP, 1))
    assert [first for leaf, first, _last in line.spans() if leaf == "alert"] == [3, 2]


def test_gone_rows_are_not_sent_and_their_notice_is() -> None:
    line = Line()
    line.backlog(10)
    line.keys[1] = ("", "gone")
    line.tell(words.RowsGone, ep=EP, ranges=Ranges(((3, 5),)), e=1)
    line.up()
    assert line.spans() == [("gone", 1, 1), ("hist", 1, 2)]


# --- posts and catalogs ---


def test_posts_go_before_everything_and_a_batch_waits_for_its_catalog() -> None:
    line = Line(answers=False)
    line.backlog(10)
    line.up(receive_most=1)
    line.tell(words.Offered, ref="state", leaf="state", size_bytes=200)
    load = line.loads[0]
    state, actions = delivery.step(
        line.state,
        words.BatchReady(now_ns=line.now_ns, ref=load.ref, first=1, last=10, size_bytes=99, k="a1b2c3d4"),
    )
    line.state = state
    assert words.Announce(k="a1b2c3d4") in actions
    line.answer("state")
    assert line.spans() == []
    line.tell(words.Offered, ref="catalog/k", leaf="catalog/k", size_bytes=200, catalog="a1b2c3d4")
    line.answer("catalog/k")
    assert [publish.ref for publish in line.sent] == ["state", "catalog/k", load.ref]


def test_every_connection_announces_its_catalogs_anew() -> None:
    line = Line()
    line.backlog(10)
    line.up()
    line.tell(words.LinkDown, link=1)
    line.up(2)
    assert len(line.said(words.Announce)) == 2


# --- PUBACK reason codes ---


def test_puback_zero_confirms_under_broker_delivery() -> None:
    line = Line()
    line.backlog(10)
    line.up()
    line.answer(line.state.wire[0].ref)
    assert line.said(words.Confirm) == [words.Confirm(ep=EP, rows=Ranges(((1, 10),)))]
    assert not line.waits()


def test_no_subscriber_holds_says_so_once_and_sends_the_same_message_again() -> None:
    line = Line()
    line.backlog(10)
    line.up()
    ref = line.state.wire[0].ref
    line.answer(ref, 0x10)
    assert line.said(words.Confirm) == []
    assert line.said(words.Say) == [words.Say(saying=Saying.NO_SUBSCRIBER, on=True, code=0x10)]
    assert line.spans() == []
    assert line.waits() == Ranges(((1, 10),))
    line.wait(2)
    assert [publish.ref for publish in line.sent] == [ref, ref]
    line.answer(ref, 0x10)
    assert delivery.wake_at_ns(line.state, line.now_ns) == line.now_ns + 4 * S  # doubled
    line.wait(4)
    line.answer(ref)
    assert line.said(words.Say)[-1] == words.Say(saying=Saying.NO_SUBSCRIBER, on=False)
    assert not line.waits()


def test_no_subscriber_is_delivered_where_accepted() -> None:
    line = Line(Rules(accept_no_subscriber=True))
    line.backlog(10)
    line.up()
    line.answer(line.state.wire[0].ref, 0x10)
    assert not line.waits()


def test_no_subscriber_does_not_matter_for_state_and_catalog() -> None:
    line = Line()
    line.up()
    line.tell(words.Offered, ref="state", leaf="state", size_bytes=200)
    line.answer("state", 0x10)
    assert line.said(words.Posted) == [words.Posted(ref="state", code=0x10)]
    assert line.said(words.Say) == []


@pytest.mark.parametrize("code", [0x97, 0x89, 0x80, 0x83, 0x91])
def test_busy_pauses_everything_and_loses_nothing(code: int) -> None:
    line = Line()
    line.backlog(10)
    line.up()
    line.answer(line.state.wire[0].ref, code)
    line.commit(11, 11)
    line.wait(1)
    assert line.spans() == []
    assert line.waits() == Ranges(((1, 11),))
    line.wait(1)
    assert line.spans() == [("hist", 1, 10)]  # one, to try
    line.answer(line.state.wire[0].ref)
    line.wait(10)
    assert line.spans() == [("data", 11, 11)]


def test_a_whole_window_refused_is_one_refusal() -> None:
    line = Line()
    line.backlog(100_000)
    line.up()
    for _ in range(40):
        line.now_ns += S // 100
        line.answer(line.state.wire[0].ref)
    for parcel in line.state.wire:
        line.answer(parcel.ref, 0x97)
    assert delivery.wake_at_ns(line.state, line.now_ns) == line.now_ns + 2 * S
    assert len(line.said(words.Say)) == 1
    assert line.waits().last == 100_000


def test_not_authorised_holds_everything_for_five_minutes_and_tries_again() -> None:
    line = Line()
    line.backlog(10)
    line.up()
    line.answer(line.state.wire[0].ref, 0x87)
    assert line.said(words.Say) == [words.Say(saying=Saying.FORBIDDEN, on=True, code=0x87)]
    line.wait(299)
    assert line.spans() == []
    line.wait(1)
    assert line.spans() == [("hist", 1, 10)]
    line.answer(line.state.wire[0].ref, 0x87)
    assert line.waits() == Ranges(((1, 10),))
    assert delivery.wake_at_ns(line.state, line.now_ns) == line.now_ns + 300 * S


def test_a_refused_payload_is_cut_until_the_guilty_row_is_found() -> None:
    line = Line()
    line.backlog(10)
    line.up()
    while line.state.wire:
        parcel = line.state.wire[0]
        line.answer(parcel.ref, 0x99 if parcel.first <= 7 <= parcel.last else 0)
    assert line.said(words.Quarantine) == [words.Quarantine(ep=EP, first=7, last=7, code=0x99)]
    confirmed = Ranges.of(span for said in line.said(words.Confirm) for span in said.rows)
    assert confirmed == Ranges(((1, 6), (8, 10)))


def test_a_refused_topic_quarantines_the_message_and_goes_on() -> None:
    line = Line(Rules(batch_rows_first=10))
    line.backlog(20)
    line.up()
    line.answer(line.state.wire[0].ref, 0x90)
    assert line.said(words.Quarantine) == [words.Quarantine(ep=EP, first=1, last=10, code=0x90)]
    assert line.spans() == [("hist", 11, 20)]


def test_a_broker_that_refuses_every_message_does_not_empty_the_backlog() -> None:
    line = Line(Rules(batch_rows_first=10))
    line.backlog(10_000)
    line.up()
    for _ in range(30):
        if line.state.wire:
            line.answer(line.state.wire[0].ref, 0x90)
    assert len(line.said(words.Quarantine)) == 20
    assert words.Say(saying=Saying.REFUSING, on=True, code=0x90) in line.actions
    assert line.waits() == Ranges(((201, 10_000),))


def test_a_broker_that_takes_all_but_rows_had_the_whole_backlog_quarantined() -> None:
    # Seen: each quarantine made a gone notice, its PUBACK began the count of refusals anew, and on it went.
    line = Line(Rules(batch_rows_first=10))
    line.backlog(10_000)
    line.up()
    for e in range(1, 200):
        rows = [parcel for parcel in line.state.wire if parcel.rows]
        if rows:
            line.answer(rows[0].ref, 0x90)
        line.commit(0, 0, e=e, leaf="gone")
        line.answer((EP, e))
    assert len(line.said(words.Quarantine)) == 20
    assert Saying.REFUSING in line.state.said


def test_every_new_connection_to_a_broker_that_refuses_rows_had_twenty_more_batches_quarantined() -> None:
    line = Line(Rules(batch_rows_first=10))
    line.backlog(10_000)
    for link in range(1, 20):
        line.up(link)
        line.tell(words.Offered, ref="state", leaf="state", size_bytes=300)
        line.answer("state", link=link)
        for _ in range(30):
            rows = [parcel for parcel in line.state.wire if parcel.rows]
            if rows:
                line.answer(rows[0].ref, 0x90, link=link)
        line.tell(words.LinkDown, link=link)
    assert len(line.said(words.Quarantine)) == 20
    assert Saying.REFUSING in line.state.said
    line.up(20)
    assert len(line.state.wire) == 1  # one, to try: it may be another broker
    line.answer(line.state.wire[0].ref, link=20)
    assert Saying.REFUSING not in line.state.said
    assert line.state.wire


def test_an_alert_waited_while_every_row_was_refused() -> None:
    line = Line(Rules(batch_rows_first=10))
    line.backlog(10_000)
    line.up()
    while Saying.REFUSING not in line.state.said:
        line.answer(line.state.wire[0].ref, 0x90)
    line.commit(10_001, 10_001, e=1, key="danger/level-1")
    assert ("alert", 1, 1) in line.spans()


def test_a_server_with_more_room_was_said_to_refuse_everything_for_ever() -> None:
    line = Line()
    line.row_bytes = 400
    line.backlog(10)
    line.up(packet_most_bytes=300)
    line.wait(1)
    assert Saying.REFUSING in line.state.said
    line.tell(words.LinkDown, link=1)
    line.up(2, packet_most_bytes=30_000)
    line.answer(line.state.wire[0].ref, link=2)
    assert not line.state.said


def test_too_large_is_cut_in_two() -> None:
    line = Line()
    line.backlog(10)
    line.up()
    line.answer(line.state.wire[0].ref, 0x95)
    line.answer(line.state.wire[0].ref)
    line.answer(line.state.wire[0].ref)
    assert [(said.rows.spans) for said in line.said(words.Confirm)] == [((1, 5),), ((6, 10),)]


def test_a_server_that_hangs_up_over_a_packet_too_large_gets_smaller_ones() -> None:
    line = Line()
    line.backlog(100)
    line.up()
    line.tell(words.LinkDown, link=1, code=0x95)
    line.up(2)
    assert line.spans() == [("hist", 1, 50)]


def test_batches_stayed_small_for_ever_after_a_server_had_once_hung_up_over_one() -> None:
    line = Line()
    line.backlog(10_000)
    line.up()
    line.tell(words.LinkDown, link=1, code=0x95)
    line.wait(9 * 1800)
    line.up(2)
    assert line.spans()[-1] == ("hist", 1, 100)


def test_a_server_that_hung_up_over_its_greeting_made_batches_of_one_row() -> None:
    line = Line()
    line.backlog(100)
    line.up(packet_most_bytes=100_000)
    line.answer(line.state.wire[0].ref)  # nothing of ours is on the wire, so it was none of our rows
    line.tell(words.LinkDown, link=1, code=0x95)
    line.commit(101, 300)
    line.up(2)
    line.wait(60)
    assert ("hist", 101, 200) in line.spans()


def test_the_brokers_maximum_packet_size_is_obeyed() -> None:
    line = Line()
    line.backlog(100)
    line.up(packet_most_bytes=300)
    while line.state.wire:
        assert all(parcel.size_bytes <= 300 for parcel in line.state.wire)
        line.answer(line.state.wire[0].ref)
    assert not line.waits()
    assert line.said(words.Quarantine) == []


def test_an_alert_the_broker_refuses_is_kept_and_others_go_on() -> None:
    line = Line()
    line.up()
    line.commit(1, 1, e=1, key="danger/level-1")
    line.answer((EP, 1), 0x99)
    line.commit(2, 2, e=2, key="danger/level-2")
    assert ("alert", 2, 2) in line.spans()
    assert waiting_notices(line.state)[EP] == Ranges(((1, 2),))
    line.answer((EP, 2))
    line.wait(300)
    assert ("alert", 1, 1) in line.spans()


def test_an_alert_refused_by_one_broker_waited_five_minutes_for_the_next() -> None:
    line = Line()
    line.up()
    line.commit(1, 1, e=1, key="danger/level-1")
    line.answer((EP, 1), 0x99)
    line.tell(words.LinkDown, link=1)
    line.up(2)
    assert line.spans()[-1] == ("alert", 1, 1)
    line.answer((EP, 1), link=2)
    assert not waiting_notices(line.state)[EP]


# --- the three traps ---


def test_trap_one_a_load_of_a_link_that_is_gone_changes_nothing() -> None:
    line = Line(answers=False)
    line.backlog(10)
    line.up()
    old = line.loads[0]
    line.tell(words.LinkDown, link=1)
    line.up(2)
    line.pack(old)
    assert line.spans() == []
    line.pack(line.loads[1])
    assert line.spans() == [("hist", 1, 10)]
    assert line.waits() == Ranges(((1, 10),))


def test_trap_one_a_puback_of_a_link_that_is_gone_confirms_nothing() -> None:
    line = Line()
    line.up()
    line.commit(1, 1, e=1, key="danger/level-1")
    line.tell(words.LinkDown, link=1)
    line.up(2)
    line.answer((EP, 1), link=1)
    assert line.said(words.Confirm) == []


def test_trap_two_rows_committed_while_a_load_runs_are_not_forgotten() -> None:
    line = Line(Rules(batch_rows_first=10), answers=False)
    line.backlog(5)
    line.up()
    line.commit(6, 6)
    line.wait(21)
    line.answers = True
    line.pack(line.loads[0])
    assert line.waits() == Ranges(((1, 6),)), "forgotten, not delivered"
    while line.state.wire:
        line.answer(line.state.wire[0].ref)
    assert not line.waits()
    delivered = [span for confirm in line.said(words.Confirm) for span in confirm.rows]
    assert Ranges.of(delivered) == Ranges(((1, 6),))


def test_trap_three_a_load_that_gave_only_a_part_is_followed_by_the_rest() -> None:
    line = Line()
    line.most_rows = 4
    line.commit(1, 10)
    line.up()
    line.wait(10)
    assert line.spans() == [("data", 1, 4), ("data", 5, 8), ("data", 9, 10)]


def test_a_sick_disk_is_asked_again_a_second_later() -> None:
    line = Line(answers=False)
    line.backlog(10)
    line.up()
    line.tell(words.LoadFailed, ref=line.loads[0].ref)
    assert len(line.loads) == 1
    assert line.waits() == Ranges(((1, 10),))
    line.wait(1)
    assert len(line.loads) == 2


def test_what_is_in_memory_leaves_although_older_rows_and_alerts_wait_on_a_disk_that_refuses() -> None:
    """Found by reading: one refused load stopped all of them, and the sick epoch was always asked first."""
    line = Line(answers=False)
    on_disk = EpochStanding(
        ep=EP, next_n=11, next_e=2, waiting=Ranges(((1, 10),)), notices_waiting=Ranges(((1, 1),)),
        oldest_at_ms=0, delivered_upto=0,
    )  # fmt: skip
    line.tell(words.Stood, standing=Standing(epochs=(on_disk,)))
    asked: list[str] = []

    def refuse_the_disk() -> None:
        for load in [load for load in line.state.loading if load.ep == EP]:
            line.tell(words.LoadFailed, ref=load.ref)
        asked.extend(load.ep for load in line.state.loading)

    line.keys[1] = ("danger/level-1", "alert")
    line.state, _ = delivery.step(line.state, words.LinkUp(now_ns=line.now_ns, link=1))
    refuse_the_disk()
    line.tell(words.RowsCommitted, ep="00000ace", first=1, last=3, first_e=1, last_e=1)
    refuse_the_disk()

    assert asked == ["00000ace"]  # the rows; the alert was read at once
    assert [p.ref for p in line.state.wire] == [("00000ace", 1)]
    assert waiting_rows(line.state)[EP] == Ranges(((1, 10),))


def test_a_number_that_is_no_longer_there_is_not_waited_for() -> None:
    line = Line(answers=False)
    line.backlog(10)
    line.up()
    line.tell(words.BatchReady, ref=line.loads[0].ref)
    assert not line.waits()


# --- delivery = "platform" ---


def platform(**fields: Any) -> Line:
    line = Line(Rules(platform_acks=True, birth_ack_ns=0, **fields))
    line.backlog(10)
    line.up()
    return line


def ack(line: Line, upto: int, have: Any = (), e: int | None = None, ep: str = EP) -> list[words.Action]:
    return line.tell(words.PlatformAcked, ep=ep, upto=upto, have=Ranges.of(have), e=e)


def test_a_puback_alone_is_not_delivery_under_platform_delivery() -> None:
    line = platform()
    line.answer(line.state.wire[0].ref)
    assert line.said(words.Confirm) == []
    ack(line, 8)
    assert line.said(words.Confirm) == [words.Confirm(ep=EP, rows=Ranges(((1, 8),)))]
    ack(line, 8, [(10, 10)])
    assert line.said(words.Confirm)[-1] == words.Confirm(ep=EP, rows=Ranges(((10, 10),)))
    assert line.waits() == Ranges(((9, 9),))


def test_a_platform_ack_that_overtakes_the_puback_is_not_forgotten() -> None:
    line = platform()
    ref = line.state.wire[0].ref
    ack(line, 10)
    line.answer(ref)
    assert len(line.said(words.Confirm)) == 1
    line.wait(400)
    assert line.spans() == []


def test_alerts_wait_for_the_platforms_e() -> None:
    line = platform()
    line.commit(11, 11, e=1, key="danger/level-1")
    line.answer((EP, 1))
    assert waiting_notices(line.state)[EP] == Ranges(((1, 1),))
    ack(line, 0, e=1)
    assert not waiting_notices(line.state)[EP]


@pytest.mark.parametrize(
    ("upto", "ep", "why"),
    [
        (5, "ffffffff", "unknown epoch"),
        (3, EP, "below an earlier one"),
        (99, EP, "above the highest number sent"),
    ],
)
def test_an_ack_that_cannot_be_true_changes_nothing_and_is_said_once(upto: int, ep: str, why: str) -> None:
    line = platform()
    line.answer(line.state.wire[0].ref)
    ack(line, 4)
    before = line.waits()
    for _ in range(3):
        ack(line, upto, ep=ep)
    assert line.waits() == before
    assert line.said(words.AckIgnored) == [words.AckIgnored(ep=ep, why=why)]


def test_an_ack_for_numbers_declared_gone_was_ignored_as_above_the_highest_sent() -> None:
    """After a month offline the platform hears of what expired before the first row: its ack is true."""
    line = Line(Rules(platform_acks=True), answers=False)
    line.keys[1] = ("", "gone")
    line.commit(1, 900)
    line.tell(words.RowsGone, ep=EP, ranges=Ranges(((1, 800),)), e=1)
    line.up()
    ack(line, 800, e=1)
    assert not line.said(words.AckIgnored)
    ack(line, 801)
    assert [told.why for told in line.said(words.AckIgnored)] == ["above the highest number sent"]


def test_acks_for_epochs_without_end_were_each_remembered_and_each_logged() -> None:
    line = platform()
    before = line.state
    for number in range(5_000):
        ack(line, 5, ep=f"{number:08x}")
    assert len(line.said(words.AckIgnored)) == 1
    assert len(line.state.ignored) == 1
    assert line.state.tracks == before.tracks


def test_a_row_the_platform_passed_over_is_sent_again_on_hist_after_ack_wait() -> None:
    line = platform()
    line.answer(line.state.wire[0].ref)
    ack(line, 4, [(6, 10)])
    line.wait(59)
    assert line.spans() == []
    line.wait(1)
    assert line.spans() == [("hist", 5, 5)]


def test_a_row_above_all_acks_is_not_sent_again_for_ack_wait_alone() -> None:
    line = platform()
    line.answer(line.state.wire[0].ref)
    ack(line, 4)
    line.wait(61)
    assert line.spans() == []


def test_no_ack_at_all_is_said_and_asked_for_ever_more_rarely() -> None:
    line = platform()
    line.answer(line.state.wire[0].ref)
    line.wait(299)
    assert line.said(words.Say) == []
    line.wait(1)
    assert line.said(words.Say) == [words.Say(saying=Saying.NO_PLATFORM_ACK, on=True)]
    gaps_s = []
    for _ in range(6):
        line.answer(line.state.wire[0].ref)
        began_ns = line.now_ns
        while not line.state.wire:
            wake_ns = delivery.wake_at_ns(line.state, line.now_ns)
            assert wake_ns is not None
            line.wait((wake_ns - line.now_ns) / S)
        gaps_s.append(round((line.now_ns - began_ns) / S))
    assert gaps_s == [600, 1200, 2400, 3600, 3600, 3600]
    ack(line, 10)
    assert line.said(words.Say)[-1] == words.Say(saying=Saying.NO_PLATFORM_ACK, on=False)


def test_when_the_platform_lives_again_all_it_does_not_have_is_sent() -> None:
    line = platform(batch_rows_first=2)
    while line.state.wire:
        line.answer(line.state.wire[0].ref)
    line.wait(100)
    line.wait(200)
    assert line.spans() == [("hist", 1, 2)]
    line.answer(line.state.wire[0].ref)
    ack(line, 2)
    sent: set[int] = set()
    while line.state.wire:
        sent |= set(range(line.state.wire[0].first, line.state.wire[0].last + 1))
        line.answer(line.state.wire[0].ref)
    assert sent == set(range(3, 11))


def test_at_most_so_many_rows_are_unacked_then_backlog_pauses_and_live_goes_on() -> None:
    line = Line(Rules(platform_acks=True, birth_ack_ns=0, unacked_most=300, batch_rows_most=100))
    line.backlog(10_000)
    line.up()
    while line.state.wire:
        line.answer(line.state.wire[0].ref)
    assert line.state.track(EP).sent == 10_000
    assert line.waits().count == 10_000
    assert words.Say(saying=Saying.UNACKED_FULL, on=True) in line.actions
    assert len(line.sent) == 3
    line.commit(10_001, 10_001, e=1, key="danger/level-1")
    assert line.spans() == [("alert", 1, 1), ("data", 10_001, 10_001)]
    ack(line, 100)
    assert ("hist", 301, 399) in line.spans()  # the live row counts too


def test_after_a_birth_the_backlog_waits_shortly_for_the_platforms_ack() -> None:
    line = Line(Rules(platform_acks=True))
    line.backlog(10)
    line.up()
    assert line.spans() == []
    ack(line, 9)
    assert line.spans() == [("hist", 10, 10)]


def test_without_that_ack_the_backlog_goes_after_three_seconds() -> None:
    line = Line(Rules(platform_acks=True))
    line.backlog(10)
    line.up()
    assert delivery.wake_at_ns(line.state, line.now_ns) == line.now_ns + 3 * S
    line.wait(3)
    assert line.spans() == [("hist", 1, 10)]


def test_a_flush_sends_live_rows_now() -> None:
    line = Line()
    line.up()
    line.commit(1, 3)
    line.tell(words.Flush)
    assert line.spans() == [("data", 1, 3)]
    assert line.state.wire[0].lane is Lane.LIVE


# --- delivered rows that are wanted again ---


@pytest.mark.parametrize("platform_acks", [False, True])
def test_a_replay_goes_on_hist_behind_what_waits_and_confirms_nothing_twice(platform_acks) -> None:
    line = Line(Rules(platform_acks=platform_acks, birth_ack_ns=0))
    line.backlog(10)
    line.up()
    line.answer(line.state.wire[0].ref)
    if platform_acks:
        line.tell(words.PlatformAcked, ep=EP, upto=10, have=Ranges(), e=None)
    confirmed = len(line.said(words.Confirm))
    line.tell(words.Replay, ep=EP, rows=Ranges(((2, 4),)))
    assert line.spans() == [("hist", 2, 4)]
    assert line.waits() == Ranges()
    line.answer(line.state.wire[0].ref)
    assert len(line.said(words.Confirm)) == confirmed
    line.wait(1000)
    assert line.spans() == []


def test_a_replay_survives_the_line_and_the_platforms_acks() -> None:
    line = Line(Rules(platform_acks=True, birth_ack_ns=0))
    line.backlog(10)
    line.up()
    line.answer(line.state.wire[0].ref)
    line.tell(words.PlatformAcked, ep=EP, upto=10, have=Ranges(), e=None)
    line.tell(words.Replay, ep=EP, rows=Ranges(((2, 4),)))
    line.tell(words.LinkDown, link=1)
    line.tell(words.PlatformAcked, ep=EP, upto=10, have=Ranges(), e=None)
    line.up(2)
    assert line.spans() == [("hist", 2, 4)]


def test_a_replay_that_the_server_refuses_for_good_is_let_go_and_not_declared_lost() -> None:
    line = Line()
    line.backlog(4)
    line.up()
    line.answer(line.state.wire[0].ref)
    line.tell(words.Replay, ep=EP, rows=Ranges(((1, 1),)))
    line.answer(line.state.wire[0].ref, 0x99)
    assert line.said(words.Quarantine) == []
    assert line.spans() == []


def test_rows_that_still_wait_are_not_replayed() -> None:
    line = Line()
    line.backlog(4)
    line.tell(words.Replay, ep=EP, rows=Ranges(((1, 4),)))
    line.up()
    assert line.spans() == [("hist", 1, 4)]
    line.answer(line.state.wire[0].ref)
    assert line.spans() == []


def refused_posts(leaf: str) -> Line:
    line = Line()
    line.up()
    for hour in range(1000):
        line.wait(3600)
        line.tell(words.Offered, ref=f"{leaf}/{hour}", leaf=leaf, size_bytes=900)
        for parcel in line.state.wire:
            line.answer(parcel.ref, 0x87)
    return line


def test_healths_that_were_refused_for_months_were_all_kept() -> None:
    line = refused_posts("health")
    assert [parcel.ref for parcel in line.state.resting] == ["health/999"]
    assert words.Forget(ref="health/998") in line.said(words.Forget)


def test_answers_that_were_refused_for_months_were_all_kept() -> None:
    line = refused_posts("reply")
    kept = sorted(int(str(parcel.ref).removeprefix("reply/")) for parcel in line.state.resting)
    assert len(kept) == 32
    assert kept[0] > 900  # the oldest went first
    assert len(line.said(words.Forget)) == len(line.said(words.Posted))
