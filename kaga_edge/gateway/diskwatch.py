"""What the city is told of the disk: an alert when memory takes over, its clearing when everything is back.

A box whose card has failed measures and sends as before, so nothing else would show from afar that the next
power cut costs what is not sent yet. The news goes with the next sample.
"""

from __future__ import annotations

from kaga_edge.gateway.wording import worded_watch
from kaga_edge.vocabulary.errors import KagaError
from kaga_edge.vocabulary.readings import Alert, Moment

KEY = "disk/store"
MEMORY = "raised/disk"
News = tuple[tuple[Alert, ...], tuple[tuple[str, str], ...]]


class DiskWatch:
    """Remembers what was told."""

    def __init__(self) -> None:
        self._told = False

    def recall(self, known: str | None) -> None:
        """Go on from what the city was told before a restart."""
        self._told = bool(known)

    def news(self, at: Moment, sick: KagaError | None) -> News:
        """Return the alert that goes with the next sample when the city does not know yet, and its memory."""
        if (sick is not None) is self._told:
            return (), ()
        self._told = sick is not None
        state = "cleared" if sick is None else "raised"
        data: dict[str, object] = {"rank": "disk", "reason": sick.code if sick is not None else ""}
        alert = Alert(
            key=KEY, state=state, subject="store", at=at, data=data | worded_watch("disk", state, {})
        )
        return (alert,), ((MEMORY, "sick" if sick is not None else ""),)
