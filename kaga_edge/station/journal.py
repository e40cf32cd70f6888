"""The daemon's log: one line per change of state, fixed event name first, then key=value.

    sensor.down sensor=air-1 code=KE-B02 error="nobody answers at 0x44" fix="…"

Under systemd each line carries its priority as ``<3>``, which journald reads; elsewhere the priority
is a word. Nothing is logged per reading or per attempt, and control characters never pass.
"""

from __future__ import annotations

import logging
import os
import sys

PRIORITY = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
_log = logging.getLogger("kaga_edge")


def start(level: int = logging.INFO) -> None:
    """Send the daemon's log to standard error, once, at ``level``."""
    handler = logging.StreamHandler(sys.stderr)
    under_systemd = "JOURNAL_STREAM" in os.environ or "INVOCATION_ID" in os.environ
    handler.setFormatter(_Line(under_systemd=under_systemd))
    _log.handlers[:] = [handler]
    _log.propagate = False
    _log.setLevel(level)


def event(level: int, name: str, **fields: object) -> None:
    """Log one event; fields that are None are left out."""
    if _log.isEnabledFor(level):
        tail = " ".join(f"{key}={_shown(value)}" for key, value in fields.items() if value is not None)
        _log.log(level, "%s", f"{name} {tail}".rstrip())


def info(name: str, **fields: object) -> None:
    """A state changed."""
    event(logging.INFO, name, **fields)


def warning(name: str, **fields: object) -> None:
    """We coped."""
    event(logging.WARNING, name, **fields)


def error(name: str, **fields: object) -> None:
    """Someone must go."""
    event(logging.ERROR, name, **fields)


def _shown(value: object) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    clean = "".join(c if c.isprintable() else " " for c in text)
    needs_quotes = not clean or any(c in clean for c in ' "=')
    return '"' + clean.replace('"', "'") + '"' if needs_quotes else clean


class _Line(logging.Formatter):
    def __init__(self, *, under_systemd: bool) -> None:
        super().__init__()
        self._under_systemd = under_systemd

    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        if self._under_systemd:
            return f"<{PRIORITY.get(record.levelno, 6)}>{text}"
        return f"{record.levelname.lower():8}{text}"
