"""The line between gateway and platform: a TCP proxy that can be cut, stall, crawl and come back."""

from __future__ import annotations

import asyncio
import contextlib

CHUNK_BYTES = 16384


class Line:
    """Forwards ``127.0.0.1:port`` to a broker's port. All methods belong to one asyncio loop."""

    def __init__(self, broker_port: int, *, port: int = 0) -> None:
        self.port = port  # 0: any free one, known after ``start``
        self.bytes_per_s: float | None = None  # None: as fast as it goes
        self._broker_port = broker_port
        self._server: asyncio.Server | None = None
        self._flows = asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def up(self) -> bool:
        """Whether the line answers and carries bytes."""
        return self._server is not None and self._flows.is_set()

    async def start(self) -> None:
        """Open the line."""
        self._flows.set()
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Break every connection and refuse new ones, as a pulled modem does."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for connection in tuple(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def stall(self) -> None:
        """Go black: connections stay, new ones are taken, and not a byte passes (a dead mobile cell)."""
        self._flows.clear()

    async def restore(self) -> None:
        """Mend whatever was done to the line."""
        self._flows.set()
        if self._server is None:
            await self.start()

    async def stop(self) -> None:
        """End the line for good."""
        await self.cut()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            onward = await asyncio.open_connection("127.0.0.1", self._broker_port)
        except OSError:  # the broker is down: the caller is hung up on
            writer.transport.abort()
            self._connections.discard(task)
            return
        try:
            await self._both_ways(reader, writer, *onward)
        except asyncio.CancelledError:
            pass  # cut; swallowed because the server's own task callback would report it
        finally:
            self._connections.discard(task)
            writer.transport.abort()
            onward[1].transport.abort()

    async def _both_ways(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        onward_reader: asyncio.StreamReader,
        onward_writer: asyncio.StreamWriter,
    ) -> None:
        ways = [
            asyncio.ensure_future(self._pump(reader, onward_writer)),
            asyncio.ensure_future(self._pump(onward_reader, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(CHUNK_BYTES):
                await self._flows.wait()
                if self.bytes_per_s:
                    await asyncio.sleep(len(data) / self.bytes_per_s)
                writer.write(data)
                await writer.drain()
