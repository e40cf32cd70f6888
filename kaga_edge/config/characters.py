"""What a Japanese keyboard or a word processor leaves behind: full-width signs, curly quotes, unseen ones."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

QUOTES = (
    "\u201c\u201d\u201e\u201f\u2018\u2019\u201b\u00ab\u00bb"  # of word processors
    "\u300c\u300d\u300e\u300f\u301d\u301e\u301f\uff02\uff07"  # of a Japanese keyboard
)
UNSEEN = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
SPACES = "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
SIGNS = {"\u3001": ",", "\u3002": ".", "\u2212": "-"} | dict.fromkeys(
    "\u2010\u2011\u2012\u2013\u2014\u2015", "-"
)
LONG_VOWELS = "\u30fc\uff70"  # what the key of the minus sign gives with Japanese switched on
KANA = "\u3040"
LONG = ('"""', "'''")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """A line in plain characters, and the first of each kind that was replaced ("" for none)."""

    line: str
    wide: str = ""
    quote: str = ""
    unseen: str = ""


def plain_character(char: str, before: str = "") -> str:
    """Return the ASCII a character stands for after ``before``: itself, nothing for one that is not seen."""
    if "\uff01" <= char <= "\uff5e":
        return unicodedata.normalize("NFKC", char)
    if char in SPACES:
        return " "
    if char in LONG_VOWELS:
        return char if before > KANA else "-"
    return "" if char in UNSEEN else SIGNS.get(char, char)


def plain_text(text: str) -> str:
    """Return a text in plain characters throughout, as a value that is ASCII by nature is written."""
    return "".join(map(plain_character, text, ("", *text)))


def first_odd(text: str) -> str:
    """Return the first character that ``plain_text`` changes."""
    return next(
        (
            char
            for char, before in zip(text, ("", *text), strict=False)
            if plain_character(char, before) != char
        ),
        "",
    )


def plain_lines(lines: list[str]) -> list[Plain]:
    """Return every line in plain characters; what stands inside of texts and comments stays."""
    found: list[Plain] = []
    inside = ""
    for line in lines:
        plain, inside = _plain(line, inside)
        found.append(plain)
    return found


def _plain(line: str, inside: str) -> tuple[Plain, str]:
    """Return the line and the long quote that is open at its end ("" when none is)."""
    out: list[str] = []
    seen = dict.fromkeys(("wide", "quote", "unseen"), "")
    at, curly_at = 0, -1
    while at < len(line):
        char, long = line[at], line[at : at + 3]
        step = 1
        if long in LONG and inside in ("", long):
            inside, step = ("" if inside else long), 3
            out.append(long)
        elif char in QUOTES and inside in ("", "curly"):
            seen["quote"] = seen["quote"] or char
            inside = "" if inside else "curly"
            out.append('"')
        elif inside:
            inside = "" if char == inside else inside
            curly_at = len(out) if char in QUOTES else curly_at
            out.append(char)
        elif char == "#":
            out.append(line[at:])
            break
        else:
            plain = plain_character(char, line[at - 1] if at else "")
            if plain != char:
                kind = "wide" if plain else "unseen"
                seen[kind] = seen[kind] or char
            inside = char if char in "\"'" else ""
            out.append(plain)
        at += step
    if inside == '"' and curly_at >= 0:  # opened straight, closed curly
        seen["quote"], out[curly_at] = out[curly_at], '"'
    return Plain(line="".join(out), **seen), inside if inside in LONG else ""
