"""One file's text to tables, whatever is wrong with it: what cannot be read is told and left out.

A file that is not good TOML is mended in memory (characters replaced, the worst lines left out) so that its
other faults show in the same run. tomllib says where it gave up, in words for programmers; here they become
what to write.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from typing import Any

from kaga_edge.config.characters import plain_character, plain_lines
from kaga_edge.config.faults import Code, Fault, Notes
from kaga_edge.config.lines import Path, key_lines
from kaga_edge.config.passwords import is_password_key, tells_password
from kaga_edge.config.plainfile import tables
from kaga_edge.text import Phrase

MOST_SYNTAX_FAULTS = 200  # a file with more is not TOML at all
LISTS = ("sensor", "output", "power")  # written [[so]]

_PLACE = re.compile(r"\(at line (\d+), column \d+\)")
_HEADER = re.compile(r"^\s*\[{1,2}\s*([A-Za-z]+)\s*\]{1,2}\s*(#.*)?$")
_LIST_NAME = re.compile(r"^(\s*\[{1,2}\s*)([A-Za-z]+)\s*([.\]])")
_DOUBLE = re.compile(r"^\s*\[\[\s*[A-Za-z]+\s*\]\]")
_ANY_HEADER = re.compile(r"^\s*\[+\s*[A-Za-z\"']")
_KEY = re.compile(r"\s*([\w.-]+)")
_TWICE = re.compile(r"Cannot declare \((.*?)\) twice")
_OPEN_TEXT = ("Unterminated", "Expected \"'")  # a text that does not end, seen at the end of the file
_IN_DOUBLE_QUOTES = re.compile(r'"(?:\\.|[^"\\])*"')  # an apostrophe in there opens nothing
_SET_ASIDE = "set-aside-"  # name given to a table that was declared twice

# What stands after the equals sign, and what is wrong with it.
_LEADING_ZERO = re.compile(r"[=\[,]\s*(0\d+)\s*(?:[,}\]].*)?(?:#.*)?$")
_BOOLEAN = re.compile(r"=\s*(true|false|yes|no|on|off)\s*(#.*)?$", re.IGNORECASE)
_COMMA = re.compile(r"=\s*[-+]?\d+,\d+\s*(#.*)?$")
_BARE_POINT = re.compile(r"=\s*[-+]?(\.\d+|\d+\.)\s*(#.*)?$")
_NUMBER_AND_UNIT = re.compile(r"^\s*\w*_(?:m|mm|cm|v|c|s|kph|deg)\s*=\s*([-+]?[\d.]+)\s*[A-Za-z]+\s*(#.*)?$")
_PHONE = r"\+?\d+(?:-\d+){2,}|0\d{8,}"
_NO_QUOTES = re.compile(rf"=\s*((?:[^\W\d_]|[/.~])[^\"'#]*|[\d.]+[A-Za-z][^\"'#]*|{_PHONE})\s*(#.*)?$")
# tomllib's words -> ours.
_SAID = (
    ("Cannot overwrite", "toml.twice"),
    ("Duplicate inline", "toml.twice"),
    ("Cannot mutate", "toml.twice"),
    ("Cannot declare", "toml.twice"),
    ("Cannot redefine", "toml.twice"),
    ("nested", "toml.deep"),
    ("Expected ']", "toml.bracket"),
    ("Unclosed array", "toml.array"),
    ("Unclosed inline", "toml.inline"),
    ("Illegal character '\\n'", "toml.quote"),
    ("Unterminated", "toml.quote"),
    ('Expected "\'"', "toml.quote"),
    ("Unescaped", "toml.backslash"),
    ("Expected newline", "toml.rest"),
    ("Expected '='", "toml.statement"),
    ("Invalid statement", "toml.statement"),
    ("Invalid initial", "toml.statement"),
    ("Illegal character", "toml.control"),
    ("", "toml.value"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """The tables of one file, the line of every key, and the keys on lines that could not be read."""

    tree: dict[str, Any]
    lines: dict[Path, int]
    left_out: frozenset[str] = frozenset()


def parsed(text: str, name: str, notes: Notes, *, command: str) -> Parsed:
    """Return the tables of ``text``; what is wrong goes into ``notes``. ``command``: the file to repair."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    desk = _Desk(lines=lines, name=name, notes=notes)
    desk.mend_headers()
    try:
        tree = tables("\n".join(lines))
    except tomllib.TOMLDecodeError:
        desk.mend_characters(command)
        desk.mend_headers()
        tree = desk.mended()
    return Parsed(tree=tree, lines=key_lines("\n".join(lines)), left_out=frozenset(desk.left_out))


@dataclass(slots=True, kw_only=True)
class _Desk:
    """One file being mended: its lines change, its faults are noted."""

    lines: list[str]
    name: str
    notes: Notes
    left_out: set[str] = field(default_factory=set)

    def mend_headers(self) -> None:
        """Turn [sensor], [[sensors]] and the like into [[sensor]], the commonest slip, and say so."""
        self._mend_list_names()
        for kind in LISTS:
            wrong = [
                at
                for at, line in enumerate(self.lines)
                if (found := _HEADER.match(line)) and found.group(1) == kind and not _DOUBLE.match(line)
            ]
            if kind != "sensor" and len(wrong) < 2:
                continue  # one lamp in single brackets is one lamp
            numbers = [at + 1 for at in wrong]
            for at in wrong:
                self._note(
                    at + 1, "", Code.SINGLE_BRACKETS, name=Phrase(f"list.{kind}"), lines=_lines(numbers)
                )
                self.lines[at] = f"[[{kind}]]"

    def _mend_list_names(self) -> None:
        """Turn [[sensors]], [[Sensor]] and their tables into what was meant, and say so once a list."""
        told = set()
        for at, line in enumerate(self.lines):
            found = _LIST_NAME.match(line)
            name = found.group(2).lower().removesuffix("s") if found else ""
            if found is None or name not in LISTS or found.group(2) == name:
                continue
            if found.group(3) == "]" or found.group(2) not in told:
                told.add(found.group(2))
                self._note(at + 1, found.group(2), Code.UNKNOWN_KEY_NEAR, name=found.group(2), near=name)
            self.lines[at] = f"{found.group(1)}{name}{line[found.end(2) :]}"

    def mend_characters(self, command: str) -> None:
        """Replace full-width, unseen characters and curly quotes outside of texts; a fault a line."""
        for at, plain in enumerate(plain_lines(self.lines)):
            self.lines[at] = plain.line
            if plain.wide:
                ascii_ = plain_character(plain.wide)
                params = {"char": plain.wide, "sign": _sign(plain.wide), "plain": ascii_, "file": command}
                self._note(at + 1, "", Code.FULL_WIDTH, **params)
            if plain.unseen:
                self._note(at + 1, "", Code.UNSEEN, sign=_sign(plain.unseen), file=command)
            if plain.quote:
                self._note(at + 1, "", Code.CURLY_QUOTE, char=plain.quote)

    def mended(self) -> dict[str, Any]:
        """Parse, leaving out line after line that cannot be read; change ``lines`` accordingly."""
        for attempt in range(MOST_SYNTAX_FAULTS):
            try:
                tree = tables("\n".join(self.lines))
            except tomllib.TOMLDecodeError as error:
                at = self._place(str(error))
                if not self.lines[at].strip():
                    break  # left out already: nothing more can be told apart
                self._tell(at, str(error))
                self._leave_out(at, attempt)
            else:
                return {key: value for key, value in tree.items() if not key.startswith(_SET_ASIDE)}
        self.lines.clear()
        self.left_out.add("*")  # nothing can be called missing any more
        return {}

    def _place(self, error: str) -> int:
        """Return the index of the line to blame: where the quote, list or table that never closes begins."""
        found = _PLACE.search(error)
        at = min(int(found.group(1)), len(self.lines)) - 1 if found else len(self.lines) - 1
        if "Unclosed array" in error or "Unclosed inline" in error:
            sign = "[" if "array" in error else "{"
            begins = re.compile(rf"^\s*[\w.\"-]+\s*=\s*\{sign}")
            return next((one for one in range(at, -1, -1) if begins.match(self.lines[one])), at)
        if "nested" in error:
            return max(range(len(self.lines)), key=lambda one: len(re.findall(r"[\[{]", self.lines[one])))
        if found is None:
            if any(words in error for words in _OPEN_TEXT):
                return self._open_quote()
            return next((one for one in range(at, -1, -1) if self.lines[one].strip()), at)
        return at

    def _open_quote(self) -> int:
        for sign in ('"""', "'''", "'"):
            lines = self.lines if len(sign) > 1 else [_IN_DOUBLE_QUOTES.sub("", line) for line in self.lines]
            odd = [at for at, line in enumerate(lines) if line.count(sign) % 2]
            if odd:
                return odd[0] if sign == "'" else odd[-1]
        return len(self.lines) - 1

    def _leave_out(self, at: int, attempt: int) -> None:
        """Blank a line; of a list or table written over several lines the rest as well."""
        line = self.lines[at]
        if found := _KEY.match(line):
            self.left_out |= {found.group(1), found.group(1).rpartition(".")[2]}
        if _ANY_HEADER.match(line):
            self.left_out.add("*")  # what stands under it belongs to nobody knows which table
        self.lines[at] = f"[{_SET_ASIDE}{attempt}]" if _ANY_HEADER.match(line) else ""
        for opening, closing in ("[]", "{}"):
            if _ANY_HEADER.match(line) or line.count(opening) <= line.count(closing):
                continue
            for further in range(at + 1, len(self.lines)):
                if _ANY_HEADER.match(self.lines[further]) or (opening == "[" and "=" in self.lines[further]):
                    break
                ends = closing in self.lines[further]
                self.lines[further] = ""
                if ends:
                    break

    def _tell(self, at: int, error: str) -> None:
        line = self.lines[at]
        key = line.split("=")[0].strip() if "=" in line else ""
        if is_password_key(key) or tells_password(line):
            self._note(at + 1, key, Code.PASSWORD_IN_FILE)
        elif found := _TWICE.search(error):
            parts = re.findall(r"'([^']*)'", found.group(1))
            hint = "list" if parts[0] in LISTS[1:] else "sensor" if parts[0] == "sensor" else "plain"
            table = "[" + ".".join(parts) + "]"
            self._note(at + 1, "", Code.TABLE_TWICE, name=table, hint=Phrase(f"twice.{hint}", name=parts[0]))
        elif (found := _NO_QUOTES.search(line)) and re.fullmatch(_PHONE, found.group(1)):
            self._note(at + 1, key, Code.NO_QUOTES, value=found.group(1))
        elif found := _LEADING_ZERO.search(line):
            plain = found.group(1).lstrip("0") or "0"
            self._note(at + 1, key, Code.LEADING_ZERO, value=found.group(1), plain=plain)
        elif _BOOLEAN.search(line):
            written = str(_BOOLEAN.findall(line)[0][0])
            self._note(at + 1, key, Code.WRONG_TYPE, expected=Phrase("type.bool"), got=written)
        elif reason := _number_fault(line):
            self._note(at + 1, key, Code.SYNTAX, reason=reason)
        elif found := _NO_QUOTES.search(line):
            self._note(at + 1, key, Code.NO_QUOTES, value=found.group(1).strip())
        else:
            self._note(at + 1, key, Code.SYNTAX, reason=_reason(line, error))

    def _note(self, number: int, key: str, code: Code, **params: str | int | float) -> None:
        self.notes.faults.append(Fault(file=self.name, line=number, key=key, code=code, params=params))


def _number_fault(line: str) -> Phrase | None:
    """Return what is wrong with a number written as on paper."""
    if _COMMA.search(line):
        return Phrase("toml.comma")
    if _BARE_POINT.search(line):
        return Phrase("toml.point")
    found = _NUMBER_AND_UNIT.search(line)
    return Phrase("toml.unit", plain=found.group(1)) if found else None


def _reason(line: str, error: str) -> Phrase:
    if ("{" in line and line.count("{") != line.count("}")) or re.search(r",\s*}", line):
        return Phrase("toml.inline")
    return Phrase(next(key for words, key in _SAID if words in error))


def _lines(numbers: list[int]) -> Phrase:
    if len(numbers) == 1:
        return Phrase("at.line", n=numbers[0])
    first = ", ".join(str(one) for one in numbers[:-1])
    return Phrase("at.lines", first=first, last=numbers[-1])


def _sign(char: str) -> str:
    return f"U+{ord(char):04X}"
