"""Lines that fit a terminal of 40 columns and more, Japanese signs counted as two columns."""

from __future__ import annotations

import os
import sys

from kaga_edge.text import lines
from kaga_edge.text.lines import padded, pieces, width

__all__ = ["columns", "fold", "padded", "pieces", "tell", "width"]

NARROWEST, WIDEST = 40, 100


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


def tell(text: str, *, indent: int = 2) -> None:
    """Print one paragraph in lines that fit the terminal."""
    print("\n".join(fold(text, indent=indent)))


def fold(text: str, *, indent: int = 0, within: int | None = None) -> list[str]:
    """Return ``text`` in lines that fit; all after the first begin with ``indent`` spaces."""
    return lines.fold(text, within or columns(), indent=indent)
