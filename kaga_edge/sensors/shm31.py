"""Lufft SHM31: laser snow depth, by Modbus RTU.

Source
    Lufft SHM31 user manual V2.1, sections 9 and 11 (register addresses from 0, status and error codes).

Wiring
    RS-485, 19200 8N1, parameter "protocol" = 5 (Modbus RTU; the factory setting is UMB). 12-24 V. Zero is
    the height stored at commissioning ("calibrate height" over bare ground), kept in the instrument.

Frame
    Function 4, input registers 20-26 in one read::

        20  snow height, mm           signed      23  laser temperature, 0.1 degC     signed
        21  block temperature         signed      24  normalised signal 0-255         unsigned
        22  ambient temperature       signed      25  tilt, 0.1 deg                   signed
                                                  26  error code, 0 = none            unsigned

    7FFF (signed) and FFFF (unsigned) are no value; 26 then says why. Nothing is ever written here: the
    parameters lie in flash memory, which wears out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kaga_edge.vocabulary.drivers import Model
from kaga_edge.vocabulary.errors import FrameMalformed, FrameTruncated, ValueImpossible
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag, Measurement
from kaga_edge.vocabulary.requests import BusKind, Dialogue, ModbusRead, SerialLine

MODEL = Model(
    names=("Lufft SHM31",),
    bus=BusKind.MODBUS,
    measures={
        "ja": "積雪深(レーザー、-16〜16 m)、信号強度、外気温、傾き",
        "en": "snow depth by laser, signal strength, ambient temperature, tilt",
    },
    wiring={
        "ja": "RS-485、19200 8N1。本体のプロトコルを Modbus RTU(5)に設定する。12〜24 V",
        "en": "RS-485, 19200 8N1; set its protocol parameter to 5 (Modbus RTU); 12-24 V",
    },
    example="""\
[[sensor]]
id = "snow-3"
driver = "shm31"
every = "60s"
port = "/dev/ttyUSB0"
modbus_id = 1

[sensor.mount]

[sensor.disclosure]
purpose = {ja = "積雪深の観測", en = "snow depth"}
personal_data = false
""",
    line=SerialLine(baud=19200),
    shortest_every_s=10.0,  # the laser's own time; between two of its shots it says the same again
    compensates_sound_speed=True,  # light
)

INPUT = 4
FIRST, COUNT = 20, 7
NO_SIGNED, NO_UNSIGNED = 0x7FFF, 0xFFFF
HIGHEST_MM = 16000  # either way
MM_PER_M = 1000.0
TENTHS = 10.0
ERRORS = {
    15: "signal too weak, or the target too near",
    16: "signal too strong",
    17: "too much background light",
    18: "measurement disturbed",
    19: "measurement timed out",
    22: "laser too cold",
    23: "laser too hot",
    31: "memory fault",
    32: "memory fault",
}
LINK_ERRORS = (*range(51, 56), *range(61, 68))
EVALUATION_ERRORS = range(70, 84)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What only this sensor needs to know."""

    weak_signal: int = field(
        default=0,
        metadata={
            "help": {
                "ja": "信号強度がこれ未満なら質低下とする(0〜255、0 は使わない)",
                "en": "a signal below this flags the depth as of low quality (0-255; 0: never)",
            },
            "ge": 0,
            "le": 255,
        },
    )


class Driver:
    """One read gives everything."""

    quantities = (
        Quantity.SNOW_DEPTH_M,
        Quantity.SIGNAL_STRENGTH,
        Quantity.AIR_TEMPERATURE_C,
        Quantity.DEVICE_TEMPERATURE_C,
        Quantity.TILT_DEG,
        Quantity.DEVICE_ERROR,
    )

    def __init__(self, options: Options) -> None:
        self._weak_signal = options.weak_signal

    def identify(self) -> Dialogue[None]:
        """Do nothing: the address and the check value say who answers."""
        yield from ()

    def measure(self) -> Dialogue[tuple[Measurement, ...]]:
        """Read the seven registers."""
        words = yield ModbusRead(function=INPUT, address=FIRST, count=COUNT)
        assert isinstance(words, tuple)
        return self.decode(words)

    def decode(self, words: tuple[object, ...]) -> tuple[Measurement, ...]:
        """Return what the registers say. Raises FrameTruncated, FrameMalformed, ValueImpossible."""
        if len(words) != COUNT:
            raise FrameTruncated(f"{len(words)} registers from {FIRST}, expected {COUNT}")
        numbers = [word for word in words if isinstance(word, int) and 0 <= word <= 0xFFFF]
        if len(numbers) != COUNT:
            raise FrameMalformed(f"registers {FIRST}-{FIRST + COUNT - 1} are not 16-bit numbers")
        height, _block, ambient, laser, signal, tilt, error = numbers
        strength = None if signal == NO_UNSIGNED else float(signal)
        poor = error not in (0, NO_UNSIGNED) or (strength is not None and strength < self._weak_signal)
        return (
            Measurement(
                quantity=Quantity.SNOW_DEPTH_M,
                value=_height_m(height, error),
                flags=Flag.LOW_QUALITY if poor else Flag.GOOD,
            ),
            _measurement(Quantity.SIGNAL_STRENGTH, strength),
            _measurement(Quantity.AIR_TEMPERATURE_C, _tenths(ambient)),
            _measurement(Quantity.DEVICE_TEMPERATURE_C, _tenths(laser)),
            _measurement(Quantity.TILT_DEG, _tenths(tilt)),
            _measurement(Quantity.DEVICE_ERROR, None if error == NO_UNSIGNED else float(error)),
        )


def error_words(code: int) -> str:
    """Return what an error code means."""
    if code in LINK_ERRORS:
        return "link inside the instrument"
    if code in EVALUATION_ERRORS:
        return "no valid distance (evaluation)"
    return ERRORS.get(code, "not in the manual")


def _height_m(word: int, error: int) -> float:
    height_mm = _signed(word)
    if word == NO_SIGNED or abs(height_mm) > HIGHEST_MM:
        why = f"error {error}, {error_words(error)}" if error else "the instrument gives no reason"
        raise ValueImpossible(f"snow height (register 20) is {word:04X}, no value: {why}")
    return height_mm / MM_PER_M


def _tenths(word: int) -> float | None:
    return None if word == NO_SIGNED else _signed(word) / TENTHS


def _signed(word: int) -> int:
    return word - 0x10000 if word & 0x8000 else word


def _measurement(quantity: Quantity, value: float | None) -> Measurement:
    return Measurement(quantity=quantity, value=value, flags=Flag.MISSING if value is None else Flag.GOOD)
