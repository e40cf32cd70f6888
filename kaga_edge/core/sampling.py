"""From what a bus brought to a sample with its alarms: siting, grading, alarms, in this order.

``judge`` is pure: the state of one sensor goes in, the new state comes out, so the same path runs in
the daemon, in a replay and in a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from operator import attrgetter

from kaga_edge.core import alarms, calibration, deriving, grading, siting
from kaga_edge.core.alarms import AlarmRule
from kaga_edge.core.calibration import Correction
from kaga_edge.core.deriving import Deriving, Memory
from kaga_edge.core.grading import History, Limits, SeasonLimits
from kaga_edge.core.local import local_time
from kaga_edge.core.siting import Mount, Surroundings
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.quick import dataclass
from kaga_edge.vocabulary.readings import Alert, Flag, Grade, Measurement, Moment, Reading, Sample

NO_LIMITS, NO_HISTORY = Limits(), History()
GOOD, GRADE = Grade.GOOD, attrgetter("grade")


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorPlan:
    """What the configuration says about one sensor."""

    id: str
    said: tuple[Quantity, ...]  # what its driver measures
    mount: Mount = field(default_factory=Mount)
    limits: Mapping[str, Limits] = field(default_factory=dict)  # by channel
    rules: tuple[AlarmRule, ...] = ()
    sound_reference_c: float | None = None  # None: distance is not corrected
    deriving: Deriving = field(default_factory=Deriving)
    corrections: tuple[Correction, ...] = ()
    seasons: tuple[SeasonLimits, ...] = ()
    units_per_ma: float | None = None  # of a 4-20 mA loop: how much of what it stands for
    # What follows from the above, once.
    derived: tuple[Quantity, ...] = field(init=False, repr=False, compare=False)  # by siting
    as_said: bool = field(init=False, repr=False, compare=False)  # neither sited nor calibrated
    sums: bool = field(init=False, repr=False, compare=False)  # something is derived from its own past

    def __post_init__(self) -> None:
        object.__setattr__(self, "derived", siting.derived_quantities(self.mount, self.said))
        object.__setattr__(self, "as_said", not self.derived and not self.corrections)
        object.__setattr__(self, "sums", bool(self.deriving.quantities))

    @property
    def channels(self) -> tuple[Quantity, ...]:
        """The sensor's channels, in the order of its catalog entry."""
        raw = calibration.raw_quantities(self.corrections)
        return (*self.derived, *self.said, *raw, *self.deriving.quantities)

    @property
    def follows(self) -> frozenset[str]:
        """The channels that follow from what the instrument itself says (of a loop: its current)."""
        count = len(self.derived) + (self.units_per_ma is not None)
        return frozenset(one.channel for one in (*self.derived, *self.said)[:count])

    def kept(self, histories: Mapping[Quantity, History]) -> dict[Quantity, History]:
        """Return those of an earlier plan that go on: what nobody asks for now would be old one day."""
        asked = {channel for channel, its in self.limits.items() if its.tests}
        return {one: past for one, past in histories.items() if self.seasons or one.channel in asked}


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorState:
    """What must be remembered of one sensor between samples."""

    histories: Mapping[Quantity, History] = field(default_factory=dict)
    raised: frozenset[str] = frozenset()
    memory: Memory = field(default_factory=Memory)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One sample, ready to be stored, with the alarms it raised or cleared."""

    sample: Sample
    alerts: tuple[Alert, ...] = ()


def judge(
    plan: SensorPlan,
    state: SensorState,
    *,
    at: Moment,
    at_s: float,
    measurements: tuple[Measurement, ...] | None,
    around: Surroundings,
    raw: bytes | None = None,
    maintained: bool = False,
) -> tuple[SensorState, Judged]:
    """Return the sensor's new state and the sample. ``measurements`` None: the poll failed.

    ``at_s`` is monotonic seconds: rates must not jump with the wall clock. ``maintained``: somebody works
    at the sensor.
    """
    if measurements is None:
        return state, Judged(sample=missing(plan, at, raw))
    sited, limits = measurements, plan.limits
    if not plan.as_said:
        sited = uncalibrated(plan, measurements, around)
    if plan.seasons:
        local = local_time(at.wall_ms, plan.deriving.zone)
        limits = grading.limits_of((local.month, local.day), limits, plan.seasons)
    if plan.corrections:
        sited = calibration.correct(plan.corrections, sited)
    keep = bool(plan.seasons)
    histories, readings = _graded(limits, state.histories, at_s, sited, keep=keep)
    if plan.corrections:
        readings = calibration.expired(plan.corrections, readings, at, plan.follows)
    # Of the instrument: maintenance is no fault.
    good = list(map(GRADE, readings)).count(GOOD) == len(readings)
    memory, raised = state.memory, state.raised
    alerts: tuple[Alert, ...] = ()
    if plan.sums:
        memory, derived = deriving.derive(plan.deriving, memory, at, readings, maintained=maintained)
        histories, more = _graded(limits, histories, at_s, derived, keep=keep)
        readings += more
    if maintained:  # last: who grades must not hear of it, who learns from the sample must
        readings = _in_maintenance(readings)
    if plan.rules:
        raised, alerts = _alarms(plan, raised, readings, at)
    if histories is not state.histories or memory is not state.memory or raised is not state.raised:
        state = SensorState(histories=histories, raised=raised, memory=memory)
    sample = Sample(sensor=plan.id, at=at, readings=readings, raw=None if good else raw)
    return state, Judged(sample=sample, alerts=alerts)


def uncalibrated(
    plan: SensorPlan, measurements: tuple[Measurement, ...], around: Surroundings
) -> tuple[Measurement, ...]:
    """Return every channel before its own calibration; what follows from another one, by that one's."""
    if plan.units_per_ma is not None:
        measurements = calibration.through_loop(plan.corrections, plan.units_per_ma, measurements)
    if not plan.derived:
        return measurements
    said = calibration.corrected(plan.corrections, measurements) if plan.corrections else measurements
    derived = siting.derive(plan.derived, plan.mount, said, around, sound_reference_c=plan.sound_reference_c)
    return (*derived, *measurements)


def _graded(
    limits: Mapping[str, Limits],
    before: Mapping[Quantity, History],
    at_s: float,
    measurements: tuple[Measurement, ...],
    *,
    keep: bool,
) -> tuple[Mapping[Quantity, History], tuple[Reading, ...]]:
    """Return the histories and the readings. A past that no test asks for is kept only where ``keep``."""
    readings: list[Reading] = []
    moved: dict[Quantity, History] = {}
    for measurement in measurements:
        quantity, value, flags = measurement.quantity, measurement.value, measurement.flags
        its = limits.get(quantity.channel, NO_LIMITS)
        lowest, highest = its.within
        plain = value is not None and lowest <= value <= highest and not (flags or its.tests or keep)
        if plain:  # as most are
            readings.append(Reading(quantity=quantity, value=value, flags=flags, grade=GOOD))
            continue
        old = before.get(quantity, NO_HISTORY)
        new, reading = grading.grade(its, old, at_s, measurement, keep=keep)
        if new is not old:
            moved[quantity] = new
        readings.append(reading)
    return {**before, **moved} if moved else before, tuple(readings)


def _in_maintenance(readings: tuple[Reading, ...]) -> tuple[Reading, ...]:
    return tuple(replace(one, flags=one.flags | Flag.MAINTENANCE) for one in readings)


def missing(plan: SensorPlan, at: Moment, raw: bytes | None) -> Sample:
    """Return the sample that says: at this time there was nothing."""
    nothing = tuple(
        Reading(quantity=q, value=None, flags=Flag.MISSING, grade=Grade.MISSING) for q in plan.channels
    )
    return Sample(sensor=plan.id, at=at, readings=nothing, raw=raw)


def _alarms(
    plan: SensorPlan, raised: frozenset[str], readings: tuple[Reading, ...], at: Moment
) -> tuple[frozenset[str], tuple[Alert, ...]]:
    if not plan.rules:
        return raised, ()
    alerts: list[Alert] = []
    for reading in readings:
        rules = tuple(r for r in plan.rules if r.channel == reading.quantity.channel)
        if not rules or reading.value is None:
            continue
        raised, changes = alarms.step(rules, raised, reading.quantity.as_sent(reading.value))
        alerts += [_alert(change, reading, at) for change in changes]
    return raised, tuple(alerts)


def _alert(change: alarms.Change, reading: Reading, at: Moment) -> Alert:
    rule = change.rule
    return Alert(
        key=rule.key,
        state=change.state,
        subject=f"{rule.sensor}/{rule.channel}",
        at=at,
        data={
            "rank": rule.rank,
            "value": round(change.value, 6),
            "unit": rule.unit,
            "threshold": rule.threshold,
            "q": int(reading.flags),
        },
    )
