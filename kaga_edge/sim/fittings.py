"""What is fitted at the simulated site, and how each sensor sees the truth from where it hangs.

A ``Fitting`` says the same as a ``[[sensor]]`` table of the configuration; ``chip`` and ``instrument``
build the device that answers for it. Adding a simulated sensor is one function and one line below.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from kaga_edge.sim.chips import Ads1115, Bme280, Chip, Ms5837, Sht4x, Source
from kaga_edge.sim.instruments import A02yyuw, Instrument, MaxBotix, Sr50a
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


CHIPS: dict[str, Callable[[Fitting, Now], Chip]] = {
    "ms5837": _ms5837,
    "bme280": _bme280,
    "sht4x": _sht4x,
    "ads1115": _ads1115,
}
INSTRUMENTS: dict[str, Callable[[Fitting, Now], Instrument]] = {
    "a02yyuw": _a02yyuw,
    "maxbotix": _maxbotix,
    "sr50a": _sr50a,
}


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)
