"""``[[power]]``: a switch that takes the power from sensors or from the modem for some seconds."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from kaga_edge.config.faults import Code
from kaga_edge.config.lines import Path
from kaga_edge.config.models import Duration, Id, Table
from kaga_edge.config.tables import Desk, read_table
from kaga_edge.config.wiring import gpio_in_range
from kaga_edge.core.powering import PowerRule
from kaga_edge.text import Phrase


class PowerTable(Table):
    """One switch. ``sensors``: what it feeds; ``modem = true``: the modem instead. ``gpio`` or ``command``.

    The line is driven only while the power is cut; undriven it must leave the power on.
    """

    id: Id
    sensors: tuple[Id, ...] = ()
    modem: bool = False
    gpio: int | None = None
    active_low: bool = False
    command: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    after_failures: int = Field(default=10, ge=3)
    silent_s: Duration = Field(default=1800.0, alias="silent", ge=600)
    rest_s: Duration = Field(default=3600.0, alias="not_more_often", ge=600)
    off_s: Duration = Field(default=5.0, alias="off", ge=0.1, le=120)
    settle_s: Duration = Field(default=2.0, alias="settle", le=120)


def read_power(desk: Desk, sensors: tuple[str, ...], *, platform: bool) -> tuple[PowerRule, ...]:
    """Return the switches, every fault of their tables noted."""
    entries = desk.documents.tree.get("power", [])
    found: list[PowerRule] = []
    for at, entry in enumerate(entries if isinstance(entries, list) else [entries]):
        path = ("power", at)
        if isinstance(entry, dict) and not gpio_in_range(desk, entry, path):
            continue
        table = read_table(desk, PowerTable, entry, path)
        if table is None:
            continue
        if (table.gpio is None) == (not table.command):
            desk.fault((*path, "gpio"), Code.VALUE, reason=Phrase("power.one_way"))
        _check_fed(desk, table, sensors, found, path)
        if table.modem and not platform:
            desk.fault((*path, "modem"), Code.VALUE, reason=Phrase("power.feeds"))
        found.append(_rule(table))
    return tuple(found)


def _check_fed(
    desk: Desk, table: PowerTable, sensors: tuple[str, ...], before: list[PowerRule], path: Path
) -> None:
    if table.modem == bool(table.sensors):
        desk.fault((*path, "sensors"), Code.VALUE, reason=Phrase("power.feeds"))
    fed = {name for rule in before for name in rule.sensors}
    for name in table.sensors:
        if name not in sensors:
            desk.fault((*path, "sensors"), Code.NO_SUCH_SENSOR, id=name, valid=", ".join(sensors))
        elif name in fed:
            desk.fault((*path, "sensors"), Code.VALUE, reason=Phrase("power.twice"))


def _rule(table: PowerTable) -> PowerRule:
    return PowerRule(**{name: value for name, value in dict(table).items() if name != "modem"})
