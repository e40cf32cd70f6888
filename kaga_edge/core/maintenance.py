"""Maintenance: for a while somebody works at a sensor. Measuring goes on; every value says so (flag 32).

A window ends by itself: by the boot clock while the boot lasts, after a restart by the time of day.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from kaga_edge.vocabulary.readings import Flag, Moment, Sample

SITE = "site"  # every sensor
LONGEST_MINUTES = 24 * 60
Windows = Mapping[str, "Window"]  # by sensor, or SITE


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One maintenance: of one sensor, or of the whole site (``SITE``)."""

    sensor: str
    since_ms: int  # UTC
    until_ms: int
    until_up_ms: int  # the same by the boot clock of ``boot``
    boot: str
    who: str
    why: str
    announced: bool = False  # the alert lane has been told that it began

    @property
    def key(self) -> str:
        """The alert's key."""
        return f"maintenance/{self.sensor}"

    def lasts(self, at: Moment) -> bool:
        """Say whether ``at`` lies within it."""
        if at.boot == self.boot:
            return at.up_ms < self.until_up_ms
        return at.wall_ms < self.until_ms


def begun(sensor: str, at: Moment, minutes: float, who: str, why: str) -> Window:
    """Return a window that begins now."""
    length_ms = round(minutes * 60_000)
    return Window(
        sensor=sensor,
        since_ms=at.wall_ms,
        until_ms=at.wall_ms + length_ms,
        until_up_ms=at.up_ms + length_ms,
        boot=at.boot,
        who=who,
        why=why,
    )


def ended(window: Window, at: Moment) -> Window:
    """Return the window with its end now; the next sample tells it and takes the window away."""
    return replace(window, until_ms=at.wall_ms, until_up_ms=at.up_ms, boot=at.boot)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """A sample in the light of the windows; ``told``: (window, "raised" | "cleared") to announce with it."""

    windows: Windows
    sample: Sample
    told: tuple[tuple[Window, str], ...] = ()


def covers(windows: Windows, sensor: str, at: Moment) -> bool:
    """Say whether somebody works at the sensor, or at the whole site, at that moment."""
    return any(name in windows and windows[name].lasts(at) for name in (SITE, sensor))


def mark(windows: Windows, sample: Sample) -> Marked:
    """Flag the sample while a window lasts; announce what began or ended since the sample before."""
    left, told, flagged = dict(windows), [], False
    for name in (SITE, sample.sensor):
        window = windows.get(name)
        if window is None:
            continue
        if not window.announced:
            told.append((window, "raised"))
        if window.lasts(sample.at):
            flagged = True
            left[name] = replace(window, announced=True)
        else:
            told.append((window, "cleared"))
            del left[name]
    if flagged:
        readings = tuple(replace(one, flags=one.flags | Flag.MAINTENANCE) for one in sample.readings)
        sample = replace(sample, readings=readings)
    return Marked(windows=left, sample=sample, told=tuple(told))


def to_text(windows: Iterable[Window]) -> str:
    """Return the windows as text for the store."""
    return json.dumps([asdict(one) for one in windows], ensure_ascii=False, separators=(",", ":"))


def from_text(text: str | None) -> dict[str, Window]:
    """Return the windows that ``to_text`` wrote; none for None or where a disk has spoilt it."""
    try:
        entries: list[dict[str, Any]] = json.loads(text) if text else []
        return {one["sensor"]: Window(**one) for one in entries}
    except (ValueError, TypeError, LookupError):
        return {}
