"""Tipping-bucket rain gauge: tips counted on a GPIO line.

Source
    JMA's standard gauge tips every 0.5 mm (20 cm funnel, heated); others 0.1, 0.2, 0.254 or 1.0 mm:
    see the gauge's label. At 300 mm/h a 0.5 mm bucket tips every 6 s.

Wiring
    Reed contact between the GPIO line and ground, pull-up inside the Pi. 3.3 V only. Long cables need an
    opto-coupler, RC 1 kohm / 100 nF, and a surge arrester.

Frame
    Edges with the kernel's time; one tip is one closing of about 0.1 s::

        open  ----+ +-+      +-----
                  | | |      |
        closed    +-+ +------+        closings less than bounce_ms apart are one

    What is then shorter than pulse_min_ms (a knock, a spark) or longer than pulse_max_ms (held by hand,
    stuck) is not counted and flags the sample.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from kaga_edge.core.tallies import NS_PER_MS, NS_PER_S, QUIET, PulseRule, RainState, fold_rain, is_still
from kaga_edge.vocabulary.drivers import Model
from kaga_edge.vocabulary.errors import KagaError
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag, Measurement
from kaga_edge.vocabulary.requests import BusKind, Dialogue, Edges, PinUse, TakeEdges

MODEL = Model(
    names=("tipping-bucket rain gauge (reed contact)",),
    bus=BusKind.GPIO,
    measures={
        "ja": "雨量(前回から、開始から)、転倒数、降雨強度",
        "en": "rain since the sample before and since counting began, tips, intensity",
    },
    wiring={
        "ja": "リード接点を GPIO と GND の間に。内部プルアップ。3.3 V 以外は不可",
        "en": "reed contact between GPIO and ground, internal pull-up, 3.3 V only",
    },
    example="""\
[[sensor]]
id = "rain-1"
driver = "tipping_bucket"
every = "60s"
gpio = 17
mm_per_tip = 0.5

[sensor.mount]

[sensor.disclosure]
purpose = {ja = "雨量の観測", en = "rainfall"}
personal_data = false
""",
)

SHORTEST_UNWATCHED_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What only this sensor needs to know."""

    gpio: int = field(
        metadata={
            "help": {"ja": "GPIO番号(ピン番号ではない)", "en": "GPIO number, not the header pin"},
            "ge": 0,
            "le": 27,
        }
    )
    mm_per_tip: float = field(
        default=0.5,
        metadata={"help": {"ja": "1転倒の雨量(mm)", "en": "rain of one tip in mm"}, "gt": 0, "le": 10},
    )
    bounce_ms: float = field(
        default=80.0,
        metadata={
            "help": {
                "ja": "これより近い接点の動きは1回とみなす(ms)",
                "en": "closings nearer than this are one, in ms",
            },
            "ge": 0,
            "le": 1000,
        },
    )
    pulse_min_ms: float = field(
        default=5.0,
        metadata={
            "help": {"ja": "これより短い接点は数えない(ms)", "en": "shorter closings are not tips, in ms"},
            "ge": 0,
            "le": 1000,
        },
    )
    pulse_max_ms: float = field(
        default=5000.0,
        metadata={
            "help": {"ja": "これより長い接点は数えない(ms)", "en": "longer closings are not tips, in ms"},
            "gt": 0,
            "le": 600000,
        },
    )
    pull_up: bool = field(
        default=True,
        metadata={
            "help": {
                "ja": "内部プルアップを使い、GND に落ちたら作動とみなす",
                "en": "use the internal pull-up: closed to ground is active",
            }
        },
    )


class Driver:
    """Counts tips between polls; nothing is lost between them."""

    quantities = (
        Quantity.RAIN_MM,
        Quantity.RAIN_TOTAL_MM,
        Quantity.TIP_COUNT,
        Quantity.RAIN_INTENSITY_MM_H,
        Quantity.UNWATCHED_S,
    )

    def __init__(self, options: Options) -> None:
        if options.pulse_min_ms >= options.pulse_max_ms:
            raise KagaError(
                f"pulse_min_ms {options.pulse_min_ms:g} is not below pulse_max_ms {options.pulse_max_ms:g}",
                fix="no tip would ever count; a reed closes for about 100 ms",
            )
        self._options = options
        self._rule = PulseRule(
            gpio=options.gpio,
            shortest_ns=round(options.pulse_min_ms * NS_PER_MS),
            longest_ns=round(options.pulse_max_ms * NS_PER_MS),
            bounce_ns=round(options.bounce_ms * NS_PER_MS),
        )
        self._state = RainState()
        self._watched_to_ns: int | None = None
        # What the interval before said, if nothing fell in it.
        self._dry: tuple[Measurement, ...] | None = None

    @property
    def tips_total(self) -> int:
        """Tips since counting began: to be remembered over a restart."""
        return self._state.tips_total

    def resume(self, tips_total: int) -> None:
        """Go on counting from what was remembered."""
        self._state, self._dry = replace(self._state, tips_total=tips_total), None

    def pins(self) -> tuple[PinUse, ...]:
        """Return the one line."""
        up = self._options.pull_up
        return (PinUse(gpio=self._options.gpio, pull="up" if up else "none", active_low=up),)

    def identify(self) -> Dialogue[None]:
        """Do nothing: a contact cannot be asked."""
        yield from ()

    def measure(self) -> Dialogue[tuple[Measurement, ...]]:
        """Count the tips since the poll before."""
        edges = yield TakeEdges()
        assert isinstance(edges, Edges)
        return self.decode(edges)

    def decode(self, edges: Edges) -> tuple[Measurement, ...]:
        """Return rain, total, tips and intensity of one interval, flagged where edges were lost or odd."""
        watched_on = edges.start_ns == self._watched_to_ns
        at_rest = watched_on and self._state.line is QUIET and is_still(edges)
        if at_rest and self._dry is not None:
            self._watched_to_ns = edges.end_ns
            return self._dry
        self._state, rain = fold_rain(self._state, edges, self._rule, self._options.mm_per_tip)
        # The line could not be watched for a while (in use elsewhere): what fell then is not in any sample.
        unwatched_s = (
            0.0 if self._watched_to_ns is None else (edges.start_ns - self._watched_to_ns) / NS_PER_S
        )
        self._watched_to_ns = edges.end_ns
        doubtful = edges.lost or rain.rejected or unwatched_s >= SHORTEST_UNWATCHED_S
        flags = Flag.LOW_QUALITY if doubtful else Flag.GOOD
        missing = Flag.MISSING if rain.intensity_mm_h is None else Flag.GOOD
        measured = (
            Measurement(quantity=Quantity.RAIN_MM, value=rain.rain_mm, flags=flags),
            Measurement(quantity=Quantity.RAIN_TOTAL_MM, value=rain.rain_total_mm, flags=flags),
            Measurement(quantity=Quantity.TIP_COUNT, value=float(rain.tips), flags=flags),
            Measurement(
                quantity=Quantity.RAIN_INTENSITY_MM_H, value=rain.intensity_mm_h, flags=flags | missing
            ),
            # The gateway tells of the time it was off in a row of its own.
            Measurement(quantity=Quantity.UNWATCHED_S, value=max(0.0, unwatched_s), flags=flags),
        )
        self._dry = measured if at_rest else None
        return measured
