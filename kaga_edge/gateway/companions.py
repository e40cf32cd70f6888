"""What a sensor's value is sited with: the air pressure and temperature its neighbours measured last."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from kaga_edge.config import Config
from kaga_edge.core.sampling import SensorPlan
from kaga_edge.core.siting import Surroundings
from kaga_edge.core.watching import fresh_s
from kaga_edge.gateway.latest import Latest
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag, Grade

LATE_S = 6 * 3600.0  # the weather changes by less than it differs from the standard's


def around(plan: SensorPlan, latest: Mapping[str, Latest], config: Config, now_s: float) -> Surroundings:
    """Return the surroundings of one sensor; None for what no neighbour measures, or not for hours."""
    position, mount = config.site.position, plan.mount
    if mount.air_pressure_from is None and mount.temperature_from is None:
        return _alone(position[0] if position else None)
    hpa, hpa_late = _measured(mount.air_pressure_from, Quantity.AIR_PRESSURE_HPA, latest, now_s, config)
    celsius, celsius_late = _measured(
        mount.temperature_from, Quantity.AIR_TEMPERATURE_C, latest, now_s, config
    )
    return Surroundings(
        air_pressure_hpa=hpa,
        air_temperature_c=celsius,
        latitude_deg=position[0] if position else None,
        air_pressure_late=hpa_late,
        air_temperature_late=celsius_late,
    )


@lru_cache(maxsize=4)
def _alone(latitude_deg: float | None) -> Surroundings:
    return Surroundings(latitude_deg=latitude_deg)


def _measured(
    sensor: str | None,
    quantity: Quantity,
    latest: Mapping[str, Latest],
    now_s: float,
    config: Config,
) -> tuple[float | None, bool]:
    """Return what a neighbour measured last, None when it is worth nothing; and whether that is late."""
    seen = latest.get(sensor) if sensor else None
    if sensor is None or seen is None or seen.good_s is None:
        return None, False
    fresh = fresh_s(next((one.every_s for one in config.sensors if one.id == sensor), 0.0))
    if now_s - seen.good_s > max(LATE_S, fresh):
        return None, False
    reading = next((one for one in seen.good if one.quantity is quantity), None)
    if reading is None or (reading.grade is Grade.FAIL and Flag.OUT_OF_RANGE in reading.flags):
        return None, False  # no air has it: better the usual pressure, flagged as an estimate
    return reading.value, now_s - seen.good_s > fresh
