"""TI INA219: volts, amperes and watts of a battery or a solar panel.

Source
    TI SBOS448G: table 2 (registers), section 8.6. The vector 2 mohm, 1 mA LSB is its own example.

Wiring
    I2C, address 0x40-0x4F by A0 and A1. The shunt (0.1 ohm on most boards, then 3.2 A at most) lies in
    the plus line; IN- is the side where the voltage is measured. Bus voltage up to 26 V.

Frame
    00    config 39 9F: 32 V, +-320 mV, 12 bits, continuous (also its state after power-on)
    01    shunt voltage, two's complement, 10 uV a step; +-320 mV is the end of the scale
    02    bus voltage in bits 15-3, 4 mV a step

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
    names=("TI INA219",),
    bus=BusKind.I2C,
    measures={
        "ja": "電源(蓄電池・太陽電池)の電圧、電流、電力",
        "en": "voltage, current and power of a supply (battery, solar panel)",
    },
    wiring={
        "ja": "I2C、アドレス 0x40〜0x4F(A0、A1 ピン)。シャントは電源のプラス側、26 V まで",
        "en": "I2C, address 0x40-0x4F (pins A0, A1); shunt in the plus line, up to 26 V",
    },
    example="""\
[[sensor]]
id = "battery-1"
driver = "ina219"
every = "60s"
i2c = {bus = 1, address = 0x40}
shunt_ohm = 0.1

[sensor.mount]

[sensor.disclosure]
purpose = {ja = "観測局の電源監視", en = "supply of the station"}
personal_data = false
""",
    addresses=tuple(range(0x40, 0x50)),
)

CONFIG_WORD = 0x399F
FIRST_RESULT_S = 0.003  # both conversions, 1.06 ms, and as much again
SHUNT_V_PER_STEP = 10e-6
SHUNT_END_STEPS = 32000  # +-320 mV: the converter gives no more
BUS_V_PER_STEP = 4e-3
BUS_END_STEPS = 8000  # 32 V


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What only this sensor needs to know."""

    shunt_ohm: float = field(
        default=0.1,
        metadata={"help": {"ja": "シャント抵抗(オーム)", "en": "shunt resistor in ohm"}, "gt": 0, "le": 100},
    )


class Driver:
    """The dialogue with one INA219, which converts all the time."""

    quantities = QUANTITIES

    def __init__(self, options: Options) -> None:
        self._shunt_ohm = options.shunt_ohm

    def identify(self) -> Dialogue[None]:
        """Write the config register and read it back: the part has no identity. Raises WrongSensor."""
        yield I2cTransfer(write=CONFIG + CONFIG_WORD.to_bytes(2, "big"))
        reply = yield I2cTransfer(write=CONFIG, read_bytes=2)
        assert isinstance(reply, bytes)
        if word(reply, "config") != CONFIG_WORD:
            raise WrongSensor(
                f"config register 00 reads {reply.hex().upper()} after {CONFIG_WORD:04X} was written:"
                " not an INA219",
                fix="check the address: an ADS1115, an SHT or an INA226 may answer there",
            )
        yield Pause(seconds=FIRST_RESULT_S)

    def measure(self) -> Dialogue[tuple[Measurement, ...]]:
        """Read both voltages."""
        shunt, bus = yield from both_voltages(CONFIG_WORD)
        return self.decode(shunt, bus)

    def decode(self, shunt: bytes, bus: bytes) -> tuple[Measurement, ...]:
        """Return volts, amperes, watts. Raises FrameTruncated, ValueImpossible."""
        shunt_steps, bus_steps = signed_word(shunt, "shunt voltage"), word(bus, "bus voltage") >> 3
        if bus_steps > BUS_END_STEPS or abs(shunt_steps) > SHUNT_END_STEPS:
            raise ValueImpossible(
                f"shunt voltage {shunt.hex().upper()}, bus voltage {bus.hex().upper()} (bytes 0-1):"
                " beyond what the part can give"
            )
        amperes = shunt_steps * SHUNT_V_PER_STEP / self._shunt_ohm
        return supply(bus_steps * BUS_V_PER_STEP, amperes, clipped=abs(shunt_steps) == SHUNT_END_STEPS)
