"""What a stopped daemon left on disk: its ledger, and every sample with its sensor's name."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kaga_edge.core.stored import Ledger
from kaga_edge.station.clock import SystemClock
from kaga_edge.store import Store

AT_ONCE = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One stored sample: its time and its channels' values."""

    at_ms: int
    values: dict[str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """The ledger, and each sensor's rows, oldest first."""

    ledger: Ledger
    rows: dict[str, tuple[Row, ...]]

    @property
    def next_numbers(self) -> dict[str, int]:
        """Epoch to the number that would be given next, as a receiver's ``verify`` wants it."""
        return {tally.ep: tally.numbered + 1 for tally in self.ledger.epochs}

    @property
    def waiting(self) -> int:
        """Rows nobody has confirmed."""
        return sum(tally.waiting for tally in self.ledger.epochs)


async def aftermath(path: Path, *, max_bytes: int = 64_000_000) -> Aftermath:
    """Read a store that no daemon has open. Raises KagaError."""
    store = await Store.open(path, max_bytes=max_bytes, keep_delivered_s=86_400.0, clock=SystemClock())
    try:
        ledger = await store.ledger()
        rows: dict[str, list[Row]] = {}
        for tally in ledger.epochs:
            await _gather(store, tally.ep, tally.numbered, rows)
    finally:
        await store.close()
    return Aftermath(ledger=ledger, rows={sensor: tuple(found) for sensor, found in rows.items()})


async def _gather(store: Store, ep: str, last: int, rows: dict[str, list[Row]]) -> None:
    first = 1
    while first <= last:
        loaded = await store.load(ep, first, last, AT_ONCE)
        if not loaded.rows:
            return
        body: dict[str, Any] = await store.catalog_body(loaded.run.k) or {"s": []}
        listed = {sensor["i"]: sensor for sensor in body["s"]}
        for _, index, at_ms, _, vals, _ in loaded.rows:
            sensor = listed[index]
            names = [channel["id"] for channel in sensor["ch"]]
            values = dict(zip(names, json.loads(f"[{vals}]"), strict=True))
            rows.setdefault(sensor["id"], []).append(Row(at_ms=at_ms, values=values))
        first = loaded.rows[-1][0] + 1
