"""Many rows made few: per sensor, channel and window the lowest, highest, mean and last value, and how many.

Pure: stored rows and their catalog go in, thinned rows come out. What survives, always:

- the lowest and the highest value of every window, digit by digit as they were measured (they are copied
  as text): the crest of a flood, the deepest snow;
- the sum: ``mean`` is written so finely that ``mean * count``, rounded to the channel's own step, is the
  exact sum of up to 100,000 values. Rain and vehicles are still counted right;
- quality: values with a doubt on them are summed up apart from those without, so that a spike never hides
  a crest, and each row carries every flag of what it stands for.

A thinned row begins at the time of its first sample and ends with that sample's window; windows are
whole multiples of their length in UTC. Thinned rows are thinned again in longer windows the same way. The
longest is three hours, so that every day in Japan (UTC+9) is still made of whole windows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from operator import itemgetter
from typing import Any

from kaga_edge.core.stored import StoredRow
from kaga_edge.vocabulary.readings import Flag

WINDOWS_S = (600, 3600, 10_800)  # tried in this order; a JMA ten-minute value, an hour, three hours
PARTS = ("min", "max", "mean", "last", "count")  # the channels that each channel becomes
MEAN_FINER = 5  # decimal places below the channel's own step: sums of 100,000 values stay exact
WORTH = 3  # rows that one thinned row must stand for: it is about that much longer
DOUBTS = (
    Flag.OUT_OF_RANGE
    | Flag.SPIKE
    | Flag.STUCK
    | Flag.LOW_QUALITY
    | Flag.ESTIMATED
    | Flag.MAINTENANCE
    | Flag.CALIBRATION_EXPIRED
)
THINNED, MISSING = int(Flag.THINNED), int(Flag.MISSING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What the rows of one sensor index look like. ``of``: the index of the rows it began with."""

    of: int
    steps: tuple[float, ...]  # each channel's rounding step, of the channels it began with
    thinned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Few:
    """One thinned row of the sensor ``of``, standing for ``rows`` stored rows."""

    of: int
    at_ms: int
    up_ms: int
    vals: str
    q: str
    rows: int


# --- catalogs ---


def shapes(catalog: Mapping[str, Any]) -> dict[int, Shape]:
    """Return the shape of every sensor of a catalog that can be thinned: samples and thinned ones."""
    found = {}
    for sensor in catalog["s"]:
        steps = tuple(float(channel.get("res", 0)) for channel in sensor["ch"])
        if sensor["kind"] == "thinned":
            # The lowest value has the step of the channel it came from.
            found[sensor["i"]] = Shape(of=sensor["of"], steps=steps[:: len(PARTS)], thinned=True)
        elif sensor["kind"] == "sample" and all(step > 0 for step in steps):
            found[sensor["i"]] = Shape(of=sensor["i"], steps=steps, thinned=False)
    return found


def level(catalog: Mapping[str, Any]) -> int:
    """Return how often rows of this catalog have been thinned: 0 for rows as measured."""
    windows = [sensor["window_s"] for sensor in catalog["s"] if sensor["kind"] == "thinned"]
    return WINDOWS_S.index(windows[0]) + 1 if windows and windows[0] in WINDOWS_S else 0


def thinned_sensors(catalog: Mapping[str, Any], window_s: int) -> list[dict[str, Any]]:
    """Return the catalog's entries for thinned rows, still without an index of their own (``i``)."""
    entries = []
    for sensor in catalog["s"]:
        rest = {key: value for key, value in sensor.items() if key not in ("i", "ch", "window_s")}
        if sensor["kind"] == "thinned":
            entries.append(rest | {"window_s": window_s, "ch": sensor["ch"]})
        elif sensor["kind"] == "sample":
            channels = [part for channel in sensor["ch"] for part in _parts(channel)]
            more = {"kind": "thinned", "of": sensor["i"], "window_s": window_s, "ch": channels}
            entries.append(rest | more)
    return entries


def _parts(channel: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the five channels that a channel becomes; thresholds are for single values."""
    bare = {key: value for key, value in channel.items() if key != "thr"}
    made = [bare | {"id": f"{channel['id']}_{part}"} for part in PARTS]
    made[2]["res"] = float(f"1e{-_mean_places(float(channel.get('res', 0)))}")
    made[4] = {"id": made[4]["id"], "u": "{count}", "res": 1.0}
    return made


@lru_cache(maxsize=256)
def _mean_places(step: float) -> int:
    return MEAN_FINER - Decimal(repr(step)).adjusted() if step > 0 else MEAN_FINER


# --- rows ---


def whole_windows(rows: Sequence[StoredRow], window_s: int) -> Sequence[StoredRow]:
    """Return the rows without the last window's when that leaves at least half: it goes on behind them."""
    if not rows:
        return rows
    window_ms = window_s * 1000
    last = rows[-1][2] // window_ms
    for kept in range(len(rows), len(rows) // 2, -1):
        if rows[kept - 1][2] // window_ms != last:
            return rows[:kept]
    return rows


def summed_up(rows: Sequence[StoredRow], known: Mapping[int, Shape], window_s: int) -> list[Few]:
    """Return the thinned rows that stand for ``rows``, which share catalog, boot and clock trust.

    Every sensor index must be in ``known``. Sorted by time, then by sensor.
    """
    groups: dict[tuple[int, int, bool], list[StoredRow]] = {}
    window_ms = window_s * 1000
    for row in rows:
        doubtful = row[5] is not None and _doubtful(row[5])
        groups.setdefault((known[row[1]].of, row[2] // window_ms, doubtful), []).append(row)
    few = [_few(group, known) for group in groups.values()]
    return sorted(few, key=lambda one: (one.at_ms, one.of))


@lru_cache(maxsize=1024)
def flags_of(q: str | None, channels: int) -> tuple[int, ...]:
    """Return one integer a channel."""
    if q is None:
        return (0,) * channels
    flags = json.loads(q)
    return tuple(flags) if isinstance(flags, list) else (flags,) * channels


@lru_cache(maxsize=1024)
def _doubtful(q: str) -> bool:
    flags = json.loads(q)
    return any(bits & DOUBTS for bits in (flags if isinstance(flags, list) else [flags]))


def _few(group: list[StoredRow], known: Mapping[int, Shape]) -> Few:
    group.sort(key=itemgetter(2, 0))
    parted = [(known[row[1]], row[4].split(","), row[5]) for row in group]
    shape = parted[0][0]
    texts: list[str] = []
    flags: list[int] = []
    for channel, step in enumerate(shape.steps):
        some, bits = _channel(parted, channel, step)
        texts += some
        flags += [bits] * len(PARTS)
    same = all(bits == flags[0] for bits in flags)
    q = str(flags[0]) if same else "[" + ",".join(map(str, flags)) + "]"
    first = group[0]
    return Few(of=shape.of, at_ms=first[2], up_ms=first[3], vals=",".join(texts), q=q, rows=len(group))


def _channel(
    parted: Sequence[tuple[Shape, list[str], str | None]], channel: int, step: float
) -> tuple[list[str], int]:
    """Return the five texts and the flags of one channel."""
    lows, highs, last, total, count, flags = [], [], "null", 0.0, 0, 0
    for shape, texts, q in parted:
        if q is not None:
            flags |= flags_of(q, len(texts))[channel * len(PARTS) if shape.thinned else channel]
        if not shape.thinned:
            text = texts[channel]
            if text != "null":
                lows.append(text)
                highs.append(text)
                last, count = text, count + 1
                total += float(text)
        else:
            low, high, mean, latest, many = texts[channel * len(PARTS) :][: len(PARTS)]
            if low != "null":
                lows.append(low)
                highs.append(high)
                last, count = latest, count + int(many)
                total += round(float(mean) * int(many) / step) * step
    if not count:
        return ["null", "null", "null", "null", "0"], flags | MISSING | THINNED
    mean = f"{total / count:.{_mean_places(step)}f}"
    mean = mean.rstrip("0").rstrip(".") if "." in mean else mean
    mean = "0" if mean == "-0" else mean
    some = [min(lows, key=float), max(highs, key=float), mean, last, str(count)]
    return some, (flags & ~MISSING) | THINNED
