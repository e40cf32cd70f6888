"""The kernel's clocks, and whether it says that the wall clock is right.

Source: adjtimex(2): state TIME_ERROR (5) or status bit STA_UNSYNC (0x40) means not synchronised, STA_PPSTIME
and STA_PPSSIGNAL together that a second pulse holds it; systemd-timesyncd(8): the file "synchronized";
clock_gettime(2): CLOCK_BOOTTIME counts through suspend and never jumps;
kernel, ABI/testing/rtc-cdev and sysfs-class-rtc: "since_epoch", seconds, UTC.

A GNSS receiver is not asked here: gpsd hands its time to chrony or ntpd, and these tell the kernel. Such a
clock counts as NTP, and as GNSS where the kernel itself follows the receiver's pulse.
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from kaga_edge.core.timekeeping import Floor, best_guess
from kaga_edge.vocabulary.readings import Moment

ASK_KERNEL_EVERY_NS = 5_000_000_000  # NTP status changes rarely; the call is cheap but not free
SET_MS = 500  # the wall clock went this much further than the boot clock: it was set, ask at once
UNKNOWN_ERROR_MS = 1000  # what is said of a clock whose error the kernel will not tell
TIME_ERROR = 5
STA_UNSYNC = 0x40
STA_PPS = 0x0004 | 0x0100  # asked to follow the pulse, and the pulse is there
BATTERY_CLOCKS = Path("/sys/class/rtc")
TIMESYNCD_SAYS = Path("/run/systemd/timesync/synchronized")  # made at its first success of a boot


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelSays:
    """Whether NTP holds the wall clock, and how wrong it may be then."""

    synchronised: bool
    error_ms: int
    pulse: bool = False


class SystemClock:
    """The ``Clock`` of the running daemon."""

    def __init__(
        self,
        floor: Floor | None = None,
        kernel: Callable[[], KernelSays] | None = None,
        *,
        boot: str = "",
        up_ms: Callable[[], int] | None = None,
        battery_ms: Callable[[], int | None] | None = None,
    ) -> None:
        self.floor = floor or Floor()
        self.boot = boot or boot_id()
        self._up_ms = up_ms or boot_clock_ms
        self._kernel = kernel or kernel_says
        self._battery_apart_ms = self._ask_battery(battery_ms or battery_clock_ms)
        self._says = KernelSays(synchronised=False, error_ms=UNKNOWN_ERROR_MS)
        self._ask_from_ns = 0
        self._apart_ms = 0

    def now(self) -> Moment:
        """Return this instant by all clocks; the wall clock never before the last known time."""
        up_ms, battery_ms = self._up_ms(), self._battery_apart_ms
        kernel_ms = time.time_ns() // 1_000_000
        apart_ms = kernel_ms - up_ms
        now_ns = time.monotonic_ns()
        if now_ns > self._ask_from_ns or abs(apart_ms - self._apart_ms) > SET_MS:
            self._ask(apart_ms, now_ns)
        wall_ms, trust = best_guess(
            wall_ms=kernel_ms,
            up_ms=up_ms,
            synchronised=self._says.synchronised,
            floor=self.floor,
            pulse=self._says.pulse,
            battery_ms=None if battery_ms is None else up_ms + battery_ms,
        )
        return Moment(wall_ms=wall_ms, up_ms=up_ms, boot=self.boot, trust=trust)

    monotonic_ns = staticmethod(time.monotonic_ns)  # CLOCK_MONOTONIC in nanoseconds

    @property
    def uncertainty_ms(self) -> int:
        """How wrong the synchronised clock may be, as the kernel last said."""
        return self._says.error_ms

    def _ask(self, apart_ms: int, now_ns: int) -> None:
        """Ask the kernel, at times and when the wall clock was set."""
        was_held, known_apart_ms = self._says.synchronised, self._apart_ms
        self._says, self._apart_ms = self._kernel(), apart_ms
        self._ask_from_ns = now_ns + ASK_KERNEL_EVERY_NS
        if was_held and not self._says.synchronised:  # set by hand, say: time goes on from what was known
            self.floor = Floor(wall_ms=known_apart_ms, seen_up_ms=0)

    def _ask_battery(self, battery_ms: Callable[[], int | None]) -> int | None:
        """Return how far the battery clock is from the boot clock. Asked once: both go on by themselves."""
        now_ms = battery_ms()
        return None if now_ms is None else now_ms - self._up_ms()


def boot_clock_ms() -> int:
    """Return CLOCK_BOOTTIME in milliseconds."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def battery_clock_ms(folder: Path = BATTERY_CLOCKS) -> int | None:
    """Return what the first battery clock says in milliseconds; None: there is none, or it will not tell."""
    try:
        first = min(folder.iterdir(), default=None)
        return None if first is None else int((first / "since_epoch").read_text("ascii")) * 1000
    except (OSError, ValueError):
        return None


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


@lru_cache(maxsize=1)
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)


def kernel_says() -> KernelSays:
    """Return whether NTP (or PTP) holds the kernel's clock, and how wrong it may be."""
    timex = _Timex()
    state = int(_libc().adjtimex(ctypes.byref(timex)))
    if state == -1:  # the unit's ProtectClock forbids even asking
        return KernelSays(synchronised=TIMESYNCD_SAYS.exists(), error_ms=UNKNOWN_ERROR_MS)
    held = state != TIME_ERROR and not timex.status & STA_UNSYNC
    pulse = timex.status & STA_PPS == STA_PPS
    return KernelSays(synchronised=held, error_ms=max(1, timex.maxerror // 1000), pulse=pulse)


def kernel_synchronised() -> bool:
    """Return True when the kernel says that NTP (or PTP) holds its clock."""
    return kernel_says().synchronised
