"""A clock for what is promised in seconds: it goes only while nobody waits for this machine."""

from __future__ import annotations

import contextlib
import re
import time
from pathlib import Path

PRESSURE = Path("/proc/pressure")


def quiet_s() -> float:
    """Return seconds of a clock that stands still while anybody waits for a processor or a disk.

    What others' work takes from us is not ours. Where the kernel does not count it, all time is ours.
    """
    return time.monotonic() - _waited_s("cpu") - _waited_s("io")


def _waited_s(what: str) -> float:
    with contextlib.suppress(OSError):
        told = re.search(r"some .*total=(\d+)", (PRESSURE / what).read_text())
        return int(told[1]) / 1e6 if told else 0.0
    return 0.0
