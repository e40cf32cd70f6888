"""Real series as a world: a river, a snow station, vehicle detector edges, read from a given file.

The kind of file is told by its header, never by its name. Values stand between rows as straight lines
(a logger's value holds until the next); edges keep their exact times. Attribution belongs to whoever
shows the data; the files bring their own.
"""

from __future__ import annotations

import csv
import io
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from kaga_edge.sim.world import LineEdge, Points, Truth, interpolated
from kaga_edge.vocabulary.errors import KagaError


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A world read from a file. ``lines`` holds each line's edges; ``starts_at`` is the first row's time.

    ``sensor_height_m`` is where the instrument of the series hangs above the zero used for ``truth``,
    so that an instrument simulated at that height sees the very distances of the file.
    """

    kind: str  # "river", "snow", "traffic"
    starts_at: datetime
    length_s: float
    curves: dict[str, Points] = field(default_factory=dict)
    lines: dict[str, tuple[LineEdge, ...]] = field(default_factory=dict)
    sensor_height_m: float = 0.0
    rows: int = 0

    def truth(self, t_s: float) -> Truth:
        """Return what the series says at ``t_s`` seconds after its first row."""
        return Truth(**{name: interpolated(points, t_s) for name, points in self.curves.items()})

    def edges(self, line: str, since_s: float, until_s: float) -> tuple[LineEdge, ...]:
        """Return the recorded edges of a line in the window."""
        all_edges = self.lines.get(line, ())
        first = bisect_right(all_edges, since_s, key=_at_s)
        return all_edges[first : bisect_right(all_edges, until_s, key=_at_s)]

    def active(self, line: str, t_s: float) -> bool:
        """Return the line's state at ``t_s``, from the last edge before."""
        all_edges = self.lines.get(line, ())
        at = bisect_right(all_edges, t_s, key=_at_s)
        return at > 0 and all_edges[at - 1].active


def read(path: Path) -> Series:
    """Return the series in a file. Raises KagaError when the file is of no known kind or cannot be read."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise KagaError(
            f"cannot be read: {getattr(error, 'strerror', None) or error}",
            where=str(path),
            fix="give a readable CSV file",
        ) from error
    head = "\n".join(text.splitlines()[:3])
    rows = list(csv.reader(io.StringIO(text)))
    try:
        if "PresOB" in head:
            return _trout_creek(rows)
        if head.startswith('"TOA5"'):
            return _old_town(rows)
        if head.startswith("TimeStamp,DeviceId,EventId,Parameter"):
            return _atspm(rows)
    except (ValueError, IndexError) as error:
        raise KagaError(
            f"a row does not fit: {error}", where=str(path), fix="keep the file as published"
        ) from error
    raise KagaError(
        "not a kind of series known here",
        where=str(path),
        fix="known are the Trout Creek logger, Campbell TOA5 with TCDT, and ATSPM detector events",
    )


def playable(path: Path) -> bool:
    """Tell whether there are instruments for this file, so that it can be played to the daemon."""
    try:
        read(path)
    except KagaError:
        return False
    return True


def _trout_creek(rows: Sequence[Sequence[str]]) -> Series:
    """Banner, header, then rows that end with a comma. Range in cm down to the water."""
    body = [row for row in rows[2:] if row]
    times = [_utc(row[0], "%Y/%m/%d %H:%M:%S") for row in body]
    height_m = 5.0
    since = [(at - times[0]).total_seconds() for at in times]

    def column(index: int) -> list[float]:
        return [float(row[index]) for row in body]

    levels = [round(height_m - cm / 100, 6) for cm in column(6)]
    return Series(
        kind="river",
        starts_at=times[0],
        length_s=since[-1],
        rows=len(body),
        sensor_height_m=height_m,
        curves={
            "water_level_m": _points(since, levels),
            "air_pressure_hpa": _points(since, column(1)),
            "relative_humidity_pct": _points(since, column(2)),
            "air_temperature_c": _points(since, column(3)),
            "pitch_deg": _points(since, column(7)),
        },
    )


def _old_town(rows: Sequence[Sequence[str]]) -> Series:
    """Campbell TOA5: four header lines. TCDT is the compensated distance in m down to the snow."""
    names = rows[1]
    body = [dict(zip(names, row, strict=True)) for row in rows[4:] if row]
    times = [_utc(row["TIMESTAMP"], "%Y-%m-%d %H:%M:%S") for row in body]
    since = [(at - times[0]).total_seconds() for at in times]
    height_m = 2.5

    def column(name: str) -> Points:
        pairs = zip(since, (row[name] for row in body), strict=True)
        return tuple((at, float(text)) for at, text in pairs if text != "NAN")

    distances = column("TCDT")
    return Series(
        kind="snow",
        starts_at=times[0],
        length_s=since[-1],
        rows=len(body),
        sensor_height_m=height_m,
        curves={
            "snow_depth_m": tuple((at, round(height_m - metres, 6)) for at, metres in distances),
            "air_temperature_c": column("AirT"),
            "relative_humidity_pct": column("RH"),
            "echo_quality": column("Q"),
        },
    )


def _atspm(rows: Sequence[Sequence[str]]) -> Series:
    """Signal controller events: 82 detector on, 81 off; each detector is a line named by its number."""
    body = sorted((_utc(row[0], "%Y-%m-%d %H:%M:%S.%f"), row[2], row[3]) for row in rows[1:] if row)
    starts_at = body[0][0]
    lines: dict[str, list[LineEdge]] = {}
    for at, event, detector in body:
        edge = LineEdge(at_s=(at - starts_at).total_seconds(), active=event == "82")
        lines.setdefault(detector, []).append(edge)
    return Series(
        kind="traffic",
        starts_at=starts_at,
        length_s=(body[-1][0] - starts_at).total_seconds(),
        rows=len(body),
        lines={name: tuple(edges) for name, edges in lines.items()},
    )


def _utc(text: str, form: str) -> datetime:
    """Read a time; series in local time without a zone keep their numbers, only differences matter."""
    return datetime.strptime(text, form).replace(tzinfo=UTC)


def _points(since: Sequence[float], values: Sequence[float]) -> Points:
    return tuple(zip(since, values, strict=True))


def _at_s(edge: LineEdge) -> float:
    return edge.at_s
