"""The wider list of sensors, each over its own wire: the maker's bytes on the wire, the value out."""

from __future__ import annotations

import asyncio
import os
import struct
import threading
from typing import Any

import pytest
from gpiozero.pins.mock import MockFactory
from pymodbus.framer import FramerRTU

from kaga_edge.buses import BusSensor
from kaga_edge.sensors import load
from kaga_edge.vocabulary.errors import SensorRefused, WrongSensor
from kaga_edge.vocabulary.requests import BusKind


def sensor(name: str, address: int | None = None, every_s: float = 0.2, **options: Any) -> BusSensor:
    module = load(name)
    driver = module.Driver(module.Options(**options))
    return BusSensor(id="s", driver=driver, every_s=every_s, address=address, model=module.MODEL)


def values(polled: Any) -> list[float | None]:
    assert polled.error is None, polled.error
    return [m.value for m in polled.measurements]


async def read(bus: Any) -> Any:
    try:
        return await bus.read_now("s")
    finally:
        await bus.close(take_last=False)


# --- I2C ---

I2C = {
    "sht3x": (0x44, {}, {"F32D": "8010E1", "2400": "6422B38312AE"}, [23.4512, 51.2]),
    "ina219": (0x40, {"shunt_ohm": 0.002}, {"00": "399F", "01": "07D0", "02": "5D98"}, [11.98, 10.0, 119.8]),
    "ina226": (
        0x41,
        {"shunt_ohm": 0.002},
        {"FE": "5449", "FF": "2260", "00": "4527", "01": "1F40", "02": "2570"},
        [11.98, 10.0, 119.8],
    ),
    "mlx90614": (0x5A, {}, {"24": "FFFFD6", "07": "D23A30", "06": "F73AC9"}, [28.01, 28.75]),
}


def chips_of(parts: Any, address: int, replies: dict[str, str]) -> Any:
    return parts.Chips(
        replies={address: {bytes.fromhex(key): bytes.fromhex(value) for key, value in replies.items()}}
    )


@pytest.mark.parametrize("name", list(I2C))
async def test_an_i2c_sensor_gives_its_makers_value(parts: Any, name: str) -> None:
    address, options, replies, expected = I2C[name]
    bus = parts.bus(parts.i2c_spec(sensor(name, address, **options)), chips=chips_of(parts, address, replies))
    assert values(await read(bus)) == pytest.approx(expected, abs=0.0005)


@pytest.mark.parametrize("name", list(I2C))
async def test_an_i2c_sensor_knows_that_another_one_answers(parts: Any, name: str) -> None:
    address, options, replies, _ = I2C[name]
    other = {key: "00" * (len(value) // 2) for key, value in replies.items()}
    bus = parts.bus(parts.i2c_spec(sensor(name, address, **options)), chips=chips_of(parts, address, other))
    assert isinstance((await read(bus)).error, WrongSensor)


async def test_the_pec_is_read_in_one_transaction(parts: Any) -> None:
    address, _, replies, _ = I2C["mlx90614"]
    chips = chips_of(parts, address, replies)
    await read(parts.bus(parts.i2c_spec(sensor("mlx90614", address)), chips=chips))
    assert chips.transfers == [(address, 2)] * 3


async def test_an_sht3x_is_never_made_to_stretch_the_clock(parts: Any) -> None:
    address, _, replies, _ = I2C["sht3x"]
    chips = chips_of(parts, address, replies)
    await read(parts.bus(parts.i2c_spec(sensor("sht3x", address)), chips=chips))
    assert {messages for _, messages in chips.transfers} == {1}, "write and read are two transactions"


# --- Modbus ---


class Instrument:
    """Answers reads of its registers; what it does not have is refused with exception 2."""

    def __init__(self, pty: Any, function: int, registers: dict[int, int]) -> None:
        self._pty, self._function, self._registers = pty, function, registers
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        request = b""
        while True:
            try:
                came = os.read(self._pty.master, 8 - len(request))
            except (OSError, TypeError):
                return  # the test is over
            if not came:
                return
            request += came
            if len(request) == 8:
                self._answer(request)
                request = b""

    def _answer(self, request: bytes) -> None:
        unit, function, address, count = struct.unpack(">BBHH", request[:6])
        wanted = [self._registers.get(address + i) for i in range(count)]
        if function != self._function or None in wanted:
            body = bytes((unit, function | 0x80, 2))
        else:
            body = struct.pack(f">BBB{count}H", unit, function, 2 * count, *wanted)
        self._pty.send(body + FramerRTU.compute_CRC(body).to_bytes(2, "big"))


SHM31 = dict(enumerate((0x0163, 0x00D7, 0xFFD6, 0x00DF, 0x00B4, 0x0098, 0), 20))
LX80 = {0x00: 1, 0x19: 21, 0x1A: 40, 0x1D: 1}
MAP = {"registers": ({"quantity": "surface_distance", "address": 1, "scale": 0.001},)}


@pytest.mark.parametrize(
    ("name", "options", "function", "registers", "expected"),
    [
        ("shm31", {}, 4, SHM31, [0.355, 180, -4.2, 22.3, 15.2, 0]),
        ("lx80", {}, 3, LX80, [0.001, 40, 21]),
        ("modbus_map", MAP, 3, {1: 1234}, [1.234]),
    ],
)
async def test_a_modbus_instrument_gives_its_makers_value(
    parts: Any, pty: Any, name: str, options: Any, function: int, registers: Any, expected: Any
) -> None:
    Instrument(pty, function, registers)
    bus = parts.bus(parts.serial_spec(BusKind.MODBUS, pty.path, sensor(name, 1, **options)))
    assert values(await read(bus)) == pytest.approx(expected)


async def test_an_instrument_of_another_register_base_refuses(parts: Any, pty: Any) -> None:
    Instrument(pty, 3, LX80)
    bus = parts.bus(parts.serial_spec(BusKind.MODBUS, pty.path, sensor("lx80", 1, address_base=0)))
    assert isinstance((await read(bus)).error, SensorRefused)


# --- serial ---


async def test_a_laser_on_a_serial_port(parts: Any, pty: Any) -> None:
    frame = bytes.fromhex("59 59 7B 00 C8 01 00 09 FF")
    spec = parts.serial_spec(BusKind.UART, pty.path, sensor("benewake", model="tf_luna"))
    async with parts.running(spec) as (_, log):
        await log.until(lambda: bool(log.bad("s")))  # it listens now, and opening flushed the port
        pty.send(frame[4:] + frame * 5 + frame[:3])
        await log.until(lambda: bool(log.good("s")))
    assert values(log.good("s")[0]) == pytest.approx([1.23, 456, 32])


async def test_a_radar_on_a_serial_port_counts_each_vehicle_once(parts: Any, pty: Any) -> None:
    radar = sensor("ops243a", every_s=1.0, silence_s=0.3)
    async with parts.running(parts.serial_spec(BusKind.UART, pty.path, radar)) as (_, log):
        await log.until(lambda: bool(log.good("s")))  # an empty road is a good answer
        pty.send(b'{"Product":"OPS243"}\r\n{"speed":"10.0"}\r\n{"magnitude":[9,8],"speed":[10.0,-20]}\r\n')
        pty.send(b'"mps",10.0\r\n-20.0\r\n')
        await log.until(lambda: sum(values(p)[0] or 0 for p in log.good("s")) >= 2)
        seen = len(log.good("s"))
        await log.until(lambda: len(log.good("s")) > seen)
    assert [sum(values(p)[i] or 0 for p in log.good("s")) for i in range(3)] == [2, 1, 1]
    assert not log.bad("s")


async def test_a_laser_that_is_asked_by_umb(parts: Any, pty: Any) -> None:
    question = bytes.fromhex("01 10 01 B0 01 F0 04 02 23 10 5C 02 03 30 59 04")
    reply = bytes.fromhex("01 10 01 F0 01 B0 0A 02 23 10 00 5C 02 16 B1 FF 0D 42 03 DE BC 04")
    came = bytearray()

    def answer() -> None:
        came.extend(os.read(pty.master, 64))
        if came.endswith(question):
            pty.send(question + reply)  # an adapter that echoes

    loop = asyncio.get_running_loop()
    loop.add_reader(pty.master, answer)
    try:
        polled = await read(parts.bus(parts.serial_spec(BusKind.UART, pty.path, sensor("shm31_umb"))))
    finally:
        loop.remove_reader(pty.master)
    assert values(polled) == pytest.approx([0.354997], abs=1e-6)
    assert bytes(came) == question


# --- GPIO ---


async def test_a_float_switch_on_a_gpio_line(parts: Any) -> None:
    pins = MockFactory()
    switch = sensor("float_switch", gpio=22, hold_on_s=0.0, hold_off_s=0.0)
    async with parts.running(parts.gpio_spec(switch), pins=pins) as (_, log):
        await log.until(lambda: bool(log.good("s")))
        pins.pin(22).drive_low()  # closed: dry
        await log.until(lambda: values(log.good("s")[-1])[0] == 0)
        pins.pin(22).drive_high()  # open: water, or a cut cable
        await log.until(lambda: values(log.good("s")[-1])[0] == 1)
        await log.until(lambda: (values(log.good("s")[-1])[1] or 0) > 0.3)
