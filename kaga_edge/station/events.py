"""Our own ring of events beside the store: it survives a reboot, which the journal of a Pi does not.

Two files of JSON lines, the older one dropped when the newer is full; some ten thousand events. Written by
a thread of its own, synced at once, so that a slow card never holds up a reading. A line torn by a power
cut is passed over. What a full or sick disk refuses is held, bounded, and written with the next event.
"""

from __future__ import annotations

import json
import os
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FILE_BYTES = 1_000_000
NAME = "events.jsonl"
MOST_WAITING = 1000  # behind a dead card; more is dropped here, the journal has it
MOST_HELD_BYTES = 200_000  # refused by the disk; of more the oldest go


class EventRing:
    """Keeps events below ``folder``."""

    def __init__(self, folder: Path, *, file_bytes: int = FILE_BYTES) -> None:
        self._file = folder / NAME
        self._file_bytes = file_bytes
        self._waiting: queue.Queue[bytes | None] = queue.Queue(MOST_WAITING)
        self._held = b""
        self._thread = threading.Thread(target=self._write, name="events", daemon=True)
        self._thread.start()

    def add(self, event: dict[str, Any]) -> None:
        """Take one event; never waits."""
        line = json.dumps(event, ensure_ascii=False, default=str).encode() + b"\n"
        try:
            self._waiting.put_nowait(line)
        except queue.Full:
            return

    def close(self, within_s: float = 2.0) -> None:
        """Write what waits and stop."""
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(within_s)

    def _write(self) -> None:
        more = True
        while more:
            lines = [self._waiting.get()]
            while not self._waiting.empty():
                lines.append(self._waiting.get_nowait())
            more = None not in lines
            block = self._held + b"".join(line for line in lines if line is not None)
            try:
                self._append(block)
            except OSError:  # a sick disk is the recorder's to report; the journal has the events
                self._held = _newest(block)
            else:
                self._held = b""

    @property
    def held_bytes(self) -> int:
        """How much the disk has refused so far and is still to be written."""
        return len(self._held)

    def _append(self, block: bytes) -> None:
        if not block:
            return
        if self._file.exists() and self._file.stat().st_size + len(block) > self._file_bytes:
            self._file.replace(self._file.with_suffix(".1.jsonl"))
        handle = os.open(self._file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o640)
        size = os.fstat(handle).st_size
        try:
            if size and os.pread(handle, 1, size - 1) != b"\n":  # the last line was torn by a cut
                block = b"\n" + block
            elif not size:
                os.fchmod(handle, 0o640)  # whatever the umask: the group reads it with kaga-edge log
            _write_whole(handle, block)
            os.fdatasync(handle)
        except OSError:
            os.ftruncate(handle, size)  # a part may be there: it comes again, whole
            raise
        finally:
            os.close(handle)


def _newest(block: bytes) -> bytes:
    """Return whole lines from the end of a block."""
    if len(block) <= MOST_HELD_BYTES:
        return block
    return block[-MOST_HELD_BYTES:].partition(b"\n")[2]


def _write_whole(handle: int, block: bytes) -> None:
    """Write a block; a disk that is nearly full takes the beginning first and refuses then."""
    while block:
        block = block[os.write(handle, block) :]


def kept(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the kept events, oldest first. Raises OSError when they may not be read."""
    for file in ((folder / NAME).with_suffix(".1.jsonl"), folder / NAME):
        if not file.exists():
            continue
        with file.open("rb") as lines:
            for line in lines:
                if event := _event(line):
                    yield event


class Follower:
    """Gives the events that come after it was made, over the change to a new file too."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / NAME
        self._number, self._at = self._seen()

    def new(self) -> list[dict[str, Any]]:
        """Return what came since the last look. Raises OSError when it may not be read."""
        number, size = self._seen()
        found: list[dict[str, Any]] = []
        if number != self._number:  # the one we were in is the older one now
            older = self._file.with_suffix(".1.jsonl")
            if older.exists() and older.stat().st_ino == self._number:
                found += self._read(older)
            self._number, self._at = number, 0
        return found + (self._read(self._file) if size > self._at else [])

    def _seen(self) -> tuple[int, int]:
        try:
            facts = self._file.stat()
        except FileNotFoundError:
            return 0, 0
        return facts.st_ino, facts.st_size

    def _read(self, file: Path) -> list[dict[str, Any]]:
        with file.open("rb") as lines:
            lines.seek(self._at)
            block = lines.read()
        whole = block[: block.rfind(b"\n") + 1]  # a line still being written waits
        self._at += len(whole)
        return [event for line in whole.splitlines() if (event := _event(line))]


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None
