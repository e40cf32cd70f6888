"""A real SQLite file, a clock the test sets, and one declared sensor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kaga_edge.core.stored import Entry, SensorDeclaration
from kaga_edge.store.database import Database
from kaga_edge.store.file import Identity
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Alert, ClockTrust, Flag, Moment, Reading, Sample

LEVEL = SensorDeclaration(
    id="level-1", channels=(("water_level", "m", 0.001, {"datum": "gauge zero"}),), driver="a02yyuw"
)
RAIN = SensorDeclaration(id="rain-1", channels=(("rain", "mm", 0.1, {}),), driver="tipping_bucket")
SITE: dict[str, object] = {"name": {"ja": "大聖寺", "en": "Daishoji"}}
HERE = Identity(machine="a" * 32, board="10000000abcdef01")


@dataclass
class SetClock:
    """A clock that stands until it is moved."""

    wall_ms: int = 1_700_000_000_000
    up_ms: int = 60_000
    boot: str = "7c1d"
    trust: ClockTrust = ClockTrust.NTP

    def now(self) -> Moment:
        return Moment(wall_ms=self.wall_ms, up_ms=self.up_ms, boot=self.boot, trust=self.trust)

    def monotonic_ns(self) -> int:
        return self.up_ms * 1_000_000

    def pass_s(self, seconds: float) -> None:
        self.wall_ms += int(seconds * 1000)
        self.up_ms += int(seconds * 1000)


class Workbench:
    """Opens databases and makes entries; short names for what every test does."""

    here = HERE
    level, rain, site = LEVEL, RAIN, SITE

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "kaga.db"
        self.clock = SetClock()
        self.opened: list[Database] = []

    def open(
        self, *, declare: bool = True, sensors: tuple[SensorDeclaration, ...] = (LEVEL, RAIN), **settings: Any
    ) -> Database:
        chosen: dict[str, Any] = {"max_bytes": 64_000_000, "keep_delivered_s": 86_400.0, "identity": HERE}
        database = Database(self.path, clock=self.clock, **{**chosen, **settings})
        self.opened.append(database)
        if declare:
            database.declare(sensors, SITE, "daishoji-01")
        return database

    def entry(
        self,
        value: float | None = 1.234,
        *,
        sensor: str = "level-1",
        alerts: tuple[Alert, ...] = (),
        raw: bytes | None = None,
        flags: Flag = Flag.GOOD,
    ) -> Entry:
        quantity = Quantity.WATER_LEVEL_M if sensor == "level-1" else Quantity.RAIN_MM
        readings = (Reading(quantity=quantity, value=value, flags=flags),)
        return Entry(
            sample=Sample(sensor=sensor, at=self.clock.now(), readings=readings, raw=raw), alerts=alerts
        )

    def alert(self, state: str = "raised") -> Alert:
        return Alert(
            key="danger/level-1",
            state=state,
            subject="level-1/water_level",
            at=self.clock.now(),
            data={"value": 1.34, "unit": "m", "ja": "危険", "en": "danger"},
        )

    def add(self, database: Database, count: int = 1, **how: Any) -> Any:
        return database.append(database.encode([self.entry(1 + n / 1000, **how) for n in range(count)]))

    def close(self) -> None:
        for database in self.opened:
            database.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Workbench]:
    made = Workbench(tmp_path)
    yield made
    made.close()


@pytest.fixture
def new_bench() -> Callable[[Path], Workbench]:
    return Workbench
