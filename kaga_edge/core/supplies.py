"""What TI's INA parts have in common: the same three registers, read in turn, and amperes by the shunt.

Each part's file has its own words: the config, the steps, the ends of the scale.
"""

from __future__ import annotations

from kaga_edge.vocabulary.errors import FrameMalformed, FrameTruncated
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag, Measurement
from kaga_edge.vocabulary.requests import Dialogue, I2cTransfer

CONFIG, SHUNT, BUS = b"\x00", b"\x01", b"\x02"
QUANTITIES = (Quantity.SUPPLY_VOLTAGE_V, Quantity.SUPPLY_CURRENT_A, Quantity.SUPPLY_POWER_W)


def both_voltages(config_word: int) -> Dialogue[tuple[bytes, bytes]]:
    """Read the shunt's and the bus voltage; the config word first: a dead bus reads 0 V without it."""
    reply = yield I2cTransfer(write=CONFIG, read_bytes=2)
    assert isinstance(reply, bytes)
    if word(reply, "config") != config_word:
        raise FrameMalformed(
            f"config (bytes 0-1) reads {reply.hex().upper()}, expected {config_word:04X}: a stuck bus,"
            " or the part lost its settings"
        )
    shunt = yield I2cTransfer(write=SHUNT, read_bytes=2)
    bus = yield I2cTransfer(write=BUS, read_bytes=2)
    assert isinstance(shunt, bytes)
    assert isinstance(bus, bytes)
    return shunt, bus


def supply(volts: float, amperes: float, *, clipped: bool) -> tuple[Measurement, ...]:
    """Return volts, amperes and watts; ``clipped``: the current may be more than that."""
    flags = Flag.OUT_OF_RANGE if clipped else Flag.GOOD
    return (
        Measurement(quantity=Quantity.SUPPLY_VOLTAGE_V, value=volts),
        Measurement(quantity=Quantity.SUPPLY_CURRENT_A, value=amperes, flags=flags),
        Measurement(quantity=Quantity.SUPPLY_POWER_W, value=volts * amperes, flags=flags),
    )


def word(reply: bytes, of: str) -> int:
    """Return the 16-bit word of a register, high byte first. Raises FrameTruncated."""
    if len(reply) != 2:
        raise FrameTruncated(f"{of} of {len(reply)} bytes, expected 2 (ends at byte {len(reply)})")
    return reply[0] << 8 | reply[1]


def signed_word(reply: bytes, of: str) -> int:
    """Return it as two's complement. Raises FrameTruncated."""
    unsigned = word(reply, of)
    return unsigned - 0x10000 if unsigned & 0x8000 else unsigned
