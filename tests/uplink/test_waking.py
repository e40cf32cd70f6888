"""When the sender steps its machine although nothing happens: time alone makes something due."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from kaga_edge.core import message
from kaga_edge.core.delivery_state import waiting_rows
from kaga_edge.link.ending import end
from kaga_edge.uplink import UplinkSettings
from kaga_edge.uplink.sender import Sender
from kaga_edge.vocabulary.readings import ClockTrust, Moment

BATCH_S = 0.02


class Clock:
    """A fixed date and the machine's monotonic clock."""

    def now(self) -> Moment:
        return Moment(wall_ms=1_630_065_103_000, up_ms=1, boot="7c1d", trust=ClockTrust.NTP)

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()


class Line:
    """A connection on which every message is taken at once."""

    receive_most, packet_most_bytes = 20, 1 << 20

    def __init__(self, sender: Sender) -> None:
        self._sender, self._mid = sender, 0

    def publish(self, _topic: str, _payload: bytes, **_further: object) -> int:
        self._mid += 1
        asyncio.get_running_loop().call_soon(self._sender.answered, 1, self._mid, 0)
        return self._mid


async def test_a_batch_whose_time_came_while_the_loop_was_held_up_waited_for_the_next_sample(
    store: Any,
) -> None:
    settings = UplinkSettings(gw="gw-1", host="", port=0, batch_s=BATCH_S, no_subscriber="accept")
    topics = message.Topics(root="kaga", gw="gw-1")
    sender = Sender(settings, store=store, clock=Clock(), topics=topics, on_posted=lambda *_: None)
    await sender.stand()
    store.on_change.append(sender.changed)
    line: Any = Line(sender)
    sender.link_up(line, 1)
    tasks = [asyncio.create_task(work) for work in (sender.run(), sender.reader.run())]
    await sender.until(lambda state: bool(state.link))
    store.commit(1)
    time.sleep(2 * BATCH_S)  # the loop is held up over the time of the batch
    async with asyncio.timeout(60):
        await sender.until(lambda state: not any(waiting_rows(state).values()))
    await end(*tasks)
