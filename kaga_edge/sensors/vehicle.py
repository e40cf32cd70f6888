r"""Vehicle detector on GPIO: an inductive loop's relay or an infrared beam, one or two in a row.

Source
    Traffic engineering definitions (NPTEL course, detectors): flow, occupancy, spot speed of a pair,
    speed from one detector and an assumed length. ``vehicle_speed`` is the space mean (harmonic),
    ``vehicle_speed_time_mean`` the time mean (arithmetic).

Wiring
    Open collector or relay contact of the loop amplifier between GPIO and ground, pull-up inside the Pi,
    opto-coupled. A pair: ``gpio`` is the detector counted, ``gpio_second`` the other; both need the
    same filter, or the speed is wrong.

Frame
    Edges with the kernel's time; active while a vehicle covers the detector::

        gpio         ___/^^^^^^^\________     on1
        gpio_second  ______/^^^^^^^\_____     on2
                        |--|                  t2 - t1
        speed = lead_distance_m / |t2 - t1|      length = speed (on1 + on2) / 2 - detector_length_m

    A vehicle counts when it leaves the first detector; occupancy counts the time active in the interval,
    cut at its ends. Which detector of a pair a vehicle met first is its direction: one without a partner
    counts, but has neither speed nor direction. More than 40 a minute pass no lane: two detectors disturb
    each other then, and the sample is flagged; so it is after ``quiet_hours`` without an edge: no road is
    empty for so long, the detector is dead. (One that is covered all the time is traffic that stands.)
    So it is, too, when one of a pair has moved 20 times running while the other has not once: half of it
    is dead or its wire is off, and its counts, speeds or both are missing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from kaga_edge.core.tallies import NS_PER_MS, PulseRule, is_still
from kaga_edge.core.traffic import Detector, VehicleState, VehicleTally, fold_vehicles
from kaga_edge.vocabulary.drivers import Model
from kaga_edge.vocabulary.errors import KagaError
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag, Measurement
from kaga_edge.vocabulary.requests import BusKind, Dialogue, Edges, PinUse, TakeEdges

MODEL = Model(
    names=("inductive loop amplifier (relay or open collector)", "infrared light barrier"),
    bus=BusKind.GPIO,
    measures={
        "ja": "台数、占有率、速度、車頭時間。2台並べると車長と方向も",
        "en": "count, occupancy, speed, headway; with two in a row also length and direction",
    },
    wiring={
        "ja": "接点またはオープンコレクタを GPIO と GND の間に。フォトカプラで絶縁",
        "en": "contact or open collector between GPIO and ground, opto-coupled",
    },
    example="""\
[[sensor]]
id = "road-1"
driver = "vehicle"
every = "60s"
gpio = 22
gpio_second = 27
detector = "loop"
detector_length_m = 2.0
lead_distance_m = 4.5

[sensor.mount]

[sensor.disclosure]
purpose = {ja = "交通量の観測", en = "traffic counting"}
personal_data = false
""",
)

KPH_PER_M_S = 3.6
MOST_PER_MINUTE = 40.0  # of one lane
NS_PER_MINUTE = 60_000_000_000
NS_PER_HOUR = 60 * NS_PER_MINUTE
# No lane has 20 vehicles that change into it between two detectors 4.5 m apart; and a jam moves both.
MOST_ALONE = 20
SPEEDS = (Quantity.VEHICLE_SPEED_KPH, Quantity.VEHICLE_SPEED_TIME_MEAN_KPH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What only this sensor needs to know."""

    gpio: int = field(
        metadata={
            "help": {"ja": "数える検知器の GPIO番号", "en": "GPIO number of the detector that counts"},
            "ge": 0,
            "le": 27,
        }
    )
    gpio_second: int | None = field(
        default=None,
        metadata={
            "help": {
                "ja": "2台目の GPIO番号(無ければ1台として扱う)",
                "en": "GPIO number of the second detector; none: a single one",
            },
            "ge": 0,
            "le": 27,
        },
    )
    detector: Literal["loop", "beam"] = field(
        default="loop",
        metadata={"help": {"ja": "ループコイルか光電センサーか", "en": "inductive loop or light beam"}},
    )
    detector_length_m: float | None = field(
        default=None,
        metadata={
            "help": {
                "ja": "検知区間の長さ(m)。無指定は loop 2.0、beam 0.0",
                "en": "length of the detection zone in m; default 2.0 for a loop, 0.0 for a beam",
            },
            "ge": 0,
            "le": 30,
        },
    )
    lead_distance_m: float = field(
        default=4.5,
        metadata={
            "help": {
                "ja": "2台の検知器の前縁どうしの距離(m)",
                "en": "distance between the leading edges of the two detectors in m",
            },
            "gt": 0,
            "le": 100,
        },
    )
    vehicle_length_m: float = field(
        default=4.5,
        metadata={
            "help": {
                "ja": "1台のとき速度の推定に使う平均車長(m)",
                "en": "usual vehicle length in m, for the speed of a single detector",
            },
            "gt": 0,
            "le": 25,
        },
    )
    pulse_min_ms: float = field(
        default=10.0,
        metadata={
            "help": {"ja": "これより短い検知は数えない(ms)", "en": "shorter presences are chatter, in ms"},
            "ge": 0,
            "le": 1000,
        },
    )
    bounce_ms: float = field(
        default=0.0,
        metadata={
            "help": {
                "ja": "これより短い途切れは1台とみなす(ms)",
                "en": "gaps shorter than this do not part two vehicles, in ms",
            },
            "ge": 0,
            "le": 1000,
        },
    )
    quiet_hours: float = field(
        default=12.0,
        metadata={
            "help": {
                "ja": "この時間1台も通らなければ質低下とする(0 は使わない)",
                "en": "after so many hours without a vehicle the counts are of low quality (0: never)",
            },
            "ge": 0,
            "le": 1000,
        },
    )
    pull_up: bool = field(
        default=True,
        metadata={
            "help": {
                "ja": "内部プルアップを使い、GND に落ちたら検知とみなす",
                "en": "use the internal pull-up: closed to ground is a vehicle",
            }
        },
    )


class Driver:
    """Counts vehicles between polls; what stands on the detector is carried into the next interval."""

    def __init__(self, options: Options) -> None:
        if options.gpio == options.gpio_second:
            raise KagaError(
                f"gpio and gpio_second are both {options.gpio}", fix="each detector needs its own line"
            )
        self._options = options
        self._detector = _detector(options)
        self._state = VehicleState()
        self._moved_ns: int | None = None  # the last edge, or when watching began
        self._alone: tuple[int | None, int] = None, 0  # which of a pair moved last, how often by itself
        # What the interval before said, if it was that.
        self._empty_road: tuple[Measurement, ...] | None = None
        single = options.gpio_second is None
        length = () if single else (Quantity.VEHICLE_LENGTH_M,)
        direction = () if single else (Quantity.FORWARD_COUNT, Quantity.BACKWARD_COUNT)
        self.quantities: tuple[Quantity, ...] = (
            Quantity.VEHICLE_COUNT,
            Quantity.OCCUPANCY_RATIO,
            Quantity.VEHICLE_SPEED_KPH,
            Quantity.VEHICLE_SPEED_TIME_MEAN_KPH,
            *length,
            Quantity.HEADWAY_S,
            *direction,
        )

    def pins(self) -> tuple[PinUse, ...]:
        """Return one line, or the pair's two."""
        up = self._options.pull_up
        lines = (self._options.gpio, self._options.gpio_second)
        return tuple(
            PinUse(gpio=gpio, pull="up" if up else "none", active_low=up)
            for gpio in lines
            if gpio is not None
        )

    def identify(self) -> Dialogue[None]:
        """Do nothing: a contact cannot be asked."""
        yield from ()

    def measure(self) -> Dialogue[tuple[Measurement, ...]]:
        """Count the vehicles since the poll before."""
        edges = yield TakeEdges()
        assert isinstance(edges, Edges)
        return self.decode(edges)

    def decode(self, edges: Edges) -> tuple[Measurement, ...]:
        """Return the traffic of one interval; speed, length and headway are None without a vehicle."""
        at_rest = self._state.at_rest and is_still(edges)
        if at_rest and self._empty_road is not None and not self._dead(edges):
            return self._empty_road
        self._state, tally = fold_vehicles(self._state, edges, self._detector)
        crosstalk = tally.count > MOST_PER_MINUTE * max(1.0, (edges.end_ns - edges.start_ns) / NS_PER_MINUTE)
        doubtful = edges.lost or tally.rejected or crosstalk or self._dead(edges) or self._half_dead(edges)
        flags = Flag.LOW_QUALITY if doubtful else Flag.GOOD
        # One detector only guesses the length, so its speed is an estimate.
        of_speed = flags | Flag.ESTIMATED if self._options.gpio_second is None else flags
        values = _values(tally)
        measured = tuple(
            [_measurement(q, values[q], of_speed if q in SPEEDS else flags) for q in self.quantities]
        )
        self._empty_road = measured if at_rest and not doubtful else None
        return measured

    def _dead(self, edges: Edges) -> bool:
        if edges.edges or any(edges.active_at_start.values()):
            self._moved_ns = edges.end_ns
        elif self._moved_ns is None or edges.first:
            self._moved_ns = edges.start_ns
        quiet_ns = edges.end_ns - self._moved_ns
        return 0 < self._options.quiet_hours * NS_PER_HOUR <= quiet_ns

    def _half_dead(self, edges: Edges) -> bool:
        """Say whether one of a pair has seen vehicle after vehicle that the other did not."""
        if edges.first:
            self._alone = None, 0
        for edge in edges.edges if self._options.gpio_second is not None else ():
            gpio, often = self._alone
            if edge.gpio != gpio:
                self._alone = edge.gpio, int(edge.active)
            elif edge.active:
                self._alone = gpio, often + 1
        return self._alone[1] >= MOST_ALONE


def _detector(options: Options) -> Detector:
    def rule(gpio: int) -> PulseRule:
        return PulseRule(
            gpio=gpio,
            shortest_ns=round(options.pulse_min_ms * NS_PER_MS),
            bounce_ns=round(options.bounce_ms * NS_PER_MS),
        )

    length_m = options.detector_length_m
    if length_m is None:
        length_m = 2.0 if options.detector == "loop" else 0.0
    return Detector(
        first=rule(options.gpio),
        second=None if options.gpio_second is None else rule(options.gpio_second),
        detector_length_m=length_m,
        lead_distance_m=options.lead_distance_m,
        assumed_length_m=options.vehicle_length_m,
    )


def _values(tally: VehicleTally) -> dict[Quantity, float | None]:
    space_m_s, time_m_s, backward = tally.mean_speed_m_s, tally.time_mean_speed_m_s, tally.backward
    return {
        Quantity.VEHICLE_COUNT: float(tally.count),
        Quantity.OCCUPANCY_RATIO: tally.occupancy,
        Quantity.VEHICLE_SPEED_KPH: None if space_m_s is None else space_m_s * KPH_PER_M_S,
        Quantity.VEHICLE_SPEED_TIME_MEAN_KPH: None if time_m_s is None else time_m_s * KPH_PER_M_S,
        Quantity.VEHICLE_LENGTH_M: tally.mean_length_m,
        Quantity.HEADWAY_S: tally.mean_headway_s,
        Quantity.FORWARD_COUNT: float(len(tally.passages) - backward),
        Quantity.BACKWARD_COUNT: float(backward),
    }


def _measurement(quantity: Quantity, value: float | None, flags: Flag) -> Measurement:
    if value is None:  # no vehicle passed: nothing is wrong, but there is no value
        return Measurement(quantity=quantity, value=None, flags=Flag.MISSING)
    return Measurement(quantity=quantity, value=value, flags=flags)
