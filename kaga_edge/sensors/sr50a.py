r"""Campbell Scientific SR50A and SR50AT: ultrasonic distance to snow, with the echo's quality.

Source
    SR50A and SR50AT manuals, section 3.8 (RS-232 and RS-485 output). The manual's sample line carries
    the diagnostics 11011 although its text says the last three are always 111.

Wiring
    RS-232 or RS-485, 9600 8N1 unless set otherwise, 9-18 V. Set to send by itself (not polled).

Frame
    STX aa;distance;[quality;][temperature;]vvvvv;cc CR LF ETX::

        aa           address, two characters
        distance     m D.DDD (0.000 = none), cm DDD.DD (000.00), mm DDDD (-999 = none)
        quality      0 none, 152-210 good, 210-300 weaker, 300-600 poor      when switched on
        temperature  TT.TT, -999.00 without a probe                          when switched on
        vvvvv        1 = passed: ROM, watchdog, ...
        cc           two hex digits: two's complement of the sum of all bytes STX..ETX without cc

    Not corrected for temperature: the distance assumes 331.4 m/s (0 degC); siting corrects it, by the
    thermometer the mount names or else by the line's own temperature.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from kaga_edge.core.checksums import twos_complement_sum8
from kaga_edge.vocabulary.drivers import Model, Split
from kaga_edge.vocabulary.errors import ChecksumWrong, FrameMalformed, FrameTruncated, ValueImpossible
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag, Measurement
from kaga_edge.vocabulary.requests import BusKind, Dialogue, SerialLine, UartFrames

MODEL = Model(
    names=("Campbell Scientific SR50A", "Campbell Scientific SR50AT (own correction off)"),
    bus=BusKind.UART,
    measures={
        "ja": "雪面までの距離(0.5〜10 m)と反射の品質。気温補正は本体では行わない",
        "en": "distance to the snow, 0.5-10 m, and echo quality; not corrected for temperature inside",
    },
    wiring={
        "ja": "RS-232 または RS-485、9600 8N1、9〜18 V。自動送信に設定する",
        "en": "RS-232 or RS-485, 9600 8N1, 9-18 V; set to send by itself",
    },
    example="""\
[[sensor]]
id = "snow-2"
driver = "sr50a"
every = "60s"
port = "/dev/ttyUSB0"
unit = "mm"
has_quality = true
output_every_s = 30.0

[sensor.mount]
ground_to_sensor_m = 2.50
# temperature_from = "air-1"   # the id of your thermometer: without it -10 degC costs 3 cm

[sensor.disclosure]
purpose = {ja = "積雪深の観測", en = "snow depth"}
personal_data = false
""",
    line=SerialLine(baud=9600),
    compensates_sound_speed=False,
    sound_reference_c=0.0,  # the manual: distance = reading x sqrt(T / 273.15 K)
)

STX, ETX = 0x02, 0x03
LONGEST_FRAME_BYTES = 48  # the longest possible line has 38: two more fields than any manual shows
SHORTEST_FRAME_BYTES = 19
TAIL = re.compile(rb"[0-9A-F]{2}\r\n\x03", re.IGNORECASE)
CHECK_AT = -5  # the two check characters, before CR LF ETX
POOR_QUALITY = 300
DISTANCES = {"m": rb"\d\.\d{3}", "cm": rb"\d{3}\.\d{2}", "mm": rb"-999|\d{4}"}
METRES_PER_UNIT = {"m": 1.0, "cm": 100.0, "mm": 1000.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What only this sensor needs to know: how its output was set."""

    unit: Literal["m", "cm", "mm"] = field(
        default="mm",
        metadata={
            "help": {"ja": "距離の単位(本体の設定)", "en": "unit of the distance, as set in the sensor"}
        },
    )
    has_quality: bool = field(
        default=True,
        metadata={"help": {"ja": "品質の欄があるか", "en": "whether the line has the quality field"}},
    )
    temperature: bool = field(
        default=False,
        metadata={
            "help": {"ja": "気温の欄があるか(AT型)", "en": "whether the line has the temperature field (AT)"}
        },
    )
    line_address: str | None = field(
        default=None,
        metadata={
            "help": {
                "ja": "本体のアドレス2文字。書けば他のアドレスの行は捨てる",
                "en": "the sensor's two-character address; when given, other addresses are refused",
            }
        },
    )
    output_every_s: float = field(
        default=5.0,
        metadata={
            "help": {
                "ja": "本体が自動送信する間隔(秒)",
                "en": "how often the sensor sends by itself, in seconds",
            },
            "gt": 0,
            "le": 3600,
        },
    )


class Driver:
    """Free-running: the newest line is the value."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._line = _line_pattern(options)
        wait_s = options.output_every_s + 1.0
        self._frames = UartFrames(window_s=wait_s, timeout_s=wait_s)
        self._metres_per_unit = METRES_PER_UNIT[options.unit]
        self._address = options.line_address.encode("ascii", "replace") if options.line_address else None
        extra = (Quantity.ECHO_QUALITY,) * options.has_quality + (
            Quantity.AIR_TEMPERATURE_C,
        ) * options.temperature
        self.quantities: tuple[Quantity, ...] = (Quantity.SURFACE_DISTANCE_M, *extra)

    def identify(self) -> Dialogue[None]:
        """Do nothing: it sends by itself."""
        yield from ()

    def measure(self) -> Dialogue[tuple[Measurement, ...]]:
        """Decode the newest line."""
        frames = yield self._frames
        assert isinstance(frames, tuple)
        newest = frames[-1]
        assert not isinstance(newest, int)
        return self.decode(newest.data)

    def split(self, buffer: bytes) -> Split:
        """Cut out every STX .. ETX whose sum is right."""
        frames: list[bytes] = []
        skipped = at = 0
        while True:
            start = buffer.find(STX, at)
            if start < 0:
                return Split(frames=tuple(frames), rest=b"", skipped_bytes=skipped + len(buffer) - at)
            skipped += start - at
            end = buffer.find(ETX, start, start + LONGEST_FRAME_BYTES) + 1
            if not end and len(buffer) - start < LONGEST_FRAME_BYTES:
                return Split(frames=tuple(frames), rest=buffer[start:], skipped_bytes=skipped)
            frame = buffer[start:end]
            if end and _sum_right(frame):
                frames.append(frame)
                at = end
            else:
                skipped += 1
                at = start + 1

    def decode(self, frame: bytes) -> tuple[Measurement, ...]:
        """Return distance in metres and what else is switched on. Raises the four decode errors in order.

        A failed self-test (ROM or watchdog) or an echo quality above 300 flags the distance.
        """
        match = self._checked(frame)
        address, distance_text, quality_text, temperature_text, diagnostics, _ = match.groups()
        if self._address is not None and address != self._address:
            raise FrameMalformed(f"address (bytes 1-2) is {address!r}, expected {self._address!r}")
        distance = float(distance_text)
        if distance <= 0:
            raise ValueImpossible(
                f"distance (byte {match.start(2)}) {distance_text.decode()} means no reading"
            )
        quality = int(quality_text) if quality_text else None
        poor = diagnostics[:2] != b"11" or (quality is not None and not 0 < quality <= POOR_QUALITY)
        flags = Flag.LOW_QUALITY if poor else Flag.GOOD
        measured = [
            Measurement(
                quantity=Quantity.SURFACE_DISTANCE_M, value=distance / self._metres_per_unit, flags=flags
            )
        ]
        if quality is not None:
            measured.append(Measurement(quantity=Quantity.ECHO_QUALITY, value=float(quality), flags=flags))
        if temperature_text:
            measured.append(_temperature(temperature_text))
        return tuple(measured)

    def _checked(self, frame: bytes) -> re.Match[bytes]:
        if not SHORTEST_FRAME_BYTES <= len(frame) <= LONGEST_FRAME_BYTES:
            raise FrameTruncated(
                f"line of {len(frame)} bytes, expected {SHORTEST_FRAME_BYTES}-{LONGEST_FRAME_BYTES}"
                f" (ends at byte {len(frame)})"
            )
        match = self._line.fullmatch(frame)
        if match is None:
            raise FrameMalformed(_misfit(frame, self._options))
        if not _sum_right(frame):
            seen = frame[CHECK_AT : CHECK_AT + 2].decode()
            raise ChecksumWrong(
                f"check characters (byte {len(frame) + CHECK_AT}) are {seen},"
                f" counted {_expected_sum(frame):02X}"
            )
        return match


def _line_pattern(options: Options) -> re.Pattern[bytes]:
    quality = rb"(\d{1,3});" if options.has_quality else rb"()"
    temperature = rb"(-?\d{1,3}\.\d{1,2});" if options.temperature else rb"()"
    distance = DISTANCES[options.unit]
    return re.compile(
        rb"\x02([!-:<-~]{2});(%b);%b%b([01]{5});([0-9A-Fa-f]{2})\r\n\x03" % (distance, quality, temperature)
    )


def _expected_sum(frame: bytes) -> int:
    return twos_complement_sum8(frame[:CHECK_AT] + frame[CHECK_AT + 2 :])


def _sum_right(frame: bytes) -> bool:
    tail = frame[CHECK_AT:]
    return TAIL.fullmatch(tail) is not None and int(tail[:2], 16) == _expected_sum(frame)


def _temperature(text: bytes) -> Measurement:
    celsius = float(text)
    if celsius <= -999:  # the model without a probe
        return Measurement(quantity=Quantity.AIR_TEMPERATURE_C, value=None, flags=Flag.MISSING)
    return Measurement(quantity=Quantity.AIR_TEMPERATURE_C, value=celsius)


def _misfit(frame: bytes, options: Options) -> str:
    if frame[0] != STX or frame[-1] != ETX:
        at = 0 if frame[0] != STX else len(frame) - 1
        return f"byte {at} is {frame[at]:02X}: a line goes from STX (02) to ETX (03)"
    fields, expected = frame.count(b";"), 3 + options.has_quality + options.temperature
    if fields != expected:
        return (
            f"{fields + 1} fields between byte 1 and {len(frame) - 4}, expected {expected + 1}:"
            " set has_quality and temperature as in the sensor"
        )
    for unit, pattern in DISTANCES.items():
        if unit != options.unit and re.fullmatch(pattern, frame[4:].split(b";", 1)[0]):
            return f"the distance (byte 4) is written in {unit}, but unit is {options.unit!r}"
    return "a field after byte 1 is not written as the manual says"
