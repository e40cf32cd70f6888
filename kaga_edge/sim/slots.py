"""Where a device sits, and the switches that break it: an address on a bus with its fault."""

from __future__ import annotations

import errno
import os
import random
import threading
import time
from collections import deque
from enum import Enum

from kaga_edge.sim import fittings as fitted
from kaga_edge.sim.chips import Bme280, Chip
from kaga_edge.sim.fittings import Fitting


class Fault(Enum):
    """What can be wrong with a sensor. Not every kind of wire knows every fault."""

    NONE = "none"
    UNPLUGGED = "unplugged"  # I2C: no acknowledge; serial: the port is gone
    HANG = "hang"  # I2C: the transfer does not return; serial: silence
    GARBAGE = "garbage"
    WRONG_CHIP = "wrong chip"  # something else answers at the address


class Stranger(Bme280):
    """A BMP280 where something else was expected: acknowledges, but is the wrong part."""

    ID = 0x58
    HIGH = bytes(7)


class Slot:
    """One address on an I2C bus: the chip there and what is wrong with it."""

    def __init__(self, fitting: Fitting, now: fitted.Now) -> None:
        self.fitting = fitting
        self.answered_ms: deque[int] = deque(maxlen=4096)  # wall time of each read that was answered
        self._now = now
        self._fault = Fault.NONE
        self._mended = threading.Event()
        self.caught = threading.Event()  # a transfer hangs in here
        self._random = random.Random(fitting.id)
        self._lock = threading.Lock()
        self._chip: Chip = fitted.chip(fitting, now)

    def turn(self, fault: Fault) -> None:
        """Set the fault; a device plugged in again has lost its state."""
        self._fault = fault
        self._chip = (
            _stranger(self._now) if fault is Fault.WRONG_CHIP else fitted.chip(self.fitting, self._now)
        )
        if fault is Fault.HANG:
            self.caught.clear()
            self._mended.clear()
        else:
            self._mended.set()

    def write(self, data: bytes) -> None:
        """Pass a write on, or fail as the fault says."""
        self._fail_as_told()
        if data:
            with self._lock:
                self._chip.write(data)

    def read(self, count: int) -> bytes:
        """Pass a read on, or fail as the fault says."""
        self._fail_as_told()
        with self._lock:
            reply = self._chip.read(count)
        self.answered_ms.append(time.time_ns() // 1_000_000)
        return self._random.randbytes(count) if self._fault is Fault.GARBAGE else reply

    def _fail_as_told(self) -> None:
        if self._fault is Fault.HANG:
            self.caught.set()
            self._mended.wait()
            raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        if self._fault is Fault.UNPLUGGED:
            raise OSError(errno.EREMOTEIO, os.strerror(errno.EREMOTEIO))


def _stranger(now: fitted.Now) -> Chip:
    return Stranger(
        pressure_hpa=lambda: now().air_pressure_hpa,
        temperature_c=lambda: now().air_temperature_c,
        humidity_pct=lambda: 0.0,
    )
