"""TOML files to one frozen ``Config``; every fault of every file in one run."""

from __future__ import annotations

import zoneinfo
from dataclasses import replace
from pathlib import Path
from typing import Any

from kaga_edge.config.battery_table import read_battery
from kaga_edge.config.checks import (
    check_gpio,
    check_i2c,
    check_ids,
    check_onewire,
    check_ports,
    check_sources,
)
from kaga_edge.config.command_table import read_commands
from kaga_edge.config.copies import Source
from kaga_edge.config.documents import read_documents
from kaga_edge.config.faults import Code, ConfigFaults, Notes, without_echoes
from kaga_edge.config.models import CheckTable, PlatformTable, SiteTable, StationTable, StoreTable
from kaga_edge.config.outputs import read_outputs
from kaga_edge.config.place_checks import (
    check_files,
    check_folders,
    check_passwords,
    check_position,
    check_room,
    check_secret,
)
from kaga_edge.config.plainfile import folder
from kaga_edge.config.power_tables import read_power
from kaga_edge.config.secret import named_file
from kaga_edge.config.sensors import read_sensor
from kaga_edge.config.tables import Desk, M, read_table, unknown_key
from kaga_edge.config.values import Config, Platform, SensorConfig, Site, Station, StoreSettings
from kaga_edge.config.watch_tables import check_watches, site_checks
from kaga_edge.text import Phrase

TABLES = ("site", "platform", "store", "station", "sensor", "output", "power", "battery", "commands")
TABLES_OF_SENSORS = (
    "sensor.mount",
    "sensor.thresholds",
    "sensor.disclosure",
    "sensor.quality",
    "sensor.event",
)

BATCH_S = 10.0


def load(path: Path, source: Source | None = None) -> Config:
    """Return the configuration of ``path`` and the conf.d beside it. Raises ConfigFaults with all faults.

    ``source``: a copy or a trial whose text is read instead.
    """
    notes = Notes()
    documents = read_documents(path, notes, source)
    desk = Desk(documents=documents, notes=notes)
    directory = folder(path)
    config = judged(desk, directory) if documents.tree or not notes.faults else None
    if notes.faults or config is None:
        raise ConfigFaults(without_echoes(notes.faults), tuple(notes.warnings))
    return config


def judged(desk: Desk, directory: Path) -> Config | None:
    """Return what the tables on the desk say, or None, with every fault noted."""
    check_passwords(desk)
    for key in [key for key in desk.documents.tree if key not in TABLES]:
        _unknown_table(desk, key)
    site, checks = _site(desk)
    platform = _platform(desk, directory)
    store = _optional(desk, StoreTable, "store")
    station = _optional(desk, StationTable, "station")
    sensors = _sensors(desk)
    platform = _quiet(desk, platform, sensors)
    ids = tuple(desk.written_ids())
    outputs = read_outputs(desk, ids)
    power = read_power(desk, ids, platform="platform" in desk.documents.tree)
    cross_checks = site_checks(desk, checks, sensors)
    if store is not None:
        check_room(desk, sensors, store.max_bytes, store.keep_delivered_s)
    check_folders(desk)
    commands = read_commands(desk, directory)
    if site is None or store is None or station is None:
        return None
    return Config(
        site=site,
        platform=platform,
        store=StoreSettings(**dict(store) | {"path": directory / store.path}),
        station=Station(
            runtime=directory / station.runtime,
            metrics=directory / station.metrics if station.metrics is not None else None,
        ),
        sensors=sensors,
        directory=directory,
        warnings=tuple(desk.notes.warnings),
        checks=cross_checks,
        outputs=outputs,
        power=power,
        battery=read_battery(desk, sensors),
        commands=commands,
    )


def _unknown_table(desk: Desk, key: str) -> None:
    """Note a table nobody knows; a misspelt one is read as what was meant, for its own faults."""
    table = desk.documents.tree[key]
    of_sensor = f"sensor.{key}" in TABLES_OF_SENSORS and isinstance(table, dict)
    for path in [(key, at) for at in range(len(table))] if isinstance(table, list) else [(key,)]:
        near = unknown_key(desk, path, TABLES_OF_SENSORS if of_sensor else TABLES, name=key)
    if near and not of_sensor and (near not in desk.documents.tree or isinstance(table, list)):
        desk.documents.adopt(key, near)


def _site(desk: Desk) -> tuple[Site | None, tuple[CheckTable, ...]]:
    if "site" not in desk.documents.tree:
        desk.fault(("site",), Code.MISSING_KEY, name="[site]")
        return None, ()
    check_position(desk)
    site = read_table(desk, SiteTable, desk.documents.tree["site"], ("site",))
    if site is None:
        return None, ()
    try:
        zoneinfo.ZoneInfo(site.zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        desk.fault(("site", "zone"), Code.BAD_ZONE, value=site.zone)
    facts = dict(site)
    return Site(**{key: value for key, value in facts.items() if key != "check"}), site.check


def _platform(desk: Desk, directory: Path) -> Platform | None:
    if "platform" not in desk.documents.tree:
        return None
    table = read_table(desk, PlatformTable, desk.documents.tree["platform"], ("platform",))
    if table is None:
        return None
    if table.reconnect_first_s > table.reconnect_max_s:
        desk.fault(("platform", "reconnect_first"), Code.VALUE, reason=Phrase("platform.reconnect"))
    files: dict[str, Any] = {
        key: str(named_file(directory, name))
        for key in ("ca", "certificate", "key")
        if (name := getattr(table, key)) is not None
    }
    if table.mqtt != "5" and table.delivery == "broker":
        desk.warn(("platform", "mqtt"), Code.OLD_MQTT)
    platform = Platform(**dict(table) | files | {"batch_s": table.batch_s or BATCH_S})
    check_files(desk, platform)
    if platform.secret is not None:
        check_secret(desk, directory, platform.secret)
    return platform


def _quiet(desk: Desk, platform: Platform | None, sensors: tuple[SensorConfig, ...]) -> Platform | None:
    """Return the platform with a crisis gauge's quiet batches, unless ``batch`` says otherwise."""
    quiet = [one.event.quiet_send_s for one in sensors if one.event and one.event.quiet_send_s]
    if platform is None or not quiet or "batch" in desk.documents.tree["platform"]:
        return platform
    return replace(platform, batch_s=min(quiet))


def _optional(desk: Desk, model: type[M], name: str) -> M | None:
    return read_table(desk, model, desk.documents.tree.get(name, {}), (name,))


def _sensors(desk: Desk) -> tuple[SensorConfig, ...]:
    entries = desk.documents.tree.get("sensor", [])
    if not isinstance(entries, list):
        line = desk.at(("sensor",), seen_from=("sensor",))
        desk.fault(("sensor",), Code.SINGLE_BRACKETS, name=Phrase("list.sensor"), lines=line)
        return ()
    if not entries:
        desk.fault(("sensor",), Code.NO_SENSORS)
    found = {
        index: sensor
        for index, entry in enumerate(entries)
        if (sensor := read_sensor(desk, entry, ("sensor", index))) is not None
    }
    for check in (check_ids, check_i2c, check_onewire, check_ports, check_gpio):
        check(desk)
    check_sources(desk, found)
    check_watches(desk, found.items())
    return tuple(found.values())
