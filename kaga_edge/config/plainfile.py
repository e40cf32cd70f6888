"""The bytes of a configuration file, and its tables: whatever lies in its place, reading it ends."""

from __future__ import annotations

import errno
import os
import stat
import tomllib
from pathlib import Path
from typing import Any

MOST_BYTES = 1_000_000  # a station of a hundred sensors writes 50 kB


def read(file: Path) -> bytes:
    """Return what the file holds. Raises OSError, also for a folder, a pipe, and a file that is no text."""
    handle = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe nobody writes to: no waiting
    with open(handle, "rb") as stream:
        facts = os.fstat(handle)
        if stat.S_ISDIR(facts.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(facts.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        if facts.st_size > MOST_BYTES:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        return stream.read()


def tables(text: str) -> dict[str, Any]:
    """Return the tables of a TOML text. Raises TOMLDecodeError, also for one nested beyond reason."""
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise tomllib.TOMLDecodeError("nested too deeply") from error


def folder(file: Path) -> Path:
    """Return the folder the file really lies in; one of a ring of links is where its name says."""
    return Path(os.path.realpath(file)).parent
