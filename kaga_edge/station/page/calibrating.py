"""An offset calibration in two steps: read for half a minute, then compare with the staff gauge and keep.

Nothing is offered while the readings are not steady; nothing is written before "now" and "after" were shown.
The same file, entries and limits as ``kaga-edge sensor calibrate``.
"""

from __future__ import annotations

import asyncio
import copy
import math
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kaga_edge.config.calibrations import (
    CalibratedMeanwhile,
    Entry,
    calibration_file,
    in_force,
    read_calibrations,
    write_calibrations,
)
from kaga_edge.core import calibration
from kaga_edge.core.calibration import FEWEST, OFFSET
from kaga_edge.station.page.feed import Ask
from kaga_edge.text import say, unit_shown
from kaga_edge.text.overheard import heard
from kaga_edge.vocabulary.errors import KagaError
from kaga_edge.vocabulary.quantities import BY_CHANNEL, Quantity

WINDOW_S = 30.0
EVERY_S = 1.0
KEPT_S = 600.0  # a window that nobody used for ten minutes says nothing any more


class RefusedHere(KagaError):
    """The page does not do that."""

    code = "KE-P02"


@dataclass(slots=True)
class Bench:
    """One sensor being read. ``line``: the line in force."""

    quantity: Quantity | None = None
    line: tuple[float, float] = (1.0, 0.0)
    values: list[float] = field(default_factory=list)
    began_s: float = field(default_factory=time.monotonic)
    task: asyncio.Task[None] | None = None
    fault: KagaError | None = None


class Calibrating:
    """The windows of one opening, one a sensor. ``window_s``: how long one reads."""

    def __init__(self, ask: Ask, config: Path, window_s: float = WINDOW_S) -> None:
        self._ask, self._config, self._window_s = ask, config, window_s
        self._benches: dict[str, Bench] = {}

    def begin(self, sensor: str) -> None:
        """Begin to read a sensor; an earlier window of it is thrown away."""
        before = self._benches.pop(sensor, None)
        if before is not None and before.task is not None:
            before.task.cancel()
        bench = self._benches[sensor] = Bench()
        bench.task = asyncio.create_task(self._read(sensor, bench), name=f"calibrate {sensor}")

    async def _read(self, sensor: str, bench: Bench) -> None:
        while time.monotonic() - bench.began_s < self._window_s:
            try:
                _take(bench, await self._ask({"op": "take", "sensor": sensor}))
            except KagaError as error:
                bench.fault = error
                return
            await asyncio.sleep(min(EVERY_S, self._window_s / (2 * FEWEST)))

    def told(self, sensor: str, lang: str) -> dict[str, Any]:
        """Return how far it is: "none", "measuring", "steady", "unsteady", "few"."""
        bench = self._benches.get(sensor)
        passed_s = 0.0 if bench is None else time.monotonic() - bench.began_s
        if bench is None or passed_s > KEPT_S:
            return {"state": "none"}
        if bench.fault is not None:
            raise bench.fault
        if bench.task is not None and not bench.task.done():
            left_s = max(0, math.ceil(self._window_s - passed_s))
            return {"state": "measuring", "count": len(bench.values), "left": left_s}
        if len(bench.values) < FEWEST or bench.quantity is None:
            return {"state": "few", "count": len(bench.values)}
        window, limit = calibration.window(bench.values), calibration.steady_within(bench.quantity)
        steady = window.spread <= limit and abs(window.drift) <= limit
        return {
            "state": "steady" if steady else "unsteady",
            "channel": bench.quantity.channel,
            "unit": unit_shown(bench.quantity.unit, lang),
            "value": round(bench.line[0] * window.value + bench.line[1], 4),
            "count": window.count,
            "spread": round(window.spread, 4),
            "drift": round(window.drift, 4),
            "limit": limit,
            "last": self._last(sensor, bench.quantity.channel),
        }

    def compared(self, sensor: str, true: float, lang: str) -> dict[str, Any]:
        """Return "now" and "after" for a true value. Raises RefusedHere."""
        bench, raw = self._steady(sensor, lang)
        gain, offset = calibration.offset_line(raw, true)
        return {
            "before": round(bench.line[0] * raw + bench.line[1], 4),
            "after": round(gain * raw + offset, 4),
            "offset": round(offset, 4),
        }

    async def keep(self, sensor: str, true: float, who: str, why: str, lang: str) -> None:
        """Write the correction and have the gateway read it. Raises RefusedHere."""
        bench, raw = self._steady(sensor, lang)
        assert bench.quantity is not None
        gain, offset = calibration.offset_line(raw, true)
        entry: Entry = {
            "channel": bench.quantity.channel,
            "method": OFFSET,
            "gain": gain,
            "offset": round(offset, 9),
            "at": _now(),
            "who": who,
            "why": why,
            "raw": round(raw, 6),
            "true": true,
            "before": round(bench.line[0] * raw + bench.line[1], 6),
            "after": round(gain * raw + offset, 6),
        }
        seen = self._entries(sensor, lang)
        await self._write(sensor, seen, [*seen, entry], lang)
        self._benches.pop(sensor, None)

    async def undo(self, sensor: str, who: str, lang: str) -> None:
        """Take the last correction of a sensor back. Raises RefusedHere: there is none."""
        seen = self._entries(sensor, lang)
        own = copy.deepcopy(seen)
        last = next((one for one in reversed(own) if "undone" not in one), None)
        if last is None:
            raise RefusedHere(say("page.nothing", lang))
        for one in own:  # a shunt's current and power are one calibration
            if one["at"] == last["at"] and "undone" not in one:
                one["undone"] = f"{_now()} {who}"
        await self._write(sensor, seen, own, lang)

    def close(self) -> None:
        """Stop reading."""
        for bench in self._benches.values():
            if bench.task is not None:
                bench.task.cancel()

    def _steady(self, sensor: str, lang: str) -> tuple[Bench, float]:
        if self.told(sensor, lang)["state"] != "steady":
            raise RefusedHere(say("page.not_ready", lang))
        bench = self._benches[sensor]
        return bench, calibration.window(bench.values).value

    def _last(self, sensor: str, channel: str) -> dict[str, Any] | None:
        try:
            last = in_force(read_calibrations(calibration_file(self._config)).get(sensor, []), channel)
        except (OSError, ValueError):
            return None
        return None if last is None else {"at": last["at"][:10], "who": last["who"], "offset": last["offset"]}

    def _entries(self, sensor: str, lang: str) -> list[Entry]:
        try:
            return read_calibrations(calibration_file(self._config)).get(sensor, [])
        except (OSError, ValueError) as error:
            raise RefusedHere(say("page.not_written", lang, reason=heard(str(error), lang))) from error

    async def _write(self, sensor: str, seen: list[Entry], own: list[Entry], lang: str) -> None:
        try:
            write_calibrations(calibration_file(self._config), sensor, seen, own, self._config)
        except CalibratedMeanwhile as error:
            raise RefusedHere(say("calibrate.meanwhile", lang)) from error
        except (OSError, ValueError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or heard(str(error), lang)
            raise RefusedHere(say("page.not_written", lang, reason=reason)) from error
        await self._ask({"op": "reload"})


def _take(bench: Bench, answer: dict[str, Any]) -> None:
    """Add one reading of the first channel that can be calibrated."""
    for one in answer["channels"]:
        quantity = BY_CHANNEL[one["id"]]
        if calibration.raw_of(quantity) is None:
            continue
        bench.quantity, bench.line = quantity, (one["line"][0], one["line"][1])
        if one["value"] is not None:
            bench.values.append(one["value"])
        return


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
