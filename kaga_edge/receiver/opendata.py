"""Open data: what may be published of an archive, as CSV files with their description (CSVW, W3C).

CSV as RFC 4180 has it: UTF-8, CRLF, one header line of stable ASCII names, one row per value. Times are those
of the site, with the offset from UTC. Which sensors may be in it, the manifest alone decides: one that is not
in it, or touches personal data, never is. The archive is only read; a running receiver goes on beside it.
"""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from kaga_edge.receiver.reading import flags_of
from kaga_edge.vocabulary.errors import KagaError
from kaga_edge.vocabulary.flags import Flag

COLUMNS = ("time", "station", "sensor", "item", "value", "unit", "quality", "flags", "clock")
QUALITIES = ("good", "suspect", "maintenance", "estimated", "missing", "stopped")
SUSPECT = Flag.OUT_OF_RANGE | Flag.SPIKE | Flag.STUCK | Flag.LOW_QUALITY | Flag.CALIBRATION_EXPIRED
CORRECTED = 2  # a row whose time was put right afterwards counts as dated by NTP


class ArchiveUnreadable(KagaError):
    """The file is no receiver's archive, or the gateway is not in it."""

    code = "KE-U11"
    exit_code = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One file's time: local days ``first`` to ``last``, both included; ``name`` as in the file's name."""

    name: str
    first: date
    last: date

    def limits_ms(self, zone: ZoneInfo) -> tuple[int, int]:
        """Return begin and end (not included) in UTC ms."""
        begin = datetime.combine(self.first, datetime.min.time(), zone)
        end = datetime.combine(self.last + timedelta(days=1), datetime.min.time(), zone)
        return round(begin.timestamp() * 1000), round(end.timestamp() * 1000)


class Value(NamedTuple):
    """One published value."""

    at_ms: int
    sensor: str
    item: str
    value: float | None
    unit: str
    flags: int
    clock: int


def months(first: date, last: date) -> Iterator[Span]:
    """Give the months that ``first`` to ``last`` touch, cut to these days; a whole one is named 2026-11."""
    begin = first
    while begin <= last:
        following = (begin.replace(day=1) + timedelta(days=32)).replace(day=1)
        end = min(last, following - timedelta(days=1))
        whole = begin.day == 1 and end + timedelta(days=1) == following
        name = f"{begin:%Y-%m}" if whole else f"{begin}_{end}"
        yield Span(name=name, first=begin, last=end)
        begin = following


def days(first: date, last: date) -> Iterator[Span]:
    """Give each day from ``first`` to ``last``."""
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        yield Span(name=str(day), first=day, last=day)


def parted(manifest: Mapping[str, Any]) -> tuple[frozenset[str], dict[str, str]]:
    """Return the sensors that may be published, and why each other may not (personal, withheld)."""
    told: list[Mapping[str, Any]] = manifest.get("s", [])
    held = {one["id"]: "personal" for one in told if one.get("personal_data") is not False}
    held |= {one["id"]: "withheld" for one in told if one.get("open") is False and one["id"] not in held}
    return frozenset(one["id"] for one in told) - held.keys(), held


def quality(value: float | None, flags: int) -> str:
    """Return the quality in one word; the flags beside it say more."""
    for word, bits in (("stopped", Flag.STOPPED), ("maintenance", Flag.MAINTENANCE), ("suspect", SUSPECT)):
        if flags & bits and (word == "stopped" or value is not None):
            return word
    if value is None or flags & Flag.MISSING:
        return "missing"
    return "estimated" if flags & Flag.ESTIMATED else "good"


class Source:
    """A receiver's file, opened for reading only."""

    def __init__(self, path: Path) -> None:
        try:
            self._db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
            self._gateways = dict(self._db.execute("SELECT gw, id FROM gateway").fetchall())
        except sqlite3.Error as error:
            raise ArchiveUnreadable(f"not a receiver's file: {error}", where=str(path)) from error

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    @property
    def gateways(self) -> tuple[str, ...]:
        """The gateways in the file."""
        return tuple(sorted(self._gateways))

    def manifest(self, gw: str) -> dict[str, Any] | None:
        """Return the newest disclosure of a gateway, None when none came."""
        ask = "SELECT body FROM document WHERE gateway = ? AND leaf = 'manifest'"
        found = self._db.execute(ask, (self._gateways[gw],)).fetchone()
        return None if found is None else dict(json.loads(found[0]))

    def values(self, gw: str, sensors: frozenset[str], begin_ms: int, end_ms: int) -> Iterator[Value]:
        """Give every value of these sensors in this time, in its order."""
        gateway = self._gateways.get(gw)
        ask = "SELECT k, body FROM catalog WHERE gateway = ?"
        catalogs = {k: _sensors(json.loads(body)) for k, body in self._db.execute(ask, (gateway,)).fetchall()}
        rows = self._db.execute(
            "SELECT coalesce(true_ms, at_ms) AS t, true_ms, sensor, k, c, vals, q FROM sample"
            " JOIN run ON run.id = sample.run JOIN epoch ON epoch.id = run.epoch"
            " WHERE gateway = ? AND t >= ? AND t < ? ORDER BY t, sensor, n",
            (gateway, begin_ms, end_ms),
        )
        for at_ms, true_ms, index, k, c, vals, q in rows:
            sensor = catalogs.get(k, {}).get(index)
            if sensor is None or sensor["id"] not in sensors:
                continue
            clock = c if true_ms is None else max(c, CORRECTED)
            flags = flags_of(q) or [0]
            pairs = zip(sensor["ch"], json.loads(f"[{vals}]"), strict=False)
            for at, (channel, value) in enumerate(pairs):
                flag = flags[at] if at < len(flags) else flags[0]
                yield Value(at_ms, sensor["id"], channel["id"], value, channel["u"], flag, clock)


def _sensors(catalog: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    return {one["i"]: one for one in catalog["s"]}


def write(file: Path, gw: str, values: Iterable[Value], zone: ZoneInfo, *, bom: bool) -> int:
    """Write one CSV file, whole or not at all; returns the number of values. Without any: no file."""
    part, count = file.with_name(f".{file.name}.part"), 0
    with part.open("w", encoding="utf-8-sig" if bom else "utf-8", newline="") as lines:
        sheet = csv.writer(lines)
        sheet.writerow(COLUMNS)
        for one in values:
            value = "" if one.value is None else one.value
            row = (_local(one.at_ms, zone), gw, one.sensor, one.item, value, one.unit)
            sheet.writerow((*row, quality(one.value, one.flags), one.flags, one.clock))
            count += 1
    if count:
        part.replace(file)
    else:
        part.unlink()
    return count


def _local(at_ms: int, zone: ZoneInfo) -> str:
    """Return local time with its offset: 2026-11-22T09:00:00.000+09:00."""
    return datetime.fromtimestamp(at_ms / 1000, zone).isoformat(timespec="milliseconds")


def description(
    file: str, manifest: Mapping[str, Any], licence: str, span: Span, words: Mapping[str, tuple[str, str]]
) -> str:
    """Return the CSVW description of a file as JSON. ``words``: column or quality -> (Japanese, English)."""
    site: Mapping[str, Any] = manifest.get("site", {})
    sensors, _ = parted(manifest)
    body: dict[str, Any] = {
        "@context": ["http://www.w3.org/ns/csvw", {"@language": "ja"}],
        "url": file,
        "dc:title": site.get("name", {"ja": manifest["gw"], "en": manifest["gw"]}),
        "dc:publisher": manifest.get("by"),
        "dc:license": licence,
        "dc:temporal": f"{span.first}/{span.last}",
        "dc:source": manifest.get("contact"),
        "schema:position": {"lat": site["lat"], "lon": site["lon"]} if "lat" in site else None,
        "schema:timezone": site.get("tz"),
        "dialect": {"encoding": "utf-8", "lineTerminators": ["\r\n"], "header": True},
        "tableSchema": {
            "columns": [
                {"name": name, "titles": _both(words[f"column.{name}"]), "datatype": _datatype(name)}
                for name in COLUMNS
            ]
        },
        "kaga:quality": {name: _both(words[f"quality.{name}"]) for name in QUALITIES},
        "kaga:sensors": [
            {key: one[key] for key in ("id", "measures", "every_s", "purpose", "ground") if key in one}
            for one in manifest.get("s", [])
            if one["id"] in sensors
        ],
    }
    told = {key: value for key, value in body.items() if value not in (None, "")}
    return json.dumps(told, ensure_ascii=False, indent=2) + "\n"


def _both(text: tuple[str, str]) -> dict[str, str]:
    return {"ja": text[0], "en": text[1]}


def _datatype(column: str) -> str:
    return {"time": "dateTime", "value": "number", "flags": "integer", "clock": "integer"}.get(
        column, "string"
    )
