"""TE MS5837-30BA and -02BA: absolute pressure and temperature under water.

Source
    TE datasheets MS5837-30BA rev C2 (12/2019) and MS5837-02BA rev A8 (12/2019): commands, PROM and the
    second-order calculation. The OFF of the 30BA example (2381326464) is a misprint for 2381323464.

Wiring
    I2C, address 0x76 only: a BME280 on the same bus must be strapped to 0x77. 3.3 V, up to 400 kHz.
    The pressure is absolute: depth needs the air pressure of a barometer beside it.

Frame
    1E              reset
    A0, A2 .. AC    PROM word 0..6, two bytes each, high byte first::

        word 0   cccc pppp ppp.....   c = CRC-4 of the whole PROM, p = product id (0 on old parts)
        word 1-6 C1..C6

    4A              convert pressure D1 at OSR 8192;  5A  convert temperature D2
    00              read the ADC: three bytes, high byte first; 000000 = read too early or no conversion
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from kaga_edge.core.checksums import crc4_ms58xx, is_stuck
from kaga_edge.vocabulary.drivers import Model
from kaga_edge.vocabulary.errors import ChecksumWrong, FrameMalformed, FrameTruncated, ValueImpossible
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Measurement
from kaga_edge.vocabulary.requests import BusKind, Dialogue, I2cTransfer, Pause

MODEL = Model(
    names=("TE MS5837-30BA", "TE MS5837-02BA", "Blue Robotics Bar30", "Blue Robotics Bar02"),
    bus=BusKind.I2C,
    measures={
        "ja": "水中の絶対圧と水温。02BA は約2 mまで、30BA は粗い水位用",
        "en": "absolute pressure and water temperature; 02BA to about 2 m, 30BA only as a coarse level",
    },
    wiring={
        "ja": "I2C、アドレスは 0x76 のみ。3.3 V。同じバスの BME280 は 0x77 にする",
        "en": "I2C, address 0x76 only, 3.3 V; a BME280 on the same bus must be at 0x77",
    },
    example="""\
[[sensor]]
id = "river-1"
driver = "ms5837"
every = "60s"
i2c = {bus = 1, address = 0x76}
variant = "02BA"

[sensor.mount]
gauge_zero_to_probe_m = -0.35
# air_pressure_from = "air-1"   # the id of your barometer: depth needs it

[sensor.disclosure]
purpose = {ja = "河川水位の観測", en = "river level"}
personal_data = false
""",
    addresses=(0x76,),
)

RESET = b"\x1e"
RESET_WAIT_S = 0.02  # the datasheet gives no figure; public drivers wait 10 ms
CONVERT_PRESSURE = b"\x4a"
CONVERT_TEMPERATURE = b"\x5a"
READ_ADC = b"\x00"
CONVERSION = Pause(seconds=0.0205)  # OSR 8192: at most 18.08 ms by the datasheet; early spoils the result
PROM_WORDS = 7
READING = I2cTransfer(write=READ_ADC, read_bytes=3)
PRODUCT_IDS = {"30BA": (0x1A,), "02BA": (0x00, 0x15)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What only this sensor needs to know."""

    variant: Literal["30BA", "02BA"] = field(
        default="02BA",
        metadata={
            "help": {
                "ja": "センサーの型。30BA と 02BA は計算式が違う",
                "en": "which part: 30BA and 02BA are calculated differently",
            }
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Prom:
    """The calibration of one part: C1..C6, and the product id (0 on old parts)."""

    c: tuple[int, int, int, int, int, int]
    product_id: int


class Driver:
    """The dialogue with one MS5837."""

    quantities = (Quantity.WATER_PRESSURE_HPA, Quantity.WATER_TEMPERATURE_C)

    def __init__(self, options: Options) -> None:
        self._variant = options.variant
        self._prom: Prom | None = None
        self.remarks: tuple[str, ...] = ()  # worth a warning at start, no reason to refuse

    def identify(self) -> Dialogue[None]:
        """Reset, read the PROM and check its CRC-4."""
        yield I2cTransfer(write=RESET)
        yield Pause(seconds=RESET_WAIT_S)
        block = b""
        for index in range(PROM_WORDS):
            word = yield I2cTransfer(write=bytes((0xA0 + 2 * index,)), read_bytes=2)
            assert isinstance(word, bytes)
            block += word
        self._prom = decode_prom(block)
        self.remarks = _remarks(self._variant, self._prom.product_id)

    def measure(self) -> Dialogue[tuple[Measurement, ...]]:
        """Convert pressure, then temperature, and compensate."""
        if self._prom is None:
            yield from self.identify()
        assert self._prom is not None
        d1 = yield from self._convert(CONVERT_PRESSURE, "pressure")
        d2 = yield from self._convert(CONVERT_TEMPERATURE, "temperature")
        pressure_hpa, temperature_c = compensate(self._variant, self._prom.c, d1, d2)
        return (
            Measurement(quantity=Quantity.WATER_PRESSURE_HPA, value=pressure_hpa),
            Measurement(quantity=Quantity.WATER_TEMPERATURE_C, value=temperature_c),
        )

    def _convert(self, command: bytes, of: str) -> Dialogue[int]:
        yield I2cTransfer(write=command)
        yield CONVERSION
        reply = yield READING
        assert isinstance(reply, bytes)
        return decode_adc(reply, of)


def decode_prom(block: bytes) -> Prom:
    """Return the calibration in 14 bytes of PROM. Raises FrameTruncated, FrameMalformed, ChecksumWrong."""
    if len(block) != 2 * PROM_WORDS:
        raise FrameTruncated(
            f"PROM of {len(block)} bytes, expected {2 * PROM_WORDS} (ends at byte {len(block)})"
        )
    if is_stuck(block):  # all zero has CRC 0: it would pass
        raise FrameMalformed("every PROM byte is the same from byte 0 on: the bus is stuck or nobody answers")
    words = [int.from_bytes(block[i : i + 2], "big") for i in range(0, 14, 2)]
    expected, seen = crc4_ms58xx(words), words[0] >> 12
    if expected != seen:
        raise ChecksumWrong(f"PROM CRC-4 (byte 0, high half) is {seen:X}, counted {expected:X}")
    c1, c2, c3, c4, c5, c6 = words[1:]
    return Prom(c=(c1, c2, c3, c4, c5, c6), product_id=words[0] >> 5 & 0x7F)


def decode_adc(reply: bytes, of: str) -> int:
    """Return the 24-bit raw value. Raises FrameTruncated, ValueImpossible (0 = no conversion)."""
    if len(reply) != 3:
        raise FrameTruncated(f"ADC reply of {len(reply)} bytes, expected 3 (ends at byte {len(reply)})")
    raw = reply[0] << 16 | reply[1] << 8 | reply[2]
    if raw == 0:
        raise ValueImpossible(f"raw {of} (bytes 0-2) is 0: read too early, twice, or without a conversion")
    if raw == 0xFFFFFF:
        raise ValueImpossible(f"raw {of} (bytes 0-2) is FFFFFF: nobody drives the bus")
    return raw


def compensate(variant: str, c: tuple[int, ...], d1: int, d2: int) -> tuple[float, float]:
    """Return pressure in hPa and temperature in degC, second order, from raw D1 and D2.

    dT is an exact integer as in the datasheet; the rest is not rounded, so that the last counts are kept.
    """
    c1, c2, c3, c4, c5, c6 = c
    d_t = d2 - (c5 << 8)
    temp = 2000 + d_t * c6 / 8388608
    if variant == "30BA":
        off = (c2 << 16) + c4 * d_t / 128
        sens = (c1 << 15) + c3 * d_t / 256
        t_i, off_i, sens_i = _second_order_30ba(d_t, temp)
        pressure_hpa = (d1 * (sens - sens_i) / 2097152 - (off - off_i)) / 8192 / 10
    else:
        off = (c2 << 17) + c4 * d_t / 64
        sens = (c1 << 16) + c3 * d_t / 128
        t_i, off_i, sens_i = _second_order_02ba(d_t, temp)
        pressure_hpa = (d1 * (sens - sens_i) / 2097152 - (off - off_i)) / 32768 / 100
    return pressure_hpa, (temp - t_i) / 100


def _second_order_30ba(d_t: int, temp: float) -> tuple[float, float, float]:
    below = (temp - 2000) ** 2
    if temp >= 2000:
        return 2 * d_t**2 / 137438953472, below / 16, 0.0
    off_i, sens_i = 3 * below / 2, 5 * below / 8
    if temp < -1500:
        far_below = (temp + 1500) ** 2
        off_i, sens_i = off_i + 7 * far_below, sens_i + 4 * far_below
    return 3 * d_t**2 / 8589934592, off_i, sens_i


def _second_order_02ba(d_t: int, temp: float) -> tuple[float, float, float]:
    if temp >= 2000:  # the 30BA has a term here, the 02BA has none
        return 0.0, 0.0, 0.0
    below = (temp - 2000) ** 2
    return 11 * d_t**2 / 34359738368, 31 * below / 8, 63 * below / 32


def _remarks(variant: str, product_id: int) -> tuple[str, ...]:
    if product_id == 0 or product_id in PRODUCT_IDS[variant]:
        return ()
    return (f"product id 0x{product_id:02X} is not one of {variant}: check the option variant",)
