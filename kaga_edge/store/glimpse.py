"""A look into a store that cannot be opened, at what it remembers: a read-only card can still be read.

Which sensors a resident asked to stop, until when maintenance lasts, which alarms are raised: a gateway
that must start without its file needs these most. Nothing is written, not even a lock is taken (a card that
is read-only allows none), so it is for a file that could not be opened and for nothing else.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path


def facts_of(path: Path) -> dict[str, str]:
    """Return the remembered facts of a store that cannot be written; empty when it cannot be read either."""
    # unix-none: no locks. Exclusive: the log's index is kept in memory instead of a file of its own.
    # Without a log (it stopped in order) SQLite would make an empty one, if the file may change.
    how = "vfs=unix-none" if os.path.exists(f"{path}-wal") else "immutable=1"
    where = f"{path.absolute().as_uri()}?mode=ro&{how}"
    try:
        with contextlib.closing(sqlite3.connect(where, uri=True, isolation_level=None)) as db:
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
            found = db.execute("SELECT key, value FROM memory").fetchall()
    except sqlite3.Error:
        return {}
    return {key: value for key, value in found if isinstance(key, str) and isinstance(value, str)}
