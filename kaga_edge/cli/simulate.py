"""``kaga-edge simulate replay FILE``: a real series through the real daemon, and what came out.

First comes the verdict: the rows at their own times through the gateway's own path, against what is known
of the file. Then the series is played to the daemon, where instruments for it exist.

Exit codes: 0 played, 1 the daemon did not start or end well, 64 a file that is no known series.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kaga_edge.cli.interrupting import like_ctrl_c
from kaga_edge.cli.screen import fold
from kaga_edge.cli.typed import positive
from kaga_edge.text import language, quantity_name, unit_shown
from kaga_edge.vocabulary.errors import KagaError
from kaga_edge.vocabulary.quantities import BY_CHANNEL, Quantity

if TYPE_CHECKING:
    from kaga_edge.sim.replay import Series
    from kaga_edge.sim.rerun import Rerun

EXIT_FAILED = 1
# A road played fast: times between vehicles shrink with the clock, and speeds grow.
TIMED = {
    Quantity.VEHICLE_SPEED_KPH.channel,
    Quantity.VEHICLE_SPEED_TIME_MEAN_KPH.channel,
    Quantity.HEADWAY_S.channel,
}
COUNTED = {Quantity.VEHICLE_COUNT.channel, Quantity.TIP_COUNT.channel, Quantity.RAIN_MM.channel}

TEXTS = {
    "playing": (
        "{file}: {kind}、{rows}行、{hours}時間分を {speed}倍で {seconds}秒間",
        "{file}: {kind}, {rows} rows, {hours} h; played at {speed} times for {seconds} s",
    ),
    "kind.river": ("河川水位", "river level"),
    "kind.snow": ("積雪", "snow depth"),
    "kind.traffic": ("車両検知", "vehicle detector"),
    "slowed": (
        "速度を {speed}倍に下げました(パルスが短くなりすぎるため)",
        "slowed to {speed} times: faster, the pulses would be too short to see",
    ),
    "stored": ("記録された値:", "What was stored:"),
    "none": ("値なし", "no value"),
    "range": ("{n}件  最小 {low}  最大 {high} {unit}", "{n} samples, lowest {low}, highest {high} {unit}"),
    "sum": ("{n}件  合計 {total} {unit}", "{n} samples, sum {total} {unit}"),
    "edges": ("  記録にある通過 {count}", "  in the file: {count}"),
}


class NoSeries(KagaError):
    """The file cannot be read as a series."""

    exit_code = 64


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser("simulate")
    actions = parser.add_subparsers(dest="action", required=True)
    replay = actions.add_parser("replay")
    replay.add_argument("file", type=Path, metavar="FILE")
    replay.add_argument("--speed", type=positive, metavar="N")
    replay.add_argument("--seconds", type=positive, default=20.0, metavar="N")
    replay.add_argument("--verdict", action="store_true")
    replay.add_argument("--json", action="store_true")
    replay.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Play and print. Returns the exit code."""
    from kaga_edge.cli import verdict as words
    from kaga_edge.sim import replay
    from kaga_edge.sim.rerun import FASTEST_TRAFFIC, rerun
    from kaga_edge.sim.verdict import verdict

    lang = language(args.lang)
    try:
        findings = verdict(args.file)
    except KagaError as error:
        raise NoSeries(error.what, where=error.where, fix=error.fix) from error
    if args.json:
        print(json.dumps([{"code": one.code, **dict(one.values)} for one in findings], ensure_ascii=False))
        return 0
    print("\n".join(words.told(findings, lang)), flush=True)
    if args.verdict or not replay.playable(args.file):
        return 0
    series = replay.read(args.file)
    seconds = max(2.0, args.seconds)
    speed = args.speed or series.length_s / seconds
    if series.kind == "traffic" and speed > FASTEST_TRAFFIC:
        speed = FASTEST_TRAFFIC
        _tell(_say("slowed", lang, speed=f"{speed:g}"))
    hours = f"{series.length_s / 3600:.1f}"
    kind = _say(f"kind.{series.kind}", lang)
    facts = {"file": args.file.name, "kind": kind, "rows": series.rows, "hours": hours}
    _tell(_say("playing", lang, **facts, speed=f"{speed:,.0f}", seconds=f"{seconds:g}"))
    like_ctrl_c()
    with tempfile.TemporaryDirectory(prefix="kaga-edge-replay-") as folder:
        played = asyncio.run(rerun(series, Path(folder), speed=speed, seconds=seconds, on_status=_show(lang)))
    for line in told(played, series, lang):
        print(line)
    return EXIT_FAILED if played.exit_code else 0


def told(played: Rerun, series: Series, lang: str) -> list[str]:
    """Return what was stored, one line for each channel."""
    lines = [_say("stored", lang)]
    for sensor, rows in sorted(played.left.rows.items()):
        for channel in rows[0].values:
            if channel in TIMED and played.speed != 1:
                continue
            values = [value for row in rows if (value := row.values[channel]) is not None]
            shown = f"{quantity_name(channel, lang)}: {_summed_up(channel, values, lang)}"
            lines += fold(f"  {sensor:9} {shown}", indent=4)
        name = sensor.removeprefix("lane-")
        if name in series.lines:
            edges = series.edges(name, -1.0, played.played_s)
            lines.append("  " + _say("edges", lang, count=sum(not edge.active for edge in edges)))
    return lines


def _summed_up(channel: str, values: list[float], lang: str) -> str:
    if not values:
        return _say("none", lang)
    unit = unit_shown(BY_CHANNEL[channel].unit, lang, channel)
    if channel in COUNTED:
        return _say("sum", lang, n=len(values), total=f"{sum(values):g}", unit=unit).rstrip()
    low, high = f"{min(values):g}", f"{max(values):g}"
    return _say("range", lang, n=len(values), low=low, high=high, unit=unit).rstrip()


def _show(lang: str) -> Any:
    """Return what prints one line of newest values for each look at the daemon."""

    def show(status: dict[str, Any]) -> None:
        parts = []
        for sensor in status["sensors"]:
            shown = sensor["channels"][0]
            value = "-" if shown["value"] is None else f"{shown['value']:g}"
            parts.append(f"{sensor['id']} {value} {unit_shown(shown['unit'], lang, shown['id'])}".rstrip())
        _tell("  " + ", ".join(parts))

    return show


def _tell(text: str) -> None:
    print("\n".join(fold(text, indent=2)), flush=True)


def _say(code: str, lang: str, **params: object) -> str:
    return TEXTS[code][0 if lang == "ja" else 1].format(**params)
