"""A channel's history out of the file: found by halving, read in bites, thinned where it is a great deal."""

from __future__ import annotations

from kaga_edge.store import series


def history(database, sensor="level-1", channel="water_level", since_ms=0, **limits):
    bites = series.bites(database._db, database._books, sensor, channel, since_ms, **limits)
    return [point for bite in bites for point in database.history(bite, since_ms)]


def fill(bench, database, rows, every_s=60.0):
    for number in range(rows):
        database.append(database.encode([bench.entry(1 + number / 1000), bench.entry(0.0, sensor="rain-1")]))
        bench.clock.pass_s(every_s)


def test_only_the_sensor_asked_for_since_the_time_asked_for(bench):
    database = bench.open()
    began_ms = bench.clock.wall_ms
    fill(bench, database, 50)
    assert len(history(database)) == 50
    points = history(database, since_ms=began_ms + 45 * 60_000)
    assert [value for _, value in points] == [1.045, 1.046, 1.047, 1.048, 1.049]
    assert history(database, since_ms=bench.clock.wall_ms + 1) == []
    assert history(database, sensor="nobody") == []


def test_a_missing_value_is_a_point_without_value(bench):
    database = bench.open()
    database.append(database.encode([bench.entry(None)]))
    assert [value for _, value in history(database)] == [None]


def test_an_empty_file_has_no_history(bench):
    assert history(bench.open()) == []


def test_of_a_great_deal_only_some_rows_are_read(bench):
    database = bench.open()
    fill(bench, database, 300, every_s=1)
    whole = history(database)
    some = history(database, whole=100, places=20)
    assert 15 <= len(some) <= 20
    assert set(some) <= set(whole)
    assert some[0] == whole[0]
