"""A snapshot becomes what the page shows, in one language. Pure: no clock, no files.

The browser gets ready sentences and the ages as numbers, which it counts on by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from kaga_edge.station.page.wording import (
    Words,
    explained,
    next_threshold,
    rank_name,
    say_raw,
    shown,
    unit_of,
)
from kaga_edge.text import age_words, catalogue, quality_words, quantity_name, unit_shown
from kaga_edge.vocabulary.quantities import BY_CHANNEL
from kaga_edge.vocabulary.readings import ClockTrust, Flag

Json = dict[str, Any]
LEVELS = ("gone", "failing", "alarm", "attention", "maintenance", "starting", "ok")  # worst first
SILENT = ("failing", "backoff")
OLD_PERIODS = 3  # a value older than three periods is not the present
OLD_AT_LEAST_S = 10.0
LATE_S = 300.0  # more than a batch on its way
LITTLE_ROOM_S = 3 * 86_400.0  # a long weekend


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
    titles = _titles(status, say_)
    silent = [sensor for sensor in status["sensors"] if sensor["state"] in SILENT]
    if silent:
        grave = "failing" if len(silent) == len(status["sensors"]) else "attention"
        if len(silent) == 1:
            yield grave, say_("page.says.failing_one", what=titles[silent[0]["id"]])
        else:
            yield grave, say_("page.says.failing_some", n=len(silent))
    if status["link"]["state"] in ("down", "refused"):
        yield "attention", say_(f"page.says.link_{status['link']['state']}")
    elif lasting := [why for why in status["link"].get("held", ()) if why != "busy"]:  # that one soon passes
        yield "attention", say_("page.says.held", why=_held(lasting, say_))
    for sentence in alarms(status, facts, say_):
        yield "alarm", sentence
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


def alarms(status: Json, facts: Json, say_: Words) -> list[str]:
    """Return a sentence for each raised alarm; ``facts`` know which rank outweighs another."""
    return [_alarm(key, status, say_) for key in _worst_of_each(status.get("alarms", ()), facts)]


def _titles(status: Json, say_: Words) -> dict[str, str]:
    """Return what a sentence calls each sensor: what it measures, and its name where two measure the same."""
    plain = {sensor["id"]: _title(sensor, say_) for sensor in status["sensors"]}
    often = Counter(plain.values())
    return {id_: title if often[title] == 1 else f"{title} ({id_})" for id_, title in plain.items()}


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
    what = quantity_name(channel, say_.lang)
    if _titles(status, say_)[sensor_id] != _title(sensor, say_):
        what = f"{what} ({sensor_id})"
    return say_("page.says.alarm", what=what, rank=rank_name(rank, channel, say_))


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
    if held := link.get("held"):
        word = say_("page.link_held", word=word, why=_held(held, say_))
    if "mqtt" in link:
        word = say_("page.link_held", word=word, why=say_("link.mqtt_old"))
    warns = held or "mqtt" in link or link["state"] in ("down", "refused")
    yield _fact("link", say_, word, "warn" if warns else "")
    trust = status["clock"]["trust"]
    yield _fact("clock", say_, say_(f"clock.{trust}"), "warn" if trust < int(ClockTrust.NTP) else "")
    power, mood = _power(status, say_)
    yield _fact("power", say_, power, mood)
    room_s = status["room_s"]
    room = say_("page.room_unknown") if room_s is None else say_("page.room_left", span=say_.span(room_s))
    yield _fact("room", say_, room, "warn" if room_s is not None and room_s < LITTLE_ROOM_S else "")
    if store.get("lost"):
        yield _fact("lost", say_, say_("page.rows", n=store["lost"]), "warn")
    yield _fact("running", say_, say_.span(status["up_s"]))


def _held(reasons: Sequence[str], say_: Words) -> str:
    return say_("page.and").join(say_(f"link.held.{why}") for why in reasons)


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
    silent = say_(f"sensor.{sensor['state']}")
    thresholds = standing.get("thresholds", {}).get(first["id"], {})
    found: Json = {
        "id": sensor["id"],
        "title": _title(sensor, say_),
        "state": sensor["state"],
        "mood": _mood(sensor, first),
        "quality": quality_words(first["flags"], say_.lang) if good else silent,
        "value": shown(first["value"], first["id"]),
        "unit": unit_of(first, say_),
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
                "unit": unit_of(channel, say_),
                "quality": quality_words(channel["flags"], say_.lang) if good else silent,
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


def _title(sensor: Json, say_: Words) -> str:
    return quantity_name(sensor["channels"][0]["id"], say_.lang) if sensor["channels"] else str(sensor["id"])
