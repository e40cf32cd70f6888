"""Commands and death: at any step the gateway may end, and the disk may refuse; nothing ever runs twice."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from kaga_edge.core.command_reading import Rules
from kaga_edge.core.commanding import OPS
from kaga_edge.link import Incoming
from kaga_edge.uplink.commands import Commands, Outcome
from kaga_edge.vocabulary.errors import KagaError
from kaga_edge.vocabulary.readings import ClockTrust, Moment

NOW_MS = 1_630_065_110_000
STEPS = (
    "note 1 before",
    "note 1 after",
    "run before",
    "run after",
    "note 2 before",
    "note 2 after",
    "answer",
)


class Killed(BaseException):
    """The power is gone."""


class Refused(KagaError):
    """The disk takes nothing now."""


class Kept:
    """The disk: transactions whole or not at all, and the place where the power goes."""

    def __init__(self) -> None:
        self.facts: dict[str, str] = {}
        self.death = ""
        self.sick: frozenset[int] = frozenset()  # which of the coming writes the disk refuses
        self.perhaps = False  # a refused one is there after all
        self._writes = 0

    def begin(self, death: str, sick: frozenset[int], *, perhaps: bool) -> None:
        self.death, self.sick, self.perhaps, self._writes = death, sick, perhaps, 0

    def maybe_die(self, step: str) -> None:
        if self.death == step:
            raise Killed

    async def note(self, pairs: Mapping[str, str]) -> None:
        self._writes += 1
        self.maybe_die(f"note {self._writes} before")
        refused = self._writes in self.sick
        if not refused or self.perhaps:
            self.facts |= pairs
        if refused:
            raise Refused("no")
        self.maybe_die(f"note {self._writes} after")

    async def recall(self, key: str) -> str | None:
        return self.facts.get(key)

    async def forget_notes(self, prefix: str, before: str, least: int) -> int:
        return 0


class Clock:
    """A clock that is right; commands come ten seconds apart, so that none is too many."""

    def __init__(self) -> None:
        self.ns = 0

    def now(self) -> Moment:
        return Moment(wall_ms=NOW_MS, up_ms=1, boot="b", trust=ClockTrust.NTP)

    def monotonic_ns(self) -> int:
        return self.ns


class Dying(RuleBasedStateMachine):
    """One gateway after the other over the same disk, and a platform that repeats itself."""

    def __init__(self) -> None:
        super().__init__()
        self.store, self.clock = Kept(), Clock()
        self.ran: Counter[str] = Counter()
        self.numbers: dict[str, list[int]] = {}
        self.heard: dict[str, list[dict[str, Any]]] = {}
        self.audited: list[str] = []
        self.commands = self.booted()

    def booted(self) -> Commands:
        async def op(command: Any) -> Outcome:
            self.store.maybe_die("run before")
            self.ran[command.id] += 1
            self.numbers.setdefault(command.iss, []).append(command.ctr)
            self.store.maybe_die("run after")
            if command.op == "read":
                raise KagaError("silent")
            return Outcome(res={"n": self.ran.total()})

        async def answer(leaf: str, payload: bytes, _correlation: bytes) -> bool:
            self.store.maybe_die("answer")
            body = json.loads(payload)
            self.heard.setdefault(body["id"], []).append(body)
            return True

        async def verify(_over: bytes, _signature: bytes) -> bool:
            return True

        return Commands(
            Rules(gw="test-01", allow=frozenset(OPS)),
            store=self.store,
            clock=self.clock,
            ops=dict.fromkeys(OPS, op),
            answer=answer,
            verify=verify,
            up=lambda leaf: f"kaga/edge/v1/test-01/up/{leaf}",
            audit=lambda name, **_: self.audited.append(name),
            day_most=100_000.0,
        )

    async def given(self, incoming: Incoming) -> None:
        """Give a command to the gateway and wait until it is dealt with, or the power is gone."""
        dealt_with = asyncio.Event()
        self.commands.take(incoming, dealt_with.set)
        running = asyncio.create_task(self.commands.run())
        waiting = asyncio.create_task(dealt_with.wait())
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        died = running.done()
        for task in (running, waiting):
            task.cancel()
        await asyncio.gather(running, waiting, return_exceptions=True)
        if died:
            self.commands = self.booted()

    @rule(
        number=st.integers(1, 6),
        op=st.sampled_from(["ping", "read"]),
        ctr=st.integers(0, 8),
        iss=st.sampled_from(["operations", "desk"]),
        death=st.sampled_from(("", "", "", *STEPS)),
        sick=st.sampled_from(
            [frozenset[int](), frozenset[int](), frozenset({1}), frozenset({2}), frozenset({1, 2})]
        ),
        perhaps=st.booleans(),
    )
    def command(self, number, op, ctr, iss, death, sick, perhaps) -> None:
        self.store.begin(death, sick, perhaps=perhaps)
        self.clock.ns += 10 * 10**9
        body = {"v": 1, "id": f"c{number}", "ctr": ctr, "op": op, "iss": iss, "exp": NOW_MS + 1}
        body["args"] = {"sensor": "a"} if op == "read" else {}
        asyncio.run(self.given(Incoming(1, 1, "", json.dumps(body).encode(), False)))

    @rule()
    def power_cut(self) -> None:
        self.commands = self.booted()

    @invariant()
    def nothing_runs_twice(self) -> None:
        assert all(count == 1 for count in self.ran.values())

    @invariant()
    def what_runs_has_a_rising_number(self) -> None:
        for numbers in self.numbers.values():
            assert numbers == sorted(set(numbers))

    @invariant()
    def nobody_is_told_two_different_things_of_what_ran(self) -> None:
        for command_id in self.ran:
            told = [one for one in self.heard.get(command_id, []) if _final(one)]
            assert all(one == told[0] for one in told) or not told

    @invariant()
    def done_is_only_said_of_what_ran(self) -> None:
        for command_id, told in self.heard.items():
            assert not any(one["ok"] for one in told) or self.ran[command_id] == 1


def _final(reply: dict[str, Any]) -> bool:
    """Not one that says: not now."""
    return reply["ok"] or reply["err"] == "interrupted"


TestDying = Dying.TestCase
TestDying.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


async def test_a_command_that_was_cut_off_is_answered_before_it_is_asked_for_again() -> None:
    machine = Dying()
    machine.store.begin("run before", frozenset(), perhaps=False)
    body = {"v": 1, "id": "c1", "ctr": 1, "op": "ping", "iss": "desk", "exp": NOW_MS + 1}
    await machine.given(Incoming(1, 1, "", json.dumps(body).encode(), False))
    machine.store.begin("", frozenset(), perhaps=False)
    running = asyncio.create_task(machine.commands.run())
    async with asyncio.timeout(60):
        while not machine.heard:
            await asyncio.sleep(0)
    running.cancel()
    assert machine.heard["c1"][0]["err"] == "interrupted"
    assert machine.ran["c1"] == 0
    assert machine.store.facts["command.open"] == ""


async def test_more_than_the_budget_is_refused_and_what_is_beyond_the_queue_is_dropped() -> None:
    machine = Dying()
    said: list[str] = []
    for n in range(40):
        body = {"v": 1, "id": f"n{n}", "ctr": n, "op": "ping", "iss": "desk", "exp": NOW_MS + 1}
        machine.commands.take(Incoming(1, 0, "", json.dumps(body).encode(), False), lambda: said.append("x"))
    assert len(said) == 24
    for n in range(40, 60):
        body = {"v": 1, "id": f"n{n}", "ctr": n, "op": "ping", "iss": "desk", "exp": NOW_MS + 1}
        await machine.given(Incoming(1, 1, "", json.dumps(body).encode(), False))
    errors = [one.get("err") for told in machine.heard.values() for one in told]
    assert errors.count(None) == 20
    assert set(errors) <= {None, "rate"}


async def test_a_flood_of_commands_was_told_anew_after_each_one_that_found_room() -> None:
    machine = Dying()
    for n in range(120):  # two a second, for a minute
        machine.clock.ns += 500_000_000
        body = {"v": 1, "id": f"n{n}", "ctr": n, "op": "ping", "iss": "desk", "exp": NOW_MS + 1}
        await machine.given(Incoming(1, 1, "", json.dumps(body).encode(), False))
    assert machine.audited.count("command.flood") == 1
    assert machine.audited.count("command.done") == 20 + 14
