"""``kaga-edge log``: what happened at this station, in your language. Read from our own ring of events.

It survives a reboot (a Pi keeps its journal in memory) and needs no running gateway.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import re
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from kaga_edge.cli.ask import DEFAULT_CONFIG, language_of, sensor_ids, tables, zone_of
from kaga_edge.cli.screen import fold, padded
from kaga_edge.station.events import Follower, kept
from kaga_edge.text import catalogue, say
from kaga_edge.text.happened import event_says
from kaga_edge.vocabulary.errors import KagaError

DEFAULT_STORE = "/var/lib/kaga-edge/store.sqlite"
LEVELS = {"critical": 2, "error": 3, "warning": 4, "notice": 5, "info": 6}
SPAN = re.compile(r"(\d+)(s|m|h|d)$")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
NAME_COLUMNS = 14
LOOK_S = 0.5  # for new events


class BadTime(KagaError):
    """--since was not understood."""

    code = "KE-G06"
    exit_code = 64


class Unreadable(KagaError):
    """The ring may not be read."""

    code = "KE-G07"
    exit_code = 2


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser("log")
    parser.add_argument("--since", metavar="T")
    parser.add_argument("--sensor", metavar="ID")
    parser.add_argument("--level", metavar="LEVEL", choices=LEVELS, default="info")
    parser.add_argument("--last", type=int, default=200, metavar="N")
    parser.add_argument("-f", "--follow", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--config", type=Path, metavar="FILE")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Print the wanted events."""
    lang = language_of(args)
    folder, zone = place_of(args.config or DEFAULT_CONFIG)
    since_ms = since(args.since, zone, time.time(), lang) if args.since else 0
    follower = Follower(folder) if args.follow else None
    try:
        wanted = list(_wanted(kept(folder), since_ms, args.sensor, LEVELS[args.level]))[-args.last :]
    except OSError as error:
        what = say("log.unreadable", lang, reason=error.strerror)
        raise Unreadable(what, where=str(folder), fix=say("status.not_allowed_fix", lang)) from error
    config = args.config or DEFAULT_CONFIG
    if not wanted and config.exists() and not os.access(config, os.R_OK):  # nobody knows where to look
        what = say("log.unreadable", lang, reason=os.strerror(errno.EACCES))
        raise Unreadable(what, where=str(config), fix=say("status.not_allowed_fix", lang))
    if args.sensor and not wanted:
        _no_typing_slip(args.sensor, config, lang)
    _show(args, wanted, zone, lang)
    if follower is not None:
        day = _day(wanted[-1], zone) if wanted else ""
        while True:
            time.sleep(LOOK_S)
            fresh = list(_wanted(iter(follower.new()), 0, args.sensor, LEVELS[args.level]))
            if fresh:
                _show(args, fresh, zone, lang, day)
                day = _day(fresh[-1], zone)
    return 0


def _no_typing_slip(asked: str, config: Path, lang: str) -> None:
    """A sensor of the configuration that nothing happened to. Raises NoSuchSensor for any other name."""
    from kaga_edge.cli.sensor import no_such_sensor

    there = sensor_ids(config)
    if there and asked not in there:
        raise no_such_sensor(asked, there, lang)


def _show(
    args: argparse.Namespace, events: list[dict[str, Any]], zone: ZoneInfo | None, lang: str, day: str = ""
) -> None:
    if args.json:
        said = [json.dumps(event, ensure_ascii=False) for event in events]
    else:
        said = lines(events, zone, lang, day) or ([] if args.follow else [say("log.none", lang)])
    if said:
        print("\n".join(said), flush=True)


def lines(events: list[dict[str, Any]], zone: ZoneInfo | None, lang: str, day: str = "") -> list[str]:
    """Return the events as people read them, the date once a day (``day``: the one told last)."""
    said = []
    for event in events:
        at = datetime.fromtimestamp(event["t"] / 1000, zone).astimezone(zone)
        if at.date().isoformat() != day:
            day = at.date().isoformat()
            said.append(f"{day} ({at.strftime('%Z')})")
        said += fold(f"{at:%H:%M:%S} {words(event, lang)}", indent=9)
    return said


def _day(event: dict[str, Any], zone: ZoneInfo | None) -> str:
    return datetime.fromtimestamp(event["t"] / 1000, zone).astimezone(zone).date().isoformat()


def words(event: dict[str, Any], lang: str) -> str:
    """Return one event's short name and sentence; an unknown one as it was logged."""
    name = str(event["event"])
    if f"event.{name}" not in catalogue():
        rest = {key: value for key, value in event.items() if key not in ("t", "p", "seq", "event")}
        return f"{name} " + " ".join(f"{key}={value}" for key, value in rest.items())
    sentence = event_says(event, lang)
    folded = " " + say("log.folded", lang, count=event["count"]) if event.get("count", 1) > 1 else ""
    return padded(say(f"event.{name}", lang), NAME_COLUMNS) + " " + sentence + folded


def since(text: str, zone: ZoneInfo | None, now_s: float, lang: str) -> int:
    """Return the moment a person named, in milliseconds. Raises BadTime."""
    now = datetime.fromtimestamp(now_s, zone).astimezone(zone)
    span = SPAN.match(text)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if span:
        return round((now_s - int(span.group(1)) * SECONDS[span.group(2)]) * 1000)
    if text in ("today", "yesterday"):
        return round((midnight - timedelta(days=text == "yesterday")).timestamp() * 1000)
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadTime(say("log.bad_since", lang, value=text)) from error
    return round((at if at.tzinfo else at.replace(tzinfo=now.tzinfo)).timestamp() * 1000)


def _wanted(
    events: Iterator[dict[str, Any]], since_ms: int, sensor: str | None, level: int
) -> Iterator[dict[str, Any]]:
    for event in events:
        if event["t"] < since_ms or event["p"] > level:
            continue
        about = str(event.get("sensor") or event.get("key") or "")
        if sensor is None or sensor in re.split(r"[/ ]", about):
            yield event


def place_of(config: Path) -> tuple[Path, ZoneInfo | None]:
    """Return the ring's folder and the site's zone, without loading the whole configuration."""
    store = DEFAULT_STORE
    for table in tables(config):
        asked = table.get("store")
        store = str(asked.get("path", store)) if isinstance(asked, dict) else store
    from kaga_edge.config.plainfile import folder

    return (folder(config) / store).parent, zone_of(config)
