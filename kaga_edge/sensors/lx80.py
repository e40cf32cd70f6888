"""Geolux LX-80 and LX-80-15: radar distance to the water, by Modbus RTU.

Source
    Geolux LX-80 and LX-80-15 user manuals, register table and section 8.3.

Wiring
    RS-485, 9600 8E1: even parity, which the Pi's mini UART (ttyS0) cannot do. Give each unit its number.

Frame
    Function 3, 16-bit registers; numbers as in the LX-80-15 manual, which counts from 1::

        01 distance, mm     1A temperature, degC     1E radar status, 0 bad, 1 good
        02 its mean, mm     1B signal to noise       2A 2B tilt x, y, deg

    Number - 1 goes on the wire (``address_base = 1``). Older firmware seems to send the number itself
    (``address_base = 0``): read once and compare with a tape measure; one off is another register.
    A unit that refuses 1A-1E is read with the driver modbus_map. The RS-232 telegram ($LVX,...) is left
    out: the manual's text and its template disagree on whether a check field ends it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import cos, radians
from typing import Literal

from kaga_edge.vocabulary.drivers import Model
from kaga_edge.vocabulary.errors import FrameMalformed, FrameTruncated, ValueImpossible
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag, Measurement
from kaga_edge.vocabulary.requests import BusKind, Dialogue, ModbusRead, SerialLine

MODEL = Model(
    names=("Geolux LX-80", "Geolux LX-80-15"),
    bus=BusKind.MODBUS,
    measures={
        "ja": "水面までの距離(レーダー、非接触)と信号の質、傾き",
        "en": "distance to the water by radar, signal quality, tilt",
    },
    wiring={
        "ja": "RS-485、9600 8E1(偶数パリティ。Pi の mini UART では不可)",
        "en": "RS-485, 9600 8E1 (even parity: not on the Pi's mini UART)",
    },
    example="""\
[[sensor]]
id = "river-5"
driver = "lx80"
every = "60s"
port = "/dev/ttyUSB0"
modbus_id = 1
address_base = 1

[sensor.mount]
gauge_zero_to_sensor_m = 7.50

[sensor.disclosure]
purpose = {ja = "河川水位の観測", en = "river level"}
personal_data = false
""",
    line=SerialLine(baud=9600, parity="E"),
    compensates_sound_speed=True,  # radio waves
)

HOLDING = 3
DISTANCES = {"now": 0x01, "mean": 0x02}
TEMPERATURE, NOISE, STATUS, TILT = 0x1A, 0x1B, 0x1E, 0x2A
MM_PER_M = 1000.0
NO_DISTANCE = (0, 0xFFFF)  # nothing is at 0 m; a range of 65 m is beyond the 16 bits' use
STEEPEST_DEG = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What only this sensor needs to know."""

    address_base: Literal[1, 0] = field(
        default=1,
        metadata={
            "help": {
                "ja": "1 は番号から 1 引いて送る(LX-80-15)、0 は番号のまま(旧型)。現場で一度確かめる",
                "en": "1: register number - 1 goes on the wire (LX-80-15); 0: the number itself (older)."
                " Check once on site",
            }
        },
    )
    distance: Literal["now", "mean"] = field(
        default="now",
        metadata={
            "help": {
                "ja": "瞬時値(now)か本体での平均(mean)か",
                "en": "the value now, or the instrument's own mean",
            }
        },
    )
    own_tilt: bool = field(
        default=False,
        metadata={
            "help": {
                "ja": "本体の傾斜計で鉛直距離に直す(傾斜計のある型のみ。mount に tilt_deg は書かない)",
                "en": "correct to the vertical by its own tilt meter (models that have one);"
                " then leave tilt_deg out of the mount",
            }
        },
    )


class Driver:
    """A few short reads: registers between them are not promised."""

    def __init__(self, options: Options) -> None:
        self._options = options
        tilt = (Quantity.TILT_DEG,) if options.own_tilt else ()
        self.quantities: tuple[Quantity, ...] = (
            Quantity.SURFACE_DISTANCE_M,
            Quantity.SIGNAL_STRENGTH,
            Quantity.DEVICE_TEMPERATURE_C,
            *tilt,
        )

    def identify(self) -> Dialogue[None]:
        """Do nothing: the address and the check value say who answers."""
        yield from ()

    def measure(self) -> Dialogue[tuple[Measurement, ...]]:
        """Read distance, temperature and signal, status, and the tilt where asked for."""
        distance = yield self._read(DISTANCES[self._options.distance], 1)
        inside = yield self._read(TEMPERATURE, 2)
        status = yield self._read(STATUS, 1)
        tilt: object = (0, 0)
        if self._options.own_tilt:
            tilt = yield self._read(TILT, 2)
        return self.decode(distance, inside, status, tilt)

    def decode(
        self, distance: object, inside: object, status: object, tilt: object
    ) -> tuple[Measurement, ...]:
        """Return what the registers say. Raises FrameTruncated, FrameMalformed, ValueImpossible."""
        (distance_mm,) = _words(distance, 1, "distance")
        temperature_c, signal = _words(inside, 2, "temperature and signal")
        (good,) = _words(status, 1, "radar status")
        if distance_mm in NO_DISTANCE:
            raise ValueImpossible(f"distance is {distance_mm:04X}: no echo")
        if good not in (0, 1):
            raise FrameMalformed(
                f"radar status is {good:04X}, expected 0 or 1: address_base may be wrong for this firmware"
            )
        x_deg, y_deg = map(_signed, _words(tilt, 2, "tilt"))
        if max(abs(x_deg), abs(y_deg)) > STEEPEST_DEG:
            raise ValueImpossible(f"tilt is {x_deg}, {y_deg} deg: the instrument does not look down")
        upright = cos(radians(x_deg)) * cos(radians(y_deg))
        measured = (
            Measurement(
                quantity=Quantity.SURFACE_DISTANCE_M,
                value=distance_mm / MM_PER_M * upright,
                flags=Flag.GOOD if good else Flag.LOW_QUALITY,
            ),
            Measurement(quantity=Quantity.SIGNAL_STRENGTH, value=float(signal)),
            Measurement(quantity=Quantity.DEVICE_TEMPERATURE_C, value=float(_signed(temperature_c))),
        )
        if not self._options.own_tilt:
            return measured
        tilt_deg = (x_deg**2 + y_deg**2) ** 0.5
        return (*measured, Measurement(quantity=Quantity.TILT_DEG, value=float(tilt_deg)))

    def _read(self, number: int, count: int) -> ModbusRead:
        return ModbusRead(function=HOLDING, address=number - self._options.address_base, count=count)


def _words(words: object, count: int, of: str) -> tuple[int, ...]:
    if not isinstance(words, tuple) or len(words) != count:
        raise FrameTruncated(f"{of}: not {count} registers")
    if not all(isinstance(word, int) and 0 <= word <= 0xFFFF for word in words):
        raise FrameMalformed(f"{of}: not 16-bit numbers")
    return words


def _signed(word: int) -> int:
    return word - 0x10000 if word & 0x8000 else word
