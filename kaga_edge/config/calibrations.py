"""The file of calibrations, ``conf.d/50-calibration.toml``: written by a command, read like the rest.

Every entry says who, when, why, and what was shown before and after. Nothing is ever removed: what is taken
back keeps its line with ``undone``. Whoever writes has read a while ago and has thought since: what another
wrote meanwhile is never overwritten.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from kaga_edge.config import plainfile
from kaga_edge.config.placing import put

NAME = "50-calibration.toml"
Entry = dict[str, Any]
Entries = dict[str, list[Entry]]  # by sensor, oldest first
KEYS = (
    "channel", "method", "gain", "offset", "at", "who", "why", "raw", "true", "before", "after",
    "due", "undone",
)  # fmt: skip
WORDS = ("channel", "method", "at", "who")  # every entry has these as text, and these as numbers:
NUMBERS = ("gain", "offset", "raw", "true", "before", "after")
HEAD = (
    "# Written by: kaga-edge sensor calibrate. Per channel the last entry that is not undone holds.\n"
    "# Remarks of your own are not kept here: write them in another file of conf.d.\n"
)


class CalibratedMeanwhile(Exception):
    """Another has calibrated the sensor since its entries were read."""


def calibration_file(config: Path) -> Path:
    """Return where the calibrations of a configuration lie."""
    return plainfile.folder(config) / "conf.d" / NAME


def read_calibrations(file: Path) -> Entries:
    """Return all entries; none when there is no file.

    Raises OSError, ValueError: not good TOML, or by hand something came in that would be lost when we write.
    """
    try:
        tree = plainfile.tables(plainfile.read(file).decode("utf-8-sig"))
    except FileNotFoundError:
        return {}
    found: Entries = {}
    for name, tables in tree.items():
        if name != "sensor" or not isinstance(tables, list):
            raise ValueError(f"{name} does not belong in this file")
        for table in tables:
            sensor = table.get("id") if isinstance(table, dict) else None
            if type(sensor) is not str:
                raise ValueError("a [[sensor]] without id")
            found.setdefault(sensor, []).extend(_entries(sensor, table))
    return found


def _entries(sensor: str, table: Mapping[str, Any]) -> Iterator[Entry]:
    if strange := sorted(table.keys() - {"id", "calibration"}):
        raise ValueError(f"{strange[0]} of {sensor} does not belong in this file")
    entries = table.get("calibration", [])
    for entry in entries if isinstance(entries, list) else [entries]:
        if type(entry) is not dict:
            raise ValueError(f"a calibration of {sensor} without a good channel")
        if strange := sorted(entry.keys() - set(KEYS)):
            raise ValueError(f"{strange[0]} of {sensor} does not belong in this file")
        whole: Entry = {"gain": 1.0, "offset": 0.0} | entry
        bad = [key for key in WORDS if not isinstance(whole.get(key), str)]
        bad += [key for key in NUMBERS if type(whole.get(key)) not in (int, float)]
        if bad:
            raise ValueError(f"a calibration of {sensor} without a good {bad[0]}")
        yield {key: str(value) if isinstance(value, date) else value for key, value in whole.items()}


def in_force(entries: Sequence[Entry], channel: str) -> Entry | None:
    """Return the entry whose line holds for ``channel``."""
    return next((one for one in reversed(entries) if one["channel"] == channel and "undone" not in one), None)


def write_calibrations(
    file: Path, sensor: str, seen: Sequence[Entry], own: Sequence[Entry], like: Path
) -> None:
    """Put ``own`` in the place of a sensor's entries, in one step; owner and mode are those of ``like``.

    Raises CalibratedMeanwhile: they are no longer what was ``seen``; OSError, ValueError.
    """
    file.parent.mkdir(mode=0o755, exist_ok=True)
    with _alone(file.parent):
        entries = read_calibrations(file)
        if entries.get(sensor, []) != list(seen):
            raise CalibratedMeanwhile(sensor)
        put(file, _text(entries | {sensor: list(own)}).encode(), like=like)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep the other writers out: the command and the page may be used at the same time."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)  # until it is closed; nobody holds it longer than one write
        yield
    finally:
        os.close(handle)


def _text(entries: Mapping[str, Sequence[Entry]]) -> str:
    parts = [HEAD]
    for sensor, found in entries.items():
        parts.append(f"\n[[sensor]]\nid = {_value(sensor)}\n")
        for one in found:
            lines = (f"{key} = {_value(one[key])}\n" for key in KEYS if key in one)
            parts.append("\n[[sensor.calibration]]\n" + "".join(lines))
    return "".join(parts)


def _value(value: str | float) -> str:
    """Return a TOML value: JSON's strings and our finite numbers are TOML too."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(float(value))
