"""What a person may type for an argument: the value, or ValueError for argparse to tell."""

from __future__ import annotations

import math


def positive(text: str) -> float:
    """Return a number above 0."""
    value = float(text)
    if not 0 < value < math.inf:
        raise ValueError(text)
    return value


def not_negative(text: str) -> float:
    """Return a number that is 0 or above."""
    value = float(text)
    if not 0 <= value < math.inf:
        raise ValueError(text)
    return value


def named(text: str) -> str:
    """Return who it is."""
    if not text.strip():
        raise ValueError(text)
    return text.strip()
