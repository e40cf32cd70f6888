"""Sensirion SHT40, SHT41, SHT45: air temperature and humidity.

Source
    Sensirion SHT4x datasheet v6.1 (2023): tables 6 (times), 8 (commands); sections 4.4 (CRC), 4.9 (heater).

Wiring
    I2C, address 0x44 (A parts), 0x45 (B), 0x46 (C). 3.3 V. Command and reading are two transactions:
    the part does not answer while it measures.

Frame
    94              reset
    89              serial number, six bytes of the same shape; its ends say that an SHT4x answers
    39 / 2F / 1E    heater on for 1 s (200, 110, 20 mW), then off by itself
    FD / F6 / E0    measure with high / medium / low precision, then read six bytes::

        TT TT cc HH HH cc     words high byte first, cc = CRC-8 (0x31, initial FF) of the two before

    Days above 90 % make the humidity creep upwards; a second of heat now and then undoes it. What is
    measured while the part cools down again is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from kaga_edge.core.checksums import crc8_sensirion
from kaga_edge.vocabulary.drivers import Model
from kaga_edge.vocabulary.errors import ChecksumWrong, FrameTruncated, WrongSensor
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag, Measurement
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
SERIAL = b"\x89"
SERIAL_WAIT_S = 0.001
HEATERS = {"20mW": b"\x1e", "110mW": b"\x2f", "200mW": b"\x39"}  # one second each
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
    heater: Literal["off", "20mW", "110mW", "200mW"] = field(
        default="off",
        metadata={
            "help": {
                "ja": "結露・高湿が続くとき1秒だけ加熱する電力",
                "en": "power of one second of heat when the air stays saturated",
            }
        },
    )
    heat_above_pct: float = field(
        default=95.0,
        metadata={
            "help": {
                "ja": "この湿度以上が続いたら加熱する(%)",
                "en": "humidity from which on it is heated, in %",
            },
            "ge": 50,
            "le": 100,
        },
    )
    heat_after_polls: int = field(
        default=60,
        metadata={
            "help": {
                "ja": "この回数続けて高湿なら加熱する",
                "en": "after so many polls of that humidity in a row",
            },
            "ge": 30,  # at 1 Hz a duty of 3 %: the datasheet allows 10
            "le": 100000,
        },
    )
    settle_polls: int = field(
        default=1,
        metadata={
            "help": {
                "ja": "加熱後に値を出さない回数(合わせて30〜60秒になるように)",
                "en": "polls left out after heating; 30-60 s in all",
            },
            "ge": 1,
            "le": 1000,
        },
    )


class Driver:
    """The dialogue with one SHT4x."""

    quantities = (Quantity.AIR_TEMPERATURE_C, Quantity.RELATIVE_HUMIDITY_PCT)

    def __init__(self, options: Options) -> None:
        command, settle_s = COMMANDS[options.precision]
        self._reading = I2cTransfer(write=command, read_bytes=REPLY_BYTES, settle_s=settle_s)
        self._options = options
        self._heat = HEATERS.get(options.heater)
        self._humid_polls = 0
        self._settling_polls = 0

    def identify(self) -> Dialogue[None]:
        """Reset, then read the serial number, which has its own checks. Raises WrongSensor."""
        yield I2cTransfer(write=RESET)
        yield Pause(seconds=RESET_WAIT_S)
        serial = yield I2cTransfer(write=SERIAL, read_bytes=REPLY_BYTES, settle_s=SERIAL_WAIT_S)
        assert isinstance(serial, bytes)
        if len(serial) != REPLY_BYTES or any(
            crc8_sensirion(serial[i : i + 2]) != serial[i + 2] for i in (0, 3)
        ):
            raise WrongSensor(
                f"serial number is {serial.hex(' ').upper()}: its check values are wrong, not an SHT4x",
                fix="check the model (SHT3x has the driver sht3x) and the address",
            )

    def measure(self) -> Dialogue[tuple[Measurement, ...]]:
        """Measure once; heat afterwards when it is time to. While it cools down there is no value."""
        if self._settling_polls:
            self._settling_polls -= 1
            return tuple(Measurement(quantity=q, value=None, flags=Flag.MISSING) for q in self.quantities)
        reply = yield self._reading
        assert isinstance(reply, bytes)
        measured = decode(reply)
        if self._heat is not None and self._saturated(measured[1].value):
            yield I2cTransfer(write=self._heat)
            self._settling_polls = self._options.settle_polls
        return measured

    def _saturated(self, humidity_pct: float | None) -> bool:
        humid = humidity_pct is not None and humidity_pct >= self._options.heat_above_pct
        self._humid_polls = self._humid_polls + 1 if humid else 0
        if self._humid_polls < self._options.heat_after_polls:
            return False
        self._humid_polls = 0
        return True


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
