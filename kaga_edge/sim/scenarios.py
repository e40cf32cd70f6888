"""The built-in stories: a flood, a snow night, a road that comes to a stand, and the demo's own.

Each is a ``Story``: curves over its length. Amounts are chosen to look like the Hokuriku coast, not
taken from an event; real events come in through ``replay``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from kaga_edge.sim.world import (
    LineEdge,
    Points,
    Truth,
    chance,
    crossings,
    integrated,
    interpolated,
    ripple,
)

HOUR_S = 3600.0
TIP_CLOSED_S = 0.12  # how long a reed contact stays closed while the bucket tips
CELL_S = 3.0  # one place for a vehicle: at most one in each, so at most 1,200 an hour and lane
LOOP_AND_CAR_M = 6.5  # loop length plus vehicle length


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """A lane: flow and speed over the story, and the window in which a vehicle stands on the loop."""

    flow_veh_h: Points = ((0.0, 0.0),)
    speed_kph: Points = ((0.0, 50.0),)
    stranded_s: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A world made of curves; keeps the ``World`` protocol. ``curves`` are named as in ``Truth``."""

    name: str
    length_s: float
    curves: Mapping[str, Points]
    rain_mm_h: Points = ((0.0, 0.0),)
    tip_mm: float = 0.5
    traffic: Traffic = field(default_factory=Traffic)
    seed: int = 1
    wave_m: float = 0.004  # ripples on the water

    def truth(self, t_s: float) -> Truth:
        """Return what is true at ``t_s``, ripples on the water included."""
        state = Truth(**{name: interpolated(points, t_s) for name, points in self.curves.items()})
        wave = ripple(self.seed, "wave", t_s, every_s=1.7, size=self.wave_m)
        return replace(state, water_level_m=state.water_level_m + wave)

    def rain_total_mm(self, t_s: float) -> float:
        """Return the rain since the story began."""
        return integrated(self.rain_mm_h, t_s) / HOUR_S

    def edges(self, line: str, since_s: float, until_s: float) -> tuple[LineEdge, ...]:
        """Return the edges of ``rain`` or ``vehicle`` in the window; other lines are quiet."""
        match line:
            case "rain":
                pulses = self._tips(since_s, until_s)
            case "vehicle":
                pulses = self._vehicles(since_s, until_s)
            case _:
                pulses = []
        both = [LineEdge(at_s=on, active=True) for on, _ in pulses]
        both += [LineEdge(at_s=off, active=False) for _, off in pulses]
        return tuple(sorted((e for e in both if since_s < e.at_s <= until_s), key=lambda e: e.at_s))

    def active(self, line: str, t_s: float) -> bool:
        """Return whether the contact is closed or the loop occupied at ``t_s``."""
        before = self.edges(line, t_s - 2 * CELL_S, t_s)
        if self.traffic.stranded_s and line == "vehicle":
            start_s, end_s = self.traffic.stranded_s
            if start_s <= t_s < end_s:
                return True
        return bool(before) and before[-1].active

    def _tips(self, since_s: float, until_s: float) -> list[tuple[float, float]]:
        start = since_s - 2 * TIP_CLOSED_S
        return [(at, at + TIP_CLOSED_S) for at in crossings(self.rain_total_mm, self.tip_mm, start, until_s)]

    def _vehicles(self, since_s: float, until_s: float) -> list[tuple[float, float]]:
        cells = range(int(max(0.0, since_s) // CELL_S) - 1, int(max(0.0, until_s) // CELL_S) + 1)
        pulses = [pulse for cell in cells if (pulse := self._vehicle(cell)) is not None]
        if self.traffic.stranded_s is None:
            return pulses
        start_s, end_s = self.traffic.stranded_s
        moving = [p for p in pulses if p[1] < start_s - 0.5 or p[0] > end_s + 0.5]
        return [*moving, (start_s, end_s)]

    def _vehicle(self, cell: int) -> tuple[float, float] | None:
        """Return when the vehicle of this cell is on the loop, None when the cell is empty."""
        if cell < 0:
            return None
        start_s = cell * CELL_S
        wanted = interpolated(self.traffic.flow_veh_h, start_s) * CELL_S / HOUR_S
        if chance(self.seed, "vehicle", cell) >= wanted:
            return None
        speed_m_s = interpolated(self.traffic.speed_kph, start_s) / 3.6
        on_s = min(LOOP_AND_CAR_M / max(speed_m_s, 0.1), CELL_S - 0.4)
        room_s = CELL_S - 0.3 - on_s
        at_s = start_s + 0.1 + room_s * chance(self.seed, "place", cell)
        return at_s, at_s + on_s


def flood(*, seed: int = 1) -> Story:
    """Six hours: rain from the first half hour, the river rises, crests at 2.35 m and falls."""
    return Story(
        name="flood",
        length_s=6 * HOUR_S,
        seed=seed,
        curves={
            "water_level_m": _hours((0, 0.42), (1, 0.45), (2, 0.95), (3, 1.95), (3.6, 2.35), (6, 1.30)),
            "water_temperature_c": _hours((0, 14.0), (6, 12.5)),
            "air_pressure_hpa": _hours((0, 1004.0), (3, 996.5), (6, 1001.0)),
            "air_temperature_c": _hours((0, 17.0), (2, 14.2), (6, 13.6)),
            "relative_humidity_pct": _hours((0, 82.0), (1, 97.0), (6, 95.0)),
        },
        rain_mm_h=_hours((0, 0), (0.5, 0), (1, 25), (1.8, 62), (2.6, 30), (4, 4), (5, 0)),
    )


def snow(*, seed: int = 1) -> Story:
    """Twelve hours: 38 cm of snow in two bursts, hard frost, wind that drifts 6 cm away again."""
    return Story(
        name="snow",
        length_s=12 * HOUR_S,
        seed=seed,
        curves={
            "snow_depth_m": _hours(
                (0, 0.22), (1, 0.22), (4, 0.41), (6, 0.43), (9, 0.60), (9.2, 0.54), (9.5, 0.58), (12, 0.56)
            ),
            "air_pressure_hpa": _hours((0, 1008.0), (6, 1012.0), (12, 1019.0)),
            "air_temperature_c": _hours((0, 0.8), (2, -1.0), (8, -6.5), (12, -9.2)),
            "relative_humidity_pct": _hours((0, 92.0), (6, 98.0), (12, 85.0)),
            # Falling snow scatters the echo: weaker, at the height of the storm uncertain.
            "echo_quality": _hours((0, 175), (1, 180), (2, 260), (4, 230), (7, 330), (9, 250), (10, 178)),
        },
        rain_mm_h=_hours((0, 0), (12, 0)),  # frozen: an unheated bucket says nothing
    )


def traffic(*, seed: int = 1) -> Story:
    """Two hours on one lane: free flow, congestion from 40 min, a vehicle stands from 60 to 80 min."""
    minute = 60.0
    return Story(
        name="traffic",
        length_s=2 * HOUR_S,
        seed=seed,
        curves={
            "air_temperature_c": _hours((0, -0.5), (2, -3.0)),
            "snow_depth_m": _hours((0, 0.10), (2, 0.24)),
        },
        traffic=Traffic(
            flow_veh_h=(
                (0, 620),
                (35 * minute, 680),
                (45 * minute, 950),
                (60 * minute, 700),
                (120 * minute, 500),
            ),
            speed_kph=((0, 48), (35 * minute, 42), (45 * minute, 9), (82 * minute, 9), (95 * minute, 40)),
            stranded_s=(60 * minute, 80 * minute),
        ),
    )


def demo(*, length_s: float = 90.0, seed: int = 1) -> Story:
    """All at once in one and a half minutes, for the demo: the river passes its danger level at a third.

    The rain and the river run faster than any real ones; vehicles drive at their usual speed.
    """

    def at(*points: tuple[float, float]) -> Points:
        return tuple((share * length_s, value) for share, value in points)

    return Story(
        name="demo",
        length_s=length_s,
        seed=seed,
        curves={
            "water_level_m": at((0, 0.42), (0.14, 0.45), (0.30, 1.62), (0.62, 2.31), (1.0, 1.85)),
            "water_temperature_c": at((0, 12.0), (1, 11.5)),
            "snow_depth_m": at((0, 0.120), (1, 0.180)),
            "air_pressure_hpa": at((0, 1002.0), (1, 998.5)),
            "air_temperature_c": at((0, 3.2), (1, 1.4)),
            "relative_humidity_pct": at((0, 88.0), (1, 97.0)),
        },
        rain_mm_h=at((0, 0), (0.10, 0), (0.16, 900), (0.6, 600), (1.0, 200)),
        traffic=Traffic(
            flow_veh_h=at((0, 800), (1, 800)),
            speed_kph=at((0, 45), (0.5, 30), (1, 12)),
            stranded_s=(0.70 * length_s, 0.95 * length_s),
        ),
    )


BY_NAME = {"flood": flood, "snow": snow, "traffic": traffic, "demo": demo}


def _hours(*points: tuple[float, float]) -> Points:
    return tuple((hours * HOUR_S, value) for hours, value in points)
