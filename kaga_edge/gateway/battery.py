"""The guard over the battery: asks systemd for an orderly power-off, which it does by making a file.

The gateway runs without rights; ``kaga-edge-poweroff.path`` waits for the file and has the right. Everything
then stops in its order: the last rows are committed, the platform is told good-bye.
"""

from __future__ import annotations

from pathlib import Path

from kaga_edge.core.battery import BatteryRule, BatteryState, step, volts_of
from kaga_edge.station import journal
from kaga_edge.vocabulary.readings import Sample

ASKS = "battery-empty"


class BatteryGuard:
    """Looks at every sample of one sensor. ``rule`` None: it never switches anything off."""

    def __init__(self, rule: BatteryRule | None, runtime: Path) -> None:
        self.rule = rule
        self._file = runtime / ASKS
        self._state = BatteryState()

    def see(self, sample: Sample, at_s: float) -> None:
        """Take a sample at a monotonic time; ask for the power-off when it has been low for long enough."""
        if self.rule is None:
            return
        volts = volts_of(self.rule, sample)
        self._state, stop = step(self.rule, self._state, volts, at_s)
        if stop:
            below = f"{self.rule.stop_below_v:g} V"
            journal.event(50, "power.stopping", sensor=self.rule.sensor, value=f"{volts:.2f} V", below=below)
            self._ask()

    def _ask(self) -> None:
        try:
            self._file.write_text("")
        except OSError as error:
            journal.error("power.failed", switch="poweroff", error=error.strerror)
