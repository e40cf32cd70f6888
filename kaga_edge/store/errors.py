"""What can be wrong with the store, each with how to mend it."""

from __future__ import annotations

import sqlite3

from kaga_edge.vocabulary.errors import KagaError


class StoreError(KagaError):
    """The store cannot do what was asked."""

    code = "KE-S00"


class StoreBusy(StoreError):
    """Another process has the file open; only one may ever write or checkpoint it."""

    code = "KE-S01"


class StoreForeign(StoreError):
    """The file is a healthy database, but not ours, or made by a newer kaga-edge."""

    code = "KE-S02"


class StoreSick(StoreError):
    """The disk refused: nothing more can be stored until it is better. Call again to try again."""

    code = "KE-S03"


class StoreHangs(StoreSick):
    """The disk does not answer; what was brought is in the store's hands and must not be brought again."""


class StoreForbidden(StoreError):
    """The file or its folder belongs to somebody else, or is none: a person must mend it."""

    code = "KE-S04"


DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
NO_ROOM = frozenset({sqlite3.SQLITE_FULL})
TAKEN = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
# Everything the disk can do to us. Any other code is a bug in our SQL and must end the process.
DISK_FAULTS = (
    DAMAGED
    | NO_ROOM
    | TAKEN
    | {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL}
)


def nonsense(what: str) -> sqlite3.DatabaseError:
    """Return the error for bytes that SQLite let pass and that cannot be ours."""
    error = sqlite3.DatabaseError(what)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def integer(value: object, what: str) -> int:
    """Return a column's value. Raises what ``nonsense`` makes: a page of another table lies in its place."""
    if type(value) is not int:
        raise nonsense(f"{what} is no number")
    return value


def refused(what: str) -> sqlite3.OperationalError:
    """Return the error for what SQLite answers with "busy" although nobody else has the file."""
    error = sqlite3.OperationalError(what)
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR
    return error


def fault_code(error: sqlite3.Error) -> int:
    """Return the primary result code of a fault of the disk; a bug rises again."""
    code: int = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if "Could not decode to UTF-8" in str(error):  # Python's own: text that no store ever wrote
        return sqlite3.SQLITE_CORRUPT
    if code not in DISK_FAULTS:
        raise error
    return code
