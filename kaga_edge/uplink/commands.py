"""Commands from the city: one at a time, kept before it runs, its answer kept after. Contract v1.

    arrives -> judged (core/commanding) -> kept on disk, "open" -> runs -> answer kept -> answered
                                                                                       -> acknowledged

Whatever dies in between, nothing runs twice: a command that is found open at the next start was cut off and
is answered ``interrupted``. The server is told "received" last of all, so it brings an unanswered command
again, and the second time what is kept answers it. While the disk is sick nothing runs: ``busy``.

Loaded only where the configuration has ``[commands]``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from kaga_edge.core import command_budget, command_keeping, command_reading, commanding
from kaga_edge.core.command_reading import Command, Refusal, Rules, Signed
from kaga_edge.link import Incoming
from kaga_edge.text import LANGUAGES, say
from kaga_edge.vocabulary.clock import Clock
from kaga_edge.vocabulary.errors import KagaError
from kaga_edge.vocabulary.readings import ClockTrust

MOST_WAITING = 16  # as many as the link lets the server have unacknowledged
MOST_CORRELATION_BYTES = 1024
FORGET_EVERY = 50  # commands
AGAIN_S = 1.0
RECORD, COUNTER, OPEN = "command/", "command.ctr/", "command.open"


class CommandStore(Protocol):
    """What is needed of the store: several facts in one transaction, on disk or not at all."""

    async def note(self, pairs: Mapping[str, str]) -> None: ...
    async def recall(self, key: str) -> str | None: ...
    async def forget_notes(self, prefix: str, before: str, least: int) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a command; ``after``: what is left to do once the answer is out."""

    res: Mapping[str, Any] = field(default_factory=dict)
    after: Callable[[], None] | None = None


class Unfit(KagaError):
    """The arguments are of the right kind but name what is not here, or what may not be."""

    code = "KE-U09"


Op = Callable[[Command], Awaitable[Outcome]]
Answer = Callable[[str, bytes, bytes], Awaitable[bool]]  # leaf, payload, correlation
Verify = Callable[[bytes, bytes], Awaitable[bool]]  # what was signed, signature; raises KagaError
Audit = Callable[..., None]  # name, fields
Arrival = tuple[Incoming, Callable[[], None]]


class Commands:
    """``take`` what arrives; ``run`` as a task."""

    def __init__(
        self,
        rules: Rules,
        *,
        store: CommandStore,
        clock: Clock,
        ops: Mapping[str, Op],
        answer: Answer,
        verify: Verify,
        up: Callable[[str], str],
        audit: Audit,
        day_most: float,
    ) -> None:
        self._rules = rules
        self._store = store
        self._clock = clock
        self._ops = ops
        self._answer = answer
        self._verify = verify
        self._up = up
        self._audit = audit
        self._budget = command_budget.Budget(day_most=day_most, at_s=clock.monotonic_ns() / 1e9)
        self._waiting: asyncio.Queue[Arrival] = asyncio.Queue(MOST_WAITING)
        self._unwritten: dict[str, str] = {}  # answers that a sick disk has not taken yet
        self._flooded = False
        self._kept = 0
        self._looked = False
        self._later: set[asyncio.Task[None]] = set()

    def take(self, incoming: Incoming, dealt_with: Callable[[], None]) -> None:
        """Take a command as it comes; beyond what a server may have unacknowledged it is dropped."""
        try:
            self._waiting.put_nowait((incoming, dealt_with))
        except asyncio.QueueFull:  # not QoS 1: nobody waits for an answer
            self._flood()
            dealt_with()

    async def run(self) -> None:
        """Answer one command after the other, for ever."""
        try:
            with contextlib.suppress(KagaError):  # a sick disk: looked at with the first command
                await self._end_cut_off()
            while True:
                incoming, dealt_with = await self._waiting.get()
                after = await self._one(incoming)
                dealt_with()
                if after is not None:
                    after()
        finally:
            for task in self._later:
                task.cancel()

    # --- one command ---

    async def _one(self, incoming: Incoming) -> Callable[[], None] | None:
        """Deal with one; return what is to be done when the server knows of it."""
        self._budget, enough = command_budget.spent(self._budget, self._clock.monotonic_ns() / 1e9)
        taken = command_reading.unwrapped(incoming.payload, self._rules)
        if not enough:
            self._flood()
            await self._refuse(incoming, Refusal(id=_id_of(taken), err="rate"), silent=True)
            return None
        if self._budget.left > command_budget.BURST / 2:  # not the next one that finds room: it is over
            self._flooded = False
        try:
            if isinstance(taken, Signed):
                good = await self._verify(taken.over, taken.signature)
                taken = command_reading.command_of(taken.cmd) if good else command_reading.forged(taken)
            if isinstance(taken, Command):
                return await self._judged(incoming, taken)
            await self._refuse(incoming, taken)
        except KagaError as error:  # a sick disk, no openssl: perhaps the next time
            await self._refuse(incoming, _failed(_id_of(taken), "busy", error))
        return None

    async def _judged(self, incoming: Incoming, command: Command) -> Callable[[], None] | None:
        await self._end_cut_off()
        await self._write_unwritten()
        known = await self._store.recall(RECORD + command.id)
        highest = await self._store.recall(COUNTER + command.iss)
        verdict = commanding.judge(
            self._rules,
            command,
            retained=incoming.retained,
            known=command_keeping.from_text(known),
            highest=command_keeping.highest_of(highest),
            at=self._clock.now(),
        )
        match verdict:
            case command_reading.Refusal():
                await self._refuse(incoming, verdict, command)
            case commanding.Again():
                self._audit("command.again", id=command.id, op=command.op)
                await self._say(incoming, verdict.reply)
            case commanding.Interrupted():
                reply = await self._interrupted(verdict.id, verdict.record)
                await self._say(incoming, reply)
            case commanding.Run():
                return await self._run(incoming, command)
        return None

    async def _run(self, incoming: Incoming, command: Command) -> Callable[[], None] | None:
        record = command_keeping.begun(command, self._clock.now().wall_ms)
        kept = {RECORD + command.id: command_keeping.to_text(record), COUNTER + command.iss: str(command.ctr)}
        await self._store.note(kept | {OPEN: command.id})
        outcome, err, code = Outcome(), None, None
        try:
            outcome = await self._ops[command.op](command)
            reply = command_keeping.done(command.id, self._clock.now().wall_ms, outcome.res)
        except KagaError as error:
            err, code = "bad_args" if isinstance(error, Unfit) else "busy", error.code
            reply = self._no(_failed(command.id, err, error))
        self._audit("command.done", id=command.id, op=command.op, iss=command.iss, err=err, code=code)
        if await self._settle(command.id, command_keeping.to_text(command_keeping.answered(record, reply))):
            await self._say(incoming, reply)
        else:
            self._soon(self._say_when_kept(incoming, reply))
        await self._forget_old()
        return outcome.after

    async def _refuse(
        self, incoming: Incoming, refusal: Refusal, command: Command | None = None, *, silent: bool = False
    ) -> None:
        if not silent:
            op, iss = (command.op[:64], command.iss) if command is not None else (None, None)
            self._audit("command.refused", id=refusal.id or None, op=op, iss=iss, err=refusal.err)
        if refusal.id:
            await self._say(incoming, self._no(refusal))

    def _no(self, refusal: Refusal) -> bytes:
        key = refusal.why or f"command.{refusal.err}"
        words = {lang: say(key, lang, **refusal.params) for lang in LANGUAGES}
        return command_keeping.not_done(refusal, self._clock.now().wall_ms, words)

    async def _say(self, incoming: Incoming, reply: bytes) -> None:
        leaf = commanding.reply_leaf(incoming.response_topic, self._up)
        known_by = incoming.correlation if len(incoming.correlation) <= MOST_CORRELATION_BYTES else b""
        await self._answer(leaf, reply, known_by)

    def _flood(self) -> None:
        if not self._flooded:
            self._audit("command.flood")
        self._flooded = True

    # --- what is kept ---

    async def _settle(self, command_id: str, text: str) -> bool:
        """Keep the answer; False: the disk refuses now. An answer that is not kept could change."""
        self._unwritten[command_id] = text
        with contextlib.suppress(KagaError):
            await self._write_unwritten()
        return not self._unwritten

    async def _say_when_kept(self, incoming: Incoming, reply: bytes) -> None:
        while self._unwritten:
            await asyncio.sleep(AGAIN_S)
            with contextlib.suppress(KagaError):
                await self._write_unwritten()
        await self._say(incoming, reply)

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="answer to a command")
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def _write_unwritten(self) -> None:
        if self._unwritten:
            pairs = {RECORD + command_id: text for command_id, text in self._unwritten.items()}
            await self._store.note(pairs | {OPEN: ""})
            self._unwritten.clear()

    async def _interrupted(self, command_id: str, record: command_keeping.Record) -> bytes:
        reply = self._no(Refusal(id=command_id, err="interrupted"))
        self._audit("command.interrupted", id=command_id, op=record.op, iss=record.iss)
        await self._settle(command_id, command_keeping.to_text(command_keeping.answered(record, reply)))
        return reply

    async def _end_cut_off(self) -> None:
        """Find the command that an end of the gateway cut off; it is answered as soon as somebody listens.

        Before any other begins: what is open then is not ours.
        """
        if self._looked:
            return
        command_id = await self._store.recall(OPEN)
        record = (
            command_keeping.from_text(await self._store.recall(RECORD + command_id)) if command_id else None
        )
        if command_id and record is not None and record.reply is None:
            reply = await self._interrupted(command_id, record)
            self._soon(self._tell(reply))
        self._looked = True

    async def _tell(self, reply: bytes) -> None:
        while not await self._answer(commanding.REPLY_LEAF, reply, b""):
            await asyncio.sleep(AGAIN_S)

    async def _forget_old(self) -> None:
        now = self._clock.now()
        if self._kept % FORGET_EVERY == 0 and now.trust >= ClockTrust.NTP:
            before = command_keeping.stamp(now.wall_ms - command_keeping.KEEP_MS)
            with contextlib.suppress(KagaError):
                while await self._store.forget_notes(RECORD, before, command_keeping.KEEP_LEAST):
                    pass
        self._kept += 1


def _id_of(taken: Command | Signed | Refusal) -> str:
    return command_reading.forged(taken).id if isinstance(taken, Signed) else taken.id


def _failed(command_id: str, err: str, error: KagaError) -> Refusal:
    params = {"error": error.code, "what": error.what}
    return Refusal(id=command_id, err=err, why="command.failed", params=params)
