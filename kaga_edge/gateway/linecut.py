"""The line-cut test of an acceptance: the line is held off for a while and comes back by itself."""

from __future__ import annotations

from typing import Any

from kaga_edge.uplink import Uplink
from kaga_edge.vocabulary.errors import AskedWrongly

LONGEST_S = 600.0  # shorter than anybody would go home without seeing the end of it


def cut(uplink: Uplink | None, request: dict[str, Any]) -> dict[str, Any]:
    """Take ``{"op":"cut","seconds":60,"who":"…"}``. Raises AskedWrongly; LinkError: nothing to cut."""
    seconds, who = request.get("seconds"), request.get("who")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= LONGEST_S:
        raise AskedWrongly(f"seconds = {seconds!r}", fix=f"above 0, at most {LONGEST_S:g}")
    if not isinstance(who, str) or not who.strip():
        raise AskedWrongly("nobody named", fix="say who asks: who")
    if uplink is None:
        raise AskedWrongly("this station has no [platform]: there is no line to cut")
    uplink.cut(float(seconds))
    return {"v": 1, "seconds": seconds}
