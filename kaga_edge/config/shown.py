"""The configuration as it takes effect: every key with its value and where it comes from.

Secrets do not stand in it; should somebody have written one all the same, it is masked here too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path as File
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from kaga_edge.config.battery_table import BatteryTable
from kaga_edge.config.command_table import CommandTable
from kaga_edge.config.copies import Source
from kaga_edge.config.documents import read_documents
from kaga_edge.config.faults import ConfigFaults, Notes
from kaga_edge.config.lines import Path
from kaga_edge.config.models import PlatformTable, SiteTable, StationTable, StoreTable
from kaga_edge.config.outputs import OutputTable
from kaga_edge.config.passwords import is_password_key
from kaga_edge.config.power_tables import PowerTable
from kaga_edge.config.reading import load
from kaga_edge.config.sensor_tables import LimitsTable, SensorTable, foreign_keys
from kaga_edge.config.tables import Desk, model_of
from kaga_edge.config.values import SensorConfig

MASK = "***"
TABLES: dict[str, type[BaseModel]] = {
    "site": SiteTable, "platform": PlatformTable, "store": StoreTable, "station": StationTable,
    "commands": CommandTable, "battery": BatteryTable,
}  # fmt: skip
LISTS: dict[str, type[BaseModel]] = {"output": OutputTable, "power": PowerTable}
WITHOUT_A_WORD = ("site", "store", "station")  # in effect also where nobody wrote them
UNITS_S = ((86_400, "d"), (3600, "h"), (60, "m"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One key. ``file`` None: nobody wrote it, this is the default."""

    key: str
    value: Any
    file: str | None = None
    line: int = 0

    def text(self) -> str:
        """Return ``key = value`` as TOML writes it; a dash where there is no value."""
        value = toml(self.key, self.value)
        return f"{self.key} = {value}"


def toml(key: str, value: Any) -> str:
    """Return a value as TOML writes it; I2C addresses as they stand in the data sheet."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {toml(name, inner)}" for name, inner in value.items()) + " }"
    if key.endswith(".i2c.address") and isinstance(value, int):
        return f"0x{value:02X}"
    return "-" if value is None else json.dumps(value, ensure_ascii=False, default=str)


def effective(path: File) -> list[Shown]:
    """Return every key of the configuration in effect. Raises ConfigFaults."""
    config = load(path)
    documents = read_documents(path, Notes())
    desk = Desk(documents=documents, notes=Notes())
    found: list[Shown] = []
    for name, model in TABLES.items():
        if name in documents.tree or name in WITHOUT_A_WORD:
            defaults = _defaults(model)
            if name == "platform" and config.platform is not None:
                defaults["batch"] = duration(config.platform.batch_s)  # it depends on the sensors
            found += _table(desk, (name,), documents.tree.get(name, {}), defaults)
    by_id = {sensor.id: sensor for sensor in config.sensors}
    for at, entry in enumerate(documents.tree.get("sensor", ())):
        found += _sensor(desk, at, entry, by_id[entry["id"]])
    for name, model in LISTS.items():
        for at, entry in desk.entries(name):
            single = isinstance(documents.tree[name], dict)
            found += _table(desk, (name,) if single else (name, at), entry, _defaults(model))
    return found


def written(path: File, source: Source | None = None) -> dict[str, Shown]:
    """Return every key that is written, by its dotted name. Raises ConfigFaults for what is no TOML."""
    notes = Notes()
    documents = read_documents(path, notes, source)
    if notes.faults:
        raise ConfigFaults(tuple(notes.faults))
    desk = Desk(documents=documents, notes=Notes())
    return {one.key: one for one in _leaves(desk, (), documents.tree)}


def duration(seconds: float) -> str:
    """Return seconds as the configuration writes them."""
    for length, unit in UNITS_S:
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g}{unit}"
    return f"{seconds:g}s" if seconds >= 1 else f"{seconds * 1000:g}ms"


def _sensor(desk: Desk, at: int, entry: Mapping[str, Any], sensor: SensorConfig) -> Iterator[Shown]:
    path: Path = ("sensor", at)
    options = model_of(type(sensor.options))
    unneeded = foreign_keys(sensor.model)
    common = {key: value for key, value in _defaults(SensorTable).items() if key not in unneeded}
    yield from _table(desk, path, entry, common | _defaults(options))
    mount = entry.get("mount", {})
    for key, value in _defaults(model_of(type(sensor.mount))).items():
        if key not in mount and value is not None:
            yield Shown(key=desk.dotted((*path, "mount", key)), value=value)
    given = entry.get("quality", {})
    for channel, limits in sensor.limits.items():
        for one in (one for one in fields(limits) if one.name in LimitsTable.model_fields):
            value, key = getattr(limits, one.name), one.name.removesuffix("_per_s").removesuffix("_s")
            if value is not None and key not in given.get(channel, {}):
                shown = f"{value:g}/s" if one.name.endswith("_per_s") else _worded(one.name, value)
                yield Shown(key=desk.dotted((*path, "quality", channel, key)), value=shown)


def _table(desk: Desk, path: Path, table: Any, defaults: Mapping[str, Any]) -> Iterator[Shown]:
    yield from _leaves(desk, path, table)
    for key, value in defaults.items():
        if key not in table:
            yield Shown(key=desk.dotted((*path, key)), value=value)


def _leaves(desk: Desk, path: Path, value: Any) -> Iterator[Shown]:
    if isinstance(value, dict) and path[-1:] not in {("name",), ("purpose",)}:
        for key, inner in value.items():
            yield from _leaves(desk, (*path, key), inner)
        return
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        for at, inner in enumerate(value):
            yield from _leaves(desk, (*path, at), inner)
        return
    file, line = desk.documents.place(path)
    shown = MASK if is_password_key(str(path[-1])) else _without_password(value)
    yield Shown(key=desk.dotted(path), value=shown, file=file, line=line)


def _without_password(value: Any) -> Any:
    if isinstance(value, str) and "://" in value and "@" in value:
        scheme, _, rest = value.partition("://")
        return f"{scheme}://{MASK}@{rest.rpartition('@')[2]}"
    return str(value) if isinstance(value, File) else value


def _defaults(model: type[BaseModel]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, one in model.model_fields.items():
        value = one.get_default(call_default_factory=True)
        if value is PydanticUndefined or isinstance(value, BaseModel | dict | tuple):
            continue  # must be written, or a table whose keys have no meaning unless written
        found[one.alias or name] = _worded(name, value)
    return found


def _worded(name: str, value: Any) -> Any:
    if isinstance(value, float) and name.endswith("_s"):
        return duration(value)
    if isinstance(value, int) and name.endswith("_bytes"):
        return f"{value / 1e6:g}MB"
    return str(value) if isinstance(value, File) else value
