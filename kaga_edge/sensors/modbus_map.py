"""Any Modbus RTU instrument by a table of its registers: levels, rain, weather, power.

Source
    The instrument's own register list. Modbus application protocol V1.1b3 (functions 3 and 4).

Wiring
    RS-485 with the line settings of the instrument (``serial``), its unit number (``modbus_id``).

Frame
    One read per entry of ``registers``, function 3 (holding) or 4 (input)::

        value = raw x scale + offset      raw of type u16, s16, u32, s32, f32 (two registers: high first
                                          unless word_order says otherwise)

    A raw value listed under ``invalid`` (as a number of the type, or as the bits: -9999 or 0xD8F1), NaN and
    infinity are no value. Without the first entry there is no sample; a missing later one is only missing
    itself.

    Manuals count registers from 0 or from 1 and seldom say which: ``address_base = 1`` sends number - 1.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from kaga_edge.vocabulary.drivers import Model
from kaga_edge.vocabulary.errors import (
    FrameMalformed,
    FrameTruncated,
    KagaError,
    SensorRefused,
    ValueImpossible,
)
from kaga_edge.vocabulary.quantities import BY_CHANNEL, Quantity
from kaga_edge.vocabulary.readings import Flag, Measurement
from kaga_edge.vocabulary.requests import BusKind, Dialogue, ModbusRead, SerialLine

MODEL = Model(
    names=("Modbus RTU instrument", "Hi-Link HLK-LD8001H", "DFRobot SEN0676", "Lambrecht rain gauges"),
    bus=BusKind.MODBUS,
    measures={
        "ja": "レジスタ表に書いた任意の量",
        "en": "whatever the table of registers says",
    },
    wiring={
        "ja": "RS-485。通信設定(serial)とユニット番号は機器に合わせる",
        "en": "RS-485; line settings (serial) and unit number as in the instrument",
    },
    example="""\
[[sensor]]
id = "river-4"
driver = "modbus_map"
every = "60s"
port = "/dev/ttyUSB0"
serial = "115200 8N1"
modbus_id = 1
registers = [
  {quantity = "surface_distance", address = 0x0001, type = "u16", scale = 0.001, invalid = [0, 0xFFFF]},
]

[sensor.mount]
gauge_zero_to_sensor_m = 6.00

[sensor.disclosure]
purpose = {ja = "河川水位の観測", en = "river level"}
personal_data = false
""",
    line=SerialLine(baud=9600),
)

FORMATS = {"u16": ">H", "s16": ">h", "u32": ">I", "s32": ">i", "f32": ">f"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """One value of the instrument. ``least`` and ``most`` bound the value in the quantity's unit."""

    # Read by pydantic where the configuration is judged: a misspelt key must not pass.
    __pydantic_config__: ClassVar[dict[str, object]] = {
        "extra": "forbid",
        "strict": True,
        "allow_inf_nan": False,
    }

    quantity: str
    address: int
    function: Literal[3, 4] = 3
    type: Literal["u16", "s16", "u32", "s32", "f32"] = "u16"
    word_order: Literal["high_first", "low_first"] = "high_first"
    scale: float = 1.0
    offset: float = 0.0
    invalid: tuple[int, ...] = ()
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What only this sensor needs to know."""

    registers: tuple[Register, ...] = field(
        metadata={
            "help": {
                "ja": "レジスタ表。各行 {quantity, address, function, type, word_order, scale, offset,"
                " invalid, least, most}",
                "en": "table of registers, each {quantity, address, function, type, word_order, scale,"
                " offset, invalid, least, most}",
            }
        }
    )
    address_base: Literal[0, 1] = field(
        default=0,
        metadata={
            "help": {
                "ja": "説明書の番号が 1 から始まるなら 1(電文では 1 引いて送る)",
                "en": "1 where the manual counts registers from 1: number - 1 goes on the wire",
            }
        },
    )

    def __post_init__(self) -> None:
        """Take plain tables too, as they come from TOML."""
        object.__setattr__(self, "registers", tuple(map(_register, self.registers)))


class Driver:
    """One read per register of the table."""

    def __init__(self, options: Options) -> None:
        self._registers = options.registers
        self._base = options.address_base
        self.quantities: tuple[Quantity, ...] = _quantities(options)

    def identify(self) -> Dialogue[None]:
        """Do nothing: nothing is known of an instrument but its registers."""
        yield from ()

    def measure(self) -> Dialogue[tuple[Measurement, ...]]:
        """Read every register. Only the first entry's failure is the sample's."""
        measured: list[Measurement] = []
        for register, quantity in zip(self._registers, self.quantities, strict=True):
            try:
                words = yield ModbusRead(
                    function=register.function,
                    address=register.address - self._base,
                    count=_count(register),
                )
                assert isinstance(words, tuple)
                value = decode(register, words)
            except (ValueImpossible, SensorRefused):  # no value now, or no such register in this firmware
                if not measured:
                    raise
                measured.append(Measurement(quantity=quantity, value=None, flags=Flag.MISSING))
            else:
                measured.append(Measurement(quantity=quantity, value=value))
        return tuple(measured)


def decode(register: Register, words: tuple[object, ...]) -> float:
    """Return the value of one register. Raises FrameTruncated, FrameMalformed, ValueImpossible."""
    if len(words) != _count(register):
        raise FrameTruncated(
            f"{len(words)} registers from {register.address:04X}, expected {_count(register)}"
        )
    if not all(isinstance(word, int) and 0 <= word <= 0xFFFF for word in words):
        raise FrameMalformed(f"registers from {register.address:04X} are not 16-bit numbers")
    ordered = words if register.word_order == "high_first" else words[::-1]
    data = struct.pack(f">{len(words)}H", *ordered)
    raw: float = struct.unpack(FORMATS[register.type], data)[0]
    stated = int.from_bytes(data, "big") in register.invalid or raw in register.invalid
    if stated or not math.isfinite(raw):
        raise ValueImpossible(
            f"register {register.address:04X} is {data.hex().upper()}: the instrument has no value"
        )
    value = raw * register.scale + register.offset
    if (register.least is not None and value < register.least) or (
        register.most is not None and value > register.most
    ):
        raise ValueImpossible(
            f"register {register.address:04X} gives {value:g},"
            f" outside {_bound(register.least)}..{_bound(register.most)}"
        )
    return value


def _quantities(options: Options) -> tuple[Quantity, ...]:
    if not options.registers:
        raise KagaError("registers is empty", fix='write [{quantity = "surface_distance", address = 1}]')
    found: list[Quantity] = []
    for register in options.registers:
        quantity = BY_CHANNEL.get(register.quantity)
        if quantity is None:
            raise KagaError(
                f"no quantity is named {register.quantity!r}", fix=f"use one of: {', '.join(BY_CHANNEL)}"
            )
        if quantity in found:
            raise KagaError(
                f"{register.quantity} stands twice in registers", fix="each quantity once a sensor"
            )
        if register.scale == 0:
            raise KagaError(
                f"{register.quantity} has scale 0: it would always read {register.offset:g}",
                fix="write the scale of the manual, or leave it out: 1",
            )
        if not 0 <= register.address - options.address_base <= 0xFFFF:
            raise KagaError(
                f"register {register.address} does not exist", fix="check address and address_base"
            )
        found.append(quantity)
    return tuple(found)


def _count(register: Register) -> int:
    return struct.calcsize(FORMATS[register.type]) // 2


def _register(entry: Any) -> Register:
    if isinstance(entry, Register):
        return entry
    given: dict[str, Any] = {**entry}
    if "invalid" in given:
        given["invalid"] = tuple(given["invalid"])
    return Register(**given)


def _bound(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
