"""Rules that look at several values of a site at once: stranded traffic, icing, sensors that disagree.

A watch is a frozen rule with a pure ``step``: what the site knows goes in, what is to be told and which
channels are in doubt comes out. Alarms from here are raised and cleared like those of one channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Protocol

from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.quick import dataclass
from kaga_edge.vocabulary.readings import Flag

FRESH_S = 900.0  # a companion's value older than this says nothing any more
PERIODS_FRESH = 2.5  # but one that is measured seldom is good until it has missed a turn
SNOW_M = 0.005  # what a gauge can tell from nothing
Place = tuple[str, str]  # sensor, channel


def fresh_s(every_s: float) -> float:
    """Return for how long a value of a sensor with this period is worth something."""
    return max(FRESH_S, PERIODS_FRESH * every_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """The newest value of one channel; ``at_s`` monotonic."""

    value: float | None
    at_s: float
    flags: Flag = Flag.GOOD
    fresh_s: float = FRESH_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the site knows when a sample has come. ``hour``: of local time, None while nobody knows it."""

    now_s: float
    newest: Mapping[Place, Newest]
    hour: int | None = None

    def value(self, sensor: str | None, channel: str) -> float | None:
        """Return a channel's newest value; None: no such channel, no value, or too old."""
        found = self.newest.get((sensor, channel)) if sensor is not None else None
        return None if found is None or self.now_s - found.at_s > found.fresh_s else found.value


def snow_lies(scene: Scene, sensor: str | None) -> bool | None:
    """Say whether snow lies at a gauge; None: not known. Grass is no snow where a zero knows it."""
    on_ground_m = scene.value(sensor, Quantity.SNOW_ON_GROUND_M.channel)
    depth_m = scene.value(sensor, Quantity.SNOW_DEPTH_M.channel) if on_ground_m is None else on_ground_m
    return None if depth_m is None else depth_m >= SNOW_M


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One change of a watch's alarm. ``data`` joins the alert's data; ``words`` fill its sentence."""

    kind: str
    sensor: str
    channel: str
    state: str  # "raised" | "cleared"
    data: Mapping[str, Any] = field(default_factory=dict)
    words: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The alarm's name on the wire."""
        return f"{self.kind}/{self.sensor}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a watch makes of a scene. ``doubted``: channels whose present sample is suspect."""

    state: Any
    told: tuple[Told, ...] = ()
    doubted: frozenset[Place] = frozenset()


class Watch(Protocol):
    """One rule. Its state is its own affair; only which alarms are raised outlives a restart."""

    @property
    def sensors(self) -> frozenset[str]:
        """The sensors whose samples move it."""

    @property
    def keys(self) -> frozenset[str]:
        """The alarms it may raise."""

    def start(self, raised: frozenset[str]) -> Any:
        """Return the first state, given the keys that were raised before a restart."""

    def step(self, state: Any, scene: Scene, sensor: str) -> Outcome:
        """Look at the scene after a sample of ``sensor`` has come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A condition that is told when it has held for a time, and taken back when it has failed for a time."""

    raised: bool = False
    since_s: float | None = None  # since when the condition says the opposite of ``raised``


def lasted_s(since_s: float, now_s: float) -> int:
    """Return the whole seconds from one sample to another.

    Samples come some tenths early or late: three of them a minute apart last two minutes, not 119.9 s, which
    would have an alarm wait for one more.
    """
    return round(now_s - since_s)


def hold(state: Held, now_s: float, holds: bool, raise_s: float, clear_s: float) -> tuple[Held, str | None]:
    """Return the next state and "raised", "cleared" or None."""
    if holds is state.raised:
        return Held(raised=state.raised), None
    since_s = now_s if state.since_s is None else state.since_s
    if lasted_s(since_s, now_s) >= (raise_s if holds else clear_s):
        return Held(raised=holds), "raised" if holds else "cleared"
    return Held(raised=state.raised, since_s=since_s), None
