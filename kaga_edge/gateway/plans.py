"""From a configuration to the plans of each part: pure look-ups, nothing is opened here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from kaga_edge.buses import BusSensor, BusSpec
from kaga_edge.config import Config
from kaga_edge.config.secret import read_secret_at, secret_file
from kaga_edge.config.values import (
    Attachment,
    GpioLines,
    HostItself,
    I2cAddress,
    ModbusAddress,
    OnewireDevice,
    SensorConfig,
    SerialPort,
    Thresholds,
)
from kaga_edge.core.alarms import AlarmRule
from kaga_edge.core.calibration import Correction
from kaga_edge.core.deriving import Deriving
from kaga_edge.core.sampling import SensorPlan
from kaga_edge.core.stored import SensorDeclaration
from kaga_edge.uplink import TlsSettings, UplinkSettings
from kaga_edge.vocabulary.quantities import BY_CHANNEL, Quantity
from kaga_edge.vocabulary.requests import BusKind

HYSTERESIS = {
    Quantity.WATER_LEVEL_M: 0.05,
    Quantity.WATER_DEPTH_M: 0.05,
    Quantity.SNOW_DEPTH_M: 0.02,
    Quantity.SNOW_ON_GROUND_M: 0.02,
    Quantity.SNOWFALL_1H_M: 0.01,
    Quantity.SNOWFALL_3H_M: 0.01,
    Quantity.SNOWFALL_6H_M: 0.02,
    Quantity.SNOWFALL_12H_M: 0.02,
    Quantity.SNOWFALL_24H_M: 0.02,
    Quantity.RAIN_10MIN_MM: 1.0,
    Quantity.RAIN_1H_MM: 2.0,
    Quantity.RAIN_24H_MM: 5.0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BusPlan:
    """One bus with its sensors.

    ``make`` builds fresh drivers: they remember calibration and counts, so none is shared.
    """

    kind: BusKind
    name: str
    sensors: tuple[SensorConfig, ...]

    @property
    def on_the_wire(self) -> tuple[object, ...]:
        """What the bus itself depends on. While this is equal a reload need not touch the bus."""
        return tuple((s.id, s.driver, s.every_s, s.bus, s.options, s.burst_s) for s in self.sensors)

    def make(self) -> BusSpec:
        """Return the bus with newly made drivers."""
        first = self.sensors[0].bus
        return BusSpec(
            kind=self.kind,
            name=self.name,
            sensors=tuple(map(_bus_sensor, self.sensors)),
            i2c_bus=first.bus if isinstance(first, I2cAddress) else None,
            port=first.port if isinstance(first, SerialPort | ModbusAddress) else None,
            line=first.line if isinstance(first, SerialPort | ModbusAddress) else None,
        )


def bus_plans(config: Config) -> dict[str, BusPlan]:
    """Return the buses by name, each with its sensors in the order of the file, companions first.

    A probe asked before its barometer would have its first level of every start without it.
    """
    mounts = tuple(sensor.mount for sensor in config.sensors)
    companions = {name for one in mounts for name in (one.air_pressure_from, one.temperature_from)}
    grouped: dict[tuple[BusKind, str], list[SensorConfig]] = {}
    for sensor in sorted(config.sensors, key=lambda one: one.id not in companions):
        grouped.setdefault(_bus_name(sensor.bus), []).append(sensor)
    return {
        name: BusPlan(kind=kind, name=name, sensors=tuple(sensors))
        for (kind, name), sensors in grouped.items()
    }


def sensor_plan(sensor: SensorConfig) -> SensorPlan:
    """Return how one sensor's measurements are sited, graded and watched."""
    loop = sensor.driver_class(sensor.options) if sensor.corrections else None
    plan = SensorPlan(
        id=sensor.id,
        said=sensor.make_driver().quantities,
        mount=sensor.mount,
        limits=sensor.limits,
        sound_reference_c=_sound_reference_c(sensor),
        deriving=_deriving(sensor),
        corrections=sensor.corrections,
        seasons=sensor.seasons,
        units_per_ma=getattr(loop, "units_per_ma", None),
    )
    watched = plan.channels[0]  # thresholds speak of what the site needs, which comes first
    rules = _alarm_rules(sensor, watched, Thresholds(by_rank=sensor.thresholds, hysteresis=sensor.hysteresis))
    for channel, thresholds in sensor.alarms.items():
        rules += _alarm_rules(sensor, BY_CHANNEL[channel], thresholds, further=True)
    return replace(plan, rules=rules)


def _deriving(sensor: SensorConfig) -> Deriving:
    """Return what is derived; new snow knows what its depth is reckoned from."""
    snow, mount = sensor.deriving.snow, sensor.mount
    if snow is None:
        return sensor.deriving
    line = next(
        (one for one in sensor.corrections if one.channel == Quantity.SNOW_DEPTH_M.channel),
        Correction(channel=Quantity.SNOW_DEPTH_M.channel),
    )
    sited = (mount.ground_to_sensor_m, mount.tilt_deg, mount.distance_true_at_c)
    return replace(sensor.deriving, snow=replace(snow, basis=str((*sited, line.gain, line.offset))))


def _alarm_rules(
    sensor: SensorConfig, watched: Quantity, thresholds: Thresholds, *, further: bool = False
) -> tuple[AlarmRule, ...]:
    hysteresis = thresholds.hysteresis
    return tuple(
        AlarmRule(
            rank=rank,
            sensor=sensor.id,
            channel=watched.channel,
            unit=watched.unit,
            threshold=threshold,
            hysteresis=_usual_hysteresis(watched, threshold) if hysteresis is None else hysteresis,
            further=further,
        )
        for rank, threshold in thresholds.by_rank.items()
    )


def _usual_hysteresis(watched: Quantity, threshold: float) -> float:
    """Return it so that the alarm can end: no rain and no snow is below nought, only a water level is."""
    usual = HYSTERESIS.get(watched, 0.0)
    return min(usual, threshold / 2) if threshold > 0 and watched is not Quantity.WATER_LEVEL_M else usual


def declaration(sensor: SensorConfig, plan: SensorPlan) -> SensorDeclaration:
    """Return the sensor as the catalog shows it."""
    channels = []
    for quantity in plan.channels:
        extra: dict[str, object] = {}
        if quantity is Quantity.WATER_LEVEL_M:
            extra["datum"] = "gauge zero"
        thresholds = {r.rank: r.threshold for r in plan.rules if r.channel == quantity.channel}
        if thresholds:
            extra["thr"] = thresholds
        for line in plan.corrections:
            if line.channel == quantity.channel:
                extra["cal"], extra["cal_line"] = line.on, [line.gain, line.offset]
                extra |= {"cal_due": line.due} if line.due else {}
        snow = plan.deriving.snow
        if quantity is Quantity.SNOW_ON_GROUND_M and snow is not None and snow.learned_m is not None:
            extra["cal"], extra["zero"] = snow.learned_on, round(snow.learned_m, 4)
        channels.append((quantity.channel, quantity.unit, quantity.res, extra))
    return SensorDeclaration(id=sensor.id, channels=tuple(channels), driver=sensor.driver)


def site_facts(config: Config) -> dict[str, object]:
    """Return the catalog's ``site``."""
    facts: dict[str, object] = {"name": dict(config.site.name)}
    if config.site.position is not None:
        facts["lat"], facts["lon"] = config.site.position
    return facts | {"tz": config.site.zone}


def manifest(config: Config) -> dict[str, object]:
    """Return the disclosure: who collects what, for which purpose, how often, how long it stays here."""
    body: dict[str, object] = {
        "v": 1,
        "gw": config.site.id,
        "site": site_facts(config),
        "contact": config.site.contact,
        "kept_s": int(config.store.keep_delivered_s),
        "s": [
            {
                "id": sensor.id,
                "measures": [
                    {"id": quantity.channel, "u": quantity.unit} for quantity in sensor_plan(sensor).channels
                ],
                "every_s": sensor.every_s,
                "purpose": dict(sensor.disclosure.purpose),
                "personal_data": sensor.disclosure.personal_data,
            }
            | _worded(ground=sensor.disclosure.ground, kept=sensor.disclosure.kept)
            | ({} if sensor.disclosure.open_data else {"open": False})
            for sensor in config.sensors
        ],
    }
    licence = {"licence": config.site.licence} if config.site.licence else {}
    return body | _worded(by=config.site.operator) | licence


def _worded(**texts: Mapping[str, str] | None) -> dict[str, object]:
    return {key: dict(words) for key, words in texts.items() if words is not None}


def uplink_settings(config: Config) -> UplinkSettings | None:
    """Return how to reach the platform, None when the site has none. Raises KagaError for a secret."""
    platform = config.platform
    if platform is None:
        return None
    password = read_secret_at(config.directory, platform.secret) if platform.secret else None

    tls = None
    if platform.tls:
        tls = TlsSettings(
            ca_file=_beside(config, platform.ca),
            certificate_file=_beside(config, platform.certificate),
            key_file=str(secret_file(config.directory, platform.key)) if platform.key else None,
        )
    return UplinkSettings(
        gw=config.site.id,
        root=platform.root,
        host=platform.host,
        port=platform.port,
        tls=tls,
        username=platform.username,
        password=password,
        delivery=platform.delivery,
        batch_s=platform.batch_s,
        keepalive_s=platform.keepalive_s,
        ack_wait_s=platform.ack_wait_s,
        no_subscriber=platform.no_subscriber,
        reconnect_first_s=platform.reconnect_first_s,
        reconnect_max_s=platform.reconnect_max_s,
        mqtt=platform.mqtt,
    )


def _sound_reference_c(sensor: SensorConfig) -> float | None:
    """Return at which air temperature the reported distance is right; None: it needs no correction."""
    if sensor.model.compensates_sound_speed:
        return None
    on_site_c = sensor.mount.distance_true_at_c
    return sensor.model.sound_reference_c if on_site_c is None else on_site_c


def _beside(config: Config, name: str | None) -> str | None:
    """Return a file's path; a bare name lies beside the configuration."""
    return None if name is None else str(config.directory / name)


def _bus_name(at: Attachment) -> tuple[BusKind, str]:
    match at:
        case I2cAddress(bus=bus):
            return BusKind.I2C, f"i2c-{bus}"
        case SerialPort(port=port):
            return BusKind.UART, port
        case ModbusAddress(port=port):
            return BusKind.MODBUS, port
        case GpioLines():
            return BusKind.GPIO, "gpio"
        case OnewireDevice():
            return BusKind.ONEWIRE, "onewire"
        case HostItself():
            return BusKind.HOST, "host"


def _bus_sensor(sensor: SensorConfig) -> BusSensor:
    at = sensor.bus
    address = at.address if isinstance(at, I2cAddress) else at.unit if isinstance(at, ModbusAddress) else None
    return BusSensor(
        id=sensor.id,
        driver=sensor.make_driver(),
        every_s=sensor.every_s,
        address=address,
        model=sensor.model,
        device=at.device if isinstance(at, OnewireDevice) else None,
        burst_s=None if isinstance(at, SerialPort) else sensor.burst_s,  # there the driver collects
    )
