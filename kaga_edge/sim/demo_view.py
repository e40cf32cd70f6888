"""How the demo is shown: a live picture in a terminal, or one plain line for every change.

Words and spaces only: boxes, arrows and the like are two columns wide in Japanese terminals and would
break the lines. Nothing is told by colour alone. Works from 40 columns.
"""

from __future__ import annotations

import shutil
import sys
from collections import deque
from dataclasses import dataclass
from typing import Any, Protocol, TextIO

from kaga_edge.sim.demo_words import words
from kaga_edge.text import quantity_name, unit_shown
from kaga_edge.text.lines import fold, padded

NARROW = 60  # columns: below this, names and values go on lines of their own
EVENTS_SHOWN = 9
MOST_IMPORTANT_EVENTS = 2
# What is shown of each sensor: the first channel of these that it has.
SHOWN = (
    "water_level",
    "snow_depth",
    "air_temperature",
    "rain_total",
    "occupancy",
    "vehicle_count",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One sensor's line. ``value`` None with ``missing``: a failed poll."""

    sensor: str
    channel: str
    unit: str
    value: float | None
    missing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Everything the view shows at one moment."""

    elapsed_s: float
    total_s: float
    act: str  # the code of a text
    values: tuple[Value, ...] | None  # None: the daemon does not answer
    line_up: bool
    state: str  # the gateway as the platform sees it
    numbered: int
    waiting: int
    oldest_s: float | None
    arrived: int
    alarms: tuple[str, ...]


class View(Protocol):
    """What the demo talks to."""

    def open(self) -> None:
        """Begin."""

    def event(self, elapsed_s: float, text: str, picture: Picture | None = None) -> None:
        """Tell one change."""

    def show(self, picture: Picture) -> None:
        """Show the state; a plain view may ignore it."""

    def close(self) -> None:
        """End; later text goes below."""


def values_of(status: dict[str, Any] | None) -> tuple[Value, ...] | None:
    """Return the sensors' lines from the daemon's status, None when there is none."""
    if status is None:
        return None
    found = []
    for sensor in status["sensors"]:
        by_id = {channel["id"]: channel for channel in sensor["channels"]}
        shown = next((by_id[name] for name in SHOWN if name in by_id), sensor["channels"][0])
        found.append(
            Value(
                sensor=sensor["id"],
                channel=shown["id"],
                unit=shown["unit"],
                value=shown["value"],
                missing=sensor["state"] == "failing",
            )
        )
    return tuple(found)


def terminal_columns() -> int:
    """Return the terminal's width, 80 when there is none."""
    return max(20, shutil.get_terminal_size((80, 24)).columns)


class PlainView:
    """One line for every change, for recordings and CI."""

    def __init__(self, lang: str, out: TextIO = sys.stdout, columns: int | None = None) -> None:
        self._lang, self._out = lang, out
        self._columns = columns or terminal_columns()

    def open(self) -> None:
        """Nothing to prepare."""

    def event(self, elapsed_s: float, text: str, picture: Picture | None = None) -> None:
        """Print the change with the second of the story, and the counts behind it."""
        line = f"{elapsed_s:5.1f} s  {text}"
        if picture is not None:
            line += f"  ({numbers(picture, self._lang)})"
        for part in fold(line, self._columns, indent=9):
            print(part, file=self._out, flush=True)

    def show(self, picture: Picture) -> None:
        """Not in a plain view."""

    def close(self) -> None:
        """Nothing to end."""


class LiveView:
    """A picture that is drawn anew twice a second (rich), with the last changes below it."""

    def __init__(self, lang: str) -> None:
        self._lang = lang
        self._events: deque[str] = deque(maxlen=EVENTS_SHOWN)
        self._live: Any = None

    def open(self) -> None:
        """Begin to draw."""
        from rich.console import Console
        from rich.live import Live

        self._live = Live(
            console=Console(highlight=False, emoji=False),
            auto_refresh=False,
            vertical_overflow="crop",  # the other ways end with a sign of ambiguous width
        )
        self._live.start()

    def event(self, elapsed_s: float, text: str, picture: Picture | None = None) -> None:
        """Put the change under the picture."""
        self._events.append(f"{elapsed_s:5.1f} s  {text}")
        if picture is not None:
            self.show(picture)

    def show(self, picture: Picture) -> None:
        """Draw."""
        from rich.text import Text

        columns, rows = self._live.console.size
        lines = picture_lines(picture, self._lang, columns)
        lines += ["", words("events", self._lang)]
        events = [part for event in self._events for part in fold(event, columns, indent=9)]
        room = max(MOST_IMPORTANT_EVENTS, rows - len(lines) - 1)  # on a low screen the newest ones
        lines += events[-room:]
        self._live.update(Text("\n".join(lines), no_wrap=True, overflow="crop"), refresh=True)

    def close(self) -> None:
        """Leave the last picture standing."""
        if self._live is not None:
            self._live.stop()


def numbers(picture: Picture, lang: str) -> str:
    """Return the three counts in words."""
    return words("numbers", lang, numbered=picture.numbered, waiting=picture.waiting, arrived=picture.arrived)


def picture_lines(picture: Picture, lang: str, columns: int) -> list[str]:
    """Return the picture as lines of at most ``columns``."""
    head = f"{words('title', lang)}  {picture.elapsed_s:.0f} / {picture.total_s:.0f} s"
    lines = [head, *fold(words(picture.act, lang), columns), "", words("measured", lang)]
    lines += _value_lines(picture, lang, columns)
    lines += ["", *_count_lines(picture, lang, columns)]
    return lines


def _value_lines(picture: Picture, lang: str, columns: int) -> list[str]:
    if picture.values is None:
        return [f"  {words('daemon.down', lang)}"]
    lines = []
    for value in picture.values:
        name = f"{padded(value.sensor, 9)} {quantity_name(value.channel, lang)}"
        told = _told(value, lang)
        if columns < NARROW:
            lines.append(f"  {padded(value.sensor, 9)} {told}")
        else:
            lines.append(f"  {padded(name, 34)} {told}")
    return lines


def _told(value: Value, lang: str) -> str:
    if value.missing:
        return words("sensor.missing", lang)
    if value.value is None:
        return words("sensor.starting", lang)
    return f"{value.value:.10g} {unit_shown(value.unit, lang)}".rstrip()


def _count_lines(picture: Picture, lang: str, columns: int) -> list[str]:
    waits = str(picture.waiting)
    if picture.oldest_s is not None and picture.waiting:
        waits += f"  ({words('oldest', lang, seconds=f'{picture.oldest_s:.0f}')})"
    alarms = ", ".join(picture.alarms) or words("alarms.none", lang)
    pairs = (
        ("line", words("line.up" if picture.line_up else "line.cut", lang)),
        ("numbered", str(picture.numbered)),
        ("waits", waits),
        ("arrived", str(picture.arrived)),
        ("platform", words(f"state.{picture.state}", lang)),
        ("alarms", alarms),
    )
    lines = []
    for code, told in pairs:
        lines += fold(f"{padded(words(code, lang), 18)} {told}", columns, indent=19)
    return lines
