"""The daemon as its own process on a simulated site: start, ask, signal, kill, and leave nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

ANSWER_S = 2.0


class DaemonProcess:
    """``python -m kaga_edge.sim.daemon`` with its log in a file. Belongs to one asyncio loop.

    ``runtime`` is the folder that ``[station] runtime`` names in the configuration.
    """

    def __init__(self, *, site: Path, config: Path, runtime: Path, log: Path) -> None:
        self.starts = 0
        self.killed_ms: list[int] = []  # wall time of each kill
        self._site, self._config = site, config
        self._control, self._log = runtime / "control.sock", log
        self._process: asyncio.subprocess.Process | None = None

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start the daemon; returns at once, see ``status``."""
        words = ["-m", "kaga_edge.sim.daemon", "--site", str(self._site), "--die-with-parent"]
        self.starts += 1
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *words,
                "--",
                "run",
                "--config",
                str(self._config),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal is ours to pass on
            )

    async def kill(self) -> int:
        """Kill with -9; returns the wall time in ms just before. Nothing in the daemon can react."""
        at_ms = time.time_ns() // 1_000_000
        self.killed_ms.append(at_ms)
        self._signal(signal.SIGKILL)
        await self._ended()
        return at_ms

    def reload(self) -> None:
        """Ask for a reload of the configuration (SIGHUP)."""
        self._signal(signal.SIGHUP)

    async def terminate(self, *, within_s: float = 10.0) -> int:
        """Stop it cleanly (SIGTERM); returns its exit code, -9 when it had to be killed."""
        if not self.alive:
            return self._process.returncode or 0 if self._process else 0
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(within_s):
                return await self._ended()
        except TimeoutError:
            self._signal(signal.SIGKILL)
            return await self._ended()

    async def status(self) -> dict[str, Any] | None:
        """Return what ``kaga-edge status --json`` shows; None when the daemon does not answer."""
        with contextlib.suppress(OSError, ValueError, TimeoutError):
            async with asyncio.timeout(ANSWER_S):
                reader, writer = await asyncio.open_unix_connection(self._control)
                try:
                    writer.write(b'{"op":"status"}\n')
                    answer: dict[str, Any] = json.loads(await reader.readline())
                    return answer if "error" not in answer else None
                finally:
                    writer.close()
        return None

    async def until_ready(self, *, within_s: float = 20.0) -> bool:
        """Wait until the daemon answers; returns whether it does."""
        ends_s = time.monotonic() + within_s
        while time.monotonic() < ends_s and self.alive:
            if await self.status() is not None:
                return True
            await asyncio.sleep(0.05)
        return False

    def last_words(self, lines: int = 12) -> str:
        """Return the end of the daemon's log."""
        try:
            return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""

    def sweep(self) -> None:
        """Kill what may be left of the process and its group; safe to call always."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _ended(self) -> int:
        assert self._process is not None
        return await self._process.wait()
