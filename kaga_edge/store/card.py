"""Which storage device a folder lies on: the image of a card on another one must not go on with its numbers.

Kernel documentation: admin-guide/devices, ABI/testing/sysfs-block; mmc attribute ``cid`` (SD specification
part 1, 5.2: maker, serial number and date, different on each card).
"""

from __future__ import annotations

import os
from pathlib import Path

SYS = Path("/sys")
NAMES = ("device/cid", "wwid", "device/wwid", "serial", "device/serial")  # SD card, NVMe, SATA, virtio, other


def card_of(folder: Path, sys: Path = SYS) -> str:
    """Return what tells the device from any other, empty when it has nothing of the kind."""
    try:
        device = os.stat(folder).st_dev
        part = (sys / f"dev/block/{os.major(device)}:{os.minor(device)}").resolve(strict=True)
    except OSError:
        return ""
    told = (_text(disk / name) for disk in (part, part.parent) for name in NAMES)  # it may be a partition
    return next(filter(None, told), "")


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii", errors="replace").strip("\0 \n")
    except OSError:
        return ""
