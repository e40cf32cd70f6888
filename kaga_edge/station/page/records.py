"""What the page shows of the past, and of the station: sparklines, events, the notice for citizens. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kaga_edge.station.page.wording import Words, shown
from kaga_edge.text import catalogue, quantity_name, say, unit_shown
from kaga_edge.text.happened import event_says

Json = dict[str, Any]
COUNTED = ("{count}", "1", "mm", "mm/h", "km/h", "s")  # between two of these there is no trend
TREND_S = 600.0  # less is noise
FAULTY = 3  # a journal priority: this and below is red


def spark(series: Json, lang: str) -> Json:
    """Return a sensor's sparkline: times, values, what it shows in words, and the change over its time."""
    say_, channel = Words(lang=lang), series["channel"]
    values = [value for value in series["value"] if value is not None]
    if not values:
        return {"t": [], "value": [], "says": say_("page.spark_none"), "trend": ""}
    low, high, now = (shown(one, channel) for one in (min(values), max(values), values[-1]))
    long_s = (series["now"] - series["t"][0]) / 1000
    span, what = say_.span(long_s), quantity_name(channel, lang)
    return {
        "t": series["t"],
        "value": series["value"],
        "says": say_("page.spark", what=what, span=span, low=low, high=high, now=now),
        "trend": _trend(values, series, span, say_) if long_s >= TREND_S else "",
    }


def _trend(values: Sequence[float], series: Json, span: str, say_: Words) -> str:
    """Return the change over the time shown; empty for what is counted anew each time."""
    if series["unit"] in COUNTED:
        return ""
    change = shown(abs(values[-1] - values[0]), series["channel"])
    sign = "" if not float(change) else "+" if values[-1] > values[0] else "-"
    return say_("page.trend", span=span, change=sign + change, unit=unit_shown(series["unit"], say_.lang))


def events(found: Sequence[Json], facts: Json, lang: str) -> list[Json]:
    """Return the newest events in words, newest first, in the site's time."""
    zone = site_zone(facts)
    return [_event(event, zone, lang) for event in found]


def site_zone(facts: Json) -> ZoneInfo | None:
    """Return the site's time zone, None when this machine does not know it."""
    try:
        return ZoneInfo(str(facts.get("zone", "Asia/Tokyo")))
    except (ZoneInfoNotFoundError, ValueError):
        return None


def _event(event: Json, zone: ZoneInfo | None, lang: str) -> Json:
    name, at = str(event["event"]), datetime.fromtimestamp(event["t"] / 1000, UTC).astimezone(zone)
    title, sentence = (
        name,
        " ".join(f"{k}={v}" for k, v in event.items() if k not in ("t", "p", "seq", "event")),
    )
    if f"event.{name}" in catalogue():
        title, sentence = say(f"event.{name}", lang), event_says(event, lang)
    mood = "bad" if event["p"] <= FAULTY else "warn" if event["p"] == FAULTY + 1 else ""
    return {"at": f"{at:%m-%d %H:%M}", "iso": at.isoformat(), "title": title, "says": sentence, "mood": mood}


# --- for citizens ---


def notice(facts: Json, lang: str) -> list[list[str]]:
    """Return who measures what, for which purpose, and how long it stays here: label and lines."""
    say_ = Words(lang=lang)
    purposes = [
        f"{quantity_name(sensor['measures'], lang)}: {say_.pair(sensor['purpose'])}"
        for sensor in facts.get("sensors", ())
    ]
    personal = [sensor["id"] for sensor in facts.get("sensors", ()) if sensor["personal_data"]]
    kept = say_("page.notice_kept_for", span=say_.span(facts.get("kept_s", 0)))
    about = say_("page.notice_personal_no")
    if personal:
        about = say_("page.notice_personal_yes", sensors=", ".join(personal))
    return [
        [say_("page.notice_who"), facts.get("contact", "")],
        [say_("page.notice_what"), *dict.fromkeys(purposes)],
        [say_("page.notice_kept"), kept, about],
    ]
