"""Lines that fit a terminal of 40 columns and more, Japanese signs counted as two columns."""

from __future__ import annotations

import os
import sys
import unicodedata

NARROWEST, WIDEST = 40, 100
NO_LINE_BEGINS_WITH = "、。」』)）,.:;?!ー"  # kinsoku: they hang on the line before


def columns() -> int:
    """Return how many columns to use: the terminal's, 40 at least, 100 at most; 80 into a file."""
    asked = os.environ.get("COLUMNS", "")
    if asked.isdigit():
        wide = int(asked)
    else:
        try:
            wide = os.get_terminal_size(sys.stdout.fileno()).columns
        except (OSError, ValueError, AttributeError):  # a file, a pipe, a test, closed
            wide = 80
    return min(WIDEST, max(NARROWEST, wide))


def width(text: str) -> int:
    """Return how many terminal columns a text takes."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WFA" else 1 for sign in text)


def padded(text: str, to_columns: int) -> str:
    """Return ``text`` filled with spaces to ``to_columns``."""
    return text + " " * max(0, to_columns - width(text))


def tell(text: str, *, indent: int = 2) -> None:
    """Print one paragraph in lines that fit the terminal."""
    print("\n".join(fold(text, indent=indent)))


def fold(text: str, *, indent: int = 0, within: int | None = None) -> list[str]:
    """Return ``text`` in lines that fit; all after the first begin with ``indent`` spaces."""
    room = within or columns()
    lines, line = [], ""
    for word in pieces(text):
        if line.strip() and width(line + word.rstrip()) > room:
            lines.append(line.rstrip())
            line, word = " " * indent, word.lstrip()
        line += word
    return [*lines, line.rstrip()]


def pieces(text: str) -> list[str]:
    """Cut where a line may end: after a space, and around every wide sign."""
    found: list[str] = []
    for sign in text:
        wide = unicodedata.east_asian_width(sign) in "WF"
        fresh = not found or found[-1].endswith(" ") or wide or width(found[-1][-1]) == 2
        if fresh and sign != " " and (not found or sign not in NO_LINE_BEGINS_WITH):
            found.append(sign)
        elif found:
            found[-1] += sign
        else:
            found.append(sign)
    return found
