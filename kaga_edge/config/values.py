"""What a configuration is once it is right: frozen values, SI units, every default filled in.

Plain dataclasses, so that the daemon needs nothing of what reads and checks the files (see ``apart``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from kaga_edge.config.faults import Fault
from kaga_edge.core.battery import BatteryRule
from kaga_edge.core.burst import Burst, Repeated
from kaga_edge.core.calibration import Correction
from kaga_edge.core.crosschecks import CrossCheck
from kaga_edge.core.deriving import Deriving
from kaga_edge.core.eventmode import EventRule
from kaga_edge.core.grading import Limits, SeasonLimits
from kaga_edge.core.powering import PowerRule
from kaga_edge.core.signalling import Signal
from kaga_edge.core.siting import Mount
from kaga_edge.core.watching import Watch
from kaga_edge.vocabulary.drivers import Driver, Model, UartDriver
from kaga_edge.vocabulary.requests import BusKind, SerialLine

MQTT_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """``[site]``: who and where. ``id`` is the gateway's name on the wire; ``position``: lat, lon."""

    id: str
    name: Mapping[str, str]
    position: tuple[float, float] | None
    zone: str
    contact: str
    language: str | None
    operator: Mapping[str, str] | None = None
    licence: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """``[platform]``: where batches go, and when they count as delivered."""

    url: str
    root: str
    username: str | None
    secret: str | None
    ca: str | None
    certificate: str | None
    key: str | None
    delivery: str
    batch_s: float
    no_subscriber: str
    ack_wait_s: float
    keepalive_s: float
    reconnect_first_s: float
    reconnect_max_s: float
    mqtt: str = "5"

    @property
    def tls(self) -> bool:
        """True for mqtts."""
        return urlsplit(self.url).scheme == "mqtts"

    @property
    def host(self) -> str:
        """The broker's name or address."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The broker's port; 8883 with TLS, 1883 without, unless the url names one."""
        parts = urlsplit(self.url)
        return parts.port or MQTT_PORTS[parts.scheme]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSettings:
    """``[commands]``: which the platform may give, who, and the public key they are signed for."""

    allow: tuple[str, ...]
    issuers: tuple[str, ...] = ()
    key: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """``[store]``: the file, its budget in bytes, how long delivered rows stay."""

    path: Path
    max_bytes: int
    keep_free_bytes: int
    keep_delivered_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """``[station]``: where the control socket is; a file for node_exporter's textfile folder."""

    runtime: Path
    metrics: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """``[sensor.disclosure]``: why it is measured, in both languages, and whether it is personal data."""

    purpose: Mapping[str, str]
    personal_data: bool
    ground: Mapping[str, str] | None = None
    kept: Mapping[str, str] | None = None
    open_data: bool = True


# --- where a sensor hangs ---


@dataclass(frozen=True, slots=True, kw_only=True)
class I2cAddress:
    """An address on an I2C bus (``/dev/i2c-<bus>``)."""

    bus: int
    address: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialPort:
    """A serial port that the instrument has for itself."""

    port: str
    line: SerialLine


@dataclass(frozen=True, slots=True, kw_only=True)
class ModbusAddress:
    """A unit on a Modbus line, which several instruments may share."""

    port: str
    line: SerialLine
    unit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GpioLines:
    """On the header; the driver's options name the lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnewireDevice:
    """A device on the kernel's 1-wire bus, by its id (``/sys/bus/w1/devices/<device>``)."""

    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HostItself:
    """The computer the gateway runs on."""


Attachment = I2cAddress | SerialPort | ModbusAddress | GpioLines | OnewireDevice | HostItself


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Alarm thresholds of one channel by rank, lowest first. ``hysteresis`` None: what is usual there."""

    by_rank: Mapping[str, float]
    hysteresis: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorConfig:
    """One sensor, ready to be built: ``driver_class(options)``."""

    id: str
    driver: str
    every_s: float
    bus: Attachment
    options: Any  # the driver's Options instance: a type only its own file knows
    driver_class: type[Any]
    model: Model
    mount: Mount
    limits: Mapping[str, Limits]  # by channel, defaults filled in
    thresholds: Mapping[str, float]  # by rank, lowest first
    disclosure: Disclosure
    hysteresis: float | None = None  # of the thresholds
    alarms: Mapping[str, Thresholds] = field(default_factory=dict)  # of further channels
    watches: tuple[Watch, ...] = field(default=(), compare=False)  # no reason to reopen a bus
    event: EventRule | None = None
    deriving: Deriving = field(default_factory=Deriving)
    corrections: tuple[Correction, ...] = field(default=(), compare=False)  # nor is a calibration
    seasons: tuple[SeasonLimits, ...] = field(default=(), compare=False)
    burst_s: float | None = None  # None: the newest reading is the value

    def make_driver(self) -> Driver:
        """Return a new driver, over a burst of readings where the configuration asks for one."""
        driver: Driver = self.driver_class(self.options)
        if self.burst_s is None:
            return driver
        talks = self.model.bus is BusKind.UART
        return Burst(cast(UartDriver, driver), self.burst_s) if talks else Repeated(driver)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole configuration. ``directory``: of the main file; ``secrets`` lie beside it."""

    site: Site
    platform: Platform | None
    store: StoreSettings
    station: Station
    sensors: tuple[SensorConfig, ...]
    directory: Path
    warnings: tuple[Fault, ...] = field(default=())
    checks: tuple[CrossCheck, ...] = ()
    outputs: tuple[Signal, ...] = ()
    power: tuple[PowerRule, ...] = ()
    battery: BatteryRule | None = None
    commands: CommandSettings | None = None

    @property
    def watches(self) -> tuple[Watch, ...]:
        """Every rule over several values: those of the sensors, and the checks between them."""
        return (*(rule for sensor in self.sensors for rule in sensor.watches), *self.checks)
