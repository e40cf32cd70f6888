"""Feeds systemd's watchdog by progress only: every bus moved, and the store's thread answered."""

from __future__ import annotations

import asyncio

from kaga_edge.gateway.timewatch import LAST_TIME_KEY
from kaga_edge.gateway.wired import Buses
from kaga_edge.station import journal
from kaga_edge.station.notify import Supervisor
from kaga_edge.store import Store
from kaga_edge.vocabulary.errors import KagaError


async def feed(supervisor: Supervisor, buses: Buses, store: Store) -> None:
    """Feed it for ever; returns at once where systemd wants no watchdog."""
    period_s = supervisor.watchdog_s
    while period_s is not None:
        await asyncio.sleep(period_s / 3)
        lives = await _lives(store, period_s / 6)
        stalled = buses.stalled()
        if stalled:
            journal.error("watchdog.stalled", buses=" ".join(stalled))
        elif lives:
            supervisor.say("WATCHDOG=1")


async def _lives(store: Store, within_s: float) -> bool:
    """Say whether the store's thread answers, or waits for a disk that hangs: no restart would mend
    that, and what was measured meanwhile is in our memory only."""
    if store.hangs:
        return store.waits_for_disk or store.opening  # a large file that is salvaged takes its time
    try:
        async with asyncio.timeout(within_s):
            await store.recall(LAST_TIME_KEY)
    except KagaError:  # a sick disk is the recorder's to report
        return True
    except TimeoutError:
        return store.waits_for_disk
    return True
