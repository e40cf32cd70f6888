"""Alarms: the vectors are two prefectural mails of July 2024 (see each test)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.core.alarms import AlarmRule, step

RANKS = ("standby", "caution", "evacuation", "danger")


def rules(*thresholds: float, hysteresis: float = 0.05) -> tuple[AlarmRule, ...]:
    return tuple(
        AlarmRule(
            rank=rank, sensor="level-1", channel="water_level", unit="m", threshold=t, hysteresis=hysteresis
        )
        for rank, t in zip(RANKS, thresholds, strict=False)
    )


KANEYAMA = rules(1.30, 1.70, 2.00, 2.10)


def test_a_level_equal_to_the_threshold_counts_as_reached() -> None:
    raised, changes = step(KANEYAMA, frozenset(), 1.30)  # the mail of 8 July 2024 says "exceeded" at 1.30
    assert raised == {"standby/level-1"}
    assert [(c.rule.rank, c.state) for c in changes] == [("standby", "raised")]


def test_a_value_between_two_ranks_raises_all_below_it() -> None:
    otera = rules(0.70, 1.00, 1.10, 1.30)
    raised, _ = step(otera, frozenset(), 1.05)  # the mail of 25 July 2024: above the caution level
    assert raised == {"standby/level-1", "caution/level-1"}


def test_a_raised_alarm_is_not_raised_again() -> None:
    raised, _ = step(KANEYAMA, frozenset(), 1.4)
    assert step(KANEYAMA, raised, 1.5) == (raised, ())


def test_it_clears_only_below_the_hysteresis() -> None:
    raised, _ = step(KANEYAMA, frozenset(), 1.30)
    assert step(KANEYAMA, raised, 1.26)[1] == ()
    cleared, changes = step(KANEYAMA, raised, 1.24)
    assert cleared == frozenset()
    assert [c.state for c in changes] == ["cleared"]


def test_the_most_severe_is_told_first() -> None:
    _, changes = step(KANEYAMA, frozenset(), 3.0)
    assert [c.rule.rank for c in changes] == ["danger", "evacuation", "caution", "standby"]


def test_ranks_may_be_missing_and_none_are_raised_without_thresholds() -> None:
    assert step((), frozenset(), 99.0) == (frozenset(), ())


@given(st.lists(st.floats(0, 3), max_size=50))
def test_raised_and_cleared_alternate_for_every_key(values: list[float]) -> None:
    raised: frozenset[str] = frozenset()
    told: dict[str, list[str]] = {}
    for value in values:
        raised, changes = step(KANEYAMA, raised, value)
        for change in changes:
            told.setdefault(change.rule.key, []).append(change.state)
    for states in told.values():
        assert states == [("raised", "cleared")[i % 2] for i in range(len(states))]
