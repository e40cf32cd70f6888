"""Melexis MLX90614: temperature of a surface (road, snow) without contact.

Source
    Melexis MLX90614 datasheet rev 13 (2019): sections 8.4 (SMBus, PEC) and 8.6 (memory), table 5.

Wiring
    I2C, address 0x5A, 3.3 V (-Bxx, -Dxx parts). At most 100 kHz. First values 0.25 s after power-on. It
    looks along a cone: what fills the cone is measured, a wet or dusty window too.

Frame
    06 / 07    sensor's own / surface temperature, 24 emissivity, read as one combined transaction::

        LL HH pp     low byte first; pp = CRC-8 (0x07) over B4, command, B5, LL, HH

    degC = word x 0.02 - 273.15; bit 15 set = error. A read apart from its write would answer something
    else. The emissivity is 1.0 from the factory and stays so: another one is worked out here, because
    the memory wears out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kaga_edge.core.checksums import crc8_smbus
from kaga_edge.vocabulary.drivers import Model
from kaga_edge.vocabulary.errors import (
    ChecksumWrong,
    DecodeError,
    FrameTruncated,
    ValueImpossible,
    WrongSensor,
)
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag, Measurement
from kaga_edge.vocabulary.requests import BusKind, Dialogue, I2cTransfer

MODEL = Model(
    names=("Melexis MLX90614",),
    bus=BusKind.I2C,
    measures={
        "ja": "路面または雪面の表面温度と、センサー自体の温度",
        "en": "surface temperature of a road or of snow, and the sensor's own temperature",
    },
    wiring={
        "ja": "I2C、アドレス 0x5A、3.3 V。クロックは 100 kHz 以下",
        "en": "I2C, address 0x5A, 3.3 V; clock at most 100 kHz",
    },
    example="""\
[[sensor]]
id = "road-1"
driver = "mlx90614"
every = "60s"
i2c = {bus = 1, address = 0x5A}
emissivity = 0.95

[sensor.mount]

[sensor.disclosure]
purpose = {ja = "路面温度の観測", en = "road surface temperature"}
personal_data = false
""",
    addresses=(0x5A,),
)

WRITE_ADDRESS, READ_ADDRESS = 0x5A << 1, 0x5A << 1 | 1
OWN, SURFACE, EMISSIVITY = 0x06, 0x07, 0x24
REPLY_BYTES = 3
K_PER_STEP = 0.02
ICE_POINT_K = 273.15
ERROR_BIT = 0x8000
RANGES = {SURFACE: (0x27AD, 0x7FFF), OWN: (0x2DE4, 0x4DC4)}  # -70.01..382.19 and -38.19..125.01 degC
EMISSIVITY_ONE = 0xFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What only this sensor needs to know."""

    emissivity: float = field(
        default=1.0,
        metadata={
            "help": {
                "ja": "表面の放射率(アスファルト 0.93〜0.96、コンクリート 0.93、氷 0.97)。1.0 は補正なし",
                "en": "emissivity of the surface (asphalt 0.93-0.96, concrete 0.93, ice 0.97); 1.0: as it is",
            },
            "ge": 0.5,
            "le": 1.0,
        },
    )
    reflected_c: float | None = field(
        default=None,
        metadata={
            "help": {
                "ja": "映り込む空などの温度(度C)。無ければセンサー自体の温度で代用し、推定とする",
                "en": "temperature of what is mirrored (sky, roof) in degC;"
                " without it the sensor's own is taken and the value flagged estimated",
            },
            "ge": -100,
            "le": 100,
        },
    )


class Driver:
    """The dialogue with one MLX90614."""

    quantities = (Quantity.SURFACE_TEMPERATURE_C, Quantity.DEVICE_TEMPERATURE_C)

    def __init__(self, options: Options) -> None:
        self._options = options
        self.remarks: tuple[str, ...] = ()

    def identify(self) -> Dialogue[None]:
        """Read the emissivity: a right PEC says that an MLX90614 answers. Raises WrongSensor."""
        reply = yield I2cTransfer(write=bytes((EMISSIVITY,)), read_bytes=REPLY_BYTES)
        assert isinstance(reply, bytes)
        try:
            word = checked_word(EMISSIVITY, reply)
        except DecodeError as error:
            raise WrongSensor(
                f"no MLX90614: {error.what}", fix="check the address and that the clock is at most 100 kHz"
            ) from error
        if word != EMISSIVITY_ONE and self._options.emissivity < 1:
            self.remarks = (
                f"the sensor itself is set to emissivity {word / EMISSIVITY_ONE:.3f}: corrected twice",
            )

    def measure(self) -> Dialogue[tuple[Measurement, ...]]:
        """Read the surface, then the sensor's own temperature."""
        surface = yield I2cTransfer(write=bytes((SURFACE,)), read_bytes=REPLY_BYTES)
        own = yield I2cTransfer(write=bytes((OWN,)), read_bytes=REPLY_BYTES)
        assert isinstance(surface, bytes)
        assert isinstance(own, bytes)
        return self.decode(surface, own)

    def decode(self, surface: bytes, own: bytes) -> tuple[Measurement, ...]:
        """Return both temperatures in degC. Raises the decode errors; a bad own one loses only itself."""
        surface_c = decode_celsius(SURFACE, surface)
        own_c: float | None
        try:
            own_c = decode_celsius(OWN, own)
        except ValueImpossible:
            own_c = None
        corrected_c, flags = self._corrected(surface_c, own_c)
        missing = Flag.MISSING if own_c is None else Flag.GOOD
        return (
            Measurement(quantity=Quantity.SURFACE_TEMPERATURE_C, value=corrected_c, flags=flags),
            Measurement(quantity=Quantity.DEVICE_TEMPERATURE_C, value=own_c, flags=missing),
        )

    def _corrected(self, surface_c: float, own_c: float | None) -> tuple[float, Flag]:
        emissivity = self._options.emissivity
        if emissivity == 1:
            return surface_c, Flag.GOOD
        reflected_c = self._options.reflected_c
        flags = Flag.GOOD if reflected_c is not None else Flag.ESTIMATED
        mirror_c = own_c if reflected_c is None else reflected_c
        if mirror_c is None:
            return surface_c, flags
        return surface_of(surface_c, mirror_c, emissivity), flags


def surface_of(seen_c: float, reflected_c: float, emissivity: float) -> float:
    """Return the surface's temperature behind what was seen: T^4 = (seen^4 - (1 - e) reflected^4) / e.

    Where the mirrored part alone would be warmer than what was seen, nothing can be said: as seen.
    """
    seen, reflected = (seen_c + ICE_POINT_K) ** 4, (reflected_c + ICE_POINT_K) ** 4
    own = (seen - (1 - emissivity) * reflected) / emissivity
    return float(own**0.25) - ICE_POINT_K if own > 0 else seen_c


def decode_celsius(command: int, reply: bytes) -> float:
    """Return degC of a temperature register. Raises FrameTruncated, ChecksumWrong, ValueImpossible."""
    word = checked_word(command, reply)
    lowest, highest = RANGES[command]
    if word & ERROR_BIT:
        raise ValueImpossible(f"register {command:02X} is {word:04X} (bytes 0-1): bit 15 means an error")
    if not lowest <= word <= highest:
        raise ValueImpossible(f"register {command:02X} is {word:04X} (bytes 0-1): outside the sensor's range")
    return word * K_PER_STEP - ICE_POINT_K


def checked_word(command: int, reply: bytes) -> int:
    """Return the word of a reply whose PEC is right. Raises FrameTruncated, ChecksumWrong."""
    if len(reply) != REPLY_BYTES:
        raise FrameTruncated(f"reply of {len(reply)} bytes, expected 3 (ends at byte {len(reply)})")
    expected = crc8_smbus(bytes((WRITE_ADDRESS, command, READ_ADDRESS)) + reply[:2])
    if expected != reply[2]:
        raise ChecksumWrong(f"PEC (byte 2) is {reply[2]:02X}, counted {expected:02X}")
    return reply[1] << 8 | reply[0]
