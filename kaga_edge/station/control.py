"""The control socket: one JSON object a line in, one out, over a Unix socket in the runtime folder.

    {"op":"status"}                          -> the snapshot
    {"op":"read","sensor":"level-1"}         -> one reading now
    anything else                            -> {"error":{"code":…,"what":…,"fix":…}}

Whoever may open the socket (group kaga-edge) may ask. It changes nothing on disk.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from kaga_edge.vocabulary.errors import KagaError

Answer = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
LINE_BYTES = 256 * 1024  # a whole configuration on trial, its Japanese escaped
IDLE_S = 30.0  # a client that says nothing is let go
MOST_CLIENTS = 16
NAMES = ("sensor", "channel", "interface", "who", "why")  # text, whatever is asked


class ControlSocket:
    """Serves ``actions`` (by ``op``) on ``path`` until closed."""

    def __init__(self, path: Path, actions: Mapping[str, Answer]) -> None:
        self._path = path
        self._actions = actions
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Start listening. Raises KagaError when the folder cannot be used or another daemon answers."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            await self.refuse_second()
            self._path.unlink(missing_ok=True)
            self._server = await asyncio.start_unix_server(self._serve, self._path, limit=LINE_BYTES)
            self._path.chmod(0o660)
        except OSError as error:
            raise KagaError(
                f"the control socket cannot be made ({error.strerror or error})",
                where=str(self._path),
                fix="Set [station] runtime to a folder the daemon may write (at most 90 characters).",
            ) from error

    async def refuse_second(self) -> None:
        """Raise KagaError when another daemon answers on this socket."""
        try:
            _, writer = await asyncio.open_unix_connection(self._path)
        except OSError:
            return  # nobody there: a socket file left by a kill
        writer.close()
        raise KagaError(
            "another kaga-edge daemon answers on this control socket",
            where=str(self._path),
            fix="Stop it (systemctl stop kaga-edge), or give this one its own [station] runtime.",
        )

    async def close(self) -> None:
        """Stop listening and let the clients go."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)
        for client in tuple(self._clients):
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            await self._talk(reader, writer)
        except (OSError, ValueError, TimeoutError, asyncio.IncompleteReadError):
            pass  # gone, or no line: nobody is left to tell
        except asyncio.CancelledError:
            pass  # by close: Python 3.11 would log it as an error
        finally:
            self._clients.discard(task)
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while len(self._clients) <= MOST_CLIENTS:
            async with asyncio.timeout(IDLE_S):
                line = await reader.readline()
            if not line:
                break
            answer = await self._answer(line)
            writer.write(json.dumps(answer, ensure_ascii=False).encode(errors="replace") + b"\n")
            async with asyncio.timeout(IDLE_S):
                await writer.drain()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            action = self._actions[request["op"]]
        except (ValueError, KeyError, TypeError, RecursionError):
            return failure(
                KagaError(
                    "unknown request", fix=f'Ask {{"op":"..."}} with one of: {", ".join(self._actions)}'
                )
            )
        odd = [name for name in NAMES if not isinstance(request.get(name), str | None)]
        if odd:
            return failure(KagaError(f"{odd[0]} is no text", fix=f'Ask {{"{odd[0]}":"..."}}'))
        try:
            return await action(request)
        except KagaError as error:
            return failure(error)


def failure(error: KagaError) -> dict[str, Any]:
    """Return what the socket answers when something expected went wrong."""
    return {"error": {"code": error.code, "what": error.what, "where": error.where, "fix": error.fix}}
