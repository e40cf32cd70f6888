"""``dataclass`` for the words made on every poll: frozen for the type checker, cheap to make at run time.

A frozen dataclass sets each field through ``object.__setattr__``, five times the cost of a plain one; a
station at rest makes some five hundred such words a second, and that was a tenth of all it did (measured
with ``scripts/bench_idle.py``). mypy, which every change must pass, still refuses to set a field.
Equality and hash are those of a frozen one.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(*, frozen, slots, kw_only):
        """Return the decorator; ``frozen`` is kept by the type checker."""
        assert frozen
        return dataclasses.dataclass(slots=slots, kw_only=kw_only, unsafe_hash=True)
