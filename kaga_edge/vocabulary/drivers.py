"""The contract every file in ``sensors`` keeps. Adding a sensor is one such file.

A sensor module holds, at top level:

``MODEL``    a ``Model``: for people (``kaga-edge sensor models``) and for the checks at start.
``Options``  a frozen dataclass: the keys of ``[[sensor]]`` that only this driver knows, with defaults.
``Driver``   a class built as ``Driver(options)``; see ``I2cDriver``, ``UartDriver``, ``GpioDriver``.

The module's docstring has the sections Source, Wiring and Frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import Measurement
from kaga_edge.vocabulary.requests import BusKind, Dialogue, PinUse, SerialLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What a person needs to know to choose and connect a sensor. Texts: {"ja": …, "en": …}."""

    names: tuple[str, ...]  # "TE MS5837-30BA", …
    bus: BusKind
    measures: dict[str, str]
    wiring: dict[str, str]
    example: str  # a complete [[sensor]] table that passes config check
    addresses: tuple[int, ...] = ()  # I2C: allowed addresses, the default first
    line: SerialLine | None = None  # UART and Modbus: the factory setting
    shortest_every_s: float = 1.0  # the instrument's own time
    # Seconds after (re)opening during which values are not yet good (filters filling, heaters).
    warm_up_s: float = 0.0
    arrival_times: bool = False  # UART: when each frame came matters, not only its content
    compensates_sound_speed: bool = False  # True: siting must not correct again
    # Without compensation: the air temperature at which the reported distance is right, if it is known.
    sound_reference_c: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """What a driver's ``split`` made of a buffer: whole frames, the unfinished rest, rubbish count.

    ``restarted``: the skipped bytes say that the instrument was just powered on; its warm-up begins anew.
    """

    frames: tuple[bytes, ...]
    rest: bytes
    skipped_bytes: int = 0
    restarted: bool = False


class Driver(Protocol):
    """What all drivers have."""

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """What ``measure`` gives, in this order, always the same for one configuration."""

    # A driver may have ``remarks``: tuple[str, ...], what is worth a look on site and no reason to refuse.

    def identify(self) -> Dialogue[None]:
        """Check who answers (at open and after errors) and read its calibration; may do nothing."""

    def measure(self) -> Dialogue[tuple[Measurement, ...]]:
        """Ask, decode, and return one measurement per quantity. Raises DecodeError."""


class UartDriver(Driver, Protocol):
    """A free-running serial instrument."""

    def split(self, buffer: bytes) -> Split:
        """Cut a byte stream into frames whose checksum (or shape) is right; slide by one byte."""

    def decode(self, frame: bytes) -> tuple[Measurement, ...]:
        """Decode one frame. Raises DecodeError: length, shape, checksum, value, in this order."""


class GpioDriver(Driver, Protocol):
    """Lines whose edges are counted."""

    def pins(self) -> tuple[PinUse, ...]:
        """The lines to watch and how."""
