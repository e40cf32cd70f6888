"""What ``config check`` can put right by itself: the file's encoding, and full-width characters."""

from __future__ import annotations

from pathlib import Path

from kaga_edge.config.characters import plain_lines
from kaga_edge.config.encodings import NotText, other_encoding
from kaga_edge.config.placing import put
from kaga_edge.config.plainfile import read

KEPT = ".before"


def convert(file: Path) -> str | None:
    """Write the file as UTF-8; return what it was, None when it is UTF-8 or no text. Raises OSError."""
    raw = read(file)
    try:
        found = other_encoding(raw)
    except NotText:
        return None  # the check that follows says so
    if found is None:
        return None
    name, codec = found
    _replace(file, raw, raw.decode(codec, errors="replace").removeprefix("\ufeff"))
    return name


def fix_width(file: Path) -> int:
    """Write full-width characters and curly quotes outside of texts as ASCII; return in how many lines.

    Raises OSError, UnicodeDecodeError.
    """
    raw = read(file)
    lines = raw.decode("utf-8-sig").split("\n")
    mended = [plain.line for plain in plain_lines(lines)]
    changed = sum(new != old for new, old in zip(mended, lines, strict=True))
    if changed:
        _replace(file, raw, "\n".join(mended))
    return changed


def _replace(file: Path, raw: bytes, text: str) -> None:
    kept = file.with_name(file.name + KEPT)
    put(kept, raw, like=file)
    put(file, text.encode(), like=file)
