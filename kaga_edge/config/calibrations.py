"""The file of calibrations, ``conf.d/50-calibration.toml``: written by a command, read like the rest.

Every entry says who, when, why, and what was shown before and after. Nothing is ever removed: what is taken
back keeps its line with ``undone``.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kaga_edge.config.placing import put

NAME = "50-calibration.toml"
Entry = dict[str, Any]
Entries = dict[str, list[Entry]]  # by sensor, oldest first
KEYS = (
    "channel", "method", "gain", "offset", "at", "who", "why", "raw", "true", "before", "after",
    "due", "undone",
)  # fmt: skip
HEAD = "# Written by: kaga-edge sensor calibrate. Per channel the last entry that is not undone holds.\n"


def calibration_file(config: Path) -> Path:
    """Return where the calibrations of a configuration lie."""
    return config.resolve().parent / "conf.d" / NAME


def read_calibrations(file: Path) -> Entries:
    """Return all entries; none when there is no file. Raises OSError, ValueError (not good TOML)."""
    try:
        tree = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return {sensor["id"]: list(sensor.get("calibration", [])) for sensor in tree.get("sensor", [])}


def in_force(entries: Sequence[Entry], channel: str) -> Entry | None:
    """Return the entry whose line holds for ``channel``."""
    return next((one for one in reversed(entries) if one["channel"] == channel and "undone" not in one), None)


def write_calibrations(file: Path, entries: Mapping[str, Sequence[Entry]], like: Path) -> None:
    """Replace the file in one step; owner and mode are those of ``like``. Raises OSError."""
    file.parent.mkdir(mode=0o755, exist_ok=True)
    put(file, _text(entries).encode(), like=like)


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
