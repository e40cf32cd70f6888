"""An address as a QR code in a terminal, for the phone of whoever stands there.

Drawn with coloured spaces alone: half blocks would save half the lines, but Japanese terminals draw them
two columns wide and no phone reads the result.
"""

from __future__ import annotations

import os
import sys

DARK, LIGHT, PLAIN = "\x1b[40m", "\x1b[107m", "\x1b[0m"  # black on bright white, whatever the theme is
MODULE_COLUMNS = 2  # a character is about twice as high as it is wide
QUIET = 4  # light modules around it (ISO/IEC 18004, 6.3.8)


def fits(address: str) -> list[str]:
    """Return the lines for this terminal; none into a pipe, without colours, or where they do not fit."""
    if not sys.stdout.isatty() or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb":
        return []
    wide, high = os.get_terminal_size(sys.stdout.fileno())
    drawn = lines(address)
    return drawn if len(drawn) * MODULE_COLUMNS <= wide and len(drawn) < high else []  # it is square


def lines(address: str) -> list[str]:
    """Return the code, a line for each row of modules."""
    import segno  # late: only this needs it

    rows = segno.make_qr(address, error="l").matrix_iter(border=QUIET)
    return ["".join((DARK if dark else LIGHT) + " " * MODULE_COLUMNS for dark in row) + PLAIN for row in rows]
