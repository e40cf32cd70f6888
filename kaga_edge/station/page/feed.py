"""One look at the daemon every two seconds for all who watch; none while nobody does.

A watcher that reads slowly misses looks, it never makes a queue: it is told what is newest when it is ready.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kaga_edge.vocabulary.errors import KagaError

LOOK_S = 2.0
FACTS_S = 30.0
SERIES_S = 60.0
SERIES_HOURS, SERIES_POINTS, FEW_POINTS = 3, 60, 10
MOST_WATCHERS, MOST_WATCHERS_EACH = 16, 4  # half the connections are left to who only asks
TAIL_BYTES = 32 * 1024
MOST_EVENTS = 12
RING = "events.jsonl"

Ask = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


@dataclass(slots=True)
class Look:
    """What is known now. The numbers count up when their part changes; times are monotonic seconds."""

    number: int = 0
    status: dict[str, Any] | None = None
    status_s: float = 0.0
    gone_s: float | None = None  # since when the daemon does not answer
    facts: dict[str, Any] = field(default_factory=dict)
    facts_s: float = 0.0
    series: dict[str, dict[str, Any]] = field(default_factory=dict)  # by sensor
    series_number: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)
    events_number: int = 0


class Feed:
    """Keeps a ``Look`` fresh while somebody watches."""

    def __init__(self, ask: Ask) -> None:
        self.look = Look()
        self.watchers: Counter[str] = Counter()  # by address
        self._ask = ask
        self._series_s: dict[str, float] = {}
        self._ring_stamp: tuple[float, int] | None = None
        self._newer = asyncio.Event()
        self._one = asyncio.Lock()

    async def run(self) -> None:
        """Look again and again."""
        while True:
            if self.watchers.total():
                await self.fresh()
            await asyncio.sleep(LOOK_S)

    @contextmanager
    def watched(self, address: str) -> Iterator[bool]:
        """Count one who watches while it lasts; gives False, and counts nobody, where there is no room."""
        room = self.watchers.total() < MOST_WATCHERS and self.watchers[address] < MOST_WATCHERS_EACH
        self.watchers[address] += room
        try:
            yield room
        finally:
            self.watchers[address] -= room
            self.watchers += Counter()  # drops what is at zero

    async def newer(self, number: int) -> Look:
        """Return the look when it is newer than ``number``."""
        while self.look.number <= number:
            await self._newer.wait()
        return self.look

    async def fresh(self) -> Look:
        """Return a look no older than two seconds."""
        async with self._one:
            if self.look.status is None or time.monotonic() - self.look.status_s > LOOK_S / 2:
                await self._look_now()
        return self.look

    async def _look_now(self) -> None:
        look, now_s = self.look, time.monotonic()
        try:
            look.status = await self._ask({"op": "status"})
            look.status_s, look.gone_s = time.monotonic(), None
            changed = look.facts.get("k") != look.status.get("k")
            if changed or now_s - look.facts_s > FACTS_S:
                look.facts, look.facts_s = await self._ask({"op": "site"}), now_s
            await self._more_series(now_s)
        except KagaError:
            look.gone_s = look.gone_s or now_s
        self._read_events()
        look.number += 1
        self._newer.set()
        self._newer = asyncio.Event()

    async def _more_series(self, now_s: float) -> None:
        """Fetch what is a minute old, one sensor a look; at once what has hardly any points yet."""
        known = [sensor["id"] for sensor in self.look.facts.get("sensors", ())]
        few = [one for one in known if len(self.look.series.get(one, {}).get("t", ())) < FEW_POINTS]
        due = [one for one in known if now_s - self._series_s.get(one, -SERIES_S) >= SERIES_S]
        for sensor in dict.fromkeys((*few, *due[:1])):
            self._series_s[sensor] = now_s
            asked = {"op": "series", "sensor": sensor, "hours": SERIES_HOURS, "points": SERIES_POINTS}
            try:
                self.look.series[sensor] = await self._ask(asked)
            except KagaError:
                continue  # a sick disk: the status says so
            self.look.series_number += 1

    def _read_events(self) -> None:
        folder = self.look.facts.get("events")
        if folder is None:
            return
        file = Path(folder) / RING
        try:
            found = file.stat()
            if self._ring_stamp == (found.st_mtime, found.st_size):
                return
            self._ring_stamp = (found.st_mtime, found.st_size)
            self.look.events = tail(file)
        except OSError:
            return
        self.look.events_number += 1


def tail(file: Path) -> list[dict[str, Any]]:
    """Return the newest events, newest first. Raises OSError."""
    with file.open("rb") as ring:
        ring.seek(0, os.SEEK_END)
        ring.seek(max(0, ring.tell() - TAIL_BYTES))
        lines = ring.read().splitlines()
    found = []
    for line in reversed(lines):
        try:
            event = json.loads(line)
        except ValueError:  # cut at the beginning, or by a power cut
            continue
        if isinstance(event, dict) and {"t", "p", "event"} <= event.keys():
            found.append(event)
        if len(found) == MOST_EVENTS:
            break
    return found
