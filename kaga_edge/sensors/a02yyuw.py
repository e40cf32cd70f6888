"""DFRobot A02YYUW (SEN0311) and ME007YS (SEN0312): ultrasonic distance, 4-byte frames.

Source
    DFRobot product pages SEN0311 and SEN0312, "Serial output". The often-read result 1697 mm for the
    example frame is wrong: FF 07 A1 A7 is 1953 mm.

Wiring
    UART 9600 8N1, 3.3-5 V TTL. The sensor's RX pin open or high: filtered values every 100-300 ms.
    Beam about 60 degrees: keep walls and pillars out of it. Blind nearer than 30 mm (ME007YS 280 mm).

Frame
    FF hh ll ss     distance in mm = hh * 256 + ll, ss = low byte of FF + hh + ll

    ll and ss may be FF themselves: after a wrong sum the search goes on one byte later, never four.
    No echo is sent as a distance outside the range (0, 5500, ...).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kaga_edge.core.burst import newest_good
from kaga_edge.vocabulary.drivers import Model, Split
from kaga_edge.vocabulary.errors import (
    ChecksumWrong,
    FrameMalformed,
    FrameTruncated,
    KagaError,
    ValueImpossible,
)
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Measurement
from kaga_edge.vocabulary.requests import BusKind, Dialogue, SerialLine, UartFrames

MODEL = Model(
    names=("DFRobot A02YYUW", "DFRobot ME007YS"),
    bus=BusKind.UART,
    measures={
        "ja": "水面または雪面までの距離(0.03〜4.5 m、ME007YS は 0.28 mから)",
        "en": "distance to the surface, 0.03-4.5 m (ME007YS from 0.28 m)",
    },
    wiring={
        "ja": "UART 9600 8N1、3.3〜5 V TTL。センサーの RX は開放または High",
        "en": "UART 9600 8N1, 3.3-5 V TTL; leave the sensor's RX open or high",
    },
    example="""\
[[sensor]]
id = "level-1"
driver = "a02yyuw"
every = "60s"
port = "/dev/ttyAMA0"

[sensor.mount]
gauge_zero_to_sensor_m = 4.20

[sensor.disclosure]
purpose = {ja = "河川水位の観測", en = "river level"}
personal_data = false
""",
    line=SerialLine(baud=9600),
    shortest_every_s=0.1,  # raw values; filtered ones come every 0.1-0.3 s
    # Whether it corrects for temperature inside is not stated: siting does, where the site names an
    # air thermometer.
    compensates_sound_speed=False,
)

FRAME_BYTES = 4
HEADER = 0xFF
FRAMES = UartFrames(window_s=1.0, timeout_s=1.0)  # a filtered value comes every 0.1-0.3 s


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What only this sensor needs to know."""

    nearest_mm: int = field(
        default=30,
        metadata={
            "help": {
                "ja": "測定範囲の下限(ME007YS は 280)",
                "en": "lower end of the range (280 for ME007YS)",
            },
            "ge": 0,
            "le": 4500,
        },
    )
    farthest_mm: int = field(
        default=4500,
        metadata={
            "help": {
                "ja": "測定範囲の上限。超えたら反射なし",
                "en": "upper end of the range; beyond is no echo",
            },
            "gt": 0,
            "le": 65535,
        },
    )


class Driver:
    """Free-running: the newest frame with a value is the value."""

    quantities = (Quantity.SURFACE_DISTANCE_M,)

    def __init__(self, options: Options) -> None:
        if options.nearest_mm >= options.farthest_mm:
            raise KagaError(
                f"nearest_mm {options.nearest_mm} is not below farthest_mm {options.farthest_mm}",
                fix="take both from the product page of the model",
            )
        self._nearest_mm = options.nearest_mm
        self._farthest_mm = options.farthest_mm

    def identify(self) -> Dialogue[None]:
        """Do nothing: it cannot be asked."""
        yield from ()

    def measure(self) -> Dialogue[tuple[Measurement, ...]]:
        """Decode the newest frame with a value."""
        frames = yield FRAMES
        return newest_good(self.decode, frames)

    def split(self, buffer: bytes) -> Split:
        """Cut out every frame whose sum is right."""
        frames, skipped, at, end = [], 0, 0, len(buffer)
        while at < end:
            found = buffer.find(HEADER, at)
            if found < 0:
                skipped += end - at
                at = end
                break
            skipped += found - at
            at = found
            if end - at < FRAME_BYTES:
                break
            if (HEADER + buffer[at + 1] + buffer[at + 2]) & 0xFF == buffer[at + 3]:
                frames.append(buffer[at : at + FRAME_BYTES])
                at += FRAME_BYTES
            else:
                skipped += 1
                at += 1
        return Split(frames=tuple(frames), rest=buffer[at:], skipped_bytes=skipped)

    def decode(self, frame: bytes) -> tuple[Measurement, ...]:
        """Return the distance in metres. Raises the four decode errors in their order."""
        if len(frame) != FRAME_BYTES:
            raise FrameTruncated(f"frame of {len(frame)} bytes, expected 4 (ends at byte {len(frame)})")
        if frame[0] != HEADER:
            raise FrameMalformed(f"byte 0 is {frame[0]:02X}, expected FF")
        expected = (frame[0] + frame[1] + frame[2]) & 0xFF
        if expected != frame[3]:
            raise ChecksumWrong(f"sum (byte 3) is {frame[3]:02X}, counted {expected:02X}")
        distance_mm = frame[1] << 8 | frame[2]
        if not self._nearest_mm <= distance_mm <= self._farthest_mm:
            raise ValueImpossible(
                f"{distance_mm} mm (bytes 1-2) is outside {self._nearest_mm}-{self._farthest_mm} mm: no echo"
            )
        return (Measurement(quantity=Quantity.SURFACE_DISTANCE_M, value=distance_mm / 1000),)
