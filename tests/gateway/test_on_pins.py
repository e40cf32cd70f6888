"""The whole daemon on gpiozero's mock pins: rain over a restart, stranded traffic and ice with a lamp."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kaga_edge.buses import BusGivenUp, Wires
from kaga_edge.config import load
from kaga_edge.gateway.daemon import Daemon
from kaga_edge.sim.fittings import Fitting
from kaga_edge.sim.pins import TimedPins
from kaga_edge.sim.site import LocalI2c, SimulatedSite
from kaga_edge.sim.slots import Fault
from kaga_edge.sim.tables import disclosed, mount, station
from kaga_edge.sim.world import LineEdge, Truth
from kaga_edge.station.clock import SystemClock, boot_clock_ms
from kaga_edge.text.overheard import heard, is_japanese
from kaga_edge.vocabulary.flags import Flag
from tests.quiet import quiet_s

PURPOSE = disclosed("試験", "a test")
RAIN = Fitting(id="rain-1", driver="tipping_bucket", every="1s", gpio=17, tables=mount() + PURPOSE)
STRANDING = '[sensor.stranding]\nstanding = "3s"\nmoving = "2s"\n'
ROAD = Fitting(id="road-1", driver="vehicle", every="1s", gpio=22, tables=mount() + STRANDING + PURPOSE)
LAMP = '[[output]]\nid = "lamp-1"\nkind = "lamp"\ngpio = 24\non = ["stopped", "icing"]\n'


async def until(true: Callable[[], object], why: str, seconds: float = 60.0) -> None:
    ends_s = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends_s, f"{why} did not happen within {seconds:g} s"
        await asyncio.sleep(0.02)


class Station:
    """The daemon in this process, on pins that the test drives."""

    def __init__(
        self,
        folder: Path,
        *fittings: Fitting,
        more: str = "",
        i2c: Any = None,
        clock: SystemClock | None = None,
    ) -> None:
        self.folder, self.pins = folder, TimedPins()
        for gpio in (17, 22):
            self.set(gpio, high=True)
        file = folder / "kaga-edge.toml"
        tables = [
            station(folder, "pins-01", "試験", "test"),
            *(one.toml(str(folder)) for one in fittings),
            more,
        ]
        file.write_text("\n".join(tables))
        (folder / "run").mkdir(exist_ok=True)
        wires = (
            Wires(open_i2c=i2c, pin_factory=lambda: self.pins)
            if i2c
            else Wires(pin_factory=lambda: self.pins)
        )
        self.daemon = Daemon(load(file), file, wires, clock)
        self.daemon.housekeep_every_s = 0.02

    async def __aenter__(self) -> Station:
        self._task = asyncio.create_task(self.daemon.run())
        await until(lambda: self._task.done() or self.daemon._control, "the start")
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self._task.done():
            os.kill(os.getpid(), signal.SIGTERM)  # as systemd does; the daemon's loop catches it
        await self._task

    def set(self, gpio: int, *, high: bool) -> None:
        self.pins.drive(gpio, high=high, at_ns=time.monotonic_ns())

    async def pulse(self, gpio: int, seconds: float = 0.1) -> None:
        self.set(gpio, high=False)
        await asyncio.sleep(seconds)
        self.set(gpio, high=True)
        await asyncio.sleep(0.15)

    def value(self, sensor: str, channel: str) -> float | None:
        latest = self.daemon.present.latest.get(sensor)
        return (
            next((r.value for r in latest.readings if r.quantity.channel == channel), None)
            if latest
            else None
        )


def rows(folder: Path) -> list[list[Any]]:
    with contextlib.closing(sqlite3.connect(f"file:{folder}/store.sqlite?mode=ro", uri=True)) as store:
        found = store.execute("SELECT vals, q FROM sample ORDER BY id").fetchall()
    return [[json.loads(f"[{values}]"), None if q is None else json.loads(q)] for values, q in found]


async def test_the_rain_total_goes_on_after_a_stop_and_the_time_off_is_a_row(tmp_path: Path) -> None:
    async with Station(tmp_path, RAIN) as first:
        for _ in range(3):
            await first.pulse(17)
        await until(lambda: first.value("rain-1", "rain_total") == 1.5, "three tips")
        await first.pulse(17)  # between two polls: the stop takes it along
    await asyncio.sleep(1.2)
    async with Station(tmp_path, RAIN) as second:
        await until(lambda: second.value("rain-1", "rain_total") == 2.0, "the remembered total")
        await second.pulse(17)
        await until(lambda: second.value("rain-1", "rain_total") == 2.5, "one tip more")
    (gap,) = [(values, q) for values, q in rows(tmp_path) if values[0] is None]
    assert gap[0][:4] == [None] * 4
    assert gap[0][4] >= 1  # seconds
    assert gap[1] == [128, 128, 128, 128, 0]
    assert sum(values[2] for values, _ in rows(tmp_path) if values[2]) == 5


async def test_water_that_a_technician_pours_is_no_rain_of_the_day(tmp_path: Path) -> None:
    """Sums were made before maintenance was looked at: the water stood in rain_24h all day, unflagged."""
    gauge = replace(RAIN, tables=mount() + "[sensor.rain]\n" + PURPOSE)
    async with Station(tmp_path, gauge) as site:
        await site.pulse(17)
        await until(lambda: site.value("rain-1", "rain_24h") == 0.5, "true rain")
        work = {"op": "maintenance", "sensor": "rain-1", "who": "山田", "why": "点検"}
        await asked(tmp_path, **work, do="on", minutes=10)
        for _ in range(3):
            await site.pulse(17)
        await until(lambda: site.value("rain-1", "rain_total") == 2.0, "three tips more")
        await asked(tmp_path, **work, do="off")
        await site.pulse(17)
        await until(lambda: site.value("rain-1", "rain_24h") == 1.0, "true rain again")
        flags = {r.quantity.channel: r.flags for r in site.daemon.present.latest["rain-1"].readings}
    assert flags["rain_24h"] is Flag.ESTIMATED  # a lower bound: who knows what fell meanwhile
    assert flags["rain"] is Flag.GOOD


async def test_standing_traffic_lights_the_lamp_until_it_flows(tmp_path: Path) -> None:
    async with Station(tmp_path, ROAD, more=LAMP) as site:
        lamp = site.pins.pin(24)
        assert (lamp.function, lamp.state) == ("output", 0)
        site.set(22, high=False)  # a car stands on the loop
        await until(lambda: "stopped/road-1" in site.daemon.present.raised(), "the alarm")
        await until(lambda: lamp.state == 1, "the lamp")
        site.set(22, high=True)
        while "stopped/road-1" in site.daemon.present.raised():
            await site.pulse(22, 0.05)
        await until(lambda: lamp.state == 0, "the dark lamp")


async def test_the_test_command_lights_the_lamp_for_its_time_and_no_longer(tmp_path: Path) -> None:
    async with Station(tmp_path, ROAD, more=LAMP) as site:
        lamp = site.pins.pin(24)
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "run/control.sock"))
        writer.write(b'{"op":"output","do":"test","output":"lamp-1","seconds":1}\n')
        told = json.loads(await reader.readline())
        assert [(one["id"], one["on"]) for one in told["outputs"]] == [("lamp-1", True)]
        assert lamp.state == 1
        await until(lambda: lamp.state == 0, "the end of the test")
        writer.close()
    assert lamp.state == 0


class Frost:
    """A freezing road below moist air."""

    def truth(self, _t_s: float) -> Truth:
        return Truth(road_temperature_c=-2.0, air_temperature_c=0.5, relative_humidity_pct=98.0)

    def edges(self, _line: str, _since_s: float, _until_s: float) -> tuple[LineEdge, ...]:
        return ()

    def active(self, _line: str, _t_s: float) -> bool:
        return False


async def asked(folder: Path, **request: object) -> dict[str, Any]:
    """Return the daemon's answer on its control socket."""
    reader, writer = await asyncio.open_unix_connection(str(folder / "run/control.sock"))
    writer.write(json.dumps(request).encode() + b"\n")
    told: dict[str, Any] = json.loads(await reader.readline())
    writer.close()
    return told


async def test_what_a_driver_remarks_is_told_to_whoever_asks_the_station(tmp_path: Path) -> None:
    probe = Fitting(
        id="loop-1", driver="ads1115", every="1s", i2c=(1, 0x48),
        options={"gain_v": 2.048}, tables=mount() + PURPOSE,
    )  # fmt: skip
    with SimulatedSite(tmp_path, (probe,), Frost()) as simulated:
        async with Station(tmp_path, probe, i2c=lambda bus: LocalI2c(simulated, bus)) as site:
            await until(lambda: site.value("loop-1", "loop_current"), "the first value")
            (shown,) = (await asked(tmp_path, op="status"))["sensors"]
            read = await asked(tmp_path, op="read", sensor="loop-1")
    for remarks in (shown["remarks"], read["remarks"]):
        assert len(remarks) == 1
        assert "ends at 20.48 mA" in remarks[0]
        assert is_japanese(heard(remarks[0], "ja"))


POWER = """
[[power]]
id = "bus-1"
sensors = ["air-1"]
gpio = 26
after_failures = 3
off = "500ms"
settle = "100ms"
"""


async def test_a_sensor_that_fell_silent_is_power_cycled_and_comes_back(tmp_path: Path) -> None:
    air = Fitting(id="air-1", driver="sht4x", every="1s", i2c=(1, 0x44), tables=mount() + PURPOSE)
    with SimulatedSite(tmp_path, (air,), Frost()) as frost:
        async with Station(tmp_path, air, more=POWER, i2c=lambda bus: LocalI2c(frost, bus)) as site:
            switch = site.pins.pin(26)
            await until(lambda: site.value("air-1", "air_temperature"), "the first value")
            assert (switch.function, switch.state) == ("output", 0)
            frost.turn("air-1", Fault.UNPLUGGED)
            await until(lambda: switch.state == 1, "the cut")
            frost.turn("air-1", Fault.NONE)  # the power was what it needed
            await until(lambda: switch.state == 0, "the power")
            await until(lambda: site.value("air-1", "air_temperature"), "a value again")
        assert switch.function == "input"  # let go: the power stays on


MODEM = """
[platform]
url = "mqtt://127.0.0.1:{port}"
reconnect_first = "100ms"
reconnect_max = "1s"

[[power]]
id = "lte"
modem = true
gpio = 26
silent = "600s"
off = "500ms"
settle = "100ms"
"""


async def test_a_mute_line_power_cycles_the_modem_once_and_never_while_it_is_short(tmp_path: Path) -> None:
    ahead_ms = 0
    clock = SystemClock(up_ms=lambda: boot_clock_ms() + ahead_ms)
    with contextlib.closing(socket.socket()) as nobody:  # bound, never listening: every try is refused
        nobody.bind(("127.0.0.1", 0))
        more = MODEM.format(port=nobody.getsockname()[1])
        async with Station(tmp_path, RAIN, more=more, clock=clock) as site:
            switch = site.pins.pin(26)
            await until(lambda: site.daemon.present.power._link_s is not None, "the first look at the line")
            ahead_ms = 590_000
            await until(lambda: site.value("rain-1", "rain_total") is not None, "measuring goes on")
            assert (switch.function, switch.state) == ("output", 0)
            ahead_ms = 620_000
            await until(lambda: switch.state == 1, "the cut")
            await until(lambda: switch.state == 0, "the power")
            await until(lambda: not site.daemon.present.power.busy, "the end of the cut")
            ahead_ms += 3_500_000
            before = site.daemon.present.latest["rain-1"]
            await until(
                lambda: site.daemon.present.latest["rain-1"] != before, "a sample"
            )  # some fifty looks later
            assert not site.daemon.present.power.busy  # its rest of an hour is not over
        assert switch.function == "input"


async def test_ice_on_the_road_raises_its_alarm_and_lights_the_lamp(tmp_path: Path) -> None:
    icing = '[sensor.icing]\nair_from = "air-1"\n'
    fittings = (
        Fitting(id="air-1", driver="sht4x", every="1s", i2c=(1, 0x44), tables=mount() + PURPOSE),
        Fitting(id="ice-1", driver="mlx90614", every="1s", i2c=(1, 0x5A), tables=mount() + icing + PURPOSE),
    )
    with SimulatedSite(tmp_path, fittings, Frost()) as frost:
        async with Station(tmp_path, *fittings, more=LAMP, i2c=lambda bus: LocalI2c(frost, bus)) as site:
            await until(lambda: "icing/ice-1" in site.daemon.present.raised(), "the alarm")
            await until(lambda: site.pins.pin(24).state == 1, "the lamp")


async def test_what_was_measured_before_a_bus_was_given_up_is_on_the_disk(
    tmp_path: Path, instruments: object
) -> None:
    """Half a second of samples was lost: the group of tasks had ended, and nobody committed what it held."""
    level = Fitting(
        id="level-1", driver="a02yyuw", every="1s", port="level-1", height_m=5.0,
        tables=mount("gauge_zero_to_sensor_m = 5.0") + PURPOSE,
    )  # fmt: skip
    site = Station(tmp_path, level)
    with pytest.raises(ExceptionGroup) as ended:
        await _given_up_with_a_sample_in_hand(site)
    assert ended.value.subgroup(BusGivenUp)
    with contextlib.closing(sqlite3.connect(tmp_path / "store.sqlite")) as store:
        ((last_ms,),) = store.execute("SELECT max(at_ms) FROM sample")
    assert last_ms == site.daemon.present.latest["level-1"].at_ms


async def _given_up_with_a_sample_in_hand(site: Station) -> None:
    async def gives_up() -> None:
        recorder = site.daemon._parts.recorder
        await until(lambda: not recorder.held, "a commit")
        await until(lambda: recorder.held, "the next sample, which waits for more")
        raise BusGivenUp("a third worker hangs")

    async with site:
        await until(lambda: site.value("level-1", "water_level") is not None, "the first value")
        site.daemon._group.create_task(gives_up())
        await site._task


async def test_a_stop_takes_no_longer_than_five_seconds_when_the_disk_hangs(tmp_path: Path) -> None:
    """The last commit waited for the disk until systemd's patience of 15 s was over."""
    hung = threading.Event()
    try:
        async with Station(tmp_path, RAIN) as site:
            await until(lambda: site.value("rain-1", "rain_total") is not None, "the first value")
            store = site.daemon._store
            waits = asyncio.ensure_future(store._ask(lambda _: hung.wait(), once=True))  # as in the kernel
            begun_s = quiet_s()
        assert quiet_s() - begun_s < 4.5  # the log's file may still take its time
        assert store.hangs
        assert not waits.done()
    finally:
        hung.set()
    await waits
