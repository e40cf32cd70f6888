"""Why a file could not be opened: somebody must mend the configuration or the rights, or the disk is sick.

Told apart because a gateway goes on without its disk, in memory, and does not start at all where waiting
mends nothing. A folder that is missing counts as a disk: usually what is mounted there did not come.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from kaga_edge.store.errors import StoreError, StoreForbidden, StoreSick

FSTAB = Path("/etc/fstab")
NOT_A_FOLDER = (errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP)


def why_not_open(path: Path, error: Exception, fstab: Path = FSTAB) -> StoreError:
    """Return StoreForbidden or StoreSick for a refused opening; no connection may hold the file."""
    fix = "check that the folder exists, belongs to the service and that the disk is writable"
    if isinstance(error, OSError) and error.errno in NOT_A_FOLDER:
        return StoreForbidden(f"no file can be there ({error})", where=str(path), fix="mend [store] path")
    absent = unmounted(path, fstab)
    if absent is not None:
        return StoreSick(
            f"{absent} is not mounted", where=str(path), fix="look at dmesg and systemctl --failed"
        )
    if not _allowed(path):
        mend = f"chown kaga-edge: {path.parent} {path}*, or run it as the user it belongs to"
        return StoreForbidden(f"it belongs to somebody else ({error})", where=str(path), fix=mend)
    return StoreSick(f"the store cannot be opened ({error})", where=str(path), fix=fix)


def refuse_unmounted(path: Path, fstab: Path = FSTAB) -> None:
    """Raise StoreSick where a disk should be mounted: a new file would be made below it, and be hidden."""
    if (absent := unmounted(path, fstab)) is not None:
        raise _not_mounted(path, absent)


def unmounted(path: Path, fstab: Path = FSTAB) -> Path | None:
    """Return the folder above ``path`` where by ``fstab`` a disk should be and none is."""
    try:
        lines = fstab.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        fields = line.split()
        if len(fields) < 4 or line.lstrip().startswith("#") or "noauto" in fields[3].split(","):
            continue
        folder = Path(fields[1].replace("\\040", " "))
        if folder in path.absolute().parents and not os.path.ismount(folder):
            return folder
    return None


def _not_mounted(path: Path, absent: Path) -> StoreSick:
    return StoreSick(f"{absent} is not mounted", where=str(path), fix="look at dmesg and systemctl --failed")


def _allowed(path: Path) -> bool:
    """Say whether the rights are no hindrance: a read-only disk is none, nor is what is not there."""
    try:
        os.close(os.open(path, os.O_RDWR))
    except PermissionError:
        return False
    except OSError:
        pass  # not there, or the disk itself: then the folder tells
    try:
        if os.statvfs(path.parent).f_flag & os.ST_RDONLY:
            return True
        return os.access(path.parent, os.W_OK | os.X_OK, effective_ids=True)
    except PermissionError:
        return False
    except OSError:
        return True
