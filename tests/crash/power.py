"""Power cuts: what may be on the disk when the current goes away in the middle of a recording.

Durable is what was synced. Of the rest any subset of sectors, in any order, may have arrived; a sector
being written may be half old and half new, or ruined whole; a directory entry may be missing.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from tests.crash.recorded_disk import Commit, Link, Operation, Sync, SyncDirectory, Truncate, Write

TORN_BYTES = 512  # what a disk writes in one piece


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """How a disk behaves at the cut.

    ``piece_bytes``: unsynced writes arrive or not in pieces of this size. ``ruined_bytes``: the aligned
    sectors of this size touched by one unsynced write are noise, neighbours' old bytes included.
    ``strict``: only a folder's own sync makes its entries durable; otherwise any sync does, as on a
    journalling file system. ``lying``: the share of syncs that do nothing. ``kill``: only the process
    dies, the disk keeps all.
    """

    name: str
    piece_bytes: int = TORN_BYTES
    ruined_bytes: int = 0
    strict: bool = False
    lying: float = 0.0
    kill: bool = False


HONEST = (
    Mode(name="torn 512 B"),
    Mode(name="torn 4 KiB", piece_bytes=4096),
    Mode(name="strict directories", strict=True),
    Mode(name="ruined 512 B", ruined_bytes=512, strict=True),
    Mode(name="ruined 4 KiB", ruined_bytes=4096, strict=True),
    Mode(name="kill -9", kill=True),
)
LYING = (Mode(name="lying 5 %", lying=0.05), Mode(name="lying 30 %", lying=0.3))


@dataclass(slots=True)
class _File:
    durable: bytearray = field(default_factory=bytearray)
    pending: list[Write | Truncate] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """After ``at`` operations: the files as found, and the commits acknowledged before and next."""

    at: int
    mode: Mode
    files: dict[str, bytes]
    acknowledged: Any  # state of the last commit, None before the first
    following: Any  # what the one under way would have made


def cuts(operations: list[Operation], mode: Mode, count: int, chance: random.Random) -> Iterator[Cut]:
    """Give ``count`` cuts at random points of the recording, in its order."""
    points = sorted(chance.randrange(1, len(operations) + 1) for _ in range(count))
    files: dict[int, _File] = {}
    names: dict[str, int] = {}
    links: list[Link] = []
    states = [(n, operation.state) for n, operation in enumerate(operations) if isinstance(operation, Commit)]
    done, known = 0, 0
    for point in points:
        while done < point:
            _advance(operations[done], files, names, links, mode, chance)
            done += 1
        while known < len(states) and states[known][0] < point:
            known += 1
        yield Cut(
            at=point,
            mode=mode,
            files=_found(files, names, links, mode, chance),
            acknowledged=states[known - 1][1] if known else None,
            following=states[known][1] if known < len(states) else None,
        )


def _advance(
    operation: Operation,
    files: dict[int, _File],
    names: dict[str, int],
    links: list[Link],
    mode: Mode,
    chance: random.Random,
) -> None:
    match operation:
        case Write() | Truncate():
            files.setdefault(operation.inode, _File()).pending.append(operation)
        case Link():
            links.append(operation)
        case Sync() | SyncDirectory():
            if mode.lying and chance.random() < mode.lying:
                return
            if isinstance(operation, Sync):
                file = files.setdefault(operation.inode, _File())
                for pending in file.pending:
                    _apply(file.durable, pending)
                file.pending.clear()
            if isinstance(operation, SyncDirectory) or not mode.strict:
                for link in links:
                    _name(names, link)
                links.clear()


def _found(
    files: dict[int, _File], names: dict[str, int], links: list[Link], mode: Mode, chance: random.Random
) -> dict[str, bytes]:
    """Return the files by name as the machine finds them after the cut."""
    found = dict(names)
    arrived = len(links) if mode.kill else chance.randint(0, len(links))
    for n, link in enumerate(links):
        if n < arrived or (mode.strict and chance.random() < 0.3):
            _name(found, link)
    contents: dict[str, bytes] = {}
    for name, inode in found.items():
        file = files.get(inode, _File())
        contents[name] = bytes(_survived(file, mode, chance))
    return contents


def _survived(file: _File, mode: Mode, chance: random.Random) -> bytearray:
    content = bytearray(file.durable)
    if mode.kill:
        for pending in file.pending:
            _apply(content, pending)
        return content
    if not file.pending:
        return content
    pieces = [piece for pending in file.pending for piece in _pieces(pending, mode.piece_bytes)]
    share = chance.choice((0.0, 0.5, 0.9, 1.0, chance.random()))
    if chance.random() < 0.3:  # a plain prefix: what a disk that works in order leaves
        pieces = pieces[: chance.randint(0, len(pieces))]
    else:
        pieces = [piece for piece in pieces if chance.random() < share]
        if chance.random() < 0.5:
            chance.shuffle(pieces)
    for piece in pieces:
        _apply(content, piece)
    writes = [pending for pending in file.pending if isinstance(pending, Write)]
    if mode.ruined_bytes and writes:
        # Mostly the last one, which was under way; a card may as well have been busy with an earlier one.
        _ruin(content, writes[-1] if chance.random() < 0.7 else chance.choice(writes), mode, chance)
    return content


def _ruin(content: bytearray, write: Write, mode: Mode, chance: random.Random) -> None:
    size = mode.ruined_bytes
    first, last = write.offset // size, (write.offset + max(len(write.data), 1) - 1) // size
    sector = chance.randint(first, last) * size
    end = min(sector + size, len(content))
    if end > sector:
        content[sector:end] = chance.choice((bytes(end - sector), chance.randbytes(end - sector)))


def _pieces(operation: Write | Truncate, size: int) -> Iterator[Write | Truncate]:
    if isinstance(operation, Truncate):
        yield operation
        return
    offset, end = operation.offset, operation.offset + len(operation.data)
    while offset < end:
        border = min((offset // size + 1) * size, end)
        yield replace(
            operation,
            offset=offset,
            data=operation.data[offset - operation.offset : border - operation.offset],
        )
        offset = border


def _apply(content: bytearray, operation: Write | Truncate) -> None:
    if isinstance(operation, Truncate):
        del content[operation.size :]
        return
    end = operation.offset + len(operation.data)
    if len(content) < end:
        content.extend(bytes(end - len(content)))
    content[operation.offset : end] = operation.data


def _name(names: dict[str, int], link: Link) -> None:
    for name, inode in link.names:
        if inode is None:
            names.pop(name, None)
        else:
            names[name] = inode
