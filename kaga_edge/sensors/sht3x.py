"""Sensirion SHT30, SHT31, SHT35: air temperature and humidity.

Source
    Sensirion SHT3x-DIS datasheet v4 (2017): tables 4 (times), 8 (commands), 17 (status), section 4.12.

Wiring
    I2C, address 0x44 (ADDR low) or 0x45 (high). 2.4-5.5 V. Command and reading are two transactions; the
    2C.. commands, which stretch the clock, are never used: a Pi 1-4 reads wrong bytes then.

Frame
    30 A2                    reset
    F3 2D                    status: one word and its CRC; its ends say that an SHT3x answers
    24 00 / 24 0B / 24 16    measure with high / medium / low precision, then read six bytes::

        TT TT cc HH HH cc     words high byte first, cc = CRC-8 (0x31, initial FF) of the two before
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from kaga_edge.core.checksums import crc8_sensirion
from kaga_edge.vocabulary.drivers import Model
from kaga_edge.vocabulary.errors import ChecksumWrong, FrameTruncated, WrongSensor
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Measurement
from kaga_edge.vocabulary.requests import BusKind, Dialogue, I2cTransfer, Pause

MODEL = Model(
    names=("Sensirion SHT30", "Sensirion SHT31", "Sensirion SHT35"),
    bus=BusKind.I2C,
    measures={"ja": "気温と湿度", "en": "air temperature and humidity"},
    wiring={
        "ja": "I2C、アドレス 0x44(ADDR が Low)または 0x45(High)。2.4〜5.5 V",
        "en": "I2C, address 0x44 (ADDR low) or 0x45 (high), 2.4-5.5 V",
    },
    example="""\
[[sensor]]
id = "air-1"
driver = "sht3x"
every = "60s"
i2c = {bus = 1, address = 0x44}

[sensor.mount]

[sensor.disclosure]
purpose = {ja = "気温と湿度の観測", en = "air temperature and humidity"}
personal_data = false
""",
    addresses=(0x44, 0x45),
)

RESET = b"\x30\xa2"
STATUS = b"\xf3\x2d"
RESET_WAIT_S = 0.002  # 1.5 ms at most
STATUS_WAIT_S = 0.001
REPLY_BYTES = 6
# Command and the longest measuring time by the datasheet, with a little more for the kernel's own wait.
COMMANDS = {"high": (b"\x24\x00", 0.016), "medium": (b"\x24\x0b", 0.007), "low": (b"\x24\x16", 0.005)}


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
    """The dialogue with one SHT3x."""

    quantities = (Quantity.AIR_TEMPERATURE_C, Quantity.RELATIVE_HUMIDITY_PCT)

    def __init__(self, options: Options) -> None:
        self._command, self._settle_s = COMMANDS[options.precision]

    def identify(self) -> Dialogue[None]:
        """Reset, then read the status word: no other part has one. Raises WrongSensor."""
        yield I2cTransfer(write=RESET)
        yield Pause(seconds=RESET_WAIT_S)
        status = yield I2cTransfer(write=STATUS, read_bytes=3, settle_s=STATUS_WAIT_S)
        assert isinstance(status, bytes)
        if len(status) != 3 or crc8_sensirion(status[:2]) != status[2]:
            raise WrongSensor(
                f"status word is {status.hex(' ').upper()}: its check value is wrong, not an SHT3x",
                fix="check the model (SHT4x has the driver sht4x) and the address",
            )

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
    humidity_pct = 100 * (reply[3] << 8 | reply[4]) / 65535
    return (
        Measurement(quantity=Quantity.AIR_TEMPERATURE_C, value=temperature_c),
        Measurement(quantity=Quantity.RELATIVE_HUMIDITY_PCT, value=humidity_pct),
    )
