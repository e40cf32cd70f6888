"""What a person is shown of the receiver: frozen values, read between two transactions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from kaga_edge.receiver.archive import Archive
from kaga_edge.receiver.reading import flags_of
from kaga_edge.receiver.reckoning import Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentValue:
    """The newest value of one channel. Ids are "sensor 3" and "channel 0" while no catalog is known."""

    sensor: str
    channel: str
    unit: str
    value: float | None
    q: int
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """The newest state of one alarm key; ``data`` is the alert's data as received."""

    key: str
    raised: bool
    subject: str
    time: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayView:
    """One gateway as the platform sees it. ``state``: alive, dead, stopped or unknown."""

    gw: str
    state: str
    heard_ms: int | None
    longest_outage_s: float
    current: tuple[CurrentValue, ...]
    alarms: tuple[Alarm, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything for a live view."""

    connected: bool
    gateways: tuple[GatewayView, ...]
    counts: tuple[Counts, ...]
    unreadable: int


def snapshot_of(archive: Archive, *, connected: bool) -> Snapshot:
    """Read the view of every gateway (in the archive's thread)."""
    return Snapshot(
        connected=connected,
        gateways=tuple(
            GatewayView(
                gw=gw,
                state=state,
                heard_ms=listening.heard_ms,
                longest_outage_s=listening.longest_ms / 1000,
                current=_current(archive, gw),
                alarms=tuple(_alarm(body) for body in archive.alarms(gw)),
            )
            for gw, state, listening in archive.gateways()
        ),
        counts=tuple(archive.everything().counts),
        unreadable=archive.unreadable,
    )


def _current(archive: Archive, gw: str) -> tuple[CurrentValue, ...]:
    newest: dict[tuple[str, str], CurrentValue] = {}
    catalogs: dict[str, dict[int, dict[str, Any]]] = {}
    for _ep, index, k, at_ms, vals, q in archive.current(gw):  # oldest first: a newer epoch wins
        if k not in catalogs:
            listed = (archive.catalog(gw, k) or {"s": []})["s"]
            catalogs[k] = {sensor["i"]: sensor for sensor in listed}
        sensor = catalogs[k].get(index, {"id": f"sensor {index}", "ch": []})
        values = json.loads(f"[{vals}]")
        flags = flags_of(q) or [0]
        for at, value in enumerate(values):
            channel = sensor["ch"][at] if at < len(sensor["ch"]) else {"id": f"channel {at}", "u": ""}
            newest[sensor["id"], channel["id"]] = CurrentValue(
                sensor=sensor["id"],
                channel=channel["id"],
                unit=channel["u"],
                value=value,
                q=flags[at] if at < len(flags) else flags[0],
                at_ms=at_ms,
            )
    return tuple(newest.values())


def _alarm(body: dict[str, Any]) -> Alarm:
    data = body["data"]
    return Alarm(
        key=data["key"],
        raised=data["state"] == "raised",
        subject=body.get("subject", ""),
        time=body["time"],
        data=data,
    )
