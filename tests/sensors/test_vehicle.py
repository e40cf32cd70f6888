"""Vehicle detector: a pair, a single one, nothing on the road; real detector edges where present."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path

import pytest

from kaga_edge.sensors import vehicle
from kaga_edge.vocabulary.errors import KagaError
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag
from kaga_edge.vocabulary.requests import Edge, Edges

S = 1_000_000_000
REAL = Path(__file__).parents[2].parent / "shared" / "data" / "traffic_atspm_1136_edges_2024-04-15.csv"


def edges(start_s, end_s, *changes, levels=None) -> Edges:
    return Edges(
        start_ns=start_s * S, end_ns=end_s * S, active_at_start=levels or {22: False, 27: False},
        edges=tuple(Edge(at_ns=round(at * S), gpio=gpio, active=on) for at, gpio, on in changes),
    )  # fmt: skip


def values(measured) -> dict:
    return {m.quantity.channel: m.value for m in measured}


ONE_CAR = ((10.0, 22, True), (10.27, 27, True), (10.42, 22, False), (10.70, 27, False))


def test_a_pair_gives_speed_and_length():
    driver = vehicle.Driver(vehicle.Options(gpio=22, gpio_second=27))
    got = values(driver.decode(edges(0, 60, *ONE_CAR)))
    assert got["vehicle_count"] == 1
    assert got["vehicle_speed"] == pytest.approx(60.0, abs=0.001)
    assert got["vehicle_length"] == pytest.approx(5.0833, abs=5e-5)
    assert got["occupancy"] == pytest.approx(0.42 / 60)


def test_a_single_detectors_speed_is_an_estimate():
    driver = vehicle.Driver(vehicle.Options(gpio=22, detector_length_m=1.83, vehicle_length_m=4.0))
    measured = driver.decode(edges(0, 60, (10.0, 22, True), (10.3, 22, False)))
    speed = next(m for m in measured if m.quantity is Quantity.VEHICLE_SPEED_KPH)
    assert speed.value == pytest.approx(19.43 * 3.6, abs=0.05)
    assert speed.flags == Flag.ESTIMATED
    assert Quantity.VEHICLE_LENGTH_M not in driver.quantities
    time_mean = next(m for m in measured if m.quantity is Quantity.VEHICLE_SPEED_TIME_MEAN_KPH)
    assert (time_mean.value, time_mean.flags) == (pytest.approx(speed.value), Flag.ESTIMATED)


def test_time_mean_and_space_mean_are_two_channels():
    changes = []
    for i, speed_m_s in enumerate((20, 25, 10, 16)):
        at, apart = 10.0 + 20 * i, 4.5 / speed_m_s
        changes += [(at, 22, True), (at + apart, 27, True)]
        changes += [(at + 2 * apart, 22, False), (at + 3 * apart, 27, False)]
    driver = vehicle.Driver(vehicle.Options(gpio=22, gpio_second=27))
    got = values(driver.decode(edges(0, 300, *changes)))
    assert got["vehicle_speed_time_mean"] == pytest.approx(17.75 * 3.6)
    assert got["vehicle_speed"] == pytest.approx(15.8416 * 3.6, abs=1e-3)


def test_an_empty_road_counts_zero_and_has_no_speed():
    measured = vehicle.Driver(vehicle.Options(gpio=22, gpio_second=27)).decode(edges(0, 60))
    assert [m.value for m in measured] == [0.0, 0.0, None, None, None, None, 0.0, 0.0]
    assert [m.flags for m in measured] == [Flag.GOOD, Flag.GOOD, *[Flag.MISSING] * 4, Flag.GOOD, Flag.GOOD]


def test_a_pair_tells_the_direction():
    driver = vehicle.Driver(vehicle.Options(gpio=22, gpio_second=27))
    wrong_way = [(at + 30, 49 - gpio, on) for at, gpio, on in ONE_CAR]  # 27 first
    lonely = [(50.0, 22, True), (50.5, 22, False)]
    got = values(driver.decode(edges(0, 60, *ONE_CAR, *wrong_way, *lonely)))
    assert (got["vehicle_count"], got["forward_count"], got["backward_count"]) == (3, 1, 1)
    single = vehicle.Driver(vehicle.Options(gpio=22))
    assert Quantity.FORWARD_COUNT not in single.quantities


@pytest.mark.parametrize(("count", "minutes", "doubted"), [(40, 1, False), (41, 1, True), (200, 5, False)])
def test_more_vehicles_than_a_lane_can_carry_are_crosstalk(count, minutes, doubted):
    span_s = 60 * minutes
    changes = []
    for i in range(count):
        at = 0.5 + i * (span_s - 1) / count
        changes += [(at, 22, True), (at + 0.3, 22, False)]
    measured = vehicle.Driver(vehicle.Options(gpio=22)).decode(edges(0, span_s, *changes))
    assert (measured[0].value, Flag.LOW_QUALITY in measured[0].flags) == (count, doubted)


def test_a_beam_has_no_length_of_its_own():
    got = vehicle.Driver(vehicle.Options(gpio=22, gpio_second=27, detector="beam")).decode(
        edges(0, 60, *ONE_CAR)
    )
    assert values(got)["vehicle_length"] == pytest.approx(7.0833, abs=5e-5)


def test_chatter_is_not_a_vehicle_and_flags_the_sample():
    measured = vehicle.Driver(vehicle.Options(gpio=22)).decode(
        edges(0, 60, (1, 22, True), (1.005, 22, False))
    )
    assert (measured[0].value, measured[0].flags) == (0, Flag.LOW_QUALITY)


def test_a_detector_without_a_vehicle_for_half_a_day_is_taken_for_dead():
    driver = vehicle.Driver(vehicle.Options(gpio=22))
    hour = 3600
    flags = [driver.decode(edges(h * hour, (h + 1) * hour))[0].flags for h in range(12)]
    assert flags == [Flag.GOOD] * 11 + [Flag.LOW_QUALITY]
    car = edges(12 * hour, 13 * hour, (12 * hour + 10, 22, True), (12 * hour + 10.4, 22, False))
    assert driver.decode(car)[0].flags is Flag.GOOD
    for h in range(13, 40):  # a lorry stands on the loop: an event, no dead detector
        measured = driver.decode(edges(h * hour, (h + 1) * hour, levels={22: True}))
        assert (measured[0].value, measured[1].value, measured[0].flags) == (0, 1.0, Flag.GOOD)


def alone(gpio: int, cars: int, start_s: float) -> list:
    return [(start_s + 3 * i + half * 0.4, gpio, half == 0) for i in range(cars) for half in (0, 1)]


@pytest.mark.parametrize("living", [22, 27])
def test_a_pair_whose_other_half_was_dead_sent_counts_as_good(living):
    driver = vehicle.Driver(vehicle.Options(gpio=22, gpio_second=27))
    flags = [driver.decode(edges(0, 60, *ONE_CAR))[0].flags]
    flags += [driver.decode(edges(m * 60, m * 60 + 60, *alone(living, 9, m * 60.0)))[0].flags for m in (1, 2)]
    assert flags == [Flag.GOOD] * 3  # 18 in a row may have changed lanes
    assert driver.decode(edges(180, 240, *alone(living, 2, 180.0)))[0].flags is Flag.LOW_QUALITY
    assert driver.decode(edges(240, 300))[0].flags is Flag.LOW_QUALITY  # an empty minute mends nothing
    later = [(at + 300, gpio, on) for at, gpio, on in ONE_CAR]
    assert driver.decode(edges(300, 360, *later))[0].flags is Flag.GOOD  # both live


def test_a_single_detector_has_no_partner_to_miss():
    driver = vehicle.Driver(vehicle.Options(gpio=22))
    assert driver.decode(edges(0, 180, *alone(22, 50, 0.0)))[0].flags is Flag.GOOD


def test_both_detectors_on_one_line_are_refused():
    with pytest.raises(KagaError):
        vehicle.Driver(vehicle.Options(gpio=22, gpio_second=22))


@pytest.mark.skipif(not REAL.exists(), reason="the recorded detector edges are not on this machine")
@pytest.mark.parametrize(("detector", "vehicles"), [("18", 1371), ("20", 978), ("46", 694)])
def test_real_detector_edges_are_all_counted(detector, vehicles):
    changes = real_changes(detector)
    driver = vehicle.Driver(vehicle.Options(gpio=22))
    start, end = int(changes[0][0]) - 1, int(changes[-1][0]) + 1
    total, on_s, level = 0.0, 0.0, False
    for minute in range(start, end, 60):
        inside = [(at, 22, on) for at, on in changes if minute < at <= minute + 60]
        got = values(driver.decode(edges(minute, minute + 60, *inside, levels={22: level})))
        total += got["vehicle_count"]
        on_s += got["occupancy"] * 60
        level = inside[-1][2] if inside else level
    assert total == vehicles
    assert on_s == pytest.approx(sum(at if not on else -at for at, on in changes), abs=0.001)


def real_changes(detector: str) -> list[tuple[float, bool]]:
    """One detector's changes of level: seconds since midnight, covered or not."""
    with REAL.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["Parameter"] == detector]
    midnight = datetime(2024, 4, 15)  # noqa: DTZ001 -- the file has local time without a zone
    return [
        ((datetime.fromisoformat(row["TimeStamp"]) - midnight).total_seconds(), row["EventId"] == "82")
        for row in rows
    ]
