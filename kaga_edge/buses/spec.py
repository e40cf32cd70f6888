"""What a bus is made of, and what it tells: the words between buses and the gateway."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from pathlib import Path
from typing import Any, Protocol

from kaga_edge.vocabulary.drivers import Driver, Model
from kaga_edge.vocabulary.errors import KagaError
from kaga_edge.vocabulary.quick import dataclass
from kaga_edge.vocabulary.readings import Measurement, Moment
from kaga_edge.vocabulary.requests import BusKind, Reply, Request, SerialLine


class BusGivenUp(Exception):
    """A third worker would have to be given up while two still hang: only a new process helps."""


class I2cPort(Protocol):
    """The part of ``smbus2.SMBus`` that is used. A real one also has ``fd``."""

    def i2c_rdwr(self, *i2c_msgs: Any) -> None:
        """Carry the messages in one transaction, filling the read ones. Raises OSError."""

    def close(self) -> None:
        """Close the device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BusSensor:
    """One sensor on a bus. ``address``: I2C address or Modbus unit; ``device``: 1-wire id; None elsewhere."""

    id: str
    driver: Driver
    every_s: float
    address: int | None = None
    model: Model | None = None
    device: str | None = None
    burst_s: float | None = None  # asked once a second for so long before each due time; ``core.burst``

    @property
    def remarks(self) -> tuple[str, ...]:
        """What its driver finds worth a look: set up oddly, and measured all the same."""
        found: tuple[str, ...] = getattr(self.driver, "remarks", ())
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class BusSpec:
    """One wire and what hangs on it. ``name``: "i2c-1", "/dev/ttyUSB0", "gpio"."""

    kind: BusKind
    name: str
    sensors: tuple[BusSensor, ...]
    i2c_bus: int | None = None
    port: str | None = None
    line: SerialLine | None = None


def _open_i2c(bus: int) -> I2cPort:
    from kaga_edge.buses import i2c  # late: only a site with I2C loads smbus2

    return i2c.open_device(bus)


def _open_pins() -> Any:
    from kaga_edge.buses import gpio  # late: gpiozero is 11 MB, lgpio acts on import

    return gpio.open_header()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wires:
    """How the real world is opened; tests and the simulated site pass their own.

    ``open_i2c`` opens a bus by its number; ``pin_factory`` gives gpiozero's pins; the kernel's files of
    1-wire and of the computer itself lie below ``root``. Serial ports need nothing here: a pty is a real
    port.
    """

    open_i2c: Callable[[int], I2cPort] = _open_i2c
    pin_factory: Callable[[], Any] = _open_pins
    root: Path = Path("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """What one due time of one sensor gave: measurements, or an error, never both.

    ``at`` is the due time when the poll began within 100 ms of it, else the true start. ``raw`` holds
    the bytes seen on the wire (None when there were none). Where this poll identified the sensor (by hand
    every one does) ``exchanges`` holds what was asked and answered, calibration included, and ``remarks``
    what the driver finds odd; else they are empty. ``took_s`` 0: nothing was asked.
    """

    sensor: str
    at: Moment
    measurements: tuple[Measurement, ...] | None
    error: KagaError | None
    raw: bytes | None
    took_s: float
    exchanges: tuple[tuple[Request, Reply], ...] = ()
    remarks: tuple[str, ...] = ()  # of the driver


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorHealth:
    """One sensor as its bus sees it. ``state``: "waiting", "ok", "failing" or "back-off"."""

    sensor: str
    state: str
    failures: int  # in a row
    failing_since: Moment | None
    next_try_s: float | None  # on back-off: about how long until the next try
    last_error: KagaError | None
    last_ok: Moment | None
    lost_edges: int = 0
    remarks: tuple[str, ...] = ()  # of its driver


@dataclass(frozen=True, slots=True, kw_only=True)
class BusHealth:
    """One bus. ``hanging``: given-up workers that have not returned; ``given_up``: all so far."""

    name: str
    kind: BusKind
    sensors: tuple[SensorHealth, ...] = field(default=())
    hanging: int = 0
    given_up: int = 0
    lost_edges: int = 0
