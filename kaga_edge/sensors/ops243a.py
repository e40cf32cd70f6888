r"""OmniPreSense OPS243-A: speed of vehicles by Doppler radar, counted and told apart by direction.

Source
    OmniPreSense AN-010 (API) and OPS243 datasheet. Of the unit words only "mps" stands in a manual we saw.

Wiring
    USB (/dev/ttyACM*, any speed) or UART 3.3 V 8N1 (19200, older ones 57600; silent while USB is used).
    Set once and keep: UM (m/s), OJ (JSON) or plain, A! saves. In Japan the module must carry the technical
    conformity mark. An empty road is silent: a dead UART looks the same until ``quiet_polls`` flags it.
    ``ask_product`` asks for its name where both directions are wired.

Frame
    One line a report, CR LF at its end; lines that begin with { and hold no speed are answers::

        1.2                               plain
        "mps",1.2                         with its unit
        {"speed":"0.06"}                  JSON; values may be text, numbers or lists:
        {"magnitude":[606.71,352.58],"speed":[-10.90,-12.26]}
        {"speed":0.58,"direction":"inbound","time":105,"tick":135}

    Positive comes nearer. True speed = reading / cos(angle between beam and road). A vehicle gives many
    reports: those of one direction without a longer silence are one vehicle. A plain line counts only
    behind the LF of the line before: half a number is a number too.

    Longer than most: two forms of lines, and vehicles made of reports.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import cos, isfinite, radians
from typing import Literal

from kaga_edge.core.spots import Spot, SpotRule, SpotState, Vehicle, fold_spots
from kaga_edge.core.tallies import NS_PER_S
from kaga_edge.vocabulary.drivers import Model, Split
from kaga_edge.vocabulary.errors import (
    DecodeError,
    FrameMalformed,
    FrameTruncated,
    ValueImpossible,
    WrongSensor,
)
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag, Measurement
from kaga_edge.vocabulary.requests import BusKind, Dialogue, Frame, SerialLine, UartFrames

MODEL = Model(
    names=("OmniPreSense OPS243-A",),
    bus=BusKind.UART,
    measures={
        "ja": "車両の速度(ドップラーレーダー)、方向別の台数",
        "en": "speed of vehicles by Doppler radar, count by direction",
    },
    wiring={
        "ja": "USB(/dev/ttyACM*)または UART 3.3 V 19200 8N1。技適マークのある品に限る",
        "en": "USB (/dev/ttyACM*) or UART 3.3 V, 19200 8N1; in Japan only with the conformity mark",
    },
    example="""\
[[sensor]]
id = "radar-1"
driver = "ops243a"
every = "10s"
port = "/dev/ttyACM0"
unit = "m/s"
angle_deg = 15.0

[sensor.mount]

[sensor.disclosure]
purpose = {ja = "交通量と速度の観測", en = "traffic counting and speed"}
personal_data = false
""",
    line=SerialLine(baud=19200),
    arrival_times=True,
    compensates_sound_speed=True,  # radio waves
)

LONGEST_BODY_BYTES = 240
LONGEST_FRAME_BYTES = LONGEST_BODY_BYTES + 4
JSON = rb"\{[^{}\r\n]{1,%d}\}" % LONGEST_BODY_BYTES
PLAIN = rb'(?:"([a-z]{2,6})",)?([-+]?\d{1,4}(?:\.\d{1,4})?)'
LINE = re.compile(rb"\n?%b\r|\n%b\r" % (JSON, PLAIN))
# Cut out by hand a plain line may lack the LF before it; on the wire it might then be half a number.
LINE_ALONE = re.compile(rb"\n?(?:%b|%b)\r" % (JSON, PLAIN))
PLAIN_LINE = re.compile(PLAIN)
# What may yet become a line: wider than LINE, never narrower.
UNFINISHED = re.compile(rb'\n?\{[^{}\r\n]{0,%d}\}?|\n["a-z,\d.+-]{0,20}' % LONGEST_BODY_BYTES)
NUMBER = re.compile(r"[-+]?\d{1,6}(?:\.\d{1,6})?")
PRODUCT_QUESTION, PRODUCT = b"?P", "OPS243"
ANSWER_S = 1.0
WINDOW_S = 3600.0  # everything since the poll before
MOST_FRAMES = 4096  # kept between two polls: a minute of dense traffic at some 50 reports a second
FASTEST_M_S = 70.0  # the radar's own end is 62.2
KPH_PER_M_S = 3.6
M_S_PER_UNIT = {"m/s": 1.0, "km/h": 1 / KPH_PER_M_S, "mph": 0.44704, "cm/s": 0.01, "ft/s": 0.3048}
UNIT_WORDS = {"mps": "m/s", "kmph": "km/h", "mph": "mph", "cmps": "cm/s", "fps": "ft/s"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What only this sensor needs to know."""

    unit: Literal["m/s", "km/h", "mph", "cm/s", "ft/s"] = field(
        default="m/s",
        metadata={
            "help": {
                "ja": "本体に設定した速度の単位(行に単位があればそちらに従う)",
                "en": "unit set in the radar; a unit in the line itself goes first",
            }
        },
    )
    angle_deg: float = field(
        default=0.0,
        metadata={
            "help": {
                "ja": "ビームと道路のなす角(度)。速度を cos で補正する",
                "en": "angle between beam and road in degrees; the speed is divided by its cosine",
            },
            "ge": 0,
            "le": 60,
        },
    )
    silence_s: float = field(
        default=0.7,
        metadata={
            "help": {
                "ja": "同じ方向の報告がこの秒数途切れたら次の車両とみなす",
                "en": "a silence this long in one direction parts two vehicles, in seconds",
            },
            "ge": 0.1,
            "le": 1.0,
        },
    )
    reports_min: int = field(
        default=2,
        metadata={
            "help": {
                "ja": "1台と数えるのに必要な報告の数",
                "en": "how many reports make a vehicle; fewer are taken for noise",
            },
            "ge": 1,
            "le": 100,
        },
    )
    slowest_kph: float = field(
        default=5.0,
        metadata={
            "help": {
                "ja": "これより遅いものは数えない(km/h)",
                "en": "slower things are not vehicles, in km/h",
            },
            "ge": 0,
            "le": 50,
        },
    )
    per_vehicle: Literal["median", "fastest"] = field(
        default="median",
        metadata={
            "help": {"ja": "1台の速度の決め方", "en": "which of its reports gives a vehicle's speed"},
        },
    )
    ask_product: bool = field(
        default=False,
        metadata={
            "help": {
                "ja": "接続時に ?P で機種を確かめる(USB など双方向の配線のとき)",
                "en": "ask ?P at the start whether it is an OPS243 (USB, or both data lines wired)",
            }
        },
    )
    quiet_polls: int = field(
        default=2160,
        metadata={
            "help": {
                "ja": "この回数続けて何も来なければ質低下とする(0 は使わない)",
                "en": "after so many polls without any line the counts are of low quality (0: never)",
            },
            "ge": 0,
            "le": 1000000,
        },
    )


class Driver:
    """Groups the reports between polls; a vehicle still in view counts in the next poll."""

    quantities = (
        Quantity.VEHICLE_COUNT,
        Quantity.INBOUND_COUNT,
        Quantity.OUTBOUND_COUNT,
        Quantity.VEHICLE_SPEED_KPH,
    )

    def __init__(self, options: Options) -> None:
        self._options = options
        self._cosine = cos(radians(options.angle_deg))
        self._slowest_m_s = options.slowest_kph / KPH_PER_M_S
        self._rule = SpotRule(
            silence_ns=round(options.silence_s * NS_PER_S),
            reports_min=options.reports_min,
            fastest=options.per_vehicle == "fastest",
        )
        self._state = SpotState()
        self._quiet_polls = 0
        self.frames_kept = MOST_FRAMES  # told to the port

    def identify(self) -> Dialogue[None]:
        """Ask for its name where the wiring allows; reports may come in between. Raises WrongSensor."""
        if not self._options.ask_product:
            return
        said: list[str] = []
        for question in (PRODUCT_QUESTION, b"", b""):
            frames = yield UartFrames(window_s=ANSWER_S, timeout_s=ANSWER_S, ask=question)
            assert isinstance(frames, tuple)
            said += [f.data.decode("ascii", "replace").strip() for f in frames if isinstance(f, Frame)]
            if any("Product" in line and PRODUCT in line for line in said):
                return
        raise WrongSensor(
            f"?P was answered by {said[:3]}, not by {PRODUCT}",
            fix="check the port; with only one data line wired, set ask_product = false",
        )

    def measure(self) -> Dialogue[tuple[Measurement, ...]]:
        """Count the vehicles that passed since the poll before. No line at all is an empty road."""
        frames = yield UartFrames(window_s=WINDOW_S, timeout_s=0.0, silence_is_good=True)
        assert isinstance(frames, tuple)
        reports = [frame for frame in frames if isinstance(frame, Frame)]
        self._quiet_polls = 0 if reports else self._quiet_polls + 1
        spots, bad = self._spots(reports)
        # Without a report, or without times (a capture), nothing comes after what is in view.
        ends_ns = None
        if reports and reports[-1].at_ns:
            ends_ns = reports[-1].at_ns + round(reports[-1].age_s * NS_PER_S)
        self._state, vehicles = fold_spots(self._state, spots, ends_ns, self._rule)
        quiet = 0 < self._options.quiet_polls <= self._quiet_polls
        doubtful = bad or quiet or len(reports) >= MOST_FRAMES
        return _measurements(vehicles, Flag.LOW_QUALITY if doubtful else Flag.GOOD)

    def split(self, buffer: bytes) -> Split:
        """Cut out every whole line that holds a number or a JSON object."""
        frames = list(LINE.finditer(buffer))
        tail = buffer[frames[-1].end() :] if frames else buffer
        rest = _unfinished(tail)
        taken = sum(len(match[0]) for match in frames) + len(rest)
        return Split(frames=tuple(match[0] for match in frames), rest=rest, skipped_bytes=len(buffer) - taken)

    def decode(self, frame: bytes) -> tuple[Measurement, ...]:
        """Return what one line says, taken for a whole vehicle. Raises the decode errors in their order."""
        speeds = self._fast_enough(spot_speeds(frame, self._options.unit))
        vehicles = tuple(Vehicle(inbound=speed > 0, speed_m_s=abs(speed)) for speed in speeds)
        return _measurements(vehicles, Flag.GOOD)

    def _fast_enough(self, speeds_m_s: Iterable[float]) -> list[float]:
        true = (speed / self._cosine for speed in speeds_m_s)
        return [speed for speed in true if abs(speed) >= self._slowest_m_s]

    def _spots(self, reports: list[Frame]) -> tuple[list[Spot], bool]:
        """Return every speed of the reports, and whether a line made no sense."""
        spots: list[Spot] = []
        bad: DecodeError | None = None
        good = 0
        for report in reports:
            try:
                speeds = spot_speeds(report.data, self._options.unit)
            except ValueImpossible:
                continue  # an answer, or a speed no vehicle has
            except DecodeError as error:
                bad = error
                continue
            good += 1
            spots += [Spot(report.at_ns, speed) for speed in self._fast_enough(speeds)]
        if bad is not None and not good:
            raise bad
        return spots, bad is not None


def spot_speeds(frame: bytes, unit: str) -> tuple[float, ...]:
    """Return the strongest speed of each direction in one line, in m/s, positive inbound.

    Raises FrameTruncated, FrameMalformed, and ValueImpossible for an answer or an impossible speed.
    """
    if not 3 <= len(frame) <= LONGEST_FRAME_BYTES:
        raise FrameTruncated(f"line of {len(frame)} bytes (ends at byte {len(frame)}), expected LF ... CR")
    if LINE_ALONE.fullmatch(frame) is None:
        raise FrameMalformed("not a line of the radar (byte 0): a number or a JSON object between LF and CR")
    plain = PLAIN_LINE.fullmatch(frame.strip())
    if plain is not None:
        word, number = plain.groups()
        return _checked((float(number),), _unit(word.decode(), unit) if word else unit)
    return _json_speeds(frame, unit)


def _json_speeds(frame: bytes, unit: str) -> tuple[float, ...]:
    try:
        body = json.loads(frame.decode("ascii"))
    except ValueError as error:
        raise FrameMalformed(f"looks like JSON (byte 0) but is none: {error}") from error
    if "speed" not in body:
        raise ValueImpossible(f"an answer of the radar, no speed: {frame.strip()[:60].decode('ascii')}")
    speeds = _numbers(body["speed"], "speed")
    magnitudes = _numbers(body.get("magnitude", []), "magnitude")
    word = body.get("unit")
    if isinstance(word, str):
        unit = _unit(word, unit)
    sign = {"inbound": 1, "outbound": -1}.get(str(body.get("direction")))
    if sign is not None:
        speeds = [sign * abs(speed) for speed in speeds]
    if len(magnitudes) == len(speeds):  # otherwise as sent: the strongest comes first
        ranked = sorted(zip(magnitudes, speeds, strict=True), key=lambda pair: -pair[0])
        speeds = [speed for _, speed in ranked]
    return _checked((*speeds,), unit)


def _checked(speeds: tuple[float, ...], unit: str) -> tuple[float, ...]:
    strongest: dict[bool, float] = {}
    for speed in filter(None, speeds):  # 0 stands for "nothing moves"
        strongest.setdefault(speed > 0, speed * M_S_PER_UNIT[unit])
    if any(abs(speed) > FASTEST_M_S for speed in strongest.values()):
        raise ValueImpossible(f"a speed beyond the radar's range: {max(map(abs, strongest.values())):g} m/s")
    return tuple(strongest.values())


def _numbers(value: object, of: str) -> list[float]:
    return [_number(one, of) for one in (value if isinstance(value, list) else [value])]


def _number(value: object, of: str) -> float:
    if isinstance(value, str) and NUMBER.fullmatch(value.strip()):
        return float(value)
    if isinstance(value, float) and isfinite(value):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**9:
        return float(value)
    raise FrameMalformed(f"{of} is {str(value)[:40]!r}, no number")


def _unit(word: str, default: str) -> str:
    if word not in UNIT_WORDS:
        raise FrameMalformed(f"unit {word[:10]!r} (byte 1) is not known; expected {default} as configured")
    return UNIT_WORDS[word]


def _unfinished(tail: bytes) -> bytes:
    """Return the end of ``tail`` that may yet become a line."""
    for start in sorted({tail.rfind(b"\n"), tail.rfind(b"{")} - {-1}):
        if UNFINISHED.fullmatch(tail, start):
            return tail[start:]
    return b""


def _measurements(vehicles: tuple[Vehicle, ...], flags: Flag) -> tuple[Measurement, ...]:
    inbound = sum(vehicle.inbound for vehicle in vehicles)
    counts = (len(vehicles), inbound, len(vehicles) - inbound)
    # The space-mean (harmonic) speed: what flow and density need.
    kph = None
    if vehicles:
        kph = len(vehicles) / sum(1 / vehicle.speed_m_s for vehicle in vehicles) * KPH_PER_M_S
    return (
        *(
            Measurement(quantity=quantity, value=float(count), flags=flags)
            for quantity, count in zip(Driver.quantities, counts, strict=False)
        ),
        Measurement(
            quantity=Quantity.VEHICLE_SPEED_KPH, value=kph, flags=Flag.MISSING if kph is None else flags
        ),
    )
