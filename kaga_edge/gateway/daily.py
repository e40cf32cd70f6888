"""Once a day: a line that sums up the day, and a word about certificates that end soon."""

from __future__ import annotations

import json
import ssl
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from kaga_edge.core.certificates import not_after
from kaga_edge.core.local import local_time
from kaga_edge.gateway.notable import News
from kaga_edge.gateway.snapshot import Facts, room_s
from kaga_edge.vocabulary.readings import ClockTrust

KEY = "daily"
WARN_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day of the site, and how the counts stood when it began."""

    day: str
    numbered: int
    delivered: int
    gone: int


def step(before: Day | None, facts: Facts) -> tuple[Day | None, tuple[News, ...]]:
    """Return the present day, and yesterday's summary when a new one has begun.

    With a clock nobody vouches for no day begins.
    """
    if facts.moment.trust in (ClockTrust.NONE, ClockTrust.LAST_KNOWN):
        return before, ()
    epochs = facts.ledger.epochs
    sums = {
        "numbered": sum(tally.rows for tally in epochs),
        "delivered": sum(tally.delivered for tally in epochs),
        "gone": sum(tally.lost for tally in epochs),
    }
    today = local_time(facts.moment.wall_ms, facts.config.site.zone).date().isoformat()
    now = Day(day=today, **sums)
    if before is None:
        return now, ()
    if before.day == today:
        return before, ()
    return now, (_summary(before, now, facts), *_certificates(facts))


def to_text(day: Day) -> str:
    """Return the day as text for the store."""
    return json.dumps(asdict(day))


def from_text(text: str | None) -> Day | None:
    """Return the day that ``to_text`` wrote; None for None or where a disk has spoilt it."""
    try:
        return Day(**json.loads(text)) if text else None
    except (ValueError, TypeError):
        return None


def _summary(before: Day, now: Day, facts: Facts) -> News:
    room = room_s(facts)
    good = sum(facts.latest[one].error is None for one in facts.plans if one in facts.latest)
    fields: dict[str, object] = {
        "day": before.day,
        "measured": max(0, now.numbered - before.numbered),
        "delivered": max(0, now.delivered - before.delivered),
        "lost": max(0, now.gone - before.gone),
        "waiting": sum(tally.waiting for tally in facts.ledger.epochs),
        "sensors": f"{good}/{len(facts.plans)}",
        "room_days": "-" if room is None else room // 86_400,
    }
    return News(level=20, name="daily.summary", fields=fields)


def _certificates(facts: Facts) -> list[News]:
    """Return a word about each of the platform's files here that ends soon (the doctor looks at theirs)."""
    platform = facts.config.platform
    news = []
    for name in (platform.certificate, platform.ca) if platform is not None else ():
        until = None if name is None else _until(facts.config.directory / name)
        if until is None:
            continue
        days = (until - datetime.fromtimestamp(facts.moment.wall_ms / 1000, UTC)).days
        if days <= WARN_DAYS:
            news.append(
                News(level=30, name="cert.expiring", fields={"file": Path(str(name)).name, "days": days})
            )
    return news


def _until(file: Path) -> datetime | None:
    """Return when the first certificate of a PEM file ends; None when it cannot be told."""
    try:
        text = file.read_text(encoding="ascii", errors="replace")
        begins = text.index("-----BEGIN CERTIFICATE-----")
        ends = text.index("-----END CERTIFICATE-----", begins) + len("-----END CERTIFICATE-----")
        return not_after(ssl.PEM_cert_to_DER_cert(text[begins:ends]))
    except (OSError, ValueError):
        return None
