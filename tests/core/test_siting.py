"""Siting: the reference values are the datasheets' and standards' own, worked by hand or elsewhere."""

from __future__ import annotations

from math import cos, radians, sin, sqrt

import pytest

from kaga_edge.core.siting import (
    Mount,
    Surroundings,
    derive,
    derived_quantities,
    normal_gravity_m_s2,
    sited_quantities,
    sound_speed_factor,
    water_density_kg_m3,
)
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag, Measurement

NOBODY = Surroundings()


def site(
    mount: Mount,
    said: tuple[Measurement, ...],
    around: Surroundings,
    *,
    sound_reference_c: float | None = None,
) -> tuple[Measurement, ...]:
    """Return what the site needs and then what was said, as a sample has them."""
    wanted = derived_quantities(mount, tuple(one.quantity for one in said))
    return (*derive(wanted, mount, said, around, sound_reference_c=sound_reference_c), *said)


def distance(value: float | None, flags: Flag = Flag.GOOD) -> tuple[Measurement, ...]:
    return (Measurement(quantity=Quantity.SURFACE_DISTANCE_M, value=value, flags=flags),)


def pressure(value: float, water_c: float | None = None) -> tuple[Measurement, ...]:
    said = (Measurement(quantity=Quantity.WATER_PRESSURE_HPA, value=value),)
    if water_c is not None:
        said += (Measurement(quantity=Quantity.WATER_TEMPERATURE_C, value=water_c),)
    return said


@pytest.mark.parametrize(
    ("celsius", "density"),
    [
        (0, 999.8485),
        (4, 999.9699),
        (5, 999.9607),
        (10, 999.6955),
        (15, 999.0962),
        (20, 998.2008),
        (25, 997.0411),
    ],
)
def test_water_density_agrees_with_jones_and_harris(celsius: float, density: float) -> None:
    assert water_density_kg_m3(celsius) == pytest.approx(density, abs=5e-5)


def test_normal_gravity_at_kaga_is_that_of_wgs84() -> None:
    assert normal_gravity_m_s2(36.3) == pytest.approx(9.7984, abs=5e-5)


@pytest.mark.parametrize("latitude_deg", [0.0, 24.0, 36.3, 45.5, 90.0])
def test_normal_gravity_is_that_of_the_ellipsoids_two_axes(latitude_deg: float) -> None:
    equator_m, pole_m, at_equator, at_pole = 6378137.0, 6356752.314245, 9.7803253359, 9.8321849379
    cos2, sin2 = cos(radians(latitude_deg)) ** 2, sin(radians(latitude_deg)) ** 2
    expected = (equator_m * at_equator * cos2 + pole_m * at_pole * sin2) / sqrt(
        equator_m**2 * cos2 + pole_m**2 * sin2
    )
    assert normal_gravity_m_s2(latitude_deg) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(
    ("celsius", "metres_a_second"), [(-20, 319.04), (-10, 325.28), (0, 331.40), (10, 337.41), (20, 343.32)]
)
def test_the_speed_of_sound_itself_comes_out(celsius: float, metres_a_second: float) -> None:
    assert 331.4 * sound_speed_factor(celsius) == pytest.approx(metres_a_second, abs=0.005)


@pytest.mark.parametrize(
    ("celsius", "factor"), [(-20, 0.962694), (-10, 0.981524), (0, 1.0), (10, 1.018140), (20, 1.035963)]
)
def test_sound_speed_factor_is_that_of_the_sr50a_manual(celsius: float, factor: float) -> None:
    assert sound_speed_factor(celsius) == pytest.approx(factor, abs=5e-7)


def test_snow_depth_of_an_uncompensated_sonic_sensor_at_minus_ten() -> None:
    mount = Mount(ground_to_sensor_m=2.5, temperature_from="air-1")
    around = Surroundings(air_temperature_c=-10.0)
    depth, said = site(mount, distance(1.838), around, sound_reference_c=0.0)
    assert depth.quantity is Quantity.SNOW_DEPTH_M
    assert depth.value == pytest.approx(0.69596, abs=1e-5)
    assert said.value == 1.838  # what the instrument said stays


def test_a_compensated_instrument_is_not_corrected_again() -> None:
    mount = Mount(ground_to_sensor_m=2.5, temperature_from="air-1")
    depth, _ = site(mount, distance(1.838), Surroundings(air_temperature_c=-10.0))
    assert depth.value == pytest.approx(0.662)


def test_no_thermometer_means_an_estimate_not_a_gap() -> None:
    depth, _ = site(Mount(ground_to_sensor_m=2.5), distance(1.838), NOBODY, sound_reference_c=0.0)
    assert depth.value == pytest.approx(0.662)
    assert depth.flags is Flag.ESTIMATED


def test_a_sonic_sensor_with_a_thermometer_of_its_own_was_left_uncorrected() -> None:
    own = Measurement(quantity=Quantity.AIR_TEMPERATURE_C, value=-10.0)
    mount = Mount(ground_to_sensor_m=2.5)
    depth, *_ = site(mount, (*distance(1.838), own), NOBODY, sound_reference_c=0.0)
    assert depth.value == pytest.approx(0.69596, abs=1e-5)
    assert depth.flags is Flag.GOOD
    warmer = Surroundings(air_temperature_c=0.0)  # the one the mount names goes first
    depth, *_ = site(mount, (*distance(1.838), own), warmer, sound_reference_c=0.0)
    assert depth.value == pytest.approx(0.662)


def test_the_temperature_of_an_hour_ago_corrects_and_says_so() -> None:
    late = Surroundings(air_temperature_c=-10.0, air_temperature_late=True)
    depth, *_ = site(Mount(ground_to_sensor_m=2.5), distance(1.838), late, sound_reference_c=0.0)
    assert depth.value == pytest.approx(0.69596, abs=1e-5)
    assert depth.flags is Flag.ESTIMATED
    own = Measurement(quantity=Quantity.AIR_TEMPERATURE_C, value=0.0)
    depth, *_ = site(Mount(ground_to_sensor_m=2.5), (*distance(1.838), own), late, sound_reference_c=0.0)
    assert (depth.value, depth.flags) == (pytest.approx(0.662), Flag.GOOD)


def test_water_level_is_gauge_zero_to_sensor_less_distance() -> None:
    level, _ = site(Mount(gauge_zero_to_sensor_m=5.0), distance(3.762), NOBODY)
    assert level.quantity is Quantity.WATER_LEVEL_M
    assert level.value == pytest.approx(1.238)


def test_tilt_shortens_the_distance() -> None:
    level, _ = site(Mount(gauge_zero_to_sensor_m=5.0, tilt_deg=60.0), distance(4.0), NOBODY)
    assert level.value == pytest.approx(3.0)


def test_small_negative_snow_depth_is_not_clipped() -> None:
    depth, _ = site(Mount(ground_to_sensor_m=2.0), distance(2.02), NOBODY)
    assert depth.value == pytest.approx(-0.02)


def test_pressure_becomes_depth_with_the_barometer() -> None:
    mount = Mount(gravity_m_s2=9.80665)
    depth, *_ = site(mount, pressure(1200.0, 5.0), Surroundings(air_pressure_hpa=1013.25))
    assert depth.quantity is Quantity.WATER_DEPTH_M
    assert depth.value == pytest.approx(1.90439, abs=1e-5)
    assert depth.flags is Flag.GOOD


def test_pressure_without_a_barometer_is_an_estimate() -> None:
    depth, *_ = site(Mount(gravity_m_s2=9.80665), pressure(1200.0, 5.0), NOBODY)
    assert depth.value == pytest.approx(1.90439, abs=1e-5)
    assert Flag.ESTIMATED in depth.flags


def test_a_probe_below_gauge_zero_gives_a_level() -> None:
    mount = Mount(gauge_zero_to_probe_m=-0.5, water_density_kg_m3=1000.0, gravity_m_s2=10.0)
    level, *_ = site(mount, pressure(1100.0), Surroundings(air_pressure_hpa=1000.0))
    assert level.quantity is Quantity.WATER_LEVEL_M
    assert level.value == pytest.approx(0.5)


def test_a_vented_probe_needs_no_barometer() -> None:
    mount = Mount(gauge_zero_to_probe_m=0.0, water_density_kg_m3=1000.0, gravity_m_s2=10.0)
    said = (Measurement(quantity=Quantity.GAUGE_PRESSURE_HPA, value=100.0),)
    level, _ = site(mount, said, NOBODY)
    assert level.value == pytest.approx(1.0)
    assert level.flags is Flag.GOOD


def test_silty_water_is_denser_by_configuration() -> None:
    mount = Mount(water_density_kg_m3=1020.0, gravity_m_s2=9.80665)
    depth, *_ = site(mount, pressure(1200.0, 5.0), Surroundings(air_pressure_hpa=1013.25))
    assert depth.value == pytest.approx(1.90439 * 999.9607 / 1020.0, abs=1e-5)


def test_no_echo_gives_no_level_and_says_so() -> None:
    level, said = site(Mount(gauge_zero_to_sensor_m=5.0), distance(None, Flag.LOW_QUALITY), NOBODY)
    assert level.value is None
    assert level.flags == Flag.LOW_QUALITY | Flag.MISSING
    assert said.value is None


def test_channels_are_what_the_site_needs_then_what_was_said() -> None:
    said = (Quantity.WATER_PRESSURE_HPA, Quantity.WATER_TEMPERATURE_C)
    assert sited_quantities(Mount(gauge_zero_to_probe_m=0.0), said) == (Quantity.WATER_LEVEL_M, *said)
    assert sited_quantities(Mount(), (Quantity.AIR_TEMPERATURE_C,)) == (Quantity.AIR_TEMPERATURE_C,)
