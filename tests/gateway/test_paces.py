"""Intervals by command: whatever counts by intervals must hear of them."""

from __future__ import annotations

from pathlib import Path

from kaga_edge.config import Config, load
from kaga_edge.core.eventmode import EventRule
from kaga_edge.core.watching import Watch
from kaga_edge.gateway import paces
from kaga_edge.gateway.events import Events
from kaga_edge.gateway.watches import Watches
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import ClockTrust, Flag, Grade, Moment, Reading, Sample

TEXT = """\
[site]
id = "kaga-1"
name = { ja = "見本", en = "sample" }
[commands]
allow = ["interval"]
[platform]
url = "mqtt://127.0.0.1:1883"
[[sensor]]
id = "road-1"
driver = "vehicle"
gpio = 22
every = "60s"
[sensor.stranding]
[sensor.disclosure]
purpose = { ja = "交通", en = "traffic" }
personal_data = false
"""


def configured(tmp_path: Path) -> Config:
    file = tmp_path / "kaga-edge.toml"
    file.write_text(TEXT, encoding="utf-8")
    return load(file)


def stopped_after(rules: tuple[Watch, ...], every_s: float, polls: int) -> list[str]:
    """Let a vehicle stand on the loop for so many polls; return what was told."""
    watches = Watches(rules, zone="Asia/Tokyo")
    told: list[str] = []
    for poll in range(1, polls + 1):
        at = Moment(wall_ms=round(poll * every_s * 1000), up_ms=0, boot="b", trust=ClockTrust.NTP)
        readings = tuple(
            Reading(quantity=quantity, value=value, flags=Flag.GOOD, grade=Grade.GOOD)
            for quantity, value in ((Quantity.VEHICLE_COUNT, 0.0), (Quantity.OCCUPANCY_RATIO, 1.0))
        )
        seen = watches.see(Sample(sensor="road-1", at=at, readings=readings), poll * every_s)
        told += [one.key for one in seen.alerts]
    return told


def test_a_detector_that_the_city_polled_every_five_minutes_never_saw_traffic_stand(tmp_path: Path) -> None:
    config = paces.over(configured(tmp_path), {"road-1": 300.0})
    assert stopped_after(config.watches, 300.0, 3) == ["stopped/road-1"]


def test_an_interval_that_ends_gives_the_rule_its_own_back(tmp_path: Path) -> None:
    written = configured(tmp_path)
    paces.over(written, {"road-1": 300.0})
    assert paces.over(written, {}).watches == written.watches


def test_a_probe_put_back_by_a_technician_began_an_event() -> None:
    class Sensor:
        id, every_s, event = "level-1", 60.0, EventRule(every_s=10.0, send_s=10.0, rise=0.1)

    events = Events([Sensor], None, pace=lambda *_: None, send_every=lambda _: None)  # type: ignore[list-item]
    at = Moment(wall_ms=0, up_ms=0, boot="b", trust=ClockTrust.NTP)
    for minute, (level_m, flags) in enumerate(
        [(1.0, Flag.GOOD), (-0.5, Flag.MAINTENANCE), (1.01, Flag.MAINTENANCE), (1.01, Flag.GOOD)]
    ):
        reading = Reading(quantity=Quantity.WATER_LEVEL_M, value=level_m, flags=flags, grade=Grade.GOOD)
        events.see(Sample(sensor="level-1", at=at, readings=(reading,)), 60.0 * minute, frozenset())
    assert events.active == ()


def test_an_event_made_a_sensor_slower_that_the_city_had_made_faster() -> None:
    class Sensor:
        id, every_s, event = "level-1", 10.0, EventRule(every_s=60.0, send_s=60.0, level=1.0)

    paced: list[tuple[str, float]] = []
    events = Events([Sensor], None, pace=lambda *one: paced.append(one), send_every=lambda _: None)  # type: ignore[list-item]
    reading = Reading(quantity=Quantity.WATER_LEVEL_M, value=1.0, flags=Flag.GOOD, grade=Grade.GOOD)
    at = Moment(wall_ms=0, up_ms=0, boot="b", trust=ClockTrust.NTP)
    events.see(Sample(sensor="level-1", at=at, readings=(reading,)), 0.0, frozenset())
    assert paced == [("level-1", 10.0)]
