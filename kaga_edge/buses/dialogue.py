"""Drive a driver's generator over a wire: carry each request, send the reply back in, keep the bytes."""

from __future__ import annotations

import struct
import time
from collections.abc import Generator
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
from kaga_edge.vocabulary.requests import Dialogue, Frame, I2cTransfer, Pause, Reply, Request, UartFrames

T = TypeVar("T")
MOST_RAW_BYTES = 4096  # one poll's bytes kept for inspection; a flooding instrument must not fill the store


class Watch:
    """Until when (monotonic s) the worker will be back from its step; 0: idle, nothing can be late.

    Set by the worker's thread, read by the loop's: one number, so no lock.
    """

    def __init__(self, until_s: float) -> None:
        self.until_s = until_s


class Conversation:
    """One poll of one sensor: its dialogues, what was exchanged, and the time it held the wire.

    Asking, carrying and keeping are one function where all goes well: on a wire that is asked once a second
    everything called is called cold.
    """

    def __init__(
        self, wire: Wire[Any], sensor: BusSensor, due: DueTime, *, one_try: bool, whole: bool, watch: Watch
    ) -> None:
        self._wire = wire
        self._asking = Asking(sensor=sensor, due=due, budget_s=wire.deadline_s)
        self._tries = 1 if one_try else wire.tries
        self._whole = whole
        self._watch = watch  # told before each step until when it may take
        self._seen = b""  # what came over the wire, oldest first
        self.exchanges: list[tuple[Request, Reply]] = []  # where the ``whole`` conversation is wanted
        self.held_s = 0.0  # by the transfer that failed; 0 when none did

    def hold(self, dialogue: Dialogue[T]) -> Generator[float, None, T]:
        """Carry ``dialogue`` to its end and return its result. Raises what the driver or the wire raises.

        Yields the seconds for which the sensor is to be left alone; the wire is free meanwhile.
        """
        reply: Reply
        try:
            request = next(dialogue)
            while True:
                try:
                    if type(request) is Pause:
                        yield request.seconds
                        reply = b""
                    elif type(request) is I2cTransfer and request.settle_s:
                        self._carry(I2cTransfer(write=request.write))
                        yield request.settle_s
                        reply = self._carry(I2cTransfer(read_bytes=request.read_bytes))
                    else:
                        reply = self._carry(request)
                except SensorRefused as refusal:  # the driver may do without that part
                    request = dialogue.throw(refusal)
                    self.held_s = 0.0
                    continue
                if type(reply) is bytes:
                    self._seen += reply
                elif type(reply) is tuple:  # edges are no bytes
                    self._seen += _bytes_of(reply)
                if self._whole:
                    self.exchanges.append((request, reply))
                request = dialogue.send(reply)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            dialogue.close()

    def raw(self, *, failed: bool) -> bytes | None:
        """Return the bytes that came over the wire, oldest first, None when there were none."""
        seen = self._seen + self._wire.residue() if failed else self._seen
        return seen[-MOST_RAW_BYTES:] or None

    def _carry(self, request: Request) -> Reply:
        wire, started_s = self._wire, time.monotonic()
        own_wait_s = request.timeout_s if type(request) is UartFrames else 0.0
        self._watch.until_s = started_s + own_wait_s + wire.deadline_s
        try:
            try:  # good transfers need no machinery for retries
                return wire.carry(request, self._asking)
            except (SensorSilent, BusFault):
                if self._tries == 1 or not self._fast(started_s):
                    raise
                return self._again(request, started_s)
        except KagaError as error:
            self.held_s = time.monotonic() - started_s
            if isinstance(error, BusFault | BusMissing | TransferTimedOut):
                wire.close()  # the next transfer opens it anew
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


def _bytes_of(reply: tuple[Frame, ...] | tuple[int, ...]) -> bytes:
    """Return frames, or Modbus registers as they went over the wire, high byte first."""
    return b"".join([struct.pack(">H", part) if isinstance(part, int) else part.data for part in reply])
