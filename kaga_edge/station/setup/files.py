"""Files that are kept before they are changed, and files that are wiped."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from kaga_edge.config.placing import sync_folder


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
    sync_folder(file.parent)
