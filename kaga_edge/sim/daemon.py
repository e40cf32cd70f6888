"""The unchanged daemon on the simulated site's wires.

    python -m kaga_edge.sim.daemon --site SOCKET -- run --config FILE

Everything but the opening of I2C buses and GPIO lines is the daemon that systemd starts; serial ports
are ptys and need nothing.
"""

from __future__ import annotations

import argparse
import ctypes
import signal
import sys
from pathlib import Path
from typing import Any

from kaga_edge import gateway
from kaga_edge.buses.spec import Wires

PR_SET_PDEATHSIG = 1  # prctl(2): nothing is left running when a demo or a test run is killed


def wires(site: Path) -> Wires:
    """Return ``Wires`` that lead to a site in another process."""

    def open_i2c(bus: int) -> Any:
        from kaga_edge.sim.wire import RemoteI2c

        return RemoteI2c(site, bus)

    def pin_factory() -> Any:
        from kaga_edge.sim.pins import TimedPins, follow_pins

        pins = TimedPins()
        follow_pins(site, pins)
        return pins

    return Wires(open_i2c=open_i2c, pin_factory=pin_factory, root=site.parent / "root")


def main(arguments: list[str] | None = None) -> int:
    """Run the daemon until it ends; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m kaga_edge.sim.daemon", description=__doc__)
    parser.add_argument("--site", type=Path, required=True, help="the site's socket")
    parser.add_argument("--die-with-parent", action="store_true", help="stop when the starter is gone")
    parser.add_argument("command", choices=["run"])
    parser.add_argument("--config", type=Path, required=True)
    given = [word for word in (sys.argv[1:] if arguments is None else arguments) if word != "--"]
    asked = parser.parse_args(given)
    if asked.die_with_parent:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    return gateway.main(asked.config, wires=wires(asked.site))


if __name__ == "__main__":
    sys.exit(main())
