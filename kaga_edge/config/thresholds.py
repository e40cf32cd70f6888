"""What a sensor's values are held against: limits of the year and of seasons, thresholds with their ranks."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kaga_edge.config.faults import Code
from kaga_edge.config.lines import Path
from kaga_edge.config.sensor_tables import LimitsTable, QualityTable, ThresholdTable
from kaga_edge.config.tables import Desk
from kaga_edge.config.values import Thresholds
from kaga_edge.core.grading import Limits, SeasonLimits
from kaga_edge.core.local import MonthDay
from kaga_edge.core.siting import Mount
from kaga_edge.text import Phrase
from kaga_edge.vocabulary.quantities import Quantity

RANKS = ("standby", "caution", "evacuation", "danger", "levee")  # rivers, lowest first
SNOW_RANKS = ("caution", "warning")  # and everything else that is no water

LEVEL, DEPTH = Quantity.WATER_LEVEL_M.channel, Quantity.WATER_DEPTH_M.channel
RANKS_OF = {LEVEL: RANKS, DEPTH: (*RANKS, "warning")}


def limits_of(
    desk: Desk,
    given: Mapping[str, QualityTable],
    usual: Mapping[Quantity, Limits],
    path: Path,
) -> dict[str, Limits]:
    """Return the limits of each channel, the usual ones where none are given.

    A channel the sensor has not is noted.
    """
    channels = [one.channel for one in usual]
    for channel in given:
        if channel not in channels:
            desk.fault(
                (*path, "quality", channel), Code.UNKNOWN_CHANNEL, name=channel, valid=", ".join(channels)
            )
    merged = {one.channel: _merged(limits, given.get(one.channel)) for one, limits in usual.items()}
    for channel in given.keys() & merged.keys():
        for name, suspect, fail in _pairs(merged[channel]):
            if suspect is not None and fail is not None and suspect > fail:
                where = (*path, "quality", channel, f"{name}_suspect")
                desk.warn(where, Code.VALUE, reason=Phrase("limits.order"))
    return merged


def _pairs(limits: Limits) -> tuple[tuple[str, float | None, float | None], ...]:
    return (
        ("rate", limits.rate_suspect_per_s, limits.rate_fail_per_s),
        ("spike", limits.spike_suspect, limits.spike_fail),
        ("flat", limits.flat_suspect_s, limits.flat_fail_s),
        ("attenuated", limits.attenuated_fail, limits.attenuated_suspect),  # the smaller one is the worse
    )


def seasons_of(given: Mapping[str, QualityTable], limits: Mapping[str, Limits]) -> tuple[SeasonLimits, ...]:
    """Return the limits of seasons, each on top of the channel's limits of the year."""
    return tuple(
        SeasonLimits(
            channel=channel,
            between=(_month_day(season.between[0]), _month_day(season.between[1])),
            limits=_merged(limits[channel], season),
        )
        for channel, table in given.items()
        if channel in limits
        for season in table.season
    )


def alarms_of(
    desk: Desk, given: Mapping[str, ThresholdTable], quantities: tuple[Quantity, ...], path: Path
) -> dict[str, Thresholds]:
    """Return the thresholds of each channel named under ``alarms``."""
    channels = [one.channel for one in quantities]
    for channel in given:
        if channel not in channels:
            where = (*path, "alarms", channel)
            desk.fault(where, Code.UNKNOWN_CHANNEL, name=channel, valid=", ".join(channels))
    return {
        channel: Thresholds(
            by_rank=thresholds_of(desk, table, channel, (*path, "alarms", channel)),
            hysteresis=table.hysteresis,
        )
        for channel, table in given.items()
    }


def thresholds_of(desk: Desk, table: ThresholdTable, channel: str, path: Path) -> dict[str, float]:
    """Return the thresholds by rank, lowest first.

    Noted: ranks without a name on this channel; an alarm that could never end.
    """
    given = {rank: value for rank in (*RANKS, "warning") if (value := getattr(table, rank)) is not None}
    named = RANKS_OF.get(channel, SNOW_RANKS)
    for rank in given.keys() - set(named) if channel else ():
        desk.fault((*path, rank), Code.NOT_ONE_OF, value=rank, valid=", ".join(named))
    lowest = min((value for value in given.values() if value > 0), default=None)
    if channel != LEVEL and lowest is not None and (table.hysteresis or 0.0) >= lowest:
        desk.warn((*path, "hysteresis"), Code.VALUE, reason=Phrase("thresholds.endless", lowest=lowest))
    return dict(sorted(given.items(), key=lambda item: item[1]))


def check_order(desk: Desk, entry: Mapping[str, Any], path: Path) -> None:
    """Note ranks out of order, as they are written: another fault among them hides nothing."""
    _in_order(desk, entry.get("thresholds"), (*path, "thresholds"))
    alarms = entry.get("alarms")
    for channel, table in alarms.items() if isinstance(alarms, dict) else ():
        _in_order(desk, table, (*path, "alarms", channel))


def _in_order(desk: Desk, table: object, path: Path) -> None:
    written = table if isinstance(table, dict) else {}
    given = {
        rank: value
        for rank, value in written.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    for ranks in (RANKS, SNOW_RANKS):
        ordered = [rank for rank in ranks if rank in given]
        for lower, higher in itertools.pairwise(ordered):
            if given[lower] > given[higher]:
                desk.fault(
                    (*path, lower),
                    Code.THRESHOLD_ORDER,
                    lower=lower,
                    low=given[lower],
                    higher=higher,
                    high=given[higher],
                    order=" <= ".join(ranks),
                )


def warn_of_thresholds(
    desk: Desk, thresholds: Mapping[str, float], mount: Mount, nearest_m: float, path: Path
) -> None:
    """Note thresholds that were not filled in, and those above what a gauge looking down can show."""
    if len(thresholds) > 1 and not any(thresholds.values()):
        desk.warn(path, Code.VALUE, reason=Phrase("thresholds.zero"))
    height_m = mount.gauge_zero_to_sensor_m or mount.ground_to_sensor_m
    for rank, value in thresholds.items():
        if height_m is not None and value > height_m - nearest_m:
            most = f"{height_m - nearest_m:g}"
            desk.warn((*path, rank), Code.VALUE, reason=Phrase("thresholds.reach", value=value, most=most))


def _merged(limits: Limits, given: LimitsTable | None) -> Limits:
    if given is None:
        return limits
    names = given.model_fields_set - {"season", "between"}
    return replace(limits, **{name: getattr(given, name) for name in names})


def _month_day(text: str) -> MonthDay:
    month, _, day = text.partition("-")
    return int(month), int(day)
