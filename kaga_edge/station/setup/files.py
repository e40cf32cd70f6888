"""Files that are replaced whole, and files that are wiped: also on the FAT of a boot partition."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path


def replace_whole(file: Path, content: bytes, *, mode: int | None = None, group: int | None = None) -> None:
    """Write ``file`` so that after a power cut the old or the new one is there. Raises OSError.

    ``mode`` None: that of the file before. FAT has neither modes nor owners and says so: that is no failure.
    """
    known = file.stat() if file.exists() else None
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_name(f".{file.name}.new")
    scratch.unlink(missing_ok=True)
    with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    wanted = mode if mode is not None else known.st_mode & 0o777 if known else 0o644
    with contextlib.suppress(PermissionError):
        scratch.chmod(wanted)
        if group is not None or known is not None:
            os.chown(scratch, 0 if known is None else known.st_uid, _group(group, known))
    scratch.replace(file)
    _to_disk(file.parent)


def keep_copy(file: Path, suffix: str) -> None:
    """Leave a copy beside ``file`` the first time it is changed. Raises OSError."""
    copy = file.with_name(file.name + suffix)
    if file.is_file() and not copy.exists():
        shutil.copyfile(file, copy)


def wipe(file: Path) -> None:
    """Overwrite a file and take it away. A card may keep old blocks all the same. Raises OSError."""
    length = file.stat().st_size
    with file.open("r+b") as out:
        out.write(bytes(length))
        out.flush()
        os.fsync(out.fileno())
    file.unlink()
    _to_disk(file.parent)


def _group(group: int | None, known: os.stat_result | None) -> int:
    if group is not None:
        return group
    return 0 if known is None else known.st_gid


def _to_disk(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
