"""How much of what was read one batch may hold: consecutive numbers, one run, one message's bytes."""

from __future__ import annotations

from collections.abc import Sequence

from kaga_edge.core.stored import StoredRow

LOAD_BYTES = 60 * 1024  # of one load: what fits a batch
ROW_OVERHEAD_BYTES = 24  # brackets, index, time difference and commas of one row in a batch


def joined(rows: Sequence[StoredRow], run_last: int) -> int:
    """Return how many rows from the start are consecutive and of one run."""
    first = rows[0][0]
    count = min(len(rows), run_last - first + 1)
    if rows[count - 1][0] - first == count - 1:
        return count
    low, high = 1, count  # rows[:low] are consecutive, rows[:high] are not
    while high - low > 1:
        middle = (low + high) // 2
        if rows[middle - 1][0] - first == middle - 1:
            low = middle
        else:
            high = middle
    return low


def fitting(rows: Sequence[StoredRow]) -> int:
    """Return how many rows fit one batch, at least one."""
    size = len(rows) * ROW_OVERHEAD_BYTES + sum([len(row[4]) + len(row[5] or "") for row in rows])
    if size <= LOAD_BYTES:
        return len(rows)
    size = 0
    for count, row in enumerate(rows):
        size += ROW_OVERHEAD_BYTES + len(row[4]) + len(row[5] or "")
        if size > LOAD_BYTES:
            return max(1, count)
    return len(rows)
