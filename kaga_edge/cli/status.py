"""``kaga-edge status``: one screen from the running daemon, 40 columns, words before colours.

Exit codes: 0 good, 1 attention, 2 failing, 3 the daemon is not running.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from typing import Any

from kaga_edge.cli.ask import DEFAULT_CONFIG, add_daemon_options, ask, language_of, site_of, socket_of
from kaga_edge.cli.screen import fold, padded, width
from kaga_edge.text import age_words, quality_words, quantity_name, say, span_words, unit_shown
from kaga_edge.text.overheard import heard
from kaga_edge.vocabulary.errors import KagaError
from kaga_edge.vocabulary.quantities import BY_CHANNEL

COLUMNS = 40
WATCH_S = 2.0
EXITS = {"ok": 0, "starting": 1, "attention": 1, "failing": 2}
COLOURS = {"ok": "32", "starting": "36", "attention": "33", "failing": "31"}
CLOCKS = {0: "none", 1: "last-known", 2: "ntp", 3: "gnss"}
DEGRADED = ("last_good", "rolled_back")  # a copy runs, not the file
SILENT = ("failing", "backoff")

Snapshot = dict[str, Any]


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser("status")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true")
    form.add_argument("--line", action="store_true")
    form.add_argument("--watch", action="store_true")
    add_daemon_options(parser)
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Ask and print; returns the exit code."""
    lang = language_of(args)
    while args.watch:
        drawn = "\n".join(screen(ask(socket_of(args), {"op": "status"}, lang), lang, colour=_wants_colour()))
        print(("\x1b[H\x1b[2J" if sys.stdout.isatty() else "\n") + drawn, flush=True)
        time.sleep(WATCH_S)
    try:
        snapshot = ask(socket_of(args), {"op": "status"}, lang)
    except KagaError as error:
        if args.line:  # whoever asks many gateways wants one line of each, of the silent ones too
            print(f"DOWN {site_of(args.config or DEFAULT_CONFIG)} code={error.code}", flush=True)
        raise
    if args.json:
        print(json.dumps(snapshot, ensure_ascii=False, indent=2))
    elif args.line:
        print(line(snapshot))
    else:
        print("\n".join(screen(snapshot, lang, colour=_wants_colour())))
    return EXITS.get(str(snapshot["state"]), 2)


def line(snapshot: Snapshot) -> str:
    """Return the state in one line: stable, English, for scripts over many gateways."""
    sensors, store, link = snapshot["sensors"], snapshot["store"], snapshot["link"]
    good = sum(sensor["state"] == "ok" for sensor in sensors)
    parts = [
        str(snapshot["state"]).upper(),
        snapshot["gw"],
        f"sensors={good}/{len(sensors)}",
        f"unsent={store['waiting']}",
        f"oldest={_seconds(store['oldest_wait_s'])}",
        f"link={link['state']}",
        f"delivered={_seconds(link.get('delivered_age_s'))}",
        f"clock={CLOCKS[snapshot['clock']['trust']]}",
    ]
    if snapshot.get("config", {}).get("source", "files") != "files":
        parts.append(f"config={snapshot['config']['source']}")
    if snapshot.get("alarms"):
        parts.append(f"alarms={len(snapshot['alarms'])}")
    codes = [sensor["error"]["code"] for sensor in sensors if sensor["error"]]
    return " ".join(parts + [f"code={code}" for code in codes[:1]])


def screen(snapshot: Snapshot, lang: str, *, colour: bool = False) -> list[str]:
    """Return the screen's lines, none wider than 40 columns where the texts allow it."""
    state = str(snapshot["state"])
    word = say(f"status.{state}", lang)
    shown = f"\x1b[{COLOURS[state]}m{word}\x1b[0m" if colour else word
    head = _head(f"{snapshot['name'][lang]}", snapshot["gw"])
    reasons = ("、" if lang == "ja" else ", ").join(_reasons(snapshot, lang))
    lines = [*head, f"{_label('state', lang)}{shown}: {reasons}", *_alarms(snapshot, lang)]
    for sensor in snapshot["sensors"]:
        lines += _sensor(sensor, lang)
    lines += [_waiting(snapshot, lang), _room(snapshot, lang), *_link(snapshot, lang), _clock(snapshot, lang)]
    lines += [_maintenance(window, lang) for window in snapshot.get("maintenance", ())]
    lines += _config(snapshot.get("config", {}), lang)
    if command := _next(snapshot):
        lines.append(f"{say('status.next', lang)}: kaga-edge {command}")
    return [folded for text in lines for folded in fold(text.rstrip(), indent=4)]


def _next(snapshot: Snapshot) -> str:
    """Return the command that looks closer at the worst of it, "" when there is nothing to look at."""
    silent = [sensor["id"] for sensor in snapshot["sensors"] if sensor["state"] in SILENT]
    config, link = snapshot.get("config", {}), snapshot["link"]
    if silent:
        return f"sensor read {silent[0]}"
    if snapshot["store"].get("error"):
        return "doctor --only Q"
    if config.get("source") in DEGRADED:
        return "config check"
    if link["state"] in ("down", "refused") or link.get("held"):
        return "link test"
    return "config confirm" if config.get("left_s") is not None else ""


def _head(name: str, gw: str) -> list[str]:
    together = f"{name}  {gw}"
    return [together] if width(together) <= COLUMNS else [name, gw]


def _reasons(snapshot: Snapshot, lang: str) -> list[str]:
    silent = sum(sensor["state"] in SILENT for sensor in snapshot["sensors"])
    reasons = [say("status.silent", lang, n=silent)] if silent else []
    if snapshot["link"]["state"] in ("down", "refused"):
        reasons.append(say(f"status.link_{snapshot['link']['state']}", lang))
    elif snapshot["link"].get("held"):
        reasons.append(say("status.held", lang))
    if snapshot["store"].get("error"):
        reasons.append(say("status.store_sick", lang))
    if snapshot.get("config", {}).get("source") in DEGRADED:
        reasons.append(say("status.config_reason", lang))
    if snapshot.get("alarms"):
        reasons.append(say("status.alarm_raised", lang))
    usual = {"ok": "status.all_good", "starting": "status.wait"}
    return reasons or [say(usual.get(snapshot["state"], "status.below"), lang)]


def _alarms(snapshot: Snapshot, lang: str) -> list[str]:
    if not snapshot.get("alarms"):
        return []
    from kaga_edge.station.page import view  # late: few screens need its words
    from kaga_edge.station.page.wording import Words

    return [f"{_label('alarm', lang)}{said}" for said in view.alarms(snapshot, {}, Words(lang=lang))]


def _sensor(sensor: dict[str, Any], lang: str) -> list[str]:
    """Return the sensor's line with what the site needs, then a line for each further channel."""
    if sensor["state"] != "ok":  # an old value is never shown as if it were today's
        age = span_words(sensor["age_s"], lang) if sensor["age_s"] is not None else ""
        code = sensor["error"]["code"] if sensor["error"] else ""
        state = padded(say(f"sensor.{sensor['state']}", lang), 8)
        return [f"{padded(sensor['id'], 8)} {padded('--', 7)} {state} {age} {code}".rstrip()]
    first, *others = sensor["channels"] or [{"id": "", "unit": "", "value": None, "flags": 0}]
    cells = (
        padded(sensor["id"], 8),
        padded(_value(first), 7),
        padded(unit_shown(first["unit"], lang, first["id"]), 5),
        padded(quality_words(first["flags"], lang), 7),
        age_words(sensor["age_s"], lang),
    )
    lines = [" ".join(cells)]
    for channel in others:
        name = quantity_name(channel["id"], lang)
        flagged = f" {quality_words(channel['flags'], lang)}" if channel["flags"] else ""
        unit = unit_shown(channel["unit"], lang, channel["id"])
        told = f"{_value(channel)} {unit}".rstrip()
        lines.append(f"  {padded(name, 20)} {told}{flagged}")
    for remark in sensor.get("remarks", ()):
        said = say("decode.remark", lang, what=heard(remark, lang))
        lines += fold(f"  {said}", indent=4, within=COLUMNS)
    return lines


def _value(channel: dict[str, Any]) -> str:
    value = channel["value"]
    if value is None:
        return "--"
    quantity = BY_CHANNEL.get(channel["id"])
    if quantity is None:
        return f"{value:g}"
    decimals = max(0, len(f"{quantity.res:.6f}".rstrip("0").partition(".")[2]))
    return f"{value:.{decimals}f}"


def _waiting(snapshot: Snapshot, lang: str) -> str:
    store = snapshot["store"]
    text = say("status.waiting_none", lang)
    if store["waiting"]:
        age = age_words(store["oldest_wait_s"] or 0, lang)
        text = say("status.waiting_some", lang, n=store["waiting"], age=age)
    if store.get("lost"):
        text += "  " + say("status.lost", lang, n=store["lost"])
    return _label("waiting", lang) + text


def _room(snapshot: Snapshot, lang: str) -> str:
    room_s = snapshot["room_s"]
    if room_s is None:  # too few rows yet to say how long it lasts
        store = snapshot["store"]
        megabytes = max(0, store["max_bytes"] - store["bytes"]) // 1_000_000
        return _label("room", lang) + say("status.room_free", lang, megabytes=megabytes)
    return _label("room", lang) + say("status.room_left", lang, span=span_words(room_s, lang))


def _link(snapshot: Snapshot, lang: str) -> list[str]:
    link = snapshot["link"]
    words = [say(f"link.{link['state']}", lang)]
    if link.get("delivered_age_s") is not None:
        words.append(say("status.delivered", lang, age=age_words(link["delivered_age_s"], lang)))
    elif link.get("since_s") is not None:
        words.append(say("status.since", lang, span=span_words(link["since_s"], lang)))
    lines = [_label("link", lang) + "  ".join(words)]
    if link["state"] in ("down", "refused") and link.get("reason"):
        lines += fold(f"        {heard(str(link['reason']), lang)}", indent=8, within=COLUMNS)
    if "mqtt" in link:
        lines += fold(f"        {say('link.mqtt_old', lang)}", indent=8, within=COLUMNS)
    for why in link.get("held", ()):
        lines += fold(f"        {say(f'link.held.{why}', lang)}", indent=8, within=COLUMNS)
    return lines


def _maintenance(window: dict[str, Any], lang: str) -> str:
    what = say("maintenance.site", lang) if window["sensor"] == "site" else window["sensor"]
    span = span_words(window["left_s"], lang)
    return _label("care", lang) + say("status.care_left", lang, what=what, span=span, who=window["who"])


def _config(config: dict[str, Any], lang: str) -> list[str]:
    """Return what is unusual about the configuration that runs; nothing when it is the file's."""
    label = _label("config", lang)
    if config.get("source") in DEGRADED:
        fault = config.get("fault")
        where = f" {fault['file']}:{fault['line']}" if fault else ""
        return [label + say(f"status.config_{config['source']}", lang) + where]
    if config.get("left_s") is not None:
        return [label + say("config.trial_left", lang, span=span_words(config["left_s"], lang))]
    return []


def _clock(snapshot: Snapshot, lang: str) -> str:
    return _label("clock", lang) + say(f"clock.{snapshot['clock']['trust']}", lang)


def _label(name: str, lang: str) -> str:
    return padded(say(f"status.{name}", lang), 8)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{round(value)}s"


def _wants_colour() -> bool:
    plain = "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not plain
