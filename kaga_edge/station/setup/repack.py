"""The installed version as a package again: what an update returns to, however it was installed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

PACKAGE = "kaga-edge"
SCRIPTS = ("preinst", "postinst", "prerm", "postrm", "conffiles", "md5sums", "triggers")
LEFT_OUT = ("Status:", "Conffiles:", "Config-Version:")  # what dpkg adds to its own list


def control_of(status: str) -> str:
    """Return a package's control file from what ``dpkg --status`` says of it."""
    kept, skipping = [], False
    for line in status.strip().splitlines():
        if not line.startswith(" "):
            skipping = line.startswith(LEFT_OUT)
        if not skipping:
            kept.append(line)
    return "\n".join(kept) + "\n"


def lay_out(tree: Path, *, listed: str, status: str, info: Path, root: Path = Path("/")) -> None:
    """Lay the files of ``dpkg --listfiles`` and the control files below ``tree``, by links where possible."""
    for name in listed.splitlines():
        if name in ("/.", ""):
            continue
        source, target = root / name.lstrip("/"), tree / name.lstrip("/")
        if source.is_dir() and not source.is_symlink():
            target.mkdir(parents=True, exist_ok=True)
        elif os.path.lexists(source):
            target.parent.mkdir(parents=True, exist_ok=True)
            _link(source, target)
    control = tree / "DEBIAN"
    control.mkdir(parents=True)
    (control / "control").write_text(control_of(status), encoding="utf-8")
    for name in SCRIPTS:
        script = info / f"{PACKAGE}.{name}"
        if script.is_file():
            shutil.copy2(script, control / name)
    for folder in (tree, control, *(one for one in tree.rglob("*") if one.is_dir())):
        folder.chmod(0o755)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # another file system
        shutil.copy2(source, target, follow_symlinks=False)
