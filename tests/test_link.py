"""One connection's life, against a peer that refuses, keeps silent or hangs up."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from kaga_edge.link import Closed, Dialler, Link, LinkError, LinkEvent, LinkSettings, Puback, Suback
from kaga_edge.sim.broker import free_port
from tests.quiet import quiet_s

CONNACK = b"\x20\x03\x00\x00\x00"


async def serve(reply: Callable[[bytes], bytes | None]) -> tuple[asyncio.Server, int]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            answer = reply(data)
            if answer is None:
                break
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


@pytest.fixture
async def peer() -> AsyncIterator[Callable[..., Any]]:
    servers = []

    async def start(reply: Callable[[bytes], bytes | None]) -> int:
        server, port = await serve(reply)
        servers.append(server)
        return port

    yield start
    for server in servers:
        server.close()


def settings(port: int, **fields: Any) -> LinkSettings:
    return LinkSettings(client_id="daishoji-01", host="127.0.0.1", port=port, **fields)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_twenty_refused_and_twenty_mute_attempts_leave_nothing_behind(peer: Any) -> None:
    dialler, mute_port, closed_port = Dialler(), await peer(lambda _d: b""), free_port()
    with pytest.raises(LinkError):  # the first one loads what stays loaded
        await Link.open(settings(closed_port), None, lambda _e: None, dialler)
    before, tasks = descriptors(), len(asyncio.all_tasks())
    for _ in range(20):
        with pytest.raises(LinkError) as refused:
            await Link.open(settings(closed_port), None, lambda _e: None, dialler)
        assert refused.value.kind == "refused"
        with pytest.raises(LinkError) as mute:
            await Link.open(settings(mute_port, connack_wait_s=0.02), None, lambda _e: None, dialler)
        assert mute.value.kind == "timeout"
    deadline = asyncio.get_running_loop().time() + 60
    while descriptors() > before or len(asyncio.all_tasks()) > tasks:
        assert asyncio.get_running_loop().time() < deadline, f"{before} -> {descriptors()} descriptors"
        await asyncio.sleep(0.01)
    assert threading.active_count() < 10


async def test_a_server_that_gathers_small_packets_waited_40_ms_for_our_acknowledgements(peer: Any) -> None:
    def answer(data: bytes) -> bytes:
        if data[0] >> 4 == 1:
            return CONNACK
        topic_ends = 4 + int.from_bytes(data[2:4], "big")
        return b"\x40\x02" + data[topic_ends : topic_ends + 2]

    events: asyncio.Queue[LinkEvent] = asyncio.Queue()
    async with asyncio.timeout(60):
        link = await Link.open(settings(await peer(answer)), None, events.put_nowait, Dialler())
        for _ in range(20):  # by then the kernel takes the two for a pair of talkers, and would delay
            mid = link.publish("up/data", b"{}")
            assert await events.get() == Puback(mid, 0)
        line = link._socket
        assert line is not None
        assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK) == 1
        await link.close()


@pytest.mark.parametrize(
    ("code", "kind"),
    [(0x87, "auth"), (0x86, "auth"), (0x9D, "server_moved"), (0x89, "server"), (0x88, "server")],
)
async def test_a_refusal_in_connack_is_told_with_its_code(peer: Any, code: int, kind: str) -> None:
    port = await peer(lambda _d: bytes([0x20, 3, 0, code, 0]))
    with pytest.raises(LinkError) as refused:
        await Link.open(settings(port), None, lambda _e: None, Dialler())
    assert (refused.value.kind, refused.value.reason) == (kind, code)


async def test_the_servers_limits_are_known(peer: Any) -> None:
    properties = b"\x21\x00\x05" + b"\x27\x00\x00\x10\x00" + b"\x13\x00\x07"
    connack = bytes([0x20, 3 + len(properties), 1, 0, len(properties)]) + properties
    port = await peer(lambda _d: connack)
    link = await Link.open(settings(port), None, lambda _e: None, Dialler())
    assert (link.receive_most, link.packet_most_bytes, link.keepalive_s) == (5, 4096, 7.0)
    assert link.session_present
    await link.close()


@pytest.mark.parametrize(("server_s", "ours_s", "watched_s"), [(600, 30, 30.0), (5, 30, 5.0), (0, 30, 30.0)])
async def test_a_server_may_have_us_ping_more_often_but_never_watch_less(
    peer: Any, server_s: int, ours_s: int, watched_s: float
) -> None:
    # Seen: a server that asked for ten minutes would have made us hang on a dead line for fifteen.
    properties = b"\x13" + server_s.to_bytes(2, "big")
    port = await peer(lambda _d: bytes([0x20, 3 + len(properties), 0, 0, len(properties)]) + properties)
    link = await Link.open(settings(port, keepalive_s=ours_s), None, lambda _e: None, Dialler())
    assert link.keepalive_s == watched_s
    await link.close()


@pytest.mark.parametrize("code", [0x00, 0x01, 0x80, 0x87, 0x8F])
async def test_the_answer_to_a_subscription_reaches_the_owner(peer: Any, code: int) -> None:
    def answer(data: bytes) -> bytes:
        return CONNACK if data[0] == 0x10 else b"\x90\x04" + data[2:4] + bytes([0, code])

    port = await peer(answer)
    events: asyncio.Queue[LinkEvent] = asyncio.Queue()
    link = await Link.open(settings(port), None, events.put_nowait, Dialler())
    link.subscribe("a/b")
    async with asyncio.timeout(60):
        assert await events.get() == Suback("a/b", code)
    await link.close()


async def test_being_taken_over_is_told(peer: Any) -> None:
    port = await peer(lambda data: CONNACK if data[0] == 0x10 else b"\xe0\x02\x8e\x00")
    events: asyncio.Queue[LinkEvent] = asyncio.Queue()
    link = await Link.open(settings(port), None, events.put_nowait, Dialler())
    link.publish("a", b"b")
    async with asyncio.timeout(60):
        closed = await events.get()
    assert isinstance(closed, Closed)
    assert closed.error is not None
    assert (closed.error.kind, closed.error.reason) == ("taken_over", 0x8E)


@pytest.mark.parametrize("code", [0, 0x10, 0x87, 0x97, 0x89, 0x95])
async def test_every_puback_code_reaches_the_owner(peer: Any, code: int) -> None:
    port = await peer(lambda data: CONNACK if data[0] == 0x10 else bytes([0x40, 4, 0, 1, code, 0]))
    events: asyncio.Queue[LinkEvent] = asyncio.Queue()
    link = await Link.open(settings(port), None, events.put_nowait, Dialler())
    assert link.publish("a", b"b") == 1
    async with asyncio.timeout(60):
        assert await events.get() == Puback(1, code)
    await link.close()
    assert await events.get() == Closed(None)


async def test_silence_is_noticed_after_one_and_a_half_keepalives(peer: Any) -> None:
    port = await peer(lambda data: CONNACK if data[0] == 0x10 else b"")
    events: asyncio.Queue[LinkEvent] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    began, began_quiet = loop.time(), quiet_s()
    await Link.open(settings(port, keepalive_s=1), None, events.put_nowait, Dialler())
    async with asyncio.timeout(60):
        closed = await events.get()
    assert isinstance(closed, Closed)
    assert closed.error is not None
    assert closed.error.kind == "timeout"
    assert loop.time() - began >= 1.4
    assert quiet_s() - began_quiet <= 2.2


async def test_a_puback_that_does_not_come_ends_the_link(peer: Any) -> None:
    port = await peer(lambda data: CONNACK if data[0] == 0x10 else b"")
    events: asyncio.Queue[LinkEvent] = asyncio.Queue()
    link = await Link.open(settings(port, puback_wait_s=0.2), None, events.put_nowait, Dialler())
    link.publish("a", b"b")
    async with asyncio.timeout(60):
        closed = await events.get()
    assert isinstance(closed, Closed)
    assert closed.error is not None
    assert closed.error.kind == "puback"


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\xff\xff\xff\xff\xff",
        b"\x30\x04\x00\x02\xff\xfe\x00",
        b"\x32\x02\x00\x09",
        b"\x40\x01\x00",
        b"\x20\x00",
        b"\xe0\x01\x77",
        b"\x30\xff\xff\xff\x7f",
        b"\x90\x00",
    ],
)
async def test_rubbish_ends_the_link_or_nothing_but_never_spins(peer: Any, rubbish: bytes) -> None:
    port = await peer(lambda data: CONNACK if data[0] == 0x10 else rubbish)
    events: list[LinkEvent] = []
    link = await Link.open(settings(port, puback_wait_s=0.3), None, events.append, Dialler())
    link.publish("a", b"b")
    async with asyncio.timeout(60):
        while not events:
            await asyncio.sleep(0.01)
    assert len(events) == 1
    assert isinstance(events[0], Closed)


async def test_a_name_that_does_not_exist_is_told_as_such() -> None:
    with pytest.raises(LinkError) as unknown:
        await Link.open(
            LinkSettings(client_id="x", host="no-such-host.invalid", port=1), None, lambda _e: None, Dialler()
        )
    assert unknown.value.kind in ("dns", "local")


async def test_cancelling_an_attempt_closes_its_socket(peer: Any) -> None:
    port = await peer(lambda _d: b"")
    before = descriptors()
    for _ in range(5):
        attempt = asyncio.create_task(Link.open(settings(port), None, lambda _e: None, Dialler()))
        await asyncio.sleep(0.02)
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
    deadline = asyncio.get_running_loop().time() + 60
    while descriptors() > before:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.01)
