"""Check values: the makers' vectors, and crccheck as an independent voice."""

from __future__ import annotations

import pytest
from crccheck.crc import Crc8Base, Crc8Maxim, Crc8Smbus, Crc16Mcrf4XX, CrcModbus
from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.core import checksums


class Crc8Sensirion(Crc8Base):
    _poly = 0x31
    _initvalue = 0xFF


@pytest.mark.parametrize(
    ("function", "data", "expected"),
    [
        (checksums.crc8_sensirion, "BEEF", 0x92),
        (checksums.crc8_smbus, "B407B5D23A", 0x30),
        (checksums.crc8_smbus, "B42207C8", 0x48),
        (checksums.crc8_maxim, "91014B467FFF0F10", 0x25),
        (checksums.crc16_modbus, "010300010001", 0xCAD5),  # on the wire D5 CA
        (checksums.crc16_modbus, "0103043F75F07B", 0xDEE3),
        (checksums.crc16_modbus, "0103083F75E3D241B61C20", 0xC7A0),  # the manual misprints the last byte
        (checksums.crc16_mcrf4xx, "011001B001F004022310 5C0203", 0x5930),
        (checksums.crc16_mcrf4xx, "011001F001B00A022310005C0216B1FF0D4203", 0xBCDE),
        (checksums.sum8, "FF07A1", 0xA7),
        (checksums.sum8, "59597B00C8010009", 0xFF),
        (checksums.twos_complement_sum8, "02" + b"33;1838;194;11011;\r\n\x03".hex(), 0x2C),
        (checksums.twos_complement_sum8, "02" + b"33;-999;0;11011;\r\n\x03".hex(), 0x96),
        (checksums.twos_complement_sum8, "02" + b"33;2450;310;11011;\r\n\x03".hex(), 0x3F),
    ],
)
def test_the_makers_vectors_come_out(function, data, expected):
    assert function(bytes.fromhex(data)) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((0x0340, 34982, 36352, 20328, 22354, 26646, 26146), 0x9),
        ((0x0000, 34982, 36352, 20328, 22354, 26646, 26146), 0x2),
        ((0x02A0, 46372, 43981, 29059, 27842, 31553, 28165), 0x5),
        ((0x0000, 46372, 43981, 29059, 27842, 31553, 28165), 0x8),
    ],
)
def test_crc4_of_the_datasheets_proms(words, expected):
    assert checksums.crc4_ms58xx(words) == expected


def test_crc4_ignores_the_check_bits_it_is_compared_with():
    words = (0x9340, 34982, 36352, 20328, 22354, 26646, 26146)
    assert checksums.crc4_ms58xx(words) == words[0] >> 12


@pytest.mark.parametrize(
    ("function", "oracle"),
    [
        (checksums.crc8_sensirion, Crc8Sensirion),
        (checksums.crc8_smbus, Crc8Smbus),
        (checksums.crc8_maxim, Crc8Maxim),
        (checksums.crc16_modbus, CrcModbus),
        (checksums.crc16_mcrf4xx, Crc16Mcrf4XX),
    ],
)
@given(data=st.binary(max_size=64))
def test_every_crc_equals_crccheck(function, oracle, data):
    assert function(data) == oracle.calc(data)


@given(st.binary(min_size=1, max_size=64))
def test_the_twos_complement_makes_the_sum_zero(data):
    assert checksums.sum8(data + bytes((checksums.twos_complement_sum8(data),))) == 0


@pytest.mark.parametrize(
    ("data", "stuck"), [("0000", True), ("FFFF", True), ("00FF", False), ("0100", False)]
)
def test_a_block_of_equal_zeros_or_ones_is_a_stuck_bus(data, stuck):
    assert checksums.is_stuck(bytes.fromhex(data)) is stuck
