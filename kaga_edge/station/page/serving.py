"""Accepting connections with limits: how many, how long a hello may take, how slowly one may read.

aiohttp parses and answers; it closes a connection whose request is not there within ``KEEP_ALIVE_S``. What it
does not watch is watched here: the number of connections (those still greeting count), and those who ask and
then do not read. A phone that walked away is given up by the kernel.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Sequence

MOST, MOST_EACH = 32, 12  # connections in all, and of one address
HELLO_S = 5.0
STALLED_S = 10.0
KEEP_ALIVE_S = 8.0
GONE_MS = 20_000
Factory = Callable[[], asyncio.Protocol]


class Acceptor:
    """Takes connections from listening sockets and gives each a protocol of ``factory`` behind TLS."""

    def __init__(self, servers: Sequence[socket.socket], tls: ssl.SSLContext, factory: Factory) -> None:
        self._servers, self._tls, self._factory = servers, tls, factory
        self._open: Counter[str] = Counter()
        self._greeting: set[asyncio.Task[None]] = set()

    @property
    def count(self) -> int:
        """Connections now, those that still greet included."""
        return self._open.total()

    async def run(self) -> None:
        """Accept until cancelled."""
        await asyncio.gather(*map(self._accept, self._servers))

    async def _accept(self, server: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, (address, *_) = await loop.sock_accept(server)
            except OSError:  # it was gone again, or no file is left
                await asyncio.sleep(0.1)
                continue
            if self.count >= MOST or self._open[address] >= MOST_EACH:
                connection.close()
                continue
            self._open[address] += 1
            task = asyncio.create_task(self._greet(connection, address))
            self._greeting.add(task)
            task.add_done_callback(self._greeting.discard)

    async def _greet(self, connection: socket.socket, address: str) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, GONE_MS)
        watched = Watched(self._factory(), lambda: self._over(address))
        try:
            await loop.connect_accepted_socket(
                lambda: watched, connection, ssl=self._tls, ssl_handshake_timeout=HELLO_S
            )
        except (OSError, TimeoutError):  # ssl.SSLError is an OSError: no TLS, or it went away
            watched.over()
            connection.close()

    def _over(self, address: str) -> None:
        self._open[address] -= 1
        self._open += Counter()  # drops what is at zero


class Watched(asyncio.Protocol):
    """Passes everything on to ``inner``, and cuts a connection whose other end does not read."""

    def __init__(
        self, inner: asyncio.Protocol, on_over: Callable[[], None], *, stalled_s: float = STALLED_S
    ) -> None:
        self._inner, self._on_over, self._stalled_s = inner, on_over, stalled_s
        self._is_over = False
        self._stalled: asyncio.TimerHandle | None = None
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Pass on."""
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass on."""
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        """Nobody reads: that may last for a while only."""
        self._inner.pause_writing()
        if self._transport is not None:
            self._stalled = asyncio.get_running_loop().call_later(self._stalled_s, self._transport.abort)

    def resume_writing(self) -> None:
        """It reads again."""
        self._calm()
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._calm()
        self._inner.connection_lost(exc)
        self.over()

    def over(self) -> None:
        """Count it out, once."""
        if not self._is_over:
            self._is_over = True
            self._on_over()

    def _calm(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
