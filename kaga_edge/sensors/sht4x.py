"""Sensirion SHT40, SHT41, SHT45: air temperature and humidity.

Source
    Sensirion SHT4x datasheet v6.1 (2023): tables 6 (times) and 8 (commands), section 4.4 (CRC).

Wiring
    I2C, address 0x44 (A parts), 0x45 (B), 0x46 (C). 3.3 V. Command and reading are two transactions:
    the part does not answer while it measures.

Frame
    94              reset
    FD / F6 / E0    measure with high / medium / low precision, then read six bytes::

        TT TT cc HH HH cc     words high byte first, cc = CRC-8 (0x31, initial FF) of the two before
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from kaga_edge.core.checksums import crc8_sensirion
from kaga_edge.vocabulary.drivers import Model
from kaga_edge.vocabulary.errors import ChecksumWrong, FrameTruncated
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Measurement
from kaga_edge.vocabulary.requests import BusKind, Dialogue, I2cTransfer, Pause

MODEL = Model(
    names=("Sensirion SHT40", "Sensirion SHT41", "Sensirion SHT45"),
    bus=BusKind.I2C,
    measures={"ja": "気温と湿度", "en": "air temperature and humidity"},
    wiring={
        "ja": "I2C、アドレス 0x44(A型)、0x45(B型)、0x46(C型)。3.3 V",
        "en": "I2C, address 0x44 (A), 0x45 (B) or 0x46 (C), 3.3 V",
    },
    example="""\
[[sensor]]
id = "air-2"
driver = "sht4x"
every = "60s"
i2c = {bus = 1, address = 0x44}

[sensor.mount]

[sensor.disclosure]
purpose = {ja = "気温と湿度の観測", en = "air temperature and humidity"}
personal_data = false
""",
    addresses=(0x44, 0x45, 0x46),
)

RESET = b"\x94"
RESET_WAIT_S = 0.002  # 1 ms at most, and as much again
REPLY_BYTES = 6
# Command and the longest measuring time by the datasheet, with a little more for the kernel's own wait.
COMMANDS = {"high": (b"\xfd", 0.009), "medium": (b"\xf6", 0.005), "low": (b"\xe0", 0.002)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What only this sensor needs to know."""

    precision: Literal["high", "medium", "low"] = field(
        default="high",
        metadata={
            "help": {
                "ja": "測定の精度。high が最も雑音が少ない",
                "en": "precision of one measurement; high has the least noise",
            }
        },
    )


class Driver:
    """The dialogue with one SHT4x."""

    quantities = (Quantity.AIR_TEMPERATURE_C, Quantity.RELATIVE_HUMIDITY_PCT)

    def __init__(self, options: Options) -> None:
        self._command, self._settle_s = COMMANDS[options.precision]

    def identify(self) -> Dialogue[None]:
        """Reset: it answers or it does not; the part has no identity register."""
        yield I2cTransfer(write=RESET)
        yield Pause(seconds=RESET_WAIT_S)

    def measure(self) -> Dialogue[tuple[Measurement, ...]]:
        """Measure once."""
        reply = yield I2cTransfer(write=self._command, read_bytes=REPLY_BYTES, settle_s=self._settle_s)
        assert isinstance(reply, bytes)
        return decode(reply)


def decode(reply: bytes) -> tuple[Measurement, ...]:
    """Return temperature in degC and humidity in % of six bytes. Raises FrameTruncated, ChecksumWrong."""
    if len(reply) != REPLY_BYTES:
        raise FrameTruncated(f"reply of {len(reply)} bytes, expected 6 (ends at byte {len(reply)})")
    for at in (0, 3):
        expected = crc8_sensirion(reply[at : at + 2])
        if expected != reply[at + 2]:
            name = "humidity" if at else "temperature"
            raise ChecksumWrong(
                f"CRC-8 of the {name} (byte {at + 2}) is {reply[at + 2]:02X}, counted {expected:02X}"
            )
    temperature_c = -45 + 175 * (reply[0] << 8 | reply[1]) / 65535
    # Below 0 and above 100 happen at the ends of the scale; the datasheet says to clip.
    humidity_pct = min(max(-6 + 125 * (reply[3] << 8 | reply[4]) / 65535, 0.0), 100.0)
    return (
        Measurement(quantity=Quantity.AIR_TEMPERATURE_C, value=temperature_c),
        Measurement(quantity=Quantity.RELATIVE_HUMIDITY_PCT, value=humidity_pct),
    )
