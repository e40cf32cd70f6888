"""Room that is needed at this moment: what may be summed up is never thrown away for it."""

from __future__ import annotations

from typing import Any

from kaga_edge.core.stored import Purged
from kaga_edge.store import thinning


def test_a_full_store_expired_rows_when_the_first_look_at_them_found_nothing_worth_thinning(
    bench: Any, monkeypatch: Any
) -> None:
    """A year at five minutes lost 492 rows so: the next rows in turn could have been thinned."""
    database = bench.open()
    monkeypatch.setattr(thinning, "CHUNK_ROWS", 50)
    for _ in range(60):
        bench.clock.pass_s(600)  # one row a window: there is nothing to sum up
        bench.add(database, 1)
    for _ in range(300):
        bench.clock.pass_s(10)
        bench.add(database, 1)
    monkeypatch.setattr(database, "_making_room", True)  # as after "the database is full"

    made = database.relieve()

    assert made == Purged(thinned=made.thinned, into=made.into)
    assert made.thinned > made.into > 0
