"""KELLER Series 30 family (Acculevel, Nanolevel, 36 XiW, ...): water level probe, pressure and temperature.

Source
    KELLER "Series 30 communication protocol", Modbus function 3. The manual's last example prints the
    check byte 119; 199 is right.

Wiring
    RS-485, 9600 8N1 (or 115200), address 1 from the factory (250 answers on any single device).
    8-28 V. Vented (gauge) and absolute probes look alike on the wire: the configuration says which.

Frame
    Function 3, float32, high word first, read whole from its even start::

        0002-0003  P1 in bar      0006-0007  T in degC      0008-0009  TOB1 in degC

    NaN = channel absent or failed; +Inf / -Inf = above / below the range. Firmware 5.50 refuses with a wrong
    check value: the bus takes it for the refusal it is, and only the temperature is missing.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from typing import Literal

from kaga_edge.vocabulary.drivers import Model
from kaga_edge.vocabulary.errors import FrameMalformed, FrameTruncated, SensorRefused, ValueImpossible
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag, Measurement
from kaga_edge.vocabulary.requests import BusKind, Dialogue, ModbusRead, SerialLine

MODEL = Model(
    names=("KELLER Series 30", "KELLER Acculevel", "KELLER Nanolevel", "KELLER 36 XiW"),
    bus=BusKind.MODBUS,
    measures={
        "ja": "投込式水位計の圧力(ゲージ圧または絶対圧)と水温",
        "en": "pressure of a submerged probe (gauge or absolute) and water temperature",
    },
    wiring={
        "ja": "RS-485、9600 8N1、出荷時アドレス 1",
        "en": "RS-485, 9600 8N1, address 1 from the factory",
    },
    example="""\
[[sensor]]
id = "river-2"
driver = "keller"
every = "60s"
port = "/dev/ttyUSB0"
modbus_id = 1
pressure = "gauge"

[sensor.mount]
gauge_zero_to_probe_m = -0.50

[sensor.disclosure]
purpose = {ja = "河川水位の観測", en = "river level"}
personal_data = false
""",
    line=SerialLine(baud=9600),
)

HOLDING = 3
P1 = 0x0002
TEMPERATURES = {"tob1": 0x0008, "t": 0x0006}
HPA_PER_BAR = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What only this sensor needs to know."""

    pressure: Literal["gauge", "absolute"] = field(
        default="gauge",
        metadata={
            "help": {
                "ja": "gauge は大気開放型(PR)、absolute は絶対圧型(PA、PAA)",
                "en": "gauge: vented probe (PR); absolute: PA, PAA, needs a barometer",
            }
        },
    )
    temperature: Literal["tob1", "t", "none"] = field(
        default="tob1",
        metadata={
            "help": {
                "ja": "水温のチャンネル(Nanolevel は t または tob1、無ければ none)",
                "en": "channel of the water temperature; none when the probe has none",
            }
        },
    )


class Driver:
    """The dialogue with one probe: two registers a read, which every firmware allows."""

    def __init__(self, options: Options) -> None:
        gauge = options.pressure == "gauge"
        self._pressure = Quantity.GAUGE_PRESSURE_HPA if gauge else Quantity.WATER_PRESSURE_HPA
        self._temperature_at = TEMPERATURES.get(options.temperature)
        thermometer = () if self._temperature_at is None else (Quantity.WATER_TEMPERATURE_C,)
        self.quantities: tuple[Quantity, ...] = (self._pressure, *thermometer)

    def identify(self) -> Dialogue[None]:
        """Do nothing: the address and the check value say who answers."""
        yield from ()

    def measure(self) -> Dialogue[tuple[Measurement, ...]]:
        """Read pressure, then temperature. A failed thermometer does not lose the pressure."""
        words = yield ModbusRead(function=HOLDING, address=P1, count=2)
        assert isinstance(words, tuple)
        pressure_bar = decode_float(words, P1)
        measured = (Measurement(quantity=self._pressure, value=pressure_bar * HPA_PER_BAR),)
        if self._temperature_at is None:
            return measured
        try:
            words = yield ModbusRead(function=HOLDING, address=self._temperature_at, count=2)
        except SensorRefused:  # this firmware has no such channel
            return (*measured, NO_TEMPERATURE)
        assert isinstance(words, tuple)
        return (*measured, _temperature(words, self._temperature_at))


NO_TEMPERATURE = Measurement(quantity=Quantity.WATER_TEMPERATURE_C, value=None, flags=Flag.MISSING)


def decode_float(words: tuple[object, ...], register: int) -> float:
    """Return the float32 in two registers, high word first.

    Raises FrameTruncated, FrameMalformed, and ValueImpossible for NaN and the two infinities.
    """
    if len(words) != 2:
        raise FrameTruncated(f"{len(words)} registers from {register:04X}, expected 2")
    high, low = words
    if not (isinstance(high, int) and isinstance(low, int) and 0 <= high <= 0xFFFF and 0 <= low <= 0xFFFF):
        raise FrameMalformed(f"registers from {register:04X} are not 16-bit numbers")
    value: float = struct.unpack(">f", struct.pack(">HH", high, low))[0]
    if math.isnan(value):
        raise ValueImpossible(
            f"register {register:04X} (byte 3 of the reply) is NaN: channel absent or failed"
        )
    if math.isinf(value):
        side = "above" if value > 0 else "below"
        raise ValueImpossible(f"register {register:04X} (byte 3 of the reply) is {value}: {side} the range")
    return value


def _temperature(words: tuple[object, ...], register: int) -> Measurement:
    try:
        celsius = decode_float(words, register)
    except ValueImpossible:
        return NO_TEMPERATURE
    return Measurement(quantity=Quantity.WATER_TEMPERATURE_C, value=celsius)
