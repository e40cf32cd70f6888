"""Icing of a road surface: cold enough, and something there that can freeze.

    cold   the surface is at or below 0 degC (it clears 1 degC above)
    wet    frost: the dew point of the air is at or above the surface's temperature
           or rain, or new snow, within the last hour, or snow lying
    A site that measures nothing wet warns by the cold alone and says ``moist`` null: a needless warning
    costs less than a missed one.

Source: dew point by Magnus with the coefficients of WMO-No. 8 (17.62, 243.12 degC over water).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log

from kaga_edge.core.watching import SNOW_M, Held, Outcome, Scene, Told, hold, snow_lies
from kaga_edge.vocabulary.quantities import Quantity

ICING = "icing"
SURFACE = Quantity.SURFACE_TEMPERATURE_C.channel
AIR, HUMIDITY = Quantity.AIR_TEMPERATURE_C.channel, Quantity.RELATIVE_HUMIDITY_PCT.channel
RAIN, RAIN_1H = Quantity.RAIN_MM.channel, Quantity.RAIN_1H_MM.channel
WET_S = 3600.0  # a road stays wet for about an hour after rain


@dataclass(frozen=True, slots=True, kw_only=True)
class Icing:
    """``[sensor.icing]`` of a sensor that measures a surface. Temperatures in degC."""

    sensor: str
    at_or_below_c: float = 0.0
    hysteresis_c: float = 1.0
    air_from: str | None = None
    rain_from: str | None = None
    snow_from: str | None = None
    clear_s: float = 600.0

    @property
    def sensors(self) -> frozenset[str]:
        """The surface, and the rain gauge, whose tips must not be missed."""
        return frozenset(one for one in (self.sensor, self.rain_from) if one)

    @property
    def keys(self) -> frozenset[str]:
        """Its one alarm."""
        return frozenset({f"{ICING}/{self.sensor}"})

    def start(self, raised: frozenset[str]) -> IcingState:
        """Go on with the alarm raised before a restart."""
        return IcingState(held=Held(raised=f"{ICING}/{self.sensor}" in raised))

    def step(self, state: IcingState, scene: Scene, sensor: str) -> Outcome:
        """Judge the surface as it is now."""
        rain_mm = scene.value(self.rain_from, RAIN)
        if sensor == self.rain_from and rain_mm:
            state = replace(state, rained_s=scene.now_s)
        surface_c = scene.value(self.sensor, SURFACE)
        if surface_c is None or sensor != self.sensor:
            return Outcome(state=state)
        limit_c = self.at_or_below_c + (self.hysteresis_c if state.held.raised else 0.0)
        moist = self._moist(state, scene, surface_c)
        risk = surface_c <= limit_c and moist is not False
        held, change = hold(state.held, scene.now_s, risk, 0.0, self.clear_s)
        told = () if change is None else (self._told(change, surface_c, moist),)
        return Outcome(state=replace(state, held=held), told=told)

    def _moist(self, state: IcingState, scene: Scene, surface_c: float) -> bool | None:
        """Say whether something can freeze; None: nothing here measures that."""
        air_c, humidity = scene.value(self.air_from, AIR), scene.value(self.air_from, HUMIDITY)
        found: list[bool] = []
        if air_c is not None and humidity is not None and humidity > 0:
            found.append(dew_point_c(air_c, humidity) >= surface_c)
        if scene.value(self.rain_from, RAIN) is not None:
            rained = state.rained_s is not None and scene.now_s - state.rained_s <= WET_S
            # The sum of the last hour, where there is one, also knows of the rain before a restart.
            found.append(rained or bool(scene.value(self.rain_from, RAIN_1H)))
        fallen_m, lies = scene.value(self.snow_from, "snowfall_1h"), snow_lies(scene, self.snow_from)
        if fallen_m is not None or lies is not None:
            found.append((fallen_m or 0.0) >= SNOW_M or bool(lies))
        return any(found) if found else None

    def _told(self, change: str, surface_c: float, moist: bool | None) -> Told:
        data = {"value": surface_c, "threshold": self.at_or_below_c, "moist": moist}
        return Told(kind=ICING, sensor=self.sensor, channel=SURFACE, state=change, data=data)


@dataclass(frozen=True, slots=True, kw_only=True)
class IcingState:
    """The alarm, and when it last rained (monotonic seconds)."""

    held: Held
    rained_s: float | None = None


def dew_point_c(air_c: float, humidity_pct: float) -> float:
    """Return the dew point over water. ValueError: humidity not above zero."""
    gamma = log(humidity_pct / 100.0) + 17.62 * air_c / (243.12 + air_c)
    return 243.12 * gamma / (17.62 - gamma)
