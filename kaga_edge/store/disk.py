"""The disk as the store uses it: SQLite's door and the few operations of our own on whole files.

Everything the store does to a disk passes through here, so that the crash tests can stand in a disk that
forgets what was not synced, refuses, or lies. The daemon always uses this one.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

from kaga_edge.store.card import card_of


class Disk:
    """The real disk. Raises OSError and sqlite3.Error."""

    def connect(self, path: Path) -> sqlite3.Connection:
        """Open a database in autocommit mode, never trusting that a cut spares a neighbouring sector."""
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?psow=0",
            uri=True,
            timeout=0,
            isolation_level=None,
            cached_statements=64,
        )

    def create(self, path: Path) -> bool:
        """Make an empty file that only we may read, as will be its companions; False: it is there."""
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError:
            return False
        return True

    def exists(self, path: Path) -> bool:
        """Say whether there is a file of this name."""
        return path.exists()

    def read(self, path: Path) -> bytes:
        """Return a whole file."""
        return path.read_bytes()

    def read_part(self, path: Path, offset: int, size: int) -> bytes:
        """Return ``size`` bytes of a file from ``offset``, fewer at its end."""
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # what is no file, a pipe, keeps nobody waiting
        try:
            return os.pread(handle, size, offset)
        finally:
            os.close(handle)

    def write_whole(self, path: Path, content: bytes) -> None:
        """Put a small file in place so that after a cut the old or the new one is there, whole."""
        fresh = path.with_name(path.name + ".new")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(handle, content)
            os.fsync(handle)
        finally:
            os.close(handle)
        fresh.replace(path)
        self.sync_directory(path.parent)

    def note(self, path: Path, content: bytes) -> None:
        """Write over the beginning of a small file; the system makes it durable when it likes."""
        handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(handle, content, 0)
        finally:
            os.close(handle)

    def sync(self, path: Path) -> None:
        """Make a file's content durable."""
        handle = os.open(path, os.O_RDWR)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name, replacing what has it; durable after ``sync_directory``."""
        old.replace(new)

    def delete(self, path: Path) -> None:
        """Remove a file, if it is there."""
        path.unlink(missing_ok=True)

    def sync_directory(self, directory: Path) -> None:
        """Make created, renamed and deleted entries of a directory durable."""
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def card(self, folder: Path) -> str:
        """Return what tells the device from any other, empty when unknown."""
        return card_of(folder)

    def free_bytes(self, directory: Path) -> int:
        """Return what the disk has left."""
        return shutil.disk_usage(directory).free
