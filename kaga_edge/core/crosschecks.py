"""Checks of one sensor against another: which of them is wrong a person decides, we say that one is.

    float       the float switch is wet while the level is below it, or dry while the level is above it
    levels      two level gauges of different principle are more than 10 cm apart
    snow-warm   the snow grows by 2 cm within an hour while the air is above 4 degC
    frost-tips  the rain gauge tips while the air is below 2 degC (a heated gauge needs no such check): what
                falls as snow then tips when it melts. Told only below freezing, where nothing melts: sleet
                at 1 degC is Kaga's whole winter, and an alarm of it would soon be read by nobody.

A pressure probe without its barometer is siting's business: its level is an estimate, and flagged so.
The samples concerned carry the flag LOW_QUALITY and the grade suspect while the condition holds; what
lasts is also told once. No value is held back, and no alarm waits for a check.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from kaga_edge.core.watching import Held, Outcome, Place, Scene, Told, hold, lasted_s
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag

LEVEL = Quantity.WATER_LEVEL_M.channel
CONTACT = Quantity.CONTACT_STATE.channel
DEPTH, RAIN, AIR = (
    Quantity.SNOW_DEPTH_M.channel,
    Quantity.RAIN_MM.channel,
    Quantity.AIR_TEMPERATURE_C.channel,
)
HOUR_S = 3600.0
RIVER_M_PER_S = 0.3 / 600.0  # as the one next door rose on 4 August 2022
FREEZING_C = 0.0
Verdict = tuple["CheckState", bool, dict[str, Any]]  # next state, contradiction, the alarm's numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckState:
    """Whether the contradiction was told, and the depths of the last hour where they are looked at."""

    held: Held = field(default_factory=Held)
    depths: tuple[tuple[float, float], ...] = ()  # candidates for the lowest: time in s, depth in m


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossCheck:
    """What all checks share: ``one`` is doubted by ``other``, and told after ``raise_s``."""

    one: str
    other: str
    raise_s: float = 120.0
    clear_s: float = 600.0

    kind = ""
    channel = ""
    other_channel = ""

    @property
    def sensors(self) -> frozenset[str]:
        """Both."""
        return frozenset((self.one, self.other))

    @property
    def keys(self) -> frozenset[str]:
        """Its one alarm."""
        return frozenset({f"{self.kind}/{self.one}"})

    def start(self, raised: frozenset[str]) -> CheckState:
        """Go on with what was told before a restart."""
        return CheckState(held=Held(raised=f"{self.kind}/{self.one}" in raised))

    def step(self, state: CheckState, scene: Scene, sensor: str) -> Outcome:
        """Compare the two as they are now."""
        value, other = scene.value(self.one, self.channel), scene.value(self.other, self.other_channel)
        if value is None or other is None:
            return Outcome(state=state)
        state, wrong, data = self.judge(state, scene, value, other)
        tell = wrong and self.worth_telling(other)
        held, change = hold(state.held, scene.now_s, tell, self.raise_s, self.clear_s)
        told = (self._told(change, value, data),) if change is not None else ()
        doubted = self.doubted(sensor) if wrong else frozenset()
        return Outcome(state=replace(state, held=held), told=told, doubted=doubted)

    def _moved_m(self, scene: Scene) -> float:
        """Return how far a river may have moved between the two samples: one may be read seldom."""
        one, other = scene.newest[self.one, self.channel], scene.newest[self.other, self.other_channel]
        return RIVER_M_PER_S * lasted_s(min(one.at_s, other.at_s), max(one.at_s, other.at_s))

    def judge(self, state: CheckState, scene: Scene, value: float, other: float) -> Verdict:
        """Return the next state, whether the two contradict each other, and the alarm's numbers."""
        raise NotImplementedError

    def worth_telling(self, _other: float) -> bool:
        """Say whether a contradiction is told as well as flagged."""
        return True

    def doubted(self, sensor: str) -> frozenset[Place]:
        """Return the channels of the present sample that are in doubt."""
        channel = self.channel if sensor == self.one else self.other_channel
        return frozenset({(sensor, channel)})

    def _told(self, change: str, value: float, data: dict[str, Any]) -> Told:
        return Told(
            kind=self.kind,
            sensor=self.one,
            channel=self.channel,
            state=change,
            data={"value": value, "other": self.other} | data,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatCheck(CrossCheck):
    """A level gauge (``one``) against a float switch (``other``) at ``height_m`` above gauge zero."""

    height_m: float
    margin_m: float = 0.05

    kind = "float"
    channel = LEVEL
    other_channel = CONTACT

    def judge(self, state: CheckState, scene: Scene, value: float, other: float) -> Verdict:
        """Wet below the switch, or dry above it; the margin is the swing of the float."""
        wet, margin_m = other >= 0.5, self.margin_m + self._moved_m(scene)
        wrong = value < self.height_m - margin_m if wet else value > self.height_m + margin_m
        return state, wrong, {"threshold": self.height_m, "wet": wet}


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelsCheck(CrossCheck):
    """Two level gauges of one water."""

    apart_m: float = 0.10

    kind = "levels"
    channel = LEVEL
    other_channel = LEVEL

    def judge(self, state: CheckState, scene: Scene, value: float, other: float) -> Verdict:
        """More apart than allowed; exactly as far is allowed (to a tenth of a millimetre)."""
        apart_m = round(abs(value - other), 4)
        return (
            state,
            apart_m > self.apart_m + self._moved_m(scene),
            {"threshold": self.apart_m, "apart": apart_m},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SnowWarmCheck(CrossCheck):
    """A snow gauge (``one``) against the air (``other``)."""

    above_c: float = 4.0
    rise_m: float = 0.02

    kind = "snow-warm"
    channel = DEPTH
    other_channel = AIR

    def judge(self, state: CheckState, scene: Scene, value: float, other: float) -> Verdict:
        """Grown since the lowest depth of the last hour, in air too warm for it; a stray echo is no depth."""
        if scene.newest[self.one, DEPTH].flags & Flag.SPIKE:
            return state, False, {"threshold": self.above_c, "air": other}
        kept = (one for one in state.depths if one[1] < value and scene.now_s - one[0] <= HOUR_S)
        depths = (*kept, (scene.now_s, value))
        rise_m = round(value - depths[0][1], 4)
        wrong = other > self.above_c and rise_m >= self.rise_m
        return replace(state, depths=depths), wrong, {"threshold": self.above_c, "rise": rise_m, "air": other}

    def doubted(self, sensor: str) -> frozenset[Place]:
        """Only the snow: the air is the more reliable of the two."""
        return frozenset({(sensor, DEPTH)}) if sensor == self.one else frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class FrostTipsCheck(CrossCheck):
    """A rain gauge without heating (``one``) against the air (``other``)."""

    below_c: float = 2.0
    raise_s: float = 0.0

    kind = "frost-tips"
    channel = RAIN
    other_channel = AIR

    def judge(self, state: CheckState, _scene: Scene, value: float, other: float) -> Verdict:
        """Tips in the cold: melting snow, a knock, or somebody cleaning it."""
        threshold_c = min(self.below_c, FREEZING_C)  # of what is told
        return state, value > 0 and other < self.below_c, {"threshold": threshold_c, "air": other}

    def worth_telling(self, other: float) -> bool:
        """Only in frost."""
        return other < FREEZING_C

    def doubted(self, sensor: str) -> frozenset[Place]:
        """Only the rain."""
        return frozenset({(sensor, RAIN)}) if sensor == self.one else frozenset()
