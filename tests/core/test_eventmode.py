"""Event mode: what begins it, what ends it, and its pace."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.core import schedule
from kaga_edge.core.eventmode import EventRule, EventState, step

RULE = EventRule(every_s=10, send_s=10, rise=0.10, rise_over_s=600, level=2.0, calm_s=1800)


def play(points, rule=RULE, state=None, ranked=False):
    state = state or EventState()
    seen = []
    for at_s, value in points:
        state = step(rule, state, at_s, value, ranked=ranked)
        seen.append(state.active)
    return state, seen


def test_a_rise_within_the_window_begins_an_event():
    assert play([(0, 1.00), (300, 1.05), (600, 1.10)])[1] == [False, False, True]


def test_the_same_rise_in_a_longer_time_does_not():
    assert not any(play([(i * 300, 1.0 + 0.04 * i) for i in range(10)])[1])


def test_a_gauge_read_every_ten_minutes_missed_the_rise_of_ten_minutes_by_some_tenths():
    assert play([(0.02, 1.00), (600.13, 1.10)])[1] == [False, True]
    assert play([(0.02, 1.00), (601.13, 1.10)])[1] == [False, False]


def test_a_command_could_make_a_gauge_too_slow_to_see_its_event():
    assert RULE.longest_every_s == 600
    assert EventRule(every_s=300, send_s=300, level=1.0, quiet_send_s=86_400).longest_every_s == 600
    assert EventRule(every_s=10, send_s=10, rise=0.1, rise_over_s=120).longest_every_s == 120
    assert EventRule(every_s=10, send_s=10, level=1.0).longest_every_s == float("inf")


def test_a_fall_followed_by_a_rise_counts_from_the_lowest():
    assert play([(0, 1.5), (60, 1.2), (120, 1.3)])[1] == [False, False, True]


def test_the_start_level_begins_an_event_and_holds_it_with_hysteresis():
    rule = EventRule(every_s=120, send_s=120, level=2.0, hysteresis=0.05, calm_s=600)
    state, seen = play([(0, 1.99), (60, 2.00), (60 + 700, 1.96)], rule)
    assert seen == [False, True, True]  # 1.96 m is still above 1.95 m
    assert play([(1000, 1.94), (1200, 1.94), (1400, 1.94)], rule, state)[1] == [True, True, False]


def test_a_rank_begins_an_event_whatever_the_level_does():
    state, seen = play([(0, 1.0)], ranked=True)
    assert seen == [True]
    assert play([(1799, 1.0), (1800, 1.0)], state=state)[1] == [True, False]


def test_it_ends_only_after_calm():
    state, _ = play([(0, 1.0), (60, 1.2)])
    later = [(600 * i, 1.2) for i in range(1, 6)]
    # the rise of 0.2 m leaves the window of ten minutes after 600 s, and calm lasts 1800 s from there
    assert play(later, state=state)[1] == [True, True, True, False, False]


def test_a_silent_sensor_ends_its_event_after_calm_too():
    state, _ = play([(0, 1.0), (60, 1.2)])
    assert play([(120, None), (1860, None)], state=state)[1] == [True, False]


@given(st.lists(st.floats(0, 5), min_size=1, max_size=100))
def test_the_window_agrees_with_looking_at_every_value(levels):
    rule = EventRule(every_s=10, send_s=10, rise=0.5, rise_over_s=300, calm_s=60)
    state = EventState()
    for i, level in enumerate(levels):
        before = state
        state = step(rule, state, i * 60.0, level, ranked=False)
        rise = level - min(levels[max(0, i - 5) : i + 1])
        caused = rise >= (0.25 if before.active else 0.5) - 1e-9
        assert (state.cause_s == i * 60.0) == caused


def test_a_faster_pace_takes_up_its_grid_at_once():
    plan = schedule.begin([("level", 600_000, 0)], 0, 0)
    plan, due, _ = schedule.step(plan, 600_000, 600_000)
    assert [d.due_ms for d in due] == [600_000]
    plan = schedule.paced(plan, "level", 10_000)
    seen = []
    for now_ms in range(601_000, 641_000, 1000):
        plan, due, _ = schedule.step(plan, now_ms, now_ms)
        seen += [d.due_ms for d in due]
    assert seen == [610_000, 620_000, 630_000, 640_000]


@given(
    st.lists(st.tuples(st.sampled_from([1000, 2000, 5000, 10_000, 60_000]), st.integers(1, 200)), max_size=12)
)
def test_no_due_time_is_lost_or_doubled_by_a_change_of_pace(changes):
    now_ms, every_ms = 0, 10_000
    plan = schedule.begin([("level", every_ms, 0)], now_ms, now_ms)
    expected, seen = [], []
    for new_ms, looks in changes:
        for _ in range(looks):
            now_ms += 500
            plan, due, _ = schedule.step(plan, now_ms, now_ms)
            seen += [d.due_ms for d in due]
            assert not any(d.missed_ms for d in due)
            if now_ms % every_ms == 0:
                expected.append(now_ms)
        plan, every_ms = schedule.paced(plan, "level", new_ms), new_ms
    assert seen == expected
