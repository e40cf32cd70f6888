"""Peers that would have us keep more than was agreed: a real socket, bytes written by hand."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from kaga_edge.link import Closed, Dialler, Incoming, Link, LinkError, LinkEvent, LinkSettings

CONNACK = b"\x20\x03\x00\x00\x00"
TOPIC = b"kaga/edge/v1/test-01/dn/cmd"
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def publish(mid: int, size: int, *, qos: int) -> bytes:
    body = len(TOPIC).to_bytes(2, "big") + TOPIC + mid.to_bytes(2, "big") + b"\x00" + b"x" * size
    length, left = b"", len(body)
    while left or not length:
        left, part = left >> 7, left & 127
        length += bytes([part | (128 if left else 0)])
    return bytes([0x30 | qos << 1]) + length + body


@contextlib.asynccontextmanager
async def peer(talk: Talk) -> AsyncIterator[LinkSettings]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.read(2000)  # CONNECT
            await talk(reader, writer)
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        yield LinkSettings(client_id="test-01", host="127.0.0.1", port=port)
    finally:
        server.close()


async def left(settings: LinkSettings, heard: list[LinkEvent]) -> LinkError:
    """Open a link, wait until it is over, return why."""
    over = asyncio.Event()

    def hear(event: LinkEvent) -> None:
        heard.append(event)
        if isinstance(event, Closed):
            over.set()

    await Link.open(settings, None, hear, Dialler())
    async with asyncio.timeout(60):
        await over.wait()
    closed = heard[-1]
    assert isinstance(closed, Closed)
    assert closed.error is not None
    return closed.error


async def test_messages_of_qos_2_that_are_never_released_filled_the_memory() -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CONNACK)
        for mid in range(1, 2000):  # 200 MB
            writer.write(publish(mid, 100_000, qos=2))
            await writer.drain()

    async with peer(talk) as settings:
        error = await left(settings, [])
    assert error.kind == "protocol"
    assert "more messages at once" in error.what


async def test_messages_that_nobody_could_acknowledge_yet_were_kept_without_end() -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CONNACK)
        for mid in range(1, 10_000):
            writer.write(publish(mid, 10, qos=1))
            await writer.drain()

    heard: list[LinkEvent] = []
    async with peer(talk) as settings:
        error = await left(settings, heard)  # who hears them deals with none
    assert "more messages at once" in error.what
    assert len(heard) < 300


async def test_a_peer_that_talked_before_its_greeting_was_listened_to() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for mid in range(1, 300):
            writer.write(publish(mid, 100_000, qos=1))
            await writer.drain()
        await reader.read(1)

    heard: list[LinkEvent] = []
    async with peer(talk) as settings:
        with pytest.raises(LinkError, match="before CONNACK"):
            await Link.open(settings, None, heard.append, Dialler())
    assert not [event for event in heard if isinstance(event, Incoming)]


async def test_a_peer_that_sends_and_reads_nothing_was_owed_answers_without_end() -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CONNACK)
        for mid in range(1, 60_000):
            writer.write(publish(mid, 2000, qos=1))
            await writer.drain()

    async with peer(talk) as settings:
        over, errors = asyncio.Event(), []

        def hear(event: LinkEvent) -> None:
            if isinstance(event, Incoming):
                for _ in range(200):  # as long as many messages; the socket's own buffer is large
                    link.publish("up", b"x" * 1000)
                link.acknowledge(event)
            elif isinstance(event, Closed):
                errors.append(event.error)
                over.set()

        link = await Link.open(settings, None, hear, Dialler())
        async with asyncio.timeout(60):
            await over.wait()
    assert "reads nothing" in errors[0].what
