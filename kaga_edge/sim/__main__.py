"""A simulated station at a desk: wires, weather, and a configuration that fits them.

    python -m kaga_edge.sim --folder /tmp/site --scenario flood --speed 60

writes ``kaga-edge.toml`` in the folder, says how to start the daemon on it, and runs until Ctrl-C.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from kaga_edge.sim import demo_site, scenarios
from kaga_edge.sim.site import SimulatedSite


def main() -> int:
    """Run a station until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m kaga_edge.sim", description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True, help="where socket, ports and store lie")
    parser.add_argument("--scenario", choices=sorted(scenarios.BY_NAME), default="demo")
    parser.add_argument("--speed", type=float, default=1.0, help="story seconds in a real one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--broker-port", type=int, default=1883, help="of an MQTT 5 broker on this machine")
    asked = parser.parse_args()
    folder: Path = asked.folder.resolve()
    (folder / "run").mkdir(parents=True, exist_ok=True)
    fittings = demo_site.fittings()
    config = folder / "kaga-edge.toml"
    config.write_text(demo_site.config_text(folder, asked.broker_port, fittings))
    story = scenarios.BY_NAME[asked.scenario](seed=asked.seed)
    with SimulatedSite(folder, fittings, story, speed=asked.speed) as site:
        sys.stdout.write(
            f"python -m kaga_edge.sim.daemon --site {site.socket} -- run --config {config}\nCtrl-C ends.\n"
        )
        sys.stdout.flush()
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    return 0


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    sys.exit(main())
