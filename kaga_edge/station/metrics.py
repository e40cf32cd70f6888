"""The status snapshot as Prometheus reads it, and the file for node_exporter's textfile folder.

A few lines of our own: prometheus-client would cost the daemon 1.5 MB for the same text. Form: Prometheus
text exposition format 0.0.4 (HELP, TYPE, samples; label values escape backslash, quote and newline).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

STATES = ("ok", "starting", "attention", "failing")
SENSOR_STATES = ("ok", "starting", "failing", "stopped")
CONFIG_SOURCES = ("files", "last_good", "rolled_back", "trial")
MODE = 0o644  # node_exporter runs as another user

Labels = Mapping[str, str]
Sample = tuple[Labels, float | int | None]


class _Family(NamedTuple):
    name: str
    kind: str
    help: str
    samples: list[Sample]


def text(status: Mapping[str, Any]) -> str:
    """Return the exposition of a status snapshot. What is not known is left out, never zero."""
    lines: list[str] = []
    for family in (*_station(status), *_sensors(status), *_store(status["store"]), *_link(status["link"])):
        known = [(labels, value) for labels, value in family.samples if value is not None]
        if known:
            name = f"kaga_edge_{family.name}"
            lines += [f"# HELP {name} {family.help}", f"# TYPE {name} {family.kind}"]
            lines += [f"{name}{_braces(labels)} {float(value):.17g}" for labels, value in known]
    return "\n".join(lines) + "\n"


def write(file: Path, exposition: str) -> None:
    """Replace the file in one step, so that half of it is never read. Raises OSError.

    Not synced: after a power cut the next one comes within a minute.
    """
    scratch = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, MODE)
        with open(handle, "w", encoding="utf-8") as out:
            os.fchmod(out.fileno(), MODE)
            out.write(exposition)
        scratch.replace(file)
    except OSError:
        scratch.unlink(missing_ok=True)
        raise


def _station(status: Mapping[str, Any]) -> Iterator[_Family]:
    info = {"gw": str(status["gw"]), "version": str(status["version"])}
    yield _Family("info", "gauge", "Gateway and version.", [(info, 1)])
    yield _Family("up_seconds", "gauge", "Since the daemon's start.", [({}, status["up_s"])])
    yield _Family("state", "gauge", "1 for the present state.", _one_of(status["state"], STATES))
    yield _Family(
        "clock_trust", "gauge", "0 none, 1 last known, 2 NTP, 3 GNSS.", _one(status["clock"]["trust"])
    )
    yield _Family("room_seconds", "gauge", "Room on disk at the present rate.", _one(status["room_s"]))
    source = status.get("config", {}).get("source")
    if source is not None:
        found = _one_of(source, CONFIG_SOURCES, label="source")
        yield _Family("config_source", "gauge", "1 for the configuration that runs.", found)
    raised: list[Sample] = [({"key": str(key)}, 1) for key in status.get("alarms", ())]
    yield _Family("alarm_raised", "gauge", "1 for each alarm raised now.", raised)
    under = len(status.get("maintenance", ()))
    yield _Family("maintenance_windows", "gauge", "Maintenance going on.", _one(under))


def _sensors(status: Mapping[str, Any]) -> Iterator[_Family]:
    states: list[Sample] = []
    ages: list[Sample] = []
    values: list[Sample] = []
    flags: list[Sample] = []
    for sensor in status["sensors"]:
        name = {"sensor": str(sensor["id"])}
        states += [({**name, **labels}, value) for labels, value in _one_of(sensor["state"], SENSOR_STATES)]
        ages.append((name, sensor["age_s"]))
        if sensor["state"] != "ok":  # an old value is never shown as if it were today's
            continue
        for channel in sensor["channels"]:
            labels = name | {"channel": str(channel["id"]), "unit": str(channel["unit"])}
            values.append((labels, channel["value"]))
            flags.append((labels, channel["flags"]))
    yield _Family("sensor_state", "gauge", "1 for the sensor's present state.", states)
    yield _Family("sensor_age_seconds", "gauge", "Since the last good reading.", ages)
    yield _Family("value", "gauge", "The newest value of a sensor that answers.", values)
    yield _Family("value_flags", "gauge", "Its quality bits, 0 is good.", flags)


def _store(store: Mapping[str, Any]) -> Iterator[_Family]:
    for name, words in (
        ("numbered", "Rows given a number."),
        ("delivered", "Rows the platform has."),
        ("gone", "Numbers that will never arrive: lost, summed up in others, or never used."),
        ("lost", "Rows that nobody will have: expired, refused or unreadable."),
    ):
        yield _Family(f"rows_{name}_total", "counter", words, _one(store[name]))
    yield _Family("rows_waiting", "gauge", "Rows not yet delivered.", _one(store["waiting"]))
    yield _Family("oldest_waiting_seconds", "gauge", "Age of the oldest.", _one(store["oldest_wait_s"]))
    yield _Family("store_bytes", "gauge", "Size of the store.", _one(store["bytes"]))
    yield _Family("store_max_bytes", "gauge", "Its limit.", _one(store["max_bytes"]))
    yield _Family(
        "store_sick", "gauge", "1 while the disk refuses.", _one(int(store.get("error") is not None))
    )


def _link(link: Mapping[str, Any]) -> Iterator[_Family]:
    if link["state"] == "none":
        return
    yield _Family("link_up", "gauge", "1 while connected.", _one(int(link["state"] == "up")))
    yield _Family("link_state_seconds", "gauge", "Since the last change.", _one(link.get("since_s")))
    yield _Family(
        "delivered_age_seconds", "gauge", "Since the last delivery.", _one(link.get("delivered_age_s"))
    )


def _one(value: float | None) -> list[Sample]:
    return [({}, value)]


def _one_of(present: str, names: Iterable[str], label: str = "state") -> list[Sample]:
    return [({label: name}, int(name == present)) for name in names]


def _braces(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
