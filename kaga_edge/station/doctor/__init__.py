"""The 37 checks of ``kaga-edge doctor``: small functions from a ``Bench`` to a ``Finding``.

They work without the daemon and never disturb it. Everything they look at lies below ``Bench.root``, so a
test gives them a tree of its own. What this machine cannot tell is "unknown", never "pass".
"""

from kaga_edge.station.doctor.bench import Bench, Finding, State
from kaga_edge.station.doctor.every import CHECKS, GROUPS, examine

__all__ = ["Bench", "Finding", "State", "CHECKS", "GROUPS", "examine"]
