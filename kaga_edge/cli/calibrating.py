"""``kaga-edge sensor calibrate``: stand at the staff gauge, say what it reads, see before and after.

Longer than most: one conversation from beginning to end, in the order in which it is held.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import sys
import time
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from kaga_edge.cli.ask import JUDGING_PATIENCE_S, NoAnswer, NotRunning, Refused, ask, language_of, socket_of
from kaga_edge.cli.failure import told
from kaga_edge.cli.screen import tell
from kaga_edge.config.calibrations import (
    CalibratedMeanwhile,
    Entry,
    calibration_file,
    in_force,
    read_calibrations,
    write_calibrations,
)
from kaga_edge.core import calibration
from kaga_edge.core.calibration import BARE_GROUND, FEWEST, OFFSET, SHUNT, TWO_POINT, Window
from kaga_edge.text import say, unit_shown
from kaga_edge.vocabulary.errors import KagaError
from kaga_edge.vocabulary.quantities import BY_CHANNEL, Quantity

TAKE_EVERY_S = 1.0
FARTHEST_ZERO_M = 0.15  # grass and frost heave; beyond, the mount's height is wrong
POWER, CURRENT = "supply_power", "supply_current"


class CannotCalibrate(KagaError):
    """The readings are not steady, the two points are too close, or the file cannot be written."""

    code = "KE-U02"
    exit_code = 2


class NotInForce(KagaError):
    """It is recorded; the gateway did not take it up. The code is that of its reason."""

    exit_code = 1


@dataclass(slots=True)
class Taken:
    """What the window brought of one channel: raw values, and the line in force in the gateway."""

    quantity: Quantity
    line: tuple[float, float]
    values: list[float] = field(default_factory=list)
    snow: bool = False  # the sensor has [sensor.snow]
    zero_m: float | None = None  # its learned zero


def run(args: argparse.Namespace) -> int:
    """Calibrate, or take back; returns 0, or 1 when the person said no."""
    if not args.json:
        return _calibrate(args)
    with redirect_stdout(sys.stderr):  # a person may still be asked
        code = _calibrate(args)
    own = read_calibrations(calibration_file(args.config)).get(args.sensor, [])
    print(json.dumps({"sensor": args.sensor, "calibrations": own}, ensure_ascii=False, indent=2))
    return code


def _calibrate(args: argparse.Namespace) -> int:
    lang = language_of(args)
    file = calibration_file(args.config)
    own = _own(file, args.sensor, lang)
    if args.undo:
        return _undo(args, own, file, lang)
    if args.bare_ground:
        args.channel, args.true = Quantity.SNOW_DEPTH_M.channel, 0.0
    if args.true is None or not math.isfinite(args.true):
        raise CannotCalibrate(say("calibrate.say_true", lang))
    taken = _take(args, lang)
    window = _steady(taken, lang)
    if args.bare_ground:
        entry = _zero(args, taken, window, lang)
    else:
        line, method = _line(args, window.value, in_force(own, taken.quantity.channel))
        entry = _entry(args, taken, window, line, method)
    _show(entry, taken.quantity, window, own, lang)
    if not _agreed(args, lang):
        tell(say("calibrate.stopped", lang))
        return 1
    new = [entry]
    if entry["method"] == SHUNT and entry["channel"] == CURRENT:  # power is voltage times the same current
        new.append(entry | {"channel": POWER})
    _write(file, args, own, [*own, *new], lang)
    tell(say("calibrate.done", lang, file=file, sensor=args.sensor))
    _apply(args, lang)
    return 0


def _own(file: Path, sensor: str, lang: str) -> list[Entry]:
    try:
        return read_calibrations(file).get(sensor, [])
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise CannotCalibrate(reason, where=str(file), fix=say("calibrate.file_fix", lang)) from error


# --- readings ---


def _take(args: argparse.Namespace, lang: str) -> Taken:
    """Read through the daemon for the length of the window."""
    tell(say("calibrate.measuring", lang, seconds=f"{args.window:g}"))
    taken: Taken | None = None
    end_s = time.monotonic() + args.window
    while True:
        answer = ask(socket_of(args), {"op": "take", "sensor": args.sensor}, lang)
        taken = _add(taken, answer, args.channel, lang)
        left_s = end_s - time.monotonic()
        if left_s <= 0:
            break
        time.sleep(min(TAKE_EVERY_S, args.window / (2 * FEWEST), left_s))
    if taken is None:
        raise CannotCalibrate(say("calibrate.few", lang, count=0))
    return taken


def _add(taken: Taken | None, answer: dict[str, Any], channel: str | None, lang: str) -> Taken | None:
    for one in answer["channels"]:
        if channel not in (None, one["id"]):
            continue
        quantity = BY_CHANNEL[one["id"]]
        if calibration.raw_of(quantity) is None:
            raise CannotCalibrate(say("calibrate.cannot", lang, channel=one["id"]))
        line = one["line"][0], one["line"][1]
        taken = taken or Taken(quantity, line, snow=answer["snow"], zero_m=answer["zero"])
        if one["value"] is not None:
            taken.values.append(one["value"])
        return taken
    if answer["channels"]:
        raise CannotCalibrate(say("calibrate.cannot", lang, channel=channel))
    return taken  # this time the sensor did not answer


def _steady(taken: Taken, lang: str) -> Window:
    if len(taken.values) < FEWEST:
        raise CannotCalibrate(say("calibrate.few", lang, count=len(taken.values)))
    window, limit = calibration.window(taken.values), calibration.steady_within(taken.quantity)
    if window.spread > limit or abs(window.drift) > limit:
        numbers = {"spread": f"{window.spread:.4g}", "drift": f"{window.drift:.4g}", "limit": f"{limit:g}"}
        unit = unit_shown(taken.quantity.unit, lang, taken.quantity.channel)
        raise CannotCalibrate(say("calibrate.unsteady", lang, unit=unit, **numbers))
    return window


# --- the line ---


def _line(args: argparse.Namespace, raw: float, last: Entry | None) -> tuple[tuple[float, float], str]:
    try:
        if args.shunt:
            return calibration.shunt_line(raw, args.true), SHUNT
        if args.other is None:
            return calibration.offset_line(raw, args.true), OFFSET
        return calibration.two_point_line(_other(args.other, last), (raw, args.true)), TWO_POINT
    except ValueError as error:
        raise CannotCalibrate(str(error)) from error


def _other(text: str, last: Entry | None) -> tuple[float, float]:
    """Return the first point. ValueError: there is none, or it is not RAW:TRUE."""
    if text == "last":
        if last is None:
            raise ValueError("no earlier calibration of this channel")
        return float(last["raw"]), float(last["true"])
    raw, _, true = text.partition(":")
    with suppress(ValueError):
        pair = float(raw), float(true)
        if all(map(math.isfinite, pair)):
            return pair
    raise ValueError(f"--other {text}: write RAW:TRUE or last")


def _entry(
    args: argparse.Namespace, taken: Taken, window: Window, line: tuple[float, float], method: str
) -> Entry:
    raw, (gain, offset) = window.value, line
    return {
        "channel": taken.quantity.channel,
        "method": method,
        "gain": round(gain, 9),
        "offset": round(offset, 9),
        "at": _now(),
        "who": args.who,
        "why": args.why,
        "raw": round(raw, 6),
        "true": args.true,
        "before": round(taken.line[0] * raw + taken.line[1], 6),
        "after": round(gain * raw + offset, 6),
    } | ({"due": str(args.due)} if args.due else {})


def _zero(args: argparse.Namespace, taken: Taken, window: Window, lang: str) -> Entry:
    """Return the depth shown on bare ground as the zero of this winter."""
    if not taken.snow:
        raise CannotCalibrate(say("calibrate.no_snow_table", lang))
    zero_m = taken.line[0] * window.value + taken.line[1]
    if abs(zero_m) > FARTHEST_ZERO_M:
        raise CannotCalibrate(say("calibrate.not_bare", lang, zero=f"{zero_m:.3f}", limit=FARTHEST_ZERO_M))
    entry = _entry(args, taken, window, (1.0, -zero_m), BARE_GROUND)
    return entry | {
        "channel": Quantity.SNOW_ON_GROUND_M.channel,
        "raw": round(zero_m, 6),
        "before": round(zero_m - (taken.zero_m or 0.0), 6),
        "after": 0.0,
        "due": str(args.due or _end_of_winter(datetime.now(UTC).date())),
    }


def _end_of_winter(today: date) -> date:
    """Return the last day of this winter, or of the coming one."""
    end = today.replace(month=6, day=30)
    return end if today <= end else end.replace(year=end.year + 1)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# --- showing, asking, writing ---


def _show(entry: Entry, quantity: Quantity, window: Window, own: list[Entry], lang: str) -> None:
    unit = unit_shown(quantity.unit, lang, quantity.channel)
    shown = {"value": f"{entry['before']:.6g}", "count": window.count, "spread": f"{window.spread:.3g}"}
    tell(say("calibrate.now", lang, unit=unit, **shown))
    line = {"true": f"{entry['true']:g}", "after": f"{entry['after']:.6g}"}
    tell(say("calibrate.line", lang, unit=unit, **line, **_numbers(entry)))
    tell(_last(own, entry["channel"], lang))


def _last(own: list[Entry], channel: str, lang: str) -> str:
    """Return the calibration in force in words; without one, the one that was taken back last."""
    history = [one for one in own if one["channel"] == channel]
    last = in_force(history, channel)
    found = last or next(reversed(history), None)
    if found is None:
        return say("calibrate.first", lang)
    code = "calibrate.before" if last else "calibrate.taken_back"
    return say(code, lang, at=found["at"][:10], who=found["who"], **_numbers(found))


def _numbers(entry: Entry | None) -> dict[str, str]:
    gain, offset = (1.0, 0.0) if entry is None else (entry["gain"], entry["offset"])
    return {"gain": f"{gain:.6g}", "offset": f"{offset:+.6g}"}


def _agreed(args: argparse.Namespace, lang: str) -> bool:
    if args.yes:
        return True
    if not sys.stdin.isatty():
        raise CannotCalibrate(say("calibrate.no_tty", lang))
    question = "calibrate.bare_question" if args.bare_ground and not args.undo else "calibrate.question"
    return input(say(question, lang)).strip().lower() in ("y", "yes", "はい")


def _undo(args: argparse.Namespace, seen: list[Entry], file: Path, lang: str) -> int:
    own = copy.deepcopy(seen)
    channels = [one["channel"] for one in own if "undone" not in one]
    channel = args.channel or (channels[-1] if channels else "")
    last = in_force(own, channel)
    if last is None:
        raise CannotCalibrate(say("calibrate.nothing", lang))
    together = [one for one in own if one["at"] == last["at"] and "undone" not in one]
    words = {"at": last["at"][:10], "who": last["who"]}
    tell(say("calibrate.undoing", lang, channel=channel, **words, **_numbers(last)))
    if not _agreed(args, lang):
        tell(say("calibrate.stopped", lang))
        return 1
    for one in together:  # a shunt's current and power are one calibration
        one["undone"] = f"{_now()} {args.who}"
    _write(file, args, seen, own, lang)
    print(say("calibrate.undone", lang, **words, **_numbers(in_force(own, channel))))
    _apply(args, lang)
    return 0


def _write(file: Path, args: argparse.Namespace, seen: list[Entry], own: list[Entry], lang: str) -> None:
    try:
        write_calibrations(file, args.sensor, seen, own, args.config)
    except CalibratedMeanwhile as error:
        what, fix = say("calibrate.meanwhile", lang), say("calibrate.meanwhile_fix", lang)
        raise CannotCalibrate(what, where=args.sensor, fix=fix) from error
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise CannotCalibrate(say("calibrate.not_written", lang, file=file, reason=reason)) from error


def _apply(args: argparse.Namespace, lang: str) -> None:
    """Have the running gateway read its configuration again. Raises NotInForce."""
    try:
        answer = ask(socket_of(args), {"op": "reload"}, lang, patience_s=JUDGING_PATIENCE_S)
    except NotRunning:
        tell(say("calibrate.not_running", lang))
    except (Refused, NoAnswer) as error:
        what = say("calibrate.not_applied", lang, reason=told(error.code, error.what, lang))
        untaken = NotInForce(what, fix=say("calibrate.not_applied_fix", lang, config=args.config))
        untaken.code = error.code
        raise untaken from error
    else:
        tell(say("calibrate.applied", lang, k=answer["k"]))
