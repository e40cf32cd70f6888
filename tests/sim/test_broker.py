"""The embedded broker and the line to it, judged by paho."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from kaga_edge.sim.broker import EmbeddedBroker, free_port
from kaga_edge.sim.line import Line


@pytest.fixture
async def line(tmp_path):
    broker = EmbeddedBroker(tmp_path)
    await broker.start()
    line = Line(broker.port)
    await line.start()
    yield line
    await line.stop()
    await broker.stop()


async def answer(port: int, within_s: float = 60.0) -> bytes:
    """Send an MQTT 5 CONNECT and return the first bytes that come back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(bytes.fromhex("101000044d51545405020014000003") + b"abc")
        return await asyncio.wait_for(reader.read(4), within_s)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def test_the_broker_speaks_mqtt_5_through_the_line(line):
    reply = await answer(line.port)
    assert reply[0] == 0x20  # CONNACK
    assert reply[3] == 0x00  # accepted


async def test_a_cut_line_refuses_and_a_mended_one_answers_on_the_same_port(line):
    port = line.port
    await line.cut()
    assert not line.up
    with pytest.raises(OSError):
        await answer(port)
    await line.restore()
    assert line.port == port
    assert (await answer(port))[0] == 0x20


async def test_a_cut_breaks_connections_that_stand(line):
    reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
    writer.write(bytes.fromhex("101000044d51545405020014000003") + b"abc")
    assert (await reader.read(1)) == b"\x20"
    await line.cut()
    with contextlib.suppress(ConnectionError):
        while await asyncio.wait_for(reader.read(64), 5):
            pass
    writer.close()


async def test_a_stalled_line_takes_connections_and_carries_nothing_until_mended(line):
    line.stall()
    with pytest.raises(TimeoutError):
        await answer(line.port, within_s=0.5)
    await line.restore()
    assert (await answer(line.port))[0] == 0x20


def test_a_broker_that_came_back_found_its_port_taken_by_somebodys_connection():
    """The kernel's own choice is of those it gives to outgoing connections while the broker is away."""
    first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    assert not any(first <= free_port() <= last for _ in range(50))
