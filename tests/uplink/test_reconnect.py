"""When the uplink dials again."""

from __future__ import annotations

import pytest

from kaga_edge.link import LinkError
from kaga_edge.uplink.reconnect import Reconnect

LOST = LinkError("connection lost", kind="lost")
LOCAL = LinkError("no route", kind="local")


def test_the_wait_is_drawn_from_the_whole_of_a_doubling_span() -> None:
    for failures, span_s in ((1, 5), (2, 10), (3, 20), (6, 120), (50, 120)):
        waits = []
        for _ in range(400):
            reconnect = Reconnect(5.0, 120.0)
            reconnect.failures = failures - 1
            waits.append(reconnect.wait_s(LOST, 0.0))
        assert min(waits) >= 0.0
        assert max(waits) <= span_s
        assert min(waits) < span_s * 0.05  # full jitter: from nothing …
        assert max(waits) > span_s * 0.95  # … to all of it


def test_the_count_starts_again_after_a_minute_connected() -> None:
    reconnect = Reconnect(5.0, 120.0)
    for _ in range(10):
        reconnect.wait_s(LOST, 0.0)
    reconnect.wait_s(LOST, 59.0)
    assert reconnect.failures == 11
    assert reconnect.wait_s(LOST, 60.0) <= 5.0
    assert reconnect.failures == 1


def test_after_being_taken_over_it_is_never_less_than_a_minute() -> None:
    taken = LinkError("taken over", kind="taken_over", reason=0x8E)
    assert all(Reconnect(0.1, 1.0).wait_s(taken, 3600.0) >= 60.0 for _ in range(50))


def test_a_fault_on_our_own_side_is_no_failed_attempt() -> None:
    reconnect = Reconnect(5.0, 120.0)
    assert reconnect.wait_s(LOCAL, 0.0) <= 2.0
    assert reconnect.failures == 0


def test_a_fault_on_our_own_side_that_stays_does_not_make_a_storm() -> None:
    waits = []
    for _ in range(200):
        reconnect = Reconnect(5.0, 120.0)
        reconnect.wait_s(LOCAL, 0.0)
        waits.append(reconnect.wait_s(LOCAL, 0.0))
        assert reconnect.failures == 0
    assert max(waits) > 4.0


@pytest.mark.parametrize("kind", ["refused", "timeout", "tls", "dns", "server"])
def test_every_other_failure_counts(kind: str) -> None:
    reconnect = Reconnect(5.0, 120.0)
    reconnect.wait_s(LinkError("x", kind=kind), 0.0)
    assert reconnect.failures == 1
