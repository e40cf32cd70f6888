"""On which line of a TOML file each key stands.

tomllib gives values without places. This scanner walks the same text (already found valid) and maps
every path, such as ``("sensor", 1, "i2c", "address")``, to its line. It judges nothing.
"""

from __future__ import annotations

import re

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BASIC = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_LITERAL = re.compile(r"'[^'\n]*'")
_LONG_BASIC = re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}', re.DOTALL)
_LONG_LITERAL = re.compile(r"'''.*?'{3,5}", re.DOTALL)
_SCALAR = re.compile(r"[^,\]}#\n]*")


def key_lines(text: str) -> dict[Path, int]:
    """Return the line (from 1) of every table header and key in valid TOML ``text``."""
    scan = _Scan(text)
    scan.document()
    return scan.lines


class _Scan:
    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n")
        self.at = 0
        self.lines: dict[Path, int] = {}
        self.array_tables: dict[Path, int] = {}  # path of [[x]] -> index of its newest element

    def document(self) -> None:
        table: Path = ()
        while self._skip(_BLANK) < len(self.text):
            if self._next("[["):
                table = self._array_header()
            elif self._next("["):
                table = self._header()
            else:
                self._pair(table)

    def _array_header(self) -> Path:
        line = self._line()
        self.at += 2
        *outer, last = self._key()
        self.at += 2  # the closing brackets
        path = (*self._resolve(tuple(outer)), last)
        index = self.array_tables.get(path, -1) + 1
        self.array_tables[path] = index
        self._note(path, line)
        self._note((*path, index), line)
        return (*path, index)

    def _header(self) -> Path:
        line = self._line()
        self.at += 1
        path = self._resolve(self._key())
        self.at += 1
        for depth in range(1, len(path)):
            self._note(path[:depth], line)
        self.lines[path] = line  # a header after its dotted children is the better place
        return path

    def _resolve(self, key: tuple[str, ...]) -> Path:
        """Return the path a header means: below an array of tables it means the newest element."""
        path: Path = ()
        for part in key:
            path = (*path, part)
            if path in self.array_tables:
                path = (*path, self.array_tables[path])
        return path

    def _pair(self, table: Path) -> None:
        line = self._line()
        path = table
        for part in self._key():
            path = (*path, part)
            self._note(path, line)
        self._skip(_SPACE)
        self.at += 1  # the equals sign
        self._skip(_SPACE)
        self._value(path)

    def _value(self, path: Path) -> None:
        if self._next("["):
            self._array(path)
        elif self._next("{"):
            self._inline(path)
        else:
            for string in (_LONG_BASIC, _LONG_LITERAL, _BASIC, _LITERAL, _SCALAR):
                if found := string.match(self.text, self.at):
                    self.at = found.end()
                    return

    def _array(self, path: Path) -> None:
        self.at += 1
        index = 0
        while self._skip(_BLANK) < len(self.text) and not self._next("]"):
            if self._next(","):
                self.at += 1
                continue
            self._note((*path, index), self._line())
            self._value((*path, index))
            index += 1
        self.at += 1

    def _inline(self, path: Path) -> None:
        self.at += 1
        while self._skip(_BLANK) < len(self.text) and not self._next("}"):
            if self._next(","):
                self.at += 1
                continue
            self._pair(path)
        self.at += 1

    def _key(self) -> tuple[str, ...]:
        parts: list[str] = []
        while True:
            self._skip(_SPACE)
            parts.append(self._key_part())
            self._skip(_SPACE)
            if not self._next("."):
                return tuple(parts)
            self.at += 1

    def _key_part(self) -> str:
        for form in (_BASIC, _LITERAL, _BARE_KEY):
            if found := form.match(self.text, self.at):
                self.at = found.end()
                part = found.group()
                return part if form is _BARE_KEY else _unquoted(part)
        self.at += 1  # cannot happen in valid TOML; never stand still
        return ""

    def _note(self, path: Path, line: int) -> None:
        self.lines.setdefault(path, line)

    def _line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1

    def _next(self, sign: str) -> bool:
        return self.text.startswith(sign, self.at)

    def _skip(self, what: re.Pattern[str]) -> int:
        found = what.match(self.text, self.at)
        assert found is not None  # both skips match the empty string
        self.at = found.end()
        return self.at


def _unquoted(part: str) -> str:
    """Return a quoted key's text; escapes are rare enough to leave to tomllib."""
    import tomllib

    if "\\" not in part:
        return part[1:-1]
    return str(tomllib.loads(f"k = {part}")["k"])
