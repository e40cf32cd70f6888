"""Scanning: chips on an I2C bus, a talking instrument on a port, a Modbus unit, files of 1-wire."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import random
import termios
import threading
import tty
from pathlib import Path
from typing import Any

import pytest

from kaga_edge.buses import Wires, scan, scan_modbus
from kaga_edge.core.checksums import crc16_modbus
from kaga_edge.sim.chips import Ads1115, Bme280, Sht4x
from kaga_edge.station.clock import SystemClock
from kaga_edge.vocabulary.requests import SerialLine


class Board:
    """An I2C bus with simulated chips; what is not there does not acknowledge."""

    def __init__(self, chips: dict[int, Any]) -> None:
        self._chips = chips

    def i2c_rdwr(self, *messages: Any) -> None:
        for message in messages:
            chip = self._chips.get(message.addr)
            if chip is None:
                raise OSError(errno.EREMOTEIO, os.strerror(errno.EREMOTEIO))
            if message.flags & 1:
                for at, value in enumerate(chip.read(message.len)):
                    message.buf[at] = bytes([value])
            else:
                chip.write(bytes(message))

    def close(self) -> None: ...


async def test_known_chips_are_named_and_a_stranger_is_shown() -> None:
    class Stranger:
        def write(self, _data: bytes) -> None: ...
        def read(self, count: int) -> bytes:
            return bytes(count)

    def steady(value: float):
        return lambda: value

    air = {"temperature_c": steady(20.0), "humidity_pct": steady(50.0)}
    board = Board(
        {
            0x44: Sht4x(**air),
            0x76: Bme280(**air, pressure_hpa=steady(1013.0)),
            0x48: Ads1115(inputs_v={0: steady(1.0)}),
            0x68: Stranger(),
        }
    )
    found = await scan.i2c(1, Wires(open_i2c=lambda _bus: board), SystemClock())
    named = {one.where: (one.driver, one.certain) for one in found}
    assert named["0x44"] == ("sht4x", True)
    assert named["0x76"] == ("bme280", True)
    # Its conversion register cannot be written: no INA219, which would read its own word back there.
    assert [(one.driver, one.certain) for one in found if one.where == "0x48"] == [("ads1115", False)]
    assert named["0x68"] == (None, False)
    assert set(named) == {"0x44", "0x48", "0x68", "0x76"}
    assert next(one for one in found if one.where == "0x44").lines == ("i2c = { bus = 1, address = 0x44 }",)


async def test_addresses_in_use_are_left_alone() -> None:
    assert await scan.i2c(1, Wires(open_i2c=lambda _bus: Board({})), SystemClock(), frozenset({0x44})) == []


@pytest.fixture
def wire():
    """A pty pair: the far end and the path of the near one."""
    far, near = os.openpty()
    tty.setraw(near)
    yield far, os.ttyname(near)
    os.close(far)
    os.close(near)


@pytest.fixture
def talking():
    """Run a far end in a thread until the test is over."""
    over, threads = threading.Event(), []

    def talk(say) -> None:
        thread = threading.Thread(target=say, args=(over,), daemon=True)
        thread.start()
        threads.append(thread)

    yield talk
    over.set()
    for thread in threads:
        thread.join(2)


async def test_a_talking_instrument_is_known_by_its_frames(wire, talking) -> None:
    far, port = wire

    def say(over: threading.Event) -> None:
        while not over.wait(0.1):
            os.write(far, bytes.fromhex("FF07A1A7"))  # A02YYUW, 1953 mm

    talking(say)
    found = await asyncio.to_thread(scan.listen, port)
    assert found is not None
    assert (found.driver, found.certain, found.seen) == ("a02yyuw", True, "9600 8N1")
    assert found.lines == (f'port = "{port}"', 'serial = "9600 8N1"')


def test_a_silent_port_is_nothing(wire) -> None:
    assert scan.listen(wire[1]) is None


async def test_a_modbus_unit_is_found_by_any_answer(wire, talking) -> None:
    far, port = wire

    def say(over: threading.Event) -> None:
        os.set_blocking(far, False)
        while not over.wait(0.005):
            try:
                request = os.read(far, 64)
            except OSError:
                continue
            if request[:1] == b"\x02":  # unit 2 refuses every register: it is there all the same
                answer = bytes([2, request[1] | 0x80, 2])
                os.write(far, answer + crc16_modbus(answer).to_bytes(2, "little"))

    talking(say)
    (found,) = await scan_modbus.modbus(port, Wires(), SystemClock())
    assert (found.where, found.driver, found.certain) == (f"{port} unit 2", None, False)
    assert "modbus_id = 2" in found.lines


def test_1_wire_devices_and_stable_port_names_are_read_from_the_kernels_files(tmp_path: Path) -> None:
    (tmp_path / "sys/bus/w1/devices/28-0316a2794cff").mkdir(parents=True)
    (tmp_path / "sys/bus/w1/devices/w1_bus_master1").mkdir()
    (one,) = scan.onewire(tmp_path)
    assert (one.driver, one.lines) == ("ds18b20", ('onewire = "28-0316a2794cff"',))
    for folder, name in (
        ("by-id", "usb-FTDI_A1-if00"),
        ("by-path", "pci-0-usb-0"),
        ("by-path", "pci-1-usb-1"),
    ):
        (tmp_path / "dev/serial" / folder).mkdir(parents=True, exist_ok=True)
        node = tmp_path / "dev" / ("ttyUSB1" if name == "pci-1-usb-1" else "ttyUSB0")
        node.touch()
        (tmp_path / "dev/serial" / folder / name).symlink_to(node)
    assert scan.serial_ports(tmp_path) == [
        "/dev/serial/by-id/usb-FTDI_A1-if00",
        "/dev/serial/by-path/pci-1-usb-1",
    ]


def answering_at(baud: int, unit: int, far: int):
    """Return the far end of a unit that refuses every register, and hears nothing at another speed."""

    def say(over: threading.Event) -> None:
        os.set_blocking(far, False)
        while not over.wait(0.002):
            try:
                request = os.read(far, 64)
            except OSError:
                continue
            speed = termios.tcgetattr(far)[5]
            if request[:1] == bytes([unit]) and speed == getattr(termios, f"B{baud}"):
                answer = bytes([unit, request[1] | 0x80, 2])
                os.write(far, answer + crc16_modbus(answer).to_bytes(2, "little"))

    return say


async def test_a_modbus_unit_at_a_speed_of_no_known_model_was_not_found(wire, talking) -> None:
    far, port = wire
    talking(answering_at(38400, 1, far))
    (found,) = await scan_modbus.modbus(port, Wires(), SystemClock(), units=(1, 2))
    assert (found.where, found.driver) == (f"{port} unit 1", None)
    assert found.lines == (f'port = "{port}"', "modbus_id = 1", 'serial = "38400 8N1"')


async def test_a_modbus_unit_of_an_odd_number_could_not_be_looked_for(wire, talking) -> None:
    far, port = wire
    talking(answering_at(115200, 77, far))
    line = SerialLine(baud=115200)
    (found,) = await scan_modbus.modbus(port, Wires(), SystemClock(), units=range(76, 79), lines=(line,))
    assert found.where == f"{port} unit 77"


async def test_a_laser_that_talks_by_itself_was_passed_over_for_an_option_without_default(
    wire, talking
) -> None:
    far, port = wire

    def say(over: threading.Event) -> None:
        frame = bytes.fromhex("5959 2C01 D007 C007")  # 300 cm, strength 2000
        frame += bytes([sum(frame) & 0xFF])
        while not over.wait(0.02):
            with contextlib.suppress(BlockingIOError):
                os.write(far, frame)

    os.set_blocking(far, False)
    talking(say)
    found = await asyncio.to_thread(scan.listen, port)
    assert found is not None
    assert (found.driver, found.lines[-1].split("  #")[0]) == ("benewake", 'model = "tf_luna"')


async def test_a_thermometer_with_a_checksum_was_called_likely_beside_one_that_fits_by_chance() -> None:
    class Both:  # an SHT4x that also answers to what an INA219 is asked
        def __init__(self) -> None:
            self._air = Sht4x(temperature_c=lambda: 20.0, humidity_pct=lambda: 50.0)
            self._word = b""

        def write(self, data: bytes) -> None:
            self._word = {b"\0": b"\x39\x9f", b"\1": b"\0\1", b"\2": b"\x1f\x42"}.get(data, b"")
            if not self._word and data != b"\0\x39\x9f":
                self._air.write(data)

        def read(self, count: int) -> bytes:
            return self._word or self._air.read(count)

    board = Board({0x44: Both()})
    found = await scan.i2c(1, Wires(open_i2c=lambda _bus: board), SystemClock())
    assert [(one.driver, one.certain) for one in found] == [("sht4x", True)]


def test_a_1_wire_thermometer_of_another_family_was_not_there_at_all(tmp_path: Path) -> None:
    for name in ("28-0316a2794cff", "28-0316a2795bff", "10-000802c8f2a1", "w1_bus_master1"):
        (tmp_path / "sys/bus/w1/devices" / name).mkdir(parents=True)
    found = {one.where: (one.driver, one.certain) for one in scan.onewire(tmp_path)}
    assert found == {
        "10-000802c8f2a1": (None, False),
        "28-0316a2794cff": ("ds18b20", True),
        "28-0316a2795bff": ("ds18b20", True),
    }


def test_a_port_that_talks_rubbish_is_shown_with_its_bytes_and_no_model(wire, talking) -> None:
    far, port = wire
    noise = random.Random(4)
    os.set_blocking(far, False)

    def say(over: threading.Event) -> None:
        while not over.wait(0.05):
            with contextlib.suppress(BlockingIOError):
                os.write(far, noise.randbytes(30))

    talking(say)
    found = scan.listen(port)
    assert found is not None
    assert (found.driver, found.certain, found.lines) == (None, False, ())
    assert len(found.seen.split()) == 16
