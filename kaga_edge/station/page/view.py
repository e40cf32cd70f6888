"""A snapshot becomes what the page shows, in one language. Pure: no clock, no files.

The browser gets ready sentences and the ages as numbers, which it counts on by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kaga_edge.text import (
    LANGUAGES,
    age_words,
    catalogue,
    quality_words,
    quantity_name,
    say,
    span_words,
    unit_shown,
)
from kaga_edge.text.alarms import RANKS
from kaga_edge.vocabulary.quantities import BY_CHANNEL, Quantity
from kaga_edge.vocabulary.readings import ClockTrust, Flag

Json = dict[str, Any]
LEVELS = ("gone", "failing", "alarm", "attention", "maintenance", "starting", "ok")  # worst first
SILENT = ("failing", "backoff")
DECIMALS = {
    "m": 3, "mm": 1, "mm/h": 1, "hPa": 1, "Cel": 1, "%": 0, "km/h": 0, "V": 2, "A": 2, "W": 1, "mA": 2,
    "deg": 1,
}  # fmt: skip
COUNTED = ("{count}", "1", "mm", "mm/h", "km/h", "s")  # between two of these there is no trend
TREND_S = 600.0  # less is noise
OLD_PERIODS = 3  # a value older than three periods is not the present
OLD_AT_LEAST_S = 10.0
LATE_S = 300.0  # more than a batch on its way
LITTLE_ROOM_S = 3 * 86_400.0  # a long weekend
FAULTY = 3  # a journal priority: this and below is red


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Says things in one language."""

    lang: str

    def __call__(self, code: str, **params: object) -> str:
        return say(code, self.lang, **params)

    def span(self, seconds: float) -> str:
        """Return a length of time."""
        return span_words(seconds, self.lang)

    def pair(self, texts: Mapping[str, str]) -> str:
        """Return one of a pair from the configuration."""
        return texts.get(self.lang) or next(iter(texts.values()), "")


def strings(lang: str) -> dict[str, str]:
    """Return the words that the browser says by itself."""
    own = {
        key.removeprefix("page.js."): say_raw(key, lang) for key in catalogue() if key.startswith("page.js.")
    }
    shared = {key: say_raw(key, lang) for key in catalogue() if key.startswith(("span.", "age."))}
    state = {key: say_raw(key, lang) for key in ("page.state.gone", "page.events_none", "page.spark_none")}
    return own | shared | state


def say_raw(key: str, lang: str) -> str:
    """Return a text with its gaps."""
    return catalogue()[key][LANGUAGES.index(lang)]


def nothing(lang: str) -> Json:
    """Return the content when the daemon has said nothing yet."""
    say_ = Words(lang=lang)
    band = {"level": "gone", "word": say_("page.state.gone"), "says": [say_("page.says.gone")]}
    return band | {"gone_s": 0.0, "facts": [], "site_care": False, "sensors": []}


def view(status: Json, facts: Json, *, lang: str, old_s: float = 0.0, gone_s: float | None = None) -> Json:
    """Return the page's content now.

    ``old_s``: how old the snapshot is; ``gone_s``: for how long the daemon has not answered since.
    """
    say_ = Words(lang=lang)
    level, sentences = _state(status, facts, say_, gone_s)
    standing = {sensor["id"]: sensor for sensor in facts.get("sensors", ())}
    care = {window["sensor"]: window for window in status.get("maintenance", ())}
    sensors = [
        _sensor(sensor, standing.get(sensor["id"], {}), care.get(sensor["id"]), say_)
        for sensor in status["sensors"]
    ]
    facts_shown = list(_facts(status, say_))
    for one in (*sensors, *facts_shown):
        if one.get("age_s") is not None:
            one["age_s"] = round(one["age_s"] + old_s, 1)
    return {
        "level": level,
        "word": say_(f"page.state.{level}"),
        "says": sentences,
        "gone_s": gone_s,
        "facts": facts_shown,
        "site_care": "site" in care,
        "sensors": sensors,
    }


# --- the band ---


def _state(status: Json, facts: Json, say_: Words, gone_s: float | None) -> tuple[str, list[str]]:
    found = list(_worries(status, facts, say_))
    if gone_s is not None:
        found.append(("gone", say_("page.says.gone")))
    if not found:
        usual = status["state"] if status["state"] in ("ok", "starting") else "attention"
        found = [(usual, say_(f"page.says.{'look' if usual == 'attention' else usual}"))]
    found.sort(key=lambda one: LEVELS.index(one[0]))
    return found[0][0], [sentence[:1].upper() + sentence[1:] for _, sentence in found]


def _worries(status: Json, facts: Json, say_: Words) -> Iterator[tuple[str, str]]:
    if status["store"].get("error"):
        yield "failing", say_("page.says.sick")
    silent = [sensor for sensor in status["sensors"] if sensor["state"] in SILENT]
    if silent:
        grave = "failing" if len(silent) == len(status["sensors"]) else "attention"
        if len(silent) == 1:
            yield grave, say_("page.says.failing_one", what=_title(silent[0], say_))
        else:
            yield grave, say_("page.says.failing_some", n=len(silent))
    if status["link"]["state"] in ("down", "refused"):
        yield "attention", say_(f"page.says.link_{status['link']['state']}")
    for key in _worst_of_each(status.get("alarms", ()), facts):
        yield "alarm", _alarm(key, status, say_)
    titles = {sensor["id"]: _title(sensor, say_) for sensor in status["sensors"]}
    for window in status.get("maintenance", ()):
        site = window["sensor"] == "site"
        what = say_("maintenance.site") if site else titles.get(window["sensor"], window["sensor"])
        span = say_.span(window["left_s"])
        yield "maintenance", say_("page.says.maintenance", what=what, span=span, who=window["who"])
    for stop in status.get("stopped", ()):
        what = titles.get(stop["sensor"], stop["sensor"])
        yield "attention", say_("page.says.stopped", what=what, who=stop["who"])
    if (status.get("config") or {}).get("source") in ("last_good", "rolled_back"):
        yield "attention", say_("page.says.config")


def _worst_of_each(keys: Sequence[str], facts: Json) -> list[str]:
    """Leave out an alarm where a higher one of the same sensor is raised too."""
    height: dict[str, tuple[float, str]] = {}
    for key in keys:
        rank, _, about = key.partition("/")
        sensor, _, channel = about.partition("/")
        thresholds: Json = next((s["thresholds"] for s in facts.get("sensors", ()) if s["id"] == sensor), {})
        of: Json = thresholds.get(channel) or next(iter(thresholds.values()), {})
        known = rank in of
        group = about if known else key
        height[group] = max(height.get(group, (float("-inf"), key)), (of.get(rank, 0.0), key))
    return [key for _, key in height.values()]


def _alarm(key: str, status: Json, say_: Words) -> str:
    rank, _, about = key.partition("/")
    sensor_id, _, channel = about.partition("/")
    sensor = next((one for one in status["sensors"] if one["id"] == sensor_id), None)
    if f"watch.raised.{rank}" in catalogue():
        text = say_raw(f"watch.raised.{rank}", say_.lang)
        return text if "{" not in text else say_("page.says.alarm_other", key=key)
    if sensor is None or not sensor["channels"]:
        return say_("page.says.alarm_other", key=key)
    channel = channel or sensor["channels"][0]["id"]
    return say_(
        "page.says.alarm", what=quantity_name(channel, say_.lang), rank=rank_name(rank, channel, say_)
    )


def rank_name(rank: str, channel: str, say_: Words) -> str:
    """Return a threshold's name; at a river the official one."""
    if channel == Quantity.WATER_LEVEL_M.channel and rank in RANKS:
        return RANKS[rank][LANGUAGES.index(say_.lang)]
    key = f"rank.{rank}"
    return say_(key) if key in catalogue() else rank


# --- facts ---


def _facts(status: Json, say_: Words) -> Iterator[Json]:
    """Yield what stands below the band: key, label, value, mood, and the age that goes on counting."""
    store, link = status["store"], status["link"]
    waiting = say_("page.unsent_none")
    if store["waiting"]:
        age = age_words(store["oldest_wait_s"] or 0, say_.lang)
        waiting = say_("page.unsent_some", n=store["waiting"], age=age)
    late = (store["oldest_wait_s"] or 0) > LATE_S
    if link["state"] != "none":
        yield _fact("delivered", say_, "", age_s=link.get("delivered_age_s"), ages=True)
    yield _fact("unsent", say_, waiting, "warn" if late else "")
    word = say_(f"link.{link['state']}")
    if link.get("since_s") is not None:
        word = say_("page.link_for", word=word, span=say_.span(link["since_s"]))
    yield _fact("link", say_, word, "warn" if link["state"] in ("down", "refused") else "")
    trust = status["clock"]["trust"]
    yield _fact("clock", say_, say_(f"clock.{trust}"), "warn" if trust < int(ClockTrust.NTP) else "")
    power, mood = _power(status, say_)
    yield _fact("power", say_, power, mood)
    room_s = status["room_s"]
    room = say_("page.room_unknown") if room_s is None else say_("page.room_left", span=say_.span(room_s))
    yield _fact("room", say_, room, "warn" if room_s is not None and room_s < LITTLE_ROOM_S else "")
    if store["gone"]:
        yield _fact("gone", say_, say_("page.rows", n=store["gone"]), "warn")
    yield _fact("running", say_, say_.span(status["up_s"]))


def _fact(
    key: str, say_: Words, value: str, mood: str = "", *, age_s: float | None = None, ages: bool = False
) -> Json:
    found: Json = {"key": key, "label": say_(f"page.{key}"), "value": value, "mood": mood}
    return found | ({"age_s": age_s, "value": age_words(age_s, say_.lang)} if ages else {})


def _power(status: Json, say_: Words) -> tuple[str, str]:
    told = {
        channel["id"]: channel["value"]
        for sensor in status["sensors"]
        if sensor["state"] == "ok"
        for channel in sensor["channels"]
    }
    parts, mood = [], ""
    if told.get("under_voltage") is not None:
        low, was = bool(told["under_voltage"]), bool(told.get("under_voltage_seen"))
        parts.append(say_(f"page.power.{'low' if low else 'seen' if was else 'good'}"))
        mood = "warn" if low or was else ""
    parts += [
        f"{shown(told[channel], channel)} {unit_shown(BY_CHANNEL[channel].unit, say_.lang)}"
        for channel in ("supply_voltage", "cpu_temperature")
        if told.get(channel) is not None
    ]
    return "  ".join(parts) or say_("page.power.unknown"), mood


# --- sensors ---


def _sensor(sensor: Json, standing: Json, care: Json | None, say_: Words) -> Json:
    channels = sensor["channels"]
    first: Json = channels[0] if channels else {"id": "", "unit": "", "value": None, "flags": 0}
    good, every_s = sensor["state"] == "ok", standing.get("every_s", 0)
    thresholds = standing.get("thresholds", {}).get(first["id"], {})
    found: Json = {
        "id": sensor["id"],
        "title": _title(sensor, say_),
        "state": sensor["state"],
        "mood": _mood(sensor, first),
        "quality": quality_words(first["flags"], say_.lang) if good else say_(f"sensor.{sensor['state']}"),
        "value": shown(first["value"], first["id"]),
        "unit": _unit(first, say_),
        "age_s": sensor["age_s"],
        "old_after_s": max(OLD_AT_LEAST_S, OLD_PERIODS * every_s),
        "next": next_threshold(first["value"], first["id"], thresholds, say_) if good else "",
        "above": good
        and any(first["value"] is not None and first["value"] >= at for at in thresholds.values()),
        "care": None if care is None else say_.span(care["left_s"]),
        "last_good": "" if good else say_("page.last_good"),
        "channels": [
            {
                "id": channel["id"],
                "name": quantity_name(channel["id"], say_.lang),
                "value": shown(channel["value"], channel["id"]),
                "unit": _unit(channel, say_),
                "quality": quality_words(channel["flags"], say_.lang),
                "can": f"{channel['id']}_raw" in BY_CHANNEL,
            }
            for channel in channels
        ],
        "about": list(_about(standing, first, say_)),
        "error": None,
    }
    if sensor["error"]:
        found["error"] = explained(sensor["error"], say_)
    return found


def explained(error: Mapping[str, Any], say_: Words) -> Json:
    """Return an error's code, its name and how to mend it, from the catalogue where it is known."""
    code = str(error["code"])
    known = code in catalogue() and "{" not in say_raw(code, say_.lang)
    mend = say_(f"{code}.repair") if f"{code}.repair" in catalogue() else str(error.get("fix") or "")
    what = str(error.get("what") or "")
    return {
        "code": code,
        "title": say_(code) if known else what,
        "what": what,
        "label": say_("page.mend"),
        "mend": mend,
    }


def _mood(sensor: Json, first: Json) -> str:
    if sensor["state"] in SILENT:
        return "bad"
    if sensor["state"] != "ok":
        return "calm"
    doubtful = first["flags"] & ~int(Flag.RETIMED | Flag.THINNED | Flag.MAINTENANCE | Flag.STOPPED)
    return "warn" if doubtful else "calm" if first["flags"] else "good"


def _about(standing: Json, first: Json, say_: Words) -> Iterator[list[str]]:
    if not standing:
        return
    yield [say_("page.purpose"), say_.pair(standing["purpose"])]
    yield [say_("page.model"), standing["model"]]
    yield [say_("page.interval"), say_("page.every", span=say_.span(standing["every_s"]))]
    for channel, thresholds in standing["thresholds"].items():
        unit = unit_shown(BY_CHANNEL[channel].unit, say_.lang)
        listed = (
            f"{rank_name(rank, channel, say_)} {shown(at, channel)} {unit}" for rank, at in thresholds.items()
        )
        yield [say_("page.thresholds"), ", ".join(listed)]
    for line in standing["lines"]:
        if line["channel"] == first["id"]:
            offset = f"{line['offset']:+.3f}"
            unit = unit_shown(first["unit"], say_.lang)
            yield [
                say_("page.calibrated"),
                say_("page.calibrated_by", offset=offset, unit=unit, on=line["on"]),
            ]


def next_threshold(value: float | None, channel: str, thresholds: Mapping[str, float], say_: Words) -> str:
    """Return how far it is to the next threshold; above the highest, by how much. Empty without any."""
    if value is None or not thresholds:
        return ""
    unit = unit_shown(BY_CHANNEL[channel].unit, say_.lang)
    above = [(at, rank) for rank, at in thresholds.items() if value < at]
    code, at, rank = (
        ("page.to_next", *min(above))
        if above
        else ("page.above", *max((at, rank) for rank, at in thresholds.items()))
    )
    distance = shown(abs(at - value), channel)
    return say_(code, rank=rank_name(rank, channel, say_), distance=distance, unit=unit)


def _unit(channel: Json, say_: Words) -> str:
    """Return the unit; none for a bare number, and English counts without a word of its own."""
    bare = ("", "1", "{count}") if say_.lang == "en" else ("", "1")
    return "" if channel["unit"] in bare else unit_shown(channel["unit"], say_.lang, channel["id"])


def _title(sensor: Json, say_: Words) -> str:
    return quantity_name(sensor["channels"][0]["id"], say_.lang) if sensor["channels"] else str(sensor["id"])


def shown(value: float | None, channel: str) -> str:
    """Return a number as people read it: no more places than one can see in the instrument."""
    if value is None:
        return "--"
    quantity = BY_CHANNEL.get(channel)
    if quantity is None:
        return f"{value:g}"
    places = max(0, len(f"{quantity.res:.6f}".rstrip("0").partition(".")[2]))
    text = f"{value:.{min(places, DECIMALS.get(quantity.unit, places))}f}"
    return text.removeprefix("-") if not float(text) else text


# --- history ---


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


class _Told(dict[str, object]):
    """Fields for a sentence: one that is not there is a dash."""

    def __missing__(self, key: str) -> str:
        return "-"


def _event(event: Json, zone: ZoneInfo | None, lang: str) -> Json:
    name, at = str(event["event"]), datetime.fromtimestamp(event["t"] / 1000, UTC).astimezone(zone)
    title, sentence = (
        name,
        " ".join(f"{k}={v}" for k, v in event.items() if k not in ("t", "p", "seq", "event")),
    )
    if f"event.{name}" in catalogue():
        spans = {
            key: span_words(float(value), lang)
            for key, value in event.items()
            if key.endswith("_s") and isinstance(value, int | float)
        }
        title = say(f"event.{name}", lang)
        sentence = say_raw(f"event.{name}.says", lang).format_map(_Told(event | spans))
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
