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


def around(plan: SensorPlan, latest: Mapping[str, Latest], config: Config, now_s: float) -> Surroundings:
    """Return the surroundings of one sensor; None for what no neighbour measures, or not lately."""
    position, mount = config.site.position, plan.mount
    if mount.air_pressure_from is None and mount.temperature_from is None:
        return _alone(position[0] if position else None)
    return Surroundings(
        air_pressure_hpa=_measured(
            plan.mount.air_pressure_from, Quantity.AIR_PRESSURE_HPA, latest, now_s, config
        ),
        air_temperature_c=_measured(
            plan.mount.temperature_from, Quantity.AIR_TEMPERATURE_C, latest, now_s, config
        ),
        latitude_deg=position[0] if position else None,
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
) -> float | None:
    seen = latest.get(sensor) if sensor else None
    if sensor is None or seen is None or seen.good_s is None:
        return None
    every_s = next((one.every_s for one in config.sensors if one.id == sensor), 0.0)
    if now_s - seen.good_s > fresh_s(every_s):
        return None
    reading = next((one for one in seen.good if one.quantity is quantity), None)
    if reading is None or (reading.grade is Grade.FAIL and Flag.OUT_OF_RANGE in reading.flags):
        return None  # no air has it: better the usual pressure, flagged as an estimate
    return reading.value
