"""Rules over several values, from a sample to alerts, flags and what a restart must know."""

from __future__ import annotations

import json

import pytest

from kaga_edge.core.crosschecks import LevelsCheck
from kaga_edge.core.stranding import Stranding
from kaga_edge.gateway.watches import RAISED_KEY, Watches
from kaga_edge.gateway.wording import worded_rank
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Alert, ClockTrust, Flag, Grade, Moment, Reading, Sample

ROAD = Stranding(sensor="road-1", every_s=60.0)


def moment(wall_ms: int = 1_630_126_006_000) -> Moment:
    return Moment(wall_ms=wall_ms, up_ms=1, boot="7c1d", trust=ClockTrust.NTP)


def sample(sensor: str, **values: float) -> Sample:
    readings = tuple(
        Reading(quantity=Quantity[name], value=value, grade=Grade.GOOD) for name, value in values.items()
    )
    return Sample(sensor=sensor, at=moment(), readings=readings)


def standing() -> Sample:
    return sample("road-1", VEHICLE_COUNT=0.0, OCCUPANCY_RATIO=1.0)


def test_stranded_traffic_is_an_alert_in_both_languages_and_the_sample_stays_good() -> None:
    watches = Watches((ROAD,), zone="Asia/Tokyo")
    seen = [watches.see(standing(), 60.0 * i) for i in range(4)]
    (alert,) = seen[2].alerts
    assert (alert.key, alert.state, alert.subject) == ("stopped/road-1", "raised", "road-1/occupancy")
    assert alert.data["value"] == 1.0
    assert alert.data["ja"] == "車両が3分以上動いていません(滞留)"
    assert alert.data["en"] == "Vehicles have not moved for 3 min or more (stranded)"
    assert seen[2].remember == ((RAISED_KEY, "stopped/road-1"),)
    assert {r.flags for one in seen for r in one.sample.readings} == {Flag.GOOD}


async def test_what_was_raised_before_a_restart_is_not_raised_again() -> None:
    watches = Watches((ROAD,), zone="Asia/Tokyo")
    kept = {RAISED_KEY: "stopped/road-1"}

    async def recall(key: str) -> str | None:
        return kept.get(key)

    assert await watches.recall(recall) == frozenset()
    assert [a for i in range(9) for a in watches.see(standing(), 60.0 * i).alerts] == []
    assert watches.raised == {"stopped/road-1"}


async def test_an_alarm_whose_rule_has_gone_is_named_and_no_longer_raised() -> None:
    watches = Watches((ROAD,), zone="Asia/Tokyo")

    async def recall(key: str) -> str | None:
        return "stopped/road-1 icing/road-1" if key == RAISED_KEY else None

    assert await watches.recall(recall) == {"icing/road-1"}
    assert watches.raised == {"stopped/road-1"}


@pytest.mark.parametrize(("written", "usual"), [((None,) * 24, 40.0), ((300.0,) * 24, 300.0)])
async def test_what_was_once_learned_overruled_the_usual_traffic_somebody_wrote_down(written, usual) -> None:
    watches = Watches((Stranding(sensor="road-1", every_s=60.0, usual_per_hour=written),), zone="Asia/Tokyo")

    async def recall(key: str) -> str | None:
        return json.dumps([40.0] * 24) if key == "usual/road-1" else None

    await watches.recall(recall)
    assert watches._states[0].usual == (usual,) * 24


def test_a_contradiction_marks_the_sample_suspect_and_keeps_its_value() -> None:
    watches = Watches((LevelsCheck(one="level-1", other="level-2"),), zone="Asia/Tokyo")
    assert watches.see(sample("level-1", WATER_LEVEL_M=1.0), 0.0).sample.readings[0].flags == Flag.GOOD
    (reading,) = watches.see(sample("level-2", WATER_LEVEL_M=1.2), 1.0).sample.readings
    assert (reading.value, reading.flags, reading.grade) == (1.2, Flag.LOW_QUALITY, Grade.SUSPECT)


def test_a_sample_no_rule_cares_for_passes_untouched() -> None:
    watches = Watches((ROAD,), zone="Asia/Tokyo")
    one = sample("air-1", AIR_TEMPERATURE_C=3.0)
    assert watches.see(one, 0.0).sample is one


@pytest.mark.parametrize(
    ("rank", "level", "japanese"),
    [
        ("standby", 1, "水位が水防団待機水位に達しました"),
        ("caution", 2, "水位が氾濫注意水位に達しました"),
        ("evacuation", 3, "水位が避難判断水位に達しました"),
        ("danger", 4, "水位が氾濫危険水位に達しました"),
        ("levee", 5, "水位が堤防高に達しました"),
    ],
)
def test_a_river_rank_has_its_official_name_and_alert_level(rank, level, japanese) -> None:
    data = {"rank": rank, "threshold": 1.2, "unit": "m"}
    worded = worded_rank(
        Alert(key=f"{rank}/level-1", state="raised", subject="level-1/water_level", at=moment(), data=data)
    )
    assert (worded.data["level"], worded.data["ja"]) == (level, japanese)


def test_a_snowfall_total_says_what_reached_which_value() -> None:
    data = {"rank": "warning", "threshold": 0.3, "unit": "m"}
    worded = worded_rank(Alert(key="k", state="raised", subject="snow-1/snowfall_6h", at=moment(), data=data))
    assert worded.data["en"] == "Snowfall in 6 h has reached its warning threshold (0.3 m)"
    assert worded.data["ja"] == "6時間降雪量が警戒の値(0.3m)に達しました"


def test_a_rank_that_no_river_has_ended_the_daemon_in_the_middle_of_a_flood() -> None:
    data = {"rank": "warning", "threshold": 1.2, "unit": "m"}
    alert = Alert(key="k", state="raised", subject="level-1/water_level", at=moment(), data=data)
    assert worded_rank(alert).data["ja"] == "水位が警戒の値(1.2m)に達しました"


def test_a_companion_measured_every_half_hour_is_good_until_it_misses_a_turn() -> None:
    """Older than 15 minutes it said nothing: half the time such a pair was not compared at all."""
    watches = Watches((LevelsCheck(one="level-1", other="level-2"),), zone="Asia/Tokyo")
    watches.every_s = {"level-1": 60.0, "level-2": 1800.0}
    watches.see(sample("level-2", WATER_LEVEL_M=1.0), 0.0)
    doubted = [
        bool(watches.see(sample("level-1", WATER_LEVEL_M=5.0), at_s).sample.readings[0].flags)
        for at_s in (60.0, 1740.0, 4500.0, 4560.0)
    ]
    assert doubted == [True, True, True, False]
