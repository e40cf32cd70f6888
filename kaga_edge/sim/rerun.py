"""A real series once more: as the wires of a simulated station, through the daemon, into its store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kaga_edge.sim.aftermath import Aftermath, aftermath
from kaga_edge.sim.fittings import Fitting
from kaga_edge.sim.replay import Series
from kaga_edge.sim.running import DaemonProcess
from kaga_edge.sim.site import SimulatedSite
from kaga_edge.sim.tables import disclosed, hurried, mount, station
from kaga_edge.vocabulary.errors import KagaError

LOOK_EVERY_S = 1.0
START_WITHIN_S = 60.0  # real time, on a machine that has much to do
LEAD_S = 1.0  # from the start of the daemon to the first row
FIRST_GPIO = 5
# A pulse of 0.1 s must stay longer than what a detector takes for chatter.
FASTEST_TRAFFIC = 50.0
PURPOSE = disclosed("過去の実測の再生", "replay of a real series")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerun:
    """How it ended: what is on disk, how much of the series was played (from its start), how fast."""

    left: Aftermath
    played_s: float
    speed: float
    exit_code: int


def station_for(series: Series, speed: float) -> tuple[Fitting, ...]:
    """Return the sensors that see the series as its own instruments did."""
    match series.kind:
        case "river":
            return (_level(series), _air(barometer=True))
        case "snow":
            return (_snow(series), _air(barometer=False))
        case _:
            return tuple(_lane(i, name, speed) for i, name in enumerate(sorted(series.lines)))


async def rerun(
    series: Series,
    folder: Path,
    *,
    speed: float,
    seconds: float,
    on_status: Callable[[dict[str, object]], None],
) -> Rerun:
    """Play ``seconds`` of real time at ``speed``; return what the daemon stored. Raises KagaError."""
    fittings = station_for(series, speed)
    (folder / "run").mkdir(exist_ok=True)
    config = folder / "kaga-edge.toml"
    head = station(folder, "replay-01", "実測の再生", "Replay of a real series")
    config.write_text("\n".join([head, *(fitting.toml(str(folder)) for fitting in fittings)]))
    with SimulatedSite(
        folder, fittings, series, speed=speed, begins_s=-(START_WITHIN_S + LEAD_S) * speed
    ) as site:
        daemon = DaemonProcess(
            site=site.socket, config=config, runtime=folder / "run", log=folder / "daemon.log"
        )
        try:
            await daemon.start()
            if not await daemon.until_ready(within_s=START_WITHIN_S):
                raise KagaError(f"the daemon did not start\n{daemon.last_words()}", where=str(config))
            site.skip_to(-LEAD_S * speed)
            await asyncio.sleep(LEAD_S)
            for _ in range(max(1, round(seconds / LOOK_EVERY_S))):
                await asyncio.sleep(LOOK_EVERY_S)
                status = await daemon.status()
                if status is not None:
                    on_status(status)
            played_s = await asyncio.to_thread(site.lines.stop)  # what is counted must end where we say
            await asyncio.sleep(2 * LOOK_EVERY_S)  # and one more poll must have counted it
            exit_code = await daemon.terminate()
        finally:
            daemon.sweep()
    return Rerun(
        left=await aftermath(folder / "store.sqlite"), played_s=played_s, speed=speed, exit_code=exit_code
    )


def _level(series: Series) -> Fitting:
    return Fitting(
        id="level-1",
        driver="a02yyuw",
        port="ttyLevel",
        height_m=series.sensor_height_m,
        tables=mount(f"gauge_zero_to_sensor_m = {series.sensor_height_m}") + hurried("water_level") + PURPOSE,
    )


def _snow(series: Series) -> Fitting:
    return Fitting(
        id="snow-1",
        driver="sr50a",
        port="ttySnow",
        looks_at="snow",
        height_m=series.sensor_height_m,
        period_s=0.45,  # a fresh line for every poll, so that none has to wait
        options={"output_every_s": 0.5},
        tables=mount(f'ground_to_sensor_m = {series.sensor_height_m}\ntemperature_from = "air-1"')
        + hurried("snow_depth")
        + PURPOSE,
    )


def _air(*, barometer: bool) -> Fitting:
    driver, address = ("bme280", 0x77) if barometer else ("sht4x", 0x44)
    pressure = hurried("air_pressure") if barometer else ""
    return Fitting(
        id="air-1",
        driver=driver,
        i2c=(1, address),
        tables=mount() + hurried("air_temperature") + pressure + PURPOSE,
    )


def _lane(index: int, name: str, speed: float) -> Fitting:
    return Fitting(
        id=f"lane-{name}",
        driver="vehicle",
        gpio=FIRST_GPIO + index,
        line=name,
        options={"pulse_min_ms": round(10.0 / speed, 3)},
        tables=mount() + PURPOSE,
    )
