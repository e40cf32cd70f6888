"""The files of one configuration as one tree, with the file and line of every key.

Main file, then ``conf.d/*.toml`` beside it in the order of their names; later ones win, and a sensor
with an id seen in an earlier file is merged into it. A file that is not good TOML is mended in memory
(characters replaced, the worst lines left out) so that its other faults show in the same run.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Any

from kaga_edge.config.copies import Source, original
from kaga_edge.config.faults import Code, Fault, Notes
from kaga_edge.config.lines import Path, key_lines

MOST_SYNTAX_FAULTS = 20  # a file with more is not TOML at all

_PLACE = re.compile(r"\(at line (\d+), column \d+\)")
_CURLY = "\u201c\u201d\u201e\u2018\u2019\uff02\uff07"
_SINGLE_SENSOR = re.compile(r"^(\s*)\[\s*sensor\s*\](.*)$")
_LEADING_ZERO = re.compile(r"=\s*(0\d+)\s*(#.*)?$")
_NO_QUOTES = re.compile(r"=\s*([A-Za-z/.~][^\"'#]*|\d+[A-Za-z][^\"'#]*)(#.*)?$")
_TWICE = re.compile(r"Cannot declare \((.*?)\) twice")
_SET_ASIDE = "set-aside-"  # name given to a table that was declared twice


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


def read_documents(path: File, notes: Notes, source: Source | None = None) -> Documents:
    """Read the main file and conf.d; what is wrong with the text itself goes into ``notes``.

    ``source``: where the text of ``path`` and its conf.d really lies (a copy, a trial).
    """
    documents = Documents(main=path.name)
    where = source or original(path)
    for file in (where.main, *sorted(where.parts.glob("*.toml"))):
        name = path.name if file == where.main else f"conf.d/{file.name}"
        text = _text(file, name, notes)
        if text is not None:
            tree, lines, left_out = _parsed(text, name, notes)
            documents.left_out |= left_out
            _merge_file(documents, tree, {key: (name, line) for key, line in lines.items()})
    return documents


# --- bytes to text ---


def _text(file: File, name: str, notes: Notes) -> str | None:
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        notes.faults.append(Fault(file=str(file), line=0, key="", code=Code.FILE_MISSING))
        return None
    except OSError as error:
        reason = error.strerror or "unreadable"
        notes.faults.append(
            Fault(file=str(file), line=0, key="", code=Code.FILE_CLOSED, params={"reason": reason})
        )
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
    found = other_encoding(raw)
    notes.faults.append(
        Fault(file=name, line=line, key="", code=Code.ENCODING, params={"encoding": found[0]})
    )
    return raw.decode(found[1], errors="replace").removeprefix("\ufeff")


def other_encoding(raw: bytes) -> tuple[str, str]:
    """Return the name and the codec of bytes that are not UTF-8."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "UTF-16", "utf-16"
    try:
        raw.decode("cp932")
    except UnicodeDecodeError:
        return "?", "latin-1"
    return "Shift-JIS", "cp932"


# --- text to tables ---


def _parsed(text: str, name: str, notes: Notes) -> tuple[dict[str, Any], dict[Path, int], set[str]]:
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    _mend_sensor_headers(lines, name, notes)
    left_out: set[str] = set()
    try:
        tree = tomllib.loads("\n".join(lines))
    except tomllib.TOMLDecodeError:
        _mend_characters(lines, name, notes)
        tree = _mended(lines, name, notes, left_out)
    return tree, key_lines("\n".join(lines)), left_out


def _mended(lines: list[str], name: str, notes: Notes, left_out: set[str]) -> dict[str, Any]:
    """Parse, leaving out line after line that cannot be read; change ``lines`` accordingly."""
    for attempt in range(MOST_SYNTAX_FAULTS):
        try:
            return _without_set_aside(tomllib.loads("\n".join(lines)))
        except tomllib.TOMLDecodeError as error:
            place = _PLACE.search(str(error))
            number = int(place.group(1)) if place else len(lines)
            line = lines[number - 1]
            notes.faults.append(_syntax_fault(name, number, line, str(error)))
            if not place:
                break
            left_out.add(line.split("=")[0].strip())
            is_header = line.lstrip().startswith("[")
            lines[number - 1] = f"[{_SET_ASIDE}{attempt}]" if is_header else ""
    lines.clear()
    left_out.add("*")  # nothing can be called missing any more
    return {}


def _without_set_aside(tree: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in tree.items() if not key.startswith(_SET_ASIDE)}


def _syntax_fault(name: str, number: int, line: str, error: str) -> Fault:
    key = line.split("=")[0].strip() if "=" in line else ""
    if found := _TWICE.search(error):
        table = "[" + ".".join(re.findall(r"'([^']*)'", found.group(1))) + "]"
        return Fault(file=name, line=number, key="", code=Code.TABLE_TWICE, params={"name": table})
    if found := _LEADING_ZERO.search(line):
        value = found.group(1)
        params: dict[str, str | int | float] = {"value": value, "plain": value.lstrip("0") or "0"}
        return Fault(file=name, line=number, key=key, code=Code.LEADING_ZERO, params=params)
    if found := _NO_QUOTES.search(line):
        return Fault(
            file=name, line=number, key=key, code=Code.NO_QUOTES, params={"value": found.group(1).strip()}
        )
    reason = _PLACE.sub("", error).strip()
    return Fault(file=name, line=number, key=key, code=Code.SYNTAX, params={"reason": reason})


def _mend_sensor_headers(lines: list[str], name: str, notes: Notes) -> None:
    """Turn [sensor] into [[sensor]], the commonest slip, and say so."""
    places = ", ".join(str(at) for at, line in enumerate(lines, 1) if _SINGLE_SENSOR.match(line))
    for index, line in enumerate(lines):
        if found := _SINGLE_SENSOR.match(line):
            fault = Fault(
                file=name, line=index + 1, key="", code=Code.SINGLE_BRACKETS, params={"lines": places}
            )
            notes.faults.append(fault)
            lines[index] = f"{found.group(1)}[[sensor]]{found.group(2)}"


def _mend_characters(lines: list[str], name: str, notes: Notes) -> None:
    """Replace full-width characters and curly quotes outside of strings, one fault a line and kind."""
    for index, line in enumerate(lines):
        mended, wide, curly = plain_characters(line)
        if wide:
            sign = f"U+{ord(wide):04X}"
            plain = unicodedata.normalize("NFKC", wide)
            notes.faults.append(
                Fault(
                    file=name,
                    line=index + 1,
                    key="",
                    code=Code.FULL_WIDTH,
                    params={"char": wide, "sign": sign, "plain": plain},
                )
            )
        if curly:
            notes.faults.append(
                Fault(file=name, line=index + 1, key="", code=Code.CURLY_QUOTE, params={"char": curly})
            )
        lines[index] = mended


def plain_characters(line: str) -> tuple[str, str, str]:
    """Return the line in plain characters, the first full-width one and the first curly quote."""
    out: list[str] = []
    inside = wide = curly = ""
    for char in line:
        if char in _CURLY and inside in ("", "curly"):
            curly = curly or char
            inside = "" if inside else "curly"
            out.append('"')
        elif inside:
            inside = "" if char == inside else inside
            out.append(char)
        elif char == "#":
            return "".join(out) + line[len(out) :], wide, curly
        elif "\uff01" <= char <= "\uff5e" or char == "\u3000":
            wide = wide or char
            out.append(unicodedata.normalize("NFKC", char))
        else:
            inside = char if char in "\"'" else ""
            out.append(char)
    return "".join(out), wide, curly


# --- several files, one tree ---

Places = dict[Path, tuple[str, int]]


def _merge_file(documents: Documents, tree: dict[str, Any], places: Places) -> None:
    sensors = tree.pop("sensor", None)
    _merge_table(documents.tree, tree)
    documents.places |= {path: place for path, place in places.items() if path[0] != "sensor"}
    if not isinstance(sensors, list):
        if sensors is not None:
            documents.tree["sensor"] = sensors
            documents.places |= {path: place for path, place in places.items() if path[0] == "sensor"}
        return
    merged = documents.tree.setdefault("sensor", [])
    earlier = {entry.get("id"): at for at, entry in enumerate(merged) if isinstance(entry, dict)}
    for index, entry in enumerate(sensors):
        at = earlier.get(entry.get("id")) if isinstance(entry, dict) else None
        if at is None:
            at = len(merged)
            merged.append(entry)
        else:
            _merge_table(merged[at], entry)
        for path, place in places.items():
            if path[:2] == ("sensor", index):
                documents.places[("sensor", at, *path[2:])] = place


def _merge_table(target: dict[str, Any], source: dict[str, Any]) -> None:
    for key, value in source.items():
        old = target.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            _merge_table(old, value)
        else:
            target[key] = value
