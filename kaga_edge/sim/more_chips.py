"""Further I2C chips: SHT3x, MLX90614, INA219, INA226. Same manners as in ``chips``."""

from __future__ import annotations

import time

from kaga_edge.sim.chips import Source, Timer, no_acknowledge, sensirion_word

ICE_POINT_K = 273.15


class Sht3x:
    """Sensirion SHT3x: commands of two bytes; no answer while it measures."""

    MEASURE_S = {0x2400: 0.015, 0x240B: 0.006, 0x2416: 0.004}  # noqa: RUF012 - never written

    def __init__(self, *, temperature_c: Source, humidity_pct: Source, timer: Timer = time.monotonic) -> None:
        self._temperature_c, self._humidity_pct, self._timer = temperature_c, humidity_pct, timer
        self._reply, self._ready_s = b"", 0.0

    def write(self, data: bytes) -> None:
        """Take a command: measure, status (F32D), serial number (3682), soft reset (30A2)."""
        if self._timer() < self._ready_s:
            raise no_acknowledge()
        command = int.from_bytes(data[:2], "big")
        self._reply = b""
        if command in self.MEASURE_S:
            t = round((self._temperature_c() + 45) * 65535 / 175)
            self._reply = sensirion_word(t) + sensirion_word(round(self._humidity_pct() * 65535 / 100))
            self._ready_s = self._timer() + self.MEASURE_S[command]
        elif command == 0xF32D:
            self._reply = sensirion_word(0x8010)
        elif command == 0x3682:
            self._reply = sensirion_word(0x1234) + sensirion_word(0x5678)

    def read(self, count: int) -> bytes:
        """Give the reply, once."""
        if self._timer() < self._ready_s or not self._reply:
            raise no_acknowledge()
        reply, self._reply = self._reply, b""
        return reply[:count].ljust(count, b"\xff")


class Mlx90614:
    """Melexis MLX90614: words low byte first, each with its PEC over the whole transaction."""

    WRITE_TO, READ_FROM = 0xB4, 0xB5

    def __init__(self, *, surface_c: Source, own_c: Source) -> None:
        self._surface_c, self._own_c = surface_c, own_c
        self._command = 0x06

    def write(self, data: bytes) -> None:
        """Choose what is read: 06 own, 07 surface, 24 emissivity."""
        self._command = data[0]

    def read(self, count: int) -> bytes:
        """Give low byte, high byte, PEC."""
        word = {0x06: self._steps(self._own_c), 0x07: self._steps(self._surface_c), 0x24: 0xFFFF}.get(
            self._command, 0
        )
        data = word.to_bytes(2, "little")
        pec = _smbus_pec(bytes((self.WRITE_TO, self._command, self.READ_FROM)) + data)
        return (data + bytes((pec,)))[:count].ljust(count, b"\xff")

    @staticmethod
    def _steps(celsius: Source) -> int:
        return round((celsius() + ICE_POINT_K) / 0.02)


class Ina219:
    """TI INA219: 16-bit registers; shunt voltage in 10 uV, bus voltage in 4 mV from bit 3 up."""

    def __init__(self, *, volts: Source, amperes: Source, shunt_ohm: float) -> None:
        self._volts, self._amperes, self._shunt_ohm = volts, amperes, shunt_ohm
        self._config, self._pointer = 0x399F, 0

    def write(self, data: bytes) -> None:
        """Set the pointer and, with three bytes, the configuration."""
        self._pointer = data[0]
        if len(data) >= 3 and self._pointer == 0:
            self._config = int.from_bytes(data[1:3], "big")

    def read(self, count: int) -> bytes:
        """Give the word at the pointer."""
        words = {
            0: self._config,
            1: round(self._amperes() * self._shunt_ohm / 10e-6),
            2: round(self._volts() / 4e-3) << 3 | 2,
        }
        return _word(words.get(self._pointer, 0), count)


class Ina226:
    """TI INA226: shunt voltage in 2.5 uV, bus voltage in 1.25 mV, and an identity."""

    def __init__(self, *, volts: Source, amperes: Source, shunt_ohm: float) -> None:
        self._volts, self._amperes, self._shunt_ohm = volts, amperes, shunt_ohm
        self._config, self._pointer = 0x4127, 0

    def write(self, data: bytes) -> None:
        """Set the pointer and, with three bytes, the configuration."""
        self._pointer = data[0]
        if len(data) >= 3 and self._pointer == 0:
            self._config = int.from_bytes(data[1:3], "big")

    def read(self, count: int) -> bytes:
        """Give the word at the pointer."""
        words = {
            0x00: self._config,
            0x01: round(self._amperes() * self._shunt_ohm / 2.5e-6),
            0x02: round(self._volts() / 1.25e-3),
            0x06: 0x0008,  # a conversion is ready
            0xFE: 0x5449,
            0xFF: 0x2260,
        }
        return _word(words.get(self._pointer, 0), count)


def _word(value: int, count: int) -> bytes:
    return (value & 0xFFFF).to_bytes(2, "big")[:count].ljust(count, b"\xff")


def _smbus_pec(data: bytes) -> int:
    pec = 0
    for byte in data:
        pec ^= byte
        for _ in range(8):
            pec = (pec << 1 ^ (0x107 if pec & 0x80 else 0)) & 0xFF
    return pec
