"""Lamps and sirens on GPIO lines, driven by the alarms raised here; they need no network."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from kaga_edge.buses.gpio import pin_errors
from kaga_edge.core.signalling import Signal, SignalState, hear, sounds
from kaga_edge.station import journal
from kaga_edge.vocabulary.errors import AskedWrongly

LONGEST_TEST_S = 60.0


class Outputs:
    """Every ``[[output]]`` of one configuration. A line that cannot be had is logged, never fatal."""

    def __init__(
        self, signals: Iterable[Signal], pins: Callable[[], Any], now_s: Callable[[], float]
    ) -> None:
        self.signals = tuple(signals)
        self._pins = pins
        self._now_s = now_s
        self._states = {one.id: SignalState() for one in self.signals}
        self._lines: dict[str, Any] = {}
        self._timers: set[asyncio.TimerHandle] = set()

    def open(self) -> None:
        """Drive every line to "no alarm"."""
        for one in self.signals:
            expected: tuple[type[Exception], ...] = (ImportError, *pin_errors())
            try:
                line = self._pins().pin(one.gpio)
                line.function = "output"
                line.state = one.level(alarm=False)
            except expected as error:  # a lamp is no reason to die
                journal.error("output.failed", output=one.id, gpio=one.gpio, error=error)
            else:
                self._lines[one.id] = line

    def show(self, raised: Iterable[str]) -> None:
        """Switch every output to what the raised alarms ask for."""
        keys, now_s = tuple(raised), self._now_s()
        for one in self.signals:
            before = self._states[one.id]
            self._states[one.id] = hear(one, before, keys, now_s)
            if self._states[one.id].since_s != before.since_s and one.longest_s is not None:
                self._again(one, one.longest_s)
            self._switch(one)

    async def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer ``{"op":"output","do":"test"|"status","output":id,"seconds":5}``. Raises AskedWrongly."""
        if request.get("do") == "test":
            found = next((one for one in self.signals if one.id == request.get("output")), None)
            seconds = request.get("seconds", 5)
            if found is None or found.id not in self._lines:
                known = ", ".join(self._lines) or "-"
                raise AskedWrongly(f"no output {request.get('output')!r}", fix=f"There are: {known}")
            if not isinstance(seconds, int | float) or not 0 < seconds <= LONGEST_TEST_S:
                raise AskedWrongly(f"seconds = {seconds!r}", fix=f"above 0, at most {LONGEST_TEST_S:g}")
            self._test(found, seconds)
        return {"v": 1, "outputs": [self._told(one) for one in self.signals]}

    def close(self) -> None:
        """Leave every line as nobody drives it: dark, or lit where that is the safe side."""
        for timer in self._timers:
            timer.cancel()
        for one in self.signals:
            if (line := self._lines.pop(one.id, None)) is not None:
                with contextlib.suppress(*pin_errors()):
                    line.state = one.fail_safe

    def _test(self, signal: Signal, seconds: float) -> None:
        until_s = self._now_s() + seconds
        self._states[signal.id] = replace(self._states[signal.id], test_until_s=until_s)
        journal.info("output.test", output=signal.id, seconds=seconds)
        self._switch(signal)
        self._again(signal, seconds)

    def _again(self, signal: Signal, in_s: float) -> None:
        loop = asyncio.get_running_loop()
        self._timers = {one for one in self._timers if one.when() > loop.time()}
        self._timers.add(loop.call_later(in_s + 0.01, self._switch, signal))

    def _switch(self, signal: Signal) -> None:
        line = self._lines.get(signal.id)
        if line is None:
            return
        try:
            line.state = signal.level(alarm=sounds(signal, self._states[signal.id], self._now_s()))
        except pin_errors() as error:  # measuring and sending go on; status says that it does not work
            del self._lines[signal.id]
            journal.error("output.failed", output=signal.id, gpio=signal.gpio, error=error)

    def _told(self, signal: Signal) -> dict[str, Any]:
        state = self._states[signal.id]
        return {
            "id": signal.id,
            "gpio": signal.gpio,
            "working": signal.id in self._lines,
            "on": sounds(signal, state, self._now_s()),
            "alarms": sorted(state.keys),
        }
