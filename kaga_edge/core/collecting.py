"""Collection stopped by request: of one sensor, by whom, why, until when.

A stopped sensor is not asked and not listened to; its rows say so (flag 512) rather than leaving a gap.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from kaga_edge.core.sampling import SensorPlan
from kaga_edge.vocabulary.readings import Flag, Grade, Moment, Reading, Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One sensor's stop. ``until_ms`` None: until somebody starts it again."""

    sensor: str
    since_ms: int
    until_ms: int | None
    who: str
    why: str

    @property
    def key(self) -> str:
        """The alert's key."""
        return f"collect/{self.sensor}"

    def over(self, now: Moment) -> bool:
        """Say whether its time is over. A clock nobody vouches for starts nothing again."""
        return self.until_ms is not None and int(now.trust) >= 2 and now.wall_ms >= self.until_ms


def stopped_sample(plan: SensorPlan, at: Moment) -> Sample:
    """Return the row that says: nothing is collected here, by request."""
    nothing = tuple(
        Reading(quantity=q, value=None, flags=Flag.STOPPED, grade=Grade.MISSING) for q in plan.channels
    )
    return Sample(sensor=plan.id, at=at, readings=nothing)


def to_text(stops: Iterable[Stop]) -> str:
    """Return the stops as text for the store."""
    return json.dumps([asdict(one) for one in stops], ensure_ascii=False, separators=(",", ":"))


def from_text(text: str | None) -> dict[str, Stop]:
    """Return the stops that ``to_text`` wrote; none for None or where a disk has spoilt it."""
    try:
        entries: list[dict[str, Any]] = json.loads(text) if text else []
        return {one["sensor"]: Stop(**one) for one in entries}
    except (ValueError, TypeError, LookupError):
        return {}
