"""A gateway's life in small: what the store is asked to do while recording, and what it then holds."""

from __future__ import annotations

import hashlib
import random
import sqlite3
from pathlib import Path
from typing import Any

from kaga_edge.core.ranges import Ranges
from kaga_edge.core.stored import Entry, SensorDeclaration
from kaga_edge.store.database import Database
from kaga_edge.store.disk import Disk
from kaga_edge.store.file import Identity
from kaga_edge.store.memory import NoDisk
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Alert, ClockTrust, Moment, Reading, Sample

MAX_BYTES = 1_000_000  # a small budget: a checkpoint every few commits
KEEP_S = 60.0
SITE: dict[str, object] = {"name": {"ja": "大聖寺", "en": "Daishoji"}, "tz": "Asia/Tokyo"}
HERE = Identity(machine="a" * 32, board="1")
TABLES = (
    "epoch", "sample", "run", "catalog", "sensor_index", "delivered", "memory", "fence",
    "notice", "removed", "gone", "ledger_line",
)  # fmt: skip
KEPT = {"memory": "WHERE key NOT LIKE 'high.%'"}  # the mark moves when numbers are skipped
State = tuple[str, ...]  # one fingerprint a table


class StoodClock:
    """Time passes only by ``pass_s``."""

    def __init__(self) -> None:
        self.up_ms, self.boot = 60_000, "7c1d"

    def now(self) -> Moment:
        return Moment(
            wall_ms=1_700_000_000_000 + self.up_ms, up_ms=self.up_ms, boot=self.boot, trust=ClockTrust.NTP
        )

    def monotonic_ns(self) -> int:
        return self.up_ms * 1_000_000

    def pass_s(self, seconds: float) -> None:
        self.up_ms += int(seconds * 1000)


class Life:
    """One store and what has been acknowledged. Call ``step`` as often as wanted."""

    def __init__(self, path: Path, disk: Disk, chance: random.Random, *, max_bytes: int = MAX_BYTES) -> None:
        self.path, self.disk, self.chance, self.max_bytes = path, disk, chance, max_bytes
        self.clock = StoodClock()
        self.value = 0
        self.acknowledged: dict[tuple[str, int], str] = {}
        self.delivered: set[tuple[str, int]] = set()
        self.database: Database | None = None

    def open(self) -> Database:
        self.database = Database(
            self.path,
            max_bytes=self.max_bytes,
            keep_delivered_s=KEEP_S,
            clock=self.clock,
            identity=HERE,
            disk=self.disk,
        )
        self.declare()
        return self.database

    def declare(self, cal: str = "2026-11-01") -> None:
        assert self.database is not None
        channel = ("water_level", "m", 0.001, {"cal": cal})
        self.database.declare(
            [SensorDeclaration(id="level-1", channels=(channel,), driver="a02yyuw")], SITE, "gw"
        )

    def step(self) -> None:
        """Do one thing."""
        assert self.database is not None
        dice = self.chance.random()
        self.clock.pass_s(self.chance.choice((0.1, 1, 5)))
        if dice < 0.6:
            self.append(self.chance.randint(1, 8))
        elif dice < 0.62:
            self.make_room()
        elif dice < 0.78:
            self.confirm()
        elif dice < 0.84:
            self.give_up()
        elif dice < 0.88:
            self.database.relieve()  # delivered rows early …
            self.database.relieve()  # … then thin
        elif dice < 0.92:
            while self.database.purge(self.clock.now())[1]:
                pass
        elif dice < 0.97:
            self.database.remember("last_time_ms", str(self.clock.now().wall_ms))
            self.declare(f"2026-11-{self.chance.randint(1, 28):02}")
        elif dice < 0.985:
            self.database.declare_clock(
                boot=self.clock.boot, offset_ms=1, uncertainty_ms=1, at=self.clock.now()
            )
        else:
            self.chance.choice((self.reopen, self.from_memory))()

    def reopen(self) -> None:
        assert self.database is not None
        self.database.close()
        self.open()

    def from_memory(self) -> None:
        """A disk was sick for a while: what was measured meanwhile comes with an epoch of its own."""
        file = self.database
        assert file is not None
        self.database = Database(
            self.path, max_bytes=MAX_BYTES, keep_delivered_s=KEEP_S, clock=self.clock, identity=HERE,
            disk=NoDisk(),
        )  # fmt: skip
        self.declare()
        given, known = self.chance.randint(1, 30), dict(self.acknowledged)
        self.append(given)
        file.adopt(self.database)
        self.database.close()
        self.database = file
        assert len(self.acknowledged) == len(known) + given
        for _ in range(3):  # what waited before it is thinned, in its own epoch
            self.make_room()

    def append(self, count: int) -> None:
        assert self.database is not None
        entries, texts = [], []
        for _ in range(count):
            self.value += 1
            at = self.clock.now()
            reading = Reading(quantity=Quantity.WATER_LEVEL_M, value=float(self.value))
            alert = Alert(key="danger/level-1", state="raised", subject="level-1", at=at, data={"v": 1})
            alerts = (alert,) if self.chance.random() < 0.05 else ()
            raw = self.chance.randbytes(self.chance.randint(0, 300)) if self.chance.random() < 0.2 else None
            entries.append(
                Entry(sample=Sample(sensor="level-1", at=at, readings=(reading,), raw=raw), alerts=alerts)
            )
            texts.append(str(self.value))
        given = self.database.append(self.database.encode(entries))
        for n, text in enumerate(texts, given.first):
            assert (given.ep, n) not in self.acknowledged, "a number was given out twice"
            self.acknowledged[given.ep, n] = text

    def confirm(self) -> None:
        assert self.database is not None
        for epoch in self.database.standing().epochs:
            waiting = epoch.waiting.head(self.chance.randint(1, 60))
            notices = epoch.notices_waiting.head(2)
            self.database.confirm(
                {epoch.ep: Ranges((waiting,) if waiting else ())},
                {epoch.ep: Ranges((notices,) if notices else ())},
            )
            if waiting:
                self.delivered |= {(epoch.ep, n) for n in range(waiting[0], waiting[1] + 1)}

    def make_room(self) -> None:
        assert self.database is not None
        self.clock.pass_s(1200)  # a window is over: what waits may be summed up
        self.database.relieve()

    def give_up(self) -> None:
        assert self.database is not None
        epoch = self.database.standing().epochs[-1]
        first = self.chance.randint(1, epoch.next_n)
        self.database.declare_gone(epoch.ep, Ranges(((first, first + 2),)), "quarantined")


def state(db: Any) -> State | None:
    """Return fingerprints of every table, None before the store's first epoch is there."""
    try:
        if db.execute("SELECT count(*) FROM epoch").fetchone()[0] == 0:
            return None
    except sqlite3.OperationalError:  # no schema yet
        return None
    return tuple(fingerprint(db, table) for table in TABLES)


def fingerprint(db: Any, table: str) -> str:
    rows = sorted(map(repr, db.execute(f"SELECT * FROM {table} {KEPT.get(table, '')}").fetchall()))
    return hashlib.md5("".join(rows).encode()).hexdigest()
