"""What passes between the store and whoever writes to it or sends from it, as plain values.

``store`` and ``uplink`` never import each other; they meet in these words. Numbers (``n``, ``e``) start
at 1 in every epoch and are never used twice.
"""

from __future__ import annotations

from kaga_edge.core.ranges import Ranges
from kaga_edge.vocabulary.quick import dataclass
from kaga_edge.vocabulary.readings import Alert, Sample

StoredRow = tuple[int, int, int, int, str, str | None]
"""n, sensor index i, at_ms (UTC), up_ms (boot clock), vals (JSON text without brackets), q (JSON or None)."""

Extra = dict[str, object]


# --- in ---


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorDeclaration:
    """One sensor as the catalog shows it. ``channels``: (channel id, unit, res, further catalog keys)."""

    id: str
    channels: tuple[tuple[str, str, float, Extra], ...]
    driver: str
    kind: str = "sample"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One sample, the alerts it caused and what must be remembered with it: all committed, or none.

    ``remember``: (key, value) pairs for ``Store.recall``, such as a rain gauge's total.
    """

    sample: Sample
    alerts: tuple[Alert, ...] = ()
    remember: tuple[tuple[str, str], ...] = ()


# --- out ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """A catalog as published: ``k`` its digest, ``body`` the whole, ``index`` sensor id → i."""

    k: str
    body: dict[str, object]
    index: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """The numbers one append was given; the alerts' are None when it carried none."""

    ep: str
    first: int
    last: int
    alerts_first: int | None = None
    alerts_last: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What all rows of a batch share: epoch, catalog, clock trust, boot."""

    ep: str
    k: str
    c: int
    boot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Consecutive rows of one run, ready to be sent. No rows: ``run`` says only the epoch."""

    rows: list[StoredRow]
    run: Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One alert, gone declaration or clock event. ``leaf``: the topic below ``up/``; ``body``: its bytes."""

    ep: str
    e: int
    kind: str  # "alert" | "gone" | "clock"
    key: str
    leaf: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochStanding:
    """Where one epoch stands. ``delivered_upto``: no number up to and including it waits (0: none)."""

    ep: str
    next_n: int
    next_e: int
    waiting: Ranges
    notices_waiting: Ranges
    oldest_at_ms: int | None
    delivered_upto: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Every epoch in which something waits, and the present one, which comes last."""

    epochs: tuple[EpochStanding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """One epoch's loss ledger: ``numbered == delivered + waiting + gone``, always.

    ``thinned``: of ``gone``, those that were summed up in new rows.
    """

    ep: str
    numbered: int
    delivered: int
    waiting: int
    gone: int
    reasons: tuple[tuple[str, int], ...] = ()  # why, how many: what ``gone`` is made of
    thinned: int = 0

    @property
    def rows(self) -> int:
        """Return how many numbers stood for a row: those skipped after a power cut never did."""
        return self.numbered - dict(self.reasons).get("skipped", 0)

    @property
    def lost(self) -> int:
        """Return how many rows nobody will have, not even summed up."""
        return self.rows - self.delivered - self.waiting - self.thinned


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerLine:
    """One entry of the loss ledger: ``rows`` of one sensor that will never arrive, and why."""

    id: int
    ep: str
    why: str
    lane: str
    sensor: str
    from_ms: int | None
    to_ms: int | None
    rows: int
    n: Ranges


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The tallies of every epoch, and the lines no delivered health message has carried yet."""

    epochs: tuple[Tally, ...]
    lines: tuple[LedgerLine, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSize:
    """Room: ``used_bytes`` of ``max_bytes``, rows on disk, and what the disk itself has left."""

    used_bytes: int
    max_bytes: int
    rows: int
    free_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """What one purge removed. ``early``: of ``delivered``, those taken before their time for room;
    ``thinned`` rows were summed up ``into`` fewer new ones."""

    delivered: int = 0
    early: int = 0
    thinned: int = 0
    into: int = 0
    expired: int = 0
    notices: int = 0

    def __add__(self, other: Purged) -> Purged:
        return Purged(
            delivered=self.delivered + other.delivered,
            early=self.early + other.early,
            thinned=self.thinned + other.thinned,
            into=self.into + other.into,
            expired=self.expired + other.expired,
            notices=self.notices + other.notices,
        )


# --- told to whoever listens, in the loop's thread, after the commit ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """New rows (``first``..``last``) and perhaps notices are on disk. ``late``: never live, go on hist."""

    ep: str
    first: int
    last: int
    at_ms_first: int
    notices_first: int | None = None
    notices_last: int | None = None
    late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """``ranges`` will never be sent; notice ``e`` says so. ``e`` 0: that notice is still being written."""

    ep: str
    ranges: Ranges
    e: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochBegan:
    """Another epoch is the present one: see ``reason``.

    "damaged": the file had to be ``set_aside``. "sick": memory took over. "found": memory was there first,
    and is now in the file that could not be opened before; ``facts`` (key, value) are what that remembered.
    "renamed": the gateway has another id; whoever said so declares the sensors in a moment.
    """

    ep: str
    reason: str
    set_aside: str | None = None
    facts: tuple[tuple[str, str], ...] = ()


Change = Committed | Gone | EpochBegan
