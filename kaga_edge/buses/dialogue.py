"""Drive a driver's generator over a wire: carry each request, send the reply back in, keep the bytes."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any, TypeVar

from tenacity import RetryCallState, Retrying, stop_after_attempt, wait_fixed

from kaga_edge.buses.spec import BusSensor
from kaga_edge.buses.wire import Asking, DueTime, Wire
from kaga_edge.vocabulary.errors import (
    BusFault,
    BusMissing,
    KagaError,
    SensorRefused,
    SensorSilent,
    TransferTimedOut,
)
from kaga_edge.vocabulary.requests import Dialogue, Edges, I2cTransfer, Pause, Reply, Request

T = TypeVar("T")
MOST_RAW_BYTES = 4096  # one poll's bytes kept for inspection; a flooding instrument must not fill the store


class Conversation:
    """One poll of one sensor: its dialogues, what was exchanged, and the time it held the wire."""

    def __init__(
        self,
        wire: Wire[Any],
        sensor: BusSensor,
        due: DueTime,
        *,
        one_try: bool,
        watch: Callable[[float], None],
    ) -> None:
        self._wire = wire
        self._asking = Asking(sensor=sensor, due=due, budget_s=wire.deadline_s)
        self._tries = 1 if one_try else wire.tries
        self._watch = watch  # told before each step how long it may take
        self.exchanges: list[tuple[Request, Reply]] = []
        self.held_s = 0.0  # by the transfer that failed; 0 when none did

    def hold(self, dialogue: Dialogue[T]) -> Generator[float, None, T]:
        """Carry ``dialogue`` to its end and return its result. Raises what the driver or the wire raises.

        Yields the seconds for which the sensor is to be left alone; the wire is free meanwhile.
        """
        try:
            request = next(dialogue)
            while True:
                try:
                    reply = yield from self._reply(request)
                except SensorRefused as refusal:  # the driver may do without that part
                    request = dialogue.throw(refusal)
                    self.held_s = 0.0
                    continue
                self.exchanges.append((request, reply))
                request = dialogue.send(reply)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            dialogue.close()

    def raw(self, *, failed: bool) -> bytes | None:
        """Return the bytes that came over the wire, oldest first, None when there were none."""
        seen = b"".join([_bytes_of(reply) for _, reply in self.exchanges])
        if failed:
            seen += self._wire.residue()
        return seen[-MOST_RAW_BYTES:] or None

    def _reply(self, request: Request) -> Generator[float, None, Reply]:
        if isinstance(request, Pause):
            yield request.seconds
            return b""
        if isinstance(request, I2cTransfer) and request.settle_s:
            self._carry(I2cTransfer(write=request.write))
            yield request.settle_s
            return self._carry(I2cTransfer(read_bytes=request.read_bytes))
        return self._carry(request)

    def _carry(self, request: Request) -> Reply:
        self._watch(self._wire.allowance_s(request))
        started_s = time.monotonic()
        try:
            try:  # good transfers need no machinery for retries
                return self._wire.carry(request, self._asking)
            except (SensorSilent, BusFault):
                if self._tries == 1 or not self._fast(started_s):
                    raise
                return self._again(request, started_s)
        except KagaError as error:
            self.held_s = time.monotonic() - started_s
            if isinstance(error, BusFault | BusMissing | TransferTimedOut):
                self._wire.close()  # the next transfer opens it anew
            raise

    def _again(self, request: Request, started_s: float) -> Reply:
        time.sleep(self._wire.between_tries_s)

        def fails_fast(state: RetryCallState) -> bool:
            error = state.outcome.exception() if state.outcome else None
            return self._fast(started_s) and isinstance(error, SensorSilent | BusFault)

        return Retrying(
            stop=stop_after_attempt(self._tries - 1),
            wait=wait_fixed(self._wire.between_tries_s),
            retry=fails_fast,
            reraise=True,
        )(self._once, request, started_s)

    def _once(self, request: Request, started_s: float) -> Reply:
        left_s = self._wire.deadline_s - (time.monotonic() - started_s)
        return self._wire.carry(request, replace(self._asking, budget_s=left_s))

    def _fast(self, started_s: float) -> bool:
        """A slow failure is never tried again: its neighbours would pay for it."""
        return time.monotonic() - started_s < self._wire.deadline_s / 2


def _bytes_of(reply: Reply) -> bytes:
    if isinstance(reply, bytes):
        return reply
    if isinstance(reply, Edges):
        return b""
    # frames, or Modbus registers as they went over the wire, high byte first
    return b"".join([struct.pack(">H", part) if isinstance(part, int) else part.data for part in reply])
