"""What ``kaga-edge decode`` found, for people and as JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass

from kaga_edge.cli.failure import mending
from kaga_edge.text import quality_words, quantity_name, say, unit_shown
from kaga_edge.text.overheard import heard
from kaga_edge.vocabulary.drivers import Driver
from kaga_edge.vocabulary.errors import KagaError
from kaga_edge.vocabulary.readings import Measurement


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """One frame's result: readings, or the error."""

    data: bytes | None
    readings: tuple[Measurement, ...] = ()
    error: KagaError | None = None


def show_text(driver: Driver, results: list[Decoded], skipped: int, lang: str) -> None:
    """Print every frame's readings; failures and remarks go to the error output."""
    for number, result in enumerate(results, 1):
        if result.data is not None:
            print(say("decode.frame", lang, number=number, bytes=spaced(result.data)))
        if result.error is not None:
            print(_failure(result.error, lang), file=sys.stderr)
        for measured in result.readings:
            print("  " + _line(measured, lang))
    if skipped:
        print(say("decode.skipped", lang, n=skipped))
    for remark in getattr(driver, "remarks", ()):
        print(say("decode.remark", lang, what=heard(remark, lang)), file=sys.stderr)


def _line(measured: Measurement, lang: str) -> str:
    quantity = measured.quantity
    shown = f"{quantity_name(quantity.channel, lang)} ({quantity.channel})"
    if measured.value is None:
        return f"{shown}: {say('decode.no_value', lang)}"
    decimals = max(0, len(f"{quantity.res:.6f}".rstrip("0").partition(".")[2]))
    unit = unit_shown(quantity.unit, lang, quantity.channel)
    quality = f"  [{quality_words(int(measured.flags), lang)}]" if measured.flags else ""
    return f"{shown}: {measured.value:.{decimals}f} {unit}".rstrip() + quality


def _failure(error: KagaError, lang: str) -> str:
    check = say(f"decode.check.{getattr(error, 'check', 'device')}", lang)
    mend = mending(error.code, error.fix, lang)
    fix = f"\n  {mend}" if mend else ""
    return say("decode.failed", lang, check=check, what=heard(error.what, lang)) + fix


def show_json(name: str, driver: Driver, results: list[Decoded], skipped: int) -> None:
    """Print one object: all readings, each frame's own, and the first error."""
    body: dict[str, object] = {
        "driver": name,
        "readings": [_reading(m) for result in results for m in result.readings],
        "frames": [_frame(result) for result in results],
        "skipped_bytes": skipped,
    }
    if remarks := getattr(driver, "remarks", ()):
        body["remarks"] = list(remarks)
    if (error := next((result.error for result in results if result.error is not None), None)) is not None:
        body["error"] = _error(error)
    print(json.dumps(body, ensure_ascii=False, indent=2))


def _frame(result: Decoded) -> dict[str, object]:
    frame: dict[str, object] = {} if result.data is None else {"bytes": result.data.hex().upper()}
    if result.error is not None:
        return {**frame, "error": _error(result.error)}
    return {**frame, "readings": [_reading(measured) for measured in result.readings]}


def _reading(measured: Measurement) -> dict[str, object]:
    return {
        "quantity": measured.quantity.channel,
        "value": measured.value,
        "unit": measured.quantity.unit,
        "flags": int(measured.flags),
    }


def _error(error: KagaError) -> dict[str, object]:
    check = getattr(error, "check", "device")
    return {"check": check, "code": error.code, "what": error.what, "fix": error.fix}


def spaced(data: bytes) -> str:
    """Return "0A FF"."""
    return data.hex(" ").upper()
