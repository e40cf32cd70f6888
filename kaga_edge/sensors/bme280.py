"""Bosch BME280: air pressure, air temperature, humidity. The station's barometer.

Source
    Bosch BST-BME280-DS001-23: sections 4.2.2 (calibration), 5.3 (registers), 9.1 (times), and the
    double-precision formulas of appendix A. H3 is unsigned there (some drivers read it signed).

Wiring
    I2C, address 0x76 (SDO to ground) or 0x77 (SDO to supply). 3.3 V. Beside an MS5837 use 0x77.

Frame
    D0      identity: 60 (58 is a BMP280, which has no humidity)
    E0      write B6: reset
    88..A1  calibration: T1 T2 T3 P1..P9 as words, low byte first, one unused byte, H1
    E1..E7  calibration: H2 (word) H3 E4 E5 E6 H6::

        H4 = E4 << 4 | E5 & 15      H5 = E6 << 4 | E5 >> 4      both signed 12 bit

    F2, F4  humidity oversampling; temperature and pressure oversampling, and mode (25 = once, all x1)
    F7..FE  pppp pppt tthh: P and T 20 bit (xlsb high half), H 16 bit; 80000 / 8000 = not measured
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

from kaga_edge.core.checksums import is_stuck
from kaga_edge.vocabulary.drivers import Model
from kaga_edge.vocabulary.errors import FrameMalformed, FrameTruncated, ValueImpossible, WrongSensor
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Measurement
from kaga_edge.vocabulary.requests import BusKind, Dialogue, I2cTransfer, Pause

MODEL = Model(
    names=("Bosch BME280",),
    bus=BusKind.I2C,
    measures={
        "ja": "気圧、気温、湿度。絶対圧式水位計の気圧補正にも使う",
        "en": "air pressure, temperature and humidity; also the barometer of absolute pressure probes",
    },
    wiring={
        "ja": "I2C、アドレス 0x76 または 0x77(SDO を電源へ)。3.3 V。MS5837 と一緒なら 0x77",
        "en": "I2C, address 0x76 or 0x77 (SDO to supply), 3.3 V; beside an MS5837 use 0x77",
    },
    example="""\
[[sensor]]
id = "air-1"
driver = "bme280"
every = "60s"
i2c = {bus = 1, address = 0x77}

[sensor.mount]

[sensor.disclosure]
purpose = {ja = "気象の観測", en = "weather"}
personal_data = false
""",
    addresses=(0x76, 0x77),
)

IDENTITY, RESET, CALIBRATION, CALIBRATION_HUMIDITY = 0xD0, 0xE0, 0x88, 0xE1
BME280_ID, BMP280_ID = 0x60, 0x58
RESET_WAIT_S = 0.005  # start-up 2 ms, during which the calibration is copied
# ctrl_hum (F2) takes effect only when ctrl_meas (F4) is written after it.
HUMIDITY_X1 = I2cTransfer(write=b"\xf2\x01")
FORCED_X1 = I2cTransfer(write=b"\xf4\x25")
CONVERSION = Pause(seconds=0.0103)  # 9.3 ms at most for x1 each (section 9.1), and a tenth more
DATA_BYTES = 8
READING = I2cTransfer(write=b"\xf7", read_bytes=DATA_BYTES)
NOT_MEASURED_20_BIT, NOT_MEASURED_16_BIT = 0x80000, 0x8000


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Nothing but the address needs to be known."""


class Calibration(NamedTuple):
    """The trimming values of one part, named as in the datasheet."""

    t1: int
    t2: int
    t3: int
    p1: int
    p2: int
    p3: int
    p4: int
    p5: int
    p6: int
    p7: int
    p8: int
    p9: int
    h1: int
    h2: int
    h3: int
    h4: int
    h5: int
    h6: int


class Driver:
    """The dialogue with one BME280: one forced measurement per poll."""

    quantities = (Quantity.AIR_PRESSURE_HPA, Quantity.AIR_TEMPERATURE_C, Quantity.RELATIVE_HUMIDITY_PCT)

    def __init__(self, _options: Options) -> None:
        self._calibration: Calibration | None = None

    def identify(self) -> Dialogue[None]:
        """Check the identity, reset, read the calibration. Raises WrongSensor."""
        identity = yield I2cTransfer(write=bytes((IDENTITY,)), read_bytes=1)
        assert isinstance(identity, bytes)
        check_identity(identity)
        yield I2cTransfer(write=bytes((RESET, 0xB6)))
        yield Pause(seconds=RESET_WAIT_S)
        yield from self._calibrate()

    def _calibrate(self) -> Dialogue[None]:
        main = yield I2cTransfer(write=bytes((CALIBRATION,)), read_bytes=26)
        humidity = yield I2cTransfer(write=bytes((CALIBRATION_HUMIDITY,)), read_bytes=7)
        assert isinstance(main, bytes)
        assert isinstance(humidity, bytes)
        self._calibration = decode_calibration(main, humidity)

    def measure(self) -> Dialogue[tuple[Measurement, ...]]:
        """Measure once and compensate."""
        if self._calibration is None:  # a capture without the identity: a bus always asks for it first
            yield from self._calibrate()
        assert self._calibration is not None
        yield HUMIDITY_X1
        yield FORCED_X1
        yield CONVERSION
        block = yield READING
        assert isinstance(block, bytes)
        return decode(block, self._calibration)


def check_identity(reply: bytes) -> None:
    """Check register D0. Raises FrameTruncated, WrongSensor."""
    if len(reply) != 1:
        raise FrameTruncated(f"identity of {len(reply)} bytes, expected 1")
    if reply[0] == BMP280_ID:
        raise WrongSensor("a BMP280 answers: it has no humidity", fix="replace it by a BME280")
    if reply[0] != BME280_ID:
        raise WrongSensor(
            f"identity register D0 holds 0x{reply[0]:02X}, a BME280 has 0x60",
            fix="check the address: an MS5837 or another part may answer there",
        )


def decode_calibration(main: bytes, humidity: bytes) -> Calibration:
    """Return the trimming values of registers 88-A1 and E1-E7. Raises FrameTruncated, FrameMalformed."""
    if len(main) != 26 or len(humidity) != 7:
        raise FrameTruncated(f"calibration of {len(main)} + {len(humidity)} bytes, expected 26 + 7")
    if is_stuck(main) or is_stuck(humidity):
        raise FrameMalformed("every calibration byte is the same from byte 0 on: the bus is stuck")
    words = struct.unpack_from("<HhhHhhhhhhhh", main)
    h2, h3, e4, e5, e6, h6 = struct.unpack("<hBbBbb", humidity)
    return Calibration._make((*words, main[25], h2, h3, e4 << 4 | e5 & 15, e6 << 4 | e5 >> 4, h6))


def decode(block: bytes, calibration: Calibration) -> tuple[Measurement, ...]:
    """Return the three measurements in registers F7-FE.

    Raises FrameTruncated, FrameMalformed (stuck bus), ValueImpossible (a channel was not measured).
    """
    if len(block) != DATA_BYTES:
        raise FrameTruncated(f"data of {len(block)} bytes, expected 8 (ends at byte {len(block)})")
    if is_stuck(block):
        raise FrameMalformed("every data byte is the same from byte 0 on: the bus is stuck")
    p = block[0] << 12 | block[1] << 4 | block[2] >> 4
    t = block[3] << 12 | block[4] << 4 | block[5] >> 4
    h = block[6] << 8 | block[7]
    if p == NOT_MEASURED_20_BIT or t == NOT_MEASURED_20_BIT or h == NOT_MEASURED_16_BIT:
        at = 0 if p == NOT_MEASURED_20_BIT else 3 if t == NOT_MEASURED_20_BIT else 6
        raise ValueImpossible(f"the channel at byte {at} was not measured (80000 or 8000)")
    pressure_pa, temperature_c, humidity_pct = compensate(calibration, p, t, h)
    return (
        Measurement(quantity=Quantity.AIR_PRESSURE_HPA, value=pressure_pa / 100),
        Measurement(quantity=Quantity.AIR_TEMPERATURE_C, value=temperature_c),
        Measurement(quantity=Quantity.RELATIVE_HUMIDITY_PCT, value=humidity_pct),
    )


def compensate(c: Calibration, p: int, t: int, h: int) -> tuple[float, float, float]:
    """Return pressure in Pa, temperature in degC, humidity in % (appendix A, double precision).

    Raises ValueImpossible when the calibration makes the pressure's divisor 0.
    """
    offset = t / 131072 - c.t1 / 8192
    t_fine = (t / 16384 - c.t1 / 1024) * c.t2 + offset * offset * c.t3
    return _pressure_pa(c, p, t_fine), t_fine / 5120, _humidity_pct(c, h, t_fine)


def _pressure_pa(c: Calibration, p: int, t_fine: float) -> float:
    v1 = t_fine / 2 - 64000
    v2 = (v1 * v1 * c.p6 / 32768 + v1 * c.p5 * 2) / 4 + c.p4 * 65536
    divisor = (1 + ((c.p3 * v1 * v1 / 524288 + c.p2 * v1) / 524288) / 32768) * c.p1
    if divisor == 0:
        raise ValueImpossible("the pressure calibration (P1, bytes 6-7 from 88) leads to a division by 0")
    q = (1048576 - p - v2 / 4096) * 6250 / divisor
    return q + (c.p9 * q * q / 2147483648 + q * c.p8 / 32768 + c.p7) / 16


def _humidity_pct(c: Calibration, h: int, t_fine: float) -> float:
    v = t_fine - 76800
    raw = h - (c.h4 * 64 + c.h5 / 16384 * v)
    humidity = raw * (c.h2 / 65536 * (1 + c.h6 / 67108864 * v * (1 + c.h3 / 67108864 * v)))
    humidity *= 1 - c.h1 * humidity / 524288
    return min(max(humidity, 0.0), 100.0)
