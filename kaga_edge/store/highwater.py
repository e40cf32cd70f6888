"""The second copy of "numbers up to here may have been used", in a small file beside the database.

If the database is lost, or comes back older than it was (a card that lied about syncs, a restored
backup), this file still tells from where numbers are safe. It is written in steps, a whole block of
numbers ahead, so that not every commit pays for it: one in 200 or so, at any rate of rows.

Beside the marks stand the few facts that must not be forgotten with the database: how far each issuer's
commands have counted, and which sensors a resident asked to stop.

Within a block a second small file notes after each commit how far numbers were used, without a sync: the
system writes it within half a minute. A database whose log lost its end without a trace shows by it.
"""

from __future__ import annotations

import contextlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from kaga_edge.store.disk import Disk

BLOCK_COMMITS = 512  # so many like the present one: what a power cut leaves out is no more than that
BLOCK_ROWS = 4096  # nor than this
SPARE_ROWS = 256  # always ahead: a card that lied about the last minute's syncs may have the block before
BLOCK_NOTICES = 64
KEPT_TWICE = ("command.ctr/", "collect")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One epoch: when the block was taken the next numbers were n and e; used may be all below upto."""

    n: int = 1
    n_upto: int = 0
    e: int = 1
    e_upto: int = 0


NOTHING = Mark()


class HighWater:
    """Reads the file once, then only writes it."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self.path = path
        self._note_path = path.with_suffix(".used")
        self._disk = disk
        self._on_file, self._facts = _read(path, disk)
        self._noted = _read_note(self._note_path, disk)
        self._marks = _with_note(self._on_file, self._noted)

    def mark(self, ep: str) -> Mark:
        """Return what is known of an epoch; nothing reserved when it is not in the file."""
        return self._marks.get(ep, NOTHING)

    @property
    def marks(self) -> dict[str, Mark]:
        """Return every epoch's mark."""
        return dict(self._marks)

    def reserve(self, ep: str, *, next_n: int, last_n: int, next_e: int, last_e: int) -> Mark | None:
        """Make sure that last_n and last_e lie well in the block on disk; return a new one that was taken.

        Full or read-only disks are let pass: the safety copy is not worth losing rows for, and the
        next call tries again.
        """
        held = self.mark(ep)
        if last_n + SPARE_ROWS <= held.n_upto and last_e <= held.e_upto:
            return None
        ahead = min(BLOCK_ROWS, BLOCK_COMMITS * max(1, last_n - next_n + 1))
        n_upto = max(held.n_upto, last_n + ahead)
        taken = Mark(n=next_n, n_upto=n_upto, e=next_e, e_upto=max(held.e_upto, last_e + BLOCK_NOTICES))
        marks = {**self._marks, ep: taken}
        if self._written(marks, self._facts):
            self._marks = marks
        return taken

    @property
    def facts(self) -> dict[str, str]:
        """Return the facts that are kept here too."""
        return dict(self._facts)

    def keep(self, pairs: Mapping[str, str]) -> None:
        """Keep those of the facts that must outlive the database. A refusal is let pass, as above."""
        facts = self._facts | {key: told for key, told in pairs.items() if key.startswith(KEPT_TWICE)}
        if facts != self._facts:
            self._written(self._marks, facts)

    def learn(self, ep: str, n_upto: int, e_upto: int) -> None:
        """Take the database's own copy of a block into account: a card may have kept that one only.

        Then there are two again: whoever removed the file must not leave us with one for a whole block.
        """
        known, held = self.mark(ep), self._on_file.get(ep, NOTHING)
        taken = replace(known, n_upto=max(known.n_upto, n_upto), e_upto=max(known.e_upto, e_upto))
        self._marks = {**self._marks, ep: taken}
        if held.n_upto < taken.n_upto or held.e_upto < taken.e_upto:
            self._written(self._marks, self._facts)

    def ended_with(self, ep: str, next_n: int, next_e: int) -> bool:
        """Say whether the note that was found tells of exactly these numbers: nothing later was written."""
        return self._noted == (ep, next_n, next_e)

    def note(self, ep: str, *, next_n: int, next_e: int) -> None:
        """Note from where numbers are not used yet. A refusal is let pass, as in ``reserve``."""
        with contextlib.suppress(OSError):
            self._disk.note(self._note_path, _noted(ep, next_n, next_e))

    def _written(self, marks: dict[str, Mark], facts: dict[str, str]) -> bool:
        """Write the file; False: the disk refused, and what the file says stays as it was."""
        try:
            self._disk.write_whole(self.path, _text(marks, facts))
        except OSError:
            return False
        self._on_file, self._facts = marks, facts
        return True


def marks_of(store: Path) -> dict[str, Mark]:
    """Return the marks beside a store's file; a file set aside has left them with its old name."""
    name = store.name.partition(".damaged-")[0]
    disk, high = Disk(), store.with_name(name + ".high")
    return _with_note(_read(high, disk)[0], _read_note(high.with_suffix(".used"), disk))


def facts_beside(store: Path) -> dict[str, str]:
    """Return the facts beside a store's file, without touching that."""
    disk = Disk()
    return _read(store.with_name(store.name + ".high"), disk)[1]


def counts_further(kept: str, held: str | None) -> bool:
    """Say whether the copy here holds: the database's is gone or spoilt, or a counter that is behind it."""
    if held is None or not _is_json(held):
        return True
    return kept.isdecimal() and (not held.isdecimal() or int(held) < int(kept))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _read(path: Path, disk: Disk) -> tuple[dict[str, Mark], dict[str, str]]:
    try:
        told = json.loads(disk.read(path))
        marks = {str(ep): _checked(*numbers) for ep, numbers in told["epochs"].items()}
        return marks, {str(key): str(value) for key, value in told.get("facts", {}).items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}, {}  # absent or damaged: the database alone then decides


def _noted(ep: str, next_n: int, next_e: int) -> bytes:
    """Return the note: one line, always as long, so that an older one leaves nothing behind it."""
    text = f"{ep} {next_n:013} {next_e:013}".encode("ascii")
    return text + f" {zlib.crc32(text):08x}\n".encode("ascii")


def _read_note(path: Path, disk: Disk) -> tuple[str, int, int] | None:
    try:
        line = disk.read(path)
        ep, n, e, _ = line.decode("ascii").split()
        whole = _noted(ep, int(n), int(e)) == line
    except (OSError, ValueError):
        return None  # absent, or torn while it was written: the marks alone then decide
    return (ep, int(n), int(e)) if whole else None


def _with_note(marks: dict[str, Mark], note: tuple[str, int, int] | None) -> dict[str, Mark]:
    """Return the marks with what the note knows better: from where numbers are free for certain."""
    if note is None:
        return marks
    ep, n, e = note  # where the marks were removed, the note alone is older by less than a block
    mark = marks.get(ep, Mark(n_upto=n - 1 + BLOCK_ROWS, e_upto=e - 1 + BLOCK_NOTICES))
    known = replace(mark, n=max(mark.n, min(n, mark.n_upto + 1)), e=max(mark.e, min(e, mark.e_upto + 1)))
    return {**marks, ep: known}


def _checked(n: int, n_upto: int, e: int, e_upto: int) -> Mark:
    if not all(isinstance(number, int) and number >= 0 for number in (n, n_upto, e, e_upto)):
        raise ValueError("a number is no number")
    return Mark(n=n, n_upto=n_upto, e=e, e_upto=e_upto)


def _text(marks: dict[str, Mark], facts: dict[str, str]) -> bytes:
    epochs = {ep: [m.n, m.n_upto, m.e, m.e_upto] for ep, m in marks.items()}
    body = {"v": 1, "epochs": epochs, "facts": facts}
    return json.dumps(body).encode("ascii")
