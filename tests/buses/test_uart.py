"""Serial streams on real ptys: cutting, freshness, garbage, unplugging."""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kaga_edge.buses import BusSensor
from kaga_edge.sensors import maxbotix
from kaga_edge.vocabulary.drivers import Model
from kaga_edge.vocabulary.errors import BusFault, BusMissing, SensorSilent, WarmingUp
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Measurement
from kaga_edge.vocabulary.requests import BusKind, UartFrames
from tests.quiet import quiet_s


@pytest.fixture
def spec(parts: Any, pty: Any) -> Any:
    return lambda **options: parts.serial_spec(
        BusKind.UART,
        pty.path,
        BusSensor(id="level", driver=parts.Stream(**options), every_s=0.2),
    )


def values(polled: list[Any]) -> list[float]:
    return [p.measurements[0].value for p in polled]


async def told(log: Any, pty: Any, frame: bytes, count: int) -> None:
    """Send ``frame`` again and again until ``count`` polls were good."""
    async with asyncio.timeout(60):
        while len(log.good("level")) < count:
            pty.send(frame)
            log.came.clear()
            try:
                async with asyncio.timeout(0.05):
                    await log.came.wait()
            except TimeoutError:
                pass


async def test_a_poll_sees_the_newest_frame(parts: Any, pty: Any, spec: Any) -> None:
    async with parts.running(spec(window_s=5.0)) as (_, log):
        await told(log, pty, b"<a>", 1)
        pty.send(b"<b><c>")
        await log.until(lambda: float(ord("c")) in values(log.good("level")))


async def test_a_frame_is_used_by_one_poll_only(parts: Any, pty: Any, spec: Any) -> None:
    async with parts.running(spec(window_s=60.0, timeout_s=0.05)) as (_, log):
        await log.until(lambda: bool(log.bad("level")))
        pty.send(b"<a>")
        await log.until(lambda: bool(log.good("level")))
        after = len(log.bad("level"))
        await log.until(lambda: len(log.bad("level")) >= after + 3)
    assert len(log.good("level")) == 1
    assert isinstance(log.bad("level")[-1].error, SensorSilent)


@pytest.mark.parametrize(
    "pieces",
    [
        [b"<", b"a", b">"],
        [b"\xff\x00junk<<<", b"<a>"],
        [b"<a><a>"],
        [b"<a><", b"a"],
    ],
    ids=["byte by byte", "garbage before", "two glued", "the last one cut"],
)
async def test_frames_are_found_whatever_the_pieces(
    parts: Any, pty: Any, spec: Any, pieces: list[bytes]
) -> None:
    async with parts.running(spec()) as (_, log):
        async with asyncio.timeout(60):
            while not log.good("level"):
                for piece in pieces:
                    pty.send(piece)
                    await asyncio.sleep(0)
                log.came.clear()
                await log.came.wait()
    assert values(log.good("level"))[0] == float(ord("a"))


async def test_bytes_without_a_frame_are_told_apart_from_silence(parts: Any, pty: Any, spec: Any) -> None:
    async with parts.running(spec(timeout_s=0.05)) as (_, log):
        await log.until(lambda: bool(log.bad("level")))
        assert "nothing came" in log.bad("level")[0].error.what
        pty.send(b"@@@@")
        await log.until(lambda: "no whole frame" in log.bad("level")[-1].error.what)
        assert log.bad("level")[-1].raw == b"@@"  # what the driver had not thrown away


async def test_an_unplugged_port_recovers_within_5_s_of_its_return(parts: Any, pty: Any, spec: Any) -> None:
    async with parts.running(spec(timeout_s=0.05)) as (bus, log):
        await told(log, pty, b"<a>", 2)
        pty.unplug()
        await log.until(lambda: any(isinstance(p.error, BusMissing) for p in log.bad("level")))
        pty.plug()
        back = quiet_s()
        await told(log, pty, b"<b>", len(log.good("level")) + 1)
        assert quiet_s() - back < 5
        assert bus.health().sensors[0].state == "ok"
    assert values(log.good("level"))[-1] == float(ord("b"))


async def test_unplugging_again_and_again_leaks_no_descriptor(parts: Any, pty: Any, spec: Any) -> None:
    rounds = 50 if os.environ.get("KAGA_TEST_FULL") else 5
    async with parts.running(spec(timeout_s=0.05)) as (_, log):
        await told(log, pty, b"<a>", 1)
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(rounds):
            pty.unplug()
            seen = len(log.bad("level"))
            await log.until(
                lambda seen=seen: any(
                    isinstance(p.error, BusMissing | BusFault) for p in log.bad("level")[seen:]
                )
            )
            pty.plug()
            await told(log, pty, b"<a>", len(log.good("level")) + 1)
        assert len(os.listdir("/proc/self/fd")) <= before


async def test_the_bus_starts_without_its_port(parts: Any, tmp_path: Path) -> None:
    path = tmp_path / "absent"
    spec = parts.serial_spec(BusKind.UART, path, BusSensor(id="level", driver=parts.Stream(), every_s=0.2))
    async with parts.running(spec) as (_, log):
        await log.until(lambda: bool(log.bad("level")))
        assert isinstance(log.bad("level")[0].error, BusMissing)
        assert "by-id" in log.bad("level")[0].error.fix
        device = parts.Pty(path)
        await told(log, device, b"<a>", 1)
        device.unplug()


async def test_a_port_that_another_program_has_is_said_so(parts: Any, pty: Any, spec: Any) -> None:
    from kaga_edge.buses.serial_port import open_port

    other = open_port(str(pty.path), parts.LINE, timeout_s=0.1)
    async with parts.running(spec()) as (_, log):
        await log.until(lambda: bool(log.bad("level")))
        assert "another program" in log.bad("level")[0].error.fix
        other.close()
        await told(log, pty, b"<a>", 1)


async def test_values_of_the_warm_up_are_thrown_away(parts: Any, pty: Any) -> None:
    model = Model(names=("x",), bus=BusKind.UART, measures={}, wiring={}, example="", warm_up_s=1.5)
    sensor = BusSensor(id="level", driver=parts.Stream(timeout_s=0.05), every_s=0.1, model=model)
    begun_ms = parts.RealClock().now().up_ms
    async with parts.running(parts.serial_spec(BusKind.UART, pty.path, sensor)) as (_, log):
        await told(log, pty, b"<a>", 1)
    assert "warming up" in log.bad("level")[0].error.what
    assert log.good("level")[0].at.up_ms - begun_ms >= 1400  # a poll waits 50 ms for its frame


# Captured from an MB7574 at power-on.
BANNER = b"\xffSCXL-MaxSonar-WRS\rPN:MB7574\rCopyright 2011-2017\rMaxBotix Inc.\rRoHSv24b 084  0517\rTempI\r"


def sonar(parts: Any, pty: Any, warm_up_s: float) -> Any:
    model = replace(maxbotix.MODEL, warm_up_s=warm_up_s)
    driver = maxbotix.Driver(maxbotix.Options())
    sensor = BusSensor(id="level", driver=driver, every_s=0.1, model=model)
    return parts.running(parts.serial_spec(BusKind.UART, pty.path, sensor))


async def test_a_dip_in_the_supply_begins_the_warm_up_anew(parts: Any, pty: Any) -> None:
    async with sonar(parts, pty, 1.5) as (_, log):
        await told(log, pty, b"R1234\r", 1)
        dipped_ms = parts.RealClock().now().up_ms
        pty.send(BANNER)
        while 0.984 not in values(log.good("level")):
            await told(log, pty, b"R0984\r", len(log.good("level")) + 1)
    first = next(p for p in log.good("level") if p.measurements[0].value == 0.984)
    assert first.at.up_ms + 1000 * first.took_s - dipped_ms >= 1400
    ended_ms = [p.at.up_ms + 1000 * p.took_s for p in log.bad("level") if isinstance(p.error, WarmingUp)]
    assert max(ended_ms) > dipped_ms


async def test_an_instrument_that_starts_again_and_again_is_a_fault_not_a_start(parts: Any, pty: Any) -> None:
    async with sonar(parts, pty, 11.0) as (_, log):
        async with asyncio.timeout(60):
            while not any(isinstance(p.error, SensorSilent) for p in log.bad("level")):
                pty.send(BANNER + b"R0984\r")
                with contextlib.suppress(TimeoutError):
                    await log.until(lambda: False, within_s=1.1)  # as a supply that breaks down under load
    assert log.good("level") == []
    assert "started anew" in log.bad("level")[-1].error.what


async def test_a_flood_of_rubbish_stays_bounded(parts: Any, pty: Any) -> None:
    class Hoarder(parts.Stream):
        longest = 0

        def split(self, buffer: bytes) -> Any:
            Hoarder.longest = max(Hoarder.longest, len(buffer))
            cut = super().split(buffer)
            from kaga_edge.vocabulary.drivers import Split

            return Split(frames=cut.frames, rest=b"" if cut.frames else buffer)

    sensor = BusSensor(id="level", driver=Hoarder(timeout_s=0.05), every_s=0.1)
    async with parts.running(parts.serial_spec(BusKind.UART, pty.path, sensor)) as (_, log):
        for _ in range(40):
            await asyncio.to_thread(pty.send, b"@" * 4000)
        await told(log, pty, b"<a>", 1)
    assert Hoarder.longest <= 65536 + 4096


# --- instruments that may be silent ---


@pytest.fixture
def quiet_spec(parts: Any, pty: Any) -> Any:
    class Radar(parts.Stream):
        """Counts its frames; none is an empty road."""

        def measure(self) -> Any:
            frames = yield UartFrames(window_s=60.0, timeout_s=0.0, silence_is_good=True)
            assert all(frame.at_ns > 0 for frame in frames)
            return (Measurement(quantity=Quantity.VEHICLE_COUNT, value=float(len(frames))),)

    return parts.serial_spec(BusKind.UART, pty.path, BusSensor(id="level", driver=Radar(), every_s=0.2))


async def test_silence_is_a_good_answer_of_a_radar_on_an_empty_road(
    parts: Any, pty: Any, quiet_spec: Any
) -> None:
    async with parts.running(quiet_spec) as (_, log):
        await log.until(lambda: len(log.good("level")) >= 2)
        pty.send(b"<a><b>")
        await log.until(lambda: 2.0 in values(log.good("level")))
    assert not log.bad("level")


async def test_an_instrument_that_speaks_otherwise_is_not_an_empty_road(
    parts: Any, pty: Any, quiet_spec: Any
) -> None:
    async with parts.running(quiet_spec) as (_, log):
        await log.until(lambda: bool(log.good("level")))
        pty.send(b"\xe0\x9c" * 20)  # the wrong baud rate
        await log.until(lambda: bool(log.bad("level")))
        assert isinstance(log.bad("level")[0].error, SensorSilent)
        after = len(log.good("level"))
        await log.until(lambda: len(log.good("level")) > after)


async def test_an_unplugged_radar_is_not_an_empty_road(parts: Any, pty: Any, quiet_spec: Any) -> None:
    async with parts.running(quiet_spec) as (_, log):
        await log.until(lambda: bool(log.good("level")))
        pty.unplug()
        await log.until(lambda: bool(log.bad("level")))
        assert isinstance(log.bad("level")[0].error, BusFault | BusMissing)


async def test_an_instrument_whose_times_matter_is_heard_at_once(parts: Any, pty: Any) -> None:
    class Radar(parts.Stream):
        """Gives the time between its first two frames."""

        def measure(self) -> Any:
            frames = yield UartFrames(window_s=60.0, timeout_s=0.0, silence_is_good=True)
            apart_ns = frames[1].at_ns - frames[0].at_ns if len(frames) > 1 else 0
            return (Measurement(quantity=Quantity.HEADWAY_S, value=apart_ns / 1e9),)

    model = Model(names=("radar",), bus=BusKind.UART, measures={}, wiring={}, example="", arrival_times=True)
    sensor = BusSensor(id="level", driver=Radar(), every_s=3.0, model=model)
    async with parts.running(parts.serial_spec(BusKind.UART, pty.path, sensor)) as (_, log):
        await log.until(lambda: bool(log.good("level")))  # 3 s without a poll begin
        pty.send(b"<a>")
        await asyncio.sleep(0.2)  # what is measured
        pty.send(b"<b>")
        await log.until(lambda: len(log.good("level")) > 1)
    assert values(log.good("level"))[-1] == pytest.approx(0.2, abs=0.1)


async def test_vehicles_that_a_person_read_were_lost_to_the_store(parts: Any, pty: Any) -> None:
    class Radar(parts.Stream):
        """Counts its frames."""

        def measure(self) -> Any:
            frames = yield UartFrames(window_s=60.0, timeout_s=0.0, silence_is_good=True)
            return (Measurement(quantity=Quantity.VEHICLE_COUNT, value=float(len(frames))),)

    model = Model(names=("radar",), bus=BusKind.UART, measures={}, wiring={}, example="", arrival_times=True)
    sensor = BusSensor(id="level", driver=Radar(), every_s=0.5, model=model)
    async with parts.running(parts.serial_spec(BusKind.UART, pty.path, sensor)) as (bus, log):
        await log.until(lambda: bool(log.good("level")))
        for _ in range(5):
            pty.send(b"<a><b>")
            await bus.read_now("level")
        await log.until(lambda: sum(values(log.good("level"))) >= 10)
    assert sum(values(log.good("level"))) == 10


# --- instruments that answer ---


async def test_an_instrument_that_answers_is_asked_and_what_it_said_before_is_no_answer(
    parts: Any, pty: Any
) -> None:
    class Asked(parts.Stream):
        """Asks, and takes the newest frame."""

        def measure(self) -> Any:
            frames = yield UartFrames(window_s=1.0, timeout_s=1.0, ask=b"?")
            return (Measurement(quantity=Quantity.TIP_COUNT, value=float(len(frames))),)

    asked: list[bytes] = []

    def answer() -> None:
        asked.append(os.read(pty.master, 64))
        pty.send(b"<a>")

    asyncio.get_running_loop().add_reader(pty.master, answer)
    sensor = BusSensor(id="level", driver=Asked(), every_s=0.2)
    try:
        async with parts.running(parts.serial_spec(BusKind.UART, pty.path, sensor)) as (_, log):
            await log.until(lambda: bool(log.good("level")))
            pty.send(b"<y><z>")
            await log.until(lambda: len(log.good("level")) >= 4)
    finally:
        asyncio.get_running_loop().remove_reader(pty.master)
    assert set(values(log.good("level"))) == {1.0}
    assert set(asked) == {b"?"}


async def test_an_instrument_that_does_not_answer_is_silent(parts: Any, pty: Any) -> None:
    class Asked(parts.Stream):
        """Asks in vain."""

        def measure(self) -> Any:
            yield UartFrames(window_s=1.0, timeout_s=0.1, ask=b"?")

    sensor = BusSensor(id="level", driver=Asked(), every_s=0.2)
    async with parts.running(parts.serial_spec(BusKind.UART, pty.path, sensor)) as (_, log):
        await log.until(lambda: bool(log.bad("level")))
    assert isinstance(log.bad("level")[0].error, SensorSilent)
