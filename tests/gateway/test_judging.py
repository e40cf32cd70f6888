"""A sample passes by whoever has nothing to do with it: nobody can tell from what comes out."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.buses import Polled
from kaga_edge.config import Config, load
from kaga_edge.config.limits import default_limits
from kaga_edge.core.alarms import AlarmRule
from kaga_edge.core.sampling import SensorPlan, SensorState
from kaga_edge.core.stored import Entry
from kaga_edge.gateway import judging, latest
from kaga_edge.gateway.counting import Counting
from kaga_edge.gateway.diskwatch import DiskWatch
from kaga_edge.gateway.judging import Judging
from kaga_edge.gateway.present import Present
from kaga_edge.gateway.retired import Retired
from kaga_edge.gateway.upkeep import Upkeep
from kaga_edge.station.clock import SystemClock
from kaga_edge.vocabulary.errors import KagaError, SensorSilent, WarmingUp
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import ClockTrust, Flag, Measurement, Moment

SITE = """
[site]
id = "gw-1"
name = { ja = "見本", en = "sample" }

[[sensor]]
id = "level-1"
driver = "a02yyuw"
port = "/dev/ttyAMA0"
[sensor.mount]
gauge_zero_to_sensor_m = 5.0
[sensor.disclosure]
purpose = { ja = "水位", en = "level" }
personal_data = false
"""
LEVEL, RAIN, VOLTAGE = Quantity.WATER_LEVEL_M, Quantity.RAIN_MM, Quantity.UNDER_VOLTAGE
DANGER = AlarmRule(
    rank="danger", sensor="level-1", channel="water_level", unit="m", threshold=1.0, hysteresis=0.05
)
PLANS = (
    SensorPlan(id="level-1", said=(LEVEL,), limits={LEVEL.channel: default_limits(LEVEL)}, rules=(DANGER,)),
    SensorPlan(id="rain-1", said=(RAIN,)),
    SensorPlan(id="host-1", said=(VOLTAGE,)),
)
ERRORS = (None, None, None, SensorSilent("nothing came"), WarmingUp("good values in 9 s"))
POLL = st.tuples(
    st.sampled_from(PLANS),
    st.none() | st.floats(-0.5, 2),
    st.sampled_from([Flag.GOOD, Flag.STUCK, Flag.LOW_QUALITY]),
    st.sampled_from(ERRORS),
)
Poll = tuple[SensorPlan, float | None, Flag, KagaError | None]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    file = tmp_path_factory.mktemp("site") / "kaga-edge.toml"
    file.write_text(SITE, encoding="utf-8")
    return load(file)


class Held:
    """What was handed over, in turns of the loop. ``always``: as if each sample were the first of one."""

    def __init__(self, *, always: bool) -> None:
        self.entries: list[Entry] = []
        self.looking = False
        self._always = always

    def add(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.looking = not self._always and (self.looking or not entry.alerts)


class Clock:
    """Goes on by half a second at each look."""

    def __init__(self) -> None:
        self._looks = itertools.count()

    def monotonic_ns(self) -> int:
        return next(self._looks) * 500_000_000


class Way:
    """The path of a reading with its wires cut off at both ends. ``long``: nobody is left out."""

    def __init__(self, config: Config, *, long: bool) -> None:
        self.present = Present.empty(config, SystemClock(), lambda: None)
        self.present.plans = {plan.id: plan for plan in PLANS}
        self.present.states = {plan.id: SensorState() for plan in PLANS}
        self.held, self.store = Held(always=long), SimpleNamespace(sick=None)
        self.counting, self._clock = Counting(), Clock()
        self.counting.counters["rain-1"] = SimpleNamespace(tips_total=0)  # type: ignore[assignment]
        nothing: Any = SimpleNamespace(news=lambda _at: ((), ()))
        self.judging = Judging(
            self.present,
            store=self.store,  # type: ignore[arg-type]
            clock=self._clock,  # type: ignore[arg-type]
            recorder=self.held,  # type: ignore[arg-type]
            counting=self.counting,
            upkeep=Upkeep(SimpleNamespace(), lambda: moment(0)),  # type: ignore[arg-type]
            configured=nothing,
            retired=Retired(),
            disk=DiskWatch(),
        )

    def go(self, turns: Sequence[tuple[bool, Iterable[Poll]]]) -> tuple[list[Entry], list[object]]:
        for number, (sick, polls) in enumerate(turns):
            self.held.looking = False
            self.store.sick = KagaError("no room") if sick else None
            for plan, value, flags, error in polls:
                self.judging.take(polled(plan, value, flags, error, number))
        known = [
            (
                one.readings,
                one.good,
                one.failures,
                one.error,
                one.doubt,
                one.low,
                one.polls.made,
                one.polls.failed,
            )
            for one in self.present.latest.values()
        ]
        return self.held.entries, [known, self.present.raised()]


def moment(second: int) -> Moment:
    return Moment(wall_ms=second * 1000, up_ms=second * 1000, boot="7c1d", trust=ClockTrust.NTP)


def polled(
    plan: SensorPlan, value: float | None, flags: Flag, error: KagaError | None, second: int
) -> Polled:
    said = (Measurement(quantity=plan.said[0], value=value, flags=flags),)
    return Polled(
        sensor=plan.id,
        at=moment(second),
        measurements=said if error is None else None,
        error=error,
        raw=b"raw",
        took_s=0.0,
    )


@given(st.lists(st.tuples(st.booleans(), st.lists(POLL, max_size=5)), max_size=12))
def test_the_short_way_and_the_long_way_end_in_the_same(
    config: Config, turns: list[tuple[bool, list[Poll]]]
) -> None:
    told: list[list[tuple[Any, ...]]] = []
    ways = []
    for long in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            lines: list[tuple[Any, ...]] = []
            for name in ("event", "error", "info"):
                patch.setattr(
                    latest.journal,
                    name,
                    lambda *of, lines=lines, name=name, **more: lines.append((name, of, more)),
                )
            if long:
                patch.setattr(Present, "has_rules_for", lambda *_: True)
                patch.setattr(judging, "is_as_good", lambda *_: False)
            ways.append(Way(config, long=long).go(turns))
            told.append(lines)
    assert ways[0] == ways[1]
    assert told[0] == told[1]


def test_a_sick_disk_is_told_once_with_the_first_sample_that_comes(config: Config) -> None:
    level = (PLANS[0], 0.5, Flag.GOOD, None)
    entries, _ = Way(config, long=False).go([(False, [level]), (True, [level, level]), (True, [level])])
    assert [[alert.key for alert in entry.alerts] for entry in entries] == [[], ["disk/store"], [], []]


def test_a_supply_that_is_low_is_logged_once_and_its_end_too(config: Config, monkeypatch) -> None:
    names: list[str] = []
    monkeypatch.setattr(judging.journal, "event", lambda _level, name, **_: names.append(name))
    polls = [(PLANS[2], value, Flag.GOOD, None) for value in (0.0, 1.0, 1.0, None, 0.0, 0.0)]
    Way(config, long=False).go([(False, [one]) for one in polls])
    assert names == ["power.low"]  # after a gap without a value nobody knows when it ended
