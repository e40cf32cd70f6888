"""Whether a new version may stay: two looks at the station, one before and one after, and a limit.

It must do what the old one did: answer, keep the store, measure what was measured before. A sensor that was
silent before proves nothing; a sensor with a long interval gets until the limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

SETTLED_S = 20.0  # it has run this long without falling over


class Verdict(Enum):
    """What to do with the new version."""

    WAIT = "wait"
    KEEP = "keep"
    RETURN = "return"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look. ``sensors``: state by id; ``link``: up, down, refused, none."""

    version: str
    up_s: float
    sensors: Mapping[str, str] = field(default_factory=dict)
    link: str = "none"
    store_sick: bool = False

    @classmethod
    def of(cls, status: Mapping[str, Any]) -> Look:
        """Return the look that a status snapshot is."""
        return cls(
            version=str(status["version"]),
            up_s=float(status["up_s"]),
            sensors={one["id"]: one["state"] for one in status["sensors"]},
            link=str(status["link"]["state"]),
            store_sick=status["store"]["error"] is not None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The verdict, and what is still wrong: a code of the catalogue with its parameter."""

    verdict: Verdict
    wrong: str = ""
    what: str = ""


def judge(
    before: Look | None, now: Look | None, *, version: str, elapsed_s: float, limit_s: float
) -> Judgement:
    """Say whether ``version`` stays. ``before`` None: it was not running, then it only has to run."""
    late = elapsed_s >= limit_s
    wrong, what = _wrong(before, now, version, late=late)
    if not wrong:
        return Judgement(verdict=Verdict.KEEP)
    return Judgement(verdict=Verdict.RETURN if late else Verdict.WAIT, wrong=wrong, what=what)


def _wrong(before: Look | None, now: Look | None, version: str, *, late: bool) -> tuple[str, str]:
    if now is None:
        return "update.silent", ""
    if now.version != version:
        return "update.old_runs", now.version
    if now.up_s < SETTLED_S:
        return "update.restarts", ""
    if now.store_sick and not (before and before.store_sick):
        return "update.store", ""
    if before is None:
        return "", ""
    measured = [one for one, state in before.sensors.items() if state == "ok"]
    silent = [one for one in measured if not _goes_on(now.sensors.get(one, "failing"), late=late)]
    if silent:
        return "update.sensors", ", ".join(silent)
    if before.link == "up" and now.link != "up" and not (late and measured):
        return "update.link", now.link  # at the limit measuring is enough: a line may fail by itself
    return "", ""


def _goes_on(state: str, *, late: bool) -> bool:
    return state == "ok" or (state == "starting" and late)
