"""What somebody found at the site and ``conf.d`` keeps: correction lines, and the zero of a winter."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from kaga_edge.config.documents import CALIBRATIONS
from kaga_edge.config.faults import Code
from kaga_edge.config.lines import Path
from kaga_edge.config.sensor_tables import CalibrationTable
from kaga_edge.config.tables import Desk
from kaga_edge.core.calibration import BARE_GROUND, Correction, raw_of
from kaga_edge.core.deriving import Deriving
from kaga_edge.text import Phrase
from kaga_edge.vocabulary.quantities import Quantity


def corrections_of(
    desk: Desk,
    entries: tuple[CalibrationTable, ...],
    quantities: tuple[Quantity, ...],
    zone: str,
    path: Path,
) -> tuple[Correction, ...]:
    """Return the line in force of each channel: of its last entry that was not taken back."""
    channels = [one.channel for one in quantities if raw_of(one)]
    lines: dict[str, Correction] = {}
    for at, entry in enumerate(entries):
        if entry.method == BARE_GROUND:
            continue
        if entry.channel not in channels:
            where = (*path, "calibration", at, "channel")
            # What a command wrote outlives the instrument it was for.
            note = desk.warn if desk.documents.place(where)[0] == CALIBRATIONS else desk.fault
            note(where, Code.UNKNOWN_CHANNEL, name=entry.channel, valid=", ".join(channels))
        elif entry.undone is None:
            lines[entry.channel] = Correction(
                channel=entry.channel,
                gain=entry.gain,
                offset=entry.offset,
                on=entry.at[:10],
                due=entry.due,
                due_ms=_due_ms(desk, entry, zone, (*path, "calibration", at, "due")),
            )
    return tuple(lines.values())


def with_learned_zero(
    desk: Desk, deriving: Deriving, entries: tuple[CalibrationTable, ...], path: Path
) -> Deriving:
    """Return it with the zero last found on bare ground and not taken back."""
    zeros = [(at, one) for at, one in enumerate(entries) if one.method == BARE_GROUND and one.undone is None]
    if deriving.snow is None or not zeros:
        return deriving
    at, last = zeros[-1]
    due_ms = _due_ms(desk, last, deriving.zone, (*path, "calibration", at, "due"))
    snow = replace(deriving.snow, learned_m=-last.offset, learned_on=last.at[:10], due_ms=due_ms)
    return replace(deriving, snow=snow)


def _due_ms(desk: Desk, entry: CalibrationTable, zone: str, path: Path) -> int | None:
    """Return the end of the last day a calibration is good for, as UTC ms."""
    if entry.due is None:
        return None
    try:
        day = datetime.fromisoformat(entry.due).replace(tzinfo=ZoneInfo(zone))
    except ValueError:
        desk.fault(path, Code.VALUE, reason=Phrase("date.no_such_day"))
        return None
    return int((day + timedelta(days=1)).timestamp() * 1000)
