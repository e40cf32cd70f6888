"""Find Modbus units on a pair of wires: the known models first, then whoever answers at all.

Modbus knows no roll call. A unit is asked by its number, at one line setting after the other, and is silent
at every setting but its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kaga_edge.buses.scan import Found, Known, Progress, ask, line_text, models
from kaga_edge.buses.spec import BusSensor, BusSpec, Wires
from kaga_edge.vocabulary.clock import Clock
from kaga_edge.vocabulary.drivers import Model
from kaga_edge.vocabulary.readings import Measurement
from kaga_edge.vocabulary.requests import BusKind, Dialogue, ModbusRead, SerialLine

MODBUS_UNITS = (1, 2, 3, 4, 247)
# What makers set; a known model's own comes first. Modbus itself says 19200 8E1.
COMMON_LINES = tuple(
    SerialLine(baud=baud, parity=parity)
    for baud, parity in (
        (9600, "N"), (9600, "E"), (19200, "E"), (19200, "N"), (4800, "N"), (38400, "N"), (115200, "N"),
        (9600, "O"),
    )
)  # fmt: skip
ANSWERED = ("KE-B06", "KE-D04")  # it refused the register, or holds something else there


async def modbus(
    port: str,
    wires: Wires,
    clock: Clock,
    units: Sequence[int] = MODBUS_UNITS,
    lines: Sequence[SerialLine] = (),
    progress: Progress = lambda _what: None,
) -> list[Found]:
    """Return the Modbus units on a port: each known model at its own line setting, then anybody at any.

    ``lines``: only these settings. All units of a pair of wires have one: the first that answers ends it.
    """
    known = list(models(BusKind.MODBUS))
    usual = dict.fromkeys(one.model.line for one in known if one.model.line)
    for line in lines or usual:
        progress(line_text(line))
        if found := [one for unit in units if (one := await _unit(port, unit, line, known, wires, clock))]:
            return found
    for line in lines or dict.fromkeys((*usual, *COMMON_LINES)):
        progress(line_text(line))
        alive = [unit for unit in units if await _answers(port, unit, line, wires, clock)]
        if alive:
            return [
                await _unit(port, unit, line, known, wires, clock) or _modbus_at(port, unit, line, None)
                for unit in alive
            ]
    return []


async def _unit(
    port: str, unit: int, line: SerialLine, known: list[Known], wires: Wires, clock: Clock
) -> Found | None:
    """Return what a unit is; without a driver when it answers and no model fits; None: nobody is there."""
    answered = False
    for one in known:
        spec = _spec(port, unit, line, one.driver, one.model)
        error = (await ask(spec, wires, clock)).error
        if error is None:
            return _modbus_at(port, unit, line, one.name)
        answered = answered or error.code in ANSWERED
    return _modbus_at(port, unit, line, None) if answered else None


async def _answers(port: str, unit: int, line: SerialLine, wires: Wires, clock: Clock) -> bool:
    """Say whether a unit answers at all: a refusal is an answer, too."""
    error = (await ask(_spec(port, unit, line, Anybody(), None), wires, clock)).error
    return error is None or error.code in ANSWERED


class Anybody:
    """Asks for what every Modbus device either has or refuses: its first holding register."""

    quantities = ()

    def identify(self) -> Dialogue[None]:
        """Ask nothing."""
        yield from ()

    def measure(self) -> Dialogue[tuple[Measurement, ...]]:
        """Read the register and throw it away."""
        yield ModbusRead(function=3, address=0, count=1)
        return ()


def _spec(port: str, unit: int, line: SerialLine, driver: Any, model: Model | None) -> BusSpec:
    sensor = BusSensor(id=f"unit-{unit}", driver=driver, every_s=1, address=unit, model=model)
    return BusSpec(kind=BusKind.MODBUS, name=port, sensors=(sensor,), port=port, line=line)


def _modbus_at(port: str, unit: int, line: SerialLine, driver: str | None) -> Found:
    return Found(
        bus="modbus",
        where=f"{port} unit {unit}",
        driver=driver,
        certain=driver is not None,
        lines=(f'port = "{port}"', f"modbus_id = {unit}", f'serial = "{line_text(line)}"'),
        seen=line_text(line),
    )
