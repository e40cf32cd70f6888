"""GPIO lines on gpiozero's mock pins: every edge once, with its time."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from types import SimpleNamespace
from typing import Any, cast

import pytest
from gpiozero.pins.mock import MockFactory
from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.buses import BusSensor, BusSpec
from kaga_edge.buses.gpio import MOST_EDGES, GpioWire
from kaga_edge.buses.wire import Asking, DueTime
from kaga_edge.sim.pins import TimedPins
from kaga_edge.vocabulary.errors import BusMissing, ValueImpossible
from kaga_edge.vocabulary.readings import ClockTrust, Moment
from kaga_edge.vocabulary.requests import BusKind, Edges, PinUse, TakeEdges


@pytest.fixture
def pins() -> MockFactory:
    return MockFactory()


def sensor(driver: Any, name: str = "rain", every_s: float = 0.2) -> BusSensor:
    return BusSensor(id=name, driver=driver, every_s=every_s)


def total(log: Any, name: str = "rain") -> float:
    return sum(p.measurements[0].value for p in log.good(name))


def tip(pins: MockFactory, gpio: int = 17) -> None:
    pins.pin(gpio).drive_low()
    pins.pin(gpio).drive_high()


def fixed(parts: Any) -> Any:
    """Return a driver whose line cannot be watched as it asks: GPIO 2 has a pull-up soldered on."""

    class Fixed(parts.Counter):
        def pins(self) -> tuple[PinUse, ...]:
            return (PinUse(gpio=2, pull="down"),)

    return Fixed(2)


async def test_every_tip_is_counted_once(parts: Any, pins: MockFactory) -> None:
    driver = parts.Counter(17)
    async with parts.running(parts.gpio_spec(sensor(driver)), pins=pins) as (_, log):
        await log.until(lambda: bool(log.good("rain")))
        for n in range(50):
            tip(pins)
            if n % 10 == 0:
                seen = len(log.all)
                await log.until(lambda seen=seen: len(log.all) > seen)
        await log.until(lambda: total(log) >= 50)
    assert total(log) == 50
    assert driver.taken[0].first
    assert not any(taken.first for taken in driver.taken[1:])


async def test_polls_meet_without_gap_or_overlap(parts: Any, pins: MockFactory) -> None:
    driver = parts.Counter(17)
    async with parts.running(parts.gpio_spec(sensor(driver)), pins=pins) as (_, log):
        for _ in range(4):
            tip(pins)
            seen = len(log.all)
            await log.until(lambda seen=seen: len(log.all) > seen)
    for before, after in zip(driver.taken, driver.taken[1:], strict=False):
        assert before.end_ns == after.start_ns
    for taken in driver.taken:
        assert all(taken.start_ns < edge.at_ns <= taken.end_ns for edge in taken.edges)


async def test_close_takes_what_was_counted_since_the_last_poll(parts: Any, pins: MockFactory) -> None:
    driver = parts.Counter(17)
    async with parts.running(parts.gpio_spec(sensor(driver, every_s=600)), pins=pins) as (bus, log):
        await log.until(lambda: pins.pin(17).when_changed is not None)
        tip(pins)
        tip(pins)
        await bus.close(take_last=True)
    assert total(log) == 2
    assert pins.pin(17).when_changed is None


async def test_two_lines_of_one_sensor_come_together_in_order(parts: Any, pins: MockFactory) -> None:
    driver = parts.Counter(17, 27)
    async with parts.running(parts.gpio_spec(sensor(driver)), pins=pins) as (_, log):
        await log.until(lambda: bool(log.good("rain")))
        pins.pin(17).drive_low()
        pins.pin(27).drive_low()
        pins.pin(17).drive_high()
        await log.until(lambda: sum(len(t.edges) for t in driver.taken) == 3)
    edges = [e for t in driver.taken for e in t.edges]
    assert [(e.gpio, e.active) for e in edges] == [(17, True), (27, True), (17, False)]
    assert [e.at_ns for e in edges] == sorted(e.at_ns for e in edges)


async def test_two_equal_levels_in_a_row_are_a_lost_edge(parts: Any, pins: MockFactory) -> None:
    driver = parts.Counter(17)
    async with parts.running(parts.gpio_spec(sensor(driver)), pins=pins) as (bus, log):
        await log.until(lambda: bool(log.good("rain")))
        pin = pins.pin(17)
        pin.drive_low()
        pin._call_when_changed()  # the kernel dropped the edge between: low is told again
        await log.until(lambda: sum(t.lost for t in driver.taken) == 1)
        assert bus.health().lost_edges == 1
        await log.until(lambda: total(log) == 2)


async def test_a_storm_is_bounded_and_what_is_lost_is_counted(parts: Any, pins: MockFactory) -> None:
    driver = parts.Counter(17)
    async with parts.running(parts.gpio_spec(sensor(driver, every_s=600)), pins=pins) as (bus, log):
        await log.until(lambda: pins.pin(17).when_changed is not None)
        for _ in range(MOST_EDGES // 2 + 500):
            tip(pins)
        await bus.close(take_last=True)
    (taken,) = driver.taken
    assert len(taken.edges) == MOST_EDGES
    assert taken.lost == 1000


async def test_a_lost_last_edge_does_not_leave_a_car_on_the_loop(parts: Any, pins: MockFactory) -> None:
    """Nothing came after it, so no two equal levels told of it: occupancy stayed 1.0 until the next car."""
    driver = parts.Counter(17)
    async with parts.running(parts.gpio_spec(sensor(driver)), pins=pins) as (bus, log):
        await log.until(lambda: bool(log.good("rain")))
        pin = pins.pin(17)
        pin.drive_low()
        pin.edges = "falling"  # the kernel drops the rising one
        pin.drive_high()
        pin.edges = "both"
        await log.until(lambda: bool(driver.taken) and driver.taken[-1].lost == 1)
        seen = len(driver.taken)
        await log.until(lambda: len(driver.taken) > seen + 2)
        assert bus.health().lost_edges == 1
        assert driver.taken[-1].active_at_start == {17: False}


async def test_after_a_storm_the_line_begins_where_it_is(parts: Any, pins: MockFactory) -> None:
    driver = parts.Counter(17)
    async with parts.running(parts.gpio_spec(sensor(driver, every_s=600)), pins=pins) as (bus, log):
        await log.until(lambda: pins.pin(17).when_changed is not None)
        for _ in range(MOST_EDGES // 2):
            tip(pins)
        pins.pin(17).drive_low()  # found the queue full
        await bus.read_now("rain")
        await bus.read_now("rain")
    assert driver.taken[-1].active_at_start == {17: True}


async def test_a_failed_poll_gives_its_edges_back(parts: Any, pins: MockFactory) -> None:
    class Refusing(parts.Counter):
        refuse = False

        def measure(self) -> Any:
            result = yield from super().measure()
            if self.refuse:
                raise ValueImpossible("test")
            return result

    driver = Refusing(17)
    async with parts.running(parts.gpio_spec(sensor(driver)), pins=pins) as (_, log):
        await log.until(lambda: bool(log.good("rain")))
        driver.refuse = True
        tip(pins)
        await log.until(lambda: len(log.bad("rain")) >= 2)
        driver.refuse = False
        await log.until(lambda: total(log) >= 1)
    assert total(log) == 1


async def test_an_active_high_line_is_not_turned_round(parts: Any, pins: MockFactory) -> None:
    driver = parts.Counter(17, active_low=False)
    async with parts.running(parts.gpio_spec(sensor(driver)), pins=pins) as (_, log):
        await log.until(lambda: bool(log.good("rain")))
        pins.pin(17).drive_low()
        await log.until(lambda: any(t.edges for t in driver.taken))
    assert driver.taken[0].active_at_start == {17: True}
    assert [e.active for t in driver.taken for e in t.edges] == [False]


async def test_one_impossible_line_does_not_stop_the_others(parts: Any, pins: MockFactory) -> None:
    spec = parts.gpio_spec(sensor(fixed(parts), "bad"), sensor(parts.Counter(17)))
    async with parts.running(spec, pins=pins) as (_, log):
        await log.until(lambda: bool(log.good("rain")) and bool(log.bad("bad")))
    assert isinstance(log.bad("bad")[0].error, BusMissing)
    assert "GPIO 2" in log.bad("bad")[0].error.where


async def test_a_line_that_cannot_be_watched_threw_away_its_neighbours_tips_at_every_poll(
    parts: Any, pins: MockFactory
) -> None:
    good = parts.Counter(17)
    spec = parts.gpio_spec(sensor(good, "good"), sensor(fixed(parts), "bad"))
    async with parts.running(spec, pins=pins) as (_, log):
        await log.until(lambda: bool(log.good("good")) and bool(log.bad("bad")))
        for _ in range(10):
            tip(pins)
            seen = len(log.good("good"))
            await log.until(lambda seen=seen: len(log.good("good")) > seen)
    assert total(log, "good") == 10
    assert not any(taken.first for taken in good.taken[1:])


def test_lgpio_is_not_loaded_before_a_gpio_bus_is_opened() -> None:
    program = (
        "import sys, kaga_edge.buses\n"
        "loaded = {'lgpio', 'gpiozero', 'smbus2', 'serial'} & set(sys.modules)\n"
        "sys.exit(str(loaded) if loaded else 0)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.skipif(
    importlib.util.find_spec("lgpio") is None,
    reason="lgpio has no wheel for this Python; a Pi brings it as python3-lgpio",
)
def test_loading_lgpio_leaves_no_file_and_no_move_of_the_working_directory(tmp_path: Any) -> None:
    # Off a Pi the header cannot be opened; what importing lgpio does to a process is what matters.
    runtime = tmp_path / "runtime"
    here = tmp_path / "here"
    runtime.mkdir()
    here.mkdir()
    program = (
        "import os, sys\n"
        "from kaga_edge.buses.gpio import open_header, pin_errors\n"
        "try:\n    open_header()\nexcept pin_errors():\n    pass\n"
        "sys.exit(os.getcwd() != sys.argv[1] or 'lgpio' not in sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", program, str(here)],
        check=True,
        cwd=here,
        env={"RUNTIME_DIRECTORY": str(runtime), "PYTHONPATH": ":".join(p for p in sys.path if p)},
    )
    assert list(here.iterdir()) == []
    assert [p.name[:8] for p in runtime.iterdir()] == [".lgd-nfy"]


def test_a_missing_header_left_a_folder_behind_at_every_poll(tmp_path: Any) -> None:
    program = (
        "import os, sys\n"
        "from kaga_edge.buses.gpio import open_header, pin_errors\n"
        "for _ in range(3):\n"
        "    try:\n        open_header()\n    except (ImportError, *pin_errors()):\n        pass\n"
        "sys.exit(len(os.listdir(sys.argv[1])) != 1)"
    )
    path = ":".join(p for p in sys.path if p)
    env = {"TMPDIR": str(tmp_path), "PYTHONPATH": path}
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, env=env)
    assert list(tmp_path.iterdir()) == []


class SetClock:
    """A clock that only the test moves."""

    ns = 5_000_000_000

    def now(self) -> Moment:
        return Moment(wall_ms=self.ns // 1_000_000, up_ms=0, boot="test", trust=ClockTrust.NTP)

    def monotonic_ns(self) -> int:
        return self.ns


@given(
    st.lists(
        st.tuples(st.sampled_from([17, 18, None]), st.integers(1, 40), st.booleans(), st.integers(0, 60)),
        max_size=40,
    )
)
def test_every_edge_is_given_once_with_the_level_before_it(
    steps: list[tuple[int | None, int, bool, int]],
) -> None:
    """A step: a change of a line, or a poll (None) that is good or not, for a due time some ms ago."""
    clock, pins, levels = SetClock(), TimedPins(), {17: True, 18: True}
    for gpio, high in levels.items():
        pins.drive(gpio, high=high, at_ns=clock.ns)
    lines = SimpleNamespace(pins=lambda: (PinUse(gpio=17), PinUse(gpio=18)))
    one = BusSensor(id="road", driver=cast(Any, lines), every_s=1.0)
    wire = GpioWire(BusSpec(kind=BusKind.GPIO, name="gpio", sensors=(one,)), lambda: pins, clock)
    wire.open()
    driven: list[tuple[int, int, bool]] = []
    given_out: list[tuple[int, int, bool]] = []
    ended_ns = clock.ns
    for gpio, step_ms, good, ago_ms in [*steps, (None, 100, True, 0)]:
        clock.ns += step_ms * 1_000_000
        if gpio is not None:
            levels[gpio] = not levels[gpio]
            pins.drive(gpio, high=levels[gpio], at_ns=clock.ns)
            driven.append((clock.ns, gpio, not levels[gpio]))
            continue
        asking = Asking(
            sensor=one, due=DueTime(wall_ms=0, up_ns=clock.ns - (20 + ago_ms) * 1_000_000), budget_s=1
        )
        edges = wire.carry(TakeEdges(), asking)
        assert isinstance(edges, Edges)
        assert edges.start_ns == ended_ns
        before = {17: False, 18: False} | {gpio: active for _, gpio, active in given_out}
        assert edges.active_at_start == before
        wire.settled(one, good=good)
        if good:
            ended_ns = edges.end_ns
            given_out += [(edge.at_ns, edge.gpio, edge.active) for edge in edges.edges]
    assert [(gpio, active) for _, gpio, active in given_out] == [(gpio, active) for _, gpio, active in driven]
    assert wire.lost_edges("road") == 0
