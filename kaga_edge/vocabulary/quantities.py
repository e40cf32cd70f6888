"""What can be measured, each with its one unit inside the program.

Units are UCUM codes (the wire carries them in the catalog). ``res`` is the step to which a value
is rounded before it leaves the box: fine enough to lose nothing the instrument knows.
"""

from __future__ import annotations

from enum import Enum
from math import log10
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
    SURFACE_DISTANCE_SPREAD_M = Facts("surface_distance_spread", "m", 0.0001)  # of a burst: 1.4826 x MAD
    WATER_LEVEL_SPREAD_M = Facts("water_level_spread", "m", 0.0001)
    WATER_DEPTH_SPREAD_M = Facts("water_depth_spread", "m", 0.0001)
    SNOW_DEPTH_SPREAD_M = Facts("snow_depth_spread", "m", 0.0001)
    WATER_PRESSURE_SPREAD_HPA = Facts("water_pressure_spread", "hPa", 0.001)
    GAUGE_PRESSURE_SPREAD_HPA = Facts("gauge_pressure_spread", "hPa", 0.001)
    BURST_VALID = Facts("burst_valid", "{count}", 1.0)  # valid readings of a burst
    SNOW_ON_GROUND_M = Facts("snow_on_ground", "m", 0.001)  # seasonal zero taken off, never below 0
    SNOWFALL_1H_M = Facts("snowfall_1h", "m", 0.001)  # new snow of the last full hours
    SNOWFALL_3H_M = Facts("snowfall_3h", "m", 0.001)
    SNOWFALL_6H_M = Facts("snowfall_6h", "m", 0.001)
    SNOWFALL_12H_M = Facts("snowfall_12h", "m", 0.001)
    SNOWFALL_24H_M = Facts("snowfall_24h", "m", 0.001)
    WATER_PRESSURE_HPA = Facts("water_pressure", "hPa", 0.01)  # absolute, at the probe
    GAUGE_PRESSURE_HPA = Facts("gauge_pressure", "hPa", 0.01)  # vented probe: air removed
    AIR_PRESSURE_HPA = Facts("air_pressure", "hPa", 0.01)
    AIR_TEMPERATURE_C = Facts("air_temperature", "Cel", 0.01)
    WATER_TEMPERATURE_C = Facts("water_temperature", "Cel", 0.01)
    RELATIVE_HUMIDITY_PCT = Facts("relative_humidity", "%", 0.01)
    RAIN_MM = Facts("rain", "mm", 0.001)  # since the sample before
    RAIN_TOTAL_MM = Facts("rain_total", "mm", 0.001)  # since the counter began
    RAIN_INTENSITY_MM_H = Facts("rain_intensity", "mm/h", 0.01)
    RAIN_10MIN_MM = Facts("rain_10min", "mm", 0.001)  # ending now
    RAIN_1H_MM = Facts("rain_1h", "mm", 0.001)
    RAIN_24H_MM = Facts("rain_24h", "mm", 0.001)
    RAIN_TODAY_MM = Facts("rain_today", "mm", 0.001)  # since midnight of the site
    RAIN_INTENSITY_10MIN_MM_H = Facts("rain_intensity_10min", "mm/h", 0.01)
    UNWATCHED_S = Facts("unwatched", "s", 1.0)  # nobody counted for so long before this sample
    TIP_COUNT = Facts("tip_count", "{count}", 1.0)
    VEHICLE_COUNT = Facts("vehicle_count", "{count}", 1.0)
    OCCUPANCY_RATIO = Facts("occupancy", "1", 0.0001)
    VEHICLE_SPEED_KPH = Facts("vehicle_speed", "km/h", 0.1)  # of a detector: the space mean
    VEHICLE_SPEED_TIME_MEAN_KPH = Facts("vehicle_speed_time_mean", "km/h", 0.1)
    VEHICLE_LENGTH_M = Facts("vehicle_length", "m", 0.01)
    HEADWAY_S = Facts("headway", "s", 0.01)
    LOOP_CURRENT_MA = Facts("loop_current", "mA", 0.001)
    ECHO_QUALITY = Facts("echo_quality", "1", 1.0)
    SUPPLY_VOLTAGE_V = Facts("supply_voltage", "V", 0.001)
    SUPPLY_CURRENT_A = Facts("supply_current", "A", 0.0001)
    SUPPLY_POWER_W = Facts("supply_power", "W", 0.001)
    SURFACE_TEMPERATURE_C = Facts("surface_temperature", "Cel", 0.01)  # of a road, of snow
    DEVICE_TEMPERATURE_C = Facts("device_temperature", "Cel", 0.1)  # inside the instrument
    CPU_TEMPERATURE_C = Facts("cpu_temperature", "Cel", 0.1)
    SIGNAL_STRENGTH = Facts("signal_strength", "1", 1.0)  # in the instrument's own scale
    DEVICE_ERROR = Facts("device_error", "1", 1.0)  # the instrument's own code; 0: none
    TILT_DEG = Facts("tilt", "deg", 0.1)  # from the vertical
    CONTACT_STATE = Facts("contact_state", "1", 1.0)  # 1: what the switch watches for is there
    CONTACT_CHANGES = Facts("contact_changes", "{count}", 1.0)  # since the sample before
    CONTACT_HELD_S = Facts("contact_held", "s", 0.1)  # in this state so far
    INBOUND_COUNT = Facts("inbound_count", "{count}", 1.0)  # vehicles coming nearer
    OUTBOUND_COUNT = Facts("outbound_count", "{count}", 1.0)  # vehicles going away
    FORWARD_COUNT = Facts("forward_count", "{count}", 1.0)  # of a pair: first detector first
    BACKWARD_COUNT = Facts("backward_count", "{count}", 1.0)  # the other way
    UNDER_VOLTAGE = Facts("under_voltage", "1", 1.0)  # 1: now
    UNDER_VOLTAGE_SEEN = Facts("under_voltage_seen", "1", 1.0)  # 1: at some time since the start
    THROTTLED = Facts("throttled", "1", 1.0)  # 1: the computer runs slower than it could, now
    # Before a calibration on site, beside the corrected value (core/calibration.py).
    WATER_LEVEL_RAW_M = Facts("water_level_raw", "m", 0.001)
    WATER_DEPTH_RAW_M = Facts("water_depth_raw", "m", 0.001)
    SNOW_DEPTH_RAW_M = Facts("snow_depth_raw", "m", 0.001)
    AIR_TEMPERATURE_RAW_C = Facts("air_temperature_raw", "Cel", 0.01)
    WATER_TEMPERATURE_RAW_C = Facts("water_temperature_raw", "Cel", 0.01)
    SURFACE_TEMPERATURE_RAW_C = Facts("surface_temperature_raw", "Cel", 0.01)
    RELATIVE_HUMIDITY_RAW_PCT = Facts("relative_humidity_raw", "%", 0.01)
    AIR_PRESSURE_RAW_HPA = Facts("air_pressure_raw", "hPa", 0.01)
    WATER_PRESSURE_RAW_HPA = Facts("water_pressure_raw", "hPa", 0.01)
    GAUGE_PRESSURE_RAW_HPA = Facts("gauge_pressure_raw", "hPa", 0.01)
    LOOP_CURRENT_RAW_MA = Facts("loop_current_raw", "mA", 0.001)
    SUPPLY_VOLTAGE_RAW_V = Facts("supply_voltage_raw", "V", 0.001)
    SUPPLY_CURRENT_RAW_A = Facts("supply_current_raw", "A", 0.0001)
    SUPPLY_POWER_RAW_W = Facts("supply_power_raw", "W", 0.001)

    def __init__(self, channel: str, unit: str, res: float) -> None:
        # Plain attributes and the identity's hash: every sample asks for them, and Enum's own are slow.
        self.channel = channel  # the channel id used in catalogs and configuration, without the unit
        self.unit = unit  # the UCUM code
        self.res = res  # the rounding step on the wire, in the quantity's unit
        self._decimals = max(0, -round(log10(res)))

    __hash__ = object.__hash__  # members are singletons

    def as_sent(self, value: float) -> float:
        """Return the value rounded to ``res``: what the platform, and whoever looks, will see."""
        return round(value, self._decimals)


BY_CHANNEL: dict[str, Quantity] = {q.channel: q for q in Quantity}
