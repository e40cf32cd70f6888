"""What is worth an event although no single act of ours caused it: seen by comparing two looks.

Pure but for ``began`` and ``ended``, which remember in the store how the last run ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from kaga_edge.gateway.latest import Latest
from kaga_edge.gateway.snapshot import Facts
from kaga_edge.station.journal import NOTICE
from kaga_edge.text import quality_words
from kaga_edge.vocabulary.errors import KagaError

PRESSURE = 0.9  # of the store's budget
RELIEF = 0.8
LATE_ROWS = 50  # fewer waiting rows are just the batch that is on its way
KEY = "run"


class Memory(Protocol):
    """What is needed of the store."""

    async def recall(self, key: str) -> str | None: ...
    async def remember(self, key: str, value: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at the station. ``backlog``: the most rows that waited since they began to.

    ``lost``: without those that were thinned, which arrive summed up, and numbers that were never used.
    """

    waiting: int
    lost: int
    full: bool
    trust: str
    backlog: int = 0
    since_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One event: logging level, name, fields."""

    level: int
    name: str
    fields: dict[str, object]


def look(before: Look | None, facts: Facts) -> tuple[Look, tuple[News, ...]]:
    """Return the present look, and what is new in it."""
    epochs = facts.ledger.epochs
    waiting, lost = sum(t.waiting for t in epochs), sum(t.lost for t in epochs)
    share = facts.size.used_bytes / facts.size.max_bytes
    full = share >= (RELIEF if before and before.full else PRESSURE)
    late = waiting > LATE_ROWS
    known = before.backlog if before else 0
    now = Look(
        waiting=waiting,
        lost=lost,
        full=full,
        trust=facts.moment.trust.name.lower(),
        backlog=max(known, waiting) if late else 0,
        since_s=before.since_s if before and known else facts.now_s,
    )
    return now, () if before is None else tuple(_news(before, now, share, facts.now_s))


def _news(before: Look, now: Look, share: float, now_s: float) -> list[News]:
    news = []
    if now.full and not before.full:
        news.append(News(level=30, name="store.pressure", fields={"used": f"{share:.0%}"}))
    if now.lost > before.lost:
        lost = {"count": now.lost - before.lost, "reason": "see the ledger: kaga-edge store ledger"}
        news.append(News(level=50, name="data.lost", fields=lost))
    if before.backlog and not now.backlog:
        fields: dict[str, object] = {"rows": before.backlog, "outage_s": round(now_s - before.since_s)}
        news.append(News(level=NOTICE, name="backlog.drained", fields=fields))
    if now.trust != before.trust:
        news.append(News(level=30, name="clock.changed", fields={"before": before.trust, "now": now.trust}))
    return news


def values(sensor: str, before: Latest | None, after: Latest) -> tuple[News, ...]:
    """Return what a sensor's newest values make worth saying: doubtful from now on, supply low or good."""
    if before is None or after.error is not None or before.error is not None:
        return ()
    news = []
    if after.doubt and not before.doubt:
        quality = quality_words(after.doubt, "en")
        fields: dict[str, object] = {"sensor": sensor, "quality": quality}
        news.append(News(level=30, name="sensor.suspect", fields=fields))
    if after.low is not None and before.low is (not after.low):
        name = "power.low" if after.low else "power.good"
        news.append(News(level=30 if after.low else NOTICE, name=name, fields={"sensor": sensor}))
    return tuple(news)


async def began(memory: Memory, *, boot: str, version: str) -> str:
    """Return why we start: "first", "power", "crash", "update", "reboot" or "start"; remember that we run."""
    try:
        known = await memory.recall(KEY)
        await memory.remember(KEY, f"running {boot} {version}")
    except KagaError:  # a sick disk is the recorder's to report
        return "unknown"
    how, old_boot, old_version = [*(known or "").split(), "", "", ""][:3]
    if not how:
        return "first"
    if old_version != version:
        return "update"
    if how == "running":
        return "crash" if old_boot == boot else "power"
    return "start" if old_boot == boot else "reboot"


async def ended(memory: Memory, *, boot: str, version: str) -> None:
    """Remember that we stopped in order."""
    await memory.remember(KEY, f"stopped {boot} {version}")
