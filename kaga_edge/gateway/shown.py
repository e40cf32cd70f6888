"""What the status page asks beside the snapshot: the site's standing facts, and a channel's history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kaga_edge.config import Config
from kaga_edge.config.listing import sensor_facts
from kaga_edge.core.sampling import SensorPlan
from kaga_edge.core.series import thinned
from kaga_edge.store import Store
from kaga_edge.vocabulary.errors import AskedWrongly
from kaga_edge.vocabulary.quantities import BY_CHANNEL

LONGEST_HOURS = 31 * 24
MOST_POINTS = 1000


def site(config: Config, plans: Mapping[str, SensorPlan], k: str) -> dict[str, Any]:
    """Return what stands in the configuration: who measures what for which purpose, and the thresholds."""
    return {
        "v": 1,
        "k": k,
        "gw": config.site.id,
        "name": dict(config.site.name),
        "contact": config.site.contact,
        "zone": config.site.zone,
        "language": config.site.language,
        "kept_s": int(config.store.keep_delivered_s),
        "events": str(config.store.path.parent),
        "sensors": [
            {
                "id": sensor.id,
                "driver": sensor.driver,
                "model": sensor.model.names[0],
                "measures": plans[sensor.id].channels[0].channel,
                "every_s": sensor.every_s,
                "purpose": dict(sensor.disclosure.purpose),
                "personal_data": sensor.disclosure.personal_data,
                "thresholds": _thresholds(plans[sensor.id]),
                "lines": [
                    {"channel": one.channel, "gain": one.gain, "offset": one.offset, "on": one.on}
                    for one in plans[sensor.id].corrections
                ],
            }
            for sensor in config.sensors
            if sensor.id in plans
        ],
    }


def sensors(config: Config) -> dict[str, Any]:
    """Answer ``{"op":"sensors"}``: what ``sensor list`` shows, without reading the files again."""
    return {"v": 1, "sensors": [sensor_facts(sensor) for sensor in config.sensors]}


def _thresholds(plan: SensorPlan) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for rule in sorted(plan.rules, key=lambda rule: rule.threshold):
        found.setdefault(rule.channel, {})[rule.rank] = rule.threshold
    return found


async def series(
    store: Store, plans: Mapping[str, SensorPlan], request: Mapping[str, Any], now_ms: int
) -> dict[str, Any]:
    """Answer ``{"op":"series","sensor":…,"channel":…,"hours":24,"points":300}``. Raises AskedWrongly."""
    plan = plans.get(str(request.get("sensor")))
    if plan is None:
        raise AskedWrongly(f"no sensor {request.get('sensor')!r}", fix=", ".join(plans))
    channels = [quantity.channel for quantity in plan.channels]
    channel = request.get("channel") or channels[0]
    if channel not in channels:
        raise AskedWrongly(f"no channel {channel!r}", where=plan.id, fix=", ".join(channels))
    hours = _number(request, "hours", 24, LONGEST_HOURS)
    points = _number(request, "points", 300, MOST_POINTS)
    found = await store.history(plan.id, channel, now_ms - round(hours * 3_600_000))
    few = thinned(found, round(points))
    return {
        "v": 1,
        "sensor": plan.id,
        "channel": channel,
        "unit": BY_CHANNEL[channel].unit,
        "now": now_ms,
        "t": [at_ms for at_ms, _ in few],
        "value": [value for _, value in few],
    }


def _number(request: Mapping[str, Any], name: str, usual: float, most: float) -> float:
    value = request.get(name, usual)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= most:
        raise AskedWrongly(f"{name} = {value!r}", fix=f"above 0, at most {most:g}")
    return value
