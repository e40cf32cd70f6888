"""Someone who only listens at the broker: what came by in which order, with the time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import aiomqtt

from kaga_edge.link.ending import end_if_cancelled

AGAIN_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One message: when (CLOCK_MONOTONIC), the topic below ``up/``, retained or fresh, its bytes."""

    at_s: float
    leaf: str
    retained: bool
    payload: bytes


class Ears:
    """Follows one gateway's ``up/#`` and keeps what it heard."""

    def __init__(self, port: int, gw: str, *, on_heard: Callable[[Heard], None] | None = None) -> None:
        self.heard: list[Heard] = []
        self.listening = asyncio.Event()
        self._port, self._root = port, f"kaga/edge/v1/{gw}/up/"
        self._on_heard = on_heard

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                async with aiomqtt.Client(
                    "127.0.0.1", self._port, protocol=aiomqtt.ProtocolVersion.V5, identifier="ears"
                ) as client:
                    await client.subscribe(self._root + "#", qos=1)
                    self.listening.set()
                    async for message in client.messages:
                        self._take(message)
            except aiomqtt.MqttError:
                end_if_cancelled()
                await asyncio.sleep(AGAIN_S)

    def first_after(self, at_s: float, leaf: str) -> float | None:
        """Return how long after ``at_s`` the first fresh message of a topic came, None when none did."""
        times = (h.at_s for h in self.heard if h.leaf == leaf and not h.retained and h.at_s >= at_s)
        return next((time_s - at_s for time_s in times), None)

    def longest_silence_s(self) -> float:
        """Return the longest time between two batches, in s."""
        times = [h.at_s for h in self.heard if h.leaf in ("data", "hist") and not h.retained]
        return max((later - earlier for earlier, later in pairwise(times)), default=0.0)

    def _take(self, message: aiomqtt.Message) -> None:
        payload = message.payload if isinstance(message.payload, bytes) else b""
        heard = Heard(
            at_s=time.monotonic(),
            leaf=message.topic.value.removeprefix(self._root),
            retained=message.retain,
            payload=payload,
        )
        self.heard.append(heard)
        if self._on_heard is not None:
            self._on_heard(heard)
