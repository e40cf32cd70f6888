"""``[battery]``: switch the computer off in order before its battery is empty. Without the table: never."""

from __future__ import annotations

from pydantic import Field

from kaga_edge.config.faults import Code
from kaga_edge.config.models import Duration, Id, Table
from kaga_edge.config.tables import Desk, read_table
from kaga_edge.config.values import SensorConfig
from kaga_edge.core.battery import BatteryRule
from kaga_edge.text import Phrase
from kaga_edge.vocabulary.quantities import Quantity


class BatteryTable(Table):
    """The sensor that measures the supply (ina219, ina226), and when it is too low for too long."""

    sensor: Id
    stop_below_v: float = Field(gt=0, le=100)
    hold_s: Duration = Field(default=600.0, alias="for", ge=60)  # a modem that sends is no empty battery


def read_battery(desk: Desk, sensors: tuple[SensorConfig, ...]) -> BatteryRule | None:
    """Return the rule, or None without the table or with its faults noted."""
    if "battery" not in desk.documents.tree:
        return None
    table = read_table(desk, BatteryTable, desk.documents.tree["battery"], ("battery",))
    if table is None:
        return None
    named = [one for one in sensors if one.id == table.sensor]
    if not named:
        if table.sensor not in desk.written_ids():  # else its own faults are told
            valid = ", ".join(desk.written_ids())
            desk.fault(("battery", "sensor"), Code.NO_SUCH_SENSOR, id=table.sensor, valid=valid)
        return None
    if Quantity.SUPPLY_VOLTAGE_V.channel not in named[0].limits:
        desk.fault(("battery", "sensor"), Code.VALUE, reason=Phrase("battery.no_voltage"))
        return None
    return BatteryRule(**dict(table))
