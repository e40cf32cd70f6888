"""``kaga-edge sensor test``: does each sensor measure well?"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kaga_edge.cli.ask import NoAnswer, NotRunning, Refused, ask, language_of, socket_of
from kaga_edge.cli.failure import told
from kaga_edge.cli.screen import fold
from kaga_edge.text import catalogue, quantity_name, say, unit_shown
from kaga_edge.vocabulary.quantities import BY_CHANNEL

if TYPE_CHECKING:
    from kaga_edge.config import Config, SensorConfig

TESTS = 5
EXIT_FAILING = 2


def run_test(args: argparse.Namespace) -> int:
    """Read each sensor five times and judge; returns 0, or 2 when one failed."""
    from kaga_edge.cli.sensor import sensors_named
    from kaga_edge.config import load

    lang = language_of(args)
    config = load(args.config)
    verdicts = verdicts_on(sensors_named(config, args.sensor, lang), config, socket_of(args), lang)
    if args.json:
        print(json.dumps(verdicts, ensure_ascii=False, indent=2))
    else:
        print("\n".join(line for one in verdicts for line in verdict_lines(one, lang)))
    return 0 if all(one["pass"] for one in verdicts) else EXIT_FAILING


def verdicts_on(
    chosen: Sequence[SensorConfig], config: Config, socket_path: Path, lang: str
) -> list[dict[str, Any]]:
    """Read each sensor five times, through the gateway or from its bus, and return the verdicts."""
    import asyncio

    from kaga_edge.cli.sensor import straight_from_bus

    answers: dict[str, list[dict[str, Any]]] = {one.id: [] for one in chosen}
    sent: dict[str, dict[str, float]] = {}
    try:
        for one in chosen:
            for _ in range(TESTS):
                answers[one.id].append(ask(socket_path, {"op": "read", "sensor": one.id}, lang))
            with suppress(Refused, NoAnswer):  # the verdict is on what was read; this is for the staff gauge
                sent[one.id] = _sent(ask(socket_path, {"op": "take", "sensor": one.id}, lang))
    except NotRunning:
        for _ in range(TESTS):
            for answer in asyncio.run(straight_from_bus(config, chosen)):
                answers[answer["sensor"]].append(answer)
    return [verdict(sensor, read, sent.get(sensor, {})) for sensor, read in answers.items()]


def _sent(taken: dict[str, Any]) -> dict[str, float]:
    """Return what one more reading is to the city: after the mount and the calibration."""
    return {
        one["id"]: one["line"][0] * one["value"] + one["line"][1]
        for one in taken.get("channels", ())
        if one["value"] is not None
    }


def verdict(sensor: str, read: list[dict[str, Any]], sent: dict[str, float]) -> dict[str, Any]:
    """Return range, spread and reply time of a sensor's readings, what goes out, and whether it passes."""
    values: dict[str, list[float]] = {}
    for answer in read:
        for reading in answer["readings"]:
            if reading["value"] is not None:
                values.setdefault(reading["id"], []).append(reading["value"])
    errors = [answer["error"] for answer in read if answer["error"]]
    import statistics

    return {
        "sensor": sensor,
        "readings": len(read) - len(errors),
        "asked": len(read),
        "reply_s": round(statistics.median(answer["took_s"] for answer in read), 4) if read else None,
        "channels": [
            {"id": name, "least": min(seen), "most": max(seen), "spread": max(seen) - min(seen)}
            for name, seen in values.items()
        ],
        "sent": [
            {"id": name, "value": BY_CHANNEL[name].as_sent(value)}
            for name, value in sent.items()
            if name not in values
        ],
        "error": errors[-1] if errors else None,
        "pass": bool(read) and not errors and bool(values),
    }


def sent_words(channel: dict[str, Any], lang: str) -> str:
    """Return "Water level 1.238 m"."""
    quantity = BY_CHANNEL[channel["id"]]
    decimals = max(0, len(f"{quantity.res:.6f}".rstrip("0").partition(".")[2]))
    unit = unit_shown(quantity.unit, lang, quantity.channel)
    return f"{quantity_name(channel['id'], lang)} {channel['value']:.{decimals}f} {unit}".rstrip()


def verdict_lines(one: dict[str, Any], lang: str) -> list[str]:
    """Return one sensor's verdict as people read it."""
    word = say("doctor.pass" if one["pass"] else "doctor.fail", lang)
    reply = "" if one["reply_s"] is None else say("read.took", lang, ms=round(one["reply_s"] * 1000))
    lines = fold(f"{one['sensor']}  {word}  {one['readings']}/{one['asked']}  {reply}", indent=2)
    for channel in one["channels"]:
        quantity = BY_CHANNEL[channel["id"]]
        decimals = max(0, len(f"{quantity.res:.6f}".rstrip("0").partition(".")[2]))
        least, most, spread = (f"{channel[key]:.{decimals}f}" for key in ("least", "most", "spread"))
        unit = unit_shown(quantity.unit, lang, quantity.channel)
        name = quantity_name(channel["id"], lang)
        lines += fold(
            say("test.range", lang, name=name, least=least, most=most, spread=spread, unit=unit), indent=4
        )
    for channel in one["sent"]:
        lines += fold(f"  {say('test.sent', lang, value=sent_words(channel, lang))}", indent=4)
    if one["error"]:
        what = told(one["error"]["code"], one["error"]["what"], lang)
        lines += fold(f"  {one['error']['code']} {what}", indent=4)
        if f"{one['error']['code']}.meaning" in catalogue():
            lines.append(f"  {say('status.next', lang)}: kaga-edge explain {one['error']['code']}")
    return lines
