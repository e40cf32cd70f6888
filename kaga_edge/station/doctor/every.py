"""All checks in their order, and the run through them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kaga_edge.station.doctor import keeping, system, wires
from kaga_edge.station.doctor.bench import Bench, Finding

Check = Callable[[Bench], Finding]

CHECKS: dict[str, Check] = {
    check.__name__.upper(): check
    for check in (
        system.o01, system.o02, system.o03, system.o04, system.o05, system.o06, system.o07, system.o08,
        system.o09, wires.b01, wires.b02, wires.b03, wires.b04, wires.b05, wires.b06, wires.b07, wires.b08,
        wires.b09, wires.b10, wires.b11, wires.b12, keeping.s01, keeping.s02, keeping.s03, keeping.s04,
        keeping.t01, keeping.t02, keeping.t03, keeping.q01, keeping.q02, keeping.q03, keeping.l01,
        keeping.l02, keeping.l03, keeping.l04, keeping.p01, keeping.c01,
    )
}  # fmt: skip
GROUPS = tuple(dict.fromkeys(code[0] for code in CHECKS))


def examine(bench: Bench, only: str = "") -> Iterator[Finding]:
    """Run every check whose code begins with ``only`` ("", "B", "B02")."""
    for code, check in CHECKS.items():
        if code.startswith(only.upper()):
            yield check(bench)
