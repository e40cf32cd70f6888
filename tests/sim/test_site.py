"""The site on its wires: over the socket, on ptys, on lines, and with every fault switch."""

import errno
import os
import select
import threading
import time
from pathlib import Path

import pytest
from smbus2 import i2c_msg

from kaga_edge.sim import scenarios
from kaga_edge.sim.fittings import Fitting
from kaga_edge.sim.pins import TimedPins, follow_pins
from kaga_edge.sim.site import LocalI2c, SimulatedSite
from kaga_edge.sim.slots import Fault
from kaga_edge.sim.wire import RemoteI2c
from kaga_edge.sim.world import LineEdge, Truth

FITTINGS = (
    Fitting(id="air", driver="bme280", i2c=(1, 0x77)),
    Fitting(id="probe", driver="ms5837", i2c=(1, 0x76), height_m=-0.5),
    Fitting(id="level", driver="a02yyuw", port="ttyLevel", height_m=4.0),
    Fitting(id="rain", driver="tipping_bucket", gpio=17, line="rain"),
)


class Still:
    """A world where nothing changes but one tip, 0.2 s in."""

    def truth(self, t_s: float) -> Truth:
        return Truth(water_level_m=1.25)

    def edges(self, line: str, since_s: float, until_s: float) -> tuple[LineEdge, ...]:
        tip = (LineEdge(at_s=0.2, active=True), LineEdge(at_s=0.3, active=False))
        return tuple(e for e in tip if line == "rain" and since_s < e.at_s <= until_s)

    def active(self, line: str, t_s: float) -> bool:
        return False


@pytest.fixture
def site(tmp_path):
    with SimulatedSite(tmp_path, FITTINGS, Still()) as site:
        yield site


@pytest.fixture(params=["over the socket", "in this process"])
def bus(request, site):
    opened = RemoteI2c(site.socket, 1) if request.param == "over the socket" else LocalI2c(site, 1)
    yield opened
    opened.close()


def ask(bus, address: int, write: bytes, count: int) -> bytes:
    read = i2c_msg.read(address, count)
    bus.i2c_rdwr(i2c_msg.write(address, write), read)
    return bytes(read)


def heard(path: Path, count: int, within_s: float = 60.0) -> bytes:
    """Read a port until it has given ``count`` bytes."""
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    data, ends = b"", time.monotonic() + within_s
    try:
        while len(data) < count and time.monotonic() < ends:
            if select.select([fd], [], [], 0.1)[0]:
                data += os.read(fd, 256)
    finally:
        os.close(fd)
    return data


def test_a_chip_is_reached_through_smbus2s_own_messages(bus):
    assert ask(bus, 0x77, b"\xd0", 1) == b"\x60"
    assert ask(bus, 0x76, b"\xa0", 2) == bytes.fromhex("52A0")


def test_an_empty_address_does_not_acknowledge(bus):
    with pytest.raises(OSError) as caught:
        ask(bus, 0x44, b"\xfd", 6)
    assert caught.value.errno == errno.EREMOTEIO


def test_an_unplugged_chip_does_not_acknowledge_until_it_is_back(site, bus):
    site.turn("air", Fault.UNPLUGGED)
    with pytest.raises(OSError) as caught:
        ask(bus, 0x77, b"\xd0", 1)
    assert caught.value.errno == errno.EREMOTEIO
    site.turn("air", Fault.NONE)
    assert ask(bus, 0x77, b"\xd0", 1) == b"\x60"


def test_a_hanging_chip_blocks_its_transfer_until_released_and_no_other(site, bus):
    site.turn("air", Fault.HANG)
    ended = threading.Event()
    second = LocalI2c(site, 1)

    def hang() -> None:
        with pytest.raises(OSError):
            ask(bus, 0x77, b"\xd0", 1)
        ended.set()

    threading.Thread(target=hang, daemon=True).start()
    assert site.caught("air", 5)
    assert ask(second, 0x76, b"\xa0", 2) == bytes.fromhex("52A0")
    assert not ended.is_set()
    site.turn("air", Fault.NONE)
    assert ended.wait(5)


def test_another_part_at_the_address_is_told_by_its_identity(site, bus):
    site.turn("air", Fault.WRONG_CHIP)
    assert ask(bus, 0x77, b"\xd0", 1) == b"\x58"


def test_garbage_still_acknowledges_but_fails_the_proms_checksum(site, bus, driver, desk):
    site.turn("probe", Fault.GARBAGE)
    words = b"".join(ask(bus, 0x76, bytes([0xA0 + 2 * i]), 2) for i in range(7))
    assert words != bytes(14)
    assert words[:2] != bytes.fromhex("52A0")


def test_a_missing_bus_says_no_device(site):
    with pytest.raises(OSError) as caught:
        ask(LocalI2c(site, 7), 0x77, b"\xd0", 1)
    assert caught.value.errno == errno.ENODEV


def test_answered_reads_are_remembered_with_their_time(site, bus):
    before_ms = time.time_ns() // 1_000_000
    ask(bus, 0x77, b"\xd0", 1)
    (at_ms,) = site.answered_ms("air")
    assert before_ms <= at_ms <= time.time_ns() // 1_000_000


def test_a_serial_instrument_talks_by_itself_on_a_stable_name(site, tmp_path):
    data = heard(tmp_path / "ttyLevel", 8)
    assert bytes.fromhex("FF0ABE") in data  # 4.000 - 1.250 m


def test_a_port_unplugged_is_gone_and_comes_back_under_the_same_name(site, tmp_path):
    path = tmp_path / "ttyLevel"
    first = path.readlink()
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
    site.turn("level", Fault.UNPLUGGED)
    assert not path.is_symlink()
    site.turn("level", Fault.NONE)
    os.close(fd)
    assert path.readlink() != first or path.exists()
    assert bytes.fromhex("FF0ABE") in heard(path, 8)


def test_a_silent_instrument_keeps_its_port(site, tmp_path):
    site.turn("level", Fault.HANG)
    heard(tmp_path / "ttyLevel", 4096, within_s=0.3)  # what was on its way
    assert heard(tmp_path / "ttyLevel", 1, within_s=0.6) == b""


def test_edges_reach_the_pins_with_their_true_time(site):
    pins, seen, both = TimedPins(), [], threading.Event()
    pin = pins.pin(17)

    def changed(ticks: float, state: int) -> None:
        seen.append((ticks, state))
        if len(seen) == 2:
            both.set()

    stop = follow_pins(site.socket, pins)
    pin.when_changed = changed
    assert both.wait(5)
    stop()
    closed_s, open_s = site.monotonic_ns(0.2) / 1e9, site.monotonic_ns(0.3) / 1e9
    assert seen == [(pytest.approx(closed_s, abs=1e-6), 0), (pytest.approx(open_s, abs=1e-6), 1)]


def test_the_pull_up_does_not_win_against_a_closed_contact():
    pins = TimedPins()
    pins.drive(4, high=False, at_ns=1)
    pins.pin(4).pull = "up"
    assert not pins.pin(4).state


def test_a_series_began_before_a_slow_machine_had_started_the_daemon(tmp_path):
    with SimulatedSite(
        tmp_path, (), scenarios.BY_NAME["flood"](seed=1), speed=20.0, begins_s=-1220.0
    ) as site:
        assert -1220.0 <= site.story_s() < 0
        site.skip_to(-20.0)
        assert site.story_s() >= -20.0
        assert site.monotonic_ns(site.story_s()) == pytest.approx(time.monotonic_ns(), abs=10**9)
