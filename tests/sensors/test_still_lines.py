"""A line on which nothing moves is answered in a short way; it must say what the long way says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.sensors import tipping_bucket, vehicle
from kaga_edge.vocabulary.requests import Edge, Edges

MS = 1_000_000
LINES = (22, 27)


@st.composite
def intervals(draw: st.DrawFn) -> list[Edges]:
    """Intervals of a few lines one after the other: most without an edge, some with a gap before them."""
    now_ms, levels, found = 1000, dict.fromkeys(LINES, False), []
    for number in range(draw(st.integers(2, 12))):
        start_ms = now_ms + draw(st.sampled_from([0, 0, 0, 0, 700, 2000]))
        now_ms = start_ms + draw(st.sampled_from([0, 1000, 1000, 1000, 90_000]))
        before, edges = dict(levels), []
        at_ms = start_ms
        for step_ms in draw(st.sampled_from([[], [], []]) | st.lists(st.integers(1, 300), max_size=6)):
            at_ms += step_ms
            if at_ms > now_ms:
                break
            gpio = draw(st.sampled_from(LINES))
            levels[gpio] = not levels[gpio]
            edges.append(Edge(at_ns=at_ms * MS, gpio=gpio, active=levels[gpio]))
        found.append(
            Edges(
                start_ns=start_ms * MS,
                end_ns=now_ms * MS,
                edges=tuple(edges),
                active_at_start=before,
                lost=draw(st.sampled_from([0, 0, 0, 1])),
                first=number == 0 or draw(st.sampled_from([False, False, False, True])),
            )
        )
    return found


@given(intervals(), st.booleans(), st.sampled_from([0.0, 0.001, 12.0]))
def test_an_empty_road_is_told_the_same_in_the_short_way(
    seen: list[Edges], pair: bool, quiet_hours: float
) -> None:
    options = vehicle.Options(gpio=22, gpio_second=27 if pair else None, quiet_hours=quiet_hours)
    short, long = vehicle.Driver(options), vehicle.Driver(options)
    for edges in seen:
        long._empty_road = None
        assert short.decode(edges) == long.decode(edges)


@given(intervals(), st.integers(0, 11))
def test_a_dry_interval_is_told_the_same_in_the_short_way(seen: list[Edges], resumed: int) -> None:
    options = tipping_bucket.Options(gpio=22)
    short, long = tipping_bucket.Driver(options), tipping_bucket.Driver(options)
    for number, edges in enumerate(seen):
        if number == resumed:
            short.resume(100)
            long.resume(100)
        long._dry = None
        assert short.decode(edges) == long.decode(edges)
        assert short.tips_total == long.tips_total


def still(start_s: int) -> Edges:
    return Edges(
        start_ns=start_s * 1000 * MS, end_ns=(start_s + 1) * 1000 * MS, edges=(), active_at_start={22: False}
    )


def test_a_line_at_rest_takes_the_short_way() -> None:
    road, rain = (
        vehicle.Driver(vehicle.Options(gpio=22)),
        tipping_bucket.Driver(tipping_bucket.Options(gpio=22)),
    )
    for start_s in (0, 1):
        said = road.decode(still(start_s)), rain.decode(still(start_s))
    assert road.decode(still(2)) is said[0]
    assert rain.decode(still(2)) is said[1]
