"""What surrounds the sensors: where the station stands, its files and folders, its room, its secrets."""

from __future__ import annotations

import math
import os
import stat
from pathlib import Path as File

from kaga_edge.config.faults import Code
from kaga_edge.config.passwords import PEM, passwords_in
from kaga_edge.config.secret import secret_file
from kaga_edge.config.tables import Desk
from kaga_edge.config.values import Platform, SensorConfig
from kaga_edge.text import Phrase

JAPAN_LATITUDE = (20.0, 46.0)
JAPAN_LONGITUDE = (122.0, 154.0)
ROW_BYTES, VALUE_BYTES = 24, 9  # of a stored row: its fixed part, and each channel


def check_passwords(desk: Desk) -> None:
    """No password, token or key anywhere in the files."""
    for path, table, key in list(passwords_in(desk.documents.tree)):
        if PEM in str(table[key]) and "PRIVATE" not in str(table[key]):
            desk.fault(path, Code.VALUE, reason=Phrase("platform.pem"))
        else:
            desk.fault(path, Code.PASSWORD_IN_FILE)
        del table[key]  # said once, in the words that help; repeated nowhere
        desk.documents.left_out.add(key)


def check_position(desk: Desk) -> None:
    """Latitude first; outside Japan is a warning, swapped is a fault."""
    site = desk.documents.tree["site"]
    position = site.get("position") if isinstance(site, dict) else None
    if not isinstance(position, list) or [isinstance(one, int | float) for one in position] != [True, True]:
        return  # of the wrong type: said by the table
    latitude, longitude = position
    path = ("site", "position")
    if _within(longitude, JAPAN_LATITUDE) and _within(latitude, JAPAN_LONGITUDE):
        desk.fault(path, Code.POSITION_SWAPPED, latitude=longitude, longitude=latitude)
    elif not (math.isfinite(latitude) and math.isfinite(longitude)):
        return  # said by the table
    elif abs(latitude) > 90 or abs(longitude) > 180:
        desk.fault(path, Code.OUT_OF_BOUNDS, value=f"[{latitude}, {longitude}]", rule="-90..90, -180..180")
    elif not (_within(latitude, JAPAN_LATITUDE) and _within(longitude, JAPAN_LONGITUDE)):
        desk.warn(path, Code.OUTSIDE_JAPAN, latitude=latitude, longitude=longitude)


def _within(value: float, span: tuple[float, float]) -> bool:
    return span[0] <= value <= span[1]


def check_room(desk: Desk, sensors: tuple[SensorConfig, ...], max_bytes: int, keep_s: float) -> None:
    """What is to be kept fits into the store at the configured intervals."""
    per_s = sum((ROW_BYTES + VALUE_BYTES * len(one.limits)) / one.every_s for one in sensors)
    if per_s * keep_s > max_bytes:
        desk.warn(
            ("store", "keep_delivered"),
            Code.KEPT_TOO_LONG,
            keep=f"{keep_s / 86_400:.10g} d",
            needed=f"{per_s * keep_s / 1e6:.0f} MB",
            max=f"{max_bytes / 1e6:.0f} MB",
        )


def check_folders(desk: Desk) -> None:
    """The folders of the files named are there: the disk may not be mounted, the name may be wrong."""
    for path in (("store", "path"), ("station", "metrics")):
        table = desk.documents.tree.get(path[0])
        name = table.get(path[1]) if isinstance(table, dict) else None
        if not isinstance(name, str) or not File(name).is_absolute():
            continue
        if not File(name).parent.is_dir():
            desk.warn(path, Code.FOLDER_NOT_THERE, folder=str(File(name).parent))
        elif File(name).is_dir():
            desk.fault(path, Code.VALUE, reason=Phrase("path.folder"))


def check_files(desk: Desk, platform: Platform) -> None:
    """Certificates named in ``[platform]`` are there."""
    for key in ("ca", "certificate", "key"):
        name = getattr(platform, key)
        if name is not None and not os.path.isfile(name) and _may_be_looked_into(File(name).parent):
            desk.fault(("platform", key), Code.FILE_NOT_THERE, file=name)


def _may_be_looked_into(folder: File) -> bool:
    return os.access(folder, os.X_OK) or not folder.exists()


def check_secret(desk: Desk, directory: File, name: str) -> None:
    """A secret anybody may read is a fault; one that is not there yet is a warning."""
    file = secret_file(directory, name)
    path = ("platform", "secret")
    try:
        mode = file.stat().st_mode
    except PermissionError:
        return  # whoever may not look cannot say
    except OSError:
        desk.warn(path, Code.SECRET_NOT_THERE, file=str(file))
        return
    if mode & stat.S_IROTH:
        desk.fault(path, Code.SECRET_READABLE, file=str(file))
