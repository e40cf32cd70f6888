"""What runs now: the configuration and all that was made of it. ``planning`` makes it, others look at it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kaga_edge.config import Config
from kaga_edge.core.sampling import SensorPlan, SensorState
from kaga_edge.core.stored import Catalog
from kaga_edge.gateway.battery import BatteryGuard
from kaga_edge.gateway.events import Events
from kaga_edge.gateway.latest import Latest
from kaga_edge.gateway.outputs import Outputs
from kaga_edge.gateway.powerswitches import PowerSwitches
from kaga_edge.gateway.watches import Watches
from kaga_edge.station.clock import SystemClock


@dataclass(slots=True, kw_only=True)
class Present:
    """One for the daemon's life; a reload changes what is in it. Use from the loop's thread."""

    config: Config
    watches: Watches
    events: Events
    outputs: Outputs
    power: PowerSwitches
    battery: BatteryGuard
    plans: dict[str, SensorPlan] = field(default_factory=dict)
    states: dict[str, SensorState] = field(default_factory=dict)
    latest: dict[str, Latest] = field(default_factory=dict)
    catalog: Catalog = field(init=False)  # from the first planning on
    manifest: bytes = b""

    @classmethod
    def empty(cls, config: Config, clock: SystemClock, pins: Callable[[], Any]) -> Present:
        """Return what there is before anything is planned: no sensor, no rule, no line driven."""
        return cls(
            config=config,
            watches=Watches((), zone=config.site.zone),
            events=Events((), None, pace=lambda *_: None, send_every=lambda _: None),
            outputs=Outputs((), pins, lambda: clock.monotonic_ns() / 1e9),
            power=PowerSwitches((), pins=pins, now=clock.now),
            battery=BatteryGuard(None, config.station.runtime),
        )

    @property
    def told(self) -> tuple[str, bytes]:
        """What the platform is told of us at birth: catalog and manifest."""
        return self.catalog.k, self.manifest

    def has_rules_for(self, sensor: str) -> bool:
        """Say whether any rule over several values, power switch, battery guard or event looks at it."""
        return (
            bool(self.watches.rules)  # one moved by another sensor may look at this one
            or sensor in self.power.of
            or sensor in self.events.rules
            or (self.battery.rule is not None and self.battery.rule.sensor == sensor)
        )

    def raised(self) -> set[str]:
        """Return the keys of every alarm raised now."""
        return self.watches.raised.union(*(state.raised for state in self.states.values()))
