"""The schedule: on the grid, no drift, and every kind of clock jump."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.core.schedule import (
    LONGEST_SLEEP_MS,
    MOST_MISSED,
    Due,
    Schedule,
    _due,
    begin,
    grid_at_or_before,
    step,
)

NOON = 1_795_345_200_000  # 2026-11-22T12:00:00 in Japan, a whole hour in UTC too


def walk(
    plan: Schedule, wall: int, up: int, ms: int, *, extra_ms: int = 0
) -> tuple[Schedule, list[Due], int, int]:
    """Sleep as told for ``ms`` of real time, each time ``extra_ms`` too long."""
    dues: list[Due] = []
    ends = up + ms
    sleep = 1
    while up < ends:
        wall, up = wall + sleep + extra_ms, up + sleep + extra_ms
        plan, due, sleep = step(plan, wall, up)
        dues.extend(due)
    return plan, dues, wall, up


def test_due_times_lie_on_whole_multiples_of_the_period() -> None:
    plan = begin([("a", 5000, 0)], NOON + 1234, 50)
    _, dues, _, _ = walk(plan, NOON + 1234, 50, 20_000)
    assert [d.due_ms - NOON for d in dues] == [5000, 10_000, 15_000, 20_000]


def test_a_phase_shifts_the_grid() -> None:
    plan = begin([("a", 60_000, 7_000)], NOON, 0)
    _, dues, _, _ = walk(plan, NOON, 0, 130_000)
    assert [d.due_ms - NOON for d in dues] == [7_000, 67_000, 127_000]


def test_lateness_never_adds_up() -> None:
    plan = begin([("a", 1000, 0)], NOON, 0)
    _, dues, wall, _ = walk(plan, NOON, 0, 600_000, extra_ms=13)
    assert [d.due_ms for d in dues] == list(range(NOON + 1000, wall // 1000 * 1000 + 1, 1000))


def test_sensors_of_one_due_time_come_due_together() -> None:
    plan = begin([("a", 1000, 0), ("b", 2000, 0), ("c", 500, 0)], NOON, 0)
    _, dues, _ = step(plan, NOON + 2000, 2000)
    assert [d.sensor for d in dues] == ["a", "b", "c"]


def test_a_jump_forward_over_many_due_times_gives_one_poll() -> None:
    plan = begin([("a", 1000, 0)], NOON, 0)
    year_ms = 365 * 86_400_000
    plan, dues, sleep = step(plan, NOON + year_ms + 300, 300)
    assert dues == (Due(sensor="a", due_ms=NOON + year_ms),)
    assert sleep == 700


def test_a_jump_back_takes_the_grid_up_anew() -> None:
    plan = begin([("a", 60_000, 0)], NOON, 0)
    plan, dues, _ = step(plan, NOON + 60_000, 60_000)
    assert len(dues) == 1
    back = NOON - 3_600_000 + 10_000
    plan, dues, _ = step(plan, back, 61_000)
    assert dues == ()
    _, dues, _, _ = walk(plan, back, 61_000, 120_000)
    assert [d.due_ms - NOON for d in dues] == [-3_540_000, -3_480_000]


def test_a_jump_back_just_before_a_poll_does_not_leave_the_sensor_alone_for_two_periods() -> None:
    plan = begin([("a", 60_000, 0)], NOON, 0)
    plan, _, _ = step(plan, NOON + 60_000, 60_000)
    back = NOON - 3_600_000 + 1  # 59 s after the poll, on a new grid: 60 s more to wait
    plan, _, _ = step(plan, back, 119_000)
    _, dues, _, _ = walk(plan, back, 119_000, 40_000)
    assert len(dues) == 1
    assert dues[0].due_ms == back + 31_000  # one and a half periods after the poll before


def test_a_small_step_back_does_not_poll_one_due_time_twice() -> None:
    plan = begin([("a", 1000, 0)], NOON, 0)
    plan, first, _ = step(plan, NOON + 1000, 1000)
    plan, again, _ = step(plan, NOON + 700, 1001)
    _, dues, _, _ = walk(plan, NOON + 700, 1001, 1300)
    assert [d.due_ms - NOON for d in (*first, *again, *dues)] == [1000, 2000]


def test_due_times_that_passed_while_the_program_stood_still_are_named() -> None:
    plan = begin([("a", 1000, 0)], NOON, 0)
    _, dues, _ = step(plan, NOON + 4100, 4100)
    assert dues == (Due(sensor="a", due_ms=NOON + 4000, missed_ms=(NOON + 1000, NOON + 2000, NOON + 3000)),)


def test_a_very_long_stop_names_only_the_newest_missed_ones() -> None:
    plan = begin([("a", 1000, 0)], NOON, 0)
    _, dues, _ = step(plan, NOON + 9_000_000, 9_000_000)
    assert len(dues[0].missed_ms) == MOST_MISSED


periods = st.lists(st.tuples(st.integers(1, 700_000), st.integers(0, 10_000)), min_size=1, max_size=5).map(
    lambda some: [(f"s{i}", every, phase) for i, (every, phase) in enumerate(some)]
)
jumps = st.lists(
    st.tuples(
        st.integers(0, 5_000), st.one_of(st.just(0), st.integers(-(10**8), 10**8), st.integers(-900, 900))
    ),
    min_size=1,
    max_size=60,
)


@given(periods, st.integers(-(10**6), 2 * NOON), jumps)
def test_whatever_the_clock_does_nothing_spins_repeats_or_falls_silent(
    sensors: list[tuple[str, int, int]], wall: int, moves: list[tuple[int, int]]
) -> None:
    up = 0
    plan = begin(sensors, wall, up)
    every = {name: ms for name, ms, _ in sensors}
    last_due: dict[str, int] = {}
    last_up = dict.fromkeys(every, 0)
    for extra, jump in moves:
        _, _, sleep = step(plan, wall, up)
        wall, up = wall + sleep + extra + jump, up + sleep + extra
        plan, dues, sleep = step(plan, wall, up)
        assert 1 <= sleep <= LONGEST_SLEEP_MS
        assert len({d.sensor for d in dues}) == len(dues)
        for due in dues:
            assert due.due_ms <= wall
            assert last_due.get(due.sensor) != due.due_ms
            last_due[due.sensor], last_up[due.sensor] = due.due_ms, up
        assert step(plan, wall, up)[1] == ()  # never twice at one moment
        for name in every:
            assert up - last_up[name] <= every[name] * 1.5 + 1


@given(
    st.integers(1, 10_000), st.integers(0, 10_000), st.lists(st.integers(1, 20_000), min_size=1, max_size=8)
)
def test_who_is_asked_in_time_is_asked_as_anybody_else(every_ms: int, phase_ms: int, naps: list[int]) -> None:
    plan, wall, up = begin([("a", every_ms, phase_ms)], NOON, 0), NOON, 0
    for nap in naps:
        (before,), wall, up = plan.turns, wall + nap, up + nap
        plan, dues, _ = step(plan, wall, up)
        if dues:
            assert dues == (_due(before, wall, jumped=False),)
            assert plan.turns[0].next_ms == grid_at_or_before(wall, every_ms, before.phase_ms) + every_ms
