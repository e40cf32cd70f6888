"""The quality bits of a value. A file of their own: a client command that names them loads nothing else."""

from __future__ import annotations

from enum import IntFlag


class Flag(IntFlag):
    """Quality bits as they go over the wire (contract v1, ``q``). A flag never deletes a value."""

    GOOD = 0
    OUT_OF_RANGE = 1
    SPIKE = 2  # spike, or changing too fast
    STUCK = 4
    LOW_QUALITY = 8  # the sensor itself says so
    ESTIMATED = 16
    MAINTENANCE = 32
    CALIBRATION_EXPIRED = 64
    MISSING = 128  # no value, or a read error
    RETIMED = 256
    STOPPED = 512  # collection stopped by request
    THINNED = 1024
