"""From what the instrument sees to what the site needs: distance or pressure to level or depth."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """How an instrument sits at its site. Lengths in metres, None where it does not apply."""

    gauge_zero_to_sensor_m: float | None = None  # looking down at water: its height above gauge zero
    ground_to_sensor_m: float | None = None  # looking down at snow: its height above bare ground
    gauge_zero_to_probe_m: float | None = None  # pressure probe: its height above gauge zero (often negative)
    tilt_deg: float = 0.0  # of the beam from the vertical
    water_density_kg_m3: float | None = None  # None: fresh water at its temperature
    gravity_m_s2: float | None = None  # None: normal gravity at the site's latitude
    air_pressure_from: str | None = None  # id of the barometer's sensor
    temperature_from: str | None = None  # id of the air thermometer, for the speed of sound
