"""A station in virtual time on a real store, and a platform that takes what is sent and keeps count."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from kaga_edge.core import message
from kaga_edge.core.ranges import Ranges
from kaga_edge.core.stored import Entry, SensorDeclaration
from kaga_edge.core.timekeeping import steady
from kaga_edge.receiver.archive import Archive, Arrival
from kaga_edge.store.file import Identity
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Alert, ClockTrust, Moment, Reading, Sample

GW = "gw-1"
SITE: dict[str, object] = {"name": {"ja": "見本", "en": "Sample"}, "tz": "Asia/Tokyo"}
HERE = Identity(machine="a" * 32, board="10000000abcdef01")
JANUARY_MS = 1_767_193_200_000  # 2026-01-01 00:00 in Japan


@dataclass
class VirtualClock:
    """Time passes only by ``pass_s``; both clocks together, as under NTP."""

    wall_ms: int = JANUARY_MS
    up_ms: int = 60_000
    boot: str = "b001"
    trust: ClockTrust = ClockTrust.NTP

    def now(self) -> Moment:
        return Moment(wall_ms=self.wall_ms, up_ms=self.up_ms, boot=self.boot, trust=self.trust)

    def monotonic_ns(self) -> int:
        return self.up_ms * 1_000_000

    def pass_s(self, seconds: float) -> None:
        self.wall_ms += round(seconds * 1000)
        self.up_ms += round(seconds * 1000)


@dataclass
class Station:
    """Sensors that all measure at once, every ``every_s``; ``values`` says what, by sensor and time."""

    clock: VirtualClock
    sensors: int
    every_s: float
    values: Callable[[int, int], float]  # (sensor, wall_ms) → m
    alert_when: Callable[[int, float], bool] = lambda _sensor, _value: False
    alerts: int = 0
    rows: int = 0

    @property
    def declared(self) -> list[SensorDeclaration]:
        channels = (("water_level", "m", 0.001, {}),)
        return [
            SensorDeclaration(id=f"level-{n}", channels=channels, driver="a02yyuw")
            for n in range(self.sensors)
        ]

    def measured(self, rounds: int) -> list[Entry]:
        """Let time pass and return what was measured meanwhile."""
        entries = []
        for _ in range(rounds):
            self.clock.pass_s(self.every_s)
            at = self.clock.now()
            for n in range(self.sensors):
                value = self.values(n, at.wall_ms)
                reading = Reading(quantity=Quantity.WATER_LEVEL_M, value=value)
                raised = self._alerts(n, value, at)
                sample = Sample(sensor=f"level-{n}", at=at, readings=(reading,))
                entries.append(Entry(sample=sample, alerts=raised))
        self.rows += len(entries)
        return entries

    def _alerts(self, sensor: int, value: float, at: Moment) -> tuple[Alert, ...]:
        if not self.alert_when(sensor, value):
            return ()
        self.alerts += 1
        told: dict[str, object] = {"value": value, "unit": "m", "ja": "危険", "en": "danger"}
        key, subject = f"danger/level-{sensor}", f"level-{sensor}/water_level"
        return (Alert(key=key, state="raised", subject=subject, at=at, data=told),)


@dataclass
class Platform:
    """Takes everything that waits, message by message as on the wire, and confirms it."""

    archive: Archive
    topics: message.Topics = field(default_factory=lambda: message.Topics(root="kaga", gw=GW))
    messages: int = 0
    _known: set[str] = field(default_factory=set)

    def drain(self, store: Any, most: int = 10**9) -> None:
        """Take notices, then rows, at most ``most`` messages of rows."""
        for epoch in store.standing().epochs:
            for first, last in epoch.notices_waiting:
                notices = store.load_notices(epoch.ep, first, last)
                self._keep([(notice.leaf, notice.body) for notice in notices])
                store.confirm({}, {epoch.ep: Ranges(((first, last),))})
            sent = []
            for first, last in epoch.waiting:
                while first <= last and most:
                    rows, first = self._batch(store, epoch.ep, first, last)
                    sent += rows
                    most -= 1
            store.confirm({epoch.ep: Ranges.of(sent)}, {})

    def counts(self) -> Any:
        (counts,) = self.archive.everything().counts
        return counts

    def highest(self, sensor: str) -> float:
        """Return the highest value that arrived of a sensor, measured or summed up."""
        found = -1e9
        for i, k, vals in self.archive._db.execute(
            "SELECT sensor, k, vals FROM sample JOIN run ON run.id = sample.run"
        ):
            body = self._catalog(k)
            entry = next(one for one in body["s"] if one["i"] == i)
            if entry["id"] == sensor:
                texts = vals.split(",")
                found = max(found, float(texts[1] if entry["kind"] == "thinned" else texts[0]))
        return found

    def _catalog(self, k: str) -> dict[str, Any]:
        return self._catalogs[k]

    def _batch(self, store: Any, ep: str, first: int, last: int) -> tuple[list[tuple[int, int]], int]:
        loaded = store.load(ep, first, last, 500)
        if not loaded.rows:
            return [], last + 1
        rows = loaded.rows[: steady(loaded.rows, trusted=loaded.run.c >= ClockTrust.NTP)]
        payload, taken = message.packed(rows, loaded.run)
        rows = rows[:taken]
        if loaded.run.k not in self._known:
            self._known.add(loaded.run.k)
            body = store.catalog_body(loaded.run.k)
            self._catalogs[loaded.run.k] = body
            self._keep([(f"catalog/{loaded.run.k}", message.compact(body))])
        self._keep([("hist", payload)])
        return [(rows[0][0], rows[-1][0])], rows[-1][0] + 1

    _catalogs: dict[str, Any] = field(default_factory=dict)

    def _keep(self, sent: Sequence[tuple[str, bytes]]) -> None:
        self.messages += len(sent)
        self.archive.keep(
            [
                Arrival(topic=self.topics.up(leaf), payload=payload, retained=False, at_ms=JANUARY_MS)
                for leaf, payload in sent
            ]
        )


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def station(clock: VirtualClock) -> Callable[..., Station]:
    return lambda **how: Station(clock=clock, **how)


@pytest.fixture
def platform() -> Iterator[Platform]:
    archive = Archive(":memory:", root="kaga")
    yield Platform(archive=archive)
    archive.close()


@pytest.fixture
def memory_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder whose syncs cost nothing: these tests count rows, not durability."""
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK):
        yield tmp_path
        return
    import tempfile

    with tempfile.TemporaryDirectory(dir=shared, prefix="kaga-endurance-") as folder:
        yield Path(folder)


@pytest.fixture
def opening(clock: VirtualClock, memory_folder: Path) -> Iterator[Callable[..., Any]]:
    """Open the store of the folder with these settings; closed at the end."""
    from kaga_edge.store.database import Database

    opened: list[Any] = []

    def make(station: Station, folder: Path = memory_folder, kind: Any = Database, **how: Any) -> Any:
        store = kind(folder / "kaga.db", clock=clock, identity=HERE, **({"keep_delivered_s": 86_400.0} | how))
        store.declare(station.declared, SITE, GW)
        opened.append(store)
        return store

    yield make
    for store in opened:
        store.close()
