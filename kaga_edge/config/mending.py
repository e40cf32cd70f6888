"""What ``config check`` can put right by itself: the file's encoding, and full-width characters."""

from __future__ import annotations

from pathlib import Path

from kaga_edge.config.documents import other_encoding, plain_characters
from kaga_edge.config.placing import put

KEPT = ".before"


def convert(file: Path) -> str | None:
    """Write the file as UTF-8; return what it was, None when it is UTF-8 already. Raises OSError."""
    raw = file.read_bytes()
    try:
        raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        name, codec = other_encoding(raw)
    else:
        return None
    _replace(file, raw, raw.decode(codec, errors="replace").removeprefix("\ufeff"))
    return name


def fix_width(file: Path) -> int:
    """Write full-width characters and curly quotes outside of texts as ASCII; return in how many lines.

    Raises OSError, UnicodeDecodeError.
    """
    raw = file.read_bytes()
    lines = raw.decode("utf-8-sig").split("\n")
    mended = [plain_characters(line)[0] for line in lines]
    changed = sum(new != old for new, old in zip(mended, lines, strict=True))
    if changed:
        _replace(file, raw, "\n".join(mended))
    return changed


def _replace(file: Path, raw: bytes, text: str) -> None:
    kept = file.with_name(file.name + KEPT)
    put(kept, raw, like=file)
    put(file, text.encode(), like=file)
