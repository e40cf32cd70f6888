"""Prints the drills' table at the end."""

from __future__ import annotations

from .rig import REPORTS


def pytest_terminal_summary(terminalreporter) -> None:
    if not REPORTS:
        return
    write = terminalreporter.write_line
    write("")
    write(f"{'drill':40} {'numbered':>9} {'lost':>5} {'dupl.':>6} {'connects':>9} {'s':>6} {'goodput':>8}")
    for r in REPORTS:
        goodput = "" if r.goodput is None else f"{r.goodput:.0%}"
        counts = f"{r.numbered:9} {r.lost:5} {r.duplicates:6} {r.reconnects:9} {r.seconds:6.0f}"
        write(f"{r.drill:40} {counts} {goodput:>8}")
