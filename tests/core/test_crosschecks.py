from __future__ import annotations

import pytest

from kaga_edge.core.crosschecks import CrossCheck, FloatCheck, FrostTipsCheck, LevelsCheck, SnowWarmCheck
from kaga_edge.core.watching import Newest, Scene
from kaga_edge.vocabulary.readings import Flag

FLOAT = FloatCheck(one="level-1", other="float-1", height_m=1.5)
LEVELS = LevelsCheck(one="level-1", other="level-2")
SNOW = SnowWarmCheck(one="snow-1", other="air-1")
TIPS = FrostTipsCheck(one="rain-1", other="air-1")


class Pair:
    def __init__(self, check: CrossCheck) -> None:
        self.check, self.state, self.now_s = check, check.start(frozenset()), 0.0

    def now(
        self,
        one: float | None,
        other: float | None,
        *,
        after_s: float = 60.0,
        of: str = "",
        flags: Flag = Flag.GOOD,
    ) -> tuple[bool, list[str]]:
        """Return whether the sample is in doubt, and what was told."""
        self.now_s += after_s
        check = self.check
        newest = {
            (check.one, check.channel): Newest(value=one, at_s=self.now_s, flags=flags),
            (check.other, check.other_channel): Newest(value=other, at_s=self.now_s),
        }
        outcome = check.step(self.state, Scene(now_s=self.now_s, newest=newest), of or check.one)
        self.state = outcome.state
        return bool(outcome.doubted), [one.state for one in outcome.told]


@pytest.mark.parametrize(
    ("level_m", "wet", "doubted"),
    [
        (1.40, 1.0, True),
        (1.46, 1.0, False),
        (1.60, 0.0, True),
        (1.54, 0.0, False),
        (2.0, 1.0, False),
        (0.5, 0.0, False),
    ],
)
def test_a_float_and_a_level_contradict_each_other_only_beyond_the_swing(level_m, wet, doubted) -> None:
    assert Pair(FLOAT).now(level_m, wet)[0] is doubted


def test_a_contradiction_that_lasts_is_told_once_and_taken_back() -> None:
    pair = Pair(FLOAT)
    told = [state for _ in range(10) for state in pair.now(0.2, 1.0)[1]]
    assert told == ["raised"]
    told = [state for _ in range(12) for state in pair.now(1.6, 1.0)[1]]
    assert told == ["cleared"]


def test_a_contradiction_of_three_samples_a_minute_apart_waited_for_a_fourth() -> None:
    pair = Pair(FLOAT)
    told = [pair.now(1.0, 1.0, after_s=after_s)[1] for after_s in (60.1, 59.9, 60.0)]
    assert told == [[], [], ["raised"]]


def test_two_levels_ten_centimetres_apart_agree_and_eleven_do_not() -> None:
    assert Pair(LEVELS).now(1.30, 1.40) == (False, [])
    assert Pair(LEVELS).now(1.30, 1.41) == (True, [])
    assert Pair(LEVELS).now(1.30, 1.41, of="level-2") == (True, [])


def test_a_silent_companion_proves_nothing() -> None:
    assert Pair(LEVELS).now(1.3, None) == (False, [])


@pytest.mark.parametrize("check", [LEVELS, FLOAT])
def test_a_gauge_read_every_ten_minutes_contradicted_its_neighbour_in_every_flood(check) -> None:
    """The river rises 3 cm a minute from 1.40 m; the slower of the two was read when that began."""
    state, told, doubted = check.start(frozenset()), [], set()
    for minute in range(10):
        level_m = 1.40 + 0.03 * minute
        newest = {
            (check.one, check.channel): Newest(value=1.40, at_s=0.0),
            (check.other, check.other_channel): Newest(
                value=level_m if check is LEVELS else float(level_m >= 1.5), at_s=60.0 * minute
            ),
        }
        outcome = check.step(state, Scene(now_s=60.0 * minute, newest=newest), check.other)
        state, told, doubted = outcome.state, [*told, *outcome.told], doubted | outcome.doubted
    assert (told, doubted) == ([], set())


def test_snow_that_grows_in_warm_air_is_doubted() -> None:
    pair = Pair(SNOW)
    pair.now(0.10, 5.0)
    assert pair.now(0.119, 5.0, after_s=1800) == (False, [])
    assert pair.now(0.12, 5.0, after_s=1500) == (True, [])
    assert pair.now(0.12, 5.0, after_s=120) == (True, ["raised"])


def test_one_stray_echo_above_or_below_was_told_to_the_city_as_snow_in_warm_air() -> None:
    above, below = Pair(SNOW), Pair(SNOW)
    above.now(0.10, 20.0)
    assert above.now(0.60, 20.0)[1] == []
    assert [above.now(0.10, 20.0)[1] for _ in range(60)] == [[]] * 60
    below.now(0.10, 20.0)
    assert below.now(0.02, 20.0, flags=Flag.SPIKE) == (False, [])
    assert [below.now(0.10, 20.0) for _ in range(60)] == [(False, [])] * 60


def test_snow_may_grow_at_four_degrees_and_slowly() -> None:
    cold, slow = Pair(SNOW), Pair(SNOW)
    cold.now(0.10, 4.0)
    assert cold.now(0.20, 4.0) == (False, [])
    slow.now(0.10, 8.0)
    assert slow.now(0.13, 8.0, after_s=3700) == (False, [])


def test_the_thermometer_is_not_blamed_for_the_snow() -> None:
    pair = Pair(SNOW)
    pair.now(0.10, 8.0)
    assert pair.now(0.20, 8.0, of="air-1")[0] is False


@pytest.mark.parametrize(
    ("rain_mm", "air_c", "doubted", "told"),
    [
        (0.5, 2.0, False, []),
        (0.5, 1.9, True, []),  # melting snow: flagged, but no alarm all winter
        (0.5, 0.0, True, []),
        (0.5, -0.1, True, ["raised"]),
        (0.0, -5.0, False, []),
    ],
)
def test_tips_below_two_degrees_are_doubted_and_told_only_in_frost(rain_mm, air_c, doubted, told) -> None:
    assert Pair(TIPS).now(rain_mm, air_c) == (doubted, told)
