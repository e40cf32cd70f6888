"""Modbus on a pty with a small slave; pymodbus as the independent one."""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from pymodbus.framer import FramerRTU

from kaga_edge.buses import BusSensor
from kaga_edge.vocabulary.errors import BusFault, SensorRefused, SensorSilent
from kaga_edge.vocabulary.requests import BusKind
from tests.quiet import quiet_s


def crc(body: bytes) -> bytes:
    """pymodbus's CRC, in wire order."""
    return FramerRTU.compute_CRC(body).to_bytes(2, "big")


class Slaves:
    """Answers reads of two holding registers for several units on one line."""

    def __init__(self, pty: Any) -> None:
        self.pty = pty
        self.values = {1: 100, 3: 300}
        self.refuse: set[int] = set()
        self.busy: list[tuple[int, int]] = []  # units, and the exception of their next answer
        self.damage: list[int] = []  # units whose next answer is damaged
        self.before: list[bytes] = []  # sent in front of the next answer
        self.echo = False  # of an adapter whose receiver stays on while it sends
        self.requests: list[int] = []
        self._stop_read, self._stop = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        os.write(self._stop, b"x")
        self._thread.join()
        os.close(self._stop)
        os.close(self._stop_read)

    def _serve(self) -> None:
        import select

        buffer = b""
        while True:
            ready, _, _ = select.select([self.pty.master, self._stop_read], [], [])
            if self._stop_read in ready:
                return
            buffer += os.read(self.pty.master, 256)
            while len(buffer) >= 8:
                request, buffer = buffer[:8], buffer[8:]
                self._answer(request)

    def _answer(self, request: bytes) -> None:
        assert crc(request[:6]) == request[6:]
        unit = request[0]
        self.requests.append(unit)
        if self.echo:
            self.pty.send(request)
        if unit not in self.values:
            return
        if unit in self.refuse:
            body = bytes([unit, 0x83, 2])
        elif self.busy and self.busy[0][0] == unit:
            body = bytes([unit, 0x83, self.busy.pop(0)[1]])
        else:
            body = bytes([unit, 3, 4]) + struct.pack(">HH", self.values[unit], 0)
        answer = body + crc(body)
        if unit in self.damage:
            self.damage.remove(unit)
            answer = answer[:-1] + bytes([answer[-1] ^ 0xFF])
        front = self.before.pop(0) if self.before else b""
        self.pty.send(front + answer)


@pytest.fixture
def slaves(pty: Any) -> Iterator[Slaves]:
    some = Slaves(pty)
    yield some
    some.stop()


def spec(parts: Any, pty: Any, *units: int, every_s: float = 0.5) -> Any:
    sensors = (BusSensor(id=f"u{u}", driver=parts.Holding(), every_s=every_s, address=u) for u in units)
    return parts.serial_spec(BusKind.MODBUS, pty.path, *sensors)


async def test_several_devices_share_one_port(parts: Any, pty: Any, slaves: Slaves) -> None:
    async with parts.running(spec(parts, pty, 1, 3)) as (_, log):
        await log.until(lambda: bool(log.good("u1")) and bool(log.good("u3")))
    assert log.good("u1")[0].measurements[0].value == 100
    assert log.good("u3")[0].measurements[0].value == 300
    assert log.good("u1")[0].raw == b"\x00\x64\x00\x00"


async def test_one_dead_device_of_three_does_not_slow_its_neighbours(
    parts: Any, pty: Any, slaves: Slaves
) -> None:
    async with parts.running(spec(parts, pty, 1, 2, 3)) as (bus, log):
        await log.until(lambda: len(log.bad("u2")) >= 8)
        state = {s.sensor: s.state for s in bus.health().sensors}
    assert state == {"u1": "ok", "u2": "back-off", "u3": "ok"}
    assert isinstance(log.bad("u2")[0].error, SensorSilent)
    assert slaves.requests.count(2) <= 6  # every due time stated, few asked
    for name in ("u1", "u3"):
        good = log.good(name)
        assert not log.bad(name)
        assert len(good) >= 8
        # at most one deadline late, and from the dead one's second poll on it comes last; this machine may
        # be busy now and then
        late = [p.at.wall_ms % 500 for p in good if p.at.wall_ms % 500 >= 400]
        assert len(late) <= len(good) // 4, late


async def test_a_refusal_is_the_devices_own_word_and_comes_at_once(
    parts: Any, pty: Any, slaves: Slaves
) -> None:
    slaves.refuse.add(1)
    async with parts.running(spec(parts, pty, 1)) as (_, log):
        await log.until(lambda: any(one.took_s < 0.2 for one in log.bad("u1")))  # not after its deadline
    polled = log.bad("u1")[0]
    assert isinstance(polled.error, SensorRefused)
    assert "data address" in polled.error.what
    assert polled.raw == bytes([1, 0x83, 2]) + crc(bytes([1, 0x83, 2]))


@pytest.mark.parametrize("exception", [5, 6])
async def test_a_device_that_was_busy_for_a_moment_lost_its_sample(
    parts: Any, pty: Any, slaves: Slaves, exception: int
) -> None:
    slaves.busy.append((1, exception))
    async with parts.running(spec(parts, pty, 1)) as (_, log):
        await log.until(lambda: bool(log.of("u1")))
    assert log.of("u1")[0].error is None
    assert slaves.requests[:2] == [1, 1]


async def test_a_device_that_stays_busy_says_so(parts: Any, pty: Any, slaves: Slaves) -> None:
    slaves.busy += [(1, 6)] * 4
    async with parts.running(spec(parts, pty, 1)) as (_, log):
        await log.until(lambda: bool(log.good("u1")))
    error = log.bad("u1")[0].error
    assert isinstance(error, SensorSilent)
    assert error.what == "the device is busy"


async def test_a_damaged_answer_is_asked_for_once_more(parts: Any, pty: Any, slaves: Slaves) -> None:
    slaves.damage.append(1)
    async with parts.running(spec(parts, pty, 1)) as (_, log):
        await log.until(lambda: bool(log.of("u1")))
    assert log.of("u1")[0].error is None
    assert slaves.requests[:2] == [1, 1]


async def test_a_late_answer_of_another_device_is_not_taken_for_ours(
    parts: Any, pty: Any, slaves: Slaves
) -> None:
    body = bytes([2, 3, 4]) + struct.pack(">HH", 999, 0)
    slaves.before.append(body + crc(body))
    async with parts.running(spec(parts, pty, 1)) as (_, log):
        await log.until(lambda: bool(log.of("u1")))
    assert log.of("u1")[0].measurements[0].value == 100


async def one_answers_and_one_refuses(parts: Any, pty: Any, slaves: Slaves) -> None:
    slaves.refuse.add(3)
    async with parts.running(spec(parts, pty, 1, 3)) as (_, log):
        await log.until(lambda: bool(log.of("u1")) and bool(log.of("u3")))
    assert log.of("u1")[0].error is None
    assert log.of("u1")[0].measurements[0].value == 100
    assert isinstance(log.of("u3")[0].error, SensorRefused)
    assert slaves.requests[:2] == [1, 3]


@pytest.mark.parametrize("noise", [b"\x00", b"\xff", b"\x00\xff\x01", b"\x02\x83\x02"])
async def test_a_line_that_gives_a_stray_byte_at_every_turn_around_never_gave_a_value(
    parts: Any, pty: Any, slaves: Slaves, noise: bytes
) -> None:
    slaves.before += [noise] * 100
    await one_answers_and_one_refuses(parts, pty, slaves)


async def test_an_adapter_that_hears_itself_made_every_answer_a_damaged_one(
    parts: Any, pty: Any, slaves: Slaves
) -> None:
    slaves.echo = True
    await one_answers_and_one_refuses(parts, pty, slaves)


async def test_a_device_that_babbles_without_end_does_not_hold_the_line(parts: Any, pty: Any) -> None:
    stop = threading.Event()

    def babble() -> None:
        while not stop.is_set():
            pty.send(b"\x55" * 64)
            stop.wait(0.002)

    thread = threading.Thread(target=babble)
    thread.start()
    try:
        async with parts.running(spec(parts, pty, 1)) as (_, log):
            await log.until(lambda: bool(log.bad("u1")))
        assert isinstance(log.bad("u1")[0].error, BusFault | SensorSilent)
        assert min(one.took_s for one in log.bad("u1")) < 1
    finally:
        stop.set()
        thread.join()


async def test_a_refusal_with_a_wrong_check_value_lost_the_pressure_beside_it(
    parts: Any, pty: Any, slaves: Slaves
) -> None:
    """KELLER firmware 5.50 counts the check value of its refusals wrongly."""
    slaves.refuse.add(1)
    slaves.damage += [1] * 20
    async with parts.running(spec(parts, pty, 1)) as (_, log):
        await log.until(lambda: bool(log.of("u1")))
    assert isinstance(log.of("u1")[0].error, SensorRefused)


async def test_an_unplugged_adapter_recovers(parts: Any, pty: Any) -> None:
    first = Slaves(pty)
    async with parts.running(spec(parts, pty, 1)) as (_, log):
        await log.until(lambda: bool(log.good("u1")))
        first.stop()
        pty.unplug()
        await log.until(lambda: len(log.bad("u1")) >= 4)
        assert isinstance(log.bad("u1")[-1].error, Exception)
        pty.plug()
        second = Slaves(pty)
        back, good = quiet_s(), len(log.good("u1"))
        await log.until(lambda: len(log.good("u1")) > good)
        assert quiet_s() - back < 5
        second.stop()


async def test_garbage_only_is_a_bus_fault_with_its_bytes(parts: Any, pty: Any, slaves: Slaves) -> None:
    slaves.damage.extend([1, 1])
    async with parts.running(spec(parts, pty, 1)) as (_, log):
        await log.until(lambda: bool(log.of("u1")))
    error = log.of("u1")[0].error
    assert isinstance(error, BusFault)
    assert "termination" in error.fix
