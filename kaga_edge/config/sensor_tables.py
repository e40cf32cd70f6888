"""The keys of ``[[sensor]]`` that every driver shares, and the tables below it."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from kaga_edge.config.derived_tables import MonthDayText, RainTable, SnowTable
from kaga_edge.config.event_tables import EventTable
from kaga_edge.config.faults import Code
from kaga_edge.config.models import DisclosureTable, Duration, Id, Rate, Table
from kaga_edge.config.units import UnitFault
from kaga_edge.config.watch_tables import IcingTable, StrandingTable
from kaga_edge.text import Phrase
from kaga_edge.vocabulary.drivers import Model
from kaga_edge.vocabulary.requests import BusKind


class I2cTable(Table):
    """``i2c = { bus = 1, address = 0x76 }``; without an address the model's usual one."""

    bus: int = Field(default=1, ge=0, le=63)
    address: int | None = Field(default=None, ge=0x08, le=0x77)


def _low_first(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] > value[1]:
        raise UnitFault(Code.VALUE, reason=Phrase("limits.low_first"))
    return value


Span = Annotated[tuple[float, float], AfterValidator(_low_first)]


class LimitsTable(Table):
    """The limits of one channel: what is given replaces that default."""

    gross_fail: Span | None = None
    gross_suspect: Span | None = None
    rate_suspect_per_s: Rate | None = Field(default=None, alias="rate_suspect")
    rate_fail_per_s: Rate | None = Field(default=None, alias="rate_fail")
    rate_down_suspect_per_s: Rate | None = Field(default=None, alias="rate_down_suspect")
    rate_down_fail_per_s: Rate | None = Field(default=None, alias="rate_down_fail")
    rate_noise: float = Field(default=0.0, ge=0)
    spike_suspect: float | None = Field(default=None, gt=0)
    spike_fail: float | None = Field(default=None, gt=0)
    spike_trend_per_s: Rate = Field(default=0.0, alias="spike_trend")
    spike_trend_down_per_s: Rate | None = Field(default=None, alias="spike_trend_down")
    flat_tolerance: float | None = Field(default=None, ge=0)
    flat_suspect_s: Duration | None = Field(default=None, alias="flat_suspect")
    flat_fail_s: Duration | None = Field(default=None, alias="flat_fail")
    flat_above: float | None = None
    attenuated_suspect: float | None = Field(default=None, gt=0)
    attenuated_fail: float | None = Field(default=None, gt=0)
    attenuated_over_s: Duration | None = Field(default=None, alias="attenuated_over")


class SeasonTable(LimitsTable):
    """``[[sensor.quality.CHANNEL.season]]``: other limits between two days of the year, both included."""

    between: tuple[MonthDayText, MonthDayText]


class QualityTable(LimitsTable):
    """``[sensor.quality.CHANNEL]``: the limits of the year, and of its seasons."""

    season: tuple[SeasonTable, ...] = ()


class ThresholdTable(Table):
    """``[sensor.thresholds]``: alarm ranks in the channel's unit; a value equal to one has reached it."""

    standby: float | None = None
    caution: float | None = None
    evacuation: float | None = None
    danger: float | None = None
    levee: float | None = None
    warning: float | None = None  # snow
    # How far below the threshold the alarm ends, in the channel's unit; None: what is usual there.
    hysteresis: float | None = Field(default=None, ge=0)


class CalibrationTable(Table):
    """``[[sensor.calibration]]``, written by ``kaga-edge sensor calibrate``; per channel the last holds."""

    channel: str
    method: Literal["offset", "two-point", "shunt", "bare-ground"]
    gain: float = 1.0
    offset: float = 0.0
    at: str = Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z$")
    who: str
    why: str = ""
    raw: float  # what was read, uncorrected
    true: float
    before: float  # what was shown before this calibration, and after it
    after: float
    due: str | None = Field(default=None, pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")  # last day it is good for
    undone: str | None = None  # when and by whom it was taken back: it is history then


def _onewire_id(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"[0-9a-f]{2}-[0-9a-f]{12}", value):
        raise UnitFault(Code.BAD_ONEWIRE, value=value)
    return value


Onewire = Annotated[str, BeforeValidator(_onewire_id)]


class SensorTable(Table):
    """The keys of ``[[sensor]]`` that every driver shares (mount and the driver's own come apart)."""

    id: Id
    driver: str
    every_s: Duration = Field(default=60.0, alias="every", le=86_400)
    i2c: I2cTable | None = None
    port: str | None = None
    serial: str | None = None
    modbus_id: int | None = Field(default=None, ge=1, le=247)
    onewire: Onewire | None = None
    snow: SnowTable | None = None
    event: EventTable | None = None
    rain: RainTable | None = None
    burst_s: Duration | None = Field(default=None, alias="burst", le=60.0)
    quality: dict[str, QualityTable] = Field(default_factory=dict)
    thresholds: ThresholdTable = Field(default_factory=ThresholdTable)
    alarms: dict[str, ThresholdTable] = Field(default_factory=dict)  # of further channels
    calibration: tuple[CalibrationTable, ...] = ()
    stranding: StrandingTable | None = None
    icing: IcingTable | None = None
    disclosure: DisclosureTable | None = None


COMMON_KEYS = frozenset(one.alias or name for name, one in SensorTable.model_fields.items()) | {"mount"}
BUS_KEYS: dict[BusKind, set[str]] = {
    BusKind.I2C: {"i2c"},
    BusKind.UART: {"port", "serial"},
    BusKind.MODBUS: {"port", "serial", "modbus_id"},
    BusKind.GPIO: set(),
    BusKind.ONEWIRE: {"onewire"},
    BusKind.HOST: set(),
}
_ALL_BUS_KEYS = {"i2c", "port", "serial", "modbus_id", "onewire"}


def foreign_keys(model: Model) -> set[str]:
    """Return the bus keys that do not belong to this model's kind of bus."""
    return _ALL_BUS_KEYS - BUS_KEYS[model.bus]
