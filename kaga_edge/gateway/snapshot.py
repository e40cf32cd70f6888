"""What status, health message, systemd and the log are told: frozen facts in, plain values out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kaga_edge import __version__
from kaga_edge.buses import BusHealth, Polled
from kaga_edge.config import Config
from kaga_edge.core import message
from kaga_edge.core.sampling import SensorPlan, uncalibrated
from kaga_edge.core.siting import Surroundings
from kaga_edge.core.stored import Ledger, StoreSize, Tally
from kaga_edge.gateway.exchanges import told
from kaga_edge.gateway.latest import Latest
from kaga_edge.link import MQTT_OLD
from kaga_edge.uplink import LinkHealth
from kaga_edge.vocabulary.errors import KagaError, WarmingUp
from kaga_edge.vocabulary.readings import Measurement, Moment

# Rows wait for what only the other side can change.
WAITS_FOR_SOMEBODY = frozenset({"no_subscriber", "refusing", "no_platform_ack"})

SUMS = ("numbered", "delivered", "waiting", "gone")
EPOCHS_TOLD = 100  # in a health message, the newest: it has room for six times as many


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything a snapshot is made of, taken in one go."""

    config: Config
    plans: Mapping[str, SensorPlan]
    latest: Mapping[str, Latest]
    index: Mapping[str, int]
    buses: Mapping[str, BusHealth]
    uplink: LinkHealth | None
    uplink_fault: KagaError | None  # why there is none although the site has a platform
    ep: str
    ledger: Ledger
    oldest_ms: int | None  # time of the oldest waiting row
    size: StoreSize
    held: int
    sick: KagaError | None
    moment: Moment
    now_s: float
    up_s: float
    stopped: frozenset[str] = frozenset()  # sensors whose collection was stopped by request
    damaged: int = 0  # damaged files kept beside the store's


def status(facts: Facts, *, degraded: bool = False) -> dict[str, Any]:
    """Return the snapshot that ``kaga-edge status --json`` shows. ``degraded``: not on its own files."""
    sensors = [_sensor(facts, sensor_id, plan) for sensor_id, plan in facts.plans.items()]
    site, state = facts.config.site, _state(facts, sensors)
    return {
        "v": 1,
        "gw": site.id,
        "name": dict(site.name),
        "version": __version__,
        "state": "attention" if degraded and state in ("ok", "starting") else state,
        "up_s": round(facts.up_s, 1),
        "sensors": sensors,
        "store": _store(facts),
        "link": _link(facts),
        "clock": {"trust": int(facts.moment.trust), "t": facts.moment.wall_ms},
        "room_s": room_s(facts),
    }


def health(facts: Facts) -> dict[str, Any]:
    """Return the contract's health message as a body."""
    now = facts.moment
    # The epoch may have begun a moment ago, after the ledger was looked at.
    tally = next((t for t in facts.ledger.epochs if t.ep == facts.ep), facts.ledger.epochs[-1])
    lines = [
        {
            "id": line.id,
            "ep": line.ep,
            "why": line.why,
            "lane": line.lane,
            "sensor": line.sensor,
            "from": line.from_ms,
            "to": line.to_ms,
            "rows": line.rows,
            "n": [list(span) for span in line.n],
        }
        for line in facts.ledger.lines
    ]
    return message.health(
        ep=tally.ep,
        at=now,
        counts=_sums(tally),
        oldest_ms=facts.oldest_ms,
        ledger=lines,
        sensors=[
            {
                "i": facts.index[sensor_id],
                "st": _sensor_state(facts, sensor_id),
                "last": latest.at_ms if (latest := facts.latest.get(sensor_id)) else None,
                "err": latest.failures if latest else 0,
            }
            for sensor_id in facts.plans
        ],
        disk={"free": facts.size.free_bytes, "used": facts.size.used_bytes, "max": facts.size.max_bytes},
        link=_link(facts),
        epochs=[{"ep": t.ep, **_sums(t)} for t in facts.ledger.epochs[-EPOCHS_TOLD:]],
    )


def line(facts: Facts) -> str:
    """Return the one line for ``systemctl status``."""
    good = sum(_sensor_state(facts, sensor_id) == "ok" for sensor_id in facts.plans)
    waiting = sum(t.waiting for t in facts.ledger.epochs)
    link = facts.uplink.state if facts.uplink else "none"
    clock = facts.moment.trust.name.lower()
    return f"{good}/{len(facts.plans)} sensors, {waiting} unsent, link {link}, clock {clock}"


def polled(result: Polled) -> dict[str, Any]:
    """Return one reading taken on demand: values as the instrument said them, and the raw bytes."""
    error = result.error
    return {
        "v": 1,
        "sensor": result.sensor,
        "t": result.at.wall_ms,
        "took_s": round(result.took_s, 4),
        "readings": [
            {
                "id": m.quantity.channel,
                "unit": m.quantity.unit,
                "value": m.value,
                "flags": int(m.flags),
            }
            for m in result.measurements or ()
        ],
        "raw": result.raw.hex() if result.raw is not None else None,
        "exchanges": [one for request, reply in result.exchanges if (one := told(request, reply))],
        "remarks": list(result.remarks),
        "error": None if error is None else {"code": error.code, "what": error.what, "fix": error.fix},
    }


def taken(plan: SensorPlan, result: Polled, around: Surroundings) -> dict[str, Any]:
    """Return one reading taken on demand as siting makes it, before any calibration, unrounded."""
    sited: tuple[Measurement, ...] = ()
    if result.measurements is not None:
        sited = uncalibrated(plan, result.measurements, around)
    lines = {one.channel: [one.gain, one.offset] for one in plan.corrections}
    error = result.error
    return {
        "v": 1,
        "sensor": result.sensor,
        "t": result.at.wall_ms,
        "zero": None if plan.deriving.snow is None else plan.deriving.snow.learned_m,
        "snow": plan.deriving.snow is not None,
        "channels": [
            {
                "id": one.quantity.channel,
                "value": one.value,
                "line": lines.get(one.quantity.channel, [1.0, 0.0]),
            }
            for one in sited
        ],
        "error": None if error is None else {"code": error.code, "what": error.what, "fix": error.fix},
    }


def room_s(facts: Facts) -> int | None:
    """Return for how many seconds samples fit on disk at the present rate, None while unknown."""
    per_s = sum(1 / s.every_s for s in facts.config.sensors)
    if not per_s or facts.size.rows < 100:  # too few rows to know their size
        return None
    row_bytes = max(30.0, facts.size.used_bytes / facts.size.rows)
    left = min(facts.size.max_bytes - facts.size.used_bytes, facts.size.free_bytes)
    return max(0, round(left / row_bytes / per_s))


def _sensor(facts: Facts, sensor_id: str, plan: SensorPlan) -> dict[str, Any]:
    latest = facts.latest.get(sensor_id)
    shown = latest.good or latest.readings if latest else ()
    by_quantity = {reading.quantity: reading for reading in shown}
    channels = []
    for quantity in plan.channels:
        reading = by_quantity.get(quantity)
        value = reading.value if reading else None
        channels.append(
            {
                "id": quantity.channel,
                "unit": quantity.unit,
                "value": None if value is None else _rounded(value, quantity.res),
                "flags": int(reading.flags) if reading else 0,
                "grade": int(reading.grade) if reading else 2,
            }
        )
    error = latest.error if latest else None
    age_s = None if latest is None or latest.good_s is None else round(facts.now_s - latest.good_s, 1)
    return {
        "id": sensor_id,
        "state": _sensor_state(facts, sensor_id),
        "channels": channels,
        "age_s": age_s,
        "polls": 0 if latest is None else latest.polls.made + latest.polls.earlier[0],
        "failed_polls": 0 if latest is None else latest.polls.failed + latest.polls.earlier[1],
        "error": None if error is None else {"code": error.code, "what": error.what, "fix": error.fix},
        "remarks": _remarks(facts, sensor_id),
    }


def _remarks(facts: Facts, sensor_id: str) -> list[str]:
    on_buses = (one for bus in facts.buses.values() for one in bus.sensors)
    return [remark for one in on_buses if one.sensor == sensor_id for remark in one.remarks]


def _sensor_state(facts: Facts, sensor_id: str) -> str:
    latest = facts.latest.get(sensor_id)
    if sensor_id in facts.stopped:
        return "stopped"
    if latest is None or isinstance(latest.error, WarmingUp):
        return "starting"
    return "failing" if latest.failures else "ok"


def _state(facts: Facts, sensors: list[dict[str, Any]]) -> str:
    if facts.sick is not None:
        return "failing"
    states = {sensor["state"] for sensor in sensors}
    if sensors and states == {"failing"}:
        return "failing"
    down = facts.uplink_fault is not None or (facts.uplink is not None and facts.uplink.state != "up")
    held = facts.uplink is not None and not WAITS_FOR_SOMEBODY.isdisjoint(facts.uplink.states)
    if "failing" in states or down or held:
        return "attention"
    return "starting" if "starting" in states else "ok"


def _store(facts: Facts) -> dict[str, Any]:
    totals = {name: sum(getattr(t, name) for t in facts.ledger.epochs) for name in SUMS}
    oldest_ms = facts.oldest_ms
    return {
        "bytes": facts.size.used_bytes,
        "max_bytes": facts.size.max_bytes,
        **totals,
        "lost": sum(tally.lost for tally in facts.ledger.epochs),
        "epochs": [_tally(tally) for tally in facts.ledger.epochs],
        "held": facts.held,
        "damaged": facts.damaged,
        "oldest_wait_s": None if oldest_ms is None else max(0, (facts.moment.wall_ms - oldest_ms) // 1000),
        "error": None if facts.sick is None else facts.sick.what,
    }


def _tally(tally: Tally) -> dict[str, Any]:
    return {"ep": tally.ep, **_sums(tally), "reasons": dict(tally.reasons)}


def _sums(tally: Tally) -> dict[str, int]:
    return {name: getattr(tally, name) for name in SUMS}


def _link(facts: Facts) -> dict[str, Any]:
    link, platform, fault = facts.uplink, facts.config.platform, facts.uplink_fault
    if fault is not None:
        return {"state": "refused", "since_s": round(facts.up_s, 1), "reason": str(fault), "in_flight": 0}
    if link is None or platform is None:
        return {"state": "none"}
    return {
        "state": link.state,
        "since_s": round(link.since_s, 1),
        "delivered_age_s": link.delivered_age_s,
        "reason": link.reason,
        "delivery": platform.delivery,
        **({"mqtt": platform.mqtt} if platform.mqtt == MQTT_OLD else {}),
        "in_flight": link.in_flight,
        "held": [name for name in link.states if name != "unacked_full"],  # that one comes and goes
    }


def _rounded(value: float, res: float) -> float:
    return round(round(value / res) * res, 6)
