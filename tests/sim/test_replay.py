"""Real series as worlds. The counts and extremes are those of the files' own description."""

from itertools import pairwise

import pytest

from kaga_edge.sim import replay
from kaga_edge.sim.fittings import Fitting, instrument
from kaga_edge.vocabulary.errors import KagaError

TROUT_CREEK = "river_trout_creek_2021-08_5min.csv"
OLD_TOWN = "snow_old_town_sw_2022-01_1h.csv"
EDGES = "traffic_atspm_1136_edges_2024-04-15.csv"


def test_trout_creek_reaches_its_smallest_range_through_an_encoded_sensor(real_series, driver, values):
    series = replay.read(real_series(TROUT_CREEK))
    assert series.rows == 1440
    ear = driver("a02yyuw")
    seen = []
    for at_s, _ in series.curves["water_level_m"]:
        sensor = instrument(
            Fitting(id="level", driver="a02yyuw", port="x", height_m=series.sensor_height_m),
            lambda at_s=at_s: series.truth(at_s),
        )
        (frame,) = ear.split(sensor.frame()).frames
        seen.append((values(ear.decode(frame))["surface_distance"], at_s))
    nearest_m, at_s = min(seen)
    assert nearest_m == 2.66
    assert (series.starts_at.timestamp() + at_s) == pytest.approx(1630126006)  # 2021-08-28 04:46:46 UTC


def test_old_town_keeps_its_weak_echoes_and_its_missing_values_out(real_series):
    series = replay.read(real_series(OLD_TOWN))
    assert series.rows == 360
    qualities = [quality for _, quality in series.curves["echo_quality"]]
    assert sum(quality > 210 for quality in qualities) == 57
    assert min(celsius for _, celsius in series.curves["air_temperature_c"]) == pytest.approx(-27.6, abs=0.05)


@pytest.mark.parametrize(("detector", "vehicles"), [("18", 1371), ("20", 978), ("46", 694)])
def test_every_detector_edge_is_there_and_they_alternate(real_series, detector, vehicles):
    series = replay.read(real_series(EDGES))
    edges = series.edges(detector, -1.0, series.length_s)
    assert sum(e.active for e in edges) == vehicles
    assert all(a.active != b.active for a, b in pairwise(edges))


def test_an_unknown_file_says_what_is_known(tmp_path):
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(KagaError, match="Trout Creek"):
        replay.read(path)


def test_a_file_that_is_not_there_says_so(tmp_path):
    with pytest.raises(KagaError, match="cannot be read"):
        replay.read(tmp_path / "none.csv")
