"""The JSON Schema of the configuration, for completion in editors; ``load`` does the judging.

The driver chooses its own keys by if/then, not oneOf: editors explain a oneOf with "matches none".
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from pydantic import Field

from kaga_edge.config.battery_table import BatteryTable
from kaga_edge.config.command_table import CommandTable
from kaga_edge.config.models import PlatformTable, SiteTable, StationTable, StoreTable, Table
from kaga_edge.config.outputs import OutputTable
from kaga_edge.config.power_tables import PowerTable
from kaga_edge.config.sensor_tables import COMMON_KEYS, SensorTable, foreign_keys
from kaga_edge.config.sensors import driver_parts
from kaga_edge.config.tables import model_of
from kaga_edge.core.siting import Mount
from kaga_edge.sensors import driver_names


class _File(Table):
    site: SiteTable
    platform: PlatformTable | None = None
    store: StoreTable = Field(default_factory=StoreTable)
    station: StationTable = Field(default_factory=StationTable)
    sensor: list[SensorTable]
    output: list[OutputTable] = Field(default_factory=list)
    power: list[PowerTable] = Field(default_factory=list)
    battery: BatteryTable | None = None
    commands: CommandTable | None = None


def schema() -> dict[str, Any]:
    """Return the schema with every driver's own keys."""
    whole = _File.model_json_schema(by_alias=True)
    whole["$schema"] = "http://json-schema.org/draft-07/schema#"
    whole["title"] = "kaga-edge configuration"
    sensor = whole["$defs"]["SensorTable"]
    del sensor["additionalProperties"]  # the driver's own keys stand in the same table
    sensor["properties"]["driver"] = {"type": "string", "enum": list(driver_names())}
    sensor["properties"]["mount"] = model_of(Mount).model_json_schema()
    sensor["allOf"] = [_driver(name, whole["$defs"]) for name in driver_names()]
    return whole


def _driver(name: str, shared: dict[str, Any]) -> dict[str, Any]:
    parts = driver_parts(name)
    own = model_of(parts.options).model_json_schema()
    shared |= own.get("$defs", {})  # tables within a table: the register list of modbus_map
    properties = own.get("properties", {})
    for one in fields(parts.options):
        words = one.metadata.get("help", {})
        properties[one.name]["description"] = " / ".join(words.values())
    known = properties.keys() | COMMON_KEYS - foreign_keys(parts.model)
    return {
        # A part in conf.d names no driver: then none of these speaks.
        "if": {"properties": {"driver": {"const": name}}, "required": ["driver"]},
        "then": {
            "properties": properties,
            "required": own.get("required", []),
            "propertyNames": {"enum": sorted(known)},
        },
    }
