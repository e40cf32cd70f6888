"""Lamps and sirens on gpiozero's mock pins."""

from __future__ import annotations

import asyncio

import pytest
from gpiozero.exc import BadPinFactory
from gpiozero.pins.mock import MockFactory

from kaga_edge.core.signalling import Signal
from kaga_edge.gateway.outputs import Outputs
from kaga_edge.vocabulary.errors import AskedWrongly

LAMP = Signal(id="lamp-1", gpio=24, on=("danger",))
GUARD = Signal(id="guard-1", gpio=25, on=("danger",), closed_circuit=True)


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def levels(pins: MockFactory) -> tuple[bool, bool]:
    return bool(pins.pin(24).state), bool(pins.pin(25).state)


async def test_alarms_drive_the_lines_and_closing_leaves_the_fail_safe_level() -> None:
    pins = MockFactory()
    outputs = Outputs((LAMP, GUARD), lambda: pins, Clock())
    outputs.open()
    assert pins.pin(24).function == "output"
    assert levels(pins) == (False, True)
    outputs.show({"danger/level-1"})
    assert levels(pins) == (True, False)
    outputs.show(set())
    assert levels(pins) == (False, True)
    outputs.close()
    assert levels(pins) == (False, False)  # the closed circuit opens: it lights


async def test_a_test_switches_on_and_back() -> None:
    pins, clock = MockFactory(), Clock()
    outputs = Outputs((LAMP,), lambda: pins, clock)
    outputs.open()
    answer = await outputs.ask({"do": "test", "output": "lamp-1", "seconds": 0.05})
    assert answer["outputs"][0]["on"] is True
    assert pins.pin(24).state
    clock.now_s += 1
    async with asyncio.timeout(60):
        while pins.pin(24).state:
            await asyncio.sleep(0.01)
    assert (await outputs.ask({"do": "status"}))["outputs"][0]["on"] is False


@pytest.mark.parametrize("request_", [{"output": "x"}, {"output": "lamp-1", "seconds": 3600}])
async def test_a_test_of_nothing_or_for_an_hour_is_refused(request_) -> None:
    pins = MockFactory()
    outputs = Outputs((LAMP,), lambda: pins, Clock())
    outputs.open()
    with pytest.raises(AskedWrongly):
        await outputs.ask({"do": "test"} | request_)


async def test_without_a_header_the_gateway_goes_on_and_says_so() -> None:
    def no_header() -> MockFactory:
        raise BadPinFactory("no header")

    outputs = Outputs((LAMP,), no_header, Clock())
    outputs.open()
    outputs.show({"danger/level-1"})
    (told,) = (await outputs.ask({"do": "status"}))["outputs"]
    assert (told["working"], told["on"]) == (False, True)
    outputs.close()


async def test_a_line_that_fails_while_it_is_driven_ends_the_lamp_and_not_the_gateway() -> None:
    pins = MockFactory()
    outputs = Outputs((LAMP, GUARD), lambda: pins, Clock())
    outputs.open()
    pins.pin(24).function = "input"  # taken away by somebody: gpiozero refuses to drive it
    outputs.show({"danger/level-1"})
    told = (await outputs.ask({"do": "status"}))["outputs"]
    assert [one["working"] for one in told] == [False, True]
    assert not pins.pin(25).state  # the other one still signals
    outputs.close()
