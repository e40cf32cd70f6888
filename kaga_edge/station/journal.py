"""The daemon's events: one line per change of state, fixed event name first, then key=value.

    sensor.down sensor=air-1 code=KE-B02 error="nobody answers at 0x44" fix="…"

Under systemd each goes to the journal by its native protocol with fields (SENSOR=, EVENT=, CODE=,
MESSAGE_ID=); elsewhere, or when the journal's socket is not there, to standard error, with ``<3>`` in front
where systemd reads it. Repeats are folded, a recovery says how long it took, and all are kept in a ring of
our own. Other packages log the same lines through ``logging`` and end here too.

Source of the wire form: systemd's "Native Journal Protocol" (JOURNAL_NATIVE_PROTOCOL).
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import socket
import sys
import time
import uuid
from collections.abc import Hashable, Mapping
from pathlib import Path

from kaga_edge.core import folding
from kaga_edge.station.events import FILE_BYTES, EventRing

NOTICE = 25  # between INFO and WARNING: a change that ended well
PRIORITY = {
    logging.DEBUG: 7,
    logging.INFO: 6,
    NOTICE: 5,
    logging.WARNING: 4,
    logging.ERROR: 3,
    logging.CRITICAL: 2,
}
JOURNAL_SOCKET = "/run/systemd/journal/socket"
MOST_FIELD_BYTES = 2000  # a datagram stays far below the socket's limit
NAMES = uuid.uuid5(uuid.NAMESPACE_DNS, "events.kaga-edge")
NEVER_FOLDED = ("alert.", "service.", "config.", "maintenance.", "web.", "command.")
# A recovery, and what it recovers from: the line says how long that was.
ENDS = {
    "link.up": ("link.down", "link.refused"),
    "sensor.up": ("sensor.down",),
    "store.back": ("store.sick",),
    "bus.back": ("bus.worker_given_up",),
}
# Whoever reads from "notice" on sees each fault and its end. The rest of INFO is detail.
ENDED_WELL = {
    "service.ready", "sensor.up", "alert.cleared", "link.up", "backlog.drained", "config.applied",
    "store.back", "bus.back", "reading.good",
}  # fmt: skip
Fields = dict[str, object]
_log = logging.getLogger("kaga_edge")


def start(
    level: int = logging.INFO,
    *,
    environ: Mapping[str, str] | None = None,
    journal_socket: str = JOURNAL_SOCKET,
) -> None:
    """Take the events of the whole program, once, from ``level`` on."""
    env = os.environ if environ is None else environ
    under_systemd = "JOURNAL_STREAM" in env or "INVOCATION_ID" in env
    native = _Native(journal_socket) if under_systemd and os.path.exists(journal_socket) else None
    close()
    _log.handlers[:] = [_Journal(native, under_systemd=under_systemd)]
    _log.propagate = False
    _log.setLevel(level)


def keep(folder: Path, *, file_bytes: int = FILE_BYTES, **common: object) -> None:
    """Keep the events below ``folder`` from now on, in two files; ``common`` fields (gw) go with each."""
    for handler in _handlers():
        handler.keep(EventRing(folder, file_bytes=file_bytes), common)


def tick() -> None:
    """Show what was folded and whose hour is over."""
    for handler in _handlers():
        handler.tick()


def close() -> None:
    """Write what waits."""
    for handler in _handlers():
        handler.close()


def message_id(name: str) -> str:
    """Return the journal's MESSAGE_ID of an event: 32 hex digits, always the same for one name."""
    return uuid.uuid5(NAMES, name).hex


def event(level: int, name: str, **fields: object) -> None:
    """Log one event; fields that are None are left out."""
    level = NOTICE if level == logging.INFO and name in ENDED_WELL else level
    if _log.isEnabledFor(level):
        told = {key: value for key, value in fields.items() if value is not None}
        _log.log(level, "%s", line(name, told), extra={"event": name, "told": told})


def info(name: str, **fields: object) -> None:
    """A state changed."""
    event(logging.INFO, name, **fields)


def warning(name: str, **fields: object) -> None:
    """We coped."""
    event(logging.WARNING, name, **fields)


def error(name: str, **fields: object) -> None:
    """Someone must go."""
    event(logging.ERROR, name, **fields)


def line(name: str, fields: Mapping[str, object]) -> str:
    """Return the event as its one line of text."""
    return f"{name} {' '.join(f'{key}={_shown(value)}' for key, value in fields.items())}".rstrip()


def fields_of(text: str) -> tuple[str, Fields]:
    """Return name and fields of a line that came as text: a value ends where the next ``key=`` begins."""
    name, _, rest = text.partition(" ")
    parts = re.split(r"(?:^|\s)([a-z][a-z0-9_]*)=", rest)
    return name, {key: value.strip().strip('"') for key, value in zip(parts[1::2], parts[2::2], strict=True)}


def _handlers() -> list[_Journal]:
    return [handler for handler in _log.handlers if isinstance(handler, _Journal)]


def _shown(value: object) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    clean = "".join(c if c.isprintable() else " " for c in text)
    needs_quotes = not clean or any(c in clean for c in ' "=')
    return '"' + clean.replace('"', "'") + '"' if needs_quotes else clean


class _Journal(logging.Handler):
    """Folds, times recoveries, and hands each event to the journal (or standard error) and the ring."""

    def __init__(self, native: _Native | None, *, under_systemd: bool) -> None:
        super().__init__()
        self._native = native
        self._under_systemd = under_systemd
        self._ring: EventRing | None = None
        self._common: Fields = {}
        self._sequence = 0
        self._kinds: dict[Hashable, folding.Repeats] = {}
        self._held: dict[Hashable, tuple[int, str, Fields]] = {}
        self._began_s: dict[Hashable, float] = {}

    def keep(self, ring: EventRing, common: Mapping[str, object]) -> None:
        if self._ring is not None:
            self._ring.close()
        self._ring, self._common = ring, dict(common)

    def close(self) -> None:
        if self._ring is not None:
            self._ring.close()
            self._ring = None
        super().close()

    def emit(self, record: logging.LogRecord) -> None:
        name, fields = getattr(record, "event", None), getattr(record, "told", None)
        if name is None or fields is None:
            name, fields = fields_of(record.getMessage())
        fields = dict(fields)
        if record.exc_info:
            fields["error"] = logging.Formatter().formatException(record.exc_info)
        now_s = time.monotonic()
        self._time(name, fields, now_s)
        level = PRIORITY.get(record.levelno, 6)
        if record.levelno < logging.INFO or name.startswith(NEVER_FOLDED):
            self._out(level, name, fields)
            return
        kind = _kind(name, fields)
        self._kinds[kind], count = folding.take(self._kinds.get(kind), now_s)
        if count is None:
            self._held[kind] = (level, name, fields)
            return
        self._held.pop(kind, None)
        self._out(level, name, fields | ({"count": count} if count > 1 else {}))

    def tick(self) -> None:
        now_s = time.monotonic()
        for kind in folding.due(self._kinds, now_s):
            level, name, fields = self._held.pop(kind)
            count = self._kinds[kind].held
            self._kinds[kind] = folding.Repeats(since_s=now_s, shown=folding.AT_ONCE)
            self._out(level, name, fields | {"count": count})
        self._kinds = folding.pruned(self._kinds, now_s)

    def _time(self, name: str, fields: Fields, now_s: float) -> None:
        """Note when something began, or say how long it was."""
        who = str(fields.get("sensor") or fields.get("bus") or "")
        base = name.removesuffix("_over")
        starts = ENDS.get(name, (base,) if base != name else ())
        began = [self._began_s.pop((start, who)) for start in starts if (start, who) in self._began_s]
        if began and "outage_s" not in fields:
            fields["outage_s"] = round(now_s - min(began))
        if not starts and len(self._began_s) < folding.MOST_KINDS:
            self._began_s.setdefault((name, who), now_s)

    def _out(self, level: int, name: str, fields: Fields) -> None:
        self._sequence += 1
        text = line(name, fields)
        if self._ring is not None and level < 7:
            kept = {"t": time.time_ns() // 1_000_000, "p": level, "seq": self._sequence, "event": name}
            self._ring.add(kept | {key: value for key, value in fields.items() if key not in kept})
        if self._native is not None and self._native.send(self._entry(level, name, text, fields)):
            return
        words = {7: "debug", 6: "info", 5: "notice", 4: "warning", 3: "error", 2: "critical"}
        prefix = f"<{level}>" if self._under_systemd else f"{words[level]:7} "
        with contextlib.suppress(OSError):  # a log file on a full disk must not end the measuring
            print(prefix + text, file=sys.stderr, flush=True)  # noqa: T201 - the log itself

    def _entry(self, level: int, name: str, text: str, fields: Fields) -> Fields:
        entry: Fields = {
            "MESSAGE": text,
            "MESSAGE_ID": message_id(name),
            "PRIORITY": level,
            "SYSLOG_IDENTIFIER": "kaga-edge",
            "EVENT": name,
            "SEQ": self._sequence,
            "DOCUMENTATION": "man:kaga-edge(1)",
        }
        for key, value in (self._common | fields).items():
            # "code" is our own code or, from the line, MQTT's reason.
            named = "MQTT_REASON" if key == "code" and not str(value).startswith("KE-") else key.upper()
            entry.setdefault(named, value)
        return entry


def _kind(name: str, fields: Fields) -> Hashable:
    return (name, *(str(fields.get(key, "")) for key in ("sensor", "bus", "code", "key", "kind")))


class _Native:
    """One datagram an entry to journald."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)

    def send(self, entry: Fields) -> bool:
        """Return whether journald took it; a busy journal never holds us up."""
        try:
            self._socket.sendto(packed(entry), self._path)
        except OSError:
            return False
        return True


def packed(entry: Mapping[str, object]) -> bytes:
    """Return an entry in the wire form: ``KEY=value``, or length-prefixed where the value has newlines."""
    parts = []
    for key, value in entry.items():
        data = str(value).encode("utf-8", "replace")[:MOST_FIELD_BYTES]
        if b"\n" in data:
            parts.append(key.encode() + b"\n" + len(data).to_bytes(8, "little") + data + b"\n")
        else:
            parts.append(key.encode() + b"=" + data + b"\n")
    return b"".join(parts)
