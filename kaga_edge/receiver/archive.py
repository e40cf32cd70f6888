"""The receiver's own SQLite file: everything that came, once each, under the key (gateway, epoch, n).

One group of messages is one transaction; what is acknowledged afterwards, to the broker and to the
gateway, is on disk. All methods run in one thread (the receiver's). Longer than most: what a message does to
the tables belongs side by side; what stands in memory is ``known``'s.
"""

from __future__ import annotations

import fcntl
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import IO, Any

from kaga_edge.contract.wire import MessageUnreadable
from kaga_edge.core.ranges import Ranges
from kaga_edge.receiver.known import Epoch, Gateway, Known
from kaga_edge.receiver.reading import (
    RETIMED,
    THINNED,
    Address,
    Batch,
    Row,
    address_of,
    batch_of,
    flags_of,
    message_of,
)
from kaga_edge.receiver.reckoning import Counts, Listening
from kaga_edge.vocabulary.errors import KagaError

NONE = Ranges()
ASIDE_KEPT = 1000
ASIDE_BYTES = 64 * 1024  # of one message
TRUSTED = 1  # from this clock trust on a row may be "current"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One message as it came. ``at_ms``: our clock."""

    topic: str
    payload: bytes
    retained: bool
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One change of state.

    ``what``: connection, state, alert, gone, gap, conflict, unreadable or unknown_catalog.
    """

    what: str
    gw: str
    facts: dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Kept:
    """What one transaction changed, for whoever answers and shows."""

    counts: list[Counts] = field(default_factory=list)
    births: list[tuple[str, str]] = field(default_factory=list)  # (gw, ep) to be answered at once
    listening: dict[str, Listening] = field(default_factory=dict)
    news: list[News] = field(default_factory=list)
    unknown_catalogs: set[tuple[str, str]] = field(default_factory=set)
    rows: int = 0


class ArchiveBusy(KagaError):
    """Another process (a running receiver) has the file."""

    code = "KE-R01"
    exit_code = 75


class ArchiveForeign(KagaError):
    """The file is another program's: it is not even opened, which alone may write to it."""


APPLICATION_ID_AT = 68  # in the header of every SQLite file; ours says 0


def _refuse_foreign(path: Path) -> None:
    if not path.is_file():
        return
    with path.open("rb") as file:
        file.seek(APPLICATION_ID_AT)
        if any(file.read(4)):
            fix = "name a file of the receiver, or one that does not exist yet"
            raise ArchiveForeign("this database is not a receiver's file", where=str(path), fix=fix)


def _only_owner(path: Path) -> IO[bytes]:
    """Lock the file for this process: the ranges are kept in memory, two owners would part."""
    lock = path.with_name(path.name + ".lock").open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise ArchiveBusy(
            "a running receiver has this file", where=str(path), fix="stop it, or import through its broker"
        ) from error
    return lock


class Archive:
    """Open ``path`` (made when missing); ``root`` is the topic root."""

    def __init__(self, path: Path | str, *, root: str) -> None:
        self._root = root
        _refuse_foreign(Path(path))
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._lock = _only_owner(Path(path)) if str(path) != ":memory:" else None
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(files("kaga_edge.receiver").joinpath("schema.sql").read_text())
        self._kept = Kept()
        self.unreadable = self._count_of("unreadable")
        self._known = Known(self._db)

    def close(self) -> None:
        """Close the file."""
        self._db.close()
        if self._lock is not None:
            self._lock.close()

    def note(self, key: str, default: str) -> str:
        """Return what is noted under ``key``; ``default`` is noted when there is nothing yet."""
        self._db.execute("INSERT OR IGNORE INTO note VALUES (?, ?)", (key, default))
        row = self._db.execute("SELECT value FROM note WHERE key = ?", (key,)).fetchone()
        return str(row[0])

    def next_counter(self) -> int:
        """Return a number higher than every one before, also after a restart: commands carry it."""
        counter = int(self.note("counter", "0")) + 1
        self._db.execute("UPDATE note SET value = ? WHERE key = 'counter'", (str(counter),))
        return counter

    def everything(self) -> Kept:
        """Return the counts of every epoch, as after a restart."""
        return Kept(
            counts=[epoch.counts() for epoch in self._known.epochs.values()],
            listening={gw: gateway.listening for gw, gateway in self._known.gateways.items()},
        )

    def keep(self, arrivals: Sequence[Arrival]) -> Kept:
        """Store a group of messages in one transaction and return what it changed."""
        kept = self._kept = Kept()
        self._db.execute("BEGIN IMMEDIATE")
        for arrival in arrivals:
            try:
                self._take(arrival)
            except MessageUnreadable as error:
                self._set_aside(arrival, error.what)
        self._known.save()
        self._db.execute("COMMIT")
        kept.counts = [epoch.counts() for epoch in self._known.touched.values()]
        kept.listening = {gw: gateway.listening for gw, gateway in self._known.heard.items()}
        self._known.touched.clear()
        self._known.heard.clear()
        return kept

    def catalog(self, gw: str, k: str) -> dict[str, Any] | None:
        """Return a catalog's body, None when it never came."""
        found = self._db.execute(
            "SELECT body FROM catalog WHERE gateway = ? AND k = ?", (self._known.gateways[gw].id, k)
        ).fetchone()
        return None if found is None else dict(json.loads(found[0]))

    def current(self, gw: str) -> list[tuple[str, int, str, int, str, str | None]]:
        """Return (epoch, sensor index, catalog digest, time in ms, values, flags) of each current row."""
        return list(
            self._db.execute(
                "SELECT ep, current.sensor, k, current.at_ms, vals, q FROM current"
                " JOIN epoch ON epoch.id = current.epoch"
                " JOIN sample ON sample.epoch = current.epoch AND sample.n = current.n"
                " JOIN run ON run.id = sample.run WHERE gateway = ? ORDER BY current.at_ms",
                (self._known.gateways[gw].id,),
            )
        )

    def alarms(self, gw: str) -> list[dict[str, Any]]:
        """Return the newest event of each alarm key: the state of a key is its highest e."""
        found = self._db.execute(
            "SELECT body, max(e) FROM event JOIN epoch ON epoch.id = event.epoch"
            " WHERE gateway = ? AND kind = 'alert' GROUP BY epoch.id, key ORDER BY epoch.id, e",
            (self._known.gateways[gw].id,),
        )
        return [json.loads(body) for body, _e in found]

    def gateways(self) -> list[tuple[str, str, Listening]]:
        """Return (gateway, state, listening) of each gateway ever heard of."""
        return [(one.gw, one.state, one.listening) for one in self._known.gateways.values()]

    # --- one message ---

    def _take(self, arrival: Arrival) -> None:
        if not arrival.payload and arrival.topic.startswith(f"{self._root}/edge/v1/"):
            return  # a retained message was cleared; what it said stays true of its time
        address = address_of(arrival.topic, self._root)
        if address.leaf in ("data", "hist"):
            self._take_batch(address, batch_of(arrival.payload), arrival)
            return
        body = message_of(address, arrival.payload)
        gateway = self._known.gateway(address.gw)
        if not arrival.retained and body.get("st") != "dead":  # the broker says that, not the gateway
            self._known.hear(gateway, arrival.at_ms)
        match address.leaf:
            case "alert":
                self._take_alert(gateway, body, arrival)
            case "gone":
                self._take_gone(gateway, body, arrival)
            case "catalog":
                self._take_catalog(gateway, body)
            case "state":
                self._take_state(gateway, body)
                self._document(gateway, address.leaf, body)
            case _:
                self._document(gateway, address.leaf, body)

    def _take_batch(self, address: Address, batch: Batch, arrival: Arrival) -> None:
        gateway = self._known.gateway(address.gw)
        epoch = self._known.epoch(gateway, batch.ep)
        first, last = batch.rows[0].n, batch.rows[-1].n
        run = self._known.run(epoch, batch)
        again = bool(epoch.arrived.within(first, last))
        fresh = self._compare(epoch, batch, run, arrival) if again else batch.rows
        self._insert(epoch, batch, run, fresh)
        epoch.arrived = epoch.arrived.add(first, last)
        epoch.highest = max(epoch.highest, last)
        if batch.k not in gateway.catalogs and batch.k not in gateway.asked:
            gateway.asked.add(batch.k)
            self._kept.unknown_catalogs.add((gateway.gw, batch.k))
            self._tell("unknown_catalog", gateway, k=batch.k)
        if not arrival.retained:
            self._known.hear(gateway, arrival.at_ms)
        if fresh and batch.c >= TRUSTED:
            gateway.listening = gateway.listening.had_rows([row.at_ms for row in fresh])

    def _insert(self, epoch: Epoch, batch: Batch, run: int, rows: Sequence[Row]) -> None:
        shift_ms = epoch.gateway.offsets.get(batch.boot) if batch.c <= TRUSTED else None
        self._db.executemany(
            "INSERT INTO sample VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (epoch.id, n, run, sensor, at_ms, up_ms, _true_ms(up_ms, shift_ms), vals, q)
                for n, sensor, at_ms, up_ms, vals, q in rows
            ],
        )
        self._kept.rows += len(rows)
        if batch.c < TRUSTED and shift_ms is None:
            return
        newest: dict[int, tuple[int, int]] = {}
        for n, sensor, at_ms, up_ms, _vals, q in rows:
            if q is not None and any(flag & THINNED for flag in flags_of(q)):
                continue  # a sum over the past is nothing current
            true_ms = _true_ms(up_ms, shift_ms)
            when_ms = at_ms if true_ms is None else true_ms
            if sensor not in newest or when_ms >= newest[sensor][0]:
                newest[sensor] = when_ms, n
        self._advance(epoch, [(sensor, n, when_ms) for sensor, (when_ms, n) in newest.items()])

    def _advance(self, epoch: Epoch, newest: Sequence[tuple[int, int, int]]) -> None:
        """Make rows (sensor, n, time) current unless something newer is."""
        self._db.executemany(
            "INSERT INTO current VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE"
            " SET n = excluded.n, at_ms = excluded.at_ms WHERE excluded.at_ms > current.at_ms",
            [(epoch.id, sensor, n, at_ms) for sensor, n, at_ms in newest],
        )

    # --- the same number again ---

    def _compare(self, epoch: Epoch, batch: Batch, run: int, arrival: Arrival) -> list[Row]:
        """Return the rows that are new; count the others as repeated, re-timed or conflicting."""
        stored = {
            found[0]: found[1:]
            for found in self._db.execute(
                "SELECT n, sensor, at_ms, vals, q, k FROM sample JOIN run ON run.id = run"
                " WHERE sample.epoch = ? AND n BETWEEN ? AND ?",
                (epoch.id, batch.rows[0].n, batch.rows[-1].n),
            )
        }
        fresh: list[Row] = []
        against: list[int] = []
        for row in batch.rows:
            before = stored.get(row.n)
            if before is None:
                fresh.append(row)
            elif before == (row.sensor, row.at_ms, row.vals, row.q, batch.k):
                epoch.repeated += 1
            elif not self._settled(epoch, batch, run, row, before):
                against.append(row.n)
        if against:
            epoch.conflicting += len(against)
            self._tell("conflict", epoch.gateway, ep=epoch.ep, first=against[0], rows=len(against))
            self._put_aside(arrival, f"conflicting content for {epoch.ep} {against[0]}")
        return fresh

    def _settled(self, epoch: Epoch, batch: Batch, run: int, row: Row, before: tuple[Any, ...]) -> bool:
        """Apply the re-timing rule: the time with flag 256 wins; all else must be equal."""
        sensor, at_ms, vals, q, k = before
        was_retimed = any(flag & RETIMED for flag in flags_of(q))
        if (sensor, k) != (row.sensor, batch.k) or not _equal(vals, row.vals):
            return False
        if _without_retimed(q, vals) != _without_retimed(row.q, vals):
            return False
        if was_retimed == row.retimed and at_ms != row.at_ms:
            return False
        if row.retimed and not was_retimed:
            epoch.retimed += 1
            self._retime(epoch, run, row)
        else:
            epoch.repeated += 1
        return True

    def _retime(self, epoch: Epoch, run: int, row: Row) -> None:
        self._db.execute(
            "UPDATE sample SET run = ?, at_ms = ?, up_ms = ?, true_ms = NULL, q = ?"
            " WHERE epoch = ? AND n = ?",
            (run, row.at_ms, row.up_ms, row.q, epoch.id, row.n),
        )
        was_current = self._db.execute(
            "DELETE FROM current WHERE epoch = ? AND sensor = ? AND n = ? RETURNING 1",
            (epoch.id, row.sensor, row.n),
        ).fetchone()
        if was_current:
            self._find_current(epoch, row.sensor)
        else:
            self._advance(epoch, [(row.sensor, row.n, row.at_ms)])

    def _find_current(self, epoch: Epoch, sensor: int) -> None:
        """Look through all rows of a sensor: only after a correction touched what was current."""
        found = self._db.execute(
            "SELECT n, coalesce(true_ms, at_ms) AS when_ms FROM sample JOIN run ON run.id = run"
            " WHERE sample.epoch = ? AND sensor = ? AND (c >= ? OR true_ms IS NOT NULL)"
            " ORDER BY when_ms DESC, n DESC LIMIT 1",
            (epoch.id, sensor, TRUSTED),
        ).fetchone()
        if found:
            self._advance(epoch, [(sensor, *found)])

    # --- events ---

    def _take_alert(self, gateway: Gateway, body: dict[str, Any], arrival: Arrival) -> None:
        _gw, ep, number = body["id"].split("/")
        epoch = self._known.epoch(gateway, ep)
        data = body["data"]
        kind = body["type"].removeprefix("jp.kaga.edge.").partition(".")[0]
        if not self._keep_event(epoch, int(number[1:]), kind, data.get("key"), body, arrival):
            return
        if kind == "clock":
            self._correct(gateway, data["boot"], data["offset_ms"])
        elif kind == "alert":
            epoch.alerts += 1
            if "n" in data:
                epoch.highest = max(epoch.highest, data["n"])
            self._tell("alert", gateway, e=int(number[1:]), **data)

    def _take_gone(self, gateway: Gateway, body: dict[str, Any], arrival: Arrival) -> None:
        epoch = self._known.epoch(gateway, body["ep"])
        if not self._keep_event(epoch, body["e"], "gone", None, body, arrival):
            return
        for span in body["g"]:
            epoch.gone = epoch.gone.add(span[0], span[1])
            instead = span[3] if len(span) == 4 else []
            epoch.highest = max(epoch.highest, span[1], *instead)
        self._tell("gone", gateway, ep=epoch.ep, e=body["e"], g=body["g"])

    def _keep_event(
        self, epoch: Epoch, e: int, kind: str, key: str | None, body: dict[str, Any], arrival: Arrival
    ) -> bool:
        """Store an event; False when its number was here before."""
        if e in epoch.events:
            stored = self._db.execute(
                "SELECT body FROM event WHERE epoch = ? AND e = ?", (epoch.id, e)
            ).fetchone()
            if json.loads(stored[0]) != body:
                epoch.conflicting += 1
                self._tell("conflict", epoch.gateway, ep=epoch.ep, e=e)
                self._put_aside(arrival, f"conflicting content for {epoch.ep} e{e}")
            return False
        text = json.dumps(body, ensure_ascii=False)
        self._db.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?)", (epoch.id, e, kind, key, text))
        epoch.events = epoch.events.add(e, e)
        return True

    def _correct(self, gateway: Gateway, boot: str, offset_ms: int) -> None:
        """Apply a clock correction to the rows of its boot that came with an untrusted time."""
        gateway.offsets[boot] = offset_ms
        self._db.execute("INSERT OR REPLACE INTO clock VALUES (?, ?, ?)", (gateway.id, boot, offset_ms))
        for epoch in [epoch for epoch in self._known.epochs.values() if epoch.gateway is gateway]:
            runs = [run for (_k, c, name), run in epoch.runs.items() if name == boot and c <= TRUSTED]
            sensors: set[int] = set()
            for run in runs:
                found = self._db.execute(
                    "UPDATE sample SET true_ms = up_ms + ? WHERE epoch = ? AND run = ? AND up_ms IS NOT NULL"
                    " RETURNING sensor",
                    (offset_ms, epoch.id, run),
                )
                sensors.update(sensor for (sensor,) in found)
            for sensor in sensors:
                self._db.execute("DELETE FROM current WHERE epoch = ? AND sensor = ?", (epoch.id, sensor))
                self._find_current(epoch, sensor)

    # --- what is retained ---

    def _take_catalog(self, gateway: Gateway, body: dict[str, Any]) -> None:
        text = json.dumps(body, ensure_ascii=False)
        self._db.execute("INSERT OR REPLACE INTO catalog VALUES (?, ?, ?)", (gateway.id, body["k"], text))
        gateway.catalogs.add(body["k"])

    def _take_state(self, gateway: Gateway, body: dict[str, Any]) -> None:
        if gateway.state != body["st"]:
            gateway.state = body["st"]
            self._known.heard[gateway.gw] = gateway
            self._tell("state", gateway, st=body["st"])
        if body["st"] != "alive":
            return
        for ep in {body["ep"], *body["eps"]}:
            epoch = self._known.epoch(gateway, ep)
            if ep == body["ep"]:
                epoch.highest = max(epoch.highest, body["nx"] - 1)
            self._kept.births.append((gateway.gw, ep))
        gateway.asked.clear()  # a new life: what it did not answer before, it may answer now

    def _document(self, gateway: Gateway, leaf: str, body: dict[str, Any]) -> None:
        text = json.dumps(body, ensure_ascii=False)
        self._db.execute("INSERT OR REPLACE INTO document VALUES (?, ?, ?)", (gateway.id, leaf, text))

    # --- what could not be read ---

    def _set_aside(self, arrival: Arrival, reason: str) -> None:
        self.unreadable += 1
        self._db.execute("INSERT OR REPLACE INTO note VALUES ('unreadable', ?)", (str(self.unreadable),))
        gw = arrival.topic.removeprefix(f"{self._root}/edge/v1/").partition("/")[0]
        self._kept.news.append(
            News(what="unreadable", gw=gw, facts={"topic": arrival.topic, "reason": reason})
        )
        self._put_aside(arrival, reason)

    def _put_aside(self, arrival: Arrival, reason: str) -> None:
        stored = self._db.execute(
            "INSERT INTO aside (at_ms, topic, reason, payload) VALUES (?, ?, ?, ?)",
            (arrival.at_ms, arrival.topic, reason, arrival.payload[:ASIDE_BYTES]),
        )
        self._db.execute("DELETE FROM aside WHERE id <= ?", (int(stored.lastrowid or 0) - ASIDE_KEPT,))

    # --- what others are told ---

    def _tell(self, what: str, gateway: Gateway, **facts: Any) -> None:
        self._kept.news.append(News(what=what, gw=gateway.gw, facts=facts))

    def knows(self, gw: str, k: str) -> bool:
        """Whether the catalog ``k`` of a gateway is here."""
        return k in self._known.gateways[gw].catalogs

    def disclosed(self) -> frozenset[str]:
        """Return the topics on which a manifest has come."""
        asked = "SELECT gw FROM document JOIN gateway ON gateway.id = gateway WHERE leaf = 'manifest'"
        return frozenset(f"{self._root}/edge/v1/{gw}/up/manifest" for (gw,) in self._db.execute(asked))

    def _count_of(self, key: str) -> int:
        row = self._db.execute("SELECT value FROM note WHERE key = ?", (key,)).fetchone()
        return int(row[0]) if row else 0


def _true_ms(up_ms: int | None, shift_ms: int | None) -> int | None:
    """Return when a row of a boot without the time was measured, as far as that boot's time is known."""
    return None if up_ms is None or shift_ms is None else up_ms + shift_ms


def _equal(vals: str, other: str) -> bool:
    """Equal as numbers: another writer may print 1.50 for 1.5."""
    return vals == other or json.loads(f"[{vals}]") == json.loads(f"[{other}]")


def _without_retimed(q: str | None, vals: str) -> list[int]:
    """Return one flag per channel, without the one that says re-timed."""
    channels = len(json.loads(f"[{vals}]"))
    flags = flags_of(q) or [0]
    spread = flags if len(flags) == channels else flags * channels
    return [flag & ~RETIMED for flag in spread[:channels]]
