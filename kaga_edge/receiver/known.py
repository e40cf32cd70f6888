"""What the receiver knows of gateways and epochs, in memory, and its place on disk."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, field

from kaga_edge.core.ranges import Ranges
from kaga_edge.receiver.reading import Batch
from kaga_edge.receiver.reckoning import Counts, Listening

NONE = Ranges()


@dataclass(slots=True, kw_only=True)
class Gateway:
    """One gateway: its state, its silences, the catalogs that came, offsets of its boots."""

    id: int
    gw: str
    state: str
    listening: Listening
    catalogs: set[str]
    asked: set[str] = field(default_factory=set)
    offsets: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Epoch:
    """One epoch: what arrived, by number, and what was odd about it."""

    id: int
    gateway: Gateway
    ep: str
    arrived: Ranges = NONE
    gone: Ranges = NONE
    events: Ranges = NONE
    highest: int = 0
    repeated: int = 0
    retimed: int = 0
    conflicting: int = 0
    alerts: int = 0
    runs: dict[tuple[str, int, str], int] = field(default_factory=dict)

    def counts(self) -> Counts:
        """Return its count."""
        return Counts(
            gw=self.gateway.gw,
            ep=self.ep,
            arrived_rows=self.arrived,
            gone_rows=self.gone,
            events=self.events,
            highest=self.highest,
            repeated=self.repeated,
            retimed=self.retimed,
            conflicting=self.conflicting,
            alerts=self.alerts,
        )


class Known:
    """Gateways and epochs as they stand. What changes in a transaction is written by its ``save``."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self.gateways: dict[str, Gateway] = {}
        self.epochs: dict[tuple[str, str], Epoch] = {}
        self.touched: dict[tuple[str, str], Epoch] = {}
        self.heard: dict[str, Gateway] = {}
        self._load()

    def hear(self, gateway: Gateway, at_ms: int) -> None:
        """Note that a gateway was heard at ``at_ms`` of our clock."""
        gateway.listening = gateway.listening.heard(at_ms)
        self.heard[gateway.gw] = gateway

    def gateway(self, gw: str) -> Gateway:
        """Return a gateway, a new one when it is heard of for the first time."""
        if gw not in self.gateways:
            made = self._db.execute(
                "INSERT INTO gateway (gw, state, silences, longest_outage_ms) VALUES (?, 'unknown', '[]', 0)",
                (gw,),
            )
            self.gateways[gw] = Gateway(
                id=int(made.lastrowid or 0), gw=gw, state="unknown", listening=Listening(), catalogs=set()
            )
        return self.gateways[gw]

    def epoch(self, gateway: Gateway, ep: str) -> Epoch:
        """Return an epoch that this transaction changes."""
        key = gateway.gw, ep
        if key not in self.epochs:
            made = self._db.execute(
                "INSERT INTO epoch (gateway, ep, arrived, gone, events, highest, repeated, retimed,"
                " conflicting, alerts) VALUES (?, ?, '[]', '[]', '[]', 0, 0, 0, 0, 0)",
                (gateway.id, ep),
            )
            self.epochs[key] = Epoch(id=int(made.lastrowid or 0), gateway=gateway, ep=ep)
        self.touched[key] = self.epochs[key]
        return self.epochs[key]

    def run(self, epoch: Epoch, batch: Batch) -> int:
        """Return the number of what all rows of a batch share."""
        key = batch.k, batch.c, batch.boot
        if key not in epoch.runs:
            made = self._db.execute(
                "INSERT INTO run (epoch, k, c, boot) VALUES (?, ?, ?, ?)", (epoch.id, *key)
            )
            epoch.runs[key] = int(made.lastrowid or 0)
        return epoch.runs[key]

    def save(self) -> None:
        """Write what this transaction changed."""
        self._db.executemany(
            "UPDATE epoch SET arrived = ?, gone = ?, events = ?, highest = ?, repeated = ?, retimed = ?,"
            " conflicting = ?, alerts = ? WHERE id = ?",
            [
                (
                    json.dumps(epoch.arrived.spans),
                    json.dumps(epoch.gone.spans),
                    json.dumps(epoch.events.spans),
                    epoch.highest,
                    epoch.repeated,
                    epoch.retimed,
                    epoch.conflicting,
                    epoch.alerts,
                    epoch.id,
                )
                for epoch in self.touched.values()
            ],
        )
        self._db.executemany(
            "UPDATE gateway SET state = ?, heard_ms = ?, silences = ?, longest_outage_ms = ? WHERE id = ?",
            [
                (
                    gateway.state,
                    gateway.listening.heard_ms,
                    json.dumps(gateway.listening.silences),
                    gateway.listening.longest_ms,
                    gateway.id,
                )
                for gateway in self.heard.values()
            ],
        )

    def _load(self) -> None:
        by_id: dict[int, Gateway] = {}
        for number, gw, state, heard_ms, silences, longest_ms in self._db.execute(
            "SELECT id, gw, state, heard_ms, silences, longest_outage_ms FROM gateway"
        ):
            spans = tuple((a, b) for a, b in json.loads(silences))
            listening = Listening(heard_ms=heard_ms, silences=spans, longest_ms=longest_ms)
            by_id[number] = self.gateways[gw] = Gateway(
                id=number, gw=gw, state=state, listening=listening, catalogs=set()
            )
        for number, k in self._db.execute("SELECT gateway, k FROM catalog"):
            by_id[number].catalogs.add(k)
        for number, boot, offset_ms in self._db.execute("SELECT gateway, boot, offset_ms FROM clock"):
            by_id[number].offsets[boot] = offset_ms
        epochs: dict[int, Epoch] = {}
        for number, gateway, ep, arrived, gone, events, *counters in self._db.execute("SELECT * FROM epoch"):
            names = ("highest", "repeated", "retimed", "conflicting", "alerts")
            epochs[number] = self.epochs[by_id[gateway].gw, ep] = Epoch(
                id=number,
                gateway=by_id[gateway],
                ep=ep,
                arrived=_ranges(arrived),
                gone=_ranges(gone),
                events=_ranges(events),
                **dict(zip(names, counters, strict=True)),
            )
        for number, epoch, k, c, boot in self._db.execute("SELECT id, epoch, k, c, boot FROM run"):
            epochs[epoch].runs[k, c, boot] = number


def _ranges(text: str) -> Ranges:
    return Ranges.of((first, last) for first, last in json.loads(text))
