"""The check values sensors put behind their bytes. Vectors: ``tests/core/test_checksums.py``.

Beware: with an initial value of 0 (Maxim, SMBus, MS58xx) a block of zeros has check value 0, so a bus
stuck low looks right. Drivers reject all-zero blocks themselves (``is_stuck``).
"""

from __future__ import annotations

from collections.abc import Sequence


def crc8_sensirion(data: bytes) -> int:
    """Return CRC-8, polynomial 0x31, initial value 0xFF (SHT3x, SHT4x)."""
    crc = 0xFF
    for byte in data:
        crc = _CRC8_31[crc ^ byte]
    return crc


def crc8_smbus(data: bytes) -> int:
    """Return CRC-8, polynomial 0x07, initial value 0 (the packet error code of SMBus)."""
    crc = 0
    for byte in data:
        crc = _CRC8_07[crc ^ byte]
    return crc


def crc8_maxim(data: bytes) -> int:
    """Return CRC-8 of the 1-wire bus: polynomial 0x31 reflected, initial value 0."""
    crc = 0
    for byte in data:
        crc = _CRC8_8C[crc ^ byte]
    return crc


def crc16_modbus(data: bytes) -> int:
    """Return CRC-16 of Modbus RTU; the low byte goes first on the wire."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC16_A001[(crc ^ byte) & 0xFF]
    return crc


def crc16_mcrf4xx(data: bytes) -> int:
    """Return CRC-16 MCRF4XX (Lufft UMB); the low byte goes first on the wire."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC16_8408[(crc ^ byte) & 0xFF]
    return crc


def crc4_ms58xx(words: Sequence[int]) -> int:
    """Return the CRC-4 of seven PROM words whose own check bits (top four of word 0) are cleared here.

    Source: TE application note AN520; an eighth word 0 is added.
    """
    remainder = 0
    cleared = (words[0] & 0x0FFF, *words[1:7], 0)
    for word in cleared:
        for byte in (word >> 8, word & 0xFF):
            remainder ^= byte
            for _ in range(8):
                remainder = ((remainder << 1) ^ 0x3000 if remainder & 0x8000 else remainder << 1) & 0xFFFF
    return remainder >> 12


def sum8(data: bytes) -> int:
    """Return the low byte of the sum of all bytes (A02YYUW, Benewake)."""
    return sum(data) & 0xFF


def twos_complement_sum8(data: bytes) -> int:
    """Return the byte that makes the sum of all bytes 0 modulo 256 (SR50A)."""
    return -sum(data) & 0xFF


def is_stuck(data: bytes) -> bool:
    """Say whether every byte is 00, or every byte FF: what a dead bus answers."""
    return data.count(0) == len(data) or data.count(0xFF) == len(data)


def _table_msb_first(polynomial: int) -> tuple[int, ...]:
    def entry(crc: int) -> int:
        for _ in range(8):
            crc = ((crc << 1) ^ polynomial if crc & 0x80 else crc << 1) & 0xFF
        return crc

    return tuple(entry(byte) for byte in range(256))


def _table_lsb_first(polynomial: int) -> tuple[int, ...]:
    def entry(crc: int) -> int:
        for _ in range(8):
            crc = (crc >> 1) ^ polynomial if crc & 1 else crc >> 1
        return crc

    return tuple(entry(byte) for byte in range(256))


_CRC8_31 = _table_msb_first(0x31)
_CRC8_07 = _table_msb_first(0x07)
_CRC8_8C = _table_lsb_first(0x8C)
_CRC16_A001 = _table_lsb_first(0xA001)
_CRC16_8408 = _table_lsb_first(0x8408)
