"""``[[output]]``: a lamp or siren on a GPIO line."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from kaga_edge.config.faults import Code
from kaga_edge.config.models import Duration, Id, Table
from kaga_edge.config.tables import Desk, read_table
from kaga_edge.config.wiring import gpio_in_range
from kaga_edge.core.signalling import Signal
from kaga_edge.text import Phrase

SIREN_LONGEST_S = 600.0


class OutputTable(Table):
    """One lamp or siren. ``on``: which alarms; ``fail_safe = "on"``: lights when the gateway is dead."""

    id: Id
    kind: Literal["lamp", "siren"]
    gpio: int
    on: tuple[
        Literal[
            "standby", "caution", "evacuation", "danger", "levee", "warning",
            "stopped", "forming", "gathering", "icing",
        ],
        ...,
    ]  # fmt: skip
    sensors: tuple[Id, ...] = ()
    fail_safe: Literal["on", "off"] = "off"
    active_low: bool = False
    longest_s: Duration | None = Field(default=None, alias="longest")


def read_outputs(desk: Desk, sensors: tuple[str, ...]) -> tuple[Signal, ...]:
    """Return the outputs, every fault of their tables noted."""
    entries = desk.documents.tree.get("output", [])
    found: list[Signal] = []
    for at, entry in enumerate(entries if isinstance(entries, list) else [entries]):
        path = ("output", at)
        if isinstance(entry, dict) and not gpio_in_range(desk, entry, path):
            continue
        table = read_table(desk, OutputTable, entry, path)
        if table is None:
            continue
        if not table.on:
            desk.fault((*path, "on"), Code.VALUE, reason=Phrase("list.empty"))
        for name in table.sensors:
            if name not in sensors:
                desk.fault((*path, "sensors"), Code.NO_SUCH_SENSOR, id=name, valid=", ".join(sensors))
        found.append(_signal(table))
    return tuple(found)


def _signal(table: OutputTable) -> Signal:
    usual_s = SIREN_LONGEST_S if table.kind == "siren" else None
    return Signal(
        id=table.id,
        gpio=table.gpio,
        on=table.on,
        sensors=table.sensors,
        closed_circuit=table.fail_safe == "on",
        active_low=table.active_low,
        longest_s=table.longest_s or usual_s,
    )
