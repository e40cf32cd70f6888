"""Readings as they are stored and sent: text without float noise, flags as short as they can be.

A row is written once and copied as it stands into every batch, so this text is the wire's text.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from math import isfinite

from kaga_edge.vocabulary.readings import Flag, Reading

GOOD = Flag.GOOD
MISSING = int(Flag.MISSING)


def encode_values(readings: Sequence[Reading], res: Sequence[float]) -> tuple[str, str | None]:
    """Return ``(vals, q)`` of one sample: ``"1.695,null,-15.03"``; None, ``"128"`` or ``"[0,128,8]"``.

    ``res`` holds each channel's rounding step in the channel's unit, in the order of ``readings``.
    No value, NaN and infinity become ``null`` and carry ``Flag.MISSING``: a null is never unexplained.
    """
    texts: list[str] = []
    flags: list[int] = []
    flagged = False
    for reading, step in zip(readings, res, strict=True):
        value, flag = reading.value, reading.flags
        if value is None or not isfinite(value):
            texts.append("null")
            flags.append(int(flag) | MISSING)
            flagged = True
            continue
        form, multiple = _form(step)
        text = form % value if multiple is None else form % (round(value / multiple) * multiple)
        if "." in text:
            text = text.rstrip("0").rstrip(".")
        texts.append("0" if text == "-0" else text)
        if flag is GOOD:  # by far the usual case, and asking an enum for its truth is slow
            flags.append(0)
        else:
            flags.append(int(flag))
            flagged = True
    return ",".join(texts), _flags_text(flags) if flagged else None


def _flags_text(flags: Sequence[int]) -> str | None:
    """Return nothing when all is good, one number when all channels share it, else the list."""
    first = flags[0]
    if all(bits == first for bits in flags):
        return str(first) if first else None
    return "[" + ",".join(map(str, flags)) + "]"


@lru_cache(maxsize=256)
def _form(res: float) -> tuple[str, float | None]:
    """Return the %-format for a step, and the step itself unless it is a power of ten below one.

    0.001 needs only three decimals; 0.25 or 5 must also be rounded to a multiple first.
    """
    if not isfinite(res) or res <= 0:
        raise ValueError(f"a rounding step must be above zero, not {res!r}")
    exact = Decimal(repr(float(res))).normalize()
    exponent = int(exact.as_tuple().exponent)
    power_of_ten = exact.as_tuple().digits == (1,) and exponent <= 0
    return f"%.{max(0, -exponent)}f", None if power_of_ten else float(res)
