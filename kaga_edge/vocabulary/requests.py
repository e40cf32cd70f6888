"""What a driver may ask of a bus, as data, and what comes back.

A driver's ``measure()`` is a generator: it yields a request, the bus worker carries it over the
wire under a deadline and sends the reply back in. The driver never opens, waits or looks at a clock,
so the same dialogue runs on a wire, on a simulated device and on a recorded file.
"""

from __future__ import annotations

from collections.abc import Generator
from enum import Enum
from typing import TypeVar

from kaga_edge.vocabulary.quick import dataclass


class BusKind(Enum):
    """The kinds of wire a sensor can hang on."""

    I2C = "i2c"
    UART = "uart"  # a free-running serial instrument, one a port
    MODBUS = "modbus"  # RS-485, several devices on one port
    GPIO = "gpio"
    ONEWIRE = "onewire"  # through the kernel's files
    HOST = "host"  # the computer itself


@dataclass(frozen=True, slots=True, kw_only=True)
class I2cTransfer:
    """Write, then read, at the sensor's own address.

    ``settle_s`` 0: one combined transaction with a repeated start (register devices).
    ``settle_s`` > 0: the write and the read are two transactions, that many seconds apart (command
    devices such as SHT4x, which must not stretch the clock on a Pi).
    ``write`` empty: only a read; ``read_bytes`` 0: only a write. The reply is ``bytes`` of exactly
    ``read_bytes``.
    """

    write: bytes = b""
    read_bytes: int = 0
    settle_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Wait ``seconds`` (a conversion time). The reply is ``b""``."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UartFrames:
    """Ask for the frames of the last ``window_s`` seconds of a free-running instrument.

    The bus worker reads the port all the time and cuts it with the driver's ``split``. The reply is a
    tuple of ``Frame``, oldest first; the worker waits up to ``timeout_s`` for the first one. None at
    all is ``SensorSilent``, unless ``silence_is_good`` (a radar on an empty road): then the reply is
    empty. A frame is handed out by at most one poll: never a stale one twice. ``ask`` is written first, to
    an instrument that answers instead of running free; then only what comes after it counts.
    """

    window_s: float
    timeout_s: float
    silence_is_good: bool = False
    ask: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One complete frame, and how long before the poll's due time it arrived (negative: after).

    ``at_ns``: the same on the kernel's monotonic clock; 0 in a capture that does not know it.
    """

    data: bytes
    age_s: float
    at_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModbusRead:
    """Read ``count`` 16-bit registers; the reply is a tuple of ints (0..65535)."""

    function: int  # 3 holding, 4 input
    address: int  # as on the wire, from 0
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OnewireRead:
    """Let the kernel convert and read the device. The reply is the text of its ``w1_slave`` file.

    ``b""`` is a real reply: newer kernels give it when the check value stays wrong.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRead:
    """Ask the computer about itself. The reply is text, ``b""`` where this machine does not know.

    ``what``: "throttled" (as vcgencmd prints it), "under_voltage" (hwmon's alarm file), "cpu_temperature".
    """

    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeEdges:
    """Take the edges since the poll before, up to this poll's due time. The reply is ``Edges``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One change of one line. ``at_ns`` is the kernel's monotonic time, not the callback's."""

    at_ns: int
    gpio: int
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """Every edge with ``start_ns`` < at ≤ ``end_ns``, oldest first, all lines of the sensor together.

    ``active_at_start``: level of each line at ``start_ns``. ``lost``: edges known lost (our queue was
    full, or two equal levels in a row). ``first``: nobody watched before ``start_ns``.
    """

    start_ns: int
    end_ns: int
    edges: tuple[Edge, ...]
    active_at_start: dict[int, bool]
    lost: int = 0
    first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialLine:
    """How a serial port is set. ``parity`` is "N", "E" or "O"."""

    baud: int
    data_bits: int = 8
    parity: str = "N"
    stop_bits: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PinUse:
    """How one GPIO line is read. ``pull``: "up", "down" or "none"; ``active_low``: closed to ground."""

    gpio: int
    pull: str = "up"
    active_low: bool = True


Request = I2cTransfer | Pause | UartFrames | ModbusRead | OnewireRead | HostRead | TakeEdges
Reply = bytes | tuple[Frame, ...] | tuple[int, ...] | Edges

T = TypeVar("T")
Dialogue = Generator[Request, Reply, T]
