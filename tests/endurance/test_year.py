"""A year in a minute: schedule, store and delivery with a clock that is set, outages, reboots, retention.

Every part is the real one; only time and the line are not. Delivery is the machine of ``core/delivery.py``,
its actions carried out at once.
"""

from __future__ import annotations

import os
from collections import Counter, deque
from typing import Any

import pytest

from kaga_edge.core import delivery, message, schedule
from kaga_edge.core import delivery_words as words
from kaga_edge.core.delivery_state import waiting_notices, waiting_rows
from kaga_edge.core.local import local_time
from kaga_edge.core.ranges import Ranges
from kaga_edge.core.stored import Change, Committed, Gone
from kaga_edge.receiver.archive import Arrival

FULL = bool(os.environ.get("KAGA_TEST_FULL"))
EVERY_S = 300 if FULL else 3600
SENSORS, DAYS, ZONE = 4, 365, "Asia/Tokyo"
BUDGET_BYTES = 1_000_000 if FULL else 400_000
DAY_S = 86_400
# First day without a line, and for how many days; the last is longer than the budget bears.
OUTAGES = {9: 1, 30: 2, 64: 7, 120: 3, 150: 1, 200: 14, 240: 90}
REBOOTS = {5, 31, 66, 140, 141, 250, 300}


class Courier:
    """Carries out what the delivery machine decides, at once, and tells it what came of it."""

    def __init__(self, store: Any, platform: Any, clock: Any) -> None:
        self.store, self.platform, self.clock = store, platform, clock
        self.state = delivery.begin(words.Rules(accept_no_subscriber=True))
        self.links = 0
        self._inbox: deque[words.Event] = deque()
        self._bytes: dict[words.Ref, bytes] = {}
        self.tell(words.Stood, standing=store.standing())

    def changed(self, change: Change) -> None:
        match change:
            case Committed():
                self.tell(
                    words.RowsCommitted, ep=change.ep, first=change.first, last=change.last,
                    first_e=change.notices_first or 0, last_e=change.notices_last or 0, late=change.late,
                )  # fmt: skip
            case Gone():
                self.tell(words.RowsGone, ep=change.ep, ranges=change.ranges, e=change.e)

    def tell(self, kind: Any, **facts: Any) -> None:
        self._inbox.append(kind(now_ns=self.clock.monotonic_ns(), **facts))

    def link(self, *, up: bool) -> None:
        if up:
            self.links += 1
            self.tell(words.LinkUp, link=self.links)
        else:
            self.tell(words.LinkDown, link=self.links)

    def turn(self) -> None:
        """Do everything that can be done now."""
        self.tell(words.Tick)
        while self._inbox:
            self.state, actions = delivery.step(self.state, self._inbox.popleft())
            for action in actions:
                self._do(action)

    def _do(self, action: words.Action) -> None:
        match action:
            case words.Load():
                loaded = self.store.load(action.ep, action.first, action.last, action.last - action.first + 1)
                if not loaded.rows:
                    self.tell(words.BatchReady, ref=action.ref)
                    return
                body, taken = message.packed(loaded.rows, loaded.run)
                self._bytes[action.ref] = body
                first, last = loaded.rows[0][0], loaded.rows[taken - 1][0]
                self.tell(
                    words.BatchReady, ref=action.ref, first=first, last=last, size_bytes=len(body),
                    k=loaded.run.k,
                )  # fmt: skip
            case words.LoadNotices():
                infos = []
                for notice in self.store.load_notices(action.ep, action.first_e, action.last_e):
                    self._bytes[notice.ep, notice.e] = notice.body
                    key = notice.key if notice.kind == "alert" else ""
                    size_bytes = len(notice.body)
                    infos.append(
                        words.NoticeInfo(e=notice.e, key=key, leaf=notice.leaf, size_bytes=size_bytes)
                    )
                self.tell(words.NoticesReady, ref=action.ref, ep=action.ep, notices=tuple(infos))
            case words.Announce():
                body = self._bytes[action.k] = message.compact(self.store.catalog_body(action.k))
                leaf = f"catalog/{action.k}"
                self.tell(words.Offered, ref=action.k, leaf=leaf, size_bytes=len(body), catalog=action.k)
            case words.Publish():
                self.platform.take(action.leaf, self._bytes[action.ref])
                self.tell(words.Answered, link=self.links, ref=action.ref, code=0)
            case words.Confirm():
                self.store.confirm({action.ep: action.rows}, {action.ep: action.notices})
            case words.Forget():
                self._bytes.pop(action.ref, None)


class City:
    """What arrived, by local day, and the receiver's own account."""

    def __init__(self, platform: Any) -> None:
        self.archive, self.topics = platform.archive, platform.topics

    def take(self, leaf: str, body: bytes) -> None:
        topic = self.topics.up(leaf)
        self.archive.keep([Arrival(topic=topic, payload=body, retained=False, at_ms=0)])

    def samples_by_day(self) -> Counter[str]:
        """How many samples each local day has, summed up or one by one."""
        found: Counter[str] = Counter()
        ask = "SELECT at_ms, vals, q FROM sample"
        for at_ms, vals, q in self.archive._db.execute(ask):
            count = int(vals.split(",")[4]) if q == "1024" else 1
            found[f"{local_time(at_ms, ZONE):%Y-%m-%d}"] += count
        return found


@pytest.mark.timeout(900)
def test_a_year_with_outages_reboots_and_too_little_room_ends_with_every_number_accounted_for(
    opening: Any, station: Any, platform: Any, clock: Any
) -> None:
    site = station(
        sensors=SENSORS,
        every_s=0,  # time is the schedule's to pass
        values=lambda n, ms: (ms // 60_000 * 7 + n) % 3001 / 1000,
        alert_when=lambda n, value: n == 0 and round(value * 1000) % 50 == 0,
    )
    store = opening(site, max_bytes=BUDGET_BYTES)
    courier, city = Courier(store, City(platform), clock), City(platform)
    store._on_change = courier.changed
    plan = schedule.begin(
        [(f"level-{n}", EVERY_S * 1000, 0) for n in range(SENSORS)], clock.wall_ms - 1, clock.up_ms - 1
    )
    courier.link(up=True)
    down_until, used, held = 0, [], []
    for day in range(DAYS):
        if day in OUTAGES:
            courier.link(up=False)
            down_until = day + OUTAGES[day]
        elif day == down_until and day:
            courier.link(up=True)
        if day in REBOOTS:
            clock.boot, clock.up_ms = f"b{day:03}", 60_000
            store.end()
            store = opening(site, max_bytes=BUDGET_BYTES)
            courier = Courier(store, City(platform), clock)
            store._on_change = courier.changed
            if day >= down_until:
                courier.link(up=True)
            plan = schedule.begin(
                [(f"level-{n}", EVERY_S * 1000, 0) for n in range(SENSORS)],
                clock.wall_ms - 1, clock.up_ms - 1,
            )  # fmt: skip
        for _ in range(DAY_S // EVERY_S):
            plan, dues, _ = schedule.step(plan, clock.wall_ms, clock.up_ms)
            assert [(due.due_ms, due.missed_ms) for due in dues] == [(clock.wall_ms, ())] * SENSORS
            store.append(store.encode(site.measured(1)))
            courier.turn()
            clock.pass_s(EVERY_S)
        while store.purge(clock.now())[1]:
            pass
        courier.turn()
        _accounts(store, courier, drained=day >= down_until)
        used.append(store.size().used_bytes)
        held.append(_held(store, courier))

    assert max(used) <= BUDGET_BYTES
    assert store.path.stat().st_size <= BUDGET_BYTES
    calm = [0, 100, 190, DAYS - 1]  # days with the line up, and up for long
    assert used[calm[-1]] <= 3 * used[calm[1]]
    assert held[calm[-1]] <= held[calm[1]] + 50  # a reboot more is a range more

    counts = platform.counts()
    (tally,) = store.ledger().epochs
    assert tally.thinned > 0
    assert tally.gone == tally.thinned  # nothing was thrown away
    assert (counts.highest, counts.arrived, counts.gone) == (tally.numbered, tally.delivered, tally.gone)
    assert not counts.gaps
    assert counts.conflicting == 0
    assert counts.alerts == site.alerts > 50
    days = city.samples_by_day()
    assert len(days) == DAYS
    assert set(days.values()) == {SENSORS * DAY_S // EVERY_S}


def _held(store: Any, courier: Courier) -> int:
    """How many things store and delivery keep in memory: what could grow with the years."""
    book, state = store._books[-1], courier.state
    ranges = [book.delivered, book.removed, book.delivered_notices, *book.gone.values()]
    kept = [state.fresh, state.pieces, state.loading, state.shelf, state.ready, state.wire, state.resting]
    held = sum(len(spans.spans) for spans in ranges) + sum(map(len, kept)) + len(courier._bytes)
    return held + len(book.runs) + len(store._fences) + len(store._kinds)


def _accounts(store: Any, courier: Courier, *, drained: bool) -> None:
    """numbered = delivered + waiting + gone, and the delivery machine knows of every row that waits."""
    (tally,) = store.ledger().epochs
    assert tally.numbered == tally.delivered + tally.waiting + tally.gone
    (epoch,) = store.standing().epochs
    courier.turn()
    assert waiting_rows(courier.state).get(epoch.ep, Ranges()) == epoch.waiting
    assert waiting_notices(courier.state).get(epoch.ep, Ranges()) == epoch.notices_waiting
    if drained:
        # What is younger than a batch interval may still wait for the others of its batch.
        assert tally.waiting <= SENSORS
        assert epoch.notices_waiting == Ranges()
