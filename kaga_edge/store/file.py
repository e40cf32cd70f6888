"""Opening the database file so that what was committed stays committed.

Measured on simulated power cuts (a cut ruins the whole 4 KiB being written): with SQLite's own defaults
one cut in three undoes an acknowledged commit; with these settings none. Each line has its reason:

psow=0                  do not trust that a sector next to the one being written survives a cut
synchronous=EXTRA       sync at each commit, and the directory too; BEFORE journal_mode, because the
                        switch to WAL already leaves a journal behind
locking_mode=EXCLUSIVE  one connection ever; no shared memory file; a second open is refused
journal_mode=WAL        one sync a commit
cell_size_check, trusted_schema, mmap_size   a damaged file gives errors, never strange behaviour
max_page_count          a full queue is "full", not a full card
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import sqlite3
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from kaga_edge.core.retention import shares
from kaga_edge.store.disk import Disk
from kaga_edge.store.errors import DAMAGED, TAKEN, StoreBusy, StoreForeign, fault_code
from kaga_edge.store.refusal import refuse_unmounted, why_not_open

log = logging.getLogger(__name__)

PAGE_BYTES = 4096
SCHEMA_VERSION = 1
APPLICATION_ID = 0x4B616761  # "Kaga": tells our file from any other database
SMALLEST_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Identity:
    """Which machine this is; empty texts when unknown. Told apart: the system, the board, the card."""

    machine: str = ""
    board: str = ""
    card: str = ""

    @classmethod
    def of_this_machine(cls, card: str) -> Identity:
        """Read /etc/machine-id and the board's serial number."""
        board = _text(Path("/proc/device-tree/serial-number"))
        # The same file by another way: units with ProcSubset=pid do not see the first one.
        board = board or _text(Path("/sys/firmware/devicetree/base/serial-number"))
        return cls(machine=_text(Path("/etc/machine-id")), board=board, card=card)

    def differs_from(self, other: Identity) -> bool:
        """Say whether these are certainly two machines, or two cards: unknown is no evidence."""
        pairs = zip(astuple(self), astuple(other), strict=True)
        return any(mine and theirs and mine != theirs for mine, theirs in pairs)

    def completed_by(self, other: Identity) -> Identity:
        """Return this with what only ``other`` knows."""
        return Identity(*(mine or theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))


def open_file(
    path: Path, max_bytes: int, disk: Disk | None = None, *, as_found: bool = False
) -> sqlite3.Connection:
    """Open or make the store's file. Raises StoreBusy, StoreForeign, StoreForbidden, StoreSick; or
    FileDamaged.

    ``as_found``: no transaction is written yet, so that the log can be judged; ``ensure_schema`` follows.
    """
    disk = disk or Disk()
    try:
        if not disk.exists(path):
            refuse_unmounted(path)
        fresh = disk.create(path)
        db = disk.connect(path)
    except (OSError, sqlite3.Error) as error:
        raise why_not_open(path, error) from error
    try:
        _settle(db, max_bytes)
        _ensure_ours(db, path)
        if not as_found:
            ensure_schema(db)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        db.close()
        raise _refusal(path, error) from error
    except (StoreForeign, FileDamaged):
        db.close()
        raise
    if fresh:
        disk.sync_directory(path.parent)
    return db


def ensure_schema(db: sqlite3.Connection) -> None:
    """Bring the file to the present version. Raises sqlite3.Error."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version == 0:
        make_schema(db)
    elif version < SCHEMA_VERSION:
        log.info("store.migrating from=%d to=%d", version, SCHEMA_VERSION)
        make_schema(db, version)
        log.info("store.migrated version=%d", SCHEMA_VERSION)


def make_schema(db: sqlite3.Connection, since: int = 0) -> None:
    """Take a file from version ``since`` (0: empty) to the present one, one version after the other.

    Each is one transaction with its number in it: after a cut the file is of the one or the other.
    """
    for version in range(since + 1, SCHEMA_VERSION + 1):
        db.executescript(
            f"BEGIN IMMEDIATE; {schema_steps(version)} PRAGMA application_id = {APPLICATION_ID};"
            f"PRAGMA user_version = {version}; COMMIT;"
        )


def schema_steps(version: int) -> str:
    """Return the SQL that leads to a version from the one before it."""
    return Path(__file__).with_name(f"schema_v{version}.sql").read_text("utf-8")


class FileDamaged(Exception):
    """The bytes are not a whole database any more: set it aside."""


def set_aside(path: Path, now: datetime, disk: Disk) -> Path:
    """Rename the damaged file and its companions out of the way, for ``store salvage``. Never deletes."""
    stamp = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    for suffix in ("", "-wal", "-shm"):
        old = path.with_name(path.name + suffix)
        if disk.exists(old):
            disk.rename(old, aside.with_name(aside.name + suffix))
    disk.sync_directory(path.parent)
    return aside


def _settle(db: sqlite3.Connection, max_bytes: int) -> None:
    parts = shares(max_bytes)
    wal_bytes, pages = parts.wal_bytes, max(parts.database_bytes, SMALLEST_BYTES) // PAGE_BYTES
    for pragma in (
        f"page_size = {PAGE_BYTES}",
        "locking_mode = EXCLUSIVE",  # before anything that reads the file, or shared memory is made after all
        "synchronous = EXTRA",
        "journal_mode = WAL",
        "cell_size_check = ON",
        "trusted_schema = OFF",
        "mmap_size = 0",
        f"journal_size_limit = {wal_bytes}",
        f"wal_autocheckpoint = {max(16, wal_bytes // PAGE_BYTES // 2)}",
        f"max_page_count = {pages}",
        "cache_size = -256",  # KiB: rows are added at one end and read in order
        "temp_store = MEMORY",
    ):
        db.execute(f"PRAGMA {pragma}").fetchall()


def _ensure_ours(db: sqlite3.Connection, path: Path) -> None:
    """Tell our file from another's, and both from ours with a bit flipped in what says so: a station must not
    stay off for that. Raises StoreForeign, FileDamaged."""
    version, application = (
        db.execute(question).fetchone()[0] for question in ("PRAGMA user_version", "PRAGMA application_id")
    )
    objects = _objects(db)
    if not objects:
        return
    ours, same = application == APPLICATION_ID, _schema(SCHEMA_VERSION) == objects
    if ours and (version <= 0 or (version > SCHEMA_VERSION and same)):
        raise FileDamaged(f"its schema is no. {version}")
    if not ours and same:
        raise FileDamaged("its application id is not ours, its tables are")
    if ours and version == SCHEMA_VERSION and not _schema(SCHEMA_VERSION) <= objects:
        raise FileDamaged("its tables are not those of a store")
    if not ours:
        fix = "name another file under [store] path"
        raise StoreForeign("this database is not a kaga-edge store", where=str(path), fix=fix)
    if version > SCHEMA_VERSION:
        fix = "install that version again, or name another file under [store] path"
        raise StoreForeign(f"made by a newer kaga-edge (schema {version})", where=str(path), fix=fix)


def _objects(db: sqlite3.Connection) -> frozenset[tuple[str, ...]]:
    return frozenset(db.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema"))


@cache
def _schema(_version: int) -> frozenset[tuple[str, ...]]:
    """Return the tables of a new store as SQLite lists them."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        make_schema(db)
        return _objects(db)


def refuse_locked(path: Path, disk: Disk) -> None:
    """Raise FileDamaged where the header forbids writing: what SQLite then says sounds like a sick disk.

    Byte 18 is the version of the format needed to write (fileformat2, 1.3.3); SQLite knows 1 and 2. Asked
    before it opens the file: whoever closes a file gives back every lock of the process on it.
    """
    try:
        header = disk.read_part(path, 0, 100)
    except OSError:
        return
    if len(header) == 100 and header[18] > 2:
        raise FileDamaged("its header forbids writing")


def _refusal(path: Path, error: sqlite3.Error | UnicodeDecodeError) -> Exception:
    # What is asked while opening is always the same, and right: an error in it is one of the file.
    if isinstance(error, UnicodeDecodeError) or getattr(error, "sqlite_errorcode", 1) == sqlite3.SQLITE_ERROR:
        return FileDamaged(str(error))
    code = fault_code(error)
    if code in DAMAGED:
        return FileDamaged(str(error))
    if code in TAKEN:
        fix = "stop it first (systemctl stop kaga-edge); to look inside, ask it: kaga-edge status"
        return StoreBusy("another process has the store open", where=str(path), fix=fix)
    return why_not_open(path, error)


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii", errors="replace").strip("\0 \n")
    except OSError:
        return ""
