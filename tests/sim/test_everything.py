"""Every driver there is, over its own kind of wire, through the real bus workers and the real daemon."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from kaga_edge.buses import Bus, Polled
from kaga_edge.config import load
from kaga_edge.gateway.plans import bus_plans
from kaga_edge.sensors import driver_names
from kaga_edge.sim import everything
from kaga_edge.sim.site import SimulatedSite
from kaga_edge.sim.slots import Fault
from kaga_edge.sim.tables import station
from kaga_edge.sim.world import LineEdge, Truth
from kaga_edge.station.clock import SystemClock

TRUTH = Truth(
    water_level_m=1.25,
    water_temperature_c=7.0,
    snow_depth_m=0.42,
    air_temperature_c=-3.0,
    relative_humidity_pct=81.0,
    air_pressure_hpa=1009.0,
    road_temperature_c=-1.5,
    vehicle_m_s=11.0,
)
WATER, SNOW = pytest.approx(1.25, abs=0.01), pytest.approx(0.42, abs=0.011)
EXPECTED: dict[str, dict[str, Any]] = {
    "ms5837": {"water_pressure": pytest.approx(1009 + 1.75 * 97.954, abs=0.3)},
    "bme280": {"air_pressure": pytest.approx(1009, abs=0.2), "air_temperature": pytest.approx(-3, abs=0.02)},
    "ads1115": {"water_depth": pytest.approx(1.75, abs=0.002)},
    "sht3x": {
        "air_temperature": pytest.approx(-3, abs=0.01),
        "relative_humidity": pytest.approx(81, abs=0.1),
    },
    "sht4x": {
        "air_temperature": pytest.approx(-3, abs=0.01),
        "relative_humidity": pytest.approx(81, abs=0.1),
    },
    "mlx90614": {"surface_temperature": pytest.approx(-1.5, abs=0.02)},
    "ina219": {"supply_voltage": pytest.approx(12.4, abs=0.004), "supply_current": pytest.approx(0.35)},
    "ina226": {"supply_voltage": pytest.approx(12.4, abs=0.002), "supply_current": pytest.approx(0.35)},
    "a02yyuw": {"surface_distance": pytest.approx(2.75)},
    "maxbotix": {"surface_distance": pytest.approx(2.58)},
    "sr50a": {"surface_distance": pytest.approx(2.58 / (270.15 / 273.15) ** 0.5, abs=0.001)},
    "benewake": {"surface_distance": pytest.approx(2.58)},
    "ops243a": {},  # a vehicle that stands in the beam for ever is not counted before it has gone
    "shm31-umb": {"snow_depth": pytest.approx(0.42)},
    "keller": {"gauge_pressure": pytest.approx(1.75 * 97.954, abs=0.1), "water_temperature": 7.0},
    "lx80": {"surface_distance": pytest.approx(3.75)},
    "shm31": {"snow_depth": 0.42, "air_temperature": -3.0},
    "modbus-map": {"surface_distance": pytest.approx(3.75)},
    "tipping-bucket": {},
    "float-switch": {"contact_state": 0.0},  # normally closed, and closed: dry
    "vehicle": {},
    "ds18b20": {"air_temperature": -3.0},
    "pi-power": {"cpu_temperature": 41.0, "under_voltage": 0.0, "throttled": 0.0},
}


class Steady:
    """A world that stands still but for a tip and a vehicle each second."""

    def truth(self, t_s: float) -> Truth:
        return TRUTH

    def edges(self, line: str, since_s: float, until_s: float) -> tuple[LineEdge, ...]:
        shape = {"rain": (0.1, 0.2), "vehicle": (0.3, 0.7), "vehicle-2": (0.57, 0.97)}.get(line)
        if shape is None:
            return ()
        found = (
            LineEdge(at_s=second + at, active=at == shape[0])
            for second in range(int(since_s) - 1, int(until_s) + 1)
            for at in shape
        )
        return tuple(edge for edge in found if since_s < edge.at_s <= until_s)

    def active(self, line: str, t_s: float) -> bool:
        return line == "float"


def config_of(folder: Path) -> Path:
    """Write the site's whole configuration."""
    file = folder / "kaga-edge.toml"
    tables = (one.toml(str(folder)) for one in everything.fittings())
    file.write_text("\n".join([station(folder, "all-01", "全種", "one of everything"), *tables]))
    return file


@pytest.fixture
def site(tmp_path: Path):
    with SimulatedSite(tmp_path, everything.fittings(), Steady()) as site:
        yield site


def test_no_driver_is_without_its_fake_on_the_wire() -> None:
    assert sorted(one.driver for one in everything.fittings()) == sorted(driver_names())
    assert {one.id for one in everything.fittings()} == set(EXPECTED)


async def test_every_sensor_gives_the_truth_through_its_bus_worker(
    site: SimulatedSite, tmp_path: Path
) -> None:
    seen: list[Polled] = []
    config = load(config_of(tmp_path))
    buses = [
        Bus(plan.make(), wires=site.wires(), clock=SystemClock(), on_polled=seen.append)
        for plan in bus_plans(config).values()
    ]
    tasks = [asyncio.create_task(bus.run()) for bus in buses]
    good: dict[str, dict[str, float | None]] = {}
    try:
        async with asyncio.timeout(60):
            while good.keys() < EXPECTED.keys():
                await asyncio.sleep(0.1)
                good |= {
                    one.sensor: {m.quantity.channel: m.value for m in one.measurements}
                    for one in seen
                    if one.measurements is not None
                }
    except TimeoutError:
        errors = {one.sensor: str(one.error) for one in seen if one.sensor not in good}
        pytest.fail(f"silent: {errors}")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for bus in buses:
            await bus.close(take_last=False)
    for sensor, expected in EXPECTED.items():
        told = good[sensor]
        assert {channel: told[channel] for channel in expected} == expected, sensor


def status_of(path: Path) -> dict[str, Any] | None:
    with socket.socket(socket.AF_UNIX) as client, contextlib.suppress(OSError):
        client.settimeout(5)
        client.connect(str(path))
        client.sendall(b'{"op":"status"}\n')
        answer: dict[str, Any] = json.loads(client.makefile().readline() or "null")
        return answer
    return None


def values_of(status: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    if status is None:
        return {}
    return {
        one["id"]: {channel["id"]: channel["value"] for channel in one["channels"]}
        for one in status["sensors"]
        if any(channel["value"] is not None for channel in one["channels"])
    }


def test_the_unchanged_daemon_reads_every_sensor_of_the_site(site: SimulatedSite, tmp_path: Path) -> None:
    config = config_of(tmp_path)
    command = [sys.executable, "-m", "kaga_edge.sim.daemon", "--site", str(site.socket), "--die-with-parent"]
    with (tmp_path / "daemon.log").open("wb") as log:
        daemon = subprocess.Popen([*command, "run", "--config", str(config)], stdout=log, stderr=log)
    told: dict[str, dict[str, Any]] = {}
    try:
        ends_s = time.monotonic() + 60
        while told.keys() < EXPECTED.keys() and time.monotonic() < ends_s:
            assert daemon.poll() is None, (tmp_path / "daemon.log").read_text()[-2000:]
            told |= values_of(status_of(tmp_path / "run/control.sock"))
            time.sleep(0.2)
        assert told.keys() == EXPECTED.keys(), EXPECTED.keys() - told.keys()
    finally:
        daemon.terminate()
        daemon.wait(60)
    assert told["keller"]["water_level"] == WATER
    assert told["lx80"]["water_level"] == WATER
    assert told["shm31-umb"]["snow_depth"] == SNOW
    assert told["benewake"]["snow_depth"] == SNOW


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.GARBAGE, Fault.UNPLUGGED])
async def test_a_modbus_line_with_a_fault_is_an_error_and_comes_back(
    site: SimulatedSite, tmp_path: Path, fault: Fault
) -> None:
    config = load(config_of(tmp_path))
    plan = next(one for name, one in bus_plans(config).items() if name.endswith(everything.LINE))
    bus = Bus(plan.make(), wires=site.wires(), clock=SystemClock(), on_polled=lambda _: None)
    try:
        site.turn("lx80", fault)
        assert (await bus.read_now("lx80")).error is not None
        site.turn("lx80", Fault.NONE)
        async with asyncio.timeout(60):
            while (await bus.read_now("lx80")).error is not None:
                await asyncio.sleep(0.1)
    finally:
        await bus.close(take_last=False)
