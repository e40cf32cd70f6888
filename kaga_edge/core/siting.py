"""From what the instrument sees to what the site needs: distance or pressure to level or depth.

    level = gauge zero to sensor - distance x cos(tilt)          looking down at water
    depth = ground to sensor - distance x cos(tilt)              looking down at snow
    depth = (pressure - air pressure) / (density x gravity)      a probe under water
    level = gauge zero to probe + depth

What the instrument said stays beside it as its own channel, untouched: a level can always be computed
again when the survey of the mount turns out wrong.

Sources: density of fresh water, Jones and Harris 1992 (J. Res. NIST 97); normal gravity, WGS 84;
speed of sound in air c = 331.4 sqrt(T / 273.15 K) m/s, as the SR50A manual uses it.
"""

from __future__ import annotations

from dataclasses import field, replace
from math import cos, radians, sin, sqrt

from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.quick import dataclass
from kaga_edge.vocabulary.readings import Flag, Measurement

STANDARD_AIR_HPA = 1013.25
STANDARD_GRAVITY_M_S2 = 9.80665
ICE_POINT_K = 273.15
ESTIMATED = Flag.ESTIMATED
UNKNOWN_WATER_C = 10.0  # a river's usual temperature; 0 or 20 degC instead is 1.5 mm in one metre


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """How an instrument sits at its site. Lengths in metres, None where it does not apply."""

    # Looking down at water: its height above gauge zero; at snow: above bare ground. (Millimetres by mistake
    # are far out of these bounds.)
    gauge_zero_to_sensor_m: float | None = field(default=None, metadata={"gt": 0, "le": 100})
    ground_to_sensor_m: float | None = field(default=None, metadata={"gt": 0, "le": 100})
    gauge_zero_to_probe_m: float | None = None  # pressure probe: its height above gauge zero (often negative)
    tilt_deg: float = field(default=0.0, metadata={"ge": -60, "le": 60})  # of the beam from the vertical
    # None: fresh water at its temperature; a debris flow weighs up to twice as much.
    water_density_kg_m3: float | None = field(default=None, metadata={"ge": 900, "le": 2000})
    # None: normal gravity at the site's latitude; these are the poles and the equator.
    gravity_m_s2: float | None = field(default=None, metadata={"ge": 9.76, "le": 9.84})
    air_pressure_from: str | None = None  # id of the barometer's sensor
    temperature_from: str | None = None  # id of the air thermometer, for the speed of sound
    # An ultrasonic sensor without compensation: the air temperature at which its distance was found right
    # on site. None: what its maker states, and no correction where the maker states nothing.
    distance_true_at_c: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What other sensors of the site know now; None when they have been silent for too long.

    ``late``: what a companion said before it fell silent. The weather of an hour ago is nearer to the truth
    than the standard's, and a level does not jump by 30 cm because a barometer failed in a typhoon.
    """

    air_pressure_hpa: float | None = None
    air_temperature_c: float | None = None
    latitude_deg: float | None = None
    air_pressure_late: bool = False
    air_temperature_late: bool = False


def sited_quantities(mount: Mount, quantities: tuple[Quantity, ...]) -> tuple[Quantity, ...]:
    """Return the channels of a sensor at its site: what the site needs first, then what it said."""
    return (*derived_quantities(mount, quantities), *quantities)


def derived_quantities(mount: Mount, quantities: tuple[Quantity, ...]) -> tuple[Quantity, ...]:
    """Return what the site needs of a sensor that measures ``quantities``."""
    wanted: list[Quantity] = []
    if Quantity.SURFACE_DISTANCE_M in quantities:
        if mount.gauge_zero_to_sensor_m is not None:
            wanted.append(Quantity.WATER_LEVEL_M)
        if mount.ground_to_sensor_m is not None:
            wanted.append(Quantity.SNOW_DEPTH_M)
    if Quantity.WATER_PRESSURE_HPA in quantities or Quantity.GAUGE_PRESSURE_HPA in quantities:
        wanted.append(
            Quantity.WATER_LEVEL_M if mount.gauge_zero_to_probe_m is not None else Quantity.WATER_DEPTH_M
        )
    if (
        Quantity.WATER_DEPTH_M in quantities and mount.gauge_zero_to_probe_m is not None and not wanted
    ):  # a loop-powered probe already scaled to metres of water
        wanted.append(Quantity.WATER_LEVEL_M)
    return tuple([q for q in wanted if q not in quantities])


def derive(
    wanted: tuple[Quantity, ...],
    mount: Mount,
    measurements: tuple[Measurement, ...],
    around: Surroundings,
    *,
    sound_reference_c: float | None = None,
) -> tuple[Measurement, ...]:
    """Return one measurement for each of ``wanted``, which are the ``derived_quantities`` of these.

    ``sound_reference_c``: the instrument has no temperature compensation of its own and reports distance
    as if the air had this temperature; None: no correction. A value that had to do without its companion
    (no barometer, no thermometer) is flagged ESTIMATED, never withheld.
    """
    said = {m.quantity: m for m in measurements}
    return tuple([_derive(one, mount, said, around, sound_reference_c) for one in wanted])


def water_density_kg_m3(temperature_c: float) -> float:
    """Return the density of fresh water; below 0 and above 40 degC the nearer end is used."""
    t = min(max(temperature_c, 0.0), 40.0)
    return 999.84847 + t * (6.337563e-2 + t * (-8.523829e-3 + t * (6.943248e-5 - t * 3.821216e-7)))


def normal_gravity_m_s2(latitude_deg: float) -> float:
    """Return gravity on the WGS 84 ellipsoid (Somigliana), at sea level."""
    s2 = sin(radians(latitude_deg)) ** 2
    return 9.7803253359 * (1 + 0.00193185265241 * s2) / sqrt(1 - 0.00669437999013 * s2)


def sound_speed_factor(air_temperature_c: float, reference_c: float = 0.0) -> float:
    """Return what a distance measured as if the air were at ``reference_c`` must be multiplied by."""
    return sqrt((air_temperature_c + ICE_POINT_K) / (reference_c + ICE_POINT_K))


def _derive(
    wanted: Quantity,
    mount: Mount,
    said: dict[Quantity, Measurement],
    around: Surroundings,
    sound_c: float | None,
) -> Measurement:
    if Quantity.SURFACE_DISTANCE_M in said:
        height_m = (
            mount.gauge_zero_to_sensor_m if wanted is Quantity.WATER_LEVEL_M else mount.ground_to_sensor_m
        )
        own = said.get(Quantity.AIR_TEMPERATURE_C)  # of a probe in the instrument (SR50AT)
        known = around.air_temperature_c is not None and not around.air_temperature_late
        if own is not None and own.value is not None and not known:
            around = replace(around, air_temperature_c=own.value, air_temperature_late=False)
        return _below(wanted, height_m or 0.0, said[Quantity.SURFACE_DISTANCE_M], mount, around, sound_c)
    source = next(
        said[q]
        for q in (Quantity.WATER_PRESSURE_HPA, Quantity.GAUGE_PRESSURE_HPA, Quantity.WATER_DEPTH_M)
        if q in said
    )
    if source.value is None:
        return Measurement(quantity=wanted, value=None, flags=source.flags | Flag.MISSING)
    depth_m, flags = _depth(source, mount, said, around)
    datum_m = mount.gauge_zero_to_probe_m if wanted is Quantity.WATER_LEVEL_M else None
    return Measurement(quantity=wanted, value=depth_m + (datum_m or 0.0), flags=flags)


def _below(
    wanted: Quantity,
    height_m: float,
    distance: Measurement,
    mount: Mount,
    around: Surroundings,
    sound_c: float | None,
) -> Measurement:
    if distance.value is None:
        return Measurement(quantity=wanted, value=None, flags=distance.flags | Flag.MISSING)
    distance_m, flags = distance.value, distance.flags
    if sound_c is not None and around.air_temperature_c is not None:
        distance_m *= sound_speed_factor(around.air_temperature_c, sound_c)
    if sound_c is not None and (around.air_temperature_c is None or around.air_temperature_late):
        flags = flags | ESTIMATED if flags else ESTIMATED  # 10 degC unknown is 1.8 % of the distance
    return Measurement(
        quantity=wanted, value=height_m - distance_m * cos(radians(mount.tilt_deg)), flags=flags
    )


def _depth(
    source: Measurement, mount: Mount, said: dict[Quantity, Measurement], around: Surroundings
) -> tuple[float, Flag]:
    """Return the water above the probe in metres, and flags."""
    assert source.value is not None
    if source.quantity is Quantity.WATER_DEPTH_M:
        return source.value, source.flags
    flags = source.flags
    air_hpa = 0.0
    if source.quantity is Quantity.WATER_PRESSURE_HPA:
        if around.air_pressure_hpa is None or around.air_pressure_late:
            # Weather moves the air by 50 hPa: up to half a metre of water.
            flags = flags | ESTIMATED if flags else ESTIMATED
        air_hpa = STANDARD_AIR_HPA if around.air_pressure_hpa is None else around.air_pressure_hpa
    water = said.get(Quantity.WATER_TEMPERATURE_C)
    water_c = UNKNOWN_WATER_C if water is None or water.value is None else water.value
    density = mount.water_density_kg_m3 or water_density_kg_m3(water_c)
    if mount.gravity_m_s2 is not None:
        gravity = mount.gravity_m_s2
    elif around.latitude_deg is not None:
        gravity = normal_gravity_m_s2(around.latitude_deg)
    else:
        gravity = STANDARD_GRAVITY_M_S2
    return (source.value - air_hpa) * 100.0 / (density * gravity), flags
