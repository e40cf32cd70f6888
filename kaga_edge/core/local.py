"""Local time of a site, for what people count by: hours, days, seasons. Times in ms are UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

HOUR_MS = 3_600_000
MonthDay = tuple[int, int]


def local_time(at_ms: int, zone: str) -> datetime:
    """Return the wall clock of ``zone`` (an IANA name) at ``at_ms``."""
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC).astimezone(_zone(zone))


def last_full_hour_ms(at_ms: int, zone: str) -> int:
    """Return the last full hour of local time at or before ``at_ms``, as UTC ms."""
    offset = local_time(at_ms, zone).utcoffset()
    shift_ms = int(offset.total_seconds() * 1000) % HOUR_MS if offset else 0
    return (at_ms + shift_ms) // HOUR_MS * HOUR_MS - shift_ms


def in_season(day: MonthDay, season: tuple[MonthDay, MonthDay]) -> bool:
    """Tell whether a day lies in a season, both ends included; it may run over the new year."""
    first, last = season
    return first <= day <= last if first <= last else day >= first or day <= last


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
