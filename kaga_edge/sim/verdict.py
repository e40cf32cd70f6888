"""What the gateway makes of a recorded series, told against what is known of it. No wire, no waiting.

The rows go at their own times through the same pure path as in the daemon (siting, grading, alarms, new
snow, detector edges). What is known comes with the files: a technician's struck-out values, an echo
quality, labelled windows. Limits and thresholds here are the replay's own, of no authority.

Longer than most: rivers, snow and traffic, one after the other, through the same path.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from kaga_edge.config.limits import default_limits
from kaga_edge.core import alarms
from kaga_edge.core.alarms import AlarmRule
from kaga_edge.core.deriving import Deriving
from kaga_edge.core.grading import History, Limits, grade
from kaga_edge.core.sampling import Judged, SensorPlan, SensorState, judge
from kaga_edge.core.siting import Mount, Surroundings
from kaga_edge.core.snowfall import SnowRule
from kaga_edge.core.tallies import NS_PER_MS, NS_PER_S, PulseRule
from kaga_edge.core.traffic import Detector, VehicleState, fold_vehicles
from kaga_edge.sim import replay
from kaga_edge.sim.rows import body, iso_time, logger_time, names_in, number, rows_of
from kaga_edge.vocabulary.errors import KagaError
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import ClockTrust, Flag, Measurement, Moment, Reading
from kaga_edge.vocabulary.requests import Edge, Edges

BASE_RANGE_M = 3.70  # Trout Creek before the flood
# m above base, of this replay only: above the first of the two waves of that night (0.66 m).
RANKS = {"caution": 0.70, "evacuation": 0.85, "danger": 1.00}
RIVER_HYSTERESIS_M = 0.05
BARE_GROUND_M = 1.87  # Old Town SW: summer median of the distance
BLIND_ZONE_M = 0.5
STORM_M = 0.05
POOR_ECHO = 300  # as the SR50A driver has it
SHIFTED_M = 0.10  # beyond, the technician's correction is no drift but a fault of the datum
SHORT_PULSE_S = 0.15  # the recorder's step is 0.1 s
INTERVAL_S = 300
CHATTER_MS = 10
# Congestion at a point, on the file's own scale: from here on, and until it is back beyond the second.
OCCUPANCY_PCT = (30.0, 20.0)
SPEED_MPH = (25.0, 40.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the verdict; ``code`` chooses its words."""

    code: str
    values: Mapping[str, object] = field(default_factory=dict)


def verdict(path: Path) -> tuple[Finding, ...]:
    """Return what is found in a file of a known kind. Raises KagaError for another."""
    rows = rows_of(path)
    head = ",".join(cell for row in rows[:3] for cell in row)
    try:
        if "stage_cor" in head:
            return logan(rows)
        if head.startswith("timestamp,value"):
            return nab(rows, speed="speed" in path.name)
        if head.startswith("TOA5"):
            return old_town(rows)
        if "PresOB" in head:
            return trout_creek(rows)
        if head.startswith("TimeStamp,DeviceId,EventId,Parameter"):
            return atspm(replay.read(path))
    except ValueError as error:
        raise KagaError(
            f"its rows do not fit: {error}", where=str(path), fix="keep the file as published"
        ) from error
    raise KagaError(
        "not a kind of series known here",
        where=str(path),
        fix="known are Trout Creek, Campbell TOA5 with TCDT, ATSPM events, Logan River (_qc) and NAB traffic",
    )


# --- rivers ---


def trout_creek(rows: Sequence[Sequence[str]]) -> tuple[Finding, ...]:
    """The crest above base, and every alarm with its time."""
    plan = SensorPlan(
        id="level-1",
        said=(Quantity.SURFACE_DISTANCE_M,),
        mount=Mount(gauge_zero_to_sensor_m=BASE_RANGE_M),
        limits={Quantity.WATER_LEVEL_M.channel: default_limits(Quantity.WATER_LEVEL_M)},
        rules=tuple(
            AlarmRule(
                rank=rank,
                sensor="level-1",
                channel=Quantity.WATER_LEVEL_M.channel,
                unit="m",
                threshold=threshold,
                hysteresis=RIVER_HYSTERESIS_M,
            )
            for rank, threshold in RANKS.items()
        ),
    )
    rows = body(rows, below=2, columns=replay.TROUT_CREEK_COLUMNS, at=logger_time)
    told = _judged(plan, ((logger_time(row[0]), (_distance(_hundredths(row[6])),)) for row in rows))
    levels = [(level, at) for at, judged in told if (level := judged.sample.readings[0].value) is not None]
    if not levels:
        raise ValueError("none has a range")
    crest_m, crest_at = max(levels, key=lambda one: (one[0], -one[1].timestamp()))
    found = [Finding(code="river.crest", values={"level": f"{crest_m:.2f}", "at": _utc(crest_at)})]
    found += [
        Finding(
            code=f"alarm.{alert.state}",
            values={"rank": alert.data["rank"], "at": _utc(at), "level": f"{alert.data['value']:.2f}"},
        )
        for at, judged in told
        for alert in judged.alerts
    ]
    flagged = sum(bool(judged.sample.readings[0].flags) for _, judged in told)
    return (*found, Finding(code="flagged", values={"n": flagged, "of": len(told)}))


# A water-quality sonde in a mountain river: the sensors' ranges, and jumps between two quarters of an hour.
SONDE = {
    "cond": Limits(gross_fail=(10.0, 2000.0), spike_suspect=5.0, spike_fail=20.0),  # uS/cm
    "ph": Limits(gross_fail=(5.0, 10.0), spike_suspect=0.1, spike_fail=0.3),
    "do": Limits(gross_fail=(0.0, 20.0), spike_suspect=0.5, spike_fail=2.0),  # mg/l
    "turb": Limits(gross_fail=(0.0, 1000.0)),  # NTU; a river may grow turbid at once
}


LOGAN_COLUMNS = (
    "datetime",
    *(f"{name}{end}" for name in ("stage", "temp", *SONDE) for end in ("", "_cor", "_qual")),
)


def logan(rows: Sequence[Sequence[str]]) -> tuple[Finding, ...]:
    """For each channel: struck-out values caught, good ones flagged, shifted ones; then all together."""
    told = _named(rows, names=rows[0], below=1, wants=LOGAN_COLUMNS)
    level = replace(default_limits(Quantity.WATER_LEVEL_M), gross_fail=(-0.5, 3.0))
    water = replace(
        default_limits(Quantity.WATER_TEMPERATURE_C), rate_suspect_per_s=3 / 600, rate_fail_per_s=6 / 600
    )
    stage = _graded_against(told, "stage", Quantity.WATER_LEVEL_M, level, 0.01)
    temperature = _graded_against(told, "temp", Quantity.WATER_TEMPERATURE_C, water, 1.0)
    # No driver here measures these; what grades them is the same tests. Their quantity only lends its name.
    others = tuple(
        replace(_graded_against(told, name, Quantity.WATER_TEMPERATURE_C, limits, 1.0), code=f"struck.{name}")
        for name, limits in SONDE.items()
    )
    every = (stage, temperature, *others)
    sums = {
        key: sum(int(str(one.values[key])) for one in every) for key in ("struck", "caught", "good", "false")
    }
    return (*every, Finding(code="struck.all", values=sums))


def _struck(row: Mapping[str, str], name: str) -> bool:
    return number(row[name]) is None or number(row[f"{name}_cor"]) is None or row[f"{name}_qual"] == "7"


def _graded_against(
    told: Sequence[Mapping[str, str]], name: str, quantity: Quantity, limits: Limits, scale: float
) -> Finding:
    """Grade one channel; -9999 and NULL are what a driver gives as no value."""
    history = History()
    counts = dict.fromkeys(("struck", "caught", "good", "false", "shifted", "shifted_flagged"), 0)
    for row in told:
        at_s = iso_time(row["datetime"]).timestamp()
        raw, corrected = number(row[name]), number(row[f"{name}_cor"])
        value = None if raw is None else raw * scale
        history, reading = grade(limits, history, at_s, Measurement(quantity=quantity, value=value))
        flagged = bool(reading.flags)
        if _struck(row, name) or raw is None or corrected is None:
            counts["struck"] += 1
            counts["caught"] += flagged
        elif (
            quantity is Quantity.WATER_LEVEL_M
            and abs(raw - corrected - _usual_shift(told, name)) * scale > SHIFTED_M
        ):
            counts["shifted"] += 1
            counts["shifted_flagged"] += flagged
        else:
            counts["good"] += 1
            counts["false"] += flagged
    return Finding(code="struck", values={"channel": quantity.channel, **counts})


def _usual_shift(told: Sequence[Mapping[str, str]], name: str) -> float:
    """Return the file's median correction: a datum given afterwards is no fault of a single value."""
    shifts = sorted(
        raw - corrected
        for row in told
        if (raw := number(row[name])) is not None and (corrected := number(row[f"{name}_cor"])) is not None
    )
    return shifts[len(shifts) // 2] if shifts else 0.0


# --- snow ---


def old_town(rows: Sequence[Sequence[str]]) -> tuple[Finding, ...]:
    """The storms, and what became of poor echoes; the cheap second sensor beside."""
    told = _named(rows, names=names_in(rows, 2), below=4, wants=("TIMESTAMP", "TCDT", "Q", "ARD_DT"))
    times = [iso_time(row["TIMESTAMP"]) for row in told]
    plan = _snow_plan("snow-1")
    first = _judged(
        plan,
        ((at, (_distance(number(row["TCDT"]), _echo(row)),)) for at, row in zip(times, told, strict=True)),
    )
    depth = [judged.sample.readings[0] for _, judged in first]
    found = [Finding(code="snow.storm", values=storm) for storm in _storms(first)]
    found.append(_echoes("TCDT", depth, [_echo(row) != Flag.GOOD for row in told]))
    second = _judged(
        _snow_plan("snow-2"),
        ((at, (_distance(_millimetres(row["ARD_DT"])),)) for at, row in zip(times, told, strict=True)),
    )
    failed = [not 0 < (_millimetres(row["ARD_DT"]) or 0.0) < 4.9 for row in told]
    found.append(_echoes("ARD_DT", [judged.sample.readings[0] for _, judged in second], failed))
    return tuple(found)


def _snow_plan(sensor: str) -> SensorPlan:
    limits = replace(default_limits(Quantity.SNOW_DEPTH_M), gross_fail=(-0.10, BARE_GROUND_M - BLIND_ZONE_M))
    return SensorPlan(
        id=sensor,
        said=(Quantity.SURFACE_DISTANCE_M,),
        mount=Mount(ground_to_sensor_m=BARE_GROUND_M),
        limits={Quantity.SNOW_DEPTH_M.channel: limits},
        deriving=Deriving(snow=SnowRule(), zone="UTC"),  # the file is in local time
    )


def _storms(told: Sequence[tuple[datetime, Judged]]) -> Iterable[dict[str, object]]:
    """Yield the largest sum of 24 hours of each time in which that sum stayed at 5 cm or more."""
    largest: tuple[float, datetime] | None = None
    for at, judged in told:
        fallen_m = _reading(judged, Quantity.SNOWFALL_24H_M).value or 0.0
        if fallen_m >= STORM_M and (largest is None or fallen_m > largest[0]):
            largest = (fallen_m, at)
        elif fallen_m < STORM_M and largest is not None:
            yield _storm(*largest)
            largest = None
    if largest is not None:
        yield _storm(*largest)


def _storm(fallen_m: float, at: datetime) -> dict[str, object]:
    return {"cm": f"{fallen_m * 100:.1f}", "until": at.strftime("%Y-%m-%d %H:%M")}


def _echoes(name: str, readings: Sequence[Reading], failed: Sequence[bool]) -> Finding:
    flagged = [bool(reading.flags) for reading in readings]
    both = list(zip(flagged, failed, strict=True))
    return Finding(
        code="echoes",
        values={
            "channel": name,
            "failed": sum(failed),
            "caught": sum(f and bad for f, bad in both),
            "good": len(both) - sum(failed),
            "false": sum(f and not bad for f, bad in both),
        },
    )


def _echo(row: Mapping[str, str]) -> Flag:
    quality = number(row["Q"])
    return Flag.LOW_QUALITY if quality is None or quality == 0 or quality > POOR_ECHO else Flag.GOOD


def _millimetres(text: str) -> float | None:
    value = number(text)
    return None if value is None else value / 1000


# --- traffic ---


def atspm(series: replay.Series) -> tuple[Finding, ...]:
    """Vehicles of each detector in intervals of five minutes, and how many pulses were short."""
    short = sum(_short(series, name) for name in series.lines)
    counted = (_counted(series, name) for name in sorted(series.lines))
    return (*counted, Finding(code="traffic.short", values={"n": short}))


def _counted(series: replay.Series, name: str) -> Finding:
    detector = Detector(first=PulseRule(gpio=1, shortest_ns=CHATTER_MS * NS_PER_MS))
    state, total, busiest, intervals, until_s = VehicleState(), 0, 0, 0, 0.0
    active = False
    while until_s <= series.length_s:
        since_s, until_s = until_s, until_s + INTERVAL_S
        edges = series.edges(name, since_s if intervals else -1.0, until_s)
        taken = Edges(
            start_ns=round(since_s * NS_PER_S) - 1,
            end_ns=round(until_s * NS_PER_S),
            edges=tuple(Edge(at_ns=round(e.at_s * NS_PER_S), gpio=1, active=e.active) for e in edges),
            active_at_start={1: active},
            first=not intervals,
        )
        active = edges[-1].active if edges else active
        state, tally = fold_vehicles(state, taken, detector)
        intervals += 1
        total += tally.count
        busiest = max(busiest, tally.count)
    return Finding(
        code="traffic.counted",
        values={"detector": name, "vehicles": total, "intervals": intervals, "busiest": busiest},
    )


def _short(series: replay.Series, name: str) -> int:
    edges = series.lines[name]
    return sum(
        on.active and not off.active and off.at_s - on.at_s < SHORT_PULSE_S for on, off in pairwise(edges)
    )


def nab(rows: Sequence[Sequence[str]], *, speed: bool) -> tuple[Finding, ...]:
    """Congestion as an alarm with hysteresis: full lanes, or slow vehicles."""
    begins, ends = SPEED_MPH if speed else OCCUPANCY_PCT
    sign = -1.0 if speed else 1.0  # an alarm is raised by high values
    rule = AlarmRule(
        rank="congestion", sensor="road-1", channel="speed" if speed else "occupancy", unit="1",
        threshold=sign * begins, hysteresis=abs(ends - begins),
    )  # fmt: skip
    raised: frozenset[str] = frozenset()
    windows: list[tuple[str, str, float]] = []
    told = body(rows, below=1, columns=2, at=iso_time)
    for at, text, *_ in told:
        value = number(text)
        if value is None:
            continue
        before = raised
        raised, _ = alarms.step((rule,), raised, sign * value)
        if raised and not before:
            windows.append((at, at, value))
        elif raised:
            since, _, worst = windows[-1]
            windows[-1] = (since, at, min(worst, value) if speed else max(worst, value))
    if not windows:
        return (Finding(code="congestion.none", values={"n": len(told)}),)
    kind = "speed" if speed else "occupancy"
    return tuple(
        Finding(code=f"congestion.{kind}", values={"since": since, "until": until, "worst": f"{worst:g}"})
        for since, until, worst in windows
    )


# --- through the daemon's path ---


def _named(
    rows: Sequence[Sequence[str]], *, names: Sequence[str], below: int, wants: Iterable[str]
) -> list[dict[str, str]]:
    """Return the rows below the header, each by the names of its columns. Raises ValueError."""
    missing = [name for name in wants if name not in names]
    if missing:
        raise ValueError(f"they have no column {missing[0]}")
    told = body(rows, below=below, columns=len(names), at=iso_time)
    return [dict(zip(names, row, strict=False)) for row in told]


def _judged(
    plan: SensorPlan, points: Iterable[tuple[datetime, tuple[Measurement, ...]]]
) -> list[tuple[datetime, Judged]]:
    state, told = SensorState(), []
    for at, said in points:
        at_ms = round(at.timestamp() * 1000)
        moment = Moment(wall_ms=at_ms, up_ms=at_ms, boot="replay", trust=ClockTrust.NTP)
        state, judged = judge(
            plan, state, at=moment, at_s=at_ms / 1000, measurements=said, around=Surroundings()
        )
        told.append((at, judged))
    return told


def _reading(judged: Judged, quantity: Quantity) -> Reading:
    return next(reading for reading in judged.sample.readings if reading.quantity is quantity)


def _hundredths(text: str) -> float | None:
    value = number(text)
    return None if value is None else value / 100


def _distance(metres: float | None, flags: Flag = Flag.GOOD) -> Measurement:
    return Measurement(quantity=Quantity.SURFACE_DISTANCE_M, value=metres, flags=flags)


def _utc(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")
