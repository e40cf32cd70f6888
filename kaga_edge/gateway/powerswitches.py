"""Power switches in the daemon: a GPIO line or a command that takes the power away for some seconds.

Fail-safe: a line that cannot be had is logged and that is all; while nobody drives it the power stays on;
stopping in the middle of a cut puts the power on first.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from kaga_edge.buses import Polled
from kaga_edge.buses.gpio import pin_errors
from kaga_edge.core import powering
from kaga_edge.core.powering import PowerRule, PowerState
from kaga_edge.station import journal
from kaga_edge.vocabulary.errors import KagaError
from kaga_edge.vocabulary.readings import Moment

COMMAND_S = 60.0


class Memory(Protocol):
    """What is needed of the store."""

    async def remember(self, key: str, value: str) -> None: ...
    async def recall(self, key: str) -> str | None: ...


class PowerSwitches:
    """Every ``[[power]]`` of one configuration. ``restored``: called with the sensors that start anew."""

    def __init__(
        self,
        rules: Iterable[PowerRule],
        *,
        pins: Callable[[], Any],
        now: Callable[[], Moment],
        memory: Memory | None = None,
        restored: Callable[[tuple[str, ...]], None] = lambda _: None,
    ) -> None:
        self.rules = tuple(rules)
        self.busy: set[asyncio.Task[None]] = set()
        self._pins, self._now, self._memory, self._restored = pins, now, memory, restored
        self._states = {rule.id: PowerState() for rule in self.rules}
        self.of = {sensor: rule for rule in self.rules for sensor in rule.sensors}
        self._modems = tuple(rule for rule in self.rules if not rule.sensors)
        self._lines: dict[str, Any] = {}
        self._link_s: float | None = None

    async def open(self) -> None:
        """Put every power on, and go on with the rests of before a restart."""
        for rule in self.rules:
            if self._memory is not None:
                with contextlib.suppress(KagaError):  # a sick disk is the recorder's to report
                    known = await self._memory.recall(f"power/{rule.id}")
                    self._states[rule.id] = powering.from_text(known, self._now())
            if rule.gpio is not None:
                self._have(rule)

    def see(self, polled: Polled) -> None:
        """Look at how a poll ended; one that was not tried says nothing."""
        rule = self.of.get(polled.sensor)
        if rule is None or (polled.error is not None and not _says_something(polled)):
            return
        state, cut = powering.polled(
            rule, self._states[rule.id], polled.sensor, worked=polled.error is None, now_s=self._now_s()
        )
        self._states[rule.id] = state
        if cut:
            self._begin(rule, polled.sensor)

    def link(self, *, there: bool) -> None:
        """Look at the link to the platform, every minute or so."""
        now_s = self._now_s()
        if there or self._link_s is None:
            self._link_s = now_s
        for rule in self._modems:
            silence_s = now_s - self._link_s
            self._states[rule.id], cut = powering.silent(rule, self._states[rule.id], silence_s, now_s)
            if cut:
                self._begin(rule, "link")

    async def close(self) -> None:
        """Put every power on and let go."""
        for task in self.busy:
            task.cancel()
        await asyncio.gather(*self.busy, return_exceptions=True)
        for rule in self.rules:
            if (line := self._lines.pop(rule.id, None)) is not None:
                with contextlib.suppress(*pin_errors()):
                    line.state = rule.level(cut=False)
                    line.function = "input"  # nobody drives it: the power is on

    def _now_s(self) -> float:
        return self._now().up_ms / 1000

    def _have(self, rule: PowerRule) -> None:
        expected: tuple[type[Exception], ...] = (ImportError, *pin_errors())
        try:
            line = self._pins().pin(rule.gpio)
            line.function = "output"
            line.state = rule.level(cut=False)
        except expected as error:
            journal.error("power.failed", switch=rule.id, error=error)
        else:
            self._lines[rule.id] = line

    def _begin(self, rule: PowerRule, cause: str) -> None:
        task = asyncio.get_running_loop().create_task(self._cycle(rule, cause), name=f"power {rule.id}")
        self.busy.add(task)
        task.add_done_callback(self.busy.discard)

    async def _cycle(self, rule: PowerRule, cause: str) -> None:
        state = self._states[rule.id]
        journal.warning("power.cut", switch=rule.id, cause=cause, seconds=rule.off_s, count=state.cuts)
        if self._memory is not None:
            with contextlib.suppress(KagaError):
                await self._memory.remember(f"power/{rule.id}", powering.to_text(state, self._now()))
        if rule.command:
            await self._run(rule)
        elif (line := self._lines.get(rule.id)) is not None:
            try:
                line.state = rule.level(cut=True)
                await asyncio.sleep(rule.off_s)
            finally:
                line.state = rule.level(cut=False)
        else:
            journal.error("power.failed", switch=rule.id, error="the line cannot be driven")
            return
        await asyncio.sleep(rule.settle_s)
        journal.info("power.back", switch=rule.id)
        self._restored(rule.sensors)

    async def _run(self, rule: PowerRule) -> None:
        """Run the command, which takes the power away and gives it back by itself."""
        try:
            process = await asyncio.create_subprocess_exec(
                *rule.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
        except OSError as error:
            journal.error("power.failed", switch=rule.id, error=error)
            return
        try:
            async with asyncio.timeout(COMMAND_S):
                code = await process.wait()
        except TimeoutError:
            process.kill()
            code = await process.wait()
        if code:
            journal.error("power.failed", switch=rule.id, error=f"{rule.command[0]} ended with {code}")


def _says_something(polled: Polled) -> bool:
    return polled.took_s > 0 and polled.error is not None and powering.helps(polled.error)
