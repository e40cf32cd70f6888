"""Free-running serial instruments: the bytes they send by themselves, at their own rate.

Each gives ``banner()`` (what it says when power comes on), ``frame()`` (one measurement) and
``period_s``. ``ports.PtyPort`` does the sending.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Protocol

Source = Callable[[], float]


class Instrument(Protocol):
    """Something that talks on a serial line without being asked."""

    period_s: float

    def banner(self) -> bytes:
        """Return what is sent once when power comes on."""

    def frame(self) -> bytes:
        """Return one measurement as bytes."""


class A02yyuw:
    """DFRobot A02YYUW: FF, high, low, sum; 0 when nothing echoes."""

    def __init__(self, *, distance_m: Source, period_s: float = 0.2) -> None:
        self._distance_m, self.period_s = distance_m, period_s

    def banner(self) -> bytes:
        """Return nothing: it starts with frames."""
        return b""

    def frame(self) -> bytes:
        """Return four bytes; outside 30..4500 mm there is no echo."""
        mm = round(self._distance_m() * 1000)
        high_low = (mm if 30 <= mm <= 4500 else 0).to_bytes(2, "big")
        return b"\xff" + high_low + bytes([(0xFF + sum(high_low)) & 0xFF])


class MaxBotix:
    """MaxBotix HRXL/SCXL: ``R`` and four digits and CR, six times a second, after a banner."""

    BANNER = "SCXL-MaxSonar-WRS\rPN:MB7574\rCopyright 2011-2017\rMaxBotix Inc.\rRoHSv24b 084  0517\rTempI\r"

    def __init__(
        self, *, distance_m: Source, period_s: float = 1 / 6, nearest_mm: int = 500, no_target_mm: int = 5000
    ) -> None:
        self._distance_m, self.period_s = distance_m, period_s
        self._nearest_mm, self._no_target_mm = nearest_mm, no_target_mm

    def banner(self) -> bytes:
        """Return the captured start-up lines, with the stray byte some units begin with."""
        return b"\xff" + self.BANNER.encode()

    def frame(self) -> bytes:
        """Return one line; too near prints the nearest, nothing there prints full scale."""
        mm = min(max(round(self._distance_m() * 1000), self._nearest_mm), self._no_target_mm)
        return f"R{mm:04d}\r".encode()


class Sr50a:
    """Campbell SR50A in millimetres: STX address;distance;quality;diagnostics;check CR LF ETX.

    Not temperature compensated: it reports the distance sound would have gone at 0 Celsius.
    """

    def __init__(
        self,
        *,
        distance_m: Source,
        temperature_c: Source,
        quality: Source = lambda: 180.0,
        address: str = "33",
        unit: str = "mm",
        period_s: float = 1.0,
    ) -> None:
        self._distance_m, self._temperature_c, self._quality = distance_m, temperature_c, quality
        self._address, self._unit, self.period_s = address, unit, period_s

    def banner(self) -> bytes:
        """Return nothing."""
        return b""

    def frame(self) -> bytes:
        """Return one telegram; quality 0 goes with the "no reading" distance."""
        quality = round(self._quality())
        body = f"{self._address};{self._distance_text(quality)};{quality:03d};11111;"
        return self.telegram(body)

    @staticmethod
    def telegram(body: str) -> bytes:
        """Return the body between STX and CR LF ETX, its check characters filled in."""
        head, tail = b"\x02" + body.encode(), b"\r\n\x03"
        check = -sum(head + tail) & 0xFF
        return head + f"{check:02X}".encode() + tail

    def _distance_text(self, quality: int) -> str:
        slow = math.sqrt((self._temperature_c() + 273.15) / 273.15)
        said_m = self._distance_m() / slow if quality else 0.0
        if self._unit == "m":
            return f"{said_m:.3f}"
        if self._unit == "cm":
            return f"{said_m * 100:06.2f}"
        return f"{round(said_m * 1000):04d}" if quality else "-999"


class Benewake:
    """Benewake TF-Luna: 59 59, centimetres, strength, temperature, sum."""

    def __init__(
        self,
        *,
        distance_m: Source,
        temperature_c: Source = lambda: 25.0,
        strength: int = 800,
        period_s: float = 0.1,
    ) -> None:
        self._distance_m, self._temperature_c = distance_m, temperature_c
        self._strength, self.period_s = strength, period_s

    def banner(self) -> bytes:
        """Return nothing."""
        return b""

    def frame(self) -> bytes:
        """Return nine bytes."""
        cm, warm = round(self._distance_m() * 100), round((self._temperature_c() + 256) * 8)
        body = b"YY" + b"".join(word.to_bytes(2, "little") for word in (cm, self._strength, warm))
        return body + bytes([sum(body) & 0xFF])


class Ops243a:
    """OmniPreSense OPS243-A in JSON and m/s: silent while nothing moves."""

    def __init__(self, *, speed_m_s: Source, period_s: float = 0.1) -> None:
        self._speed_m_s, self.period_s = speed_m_s, period_s

    def banner(self) -> bytes:
        """Return its name, as after power-on."""
        return b'{"Product":"OPS243"}\r\n'

    def frame(self) -> bytes:
        """Return one report, or nothing."""
        speed = self._speed_m_s()
        return f'{{"speed":"{speed:.2f}"}}\r\n'.encode() if speed else b""


class Rubbish:
    """Random bytes at another instrument's rate: a wrong baud rate, a wet connector."""

    def __init__(self, *, period_s: float, seed: int = 1) -> None:
        self.period_s = period_s
        self._random = random.Random(seed)

    def banner(self) -> bytes:
        """Return nothing."""
        return b""

    def frame(self) -> bytes:
        """Return five random bytes."""
        return self._random.randbytes(5)
