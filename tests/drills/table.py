"""The drills' table at the end of a run."""

from __future__ import annotations


def print_drills(terminalreporter) -> None:
    """Print what the drills noted (``rig.Report``), in this process or in a worker."""
    ended = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    reports = [told for one in ended if (told := dict(one.user_properties).get("drill"))]
    if not reports:
        return
    write = terminalreporter.write_line
    write("")
    write(f"{'drill':40} {'numbered':>9} {'lost':>5} {'dupl.':>6} {'connects':>9} {'s':>6} {'goodput':>8}")
    for r in reports:
        goodput = "" if r["goodput"] is None else f"{r['goodput']:.0%}"
        counts = (
            f"{r['numbered']:9} {r['lost']:5} {r['duplicates']:6} {r['reconnects']:9} {r['seconds']:6.0f}"
        )
        write(f"{r['drill']:40} {counts} {goodput:>8}")
