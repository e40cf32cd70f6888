"""The quality limits a channel has when the configuration says nothing.

Station settings, not laws: the usual thresholds for the coast of Ishikawa. The river's rate limit is
high on purpose: on 4 August 2022 a river next door truly rose 0.3 m in ten minutes.
"""

from __future__ import annotations

from dataclasses import replace

from kaga_edge.core.grading import Limits
from kaga_edge.core.siting import Mount
from kaga_edge.vocabulary.quantities import Quantity

TEN_MINUTES_S = 600.0
FIVE_MINUTES_S = 300.0
HOUR_S = 3600.0
MOST_RAIN_MM, MOST_RAIN_MM_H = 60.0, 300.0  # in ten minutes; while it lasts

_RIVER = Limits(
    rate_suspect_per_s=0.5 / TEN_MINUTES_S,
    rate_fail_per_s=1.5 / TEN_MINUTES_S,
    rate_noise=0.02,  # waves: two samples a second apart would else be "1 m in a minute"
    spike_suspect=0.10,
    spike_fail=0.30,
    # That flood again: to the middle of three values ten minutes apart it rose by 0.6 m, and was no spike.
    # No river falls so fast; a probe that is lifted out does.
    spike_trend_per_s=0.3 / TEN_MINUTES_S,
    spike_trend_down_per_s=0.0,
    flat_tolerance=0.001,
    flat_suspect_s=6 * HOUR_S,  # a dry summer river may truly be flat: suspect, never fail
)
_SPEED = Limits(gross_fail=(0.0, 216.0), gross_suspect=(0.0, 144.0))
_LIMITS = {
    Quantity.WATER_LEVEL_M: _RIVER,
    Quantity.WATER_DEPTH_M: _RIVER,
    # Snow settles and melts faster than it falls. Bare ground and grass are flat all summer.
    Quantity.SNOW_DEPTH_M: Limits(
        rate_suspect_per_s=0.10 / HOUR_S,
        rate_fail_per_s=0.30 / HOUR_S,
        rate_down_suspect_per_s=0.20 / HOUR_S,
        rate_down_fail_per_s=0.60 / HOUR_S,
        rate_noise=0.03,  # an ultrasonic gauge's: 3 cm from minute to minute is no 1.8 m an hour
        flat_tolerance=0.001,
        flat_suspect_s=24 * HOUR_S,
        flat_above=0.05,
        spike_suspect=0.03,
        spike_fail=0.10,
        # Snow may grow by 10 cm an hour (what is beyond is "remarkable heavy snow"). Without it the true
        # onset of every storm is a spike where values come hourly: 3 to 4 % of two towers' good values.
        spike_trend_per_s=0.10 / HOUR_S,
    ),
    Quantity.AIR_TEMPERATURE_C: Limits(
        gross_fail=(-40.0, 60.0),
        gross_suspect=(-20.0, 42.0),
        rate_suspect_per_s=3.0 / FIVE_MINUTES_S,
        rate_fail_per_s=6.0 / FIVE_MINUTES_S,
        rate_noise=0.3,  # the last digit of a DS18B20 at 1 Hz would else be 19 degC in five minutes
        spike_suspect=2.0,
        spike_fail=5.0,
        flat_tolerance=0.05,
        flat_suspect_s=3 * HOUR_S,
    ),
    Quantity.WATER_TEMPERATURE_C: Limits(gross_fail=(-2.0, 40.0), gross_suspect=(-0.5, 35.0)),
    # A road in the summer sun reaches 65 degC; in a clear winter night it cools below the air.
    Quantity.SURFACE_TEMPERATURE_C: Limits(gross_fail=(-50.0, 90.0), gross_suspect=(-25.0, 70.0)),
    # The sensor itself may say up to 105 %; 100 % for a whole winter's day is normal: no flat line.
    Quantity.RELATIVE_HUMIDITY_PCT: Limits(gross_fail=(0.0, 105.0), gross_suspect=(0.0, 100.0)),
    Quantity.AIR_PRESSURE_HPA: Limits(
        gross_fail=(850.0, 1080.0),
        gross_suspect=(940.0, 1050.0),  # near sea level
        rate_suspect_per_s=2.0 / TEN_MINUTES_S,
        rate_fail_per_s=5.0 / TEN_MINUTES_S,
        rate_noise=0.3,  # wind on the housing
        spike_suspect=1.0,
        spike_fail=3.0,
        flat_tolerance=0.01,
        flat_suspect_s=6 * HOUR_S,
    ),
    Quantity.RAIN_MM: Limits(gross_fail=(0.0, MOST_RAIN_MM)),  # in ten minutes; no shorter sample holds more
    Quantity.RAIN_10MIN_MM: Limits(gross_fail=(0.0, MOST_RAIN_MM)),
    Quantity.RAIN_INTENSITY_MM_H: Limits(gross_fail=(0.0, MOST_RAIN_MM_H)),
    Quantity.VEHICLE_SPEED_KPH: _SPEED,
    Quantity.VEHICLE_SPEED_TIME_MEAN_KPH: _SPEED,
    # Occupied for minutes is an event on the road, not an error: no flat line.
    Quantity.OCCUPANCY_RATIO: Limits(gross_fail=(0.0, 1.0)),
    Quantity.LOOP_CURRENT_MA: Limits(gross_fail=(3.6, 21.0), gross_suspect=(3.8, 20.5)),  # NAMUR NE 43
    Quantity.SUPPLY_VOLTAGE_V: Limits(gross_fail=(9.0, 16.0)),
    Quantity.CPU_TEMPERATURE_C: Limits(gross_suspect=(-20.0, 80.0)),  # the Pi slows down from 80 degC on
}
_NONE = Limits()
LOWEST_SNOW_M = -0.10  # grass, frost heave and noise; below, the mount's height is wrong
DEEPEST_SNOW_M = 16.0  # a laser's own range, where no height is known
LOWEST_LEVEL_M = -10.0  # no gauge has its zero so far above the bed
ABOVE_LEVEE_M = 1.0


def default_limits(quantity: Quantity) -> Limits:
    """Return the limits of a quantity; every test off where there is no usual one."""
    return _LIMITS.get(quantity, _NONE)


def limits_on_site(
    quantity: Quantity, mount: Mount, *, nearest_m: float, levee_m: float | None, every_s: float
) -> Limits:
    """Return them with what the site itself bounds. ``nearest_m``: the instrument's blind zone.

    Snow lies between the ground and the blind zone; a river between the probe (or any bed) and a metre
    above its levee, where one is known.
    """
    limits = default_limits(quantity)
    if quantity is Quantity.RAIN_MM:  # a gauge read every hour may hold more than ten minutes can bring
        return replace(limits, gross_fail=(0.0, max(MOST_RAIN_MM, MOST_RAIN_MM_H * every_s / HOUR_S)))
    if quantity is Quantity.SNOW_DEPTH_M:
        height_m = mount.ground_to_sensor_m
        deepest_m = DEEPEST_SNOW_M if height_m is None else height_m - nearest_m
        return replace(limits, gross_fail=(LOWEST_SNOW_M, max(LOWEST_SNOW_M, deepest_m)))
    if quantity is Quantity.WATER_LEVEL_M and levee_m is not None:
        probe_m = mount.gauge_zero_to_probe_m
        lowest_m = LOWEST_LEVEL_M if probe_m is None else probe_m - 0.05  # dry: what the barometers differ
        return replace(limits, gross_suspect=(lowest_m, levee_m + ABOVE_LEVEE_M))
    return limits
