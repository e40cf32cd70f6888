"""The kernel's clocks, and whether it says that the wall clock is right.

Source: adjtimex(2): state TIME_ERROR (5) or status bit STA_UNSYNC (0x40) means not synchronised;
systemd-timesyncd(8): the file "synchronized";
clock_gettime(2): CLOCK_BOOTTIME counts through suspend and never jumps.
"""

from __future__ import annotations

import ctypes
import os
import time
from pathlib import Path

from kaga_edge.core.timekeeping import Floor, best_guess
from kaga_edge.vocabulary.readings import Moment

ASK_KERNEL_EVERY_NS = 10_000_000_000  # NTP status changes rarely; the call is cheap but not free
TIME_ERROR = 5
STA_UNSYNC = 0x40
TIMESYNCD_SAYS = Path("/run/systemd/timesync/synchronized")  # made at its first success of a boot


class SystemClock:
    """The ``Clock`` of the running daemon."""

    def __init__(self, floor: Floor | None = None) -> None:
        self.floor = floor or Floor()
        self.boot = boot_id()
        self._synchronised = False
        self._asked_ns: int | None = None

    def now(self) -> Moment:
        """Return this instant by all clocks; the wall clock never before the last known time."""
        up_ms = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
        wall_ms, trust = best_guess(
            wall_ms=time.time_ns() // 1_000_000,
            up_ms=up_ms,
            synchronised=self._ask(),
            floor=self.floor,
        )
        return Moment(wall_ms=wall_ms, up_ms=up_ms, boot=self.boot, trust=trust)

    def monotonic_ns(self) -> int:
        """Return CLOCK_MONOTONIC in nanoseconds."""
        return time.monotonic_ns()

    def _ask(self) -> bool:
        now_ns = time.monotonic_ns()
        if self._asked_ns is None or now_ns - self._asked_ns > ASK_KERNEL_EVERY_NS:
            self._asked_ns, self._synchronised = now_ns, kernel_synchronised()
        return self._synchronised


def boot_id() -> str:
    """Return the first four hex digits of this boot's id."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii")[:4]
    except OSError:  # no /proc: each process counts as a boot of its own
        return os.urandom(2).hex()


class _Timex(ctypes.Structure):
    """The head of struct timex; the rest is padding the kernel fills and nobody reads."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    )


def kernel_synchronised() -> bool:
    """Return True when the kernel says that NTP (or PTP) holds its clock."""
    timex = _Timex()
    state = int(ctypes.CDLL(None).adjtimex(ctypes.byref(timex)))
    if state == -1:  # the unit's ProtectClock forbids even asking
        return TIMESYNCD_SAYS.exists()
    return state != TIME_ERROR and not timex.status & STA_UNSYNC
