"""From entries to the rows to insert: encoding, which touches no file, and giving out numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kaga_edge.core import message
from kaga_edge.core.rows import encode_values
from kaga_edge.core.stored import Entry, SensorDeclaration
from kaga_edge.store.book import Book, RunStart
from kaga_edge.store.statements import Batch
from kaga_edge.vocabulary.readings import Alert, Moment

Pairs = tuple[tuple[str, str], ...]  # key, value
# sensor, at, vals, q, raw, what to remember, alerts
Encoded = tuple[str, Moment, str, str | None, bytes | None, Pairs, tuple[Alert, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """The sensors as last declared: index, rounding steps, channel count by sensor id."""

    gw: str
    ep: str
    k: str
    index: dict[str, int]
    res: dict[str, tuple[float, ...]]


def catalog_entry(sensor: SensorDeclaration, i: int) -> dict[str, object]:
    """Return a sensor as the catalog lists it."""
    channels = [{"id": name, "u": unit, "res": res, **extra} for name, unit, res, extra in sensor.channels]
    return {"i": i, "id": sensor.id, "driver": sensor.driver, "kind": sensor.kind, "ch": channels}


def encoded(entries: Sequence[Entry], res: dict[str, tuple[float, ...]]) -> list[Encoded]:
    """Return the entries' rows, still without numbers."""
    return [
        (
            entry.sample.sensor,
            entry.sample.at,
            *encode_values(entry.sample.readings, res[entry.sample.sensor]),
            entry.sample.raw,
            entry.remember,
            entry.alerts,
        )
        for entry in entries
    ]


def numbered(known: Declared, book: Book, entries: Sequence[Encoded]) -> Batch:
    """Give the entries the book's next numbers; return the rows to insert."""
    e = book.next_e
    rows: list[tuple[int, int, int, int, str, str | None, bytes | None]] = []
    notices: list[tuple[int, str, str, int, int, bytes]] = []
    runs: list[RunStart] = []
    run = book.runs[-1] if book.runs else RunStart(first=0, k="", boot="", trust=-1)
    base, index = book.base, known.index
    remembered: dict[str, str] = {}
    for n, (sensor, at, vals, q, raw, remember, alerts) in enumerate(entries, book.next_n):
        if remember:
            remembered.update(remember)
        if run.trust != at.trust or run.boot != at.boot or run.k != known.k:
            run = RunStart(first=n, k=known.k, boot=at.boot, trust=int(at.trust))
            runs.append(run)
        rows.append((base + n, index[sensor], at.wall_ms, at.up_ms, vals, q, raw))
        for alert in alerts:
            body = message.alert_body(
                gw=known.gw,
                ep=book.ep,
                e=e,
                n=n,
                key=alert.key,
                state=alert.state,
                subject=alert.subject,
                at=alert.at,
                data=alert.data,
            )
            notices.append((base + e, "alert", alert.key, n, alert.at.wall_ms, body))
            e += 1
    return Batch(
        book=book,
        rows=rows,
        notices=notices,
        runs=runs,
        remembered=remembered,
        first=book.next_n,
        first_e=book.next_e,
    )
