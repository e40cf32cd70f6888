"""The built-in stories are pure functions of time and tell what their names promise."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaga_edge.sim import scenarios
from kaga_edge.sim.world import crossings, integrated, interpolated

POINTS = ((0.0, 0.0), (10.0, 4.0), (20.0, 0.0))


def test_values_between_points_lie_on_a_straight_line_and_are_held_outside():
    assert [interpolated(POINTS, t) for t in (-1, 0, 5, 10, 15, 20, 99)] == [0, 0, 2, 4, 2, 0, 0]


def test_the_area_under_the_lines_is_that_of_the_triangles():
    assert [integrated(POINTS, t) for t in (0, 5, 10, 20, 30)] == pytest.approx([0, 5, 20, 40, 40])


def test_a_bucket_tips_when_the_total_passes_each_whole_step():
    assert crossings(lambda t: t / 2, 1.0, 0.0, 7.0) == pytest.approx([2, 4, 6], abs=1e-3)


@settings(deadline=None, max_examples=30)
@given(cuts=st.lists(st.floats(0, 3600), min_size=1, max_size=8), line=st.sampled_from(["rain", "vehicle"]))
def test_edges_are_the_same_however_the_time_is_cut(cuts, line):
    story = scenarios.demo(length_s=3600)
    marks = [0.0, *sorted(set(cuts) - {0.0}), 3600.0]
    pieces = [e for a, b in pairwise(marks) for e in story.edges(line, a, b)]
    assert tuple(pieces) == story.edges(line, 0.0, 3600.0)


@pytest.mark.parametrize("name", ["flood", "snow", "traffic", "demo"])
@pytest.mark.parametrize("line", ["rain", "vehicle"])
def test_edges_alternate(name, line):
    story = scenarios.BY_NAME[name]()
    states = [e.active for e in story.edges(line, -1.0, story.length_s)]
    assert states == [i % 2 == 0 for i in range(len(states))]


def test_the_flood_rises_to_its_crest_and_falls():
    story = scenarios.flood()
    levels = [story.truth(hour * 3600).water_level_m for hour in (0, 2, 3.6, 6)]
    assert levels == pytest.approx([0.42, 0.95, 2.35, 1.30], abs=0.01)


def test_the_rain_of_the_flood_tips_once_for_each_half_millimetre():
    story = scenarios.flood()
    tips = sum(e.active for e in story.edges("rain", 0, story.length_s))
    assert tips == int(story.rain_total_mm(story.length_s) / 0.5)
    assert tips > 100


def test_a_stranded_vehicle_holds_the_loop_and_nobody_passes():
    story = scenarios.traffic()
    standing = story.edges("vehicle", 61 * 60, 79 * 60)
    assert standing == ()
    assert story.active("vehicle", 70 * 60)
    assert not story.active("vehicle", 80 * 60 + 0.2)


def test_free_flow_carries_about_the_flow_it_names():
    story = scenarios.traffic()
    passed = sum(e.active for e in story.edges("vehicle", 0, 1800))
    assert passed == pytest.approx(320, rel=0.15)


def test_the_same_seed_is_the_same_story_and_another_seed_is_not():
    first, again, other = scenarios.traffic(seed=7), scenarios.traffic(seed=7), scenarios.traffic(seed=8)
    assert first.edges("vehicle", 0, 600) == again.edges("vehicle", 0, 600)
    assert first.edges("vehicle", 0, 600) != other.edges("vehicle", 0, 600)
