"""The files of one configuration as one tree, with the file and line of every key.

Main file, then ``conf.d/*.toml`` beside it in the order of their names; later ones win, and a sensor
with an id seen in an earlier file is merged into it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Any

from kaga_edge.config.calibrations import NAME
from kaga_edge.config.copies import Source, original
from kaga_edge.config.encodings import NotText, other_encoding
from kaga_edge.config.faults import Code, Fault, Notes
from kaga_edge.config.lines import Path
from kaga_edge.config.plainfile import read
from kaga_edge.config.syntax import parsed

CALIBRATIONS = f"conf.d/{NAME}"


@dataclass(slots=True, kw_only=True)
class Documents:
    """Every file merged. ``left_out``: keys on lines that could not be read (never "missing")."""

    tree: dict[str, Any] = field(default_factory=dict)
    places: dict[Path, tuple[str, int]] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)
    main: str = ""

    def place(self, path: Path) -> tuple[str, int]:
        """Return file and line of ``path``, or of the nearest table around it."""
        while path:
            if path in self.places:
                return self.places[path]
            path = path[:-1]
        return self.main, 0

    def adopt(self, wrong: str, right: str) -> None:
        """Judge a misspelt table as what was meant, so that its own faults show in the same run."""
        table = self.tree.pop(wrong)
        there = self.tree.get(right)
        moved = len(there) if isinstance(there, list) and isinstance(table, list) else 0
        if moved and isinstance(there, list):
            there += table
        else:
            self.tree[right] = table
        for path, place in list(self.places.items()):
            if path[0] == wrong:
                rest = (int(path[1]) + moved, *path[2:]) if moved and len(path) > 1 else path[1:]
                self.places.setdefault((right, *rest), place)


def read_documents(path: File, notes: Notes, source: Source | None = None) -> Documents:
    """Read the main file and conf.d; what is wrong with the text itself goes into ``notes``.

    ``source``: where the text of ``path`` and its conf.d really lies (a copy, a trial).
    """
    documents = Documents(main=path.name)
    where = source or original(path)
    # Calibrations last: they are of sensors that stand elsewhere.
    for file in (where.main, *sorted(where.parts.glob("*.toml"), key=lambda one: (one.name == NAME, one))):
        name = path.name if file == where.main else f"conf.d/{file.name}"
        text = _text(file, name, notes)
        if text is not None:
            found = parsed(text, name, notes, command=str(file))
            documents.left_out |= found.left_out
            places = {key: (name, line) for key, line in found.lines.items()}
            _merge_file(documents, found.tree, places, notes)
    return documents


# --- bytes to text ---


def _text(file: File, name: str, notes: Notes) -> str | None:
    try:
        raw = read(file)
    except FileNotFoundError as error:
        if name.startswith("conf.d/"):  # a link to nowhere: nobody is to write a whole example there
            params: dict[str, str | int | float] = {"reason": str(error.strerror)}
            notes.faults.append(Fault(file=name, line=0, key="", code=Code.FILE_CLOSED, params=params))
            return None
        notes.faults.append(Fault(file=str(file), line=0, key="", code=Code.FILE_MISSING))
        return None
    except OSError as error:
        reason = error.strerror or "unreadable"
        notes.faults.append(
            Fault(file=str(file), line=0, key="", code=Code.FILE_CLOSED, params={"reason": reason})
        )
        return None
    try:
        found = other_encoding(raw)
    except NotText:
        notes.faults.append(Fault(file=name, line=_unreadable_line(raw), key="", code=Code.NOT_TEXT))
        return None
    if found is None:
        return raw.decode("utf-8-sig")
    params = {"encoding": found[0], "file": str(file)}
    line = 1 if found[0].startswith("UTF") else _first_odd_line(raw)
    notes.faults.append(Fault(file=name, line=line, key="", code=Code.ENCODING, params=params))
    return raw.decode(found[1], errors="replace").removeprefix("\ufeff")


def _first_odd_line(raw: bytes) -> int:
    """Return the line of the first byte that is not plain ASCII text."""
    at = next((at for at, byte in enumerate(raw) if byte > 0x7E or byte in (0x00, 0x1B)), 0)
    return raw.count(b"\n", 0, at) + 1


def _unreadable_line(raw: bytes) -> int:
    """Return the line of the first byte that is no UTF-8 text."""
    try:
        raw.decode()
        at = max(0, raw.find(b"\0"))
    except UnicodeDecodeError as error:
        at = error.start
    return raw.count(b"\n", 0, at) + 1


# --- several files, one tree ---

Places = dict[Path, tuple[str, int]]


def _merge_file(documents: Documents, tree: dict[str, Any], places: Places, notes: Notes) -> None:
    sensors = tree.pop("sensor", None)
    _merge_table(documents.tree, tree)
    documents.places |= {path: place for path, place in places.items() if path[0] != "sensor"}
    if not isinstance(sensors, list):
        if sensors is not None:
            documents.tree["sensor"] = sensors
            documents.places |= {path: place for path, place in places.items() if path[0] == "sensor"}
        return
    merged = documents.tree.setdefault("sensor", [])
    earlier = {str(entry.get("id")): at for at, entry in enumerate(merged) if isinstance(entry, dict)}
    for index, entry in enumerate(sensors):
        at = earlier.get(str(entry["id"])) if isinstance(entry, dict) and "id" in entry else None
        place = places.get(("sensor", index), ("", 0))
        if at is None and place[0] == CALIBRATIONS and isinstance(entry, dict):
            notes.warnings.append(_gone(entry, place, earlier))
            continue
        if at is None:
            at = len(merged)
            merged.append(entry)
        else:
            _merge_table(merged[at], entry)
        for path, there in places.items():
            if path[:2] == ("sensor", index):
                documents.places[("sensor", at, *path[2:])] = there


def _gone(entry: Any, place: tuple[str, int], known: Iterable[str]) -> Fault:
    """Return the warning of calibrations whose sensor is no more: nobody is to edit that file."""
    params: dict[str, str | int | float] = {"id": str(entry.get("id")), "valid": ", ".join(known)}
    return Fault(file=place[0], line=place[1], key="sensor", code=Code.NO_SUCH_SENSOR, params=params)


def _merge_table(target: dict[str, Any], source: dict[str, Any]) -> None:
    for key, value in source.items():
        old = target.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            _merge_table(old, value)
        else:
            target[key] = value
