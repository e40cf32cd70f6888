"""The daemon's end of the simulated GPIO lines.

``TimedPins`` is gpiozero's own mock pin factory; its pins carry the time at which the edge truly
happened, as the kernel's do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gpiozero.pins.mock import MockFactory, MockPin

from kaga_edge.sim.wire import SiteLine


class TimedPin(MockPin):  # type: ignore[misc]  # gpiozero has no types
    """A mock pin driven from outside, at a time given with the edge."""

    def __init__(self, factory: Any, info: Any) -> None:
        super().__init__(factory, info)
        self._state: bool
        self._driven = False

    def drive(self, *, high: bool, at_s: float) -> None:
        """Set the level as something outside does; ``at_s`` is CLOCK_MONOTONIC of the edge."""
        self._driven = True
        if self._state == high:
            return
        self._state = high
        self._last_change = at_s
        if self._edges in ("both", "rising" if high else "falling") and self._when_changed is not None:
            self._call_when_changed()

    def _set_pull(self, value: str) -> None:
        if self._driven:  # a pull resistor is weaker than the contact that holds the line
            self._pull = value
        else:
            super()._set_pull(value)


class TimedPins(MockFactory):  # type: ignore[misc]  # gpiozero has no types
    """gpiozero's mock factory with pins that keep the edge's own time."""

    def __init__(self) -> None:
        super().__init__(pin_class=TimedPin)

    def drive(self, gpio: int, *, high: bool, at_ns: int) -> None:
        """Drive one line."""
        self.pin(gpio).drive(high=high, at_s=at_ns / 1e9)


def follow_pins(site: Path, pins: TimedPins) -> Callable[[], None]:
    """Apply the site's line changes to the pins in a thread; returns the call that ends it."""
    line = SiteLine(site)
    levels = line.ask({"op": "pins"})["levels"]
    for gpio, (high, at_ns) in levels.items():
        pins.drive(int(gpio), high=high, at_ns=at_ns)

    def follow() -> None:
        while True:
            try:
                gpio, high, at_ns = line.receive()["edge"]
            except (OSError, ValueError):
                return  # the site or we have hung up
            pins.drive(gpio, high=high, at_ns=at_ns)

    threading.Thread(target=follow, name="pins", daemon=True).start()
    return line.close
