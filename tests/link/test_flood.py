"""How much of a flood is read: the arithmetic, with a clock the test sets."""

from __future__ import annotations

from kaga_edge.link.flood import AFTER_S, BURST_READS, READS_PER_S, Flood


def test_a_peer_that_sent_without_end_was_read_without_end() -> None:
    flood, now_s, reads = Flood(0.0), 0.0, 0
    while now_s < 60:
        reads += 1
        now_s += flood.pause_s(now_s, things=1, answers=0)
    assert reads <= BURST_READS + READS_PER_S * (60 + AFTER_S) + 1


def test_a_drain_whose_batches_are_all_answered_and_acked_is_never_held_up() -> None:
    flood = Flood(0.0)
    for batch in range(100_000):
        now_s = batch / 1000  # faster than any card can be read
        assert flood.pause_s(now_s, things=0, answers=1) == 0
        assert flood.pause_s(now_s, things=1, answers=0) == 0
