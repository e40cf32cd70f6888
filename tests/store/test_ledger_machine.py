"""Whatever is done to a store, in whatever order, numbered = delivered + waiting + gone, and rows are kept.

Hypothesis drives a real file and compares it with a plain model after each step.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kaga_edge.core.ranges import Ranges
from kaga_edge.core.stored import SensorDeclaration
from kaga_edge.store.file import Identity
from kaga_edge.vocabulary.readings import ClockTrust

FULL = bool(os.environ.get("KAGA_TEST_FULL"))
NUMBERS = st.integers(1, 80)
SPANS = st.lists(st.tuples(NUMBERS, st.integers(0, 25)), max_size=4).map(
    lambda spans: Ranges.of((first, first + more) for first, more in spans)
)


def numbers(ranges: Ranges) -> set[int]:
    return {n for first, last in ranges for n in range(first, last + 1)}


class EpochModel:
    """What one epoch must hold."""

    def __init__(self) -> None:
        self.text: dict[int, str] = {}  # every row ever given a number
        self.delivered: set[int] = set()
        self.gone: set[int] = set()
        self.notices = 0
        self.told: set[int] = set()

    @property
    def waiting(self) -> set[int]:
        return set(self.text) - self.delivered - self.gone


class LedgerMachine(RuleBasedStateMachine):
    bench_class: Any = None  # set by the test below: the workbench of conftest.py

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="kaga-ledger-"))
        self.bench = self.bench_class(self.folder)
        self.machine = 1
        self.counter = 0
        self.open()
        self.model = {self.database.epoch: EpochModel()}

    def open(self) -> None:
        self.database = self.bench.open(
            keep_delivered_s=240, identity=Identity(machine="m", board=f"board {self.machine}")
        )

    @rule(count=st.integers(1, 12), alerts=st.integers(0, 2))
    def append(self, count: int, alerts: int) -> None:
        entries = []
        for n in range(count):
            self.counter += 1
            raised = (self.bench.alert(),) * alerts if n == 0 else ()
            entries.append(self.bench.entry(self.counter, alerts=raised))
        given = self.database.append(self.database.encode(entries))
        model = self.model[given.ep]
        assert given.ep == self.database.epoch
        assert given.first == len(model.text) + 1, "numbers follow each other"
        for n, entry in enumerate(entries, given.first):
            model.text[n] = str(entry.sample.readings[0].value)
        if alerts:
            assert given.alerts_first == model.notices + 1
        model.notices += alerts

    @rule(data=st.data(), rows=SPANS, notices=SPANS)
    def confirm(self, data: Any, rows: Ranges, notices: Ranges) -> None:
        ep = data.draw(st.sampled_from(sorted(self.model)))
        self.database.confirm({ep: rows}, {ep: notices})
        model = self.model[ep]
        model.delivered |= (numbers(rows) & set(model.text)) - model.gone
        model.told |= numbers(notices) & set(range(1, model.notices + 1))

    @rule(data=st.data(), rows=SPANS, reason=st.sampled_from(["quarantined", "thinned"]))
    def declare_gone(self, data: Any, rows: Ranges, reason: str) -> None:
        ep = data.draw(st.sampled_from(sorted(self.model)))
        model = self.model[ep]
        lost = numbers(rows) & model.waiting
        e = self.database.declare_gone(ep, rows, reason)
        model.gone |= lost
        model.notices += bool(lost)
        assert e == (model.notices if lost else 0)

    @rule(seconds=st.sampled_from([1, 60, 300]))
    def purge(self, seconds: int) -> None:
        self.bench.clock.pass_s(seconds)
        while self.database.purge(self.bench.clock.now())[1]:
            pass

    @rule()
    def make_room(self) -> None:
        """Delivered rows go early; then the oldest are thinned, or expire."""
        ep = self.database.epoch
        model = self.model[ep]
        before = {(tally.ep, tally.thinned) for tally in self.database.ledger().epochs}
        done = self.database.relieve()
        if done is None or not (done.thinned or done.expired):
            return
        for tally in self.database.ledger().epochs:
            one = self.model[tally.ep]
            book = self.database._book(tally.ep)
            lost = numbers(book.all_gone) - one.gone
            one.gone |= lost
            if lost:
                held = self.database.load_notices(tally.ep, 1, 10**6)
                one.notices = max(one.notices, *(notice.e for notice in held))
        if done.thinned:
            assert before != {(tally.ep, tally.thinned) for tally in self.database.ledger().epochs}
            new: list[Any] = []
            begin = len(model.text) + 1
            while rows := self.database.load(ep, begin + len(new), 10**6, 500).rows:
                new += rows  # a load ends where the clock's trust changes
            assert done.into == len(new)
            model.text |= {row[0]: row[4] for row in new}
            # More where thinned rows were thinned again.
            assert sum(int(row[4].split(",")[4]) for row in new) >= done.thinned

    @rule()
    def restart(self) -> None:
        self.database.end()  # in order; after a power cut in another boot numbers are passed over
        self.open()

    @precondition(lambda self: len(self.model) < 4)
    @rule()
    def copy_the_card(self) -> None:
        self.database.end()
        self.machine += 1
        self.open()
        assert self.database.epoch not in self.model
        self.model[self.database.epoch] = EpochModel()

    @rule(boot=st.sampled_from(["aaaa", "bbbb"]), trust=st.sampled_from(list(ClockTrust)))
    def clock_changes(self, boot: str, trust: ClockTrust) -> None:
        self.bench.clock.boot, self.bench.clock.trust = boot, trust

    @rule(cal=st.sampled_from(["2026-11-01", "2026-11-02"]))
    def declare_again(self, cal: str) -> None:
        sensor = SensorDeclaration(
            id="level-1", channels=(("water_level", "m", 0.001, {"cal": cal}),), driver="a02yyuw"
        )
        assert self.database.declare((sensor,), self.bench.site, "daishoji-01").index == {"level-1": 0}

    @invariant()
    def the_ledger_adds_up_and_agrees_with_counting(self) -> None:
        for tally in self.database.ledger().epochs:
            model = self.model[tally.ep]
            assert tally.numbered == tally.delivered + tally.waiting + tally.gone
            assert (tally.numbered, tally.delivered, tally.waiting, tally.gone) == (
                len(model.text),
                len(model.delivered),
                len(model.waiting),
                len(model.gone),
            )

    @invariant()
    def everything_that_waits_is_on_disk_and_unchanged(self) -> None:
        standing = {epoch.ep: epoch for epoch in self.database.standing().epochs}
        for ep, model in self.model.items():
            if ep not in standing:
                assert not model.waiting
                continue
            epoch = standing[ep]
            assert numbers(epoch.waiting) == model.waiting
            assert numbers(epoch.notices_waiting) == set(range(1, model.notices + 1)) - model.told
            assert (epoch.next_n, epoch.next_e) == (len(model.text) + 1, model.notices + 1)
            loaded: dict[int, str] = {}
            for first, last in epoch.waiting:
                n = first
                while n <= last:
                    rows = self.database.load(ep, n, last, 7).rows
                    assert rows[0][0] == n
                    loaded |= {row[0]: row[4] for row in rows}
                    n = rows[-1][0] + 1
            assert loaded == {n: model.text[n] for n in model.waiting}
            for first, last in epoch.notices_waiting:
                held = self.database.load_notices(ep, first, last)
                assert [notice.e for notice in held] == list(range(first, last + 1))

    @invariant()
    def the_books_agree_with_the_file(self) -> None:
        db = self.database._connection()
        for book in self.database._books:
            found = {
                n for (n,) in db.execute("SELECT id - ? FROM sample WHERE id >> 40 = ?", (book.base, book.i))
            }
            assert found == numbers(book.on_disk)

    def teardown(self) -> None:
        if hasattr(self, "bench"):
            self.bench.close()
            shutil.rmtree(self.folder, ignore_errors=True)


def test_the_ledger_adds_up_after_any_history(new_bench: Any) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    LedgerMachine.bench_class = staticmethod(new_bench)
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=200 if FULL else 20,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
