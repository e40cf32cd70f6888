"""Maxim DS18B20 (and DS1822): temperature of air, water or ground, through the kernel's 1-wire driver.

Source
    Maxim DS18B20 datasheet (scratchpad, table 1); Linux Documentation/w1/slaves/w1_therm.rst.

Wiring
    1-wire, GPIO 4 with dtoverlay=w1-gpio, 4.7 kohm from data to 3.3 V, chained, not in a star. Power it by
    its own wire: parasitic power fails in frost. ``onewire`` is its name below /sys/bus/w1/devices.

Frame
    The text of ``w1_slave``, which converts (0.75 s with 12 bits) and reads::

        91 01 4b 46 7f ff 0f 10 25 : crc=25 YES      low, high, two alarm bytes, config, ..., CRC-8
        91 01 4b 46 7f ff 0f 10 25 t=25062

    1/16 degC; with 9-11 bits (config) the lowest are undefined. Empty text or NO: the check value stayed
    wrong. 85 degC is what it says after power-on, 127.937 with too weak a supply, zeros on a dead wire.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from kaga_edge.core.checksums import crc8_maxim, is_stuck
from kaga_edge.vocabulary.drivers import Model
from kaga_edge.vocabulary.errors import ChecksumWrong, FrameMalformed, FrameTruncated, ValueImpossible
from kaga_edge.vocabulary.quantities import BY_CHANNEL, Quantity
from kaga_edge.vocabulary.readings import Measurement
from kaga_edge.vocabulary.requests import BusKind, Dialogue, OnewireRead

MODEL = Model(
    names=("Maxim DS18B20", "Maxim DS1822"),
    bus=BusKind.ONEWIRE,
    measures={"ja": "気温、水温または地温", "en": "temperature of air, water or ground"},
    wiring={
        "ja": "1-Wire(GPIO 4、dtoverlay=w1-gpio)、4.7 kオーム で 3.3 V へプルアップ。電源線もつなぐ",
        "en": "1-wire (GPIO 4, dtoverlay=w1-gpio), 4.7 kohm pull-up to 3.3 V; give it its own supply wire",
    },
    example="""\
[[sensor]]
id = "air-3"
driver = "ds18b20"
every = "60s"
onewire = "28-0316a2795bff"
measures = "air_temperature"

[sensor.mount]

[sensor.disclosure]
purpose = {ja = "気温の観測", en = "air temperature"}
personal_data = false
""",
)

TEXT = re.compile(rb"((?:[0-9a-f]{2} ){9}): crc=([0-9a-f]{2}) (YES|NO)\n(?:[0-9a-f]{2} ){9}t=(-?\d{1,6})\n?")
SHORTEST_TEXT_BYTES = 70
STEPS_PER_DEGREE = 16
POWER_ON_STEPS = 85 * STEPS_PER_DEGREE
POWER_ON_MILLI, WEAK_SUPPLY_MILLI = 85000, 127937
LOWEST_STEPS, HIGHEST_STEPS = -55 * STEPS_PER_DEGREE, 125 * STEPS_PER_DEGREE
CONFIG_AT = 4
FARTHEST_FROM_KERNEL_C = 0.5  # it does not mask the undefined bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What only this sensor needs to know."""

    measures: Literal["air_temperature", "water_temperature", "surface_temperature", "device_temperature"] = (
        field(
            default="air_temperature",
            metadata={
                "help": {
                    "ja": "何の温度か(気温、水温、表面温度、機器内温度)",
                    "en": "what it is the temperature of",
                }
            },
        )
    )


class Driver:
    """One read of the kernel's file."""

    def __init__(self, options: Options) -> None:
        self._quantity = BY_CHANNEL[options.measures]
        self.quantities: tuple[Quantity, ...] = (self._quantity,)

    def identify(self) -> Dialogue[None]:
        """Do nothing: the id in the file's path is the device's own."""
        yield from ()

    def measure(self) -> Dialogue[tuple[Measurement, ...]]:
        """Convert and read."""
        text = yield OnewireRead()
        assert isinstance(text, bytes)
        return (Measurement(quantity=self._quantity, value=decode(text)),)


def decode(text: bytes) -> float:
    """Return degC of the text of ``w1_slave``. Raises the four decode errors."""
    if len(text) < SHORTEST_TEXT_BYTES:
        what = "no text: the kernel's own tries gave no right check value" if not text.strip() else "cut off"
        raise FrameTruncated(f"{what} (ends at byte {len(text)})")
    match = TEXT.fullmatch(text)
    if match is None:
        raise FrameMalformed("not the two lines of w1_slave (byte 0): nine bytes, crc, YES or NO, t=")
    data = bytes.fromhex(match[1].decode())
    if is_stuck(data):
        raise FrameMalformed(f"all nine bytes are {data[0]:02X}: the wire is dead")
    expected = crc8_maxim(data[:8])
    if match[3] == b"NO" or expected != data[8]:
        raise ChecksumWrong(f"CRC-8 (byte 8) is {data[8]:02X}, counted {expected:02X}, kernel: {match[3]!r}")
    return _degrees(data, int(match[4]))


def _degrees(data: bytes, kernel_milli: int) -> float:
    steps = int.from_bytes(data[:2], "little", signed=True)
    undefined_bits = 3 - (data[CONFIG_AT] >> 5 & 0b11)  # 12, 11, 10, 9 bits of resolution
    steps &= ~((1 << undefined_bits) - 1)
    if steps == POWER_ON_STEPS or kernel_milli == POWER_ON_MILLI:
        raise ValueImpossible("85 degC (bytes 0-1) is its state after power-on: it has not converted")
    if kernel_milli == WEAK_SUPPLY_MILLI or not LOWEST_STEPS <= steps <= HIGHEST_STEPS:
        raise ValueImpossible(
            f"{steps / STEPS_PER_DEGREE} degC (bytes 0-1) is outside -55..125: its supply is too weak"
        )
    if abs(steps / STEPS_PER_DEGREE - kernel_milli / 1000) > FARTHEST_FROM_KERNEL_C:
        raise FrameMalformed(
            f"bytes 0-1 say {steps / STEPS_PER_DEGREE} degC, the kernel {kernel_milli / 1000}:"
            " a DS18S20 (id 10-...) or another part"
        )
    return steps / STEPS_PER_DEGREE
