"""Small memory and few cycles for a process that runs for years on a small board.

Measured with scripts/bench_idle.py. Source: mallopt(3), malloc_trim(3), gc.freeze in Python's gc;
long_lived_total in Python's collector, free lists in its Objects/tupleobject.c.
"""

from __future__ import annotations

import ctypes
import gc

M_ARENA_MAX = -8


def prepare() -> None:
    """One heap for all threads: by default glibc gives each thread its own, and none gives back."""
    if hasattr(libc := ctypes.CDLL(None), "mallopt"):  # musl has neither
        libc.mallopt(M_ARENA_MAX, 1)


def settle() -> None:
    """Once everything is loaded: give back what loading used, and never look through the rest again.

    Modules, classes and configuration stay for good; without the freeze each full collection walks all
    of them, and that is what an idle daemon would do most.
    """
    gc.collect()
    gc.freeze()
    if hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)


def tidy() -> None:
    """Collect every generation, now and then: after the freeze nothing else ever does.

    Python looks at its oldest objects only when a quarter as many newer ones wait as the last full
    collection left alive, and it still counts the frozen ones there: tens of thousands. Until then it keeps
    dead cycles (each failed dial leaves one) and its lists of freed tuples, 2,000 for each length: several
    MB a day at first. Costs about a millisecond.
    """
    gc.collect()
