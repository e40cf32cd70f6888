"""A database that lives in memory, and what is known of the one on disk beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kaga_edge.core.stored import EpochStanding, Tally
from kaga_edge.store.database import Database
from kaga_edge.store.disk import Disk

NEVER_FULL_BYTES = 1 << 40


class NoDisk(Disk):
    """Everything stays in memory."""

    def connect(self, _: Path) -> sqlite3.Connection:
        # Handed from thread to thread as a whole, never used by two at once: see ``Relief``.
        return sqlite3.connect(
            ":memory:", isolation_level=None, cached_statements=64, check_same_thread=False
        )

    def create(self, _: Path) -> bool:
        return False

    def exists(self, _: Path) -> bool:
        return False

    def read(self, path: Path) -> bytes:
        raise FileNotFoundError(str(path))

    def write_whole(self, _path: Path, _content: bytes) -> None:
        return

    def note(self, _path: Path, _content: bytes) -> None:
        return

    def card(self, _: Path) -> str:
        return ""  # the disk, which may hang, is not asked

    def free_bytes(self, _: Path) -> int:
        return NEVER_FULL_BYTES


def rings(path: Path, most_bytes: int, settings: Mapping[str, Any]) -> Callable[[], Database]:
    """Return what makes a database in memory in place of the one at ``path``."""
    return lambda: Database(path, max_bytes=most_bytes, disk=NoDisk(), **settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What the books say of epochs that cannot be asked for now."""

    epochs: tuple[EpochStanding, ...]
    tallies: tuple[Tally, ...]
    catalogs: tuple[str, ...]

    @classmethod
    def of(cls, databases: Iterable[Database]) -> Beside:
        """Read the books, not the files."""
        every = list(databases)
        return cls(
            epochs=tuple(epoch for one in every for epoch in one.standing(look=False).epochs),
            tallies=tuple(tally for one in every for tally in one.tallies()),
            catalogs=tuple(k for one in every for k in one.catalogs_waiting()),
        )
