"""The write-ahead log read without SQLite: does something follow the point where SQLite stops?

SQLite replays the log up to the first frame that does not check, silently. After a power cut that is the
transaction under way. But when the card has spoiled a frame, acknowledged transactions may follow it: then
the log is **damaged** and they can be had from its pages. When only one transaction follows, nobody can
tell a spoilt commit from a cut-off one: the log is **torn** and its numbers may have been used.

Frame: 24 bytes (page number, pages in the file if this is a commit, salt 8, checksum 8), then the page.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from pathlib import Path

HEADER_BYTES, FRAME_HEADER_BYTES, PAGE_BYTES = 32, 24, 4096
FRAME_BYTES = FRAME_HEADER_BYTES + PAGE_BYTES


class Tail(Enum):
    """What follows the last transaction that SQLite accepts."""

    NONE = "nothing"
    TORN = "one transaction, cut off or spoilt"
    DAMAGED = "whole transactions"


@dataclass(frozen=True, slots=True)
class Frame:
    """One page in the log; ``commit``: the last of its transaction."""

    page: int
    commit: bool
    offset: int  # of the page's bytes


def frames(wal: bytes) -> list[Frame]:
    """Return the frames of the log's present generation, spoilt or not: older ones have another salt."""
    salt = _salt(wal)
    found: list[Frame] = []
    for offset in range(HEADER_BYTES, len(wal) - FRAME_BYTES + 1, FRAME_BYTES):
        page, commit = struct.unpack_from(">II", wal, offset)
        # Of another generation both halves differ; one alone is a spoilt one of this.
        if page and (wal[offset + 8 : offset + 12] == salt[:4] or wal[offset + 12 : offset + 16] == salt[4:]):
            found.append(Frame(page, commit != 0, offset + FRAME_HEADER_BYTES))
    return found


def tail(wal: bytes, accepted: int) -> Tail:
    """Say what follows the ``accepted`` frames that SQLite has replayed."""
    if len(wal) <= HEADER_BYTES:
        return Tail.NONE
    end = HEADER_BYTES + accepted * FRAME_BYTES
    known = frames(wal)
    if accepted > len(known):
        return Tail.NONE  # what SQLite counts was written after these bytes were read
    rest = [frame for frame in known if frame.offset >= end]
    if accepted == 0 and rest and rest[0].offset > HEADER_BYTES + FRAME_HEADER_BYTES:
        return Tail.TORN  # a new generation had begun over an old one, long since in the database
    whole = [frame for frame in rest if _checks(wal, frame)]
    commits = [n for n, frame in enumerate(whole) if frame.commit]
    if any(not _copy(wal, whole[n], later) for n in commits for later in whole[n + 1 :]):
        return Tail.DAMAGED
    # The copy that fills up the last accepted transaction is synced in part only: it is no transaction.
    filled = accepted > 1 and _copy(wal, known[accepted - 2], known[accepted - 1])
    if accepted and rest and not filled and rest[0].offset == end + FRAME_HEADER_BYTES:
        rest = rest[rest[0].page == known[accepted - 1].page :]
    # A process killed between a frame's head and its page leaves just the head.
    over = (len(wal) - HEADER_BYTES) % FRAME_BYTES
    ragged = over > FRAME_HEADER_BYTES and len(known) >= (len(wal) - HEADER_BYTES) // FRAME_BYTES
    return Tail.TORN if any(frame.commit for frame in rest) or ragged else Tail.NONE


def _copy(wal: bytes, frame: Frame, other: Frame) -> bool:
    """Say whether a frame only repeats a commit to fill up the disk's sector."""
    pages = [wal[one.offset : one.offset + PAGE_BYTES] for one in (frame, other)]
    return frame.commit and other.commit and frame.page == other.page and pages[0] == pages[1]


def _checks(wal: bytes, frame: Frame) -> bool:
    """Say whether a frame is whole, taking the sum stored with the one before it on trust."""
    start = frame.offset - FRAME_HEADER_BYTES
    before = start - FRAME_BYTES + 16 if start > HEADER_BYTES else 24
    content = wal[start : start + 8] + wal[frame.offset : frame.offset + PAGE_BYTES]
    return _checksum(content, wal[before : before + 8], _order(wal)) == wal[start + 16 : start + 24]


def committed_pages(wal: bytes) -> dict[int, bytes]:
    """Return each page's newest committed bytes; a frame that does not check never replaces one that does."""
    pages: dict[int, bytes] = {}
    pending: dict[int, bytes] = {}
    for frame in frames(wal):
        if _checks(wal, frame):
            pending[frame.page] = wal[frame.offset : frame.offset + PAGE_BYTES]
        if frame.commit:
            pages |= pending
            pending.clear()
    return pages


def read(path: Path) -> bytes:
    """Return the log's bytes, nothing when there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _salt(wal: bytes) -> bytes:
    """Return the salt of the present generation: the header's, or the frames' when that is spoilt."""
    if _checksum(wal[:24], bytes(8), _order(wal)) == wal[24:32]:
        return wal[16:24]
    salts = [wal[n + 8 : n + 16] for n in range(HEADER_BYTES, len(wal) - FRAME_BYTES + 1, FRAME_BYTES)][:3]
    return next((a for a, b in pairwise(salts) if a == b), salts[0] if salts else b"")


def _order(wal: bytes) -> str:
    return ">" if wal[3:4] == b"\x83" else "<"


def _checksum(content: bytes, seed: bytes, order: str) -> bytes:
    """SQLite's sum over pairs of 32-bit words (fileformat2, section 4.2); ``seed`` is always big-endian."""
    if len(seed) < 8 or len(content) % 8:
        return b""
    first, second = struct.unpack(">II", seed)
    words = struct.unpack(f"{order}{len(content) // 4}I", content)
    for at in range(0, len(words), 2):
        first = (first + words[at] + second) & 0xFFFFFFFF
        second = (second + words[at + 1] + first) & 0xFFFFFFFF
    return struct.pack(">II", first, second)
