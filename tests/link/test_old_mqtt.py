"""MQTT 3.1.1, the degraded setting: what goes over the wire to a peer that knows nothing newer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from kaga_edge.link import (
    MQTT_OLD,
    Closed,
    Dialler,
    Incoming,
    Link,
    LinkError,
    LinkEvent,
    LinkSettings,
    Puback,
    Suback,
    Will,
)

# Written by hand from MQTT 3.1.1 (OASIS), sections 3.1 to 3.9.
ACCEPTED, NOT_AUTHORISED, OTHER_VERSION = b"\x20\x02\x00\x00", b"\x20\x02\x00\x05", b"\x20\x02\x00\x01"
CONNECT = (
    b"\x10\x23\x00\x04MQTT\x04"
    b"\x2c"  # retained will with QoS 1, no clean session
    b"\x00\x1e\x00\x07test-01\x00\x08up/state\x00\x04dead"
)
Answer = Callable[[bytes], bytes]
Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def peer(answer: Answer, heard: list[bytes], *, mqtt: str = MQTT_OLD) -> AsyncIterator[LinkSettings]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while packet := await reader.read(2000):
                heard.append(packet)
                writer.write(answer(packet))
        writer.transport.abort()
        left.set()

    left = asyncio.Event()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        yield LinkSettings(client_id="test-01", host="127.0.0.1", port=port, mqtt=mqtt)
        await left.wait()
    finally:
        server.close()


def broker(packet: bytes) -> bytes:
    """Say what a 3.1.1 broker says to one packet: no properties, no reason codes."""
    kind = packet[0] >> 4
    if kind == 1:
        return ACCEPTED
    if kind == 3:
        topic_ends = 4 + int.from_bytes(packet[2:4], "big")
        return b"\x40\x02" + packet[topic_ends : topic_ends + 2]
    if kind == 8:  # one granted, and a retained message at once: nobody can ask for none
        return b"\x90\x03" + packet[2:4] + b"\x01" + b"\x33\x0a\x00\x06dn/ack\x00\x07"
    return b""


async def test_the_packets_are_those_of_the_old_standard() -> None:
    heard: list[bytes] = []
    events: asyncio.Queue[LinkEvent] = asyncio.Queue()
    async with asyncio.timeout(60), peer(broker, heard) as settings:
        link = await Link.open(
            settings, Will(topic="up/state", payload=b"dead"), events.put_nowait, Dialler()
        )
        assert heard == [CONNECT]
        mid = link.publish("up/data", b"{}", correlation=b"not in 3.1.1")
        assert await events.get() == Puback(mid, 0)
        assert heard[1] == b"\x32\x0d\x00\x07up/data" + mid.to_bytes(2, "big") + b"{}"
        link.subscribe("dn/#")
        assert await events.get() == Suback("dn/#", 1)
        assert await events.get() == Incoming(7, 1, "dn/ack", b"", retained=True)
        assert heard[2][:2] == b"\x82\x09"
        assert heard[2][4:] == b"\x00\x04dn/#\x01"
        await link.close()
    assert heard[-1] == b"\xe0\x00"
    assert await events.get() == Closed(None)


async def test_a_refused_login_is_told_as_with_mqtt_5() -> None:
    async with asyncio.timeout(60), peer(lambda _: NOT_AUTHORISED, []) as settings:
        with pytest.raises(LinkError) as told:
            await Link.open(settings, None, lambda _: None, Dialler())
    assert told.value.kind == "auth"


async def test_a_broker_that_knows_only_the_old_mqtt_is_named_with_the_setting_to_make() -> None:
    async with asyncio.timeout(60), peer(lambda _: OTHER_VERSION, [], mqtt="5") as settings:
        with pytest.raises(LinkError) as told:
            await Link.open(settings, None, lambda _: None, Dialler())
    assert told.value.what == "the broker does not speak MQTT 5"
    assert 'mqtt = "3.1.1"' in told.value.fix
