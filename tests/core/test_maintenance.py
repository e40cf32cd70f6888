from __future__ import annotations

from dataclasses import replace

from kaga_edge.core.maintenance import SITE, Windows, begun, ended, from_text, mark, to_text
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import ClockTrust, Flag, Moment, Reading, Sample

START = Moment(wall_ms=1_000_000, up_ms=500, boot="aaaa", trust=ClockTrust.NTP)
HOUR_MS = 3_600_000


def at(later_ms: int, boot: str = "aaaa", step_ms: int = 0) -> Moment:
    up_ms = START.up_ms + later_ms if boot == "aaaa" else later_ms
    return replace(START, wall_ms=START.wall_ms + later_ms + step_ms, up_ms=up_ms, boot=boot)


def sample(moment: Moment, sensor: str = "level-1") -> Sample:
    reading = Reading(quantity=Quantity.WATER_LEVEL_M, value=1.2, flags=Flag.SPIKE)
    return Sample(sensor=sensor, at=moment, readings=(reading,))


def window(sensor: str = "level-1") -> Windows:
    return {sensor: begun(sensor, START, 60, "Yamada", "cleaning")}


def states(marked) -> list[str]:
    return [state for _, state in marked.told]


def test_a_sample_within_is_flagged_with_its_value_and_other_flags_kept() -> None:
    marked = mark(window(), sample(at(1)))
    (reading,) = marked.sample.readings
    assert (reading.value, reading.flags) == (1.2, Flag.SPIKE | Flag.MAINTENANCE)


def test_it_is_announced_once_and_ends_by_itself() -> None:
    first = mark(window(), sample(at(1)))
    second = mark(first.windows, sample(at(HOUR_MS - 1)))
    third = mark(second.windows, sample(at(HOUR_MS)))
    assert [states(one) for one in (first, second, third)] == [["raised"], [], ["cleared"]]
    assert third.windows == {}
    assert third.sample.readings[0].flags is Flag.SPIKE


def test_other_sensors_are_not_concerned_unless_it_is_the_site() -> None:
    assert mark(window(), sample(at(1), "level-2")).sample.readings[0].flags is Flag.SPIKE
    assert Flag.MAINTENANCE in mark(window(SITE), sample(at(1), "level-2")).sample.readings[0].flags


def test_a_clock_set_right_neither_ends_nor_stretches_it() -> None:
    year_ms = 365 * 24 * HOUR_MS
    assert Flag.MAINTENANCE in mark(window(), sample(at(1, step_ms=year_ms))).sample.readings[0].flags
    assert states(mark(window(), sample(at(HOUR_MS, step_ms=-year_ms)))) == ["raised", "cleared"]


def test_after_a_restart_the_time_of_day_decides() -> None:
    assert Flag.MAINTENANCE in mark(window(), sample(at(HOUR_MS - 1, "bbbb"))).sample.readings[0].flags
    assert "cleared" in states(mark(window(), sample(at(HOUR_MS, "bbbb"))))


def test_ended_early_it_is_told_with_the_next_sample() -> None:
    running = mark(window(), sample(at(1))).windows
    over = {"level-1": ended(running["level-1"], at(1000))}
    assert states(mark(over, sample(at(1001)))) == ["cleared"]


def test_windows_survive_as_text() -> None:
    assert from_text(to_text(window().values())) == window()
    assert from_text(None) == {}
