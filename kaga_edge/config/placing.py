"""A file is replaced in one step: after a power cut there is the old one or the new one, never a half."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def put(
    file: Path, content: bytes, *, mode: int = 0o640, like: Path | None = None, group: int | None = None
) -> None:
    """Write ``file``; owner and mode are those of ``like`` when it is there. Raises OSError.

    FAT (a boot partition) has neither modes nor owners and says so: that is no failure.
    """
    facts = like.stat() if like is not None and like.exists() else None
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_name(f".{file.name}.new")
    scratch.unlink(missing_ok=True)
    handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(handle, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    with contextlib.suppress(PermissionError):
        scratch.chmod(mode if facts is None else facts.st_mode & 0o777)
    with contextlib.suppress(PermissionError):  # not root: it stays ours
        if facts is not None:
            os.chown(scratch, facts.st_uid, facts.st_gid)
        if group is not None:
            os.chown(scratch, -1, group)
    scratch.replace(file)
    sync_folder(file.parent)


def sync_folder(folder: Path) -> None:
    """Bring a folder's names to the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
