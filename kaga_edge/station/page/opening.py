"""The daemon's side of the status page: one child process while it is open, none otherwise.

The child says one JSON object a line: first that it is open (or why not), later what was done with the PIN,
which the daemon logs. Its standard input ends when the daemon does, however that happens; then it ends too.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from pathlib import Path
from typing import Any

from kaga_edge.station import journal
from kaga_edge.station.page.interfaces import CannotOpen, chosen

LONGEST_MINUTES = 480  # a working day; nobody is on site longer, and a forgotten page closes
DEFAULT_MINUTES, DEFAULT_PORT = 60, 8443
BEGIN_S = 30.0  # a Zero 2 W takes its time to import and to make a key
END_S = 3.0
LINE_BYTES = 16 * 1024
LEVELS = {"web.action": journal.NOTICE, "web.entered": journal.NOTICE, "web.refused": 30, "web.locked": 30}
SHOWN = ("url", "name", "interface", "address", "port", "fingerprint", "until", "minutes", "confined")


class Opening:
    """Opens and closes the page of one daemon. ``folder``: of the certificate; ``config``: the main file."""

    def __init__(self, control: Path, folder: Path, config: Path) -> None:
        self._places = ["--control", str(control), "--folder", str(folder), "--config", str(config)]
        self._one = asyncio.Lock()
        self._child: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self._open: dict[str, Any] = {}
        self._ends_s = 0.0

    async def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer ``{"op":"web","do":"on"|"off"|"status","minutes":60,"interface":"eth0"}``.

        The PIN is in the answer to "on" and nowhere else. Raises CannotOpen.
        """
        async with self._one:
            match request.get("do"):
                case "on":
                    arguments = _arguments(request)  # refused, the open page stays as it is
                    await self._close("opened anew")
                    pin = await self._begin(arguments)
                    return self.told() | {"pin": pin}
                case "off":
                    await self._close("asked")
                case "status":
                    pass
                case other:
                    raise CannotOpen(f"do = {other!r}", fix="on, off or status")
            return self.told()

    def told(self) -> dict[str, Any]:
        """Return whether it is open, where, and for how long yet."""
        if self._child is None:
            return {"v": 1, "open": False}
        left_s = max(0, round(self._ends_s - time.monotonic()))
        return {"v": 1, "open": True, "pid": self._child.pid, "left_s": left_s} | self._open

    async def close(self) -> None:
        """Close the page: the daemon stops."""
        await self._close("the gateway stops")

    async def _begin(self, arguments: list[str]) -> str:
        """Start the child; return the PIN."""
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-P", "-m", "kaga_edge.station.page", *self._places, *arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_BYTES,
        )
        try:
            said = await self._first_line(child)
        except BaseException:
            await _ended(child)
            raise
        self._child, self._open = child, {key: said[key] for key in SHOWN}
        self._ends_s = time.monotonic() + said["minutes"] * 60
        self._listening = asyncio.create_task(self._listen(child), name="web")
        journal.event(
            journal.NOTICE,
            "web.opened",
            url=said["url"],
            interface=said["interface"],
            minutes=f"{said['minutes']:g}",
        )
        return str(said["pin"])

    async def _first_line(self, child: asyncio.subprocess.Process) -> dict[str, Any]:
        assert child.stdout is not None
        try:
            async with asyncio.timeout(BEGIN_S):
                line = await child.stdout.readline()
            said: dict[str, Any] = json.loads(line)
        except (TimeoutError, ValueError) as error:
            why = "it did not begin in time" if isinstance(error, TimeoutError) else "it ended at once"
            raise CannotOpen(why, where="status page", fix="journalctl -u kaga-edge -n 20") from error
        if "error" in said:
            told = said["error"]
            raise CannotOpen(told["what"], where=told["where"], fix=told["fix"])
        return said

    async def _listen(self, child: asyncio.subprocess.Process) -> None:
        """Log what the child says until it ends."""
        assert child.stdout is not None
        reason = "its time is over"
        with contextlib.suppress(ValueError):  # a line beyond all measure: it ends below
            while line := await child.stdout.readline():
                said = json.loads(line)
                if said.get("event") in LEVELS:
                    name = said.pop("event")
                    journal.event(LEVELS[name], name, **said)
        code = await _ended(child)
        if self._child is child:
            self._child = None
            journal.event(journal.NOTICE, "web.closed", reason=reason if code == 0 else f"it failed ({code})")

    async def _close(self, reason: str) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        await _ended(child)
        if self._listening is not None:
            await self._listening
        journal.event(journal.NOTICE, "web.closed", reason=reason)


async def _ended(child: asyncio.subprocess.Process) -> int:
    """End the child, gently first; return its exit code."""
    if child.stdin is not None:
        child.stdin.close()
    try:
        async with asyncio.timeout(END_S):
            return await child.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        return await child.wait()


def _arguments(request: dict[str, Any]) -> list[str]:
    """Return the child's arguments. Raises CannotOpen."""
    minutes = request.get("minutes", DEFAULT_MINUTES)
    if (
        isinstance(minutes, bool)
        or not isinstance(minutes, int | float)
        or not 0 < minutes <= LONGEST_MINUTES
    ):
        raise CannotOpen(f"minutes = {minutes!r}", fix=f"above 0, at most {LONGEST_MINUTES}")
    port = request.get("port", DEFAULT_PORT)
    if isinstance(port, bool) or not isinstance(port, int) or not (port == 0 or 1024 <= port <= 65535):
        raise CannotOpen(f"port = {port!r}", fix="1024 to 65535")
    arguments = ["--minutes", f"{minutes:g}", "--port", str(port)]
    interface, _ = chosen(request.get("interface"))
    return [*arguments, f"--interface={interface}"]
