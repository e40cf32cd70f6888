"""A text that nobody says any more is taken out: it would be kept in two languages for nothing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from kaga_edge.text import catalogue

PACKAGE = Path(__file__).parents[2] / "kaga_edge"
TABLES = (  # told by what they are about: whoever explains asks for them all
    "KE-", "quantity.", "unit.", "flag.", "doctor.", "man.", "explain.", "catalog.",
    "help.", "option.", "frame.", "about.", "examples.", "exits.", "heard.", "misread.", "happened.",
)  # fmt: skip
ASSETS = PACKAGE / "station" / "page" / "assets"


def _sources() -> Iterator[ast.AST]:
    for file in sorted(PACKAGE.rglob("*.py")):
        if file.parent.name != "text" or file.name == "__init__.py":
            yield from ast.walk(ast.parse(file.read_text("utf-8")))


def _said() -> tuple[set[str], set[str]]:
    """Return the plain strings of the program, and the texts that are put together, as patterns."""
    plain, patterns = set(), set()
    for node in _sources():
        if isinstance(node, ast.Constant) and isinstance(node.value, str | int):
            plain.add(str(node.value))
        if isinstance(node, ast.JoinedStr):
            parts = [re.escape(p.value) if isinstance(p, ast.Constant) else "(.+)" for p in node.values]
            patterns.add("".join(parts))
    return plain, {
        one for one in patterns if one.startswith(("page", "event")) or re.match(r"\w+(\\\.|_)", one)
    }


PLAIN, PATTERNS = _said()
WORDS = {text.split(" ", 1)[0] for text in PLAIN}  # of a line for the log, the event's name
IN_BROWSER = {
    word for file in ASSETS.iterdir() if file.suffix in (".js", ".html")
    for word in re.findall(r"\w+", file.read_text("utf-8"))
}  # fmt: skip


def _put_together(code: str) -> bool:
    found = (re.fullmatch(pattern, code) for pattern in PATTERNS)
    return any(match and all(part in WORDS for part in match.groups()) for match in found)


def _said_by(code: str) -> bool:
    """Say whether a text of the page or an event, told by its name alone, is asked for."""
    match code.split(".", 2):
        case ["page", "js", name]:
            return name in IN_BROWSER or name.removeprefix("calibrate_") in WORDS
        case ["page", name]:
            return name in IN_BROWSER
        case ["event", *name]:
            event = ".".join(name).removesuffix(".says")
            return event in WORDS or _put_together(event)
    return False


def test_every_text_is_said_somewhere():
    told = [code for code in catalogue() if not code.startswith(TABLES)]
    assert [code for code in told if not (code in WORDS or _put_together(code) or _said_by(code))] == []
