"""TI INA226: volts, amperes and watts of a battery or a solar panel, finer than INA219.

Source
    TI SBOS547B: table 4 (registers), section 7.6. Its example prints 119.82 W; 119.8 W is right.

Wiring
    I2C, address 0x40-0x4F by A0 and A1. The shunt lies in the plus (or minus) line, 81.9 mV at most:
    2 mohm for 40 A, 0.1 ohm for 0.8 A. Bus voltage up to 36 V.

Frame
    FE    maker 54 49          FF    part 22 60
    00    config 45 27: mean of 16, 1.1 ms each, both voltages, continuous
    01    shunt voltage, two's complement, 2.5 uV a step; 7FFF and 8000 are the ends of the scale
    02    bus voltage, 1.25 mV a step, bit 15 always 0

    Words high byte first. The current is shunt voltage / shunt: the chip's own current register needs a
    calibration that it forgets when its supply dips.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kaga_edge.core.supplies import CONFIG, QUANTITIES, both_voltages, signed_word, supply, word
from kaga_edge.vocabulary.drivers import Model
from kaga_edge.vocabulary.errors import ValueImpossible, WrongSensor
from kaga_edge.vocabulary.readings import Measurement
from kaga_edge.vocabulary.requests import BusKind, Dialogue, I2cTransfer, Pause

MODEL = Model(
    names=("TI INA226",),
    bus=BusKind.I2C,
    measures={
        "ja": "電源(蓄電池・太陽電池)の電圧、電流、電力",
        "en": "voltage, current and power of a supply (battery, solar panel)",
    },
    wiring={
        "ja": "I2C、アドレス 0x40〜0x4F(A0、A1 ピン)。シャント電圧 81.9 mV まで、36 V まで",
        "en": "I2C, address 0x40-0x4F (pins A0, A1); up to 81.9 mV over the shunt and 36 V",
    },
    example="""\
[[sensor]]
id = "battery-1"
driver = "ina226"
every = "60s"
i2c = {bus = 1, address = 0x40}
shunt_ohm = 0.002

[sensor.mount]

[sensor.disclosure]
purpose = {ja = "観測局の電源監視", en = "supply of the station"}
personal_data = false
""",
    addresses=tuple(range(0x40, 0x50)),
)

MAKER, PART = b"\xfe", b"\xff"
MAKER_WORD, PART_WORD = 0x5449, 0x2260
CONFIG_WORD = 0x4527
FIRST_RESULT_S = 0.04  # 16 x 2 conversions of 1.1 ms, 10 % slow
SHUNT_V_PER_STEP = 2.5e-6
SHUNT_ENDS = (0x7FFF, -0x8000)
BUS_V_PER_STEP = 1.25e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What only this sensor needs to know."""

    shunt_ohm: float = field(
        default=0.002,
        metadata={"help": {"ja": "シャント抵抗(オーム)", "en": "shunt resistor in ohm"}, "gt": 0, "le": 100},
    )


class Driver:
    """The dialogue with one INA226, which converts all the time."""

    quantities = QUANTITIES

    def __init__(self, options: Options) -> None:
        self._shunt_ohm = options.shunt_ohm

    def identify(self) -> Dialogue[None]:
        """Check maker and part, then set it up. Raises WrongSensor."""
        for register, expected in ((MAKER, MAKER_WORD), (PART, PART_WORD)):
            reply = yield I2cTransfer(write=register, read_bytes=2)
            assert isinstance(reply, bytes)
            # The lowest four bits of the part word are the die's revision.
            wrong = word(reply, "identity") ^ expected
            if wrong & (0xFFF0 if register == PART else 0xFFFF):
                raise WrongSensor(
                    f"identity register {register.hex().upper()} reads {reply.hex().upper()},"
                    f" expected {expected:04X}",
                    fix="check the model (INA219 has the driver ina219) and the address",
                )
        yield I2cTransfer(write=CONFIG + CONFIG_WORD.to_bytes(2, "big"))
        yield Pause(seconds=FIRST_RESULT_S)

    def measure(self) -> Dialogue[tuple[Measurement, ...]]:
        """Read both voltages."""
        shunt, bus = yield from both_voltages(CONFIG_WORD)
        return self.decode(shunt, bus)

    def decode(self, shunt: bytes, bus: bytes) -> tuple[Measurement, ...]:
        """Return volts, amperes, watts. Raises FrameTruncated, ValueImpossible."""
        shunt_steps, bus_steps = signed_word(shunt, "shunt voltage"), word(bus, "bus voltage")
        if bus_steps & 0x8000:
            raise ValueImpossible(f"bus voltage {bus.hex().upper()} (byte 0): bit 15 is never set")
        amperes = shunt_steps * SHUNT_V_PER_STEP / self._shunt_ohm
        return supply(bus_steps * BUS_V_PER_STEP, amperes, clipped=shunt_steps in SHUNT_ENDS)
