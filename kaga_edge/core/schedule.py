"""Which sensors are due now, and when to wake next. Pure: both clocks are arguments.

Due times lie on a grid of the wall clock (every 10 min means 12:00, 12:10 …), so stations can be
compared and nothing drifts: each due time is computed from the grid, never from the poll before.

The wall clock jumps when a station without a battery clock learns the time. Then:
- forward over one or many due times: one poll at once, for the last of them; the grid goes on from there;
- back: the grid is taken up anew from the new time; a sensor is never left alone for more than one and a
  half periods of real time, and a due time just polled is not polled again;
- the same distance passed on both clocks (the program was stopped): no jump, the due times in between
  are named as missed, so that the gap is stated rather than silent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from kaga_edge.vocabulary.quick import dataclass

LONGEST_SLEEP_MS = 1000  # look at the clock at least this often, or a jump would be slept through
JUMP_MS = 500  # clocks that part by more than this between two looks: the wall clock was set
MOST_MISSED = 60  # of one sensor, named after one stop; older ones go unnamed
PATIENCE = 1.5  # periods of real time after which a sensor is due whatever the wall clock says


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One sensor's place in the schedule. Times: wall clock in ms, ``patient_up_ms`` monotonic ms: from then
    on it is due whatever the wall clock says."""

    sensor: str
    every_ms: int
    phase_ms: int
    next_ms: int
    last_ms: int | None
    patient_up_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """All sensors' turns, and both clocks at the last look."""

    turns: tuple[Turn, ...]
    wall_ms: int
    up_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """``sensor`` is to be polled for ``due_ms``; ``missed_ms`` are due times that passed unpolled."""

    sensor: str
    due_ms: int
    missed_ms: tuple[int, ...] = ()


def begin(periods: Iterable[tuple[str, int, int]], wall_ms: int, up_ms: int) -> Schedule:
    """Return the schedule of (sensor, every_ms, phase_ms); the first polls are at the next due times."""
    turns = []
    for sensor, every_ms, phase_ms in periods:
        if every_ms < 1:
            raise ValueError(f"{sensor}: a period of {every_ms} ms")
        phase_ms %= every_ms
        turns.append(
            Turn(
                sensor=sensor,
                every_ms=every_ms,
                phase_ms=phase_ms,
                next_ms=grid_at_or_before(wall_ms, every_ms, phase_ms) + every_ms,
                last_ms=None,
                patient_up_ms=up_ms + _patience_ms(every_ms),
            )
        )
    return Schedule(turns=tuple(turns), wall_ms=wall_ms, up_ms=up_ms)


def step(schedule: Schedule, wall_ms: int, up_ms: int) -> tuple[Schedule, tuple[Due, ...], int]:
    """Return the new schedule, what is due now, and in how many ms (1..1000) to look again."""
    jumped = abs((wall_ms - schedule.wall_ms) - (up_ms - schedule.up_ms)) > JUMP_MS
    turns: list[Turn] = []
    dues: list[Due] = []
    for before in schedule.turns:
        if 0 <= wall_ms - before.next_ms < before.every_ms and before.next_ms != before.last_ms:
            dues.append(Due(sensor=before.sensor, due_ms=before.next_ms))  # in time, as nearly always
            turns.append(_polled(before, before.next_ms, before.next_ms + before.every_ms, up_ms))
            continue
        turn = _taken_up_anew(before, wall_ms) if before.next_ms - wall_ms > before.every_ms else before
        if wall_ms >= turn.next_ms or up_ms >= turn.patient_up_ms:
            due = _due(turn, wall_ms, jumped=jumped)
            dues.append(due)
            next_ms = grid_at_or_before(wall_ms, turn.every_ms, turn.phase_ms) + turn.every_ms
            turn = _polled(turn, due.due_ms, next_ms, up_ms)
        turns.append(turn)
    after = Schedule(turns=tuple(turns), wall_ms=wall_ms, up_ms=up_ms)
    return after, tuple(dues), max(1, min(LONGEST_SLEEP_MS, due_in_ms(after, wall_ms, up_ms)))


def due_in_ms(schedule: Schedule, wall_ms: int, up_ms: int) -> int:
    """Return in how many ms something is due if no clock jumps (0 or less: now)."""
    return min(
        [in_ms for one in schedule.turns for in_ms in (one.next_ms - wall_ms, one.patient_up_ms - up_ms)],
        default=LONGEST_SLEEP_MS,
    )


def paced(schedule: Schedule, sensor: str, every_ms: int) -> Schedule:
    """Return the schedule with another period for one sensor, on the grid of that period from now on.

    To be called after ``step`` for the same look at the clocks, when nothing is due: so no due time of
    the old period is lost, and none of the new one before now is made up.
    """
    turns = tuple(
        turn
        if turn.sensor != sensor
        else Turn(
            sensor=sensor,
            every_ms=every_ms,
            phase_ms=turn.phase_ms % every_ms,
            next_ms=grid_at_or_before(schedule.wall_ms, every_ms, turn.phase_ms % every_ms) + every_ms,
            last_ms=turn.last_ms,
            patient_up_ms=schedule.up_ms + _patience_ms(every_ms),
        )
        for turn in schedule.turns
    )
    return Schedule(turns=turns, wall_ms=schedule.wall_ms, up_ms=schedule.up_ms)


def grid_at_or_before(wall_ms: int, every_ms: int, phase_ms: int = 0) -> int:
    """Return the last due time at or before ``wall_ms``."""
    return (wall_ms - phase_ms) // every_ms * every_ms + phase_ms


def _taken_up_anew(turn: Turn, wall_ms: int) -> Turn:
    next_ms = grid_at_or_before(wall_ms, turn.every_ms, turn.phase_ms) + turn.every_ms
    if next_ms == turn.last_ms:  # set back by less than a period: that one has been polled
        next_ms += turn.every_ms
    return replace(turn, next_ms=next_ms)


def _due(turn: Turn, wall_ms: int, *, jumped: bool) -> Due:
    if wall_ms < turn.next_ms:  # off the grid: the clock was set back and patience ended
        return Due(sensor=turn.sensor, due_ms=wall_ms - 1 if wall_ms == turn.last_ms else wall_ms)
    due_ms = grid_at_or_before(wall_ms, turn.every_ms, turn.phase_ms)
    if due_ms == turn.last_ms:  # set back since: that one has been polled, the one before passed again
        due_ms -= turn.every_ms
    missed: tuple[int, ...] = ()
    if due_ms > turn.next_ms and not jumped:
        oldest_ms = max(turn.next_ms, due_ms - MOST_MISSED * turn.every_ms)
        missed = tuple(range(oldest_ms, due_ms, turn.every_ms))
    return Due(sensor=turn.sensor, due_ms=due_ms, missed_ms=missed)


def _polled(turn: Turn, due_ms: int, next_ms: int, up_ms: int) -> Turn:
    return Turn(  # replace() costs three times as much, ten times a second
        sensor=turn.sensor,
        every_ms=turn.every_ms,
        phase_ms=turn.phase_ms,
        next_ms=next_ms,
        last_ms=due_ms,
        patient_up_ms=up_ms + _patience_ms(turn.every_ms),
    )


@lru_cache(maxsize=64)
def _patience_ms(every_ms: int) -> int:
    return max(int(every_ms * PATIENCE), every_ms + 1)
