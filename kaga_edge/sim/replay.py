"""Real series as a world: a river, a snow station, vehicle detector edges, read from a given file.

The kind of file is told by its header, never by its name. Values stand between rows as straight lines
(a logger's value holds until the next); edges keep their exact times. Attribution belongs to whoever
shows the data; the files bring their own.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from kaga_edge.sim.rows import body, iso_time, logger_time, names_in, number, rows_of
from kaga_edge.sim.world import LineEdge, Points, Truth, interpolated
from kaga_edge.vocabulary.errors import KagaError

TROUT_CREEK_COLUMNS = 8
DETECTOR_ON, DETECTOR_OFF = "82", "81"


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
    rows = rows_of(path)
    head = ",".join(cell for row in rows[:3] for cell in row)
    try:
        if "PresOB" in head:
            return _lasting(_trout_creek(rows))
        if head.startswith("TOA5"):
            return _lasting(_old_town(rows))
        if head.startswith("TimeStamp,DeviceId,EventId,Parameter"):
            return _lasting(_atspm(rows))
    except ValueError as error:
        raise KagaError(
            f"its rows do not fit: {error}", where=str(path), fix="keep the file as published"
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


def _lasting(series: Series) -> Series:
    if series.length_s <= 0:
        raise ValueError("all have one and the same time")
    return series


def _trout_creek(rows: Sequence[Sequence[str]]) -> Series:
    """Banner, header, then rows that end with a comma. Range in cm down to the water."""
    told = body(rows, below=2, columns=TROUT_CREEK_COLUMNS, at=logger_time)
    times = [logger_time(row[0]) for row in told]
    height_m = 5.0

    def column(index: int) -> Points:
        return _points(times, [row[index] for row in told])

    return Series(
        kind="river",
        starts_at=times[0],
        length_s=(times[-1] - times[0]).total_seconds(),
        rows=len(told),
        sensor_height_m=height_m,
        curves={
            "water_level_m": tuple((at, round(height_m - cm / 100, 6)) for at, cm in column(6)),
            "air_pressure_hpa": column(1),
            "relative_humidity_pct": column(2),
            "air_temperature_c": column(3),
            "pitch_deg": column(7),
        },
    )


def _old_town(rows: Sequence[Sequence[str]]) -> Series:
    """Campbell TOA5: four header lines. TCDT is the compensated distance in m down to the snow."""
    names = names_in(rows, 2)
    told = body(rows, below=4, columns=len(names), at=iso_time)
    times = [iso_time(row[0]) for row in told]
    height_m = 2.5

    def column(name: str) -> Points:
        if name not in names:
            raise ValueError(f"they have no column {name}")
        return _points(times, [row[names.index(name)] for row in told])

    return Series(
        kind="snow",
        starts_at=times[0],
        length_s=(times[-1] - times[0]).total_seconds(),
        rows=len(told),
        sensor_height_m=height_m,
        curves={
            "snow_depth_m": tuple((at, round(height_m - metres, 6)) for at, metres in column("TCDT")),
            "air_temperature_c": column("AirT"),
            "relative_humidity_pct": column("RH"),
            "echo_quality": column("Q"),
        },
    )


def _atspm(rows: Sequence[Sequence[str]]) -> Series:
    """Signal controller events: 82 detector on, 81 off; each detector is a line named by its number."""
    told = [
        row for row in body(rows, below=1, columns=4, at=iso_time) if row[2] in (DETECTOR_ON, DETECTOR_OFF)
    ]
    if not told:
        raise ValueError("none tells of a detector (event 81 or 82)")
    starts_at, ends_at = iso_time(told[0][0]), iso_time(told[-1][0])
    lines: dict[str, list[LineEdge]] = {}
    for row in sorted(told, key=lambda one: (iso_time(one[0]), one[2], one[3])):
        edge = LineEdge(at_s=(iso_time(row[0]) - starts_at).total_seconds(), active=row[2] == DETECTOR_ON)
        lines.setdefault(row[3], []).append(edge)
    return Series(
        kind="traffic",
        starts_at=starts_at,
        length_s=(ends_at - starts_at).total_seconds(),
        rows=len(told),
        lines={name: tuple(edges) for name, edges in lines.items()},
    )


def _points(times: Sequence[datetime], texts: Sequence[str]) -> Points:
    """Return the measured ones as (seconds since the first time, value). Raises ValueError without any."""
    values = ((at, number(text)) for at, text in zip(times, texts, strict=True))
    found = tuple(((at - times[0]).total_seconds(), value) for at, value in values if value is not None)
    if not found:
        raise ValueError("a column has no number")
    return found


def _at_s(edge: LineEdge) -> float:
    return edge.at_s
