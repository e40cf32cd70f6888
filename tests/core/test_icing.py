from __future__ import annotations

import pytest

from kaga_edge.core.icing import Icing, dew_point_c
from kaga_edge.core.watching import Newest, Scene

RULE = Icing(sensor="road", air_from="air", rain_from="rain", snow_from="snow")


class Site:
    def __init__(self, rule: Icing = RULE) -> None:
        self.rule, self.state, self.now_s = rule, rule.start(frozenset()), 0.0
        self.newest: dict[tuple[str, str], Newest] = {}

    def now(self, surface_c: float, sensor: str = "road", **values: float) -> list[tuple[str, object]]:
        self.now_s += 60
        known = {("road", "surface_temperature"): surface_c}
        for name, value in values.items():
            place, _, channel = name.partition("__")
            known[place, channel] = value
        self.newest |= {place: Newest(value=value, at_s=self.now_s) for place, value in known.items()}
        outcome = self.rule.step(self.state, Scene(now_s=self.now_s, newest=self.newest), sensor)
        self.state = outcome.state
        return [(one.state, one.data["moist"]) for one in outcome.told]


# psychrometric tables (JIS Z 8806): 20 degC and 50 % is a dew point of 9.3 degC; saturated air its own
@pytest.mark.parametrize(
    ("air_c", "humidity", "dew_c"), [(20.0, 50.0, 9.3), (0.0, 100.0, 0.0), (30.0, 80.0, 26.2)]
)
def test_the_dew_point_is_that_of_the_tables(air_c: float, humidity: float, dew_c: float) -> None:
    assert dew_point_c(air_c, humidity) == pytest.approx(dew_c, abs=0.1)


def test_frost_settles_on_a_surface_colder_than_the_dew_point() -> None:
    assert Site().now(-2.0, air__air_temperature=0.0, air__relative_humidity=95.0) == [("raised", True)]


def test_a_cold_dry_road_is_no_risk() -> None:
    assert Site().now(-2.0, air__air_temperature=3.0, air__relative_humidity=40.0) == []


def test_a_surface_at_the_limit_counts_and_one_above_does_not() -> None:
    assert Site().now(0.0, snow__snow_depth=0.05) == [("raised", True)]
    assert Site().now(0.1, snow__snow_depth=0.05) == []


def test_rain_within_the_last_hour_makes_it_wet_and_older_rain_does_not() -> None:
    site = Site()
    site.now(5.0, sensor="rain", rain__rain=0.5)
    assert site.now(-1.0, rain__rain=0.0) == [("raised", True)]
    late = Site()
    late.now(5.0, sensor="rain", rain__rain=0.5)
    late.now_s += 3600
    assert late.now(-1.0, rain__rain=0.0) == []


def test_a_restart_forgot_the_rain_of_the_last_hour_and_took_the_warning_back() -> None:
    again = Site()  # as after a restart: the sum goes on, the tips before it were another run's
    assert again.now(-1.0, rain__rain=0.0, rain__rain_1h=2.5) == [("raised", True)]


def test_grass_below_the_seasonal_zero_was_taken_for_snow_on_the_road() -> None:
    assert Site().now(-1.0, snow__snow_depth=0.03, snow__snow_on_ground=0.0) == []
    assert Site().now(-1.0, snow__snow_depth=0.04, snow__snow_on_ground=0.01) == [("raised", True)]


def test_without_anything_that_measures_wetness_the_cold_alone_warns() -> None:
    assert Site(Icing(sensor="road")).now(-1.0) == [("raised", None)]


def test_it_clears_one_degree_above_after_ten_minutes() -> None:
    site = Site(Icing(sensor="road"))
    site.now(-1.0)
    assert [site.now(0.9) for _ in range(15)] == [[]] * 15
    told = [line for _ in range(12) for line in site.now(1.1)]
    assert told == [("cleared", None)]
