"""The time nobody counted is a row with its length."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kaga_edge.core.sampling import SensorPlan
from kaga_edge.gateway.watched import Watched
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import ClockTrust, Flag, Moment

STOP = Moment(wall_ms=1_800_000_000_000, up_ms=500_000, boot="a", trust=ClockTrust.NTP)
PLAN = SensorPlan(id="rain-1", said=(Quantity.RAIN_MM, Quantity.TIP_COUNT, Quantity.UNWATCHED_S))


async def after(start: Moment, stop: Moment = STOP):
    """Return the row of a restart at ``start``."""
    before, kept = Watched(), {}
    before.closing = True
    kept |= before.mark("rain-1", stop)

    async def recall(key: str) -> str | None:
        return kept.get(key)

    watched = Watched()
    await watched.begin("rain-1", start, recall)
    return watched.missed(PLAN)


@pytest.mark.parametrize(
    ("start", "told"),
    [
        (replace(STOP, up_ms=800_000, wall_ms=7), (300.0, Flag.GOOD)),  # the same boot: its own clock
        (replace(STOP, boot="b", up_ms=9, wall_ms=STOP.wall_ms + 90_000), (90.0, Flag.GOOD)),
        (
            replace(STOP, boot="b", wall_ms=STOP.wall_ms + 5_000, trust=ClockTrust.LAST_KNOWN),
            (5.0, Flag.ESTIMATED),
        ),
        (replace(STOP, boot="b", trust=ClockTrust.NONE), (None, Flag.MISSING)),
    ],
)
async def test_the_time_off_is_a_row_without_rain_and_with_its_length(start, told) -> None:
    row = await after(start)
    rain, tips, unwatched = row.readings
    assert (row.at, rain.value, tips.value) == (start, None, None)
    assert rain.flags == tips.flags == Flag.MISSING
    assert (unwatched.value, unwatched.flags) == told


async def test_a_bus_begun_anew_by_a_reload_missed_nothing() -> None:
    assert await after(replace(STOP, up_ms=STOP.up_ms + 400)) is None


async def test_the_first_time_ever_there_is_nothing_to_have_missed() -> None:
    async def recall(_key: str) -> str | None:
        return None

    watched = Watched()
    await watched.begin("rain-1", STOP, recall)
    assert watched.missed(PLAN) is None


def test_it_is_remembered_once_a_minute_and_at_the_end() -> None:
    watched = Watched()
    marks = [bool(watched.mark("r", replace(STOP, up_ms=1000 * second))) for second in range(121)]
    assert [second for second, marked in enumerate(marks) if marked] == [0, 60, 120]
    watched.closing = True
    assert watched.mark("r", replace(STOP, up_ms=121_000))
