"""What is fitted at the simulated site, and how each sensor sees the truth from where it hangs.

A ``Fitting`` says the same as a ``[[sensor]]`` table of the configuration; ``chip`` and ``instrument``
build the device that answers for it. Adding a simulated sensor is one function and one line below.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from kaga_edge.sim.answering import Answering, Registers, UmbLaser
from kaga_edge.sim.chips import Ads1115, Bme280, Chip, Ms5837, Sht4x, Source
from kaga_edge.sim.instruments import A02yyuw, Benewake, Instrument, MaxBotix, Ops243a, Sr50a
from kaga_edge.sim.more_chips import Ina219, Ina226, Mlx90614, Sht3x
from kaga_edge.sim.world import Truth

Now = Callable[[], Truth]
HPA_PER_M = 999.7 * 9.7984 / 100  # fresh water at 10 Celsius, normal gravity at 36.3 north
SHUNT_OHM = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitting:
    """One sensor at its place. ``options`` are the driver's own keys, ``facts`` are the simulation's.

    ``height_m``: of the instrument above gauge zero or bare ground (a probe: usually negative).
    ``line``: which of the world's lines a GPIO sensor watches; ``looks_at``: "water" or "snow".
    """

    id: str
    driver: str
    every: str = "1s"
    i2c: tuple[int, int] | None = None  # bus, address
    port: str | None = None  # name of the pty's symlink, without folder
    gpio: int | None = None
    active_low: bool = True
    line: str = ""
    second_line: str = ""  # of a pair, on ``options["gpio_second"]``
    modbus_id: int | None = None
    onewire: str | None = None
    looks_at: str = "water"
    height_m: float = 5.0
    period_s: float | None = None  # how often a serial instrument sends; None: as it usually does
    options: dict[str, object] = field(default_factory=dict)
    tables: str = ""  # further TOML of this sensor: [sensor.mount], [sensor.thresholds] …

    def toml(self, folder: str) -> str:
        """Return the ``[[sensor]]`` table that fits this fitting; ``folder`` holds the ports."""
        where = []
        if self.i2c:
            where.append(f"i2c = {{ bus = {self.i2c[0]}, address = 0x{self.i2c[1]:02x} }}")
        if self.port:
            where.append(f'port = "{folder}/{self.port}"')
        if self.modbus_id is not None:
            where.append(f"modbus_id = {self.modbus_id}")
        if self.onewire:
            where.append(f'onewire = "{self.onewire}"')
        if self.gpio is not None:
            where.append(f"gpio = {self.gpio}")
        keys = [f"{key} = {_toml(value)}" for key, value in self.options.items()]
        head = ["[[sensor]]", f'id = "{self.id}"', f'driver = "{self.driver}"', f'every = "{self.every}"']
        return "\n".join([*head, *where, *keys, self.tables.strip(), ""])


def chip(fitting: Fitting, now: Now) -> Chip:
    """Return the I2C device for a fitting, looking at the truth of the moment."""
    return CHIPS[fitting.driver](fitting, now)


def instrument(fitting: Fitting, now: Now) -> Instrument:
    """Return the serial instrument for a fitting, looking at the truth of the moment."""
    return INSTRUMENTS[fitting.driver](fitting, now)


def answering(fitting: Fitting, now: Now) -> Answering | None:
    """Return the instrument of a port that speaks when asked; None for one that talks by itself."""
    if fitting.driver != "shm31_umb":
        return None
    return UmbLaser(height_m=lambda: now().snow_depth_m, umb_id=int(str(fitting.options.get("umb_id", 1))))


def registers(fitting: Fitting, now: Now) -> Registers:
    """Return the registers of a Modbus unit, looking at the truth of the moment."""
    return UNITS[fitting.driver](fitting, now)


def distance(fitting: Fitting, now: Now) -> Source:
    """Return a source of the distance from the instrument down to water or snow, in m."""

    def metres() -> float:
        truth = now()
        surface_m = truth.snow_depth_m if fitting.looks_at == "snow" else truth.water_level_m
        return fitting.height_m - surface_m

    return metres


def _ms5837(fitting: Fitting, now: Now) -> Chip:
    def pressure_hpa() -> float:
        truth = now()
        return truth.air_pressure_hpa + HPA_PER_M * max(0.0, truth.water_level_m - fitting.height_m)

    variant = str(fitting.options.get("variant", "02BA"))
    return Ms5837(pressure_hpa=pressure_hpa, temperature_c=lambda: now().water_temperature_c, variant=variant)


def _bme280(_fitting: Fitting, now: Now) -> Chip:
    return Bme280(
        pressure_hpa=lambda: now().air_pressure_hpa,
        temperature_c=lambda: now().air_temperature_c,
        humidity_pct=lambda: now().relative_humidity_pct,
    )


def _sht4x(_fitting: Fitting, now: Now) -> Chip:
    return Sht4x(
        temperature_c=lambda: now().air_temperature_c, humidity_pct=lambda: now().relative_humidity_pct
    )


def _ads1115(fitting: Fitting, now: Now) -> Chip:
    """A 4-20 mA level probe of 0..5 m above its mouth, on a 100 ohm shunt at one input."""

    def volts() -> float:
        depth_m = min(max(now().water_level_m - fitting.height_m, 0.0), 5.0)
        return (4.0 + 16.0 * depth_m / 5.0) / 1000 * SHUNT_OHM

    return Ads1115(inputs_v=dict.fromkeys(range(4), volts))


def _a02yyuw(fitting: Fitting, now: Now) -> Instrument:
    return A02yyuw(distance_m=distance(fitting, now), period_s=fitting.period_s or 0.2)


def _maxbotix(fitting: Fitting, now: Now) -> Instrument:
    return MaxBotix(distance_m=distance(fitting, now), period_s=fitting.period_s or 1 / 6)


def _sr50a(fitting: Fitting, now: Now) -> Instrument:
    return Sr50a(
        distance_m=distance(fitting, now),
        temperature_c=lambda: now().air_temperature_c,
        quality=lambda: now().echo_quality,
        period_s=fitting.period_s or 1.0,
    )


def _sht3x(_fitting: Fitting, now: Now) -> Chip:
    return Sht3x(
        temperature_c=lambda: now().air_temperature_c, humidity_pct=lambda: now().relative_humidity_pct
    )


def _mlx90614(_fitting: Fitting, now: Now) -> Chip:
    return Mlx90614(surface_c=lambda: now().road_temperature_c, own_c=lambda: now().air_temperature_c)


def _ina219(fitting: Fitting, now: Now) -> Chip:
    shunt = float(str(fitting.options.get("shunt_ohm", 0.1)))
    return Ina219(volts=lambda: now().supply_v, amperes=lambda: now().supply_a, shunt_ohm=shunt)


def _ina226(fitting: Fitting, now: Now) -> Chip:
    shunt = float(str(fitting.options.get("shunt_ohm", 0.1)))
    return Ina226(volts=lambda: now().supply_v, amperes=lambda: now().supply_a, shunt_ohm=shunt)


def _benewake(fitting: Fitting, now: Now) -> Instrument:
    return Benewake(distance_m=distance(fitting, now), period_s=fitting.period_s or 0.1)


def _ops243a(fitting: Fitting, now: Now) -> Instrument:
    return Ops243a(speed_m_s=lambda: now().vehicle_m_s, period_s=fitting.period_s or 0.1)


def _keller(fitting: Fitting, now: Now) -> Registers:
    """A vented probe: P1 in bar at 2, TOB1 at 8, T at 6; a float is read whole."""

    def word(function: int, address: int) -> int | None:
        truth = now()
        bar = HPA_PER_M * max(0.0, truth.water_level_m - fitting.height_m) / 1000
        value = {2: bar, 6: truth.water_temperature_c, 8: truth.water_temperature_c}.get(address & ~1)
        if function != 3 or value is None:
            return None
        high, low = struct.unpack(">HH", struct.pack(">f", value))
        return int(low if address & 1 else high)

    return word


def _lx80(fitting: Fitting, now: Now) -> Registers:
    """Registers counted from 1; the wire carries one less."""

    def word(function: int, address: int) -> int | None:
        mm = round(distance(fitting, now)() * 1000)
        known = {0x01: mm, 0x02: mm, 0x1A: 21, 0x1B: 40, 0x1E: 1, 0x2A: 0, 0x2B: 0}
        return known.get(address + 1) if function == 3 else None

    return word


def _shm31(_fitting: Fitting, now: Now) -> Registers:
    """Input registers 20-26: snow height, three temperatures, signal, tilt, error."""

    def word(function: int, address: int) -> int | None:
        truth = now()
        ambient = round(truth.air_temperature_c * 10)
        known = (round(truth.snow_depth_m * 1000), 215, ambient, 223, 180, round(truth.pitch_deg * 10), 0)
        return known[address - 20] if function == 4 and 20 <= address <= 26 else None

    return word


def _modbus_map(fitting: Fitting, now: Now) -> Registers:
    """A radar that says millimetres in holding register 1."""

    def word(function: int, address: int) -> int | None:
        return round(distance(fitting, now)() * 1000) if (function, address) == (3, 1) else None

    return word


UNITS: dict[str, Callable[[Fitting, Now], Registers]] = {
    "keller": _keller,
    "lx80": _lx80,
    "shm31": _shm31,
    "modbus_map": _modbus_map,
}
CHIPS: dict[str, Callable[[Fitting, Now], Chip]] = {
    "ms5837": _ms5837,
    "bme280": _bme280,
    "sht4x": _sht4x,
    "ads1115": _ads1115,
    "sht3x": _sht3x,
    "mlx90614": _mlx90614,
    "ina219": _ina219,
    "ina226": _ina226,
}
INSTRUMENTS: dict[str, Callable[[Fitting, Now], Instrument]] = {
    "a02yyuw": _a02yyuw,
    "maxbotix": _maxbotix,
    "sr50a": _sr50a,
    "benewake": _benewake,
    "ops243a": _ops243a,
}


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)
