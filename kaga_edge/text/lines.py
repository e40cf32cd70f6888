"""Text in terminal columns: a Japanese sign takes two, and lines end where a Japanese line may end."""

from __future__ import annotations

import unicodedata

NO_LINE_BEGINS_WITH = "、。」』)）,.:;?!ー"  # kinsoku: they hang on the line before
NO_LINE_ENDS_WITH = "「『(（"


def width(text: str) -> int:
    """Return how many terminal columns a text takes."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WFA" else 1 for sign in text)


def padded(text: str, to_columns: int) -> str:
    """Return ``text`` filled with spaces to ``to_columns``."""
    return text + " " * max(0, to_columns - width(text))


def fold(text: str, within: int, *, indent: int = 0) -> list[str]:
    """Return lines of at most ``within`` columns; all but the first begin with ``indent`` spaces."""
    lines, line = [], ""
    for word in pieces(text):
        if line.strip() and width(line + word.rstrip()) > within:
            lines.append(line.rstrip())
            line, word = " " * indent, word.lstrip()
        line += word
    return [*lines, line.rstrip()]


def pieces(text: str) -> list[str]:
    """Cut where a line may end: after a space, and around every wide sign."""
    found: list[str] = []
    for sign in text:
        last = found[-1][-1] if found else " "
        fresh = last == " " or width(last) == 2 or unicodedata.east_asian_width(sign) in "WF"
        stays = sign == " " or sign in NO_LINE_BEGINS_WITH or last in NO_LINE_ENDS_WITH
        if not found or (fresh and not stays):
            found.append(sign)
        else:
            found[-1] += sign
    return found
