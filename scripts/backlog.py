"""A store with a backlog of any size, made with SQL in seconds. Shared by the benches."""

from __future__ import annotations

import sqlite3
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kaga_edge.core.stored import Entry, SensorDeclaration
from kaga_edge.store.database import Database
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Alert, ClockTrust, Moment, Reading, Sample

GW, BOOT = "bench", "b001"
LEVEL = SensorDeclaration(id="level-1", channels=(("water_level", "m", 0.001, {}),), driver="bench")
BUDGET_BYTES = 8_000_000_000


class WallClock:
    """The kernel's clocks."""

    def now(self) -> Moment:
        """Return now, trusted."""
        up_ms = time.monotonic_ns() // 1_000_000
        return Moment(wall_ms=time.time_ns() // 1_000_000, up_ms=up_ms, boot=BOOT, trust=ClockTrust.NTP)

    def monotonic_ns(self) -> int:
        """Return CLOCK_MONOTONIC."""
        return time.monotonic_ns()


def opened(path: Path) -> Database:
    """Open or make the store and declare its one sensor."""
    database = Database(path, max_bytes=BUDGET_BYTES, keep_delivered_s=86_400.0, clock=WallClock())
    database.declare([LEVEL], {}, GW)
    return database


def with_backlog(path: Path, rows: int) -> Path:
    """Make a store in which ``rows`` samples wait, one a second up to now."""
    database = opened(path)
    database.append(database.encode([entry(0)]))  # epoch, catalog and run
    database.close()
    if rows > 1:
        db = sqlite3.connect(path, isolation_level=None)
        db.execute("PRAGMA synchronous = OFF")
        base, at_ms = 1 << 40, time.time_ns() // 1_000_000 - rows * 1000
        db.execute(
            "WITH RECURSIVE n(n) AS (VALUES(2) UNION ALL SELECT n + 1 FROM n WHERE n < ?)"
            " INSERT INTO sample SELECT ? + n, 0, ? + n * 1000, n * 1000,"
            " rtrim(printf('%.3f', 0.3 + n * 7919 % 200 / 1000.0), '0'), NULL, NULL FROM n",
            (rows, base, at_ms),
        )
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()
    return path


def entry(n: int, alert: bool = False) -> Entry:
    """Return a sample, with an alert of its own key when asked."""
    at = WallClock().now()
    reading = Reading(quantity=Quantity.WATER_LEVEL_M, value=0.3 + n * 7919 % 200 / 1000)
    told: dict[str, object] = {"value": n, "unit": "m", "ja": "危険", "en": "danger"}
    raised = Alert(key=f"bench/{n}", state="raised", subject="level-1/water_level", at=at, data=told)
    return Entry(
        sample=Sample(sensor="level-1", at=at, readings=(reading,)), alerts=(raised,) if alert else ()
    )
