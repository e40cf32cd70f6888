"""Stranded traffic at one point, or between two: is nothing moving, and is it about to stop?

    a  stopped    occupancy at least 0.95 and no vehicle for 3 min (a loop under a standing car reads
                  occupancy 1.0 and count 0: an event on the road, never a fault of the loop)
    b  forming    slower than 10 km/h, less than a quarter of the hour's usual flow, and snow; over five
                  minutes: one vehicle a minute alone is 60 an hour, more than many a road has at night
    c  gathering  more vehicles pass upstream than downstream, 10 min on end; their number is the sum
    d  a ends only after 5 min with vehicles in every interval, or 30 min of an empty road

The hour's usual flow is learned day by day (a seventh of each new day), or comes from the configuration.
Place the detector more than 200 m from traffic lights, or take ``standing_s`` of two full cycles.

Source: rules for the winter of 2018 on National Route 8; the Fukui road office alarms at 3 min.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from kaga_edge.core.watching import Held, Outcome, Scene, Told, hold, lasted_s, snow_lies
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag

STOPPED, FORMING, GATHERING = "stopped", "forming", "gathering"
COUNT, OCCUPANCY = Quantity.VEHICLE_COUNT.channel, Quantity.OCCUPANCY_RATIO.channel
SPEED, ROAD = Quantity.VEHICLE_SPEED_KPH.channel, Quantity.SURFACE_TEMPERATURE_C.channel
FIVE_MINUTES_S = 300.0
HOUR_S = 3600.0
EMPTY = 0.05  # occupancy below this: nobody stands there
LEARNED_SHARE = 1 / 7
HEAVY_SNOW_M = 0.10  # in three hours
Hours = tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranding:
    """``[sensor.stranding]``. ``every_s``: the sensor's interval; lengths in m, flows in vehicles."""

    sensor: str
    every_s: float
    occupancy: float = 0.95
    standing_s: float = 180.0
    moving_s: float = 300.0
    empty_s: float = 1800.0
    slow_kph: float = 10.0
    flow_share: float = 0.25
    snowfall_m_h: float = 0.03
    downstream: str | None = None
    excess_per_5min: float | None = None  # None: rule c off
    gathering_s: float = 600.0
    snow_from: str | None = None
    road_from: str | None = None
    usual_per_hour: Hours = (None,) * 24

    @property
    def sensors(self) -> frozenset[str]:
        """The detector, and the one downstream."""
        return frozenset(one for one in (self.sensor, self.downstream) if one)

    @property
    def keys(self) -> frozenset[str]:
        """Rules a, b and c."""
        return frozenset(f"{kind}/{self.sensor}" for kind in (STOPPED, FORMING, GATHERING))

    @property
    def learns(self) -> bool:
        """Whether nobody wrote down what is usual here."""
        return all(one is None for one in self.usual_per_hour)

    def start(self, raised: frozenset[str]) -> StrandingState:
        """Go on with the alarms raised before a restart."""

        def held(kind: str) -> Held:
            return Held(raised=f"{kind}/{self.sensor}" in raised)

        return StrandingState(
            stopped=f"{STOPPED}/{self.sensor}" in raised,
            forming=held(FORMING),
            gathering=held(GATHERING),
            usual=self.usual_per_hour,
        )

    def step(self, state: StrandingState, scene: Scene, sensor: str) -> Outcome:
        """Look at one interval of traffic."""
        told: list[Told] = []
        if self.downstream is not None and self.excess_per_5min is not None:
            state = self._gathering(state, scene, sensor, told)
        if sensor == self.sensor:
            state = self._stopped(state, scene, told)
            state = self._forming(state, scene, told)
            state = _learned(state, scene, self) if self.learns else state
            state = replace(state, last_s=scene.now_s)
        return Outcome(state=state, told=tuple(told))

    # --- a and d ---

    def _stopped(self, state: StrandingState, scene: Scene, told: list[Told]) -> StrandingState:
        count, occupancy = scene.value(self.sensor, COUNT), scene.value(self.sensor, OCCUPANCY)
        if count is None or occupancy is None:
            return state  # nobody looked: neither standing nor moving
        state = self._without_gap(state, scene.now_s)
        began_s = scene.now_s - self.every_s
        standing = occupancy >= self.occupancy and count == 0
        state = replace(
            state,
            standing_s=_since(state.standing_s, standing, began_s),
            moving_s=_since(state.moving_s, count > 0, began_s),
            empty_s=_since(state.empty_s, count == 0 and occupancy < EMPTY, began_s),
        )
        stood_s = _length(state.standing_s, scene.now_s)
        if not state.stopped and standing and stood_s >= self.standing_s:
            told.append(self._told(STOPPED, "raised", OCCUPANCY, scene, occupancy, self.occupancy, stood_s))
            return replace(state, stopped=True)
        flows = _length(state.moving_s, scene.now_s) >= self.moving_s
        if state.stopped and (flows or _length(state.empty_s, scene.now_s) >= self.empty_s):
            told.append(self._told(STOPPED, "cleared", OCCUPANCY, scene, occupancy, self.occupancy))
            return replace(state, stopped=False)
        return state

    def _without_gap(self, state: StrandingState, now_s: float) -> StrandingState:
        """Forget since when: more than one interval is missing, and nobody knows what happened in it."""
        if state.last_s is None or now_s - state.last_s <= 2.5 * self.every_s:
            return state
        return replace(state, standing_s=None, moving_s=None, empty_s=None)

    # --- b ---

    def _forming(self, state: StrandingState, scene: Scene, told: list[Told]) -> StrandingState:
        count, speed = scene.value(self.sensor, COUNT), scene.value(self.sensor, SPEED)
        usual = None if scene.hour is None else state.usual[scene.hour]
        if count is None:
            return state
        kept = (one for one in state.passed if lasted_s(one[0], scene.now_s) < FIVE_MINUTES_S)
        passed = (*kept, (scene.now_s, count, speed))
        flow = sum(one[1] for one in passed) * HOUR_S / (len(passed) * self.every_s)
        kph = _mean_kph(passed)
        if kph is None:  # nobody passes: what stands there is not back to normal
            slow = state.forming.raised and (scene.value(self.sensor, OCCUPANCY) or 0.0) >= EMPTY
        else:
            slow = kph < self.slow_kph
        thin = usual is not None and flow < self.flow_share * usual
        # Once it has begun the snow may end: the road is back to normal when its traffic is.
        holds = slow and thin and (state.forming.raised or self._snows(scene))
        forming, change = hold(state.forming, scene.now_s, holds, 0.0, self.moving_s)
        if change is not None:
            told.append(self._told(FORMING, change, SPEED, scene, kph, self.slow_kph))
        return replace(state, forming=forming, passed=passed)

    def _snows(self, scene: Scene) -> bool:
        fallen_m = scene.value(self.snow_from, "snowfall_1h")
        falls = fallen_m is not None and fallen_m >= self.snowfall_m_h
        return falls or bool(snow_lies(scene, self.snow_from))

    # --- c ---

    def _gathering(
        self, state: StrandingState, scene: Scene, sensor: str, told: list[Told]
    ) -> StrandingState:
        assert self.excess_per_5min is not None
        count = scene.value(sensor, COUNT)
        if count is None:  # nobody counted here: what the other one counts has not gathered either
            return replace(state, in_s=None) if sensor == self.sensor else replace(state, out_s=None)
        mine = sensor == self.sensor
        more, other_s = (count, state.out_s) if mine else (-count, state.in_s)
        state = replace(state, in_s=scene.now_s) if mine else replace(state, out_s=scene.now_s)
        if other_s is None or scene.now_s - other_s > FIVE_MINUTES_S + self.every_s:
            # One of the two is silent: what it does not count has not gathered.
            begun = Held(raised=state.gathering.raised)
            return replace(state, recent=((scene.now_s, more),), gathering=begun)
        recent = tuple(one for one in state.recent if lasted_s(one[0], scene.now_s) < FIVE_MINUTES_S)
        recent = (*recent, (scene.now_s, more))
        if lasted_s(other_s, scene.now_s) > self.every_s / 2:  # the other's count of this interval is to come
            vehicles = 0.0 if state.gathering == Held() else state.vehicles + more
            return replace(state, recent=recent, vehicles=vehicles)
        exceeds = sum(one[1] for one in recent) > self.excess_per_5min
        begins = exceeds and state.gathering == Held()
        # What began within the window counts too: those vehicles are already in between.
        vehicles = sum(one[1] for one in recent) if begins else state.vehicles + more
        gathering, change = hold(state.gathering, scene.now_s, exceeds, self.gathering_s, self.gathering_s)
        if gathering == Held():
            vehicles = 0.0
        if change is not None:
            limit = self.excess_per_5min
            told.append(self._told(GATHERING, change, COUNT, scene, max(0.0, vehicles), limit))
        return replace(state, recent=recent, gathering=gathering, vehicles=vehicles)

    def _told(
        self,
        kind: str,
        change: str,
        channel: str,
        scene: Scene,
        value: float | None,
        threshold: float,
        stood_s: int = 0,
    ) -> Told:
        data: dict[str, object] = {"value": value, "threshold": threshold}
        if change == "raised":
            data["severity"] = self._severity(scene)
        return Told(
            kind=kind,
            sensor=self.sensor,
            channel=channel,
            state=change,
            data=data | ({"stood_s": stood_s} if stood_s else {}),
            words={"minutes": round(stood_s / 60), "vehicles": round(value or 0.0)},
        )

    def _severity(self, scene: Scene) -> int:
        """Return 1, one more in heavy snow of three hours, one more on a freezing road."""
        fallen_m, road_c = scene.value(self.snow_from, "snowfall_3h"), scene.value(self.road_from, ROAD)
        heavy = fallen_m is not None and fallen_m >= HEAVY_SNOW_M
        return 1 + heavy + (road_c is not None and road_c <= 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class StrandingState:
    """What one point's rules remember. Times are monotonic seconds; flows are vehicles."""

    stopped: bool = False
    standing_s: float | None = None  # since when nothing moves; the others alike
    moving_s: float | None = None
    empty_s: float | None = None
    last_s: float | None = None
    forming: Held = field(default_factory=Held)
    passed: tuple[tuple[float, float, float | None], ...] = ()  # of five minutes: time, vehicles, km/h
    gathering: Held = field(default_factory=Held)
    recent: tuple[tuple[float, float], ...] = ()  # time, vehicles in (+) and out (-)
    in_s: float | None = None  # when each of the two detectors last counted
    out_s: float | None = None
    vehicles: float = 0.0  # between the two points since the excess began
    usual: Hours = (None,) * 24
    hour: int | None = None
    hour_count: float = 0.0
    hour_began_s: float | None = None
    hour_spoilt: bool = False  # somebody worked at the detector in this hour, or nobody counted


def _mean_kph(passed: tuple[tuple[float, float, float | None], ...]) -> float | None:
    """Return the space-mean speed of the vehicles that passed, None without one."""
    known = [(count, kph) for _, count, kph in passed if count and kph]
    hours = sum(count / kph for count, kph in known)
    return round(sum(count for count, _ in known) / hours, 1) if known else None


def _since(before_s: float | None, holds: bool, began_s: float) -> float | None:
    if not holds:
        return None
    return began_s if before_s is None else before_s


def _length(since_s: float | None, now_s: float) -> int:
    return 0 if since_s is None else lasted_s(since_s, now_s)


def _learned(state: StrandingState, scene: Scene, rule: Stranding) -> StrandingState:
    """Add the interval to its hour; at the end of a whole, untroubled hour learn its flow.

    An hour in which somebody worked at the detector, or nobody counted, if only for a minute, says nothing
    about its road.
    """
    count = scene.value(rule.sensor, COUNT)
    if scene.hour is None or count is None:
        return replace(state, hour_spoilt=True)
    gap = state.last_s is not None and scene.now_s - state.last_s > 1.5 * rule.every_s
    spoilt = gap or bool(scene.newest[rule.sensor, COUNT].flags & Flag.MAINTENANCE)
    if scene.hour == state.hour:
        spoilt = spoilt or state.hour_spoilt
        return replace(state, hour_count=state.hour_count + count, hour_spoilt=spoilt)
    usual = state.usual
    alarmed = state.stopped or state.forming.raised or state.gathering.raised
    troubled = alarmed or state.hour_spoilt or gap
    whole = state.hour_began_s is not None and scene.now_s - state.hour_began_s > 0.95 * HOUR_S
    if state.hour is not None and whole and not troubled:
        before = usual[state.hour]
        flow = state.hour_count
        learned = flow if before is None else before + LEARNED_SHARE * (flow - before)
        usual = (*usual[: state.hour], learned, *usual[state.hour + 1 :])
    return replace(
        state,
        usual=usual,
        hour=scene.hour,
        hour_count=count,
        hour_began_s=scene.now_s,
        hour_spoilt=spoilt,
    )
