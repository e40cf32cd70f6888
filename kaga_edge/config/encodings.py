"""The bytes of a file to text: UTF-8, or what an editor made of it."""

from __future__ import annotations

HALF_KATAKANA = range(0xFF61, 0xFFA0)
JIS_ESCAPES = (b"\x1b$B", b"\x1b$@", b"\x1b(J")
KNOWN = (  # a beginning that gives the encoding away; the longer ones first
    (b"\xff\xfe\0\0", "UTF-32", "utf-32"),
    (b"\0\0\xfe\xff", "UTF-32", "utf-32"),
    (b"\xff\xfe", "UTF-16", "utf-16"),
    (b"\xfe\xff", "UTF-16", "utf-16"),
)


def other_encoding(raw: bytes) -> tuple[str, str] | None:
    """Return the name and the codec of bytes that are not UTF-8; None for UTF-8. Raises NotText."""
    for begin, name, codec in KNOWN:
        if raw.startswith(begin):
            return name, codec
    if b"\0" in raw:
        return _wide(raw)
    if any(escape in raw for escape in JIS_ESCAPES):
        return "ISO-2022-JP", "iso2022_jp_ext"
    if _decodes(raw, "utf-8") is not None:
        return None
    return _japanese(raw)


class NotText(ValueError):
    """The bytes are no text in an encoding known here: damaged, or another kind of file."""


def _wide(raw: bytes) -> tuple[str, str]:
    """UTF-16 without its mark: mostly ASCII, so every other byte is zero. Raises NotText."""
    for codec, high in (("utf-16-le", raw[1::2]), ("utf-16-be", raw[0::2])):
        if high.count(0) > len(high) // 2 and b"\0\0" not in raw and _decodes(raw, codec) is not None:
            return "UTF-16", codec
    raise NotText


def _japanese(raw: bytes) -> tuple[str, str]:
    """EUC-JP reads as Shift-JIS full of half-width katakana, which no one writes. Raises NotText."""
    shifted, euc = _decodes(raw, "cp932"), _decodes(raw, "euc_jp")
    if euc is not None and (shifted is None or any(ord(char) in HALF_KATAKANA for char in shifted)):
        return "EUC-JP", "euc_jp"
    if shifted is None:
        raise NotText
    return "Shift-JIS", "cp932"


def _decodes(raw: bytes, codec: str) -> str | None:
    try:
        return raw.decode(codec)
    except UnicodeDecodeError:
        return None
