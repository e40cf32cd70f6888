"""Alarms whose rule has gone from the configuration: cleared for everybody who was told of them.

An alarm raised on the wire stays raised there until it is cleared under the same key. When a threshold, a
check or a whole sensor is taken out while its alarm lasts, nothing of ours would ever clear it. So the next
sample of any sensor carries the clearing; until that is on disk a restart finds the same again.
"""

from __future__ import annotations

from collections.abc import Iterable

from kaga_edge.gateway.wording import worded_watch
from kaga_edge.station import journal
from kaga_edge.vocabulary.readings import Alert, Moment

ALARMED_KEY = "alarmed"  # the sensors with raised alarms, so that a start finds those taken out meanwhile
REASON = "rule-removed"
News = tuple[tuple[Alert, ...], tuple[tuple[str, str], ...]]


class Retired:
    """What is to be cleared with the next sample."""

    def __init__(self) -> None:
        self._keys: dict[str, None] = {}  # in order, each once
        self._remember: dict[str, str] = {}

    def add(self, keys: Iterable[str], remember: tuple[str, str]) -> None:
        """Take alarms to clear, and what the store must say once they are."""
        found = sorted(keys)
        if found:
            self._keys |= dict.fromkeys(found)
            self._remember |= dict((remember,))

    def news(self, at: Moment) -> News:
        """Return the alerts that go with the present sample, and what to remember with it; then nothing."""
        if not self._keys:
            return (), ()
        alerts = tuple(_cleared(key, at) for key in self._keys)
        for key in self._keys:
            journal.info("alert.retired", key=key)
        remember = tuple(self._remember.items())
        self._keys, self._remember = {}, {}
        return alerts, remember


def _cleared(key: str, at: Moment) -> Alert:
    rank, _, place = key.partition("/")
    data: dict[str, object] = {"rank": rank, "reason": REASON}
    return Alert(
        key=key, state="cleared", subject=place, at=at, data=data | worded_watch("retired", "cleared", {})
    )
