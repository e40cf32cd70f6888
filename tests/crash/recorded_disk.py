"""A disk in memory that remembers everything done to it: SQLite's VFS by APSW, and our own file operations.

``RecordedDisk`` stands in for the store's disk. Each write, truncate, sync, create, rename and delete is
one ``Operation`` in ``operations``, in order, and every commit the store was told of is a ``Commit`` among
them. ``power.py`` replays the list up to any point, forgetting what was not yet synced. ``fault`` is asked
before every operation and may raise, which is how the fault sweep injects a sick disk.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

from kaga_edge.store.disk import Disk

FOLDER = Path("/recorded")
SECTOR_BYTES = 4096  # what SQLite assumes of every disk
_names = itertools.count()


@dataclass(slots=True)
class Inode:
    """A file without its name, as every program sees it: writes show at once, synced or not."""

    number: int
    content: bytearray = field(default_factory=bytearray)


@dataclass(frozen=True, slots=True)
class Write:
    inode: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncate:
    inode: int
    size: int


@dataclass(frozen=True, slots=True)
class Sync:
    inode: int


@dataclass(frozen=True, slots=True)
class Link:
    """``name`` means ``inode`` from now on; None: nothing has the name any more."""

    names: tuple[tuple[str, int | None], ...]  # all or none: a rename changes two


@dataclass(frozen=True, slots=True)
class SyncDirectory:
    pass


@dataclass(frozen=True, slots=True)
class Commit:
    """The store was told that a transaction is durable; ``state`` is what the database then held."""

    state: Any


Operation = Write | Truncate | Sync | Link | SyncDirectory | Commit
Fault = Callable[[str, int], None]  # kind of operation, bytes; raises to refuse


def no_fault(kind: str, size: int) -> None:
    """A healthy disk."""


def _own(operation: Callable[..., Any]) -> Callable[..., Any]:
    """An operation of the store's own: it fails with OSError, as the system does."""

    def carried_out(*given: Any, **more: Any) -> Any:
        try:
            return operation(*given, **more)
        except apsw.Error as error:
            code = errno.ENOSPC if isinstance(error, apsw.FullError) else errno.EIO
            raise OSError(code, "injected") from error

    return carried_out


class RecordedDisk(Disk):
    """The store's disk, in memory. ``settings`` are the URI parameters and pragmas a test wants to spoil."""

    def __init__(
        self, *, psow: int = 0, spoil: Sequence[str] = (), state: Callable[[Any], Any] | None = None
    ):
        self.inodes: dict[int, Inode] = {}
        self.names: dict[str, int] = {}
        self.operations: list[Operation] = []
        self.fault: Fault = no_fault
        self.free = 1 << 30
        self._psow, self._spoil, self._state = psow, tuple(spoil), state
        self._vfs = RecordingVfs(f"recorded-{next(_names)}", self)

    # --- what the store calls ---

    def connect(self, path: Path) -> sqlite3.Connection:
        return Connection(self, f"file:{path}?psow={self._psow}", self._vfs.name, self._spoil, self._state)  # type: ignore[return-value]

    @_own
    def create(self, path: Path) -> bool:
        if str(path) in self.names:
            return False
        self.fault("create", 0)
        self.make(str(path))
        return True

    def exists(self, path: Path) -> bool:
        return str(path) in self.names

    @_own
    def read(self, path: Path) -> bytes:
        if str(path) not in self.names:
            raise FileNotFoundError(str(path))
        self.fault("read", 0)
        return bytes(self.inodes[self.names[str(path)]].content)

    def read_part(self, path: Path, offset: int, size: int) -> bytes:
        return self.read(path)[offset : offset + size]

    @_own
    def write_whole(self, path: Path, content: bytes) -> None:
        fresh = f"{path}.new"
        self.fault("create", 0)
        inode = self.make(fresh)
        self.write(inode, 0, content)
        self.sync_inode(inode)
        self.rename(Path(fresh), path)
        self.sync_directory(path.parent)

    @_own
    def note(self, path: Path, content: bytes) -> None:
        inode = self.names.get(str(path))
        if inode is None:
            self.fault("create", 0)
            inode = self.make(str(path))
        self.write(inode, 0, content)

    @_own
    def sync(self, path: Path) -> None:
        self.sync_inode(self.names[str(path)])

    @_own
    def rename(self, old: Path, new: Path) -> None:
        self.fault("rename", 0)
        self.names[str(new)] = inode = self.names.pop(str(old))
        self.operations.append(Link(((str(old), None), (str(new), inode))))

    @_own
    def delete(self, path: Path) -> None:
        if str(path) in self.names:
            self.fault("delete", 0)
            del self.names[str(path)]
            self.operations.append(Link(((str(path), None),)))

    @_own
    def sync_directory(self, directory: Path) -> None:
        self.fault("sync", 0)
        self.operations.append(SyncDirectory())

    def free_bytes(self, directory: Path) -> int:
        return self.free

    # --- what the VFS calls too ---

    def make(self, name: str) -> int:
        number = len(self.inodes) + 1
        self.inodes[number] = Inode(number)
        self.names[name] = number
        self.operations.append(Link(((name, number),)))
        return number

    def write(self, inode: int, offset: int, data: bytes) -> None:
        try:
            self.fault("write", len(data))
        except ShortWrite as short:  # a part of it arrived before the disk gave up
            self._written(inode, offset, data[: len(data) // 2])
            raise short.error from None
        self._written(inode, offset, data)

    def _written(self, inode: int, offset: int, data: bytes) -> None:
        content = self.inodes[inode].content
        if len(content) < offset + len(data):
            content.extend(bytes(offset + len(data) - len(content)))
        content[offset : offset + len(data)] = data
        self.operations.append(Write(inode, offset, data))

    def truncate(self, inode: int, size: int) -> None:
        self.fault("truncate", 0)
        del self.inodes[inode].content[size:]
        self.operations.append(Truncate(inode, size))

    def sync_inode(self, inode: int) -> None:
        self.fault("sync", 0)
        self.operations.append(Sync(inode))

    def crash(self) -> None:
        """Forget the VFS: connections still open on it are abandoned, as by a killed process."""
        self._vfs.unregister()


class ShortWrite(Exception):
    """Raised by a fault: half of the write arrives, then ``error``."""

    def __init__(self, error: Exception) -> None:
        super().__init__("short write")
        self.error = error


class RecordingVfs(apsw.VFS):
    """SQLite's way to a RecordedDisk."""

    def __init__(self, name: str, disk: RecordedDisk) -> None:
        self.name, self._disk = name, disk
        super().__init__(name, "")

    def xFullPathname(self, name: str) -> str:
        return name

    def xAccess(self, name: str, flags: int) -> bool:
        return name in self._disk.names

    def xDelete(self, name: str, sync_directory: bool) -> None:
        if name not in self._disk.names:
            raise coded(apsw.IOError, apsw.SQLITE_IOERR_DELETE_NOENT)
        try:
            self._disk.delete(Path(name))
            if sync_directory:
                self._disk.sync_directory(FOLDER)
        except OSError as error:
            raise coded(apsw.IOError, apsw.SQLITE_IOERR_DELETE) from error

    def xOpen(self, name: Any, flags: list[int]) -> RecordedFile:
        wanted = flags[0]
        flags[1] = wanted
        psow = name.uri_boolean("psow", True) if isinstance(name, apsw.URIFilename) else True
        text = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        if text not in self._disk.names:
            if not wanted & apsw.SQLITE_OPEN_CREATE:
                raise coded(apsw.CantOpenError, apsw.SQLITE_CANTOPEN)
            self._disk.fault("create", 0)
            self._disk.make(text)
        elif wanted & apsw.SQLITE_OPEN_MAIN_DB:
            self._disk.fault("open", 0)
        # SQLite's own unix VFS syncs the folder at a journal's first sync.
        journal = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_WAL
        fresh = bool(wanted & journal and wanted & apsw.SQLITE_OPEN_CREATE)
        return RecordedFile(self._disk, self._disk.names[text], psow=psow, sync_directory=fresh)


class RecordedFile:
    """One open file; only one connection ever has it, so locks are always granted."""

    def __init__(self, disk: RecordedDisk, inode: int, *, psow: bool, sync_directory: bool) -> None:
        self._disk, self._inode, self._psow, self._sync_directory = disk, inode, psow, sync_directory

    def xRead(self, amount: int, offset: int) -> bytes:
        self._disk.fault("read", amount)
        return bytes(self._disk.inodes[self._inode].content[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.write(self._inode, offset, bytes(data))

    def xTruncate(self, size: int) -> None:
        self._disk.truncate(self._inode, size)

    def xSync(self, flags: int) -> None:
        self._disk.sync_inode(self._inode)
        if self._sync_directory:
            try:
                self._disk.sync_directory(FOLDER)
            except OSError as error:
                raise coded(apsw.IOError, apsw.SQLITE_IOERR_DIR_FSYNC) from error
            self._sync_directory = False

    def xFileSize(self) -> int:
        return len(self._disk.inodes[self._inode].content)

    def xLock(self, level: int) -> None:
        self._disk.fault("lock", 0)

    def xUnlock(self, level: int) -> None:
        pass

    def xCheckReservedLock(self) -> bool:
        return False

    def xFileControl(self, op: int, pointer: int) -> bool:
        return False

    def xSectorSize(self) -> int:
        return SECTOR_BYTES

    def xDeviceCharacteristics(self) -> int:
        return apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE if self._psow else 0

    def xClose(self) -> None:
        pass


def coded(kind: type[apsw.Error], code: int) -> apsw.Error:
    """Return APSW's error with an extended result code."""
    error = kind(f"injected {code}")
    error.extendedresult = code
    return error


@contextlib.contextmanager
def as_sqlite3() -> Iterator[None]:
    """Turn APSW's errors into those of the standard library."""
    try:
        yield
    except apsw.Error as error:
        code = getattr(error, "extendedresult", 0) or getattr(error, "result", 1)
        told = sqlite3.OperationalError(str(error))
        told.sqlite_errorcode = code
        raise told from error
    except OSError as error:  # out of a VFS method
        told = sqlite3.OperationalError(str(error))
        told.sqlite_errorcode = sqlite3.SQLITE_IOERR
        raise told from error


class Connection:
    """An APSW connection in the shape of sqlite3's; notes every commit that was reported as done."""

    def __init__(
        self, disk: RecordedDisk, uri: str, vfs: str, spoil: Sequence[str], state: Callable[[Any], Any] | None
    ) -> None:
        self._disk, self._spoil, self._state = disk, spoil, state
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI
        with as_sqlite3():
            self._db = apsw.Connection(uri, vfs=vfs, flags=flags, statementcachesize=64)
        self._changes = 0

    @property
    def in_transaction(self) -> bool:
        return self._db.in_transaction

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Cursor:
        for name in self._spoil:  # "synchronous = NORMAL": instead of what the store asked for
            if statement.startswith(f"PRAGMA {name.partition(' ')[0]} ="):
                statement = f"PRAGMA {name}"
        with as_sqlite3():
            cursor = Cursor(self._db.execute(statement, tuple(values)))
        self._note_commit()
        return cursor

    def executemany(self, statement: str, rows: Any) -> None:
        with as_sqlite3():
            self._db.executemany(statement, [tuple(row) for row in rows])
        self._note_commit()

    def executescript(self, statements: str) -> None:
        with as_sqlite3():
            self._db.execute(statements).fetchall()
        self._note_commit()

    def close(self) -> None:
        with contextlib.suppress(apsw.Error, OSError):  # sqlite3's close keeps a fault to itself too
            self._db.close()

    def _note_commit(self) -> None:
        if self._state is None or self._db.in_transaction or self._db.total_changes() == self._changes:
            return
        self._changes = self._db.total_changes()
        self._disk.operations.append(Commit(self._state(self)))


class Cursor:
    """The rows of one statement."""

    def __init__(self, rows: Any) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        with as_sqlite3():
            yield from self._rows

    def fetchone(self) -> tuple[Any, ...] | None:
        with as_sqlite3():
            return next(iter(self._rows), None)

    def fetchall(self) -> list[tuple[Any, ...]]:
        with as_sqlite3():
            return list(self._rows)
