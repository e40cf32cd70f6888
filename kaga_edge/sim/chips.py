"""I2C chips that answer as the real ones do: registers, commands, conversion times, checksums.

A chip turns truth into raw counts by inverting the maker's formula (bisection on the counts, so that
decoding gives the true value within one count) and speaks bytes: ``write(data)`` then ``read(count)``.
It raises ``OSError`` with errno 121 (EREMOTEIO) where the real one does not acknowledge.

Sources are the same as in the drivers of the same name; nothing of the drivers is used here, so that
a test of one against the other says something.

A little longer than most: four chips, each by itself.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from typing import ClassVar, Protocol

Source = Callable[[], float]
Timer = Callable[[], float]  # seconds, never going back


class Chip(Protocol):
    """One device at one address."""

    def write(self, data: bytes) -> None:
        """Take the bytes of one write transaction."""

    def read(self, count: int) -> bytes:
        """Give ``count`` bytes; the pointer or command was set by the write before."""


class Ms5837:
    """TE MS5837-02BA or -30BA: PROM with CRC-4, two conversions, 24-bit results."""

    PROM_02BA = (0x52A0, 46372, 43981, 29059, 27842, 31553, 28165)  # datasheet's example coefficients
    PROM_30BA = (0x9340, 34982, 36352, 20328, 22354, 26646, 26146)
    CONVERSION_S = (0.00060, 0.00117, 0.00228, 0.00454, 0.00904, 0.01808)

    def __init__(
        self,
        *,
        pressure_hpa: Source,
        temperature_c: Source,
        variant: str = "02BA",
        timer: Timer = time.monotonic,
    ) -> None:
        self.prom = self.PROM_02BA if variant == "02BA" else self.PROM_30BA
        self._wide = variant != "02BA"
        self._pressure_hpa, self._temperature_c, self._timer = pressure_hpa, temperature_c, timer
        self._answer = b""
        self._result, self._ready_s = 0, 0.0

    def write(self, data: bytes) -> None:
        """Reset (1E), select a PROM word (A0-AC), start a conversion (40-4A, 50-5A), read it (00)."""
        command = data[0]
        if command == 0x1E:
            self._result, self._answer = 0, b""
        elif 0xA0 <= command <= 0xAC:
            self._answer = self.prom[(command - 0xA0) // 2].to_bytes(2, "big")
        elif command & 0xF0 in (0x40, 0x50) and command & 0x0F <= 0x0A:
            self._convert(command)
        elif command == 0x00:
            # Too early, twice, or without a conversion: zero, as the datasheet says.
            ready = self._timer() >= self._ready_s
            self._answer = (self._result if ready else 0).to_bytes(3, "big")
            self._result = 0

    def read(self, count: int) -> bytes:
        """Give the selected PROM word or the result."""
        return self._answer[:count].ljust(count, b"\xff")

    def _convert(self, command: int) -> None:
        temperature_raw = lowest(lambda raw: self.decoded(0x400000, raw)[1], self._temperature_c(), 24)
        if command < 0x50:
            pressure = self._pressure_hpa()
            self._result = lowest(lambda raw: self.decoded(raw, temperature_raw)[0], pressure, 24)
        else:
            self._result = temperature_raw
        self._ready_s = self._timer() + self.CONVERSION_S[(command & 0x0F) // 2]

    def decoded(self, d1: int, d2: int) -> tuple[float, float]:
        """Return hPa and Celsius by the datasheet's second-order formulas, without rounding."""
        _, c1, c2, c3, c4, c5, c6 = self.prom
        delta = d2 - c5 * 2**8
        temp = 2000 + delta * c6 / 2**23
        wide = self._wide
        offset = c2 * 2**16 + c4 * delta / 2**7 if wide else c2 * 2**17 + c4 * delta / 2**6
        slope = c1 * 2**15 + c3 * delta / 2**8 if wide else c1 * 2**16 + c3 * delta / 2**7
        cooler, less_offset, less_slope = _second_order(temp, delta, wide=wide)
        counts = d1 * (slope - less_slope) / 2**21 - (offset - less_offset)
        pressure_hpa = counts / 2**13 / 10 if wide else counts / 2**15 / 100
        return pressure_hpa, (temp - cooler) / 100


def _second_order(temp: float, delta: float, *, wide: bool) -> tuple[float, float, float]:
    """Return Ti, OFFi and SENSi of the MS5837."""
    off = temp - 2000
    if temp >= 2000:
        return (2 * delta**2 / 2**37, off**2 / 16, 0.0) if wide else (0.0, 0.0, 0.0)
    if not wide:
        return 11 * delta**2 / 2**35, 31 * off**2 / 8, 63 * off**2 / 32
    very_low = (temp + 1500) ** 2 if temp < -1500 else 0.0
    return 3 * delta**2 / 2**33, 3 * off**2 / 2 + 7 * very_low, 5 * off**2 / 8 + 4 * very_low


class Bme280:
    """Bosch BME280: a register file with calibration, forced mode, and 8 data bytes."""

    ID = 0x60
    LOW = bytes.fromhex("696d1e683200828f75d6d00b441bfcfff9ffac260ad8bd10004b")  # 88-A1
    HIGH = bytes.fromhex("6a01001327031e")  # E1-E7
    CONVERSION_S = 0.0093  # x1 each

    def __init__(
        self,
        *,
        pressure_hpa: Source,
        temperature_c: Source,
        humidity_pct: Source,
        timer: Timer = time.monotonic,
    ) -> None:
        self._sources = (pressure_hpa, temperature_c, humidity_pct)
        self._timer, self._pointer, self._ready_s = timer, 0, 0.0
        self.registers = bytearray(256)
        self.registers[0xD0] = self.ID
        self._reset()

    def write(self, data: bytes) -> None:
        """Set the pointer; further bytes are value, then register and value in turn."""
        self._pointer = data[0]
        for register, value in zip(data[0::2], data[1::2], strict=False):
            if register == 0xE0 and value == 0xB6:
                self._reset()
            elif register in (0xF2, 0xF4, 0xF5):
                self.registers[register] = value
                if register == 0xF4 and value & 3:
                    self._measure()

    def read(self, count: int) -> bytes:
        """Give registers from the pointer on; the pointer moves along."""
        done = self._timer() >= self._ready_s
        self.registers[0xF3] = 0x00 if done else 0x08
        if done and self.registers[0xF4] & 3 in (1, 2):
            self.registers[0xF4] &= 0xFC  # a forced measurement ends asleep
        found = bytes(self.registers[(self._pointer + i) & 0xFF] for i in range(count))
        self._pointer = (self._pointer + count) & 0xFF
        return found

    def _reset(self) -> None:
        self.registers[0x88:0xA2] = self.LOW
        self.registers[0xE1:0xE8] = self.HIGH
        self.registers[0xF2:0xF6] = bytes(4)
        self.registers[0xF7:0xFF] = bytes.fromhex("8000008000008000")  # never measured

    def _measure(self) -> None:
        pressure_hpa, temperature_c, humidity_pct = (source() for source in self._sources)
        t = lowest(lambda raw: self._fine(raw) / 5120, temperature_c, 20)
        fine = self._fine(t)
        p = lowest(lambda raw: -self._pascal(raw, fine), -pressure_hpa * 100, 20)  # falls as raw rises
        h = lowest(lambda raw: self._humidity(raw, fine), min(max(humidity_pct, 0.0), 100.0), 16)
        both = (p << 4).to_bytes(3, "big") + (t << 4).to_bytes(3, "big")
        self.registers[0xF7:0xFF] = both + h.to_bytes(2, "big")
        self._ready_s = self._timer() + self.CONVERSION_S

    def _word(self, register: int, *, signed: bool = True) -> int:
        return int.from_bytes(self.registers[register : register + 2], "little", signed=signed)

    def _fine(self, raw: float) -> float:
        t1, t2, t3 = self._word(0x88, signed=False), self._word(0x8A), self._word(0x8C)
        return (raw / 16384 - t1 / 1024) * t2 + (raw / 131072 - t1 / 8192) ** 2 * t3

    def _pascal(self, raw: float, fine: float) -> float:
        p1 = self._word(0x8E, signed=False)
        p2, p3, p4, p5, p6, p7, p8, p9 = (self._word(0x90 + 2 * i) for i in range(8))
        v1 = fine / 2 - 64000
        v2 = (v1**2 * p6 / 32768 + 2 * v1 * p5) / 4 + 65536 * p4
        divisor = (1 + (p3 * v1**2 / 524288 + p2 * v1) / 524288 / 32768) * p1
        rough = (1048576 - raw - v2 / 4096) * 6250 / divisor
        return rough + (p9 * rough**2 / 2147483648 + p8 * rough / 32768 + p7) / 16

    def _humidity(self, raw: float, fine: float) -> float:
        e = self.registers
        h1, h2, h3 = e[0xA1], self._word(0xE1), e[0xE3]
        h4 = _signed(e[0xE4] << 4 | e[0xE5] & 15, 12)
        h5 = _signed(e[0xE6] << 4 | e[0xE5] >> 4, 12)
        h6 = _signed(e[0xE7], 8)
        v = fine - 76800
        rough = raw - (64 * h4 + h5 * v / 16384)
        rough *= h2 / 65536 * (1 + h6 * v / 67108864 * (1 + h3 * v / 67108864))
        return rough * (1 - h1 * rough / 524288)


class Sht4x:
    """Sensirion SHT4x: a command, a wait, six bytes with two checksums; no answer while busy."""

    MEASURE_S: ClassVar = {0xFD: 0.0083, 0xF6: 0.0045, 0xE0: 0.0016}
    HEAT: ClassVar = (0x39, 0x2F, 0x1E)
    HEAT_S = 1.1  # the longest by the datasheet

    def __init__(self, *, temperature_c: Source, humidity_pct: Source, timer: Timer = time.monotonic) -> None:
        self._temperature_c, self._humidity_pct, self._timer = temperature_c, humidity_pct, timer
        self._reply, self._ready_s = b"", 0.0
        self.heated = 0  # how often

    def write(self, data: bytes) -> None:
        """Take a one-byte command: measure, serial number (89), soft reset (94), a second of heat."""
        self._answer_if_awake()
        if data[0] in self.MEASURE_S:
            t = round((self._temperature_c() + 45) * 65535 / 175)
            h = round((self._humidity_pct() + 6) * 65535 / 125)
            self._reply = sensirion_word(t) + sensirion_word(h)
            self._ready_s = self._timer() + self.MEASURE_S[data[0]]
        elif data[0] == 0x89:
            self._reply = sensirion_word(0x1234) + sensirion_word(0x5678)
        elif data[0] in self.HEAT:
            self._ready_s = self._timer() + self.HEAT_S  # it measures hot at the end; nobody reads that
            self._reply, self.heated = b"", self.heated + 1
        else:
            self._reply = b""

    def read(self, count: int) -> bytes:
        """Give the reply, once; does not acknowledge while busy or with nothing to say."""
        self._answer_if_awake()
        if not self._reply:
            raise no_acknowledge()
        reply, self._reply = self._reply, b""
        return reply[:count].ljust(count, b"\xff")

    def _answer_if_awake(self) -> None:
        if self._timer() < self._ready_s:
            raise no_acknowledge()


class Ads1115:
    """TI ADS1115 with a voltage on each of its four inputs (single shot, against ground)."""

    FULL_SCALE_V = (6.144, 4.096, 2.048, 1.024, 0.512, 0.256, 0.256, 0.256)
    RATE_HZ = (8, 16, 32, 64, 128, 250, 475, 860)

    def __init__(self, *, inputs_v: dict[int, Source], timer: Timer = time.monotonic) -> None:
        self._inputs_v, self._timer = inputs_v, timer
        self._words = {0: 0, 1: 0x8583, 2: 0x8000, 3: 0x7FFF}
        self._pointer, self._ready_s = 0, 0.0

    def write(self, data: bytes) -> None:
        """Set the pointer and, with three bytes, the register; OS in the configuration starts.

        The conversion register (0) can only be read: what is written to it changes nothing.
        """
        self._pointer = data[0] & 3
        if len(data) < 3 or self._pointer == 0:
            return
        self._words[self._pointer] = int.from_bytes(data[1:3], "big")
        if self._pointer == 1 and self._words[1] & 0x8000:
            self._convert(self._words[1])

    def read(self, count: int) -> bytes:
        """Give the word at the pointer; OS reads 0 while converting."""
        word = self._words[self._pointer]
        if self._pointer == 1:
            word = word | 0x8000 if self._timer() >= self._ready_s else word & 0x7FFF
        return word.to_bytes(2, "big")[:count].ljust(count, b"\xff")

    def _convert(self, config: int) -> None:
        channel = (config >> 12 & 7) - 4
        source = self._inputs_v.get(channel)
        volts = source() if source else 0.0
        code = round(volts * 32768 / self.FULL_SCALE_V[config >> 9 & 7])
        self._words[0] = min(max(code, -0x8000), 0x7FFF) & 0xFFFF
        self._ready_s = self._timer() + 1 / self.RATE_HZ[config >> 5 & 7]


def lowest(decoded: Callable[[int], float], wanted: float, bits: int) -> int:
    """Return the raw count whose decoded value is nearest to ``wanted``; ``decoded`` must rise."""
    low, high = 0, (1 << bits) - 1
    while low < high:
        middle = (low + high) // 2
        if decoded(middle) < wanted:
            low = middle + 1
        else:
            high = middle
    if low and wanted - decoded(low - 1) < decoded(low) - wanted:
        return low - 1
    return low


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> bits - 1 else value


def sensirion_word(value: int) -> bytes:
    """Return a 16-bit word with its CRC-8 (0x31, from 0xFF)."""
    data = min(max(value, 0), 0xFFFF).to_bytes(2, "big")
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc << 1 ^ (0x131 if crc & 0x80 else 0)
    return data + bytes([crc])


def no_acknowledge() -> OSError:
    """Return what a Pi raises when nobody answers at an address."""
    return OSError(errno.EREMOTEIO, "Remote I/O error")
