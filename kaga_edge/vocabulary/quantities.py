"""What can be measured, each with its one unit inside the program.

Units are UCUM codes (the wire carries them in the catalog). ``res`` is the step to which a value
is rounded before it leaves the box: fine enough to lose nothing the instrument knows.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Facts(NamedTuple):
    """One quantity: channel id on the wire, UCUM unit, rounding step."""

    channel: str
    unit: str
    res: float


class Quantity(Enum):
    """A measurable thing. The member's name carries the unit used inside the program."""

    WATER_LEVEL_M = Facts("water_level", "m", 0.001)  # above gauge zero
    WATER_DEPTH_M = Facts("water_depth", "m", 0.001)  # above the probe
    SNOW_DEPTH_M = Facts("snow_depth", "m", 0.001)
    SURFACE_DISTANCE_M = Facts("surface_distance", "m", 0.001)  # instrument to surface
    WATER_PRESSURE_HPA = Facts("water_pressure", "hPa", 0.01)  # absolute, at the probe
    GAUGE_PRESSURE_HPA = Facts("gauge_pressure", "hPa", 0.01)  # vented probe: air removed
    AIR_PRESSURE_HPA = Facts("air_pressure", "hPa", 0.01)
    AIR_TEMPERATURE_C = Facts("air_temperature", "Cel", 0.01)
    WATER_TEMPERATURE_C = Facts("water_temperature", "Cel", 0.01)
    RELATIVE_HUMIDITY_PCT = Facts("relative_humidity", "%", 0.01)
    RAIN_MM = Facts("rain", "mm", 0.001)  # since the sample before
    RAIN_TOTAL_MM = Facts("rain_total", "mm", 0.001)  # since the counter began
    RAIN_INTENSITY_MM_H = Facts("rain_intensity", "mm/h", 0.01)
    TIP_COUNT = Facts("tip_count", "{count}", 1.0)
    VEHICLE_COUNT = Facts("vehicle_count", "{count}", 1.0)
    OCCUPANCY_RATIO = Facts("occupancy", "1", 0.0001)
    VEHICLE_SPEED_KPH = Facts("vehicle_speed", "km/h", 0.1)
    VEHICLE_LENGTH_M = Facts("vehicle_length", "m", 0.01)
    HEADWAY_S = Facts("headway", "s", 0.01)
    LOOP_CURRENT_MA = Facts("loop_current", "mA", 0.001)
    ECHO_QUALITY = Facts("echo_quality", "1", 1.0)
    SUPPLY_VOLTAGE_V = Facts("supply_voltage", "V", 0.001)

    @property
    def channel(self) -> str:
        """The channel id used in catalogs and configuration, without the unit."""
        return self.value.channel

    @property
    def unit(self) -> str:
        """The UCUM code of the unit."""
        return self.value.unit

    @property
    def res(self) -> float:
        """The rounding step on the wire, in the quantity's unit."""
        return self.value.res


BY_CHANNEL: dict[str, Quantity] = {q.channel: q for q in Quantity}
