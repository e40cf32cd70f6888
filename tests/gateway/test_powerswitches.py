"""Power switches on gpiozero's mock pins, and as a command."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gpiozero.exc import BadPinFactory
from gpiozero.pins.mock import MockFactory

from kaga_edge.buses import Polled
from kaga_edge.core.powering import PowerRule
from kaga_edge.gateway.powerswitches import PowerSwitches
from kaga_edge.vocabulary.errors import SensorSilent
from kaga_edge.vocabulary.readings import ClockTrust, Moment

RULE = PowerRule(id="bus-1", sensors=("level-1", "air-1"), after_failures=3, off_s=0.05, settle_s=0, gpio=22)


class Clock:
    up_ms = 10_000_000

    def __call__(self) -> Moment:
        return Moment(wall_ms=1_800_000_000_000, up_ms=self.up_ms, boot="b", trust=ClockTrust.NTP)


class Memory(dict):
    async def remember(self, key: str, value: str) -> None:
        self[key] = value

    async def recall(self, key: str) -> str | None:
        return self.get(key)


def failed(sensor: str = "level-1", took_s: float = 0.1) -> Polled:
    return Polled(
        sensor=sensor, at=Clock()(), measurements=None, error=SensorSilent("x"), raw=None, took_s=took_s
    )


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.005)


async def test_a_dead_sensor_is_power_cycled_once_and_then_asked_anew():
    pins, memory, anew = MockFactory(), Memory(), []
    switches = PowerSwitches((RULE,), pins=lambda: pins, now=Clock(), memory=memory, restored=anew.append)
    await switches.open()
    line = pins.pin(22)
    assert (line.function, line.state) == ("output", 0)
    for _ in range(3):
        switches.see(failed())
    await until(lambda: line.state == 1)
    await until(lambda: bool(anew))
    assert line.state == 0
    assert anew == [("level-1", "air-1")]
    assert "power/bus-1" in memory
    for _ in range(30):
        switches.see(failed())
    assert not switches.busy  # not more often than stated
    await switches.close()


async def test_a_due_time_at_which_nobody_was_asked_counts_for_nothing():
    pins = MockFactory()
    switches = PowerSwitches((RULE,), pins=lambda: pins, now=Clock())
    await switches.open()
    for _ in range(30):
        switches.see(failed(took_s=0.0))
    assert not switches.busy
    await switches.close()


async def test_stopping_in_the_middle_of_a_cut_puts_the_power_on_and_lets_the_line_go():
    pins = MockFactory()
    rule = PowerRule(id="bus-1", sensors=("level-1",), after_failures=3, off_s=60, gpio=22, active_low=True)
    switches = PowerSwitches((rule,), pins=lambda: pins, now=Clock())
    await switches.open()
    line = pins.pin(22)
    assert line.state == 1
    for _ in range(3):
        switches.see(failed())
    await until(lambda: line.state == 0)
    await switches.close()
    assert (line.function, line.state) == ("input", 1)


async def test_a_mute_modem_is_cycled_by_its_command(tmp_path):
    mark, clock = tmp_path / "mark", Clock()
    rule = PowerRule(id="lte", silent_s=1800, settle_s=0, command=("touch", str(mark)))
    switches = PowerSwitches((rule,), pins=MockFactory, now=clock)
    await switches.open()
    switches.link(there=True)
    for _ in range(29):
        clock.up_ms += 60_000
        switches.link(there=False)
    assert not switches.busy
    clock.up_ms += 60_000
    switches.link(there=False)
    await until(mark.exists)
    await until(lambda: not switches.busy)
    clock.up_ms += 60_000
    switches.link(there=False)
    assert not switches.busy
    await switches.close()


async def test_a_line_or_a_command_that_does_not_work_is_said_and_nothing_else():
    def no_header() -> MockFactory:
        raise BadPinFactory("no header")

    nothing = PowerRule(id="x", sensors=("air-1",), after_failures=3, command=("/nonexistent/switch",))
    switches = PowerSwitches((RULE, nothing), pins=no_header, now=Clock())
    await switches.open()
    for name in ("level-1", "air-1"):
        for _ in range(3):
            switches.see(failed(name))
    await until(lambda: not switches.busy)
    await switches.close()
