"""``kaga-edge sensor watch``: one sensor's values as the gateway takes them; the bus is not disturbed."""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from kaga_edge.cli.ask import add_daemon_options, ask, at_site, language_of, socket_of
from kaga_edge.cli.screen import fold
from kaga_edge.cli.typed import not_negative
from kaga_edge.text import quality_words, quantity_name, say, unit_shown

LOOK_S = 0.5
SAME_S = 0.3  # ages are told to a tenth of a second


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register it below ``sensor``."""
    watch = commands.add_parser("watch")
    watch.add_argument("sensor", metavar="SENSOR")
    watch.add_argument("--seconds", type=not_negative, metavar="N")
    watch.add_argument("--json", action="store_true")
    add_daemon_options(watch)
    watch.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Print each new reading; returns 0, 2 when the last look found it silent."""
    from kaga_edge.cli.sensor import no_such_sensor

    lang, path = language_of(args), socket_of(args)
    ends_s = None if args.seconds is None else time.monotonic() + args.seconds
    before: tuple[float, str] = (0.0, "")
    state = "ok"
    while True:
        sensors = {one["id"]: one for one in ask(path, {"op": "status"}, lang)["sensors"]}
        if args.sensor not in sensors:
            raise no_such_sensor(args.sensor, list(sensors), lang)
        sensor = sensors[args.sensor]
        state = sensor["state"]
        news = _identity(sensor)
        if news[1] != before[1] or abs(news[0] - before[0]) > SAME_S:
            before = news
            told = json.dumps(sensor, ensure_ascii=False) if args.json else _line(sensor, args, lang)
            print(told, flush=True)
        if ends_s is not None and time.monotonic() >= ends_s:
            return 0 if state != "failing" else 2
        time.sleep(LOOK_S)


def _identity(sensor: dict[str, Any]) -> tuple[float, str]:
    """Return what tells one reading from the next: when it was taken (monotonic), and what it says."""
    good = sensor["state"] == "ok" and sensor["age_s"] is not None
    taken_s = time.monotonic() - sensor["age_s"] if good else 0.0
    return taken_s, f"{sensor['state']} {sensor['channels']}"


def _line(sensor: dict[str, Any], args: argparse.Namespace, lang: str) -> str:
    at = at_site(args, time.time() - (sensor["age_s"] or 0), "%H:%M:%S")
    if sensor["state"] != "ok":
        code = sensor["error"]["code"] if sensor["error"] else ""
        now = at_site(args, time.time(), "%H:%M:%S")
        return f"{now} {say('sensor.' + sensor['state'], lang)} {code}".rstrip()
    parts = []
    for channel in sensor["channels"]:
        value = "--" if channel["value"] is None else f"{channel['value']:g}"
        flagged = f" [{quality_words(channel['flags'], lang)}]" if channel["flags"] else ""
        unit = unit_shown(channel["unit"], lang, channel["id"])
        parts.append(f"{quantity_name(channel['id'], lang)} {value} {unit}".rstrip() + flagged)
    return "\n".join(fold(f"{at} " + "  ".join(parts), indent=9))
