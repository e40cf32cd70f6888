"""The real buses on the simulated site: the unchanged bus workers and drivers, faults and all."""

import asyncio
from contextlib import asynccontextmanager
from importlib import import_module

import pytest

from kaga_edge.buses import Bus, BusSensor, BusSpec
from kaga_edge.sim.fittings import Fitting
from kaga_edge.sim.scenarios import Story
from kaga_edge.sim.site import SimulatedSite
from kaga_edge.sim.slots import Fault
from kaga_edge.station.clock import SystemClock
from kaga_edge.vocabulary.requests import BusKind
from tests.quiet import quiet_s

AIR = Fitting(id="air", driver="bme280", i2c=(1, 0x77))
PROBE = Fitting(id="probe", driver="ms5837", i2c=(1, 0x76), height_m=0.0)
LEVEL = Fitting(id="level", driver="a02yyuw", port="ttyLevel", height_m=4.0)
RAIN = Fitting(id="rain", driver="tipping_bucket", gpio=17, line="rain", options={"gpio": 17})

STORY = Story(
    name="test",
    length_s=600,
    curves={"water_level_m": ((0, 1.25),), "air_pressure_hpa": ((0, 1000.0),)},
    rain_mm_h=((0, 1800.0), (600, 1800.0)),  # a tip of 0.5 mm a second
    wave_m=0.0,
)


class Heard:
    """What the bus brought, and a way to wait for the next that fits."""

    def __init__(self):
        self.all = []
        self._came = asyncio.Event()

    def take(self, polled):
        self.all.append(polled)
        self._came.set()

    async def until(self, claim, within_s=10.0):
        async with asyncio.timeout(within_s):
            seen = 0
            while True:
                while seen < len(self.all):
                    seen += 1
                    if claim(self.all[seen - 1]):
                        return self.all[seen - 1]
                self._came.clear()
                await self._came.wait()

    def values(self, polled):
        return {m.quantity.channel: m.value for m in polled.measurements}


def spec(kind, *fittings, folder=None):
    sensors = []
    for fitting in fittings:
        module = import_module(f"kaga_edge.sensors.{fitting.driver}")
        made = module.Driver(module.Options(**fitting.options))
        address = fitting.i2c[1] if fitting.i2c else None
        sensors.append(
            BusSensor(id=fitting.id, driver=made, every_s=0.25, address=address, model=module.MODEL)
        )
    if kind is BusKind.I2C:
        return BusSpec(kind=kind, name="i2c-1", sensors=tuple(sensors), i2c_bus=1)
    if kind is BusKind.UART:
        port = str(folder / fittings[0].port)
        return BusSpec(kind=kind, name=port, sensors=tuple(sensors), port=port, line=module.MODEL.line)
    return BusSpec(kind=kind, name="gpio", sensors=tuple(sensors))


@asynccontextmanager
async def running(site, heard, made):
    bus = Bus(made, wires=site.wires(), clock=SystemClock(), on_polled=heard.take)
    task = asyncio.create_task(bus.run())
    try:
        yield bus
    finally:
        await bus.close(take_last=False)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def site(tmp_path):
    with SimulatedSite(tmp_path, (AIR, PROBE, LEVEL, RAIN), STORY) as site:
        yield site


async def test_i2c_sensors_are_read_on_the_simulated_bus(site):
    heard = Heard()
    async with running(site, heard, spec(BusKind.I2C, AIR, PROBE)):
        air = await heard.until(lambda p: p.sensor == "air" and p.measurements)
        probe = await heard.until(lambda p: p.sensor == "probe" and p.measurements)
    assert heard.values(air)["air_pressure"] == pytest.approx(1000.0, abs=0.01)
    assert heard.values(probe)["water_pressure"] == pytest.approx(1000.0 + 1.25 * 97.95, abs=0.1)


async def test_an_unplugged_chip_comes_back_and_its_neighbour_never_stops(site):
    heard = Heard()
    async with running(site, heard, spec(BusKind.I2C, AIR, PROBE)):
        await heard.until(lambda p: p.sensor == "air" and p.measurements)
        site.turn("air", Fault.UNPLUGGED)
        await heard.until(lambda p: p.sensor == "air" and p.error)
        site.turn("air", Fault.NONE)
        mended = quiet_s()
        back = len(heard.all)
        await heard.until(lambda p: p.sensor == "air" and p.measurements and p in heard.all[back:])
        assert quiet_s() - mended < 10
    assert not [p for p in heard.all if p.sensor == "probe" and p.error]


async def test_a_serial_port_made_anew_under_the_same_name_is_heard_again(site, tmp_path):
    heard = Heard()
    async with running(site, heard, spec(BusKind.UART, LEVEL, folder=tmp_path)):
        good = await heard.until(lambda p: p.measurements)
        assert heard.values(good) == {"surface_distance": 2.75}
        site.turn("level", Fault.UNPLUGGED)
        await heard.until(lambda p: p.error)
        site.turn("level", Fault.NONE)
        back = len(heard.all)
        await heard.until(lambda p: p.measurements and p in heard.all[back:])


async def test_garbage_on_the_line_is_an_error_and_never_a_value(site, tmp_path):
    heard = Heard()
    site.turn("level", Fault.GARBAGE)
    async with running(site, heard, spec(BusKind.UART, LEVEL, folder=tmp_path)):
        await heard.until(lambda p: p.error)
    assert all(p.measurements is None or heard.values(p) == {"surface_distance": 2.75} for p in heard.all)


async def test_every_tip_is_counted_once(site):
    heard = Heard()
    async with running(site, heard, spec(BusKind.GPIO, RAIN)):
        await heard.until(lambda p: p.measurements)
        began_ms = heard.all[0].at.wall_ms
        last = await heard.until(lambda p: p.measurements and p.at.wall_ms >= began_ms + 4000)
    counted = sum(heard.values(p)["tip_count"] for p in heard.all[1:] if p.measurements)
    span_s = (last.at.wall_ms - began_ms) / 1000
    assert counted == pytest.approx(span_s * 0.5 / 0.5 * 1.0, abs=1.01)  # 1800 mm/h: one tip a second
