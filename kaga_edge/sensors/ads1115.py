"""Any 4-20 mA probe over a shunt on a TI ADS1115: loop current, and the quantity it stands for.

Source
    TI SBAS444D: table 8 (config register), sections 9.3 (gain, clipping) and 9.4 (single shot).
    Current bands after NAMUR NE 43 (from secondary texts).

Wiring
    I2C, address by the ADDR pin: 0x48 ground, 0x49 supply, 0x4A SDA, 0x4B SCL. The loop returns
    through the shunt to ground, AINx on its upper end. Shunt 0.1 % or better: its error is the error.
    100 ohm with gain 2.048 V clips at 20.48 mA and hides a fault: use 4.096 V.

Frame
    01 hh ll    write config: start, input x against ground, gain, single shot, 128 /s, comparator off::

        1 mmm ggg 1  100 000 11      mmm 100..111 = AIN0..3; ggg 000 6.144 .. 101 0.256 V

    01          read config: bit 15 = 1 when done
    00          read conversion: two's complement, high byte first; 7FFF and 8000 = clipped
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from kaga_edge.vocabulary.drivers import Model
from kaga_edge.vocabulary.errors import (
    FrameMalformed,
    FrameTruncated,
    KagaError,
    ValueImpossible,
    WrongSensor,
)
from kaga_edge.vocabulary.quantities import BY_CHANNEL, Quantity
from kaga_edge.vocabulary.readings import Flag, Measurement
from kaga_edge.vocabulary.requests import BusKind, Dialogue, I2cTransfer, Pause

MODEL = Model(
    names=("TI ADS1115 + 4-20 mA",),
    bus=BusKind.I2C,
    measures={
        "ja": "4-20 mA 出力の任意の計器(水位、圧力、気温など)とループ電流",
        "en": "any instrument with a 4-20 mA output (level, pressure, temperature, ...) and the loop current",
    },
    wiring={
        "ja": "I2C、アドレス 0x48〜0x4B(ADDR ピン)。シャント 100 オーム 0.1 % なら gain は 4.096",
        "en": "I2C, address 0x48-0x4B (ADDR pin); shunt 100 ohm 0.1 % with gain 4.096",
    },
    example="""\
[[sensor]]
id = "river-3"
driver = "ads1115"
every = "60s"
i2c = {bus = 1, address = 0x48}
input = 0
shunt_ohm = 100.0
gain_v = 4.096
measures = "water_depth"
value_at_4_ma = 0.0
value_at_20_ma = 5.0

[sensor.mount]
gauge_zero_to_probe_m = -0.20

[sensor.disclosure]
purpose = {ja = "河川水位の観測", en = "river level"}
personal_data = false
""",
    addresses=(0x48, 0x49, 0x4A, 0x4B),
)

CONFIG = b"\x01"
READ_CONFIG = I2cTransfer(write=CONFIG, read_bytes=2)
READ_CODE = I2cTransfer(write=b"\x00", read_bytes=2)
CONVERSION = Pause(seconds=0.009)  # 1 / 128 s, +10 % tolerance, 25 us wake-up
# Full scale in volts -> the three gain bits; a step is full scale / 32768.
GAINS = {6.144: 0b000, 4.096: 0b001, 2.048: 0b010, 1.024: 0b011, 0.512: 0b100, 0.256: 0b101}
RATE_128 = 0b100
BUSY_TRIES = 3
BUSY_BIT = 0x8000  # reads 0 while it converts
CLIPPED = (0x7FFF, -0x8000)
# NAMUR NE 43: 3.8-20.5 mA measures, below 3.6 or above 21.0 is a fault, between is saturated.
BROKEN_BELOW_MA, FAULT_BELOW_MA, SATURATED_BELOW_MA = 0.5, 3.6, 3.8
SATURATED_ABOVE_MA, FAULT_ABOVE_MA = 20.5, 21.0
HALF_STEP = 0.5  # a band's own limit must not fall outside it by the converter's rounding

Channel = Literal[
    "water_level",
    "water_depth",
    "snow_depth",
    "surface_distance",
    "water_pressure",
    "gauge_pressure",
    "air_pressure",
    "air_temperature",
    "water_temperature",
    "relative_humidity",
    "rain_intensity",
    "supply_voltage",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What only this sensor needs to know."""

    input: Literal[0, 1, 2, 3] = field(
        default=0, metadata={"help": {"ja": "入力(AIN0〜AIN3)", "en": "input, AIN0 to AIN3"}}
    )
    shunt_ohm: float = field(
        default=100.0,
        metadata={"help": {"ja": "シャント抵抗(オーム)", "en": "shunt resistor in ohm"}, "gt": 0, "le": 1000},
    )
    gain_v: float = field(
        default=4.096,
        metadata={
            "help": {
                "ja": "フルスケール電圧(V)。100 オーム では 4.096",
                "en": "full scale in volts; 4.096 with 100 ohm",
            },
            "gt": 0,
            "le": 6.144,
        },
    )
    measures: Channel | None = field(
        default=None,
        metadata={
            "help": {
                "ja": "電流が表す量(例 water_depth)。無ければ電流のみ",
                "en": "what the current stands for (water_depth, ...); none: only the current",
            }
        },
    )
    value_at_4_ma: float | None = field(
        default=None,
        metadata={
            "help": {"ja": "4 mA のときの値(量の単位で)", "en": "value at 4 mA, in the quantity's unit"}
        },
    )
    value_at_20_ma: float | None = field(
        default=None,
        metadata={
            "help": {"ja": "20 mA のときの値(量の単位で)", "en": "value at 20 mA, in the quantity's unit"}
        },
    )


class Driver:
    """The dialogue with one input: one single-shot conversion per poll."""

    def __init__(self, options: Options) -> None:
        self._config = config_word(options.input, options.gain_v).to_bytes(2, "big")
        self._start = I2cTransfer(write=CONFIG + self._config)
        self._ma_per_step = options.gain_v / 32768 / options.shunt_ohm * 1000
        self._quantity = BY_CHANNEL[options.measures] if options.measures else None
        self._at_4_ma, self._at_20_ma = _scale(options)
        self.units_per_ma = (self._at_20_ma - self._at_4_ma) / 16
        measured = () if self._quantity is None else (self._quantity,)
        self.quantities: tuple[Quantity, ...] = (*measured, Quantity.LOOP_CURRENT_MA)
        self.remarks = _remarks(options.gain_v, options.shunt_ohm)

    def identify(self) -> Dialogue[None]:
        """Write the config register and read it back: the part has no identity. Raises WrongSensor."""
        yield self._start
        reply = yield READ_CONFIG
        assert isinstance(reply, bytes)
        word, written = _word(reply, "config"), int.from_bytes(self._config, "big")
        if (word ^ written) & ~BUSY_BIT:
            raise WrongSensor(
                f"config register 01 reads {word:04X} after {written:04X} was written: not an ADS1115",
                fix="check the address: an INA219 or another part may answer there",
            )

    def measure(self) -> Dialogue[tuple[Measurement, ...]]:
        """Start one conversion, wait until it is done, read it."""
        yield self._start
        for _ in range(BUSY_TRIES):
            yield CONVERSION
            reply = yield READ_CONFIG
            assert isinstance(reply, bytes)
            if _word(reply, "config") & BUSY_BIT:
                break
        else:
            raise ValueImpossible("config bit 15 (byte 0) stays 0: the conversion does not end")
        code = yield READ_CODE
        assert isinstance(code, bytes)
        return self.decode(code)

    def decode(self, reply: bytes) -> tuple[Measurement, ...]:
        """Return the quantity and the loop current of one conversion, flagged by the current bands.

        Raises FrameTruncated, and ValueImpossible for a clipped input or a current that means a fault.
        """
        word = _word(reply, "conversion")
        code = word - 0x10000 if word & 0x8000 else word
        if code in CLIPPED:
            raise ValueImpossible(
                f"conversion (bytes 0-1) {word:04X} is clipped: the current is beyond the gain"
            )
        current_ma = code * self._ma_per_step
        flags = self._flags(current_ma)
        current = Measurement(quantity=Quantity.LOOP_CURRENT_MA, value=current_ma, flags=flags)
        if self._quantity is None:
            return (current,)
        value = self._at_4_ma + (current_ma - 4) * self.units_per_ma
        return (Measurement(quantity=self._quantity, value=value, flags=flags), current)

    def _flags(self, current_ma: float) -> Flag:
        slack_ma = HALF_STEP * self._ma_per_step
        if current_ma < BROKEN_BELOW_MA:
            raise ValueImpossible(f"loop current {current_ma:.3f} mA (bytes 0-1): broken wire or no supply")
        if current_ma < FAULT_BELOW_MA - slack_ma or current_ma > FAULT_ABOVE_MA + slack_ma:
            raise ValueImpossible(
                f"loop current {current_ma:.3f} mA (bytes 0-1): the instrument reports a fault"
            )
        if current_ma < SATURATED_BELOW_MA - slack_ma or current_ma > SATURATED_ABOVE_MA + slack_ma:
            return Flag.OUT_OF_RANGE
        return Flag.GOOD


def config_word(ads_input: int, gain_v: float) -> int:
    """Return the config register that starts one conversion at 128 /s with the comparator off."""
    if gain_v not in GAINS:
        choices = ", ".join(str(volts) for volts in GAINS)
        raise KagaError(f"gain_v {gain_v} does not exist", fix=f"use one of: {choices}")
    return 1 << 15 | (0b100 | ads_input) << 12 | GAINS[gain_v] << 9 | 1 << 8 | RATE_128 << 5 | 0b11


def _remarks(gain_v: float, shunt_ohm: float) -> tuple[str, ...]:
    most_ma = gain_v / shunt_ohm * 1000
    if most_ma > FAULT_ABOVE_MA:
        return ()
    ends = f"gain_v {gain_v} over {shunt_ohm:g} ohm ends at {most_ma:.2f}"
    return (f"{ends} mA: a 21 mA fault does not show; set a larger gain_v",)


def _scale(options: Options) -> tuple[float, float]:
    low, high = options.value_at_4_ma, options.value_at_20_ma
    if options.measures is None:
        return 0.0, 0.0
    if low is None or high is None or low == high:
        raise KagaError(
            f"measures = {options.measures!r} needs two different values at 4 and 20 mA",
            fix="set value_at_4_ma and value_at_20_ma from the instrument's label",
        )
    return low, high


def _word(reply: bytes, of: str) -> int:
    if len(reply) != 2:
        raise FrameTruncated(f"{of} of {len(reply)} bytes, expected 2 (ends at byte {len(reply)})")
    if of == "config" and reply in (b"\x00\x00", b"\xff\xff"):
        raise FrameMalformed(f"config (bytes 0-1) is {reply.hex().upper()}: the bus is stuck")
    return reply[0] << 8 | reply[1]
