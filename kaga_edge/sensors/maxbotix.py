r"""MaxBotix HRXL-MaxSonar-WR/-WRS and SCXL: ultrasonic distance for water and snow.

Source
    MaxBotix data sheets PD11500 (HRXL-WR), PD12593 (HRXL-WRS), PD12673 (SCXL); start banner from
    station captures of an MB7574.

Wiring
    9600 8N1. TTL models (MB738x, MB7374/7384/7574) to a TTL port; RS-232 models (MB736x,
    MB7334/7344/7354) need a receiver: a TTL port reads inverted rubbish from them. WRS models filter
    about 40 readings: the first 7-11 s after power-on are not good.

Frame
    R d d d d \r    four digits, mm (cm models: three digits); no line feed, no checksum

    At power-on a banner of several \r-ended lines comes first, one of which begins with R ("RoHS..."):
    only R, exactly the digits, and \r is a frame. A banner in the middle tells of a dip in its supply: the
    warm-up begins anew. The largest number is "no target" (5000, 9999); the
    smallest is printed for everything nearer. It already corrects for its own temperature.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from kaga_edge.core.burst import newest_good
from kaga_edge.vocabulary.drivers import Model, Split
from kaga_edge.vocabulary.errors import FrameMalformed, FrameTruncated, KagaError, ValueImpossible
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Measurement
from kaga_edge.vocabulary.requests import BusKind, Dialogue, SerialLine, UartFrames

MODEL = Model(
    names=("MaxBotix HRXL-MaxSonar-WR", "MaxBotix HRXL-MaxSonar-WRS", "MaxBotix SCXL-MaxSonar-WRS"),
    bus=BusKind.UART,
    measures={
        "ja": "水面または雪面までの距離(5 m型と 10 m型)",
        "en": "distance to the water or snow surface (5 m and 10 m models)",
    },
    wiring={
        "ja": "UART 9600 8N1。TTL型は TTL へ、RS-232型は RS-232 受信器へ",
        "en": "UART 9600 8N1; TTL models to a TTL port, RS-232 models through an RS-232 receiver",
    },
    example="""\
[[sensor]]
id = "snow-1"
driver = "maxbotix"
every = "60s"
port = "/dev/ttyAMA0"
nearest_mm = 500
no_target_mm = 5000

[sensor.mount]
ground_to_sensor_m = 3.00

[sensor.disclosure]
purpose = {ja = "積雪深の観測", en = "snow depth"}
personal_data = false
""",
    line=SerialLine(baud=9600),
    warm_up_s=11.0,
    compensates_sound_speed=True,
)

FRAMES = UartFrames(window_s=1.0, timeout_s=1.0)  # 6-7.5 lines a second
# Its model, and its last line (which thermometer): one of the two survives a damaged banner.
BANNER_MARKS = (b"PN:MB", b"TempI\r", b"TempE\r")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What only this sensor needs to know."""

    unit: Literal["mm", "cm"] = field(
        default="mm",
        metadata={
            "help": {"ja": "数字の単位(型番による)", "en": "unit of the digits (depends on the model)"}
        },
    )
    digits: Literal[4, 3] = field(
        default=4,
        metadata={
            "help": {"ja": "数字の桁数(mm型は4、cm型は3)", "en": "how many digits (mm models 4, cm models 3)"}
        },
    )
    no_target_mm: int = field(
        default=5000,
        metadata={
            "help": {
                "ja": "「反射なし」を示す値(5 m型 5000、10 m型 9999)",
                "en": 'value that means "no target" (5-m models 5000, 10-m models 9999)',
            },
            "gt": 0,
            "le": 9999,
        },
    )
    nearest_mm: int = field(
        default=500,
        metadata={
            "help": {
                "ja": "最小値。これより近くても同じ値が出るので誤り扱い(WRS 500、30 cm型 300)",
                "en": "lowest value, printed for anything nearer too: an error (WRS 500, 30-cm models 300)",
            },
            "ge": 0,
            "lt": 9999,
        },
    )


class Driver:
    """Free-running: the newest line with a value is the value."""

    quantities = (Quantity.SURFACE_DISTANCE_M,)

    def __init__(self, options: Options) -> None:
        if options.nearest_mm >= options.no_target_mm:
            raise KagaError(
                f"nearest_mm {options.nearest_mm} is not below no_target_mm {options.no_target_mm}",
                fix="take both from the data sheet of the model",
            )
        most_mm = (10**options.digits - 1) * (10 if options.unit == "cm" else 1)
        if options.no_target_mm > most_mm:
            raise KagaError(
                f"no_target_mm {options.no_target_mm} is never printed: {options.digits} digits of"
                f" {options.unit} end at {most_mm} mm",
                fix="take digits, unit and no_target_mm from the data sheet of the model",
            )
        self._options = options
        self._mm_per_count = 10 if options.unit == "cm" else 1
        self._frame_bytes = options.digits + 2
        self._frame = re.compile(rb"R\d{%d}\r" % options.digits)

    def identify(self) -> Dialogue[None]:
        """Do nothing: it cannot be asked, and its banner comes only at power-on."""
        yield from ()

    def measure(self) -> Dialogue[tuple[Measurement, ...]]:
        """Decode the newest line with a value."""
        frames = yield FRAMES
        return newest_good(self.decode, frames)

    def split(self, buffer: bytes) -> Split:
        """Cut out every line that is R, the digits, and CR; the banner is skipped."""
        frames = self._frame.findall(buffer)
        taken = len(frames) * self._frame_bytes
        if taken == len(buffer):  # as nearly always
            return Split(frames=tuple(frames), rest=b"")
        at = buffer.rindex(frames[-1]) + self._frame_bytes if frames else 0
        rest = self._unfinished(buffer[at:])
        return Split(
            frames=tuple(frames),
            rest=rest,
            skipped_bytes=len(buffer) - taken - len(rest),
            restarted=any(mark in buffer for mark in BANNER_MARKS),
        )

    def decode(self, frame: bytes) -> tuple[Measurement, ...]:
        """Return the distance in metres. Raises FrameTruncated, FrameMalformed, ValueImpossible."""
        if len(frame) != self._frame_bytes:
            raise FrameTruncated(f"line of {len(frame)} bytes, expected {self._frame_bytes}")
        if not self._frame.fullmatch(frame):
            raise FrameMalformed(f"{self._misfit(frame)}: expected R, {self._frame_bytes - 2} digits, CR")
        distance_mm = int(frame[1:-1]) * self._mm_per_count
        if distance_mm >= self._options.no_target_mm:
            raise ValueImpossible(f"{distance_mm} mm (bytes 1-{self._frame_bytes - 2}) means no target")
        if distance_mm <= self._options.nearest_mm:
            raise ValueImpossible(
                f"{distance_mm} mm (bytes 1-{self._frame_bytes - 2}) is the lowest value: the surface is that"
                " near or nearer, or something sits on the sensor"
            )
        return (Measurement(quantity=Quantity.SURFACE_DISTANCE_M, value=distance_mm / 1000),)

    def _unfinished(self, tail: bytes) -> bytes:
        """Return the end of ``tail`` that may yet become a line (R and digits) or a mark of the banner."""
        if not tail:
            return b""
        start = tail.rfind(b"R", -(self._frame_bytes - 1))
        digits = tail[start + 1 :]
        if start >= 0 and (not digits or digits.isdigit()):
            return tail[start:]
        begun = (mark[:size] for mark in BANNER_MARKS for size in range(len(mark) - 1, 0, -1))
        return next((part for part in begun if tail.endswith(part)), b"")

    def _misfit(self, frame: bytes) -> str:
        last = len(frame) - 1
        for at, byte in enumerate(frame):
            fits = byte == 0x52 if at == 0 else byte == 0x0D if at == last else 0x30 <= byte <= 0x39
            if not fits:
                return f"byte {at} is {byte:02X}"
        return "byte 0"
