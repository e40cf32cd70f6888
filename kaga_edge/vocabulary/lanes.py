"""The three lanes, in the order in which they may use the line."""

from __future__ import annotations

from enum import IntEnum


class Lane(IntEnum):
    """Lower goes first. Gone declarations travel in the alert lane (contract v1)."""

    ALERT = 0
    LIVE = 1
    BACKLOG = 2
