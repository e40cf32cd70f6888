"""Benewake TF-Luna, TFmini, TFmini-S, TFmini Plus, TF02, TF02-Pro: laser distance, 9-byte frames.

Source
    Benewake product manuals of each model. What marks a bad measurement stands in one manual each and
    differs from model to model: ``RULES``. That of TF-Luna is taken to be TFmini Plus's: not verified.

Wiring
    UART 115200 8N1, 3.3 V. 100 frames a second from the factory: 10-20 are enough and spare the Pi
    (command 5A 06 03 rate 00 sum; then 5A 04 11 6F to keep it). Sun in the beam and fog shorten it.

Frame
    59 59 DD DD SS SS aa bb cc     distance (cm) and strength, low byte first; cc = low byte of the sum

    aa bb: temperature in 1/8 degC + 256 (TF-Luna, TFmini-S, TFmini Plus), signal quality and exposure time
    (TF02), otherwise nothing of use. Data may hold 59 59: only a right sum makes a frame, and after a
    wrong one the search goes on one byte later.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from typing import Literal

from kaga_edge.core.checksums import sum8
from kaga_edge.vocabulary.drivers import Model, Split
from kaga_edge.vocabulary.errors import (
    ChecksumWrong,
    DecodeError,
    FrameMalformed,
    FrameTruncated,
    ValueImpossible,
)
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag, Measurement
from kaga_edge.vocabulary.requests import BusKind, Dialogue, Frame, SerialLine, UartFrames

MODEL = Model(
    names=(
        "Benewake TF-Luna",
        "Benewake TFmini",
        "Benewake TFmini-S",
        "Benewake TFmini Plus",
        "Benewake TF02",
        "Benewake TF02-Pro",
    ),
    bus=BusKind.UART,
    measures={
        "ja": "雪面または水面までの距離(レーザー)と信号強度",
        "en": "distance to the surface by laser, and signal strength",
    },
    wiring={
        "ja": "UART 115200 8N1、3.3 V。出力は毎秒 10〜20 回に下げるとよい",
        "en": "UART 115200 8N1, 3.3 V; better slowed to 10-20 frames a second",
    },
    example="""\
[[sensor]]
id = "snow-4"
driver = "benewake"
every = "60s"
port = "/dev/ttyAMA0"
model = "tfmini_plus"

[sensor.mount]
ground_to_sensor_m = 3.00

[sensor.disclosure]
purpose = {ja = "積雪深の観測", en = "snow depth"}
personal_data = false
""",
    line=SerialLine(baud=115200),
    compensates_sound_speed=True,  # light
)

FRAME_BYTES = 9
HEADER = 0x59
TIMEOUT_S = 1.0
M_PER_CM = 0.01
SATURATED = 0xFFFF
NEGATIVE = 0x8000
CREDIBLE = (7, 8)  # TF02's own signal quality
UPPER_QUARTILE = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a model says when it has no good measurement, beside 0. Distances are raw 16-bit numbers."""

    no_distance: tuple[int, ...] = ()
    weakest: int = 0  # a strength below this is no good measurement
    saturates: bool = False  # strength FFFF means too much light
    signed: bool = False  # every negative distance is a code, named in the manual or not
    has_temperature: bool = False
    has_quality: bool = False


RULES = {
    "tf_luna": Rule(weakest=100, saturates=True, has_temperature=True),
    "tfmini": Rule(no_distance=(0xFFFF,), weakest=20),
    # -1 weak, -2 saturated, -4 sunlight; weak is up to and with 100
    "tfmini_s": Rule(signed=True, weakest=101, saturates=True, has_temperature=True),
    "tfmini_plus": Rule(weakest=100, saturates=True, has_temperature=True),
    "tf02": Rule(no_distance=(2200,), has_quality=True),
    "tf02_pro": Rule(no_distance=(4500,), weakest=60),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What only this sensor needs to know."""

    model: Literal["tf_luna", "tfmini", "tfmini_s", "tfmini_plus", "tf02", "tf02_pro"] = field(
        metadata={
            "help": {
                "ja": "型。測定不良の示し方が型ごとに違う",
                "en": "the model: each marks a bad measurement in its own way",
            }
        }
    )
    burst_s: float = field(
        default=1.0,
        metadata={
            "help": {
                "ja": "1回の値に使う直前の時間(秒)",
                "en": "how many seconds before the due time make one value",
            },
            "gt": 0,
            "le": 5,
        },
    )
    of_burst: Literal["upper_quartile", "median"] = field(
        default="upper_quartile",
        metadata={
            "help": {
                "ja": "代表値。降雪や霧の近い誤反射を避けるには upper_quartile",
                "en": "which value of the burst; upper_quartile passes over near echoes of falling snow",
            }
        },
    )


class Driver:
    """Free-running: the good frames of the burst make the value."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._rule = RULES[options.model]
        temperature = (Quantity.DEVICE_TEMPERATURE_C,) if self._rule.has_temperature else ()
        self.quantities: tuple[Quantity, ...] = (
            Quantity.SURFACE_DISTANCE_M,
            Quantity.SIGNAL_STRENGTH,
            *temperature,
        )

    @property
    def burst_share(self) -> float:
        """Where in a burst of frames the distance is taken (see ``core.burst``)."""
        return UPPER_QUARTILE if self._options.of_burst == "upper_quartile" else 0.5

    def identify(self) -> Dialogue[None]:
        """Do nothing: it talks by itself."""
        yield from ()

    def measure(self) -> Dialogue[tuple[Measurement, ...]]:
        """Return the burst's value; flagged when fewer than half of its frames are good."""
        frames = yield UartFrames(window_s=self._options.burst_s, timeout_s=TIMEOUT_S)
        assert isinstance(frames, tuple)
        good: list[tuple[Measurement, ...]] = []
        bad: list[DecodeError] = []
        for frame in frames:
            assert isinstance(frame, Frame)
            try:
                good.append(self.decode(frame.data))
            except DecodeError as error:
                bad.append(error)
        if not good:
            raise bad[-1]
        return self._burst(good, Flag.LOW_QUALITY if len(bad) > len(good) else Flag.GOOD)

    def split(self, buffer: bytes) -> Split:
        """Cut out every 59 59 ... whose sum is right."""
        frames, skipped, at, end = [], 0, 0, len(buffer)
        while at < end:
            found = buffer.find(HEADER, at)
            if found < 0:
                skipped += end - at
                at = end
                break
            skipped += found - at
            at = found
            headed = buffer[at + 1 : at + 2] in (b"", b"\x59")
            if headed and end - at < FRAME_BYTES:
                break
            if headed and sum8(buffer[at : at + 8]) == buffer[at + 8]:
                frames.append(buffer[at : at + FRAME_BYTES])
                at += FRAME_BYTES
            else:
                skipped += 1
                at += 1
        return Split(frames=tuple(frames), rest=buffer[at:], skipped_bytes=skipped)

    def decode(self, frame: bytes) -> tuple[Measurement, ...]:
        """Return distance in metres, strength, and temperature. Raises the four decode errors in order."""
        if len(frame) != FRAME_BYTES:
            raise FrameTruncated(f"frame of {len(frame)} bytes, expected 9 (ends at byte {len(frame)})")
        if frame[0] != HEADER or frame[1] != HEADER:
            raise FrameMalformed(f"bytes 0-1 are {frame[:2].hex().upper()}, expected 5959")
        if sum8(frame[:8]) != frame[8]:
            raise ChecksumWrong(f"sum (byte 8) is {frame[8]:02X}, counted {sum8(frame[:8]):02X}")
        distance_cm, strength = frame[2] | frame[3] << 8, frame[4] | frame[5] << 8
        why = self._why_bad(distance_cm, strength, frame[6])
        if why:
            raise ValueImpossible(why)
        measured = (
            Measurement(quantity=Quantity.SURFACE_DISTANCE_M, value=distance_cm * M_PER_CM),
            Measurement(quantity=Quantity.SIGNAL_STRENGTH, value=float(strength)),
        )
        if not self._rule.has_temperature:
            return measured
        celsius = (frame[6] | frame[7] << 8) / 8 - 256
        return (*measured, Measurement(quantity=Quantity.DEVICE_TEMPERATURE_C, value=celsius))

    def _why_bad(self, distance_cm: int, strength: int, quality: int) -> str:
        rule = self._rule
        if rule.saturates and strength == SATURATED:
            return "strength (bytes 4-5) FFFF: too much light"
        if distance_cm in (0, *rule.no_distance) or (rule.signed and distance_cm & NEGATIVE):
            return f"distance (bytes 2-3) {distance_cm:04X} means no good measurement (strength {strength})"
        if strength < rule.weakest:
            return f"strength (bytes 4-5) {strength} is below {rule.weakest}: too weak"
        if rule.has_quality and quality not in CREDIBLE:
            return f"signal quality (byte 6) is {quality}, credible are 7 and 8"
        return ""

    def _burst(self, good: list[tuple[Measurement, ...]], flags: Flag) -> tuple[Measurement, ...]:
        """Return the burst's distance, and the median of everything else."""
        shares = (self.burst_share, 0.5, 0.5)
        return tuple(
            Measurement(quantity=quantity, value=_ranked([m[i].value for m in good], shares[i]), flags=flags)
            for i, quantity in enumerate(self.quantities)
        )


def _ranked(values: list[float | None], share: float) -> float:
    """Return a measured value (no mean of two) with at least ``share`` of the values up to it."""
    ordered = sorted(value for value in values if value is not None)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]
