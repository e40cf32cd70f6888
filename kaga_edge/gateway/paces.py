"""Intervals that the city has set by a command: kept in the store, laid over what the files say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from kaga_edge.config.values import Config, SensorConfig
from kaga_edge.core.stranding import Stranding

KEY = "paces"


def over(written: Config, paces: Mapping[str, float]) -> Config:
    """Return the configuration with these intervals, itself when there are none."""
    if written.commands is None or "interval" not in written.commands.allow:
        return written  # whoever takes the right away has the files' intervals back
    sensors = tuple(
        _paced(one, paces[one.id]) if paces.get(one.id, one.every_s) != one.every_s else one
        for one in written.sensors
    )
    return written if sensors == written.sensors else replace(written, sensors=sensors)


def _paced(sensor: SensorConfig, every_s: float) -> SensorConfig:
    """Return the sensor with its interval, and those of its rules that count by intervals."""
    watches = tuple(
        replace(rule, every_s=every_s) if isinstance(rule, Stranding) else rule for rule in sensor.watches
    )
    return replace(sensor, every_s=every_s, watches=watches)


def from_text(text: str | None) -> dict[str, float]:
    """Return the intervals by sensor that ``to_text`` wrote; none for None or where a disk has spoilt it."""
    try:
        found: dict[str, float] = json.loads(text) if text else {}
        return {str(sensor): float(every_s) for sensor, every_s in found.items() if every_s > 0}
    except (ValueError, TypeError, AttributeError):
        return {}


def to_text(paces: Mapping[str, float]) -> str:
    """Return the intervals as text for the store."""
    return json.dumps(paces)
