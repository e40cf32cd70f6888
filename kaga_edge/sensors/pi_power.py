"""Raspberry Pi about its own supply: under-voltage, throttling, temperature of the processor.

Source
    Raspberry Pi documentation, vcgencmd get_throttled (bit table); Linux raspberrypi-hwmon.

Wiring
    None: the Pi itself. The threshold is about 4.63 V. The firmware's bits need vcgencmd and access to
    /dev/vcio (group video; the shipped unit has both); without them only the kernel's alarm tells of
    under-voltage, and throttling is not known.

Frame
    throttled          throttled=0x50005: bits 0 under-voltage, 1 capped, 2 throttled, 3 soft temperature
                       limit, now; bits 16-19 the same since the start
    in0_lcrit_alarm    0 or 1: under-voltage, of the hwmon device rpi_volt
    temp               temperature in 1/1000 degC, of thermal_zone0
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kaga_edge.vocabulary.drivers import Model
from kaga_edge.vocabulary.errors import FrameMalformed, ValueImpossible
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Flag, Measurement
from kaga_edge.vocabulary.requests import BusKind, Dialogue, HostRead

MODEL = Model(
    names=("Raspberry Pi",),
    bus=BusKind.HOST,
    measures={
        "ja": "Raspberry Pi 本体の電圧低下、性能制限、CPU温度",
        "en": "under-voltage, throttling and CPU temperature of the Raspberry Pi itself",
    },
    wiring={
        "ja": "配線は不要(本体)。性能制限は vcgencmd が使える場合のみ",
        "en": "none (the computer itself); throttling only where vcgencmd may be used",
    },
    example="""\
[[sensor]]
id = "station-1"
driver = "pi_power"
every = "60s"

[sensor.mount]

[sensor.disclosure]
purpose = {ja = "観測局の電源監視", en = "supply of the station"}
personal_data = false
""",
)

THROTTLED = re.compile(rb"throttled=0x([0-9a-fA-F]{1,8})\s*")
NUMBER = re.compile(rb"-?\d{1,6}\s*")
UNDER_VOLTAGE_NOW, UNDER_VOLTAGE_SEEN = 1 << 0, 1 << 16
SLOWED_NOW = 1 << 1 | 1 << 2 | 1 << 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Nothing to set."""


class Driver:
    """Three questions to the machine."""

    quantities = (
        Quantity.UNDER_VOLTAGE,
        Quantity.UNDER_VOLTAGE_SEEN,
        Quantity.THROTTLED,
        Quantity.CPU_TEMPERATURE_C,
    )

    def __init__(self, _options: Options) -> None:
        self._alarm_seen = False

    def identify(self) -> Dialogue[None]:
        """Do nothing: it is this machine."""
        yield from ()

    def measure(self) -> Dialogue[tuple[Measurement, ...]]:
        """Ask the firmware and the kernel."""
        throttled = yield HostRead(what="throttled")
        alarm = yield HostRead(what="under_voltage")
        temperature = yield HostRead(what="cpu_temperature")
        assert isinstance(throttled, bytes)
        assert isinstance(alarm, bytes)
        assert isinstance(temperature, bytes)
        return self.decode(throttled, alarm, temperature)

    def decode(self, throttled: bytes, alarm: bytes, temperature: bytes) -> tuple[Measurement, ...]:
        """Return what is known. Raises FrameMalformed, and ValueImpossible when nothing is."""
        bits, kernel_alarm, milli_c = _bits(throttled), _number(alarm, "alarm"), _number(temperature, "temp")
        if bits is None and kernel_alarm is None and milli_c is None:
            raise ValueImpossible("this machine says nothing about its supply: not a Raspberry Pi?")
        self._alarm_seen |= bool(kernel_alarm)
        low: bool | None = None
        seen: bool | None = None
        if bits is not None or kernel_alarm is not None:
            low = bool((bits or 0) & UNDER_VOLTAGE_NOW) or bool(kernel_alarm)
            seen = bool((bits or 0) & UNDER_VOLTAGE_SEEN) or self._alarm_seen or low
        return (
            _measurement(Quantity.UNDER_VOLTAGE, low),
            _measurement(Quantity.UNDER_VOLTAGE_SEEN, seen),
            _measurement(Quantity.THROTTLED, None if bits is None else bool(bits & SLOWED_NOW)),
            _measurement(Quantity.CPU_TEMPERATURE_C, None if milli_c is None else milli_c / 1000),
        )


def _bits(text: bytes) -> int | None:
    if not text:
        return None
    match = THROTTLED.fullmatch(text)
    if match is None:
        raise FrameMalformed(f"throttled (byte 0) is {text[:40]!r}, expected throttled=0x...")
    return int(match[1], 16)


def _number(text: bytes, of: str) -> int | None:
    if not text:
        return None
    if NUMBER.fullmatch(text) is None:
        raise FrameMalformed(f"{of} (byte 0) is {text[:40]!r}, expected a number")
    return int(text)


def _measurement(quantity: Quantity, value: float | None) -> Measurement:
    if value is None:
        return Measurement(quantity=quantity, value=None, flags=Flag.MISSING)
    return Measurement(quantity=quantity, value=float(value))
