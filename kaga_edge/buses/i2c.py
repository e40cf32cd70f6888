"""I2C through smbus2: raw transactions, and what each errno of a Pi's controllers means.

Register devices are read in one combined transaction (repeated start). Command devices get the write and
the read apart with a wait between, because a Pi 0-4 corrupts bytes when a sensor stretches the clock.
"""

from __future__ import annotations

import errno
import fcntl
from collections.abc import Callable

from smbus2 import SMBus, i2c_msg

from kaga_edge.buses.spec import BusSpec, I2cPort
from kaga_edge.buses.wire import Asking, Wire
from kaga_edge.buses.worker import Job
from kaga_edge.vocabulary.errors import (
    BusError,
    BusFault,
    BusMissing,
    SensorSilent,
    TransferTimedOut,
)
from kaga_edge.vocabulary.requests import I2cTransfer, Reply, Request

DEADLINE_S = 1.0  # a Pi 5's controller blocks about that long by itself
TRIES = 3
# linux/i2c-dev.h. Both are settings of the whole adapter.
I2C_RETRIES = 0x0701  # the kernel's own tries after lost arbitration
I2C_TIMEOUT = 0x0702  # in units of 10 ms
KERNEL_TIMEOUT_10MS = 80  # below our deadline, so that a stuck bus comes back as ETIMEDOUT, not as a hang

SILENT = (errno.EREMOTEIO, errno.ENXIO)
MISSING = (errno.ENOENT, errno.ENODEV)
CHECK_WIRING = "check power, wiring and address: kaga-edge sensor scan, or i2cdetect -y"
ENABLE_I2C = "enable I2C (raspi-config, or dtparam=i2c_arm=on) and check the bus number"
JOIN_GROUP = "let the service's user into the group i2c"
RECOVER = "power-cycle the sensor; check pull-ups and cable length: something holds the bus"


def open_device(bus: int) -> I2cPort:
    """Return /dev/i2c-``bus``, with the kernel's timeout below our deadline. Raises OSError."""
    port = SMBus(bus)
    assert port.fd is not None
    try:
        fcntl.ioctl(port.fd, I2C_TIMEOUT, KERNEL_TIMEOUT_10MS)
        fcntl.ioctl(port.fd, I2C_RETRIES, 0)  # retries have one owner: the dialogue
    except OSError as error:
        # Adapters made of software may not know these; then our own deadline is all there is.
        if error.errno not in (errno.ENOTTY, errno.EINVAL, errno.EOPNOTSUPP):
            port.close()
            raise
    opened: I2cPort = port
    return opened


class I2cWire(Wire[Job | None]):
    """One I2C bus."""

    deadline_s = DEADLINE_S
    tries = TRIES
    overlaps = True

    def __init__(self, spec: BusSpec, open_i2c: Callable[[int], I2cPort]) -> None:
        if spec.i2c_bus is None:
            raise ValueError(f"{spec.name}: no I2C bus number")
        self._bus = spec.i2c_bus
        self._name = spec.name
        self._open_i2c = open_i2c
        self._port: I2cPort | None = None
        # Messages are made once, by address, what is written and how much is read: a driver always asks for
        # the same. Not shared with other wires, whose thread may hang in the kernel with one of its own.
        self._messages: dict[tuple[int, bytes, int], tuple[i2c_msg, ...]] = {}

    def open(self) -> None:
        """Open the bus unless it is open. Raises BusMissing."""
        if self._port is not None:
            return
        try:
            self._port = self._open_i2c(self._bus)
        except OSError as error:
            denied = error.errno in (errno.EACCES, errno.EPERM)
            raise BusMissing(
                f"/dev/i2c-{self._bus} cannot be opened: {error.strerror or error}",
                where=self._name,
                fix=JOIN_GROUP if denied else ENABLE_I2C,
            ) from error

    def close(self) -> None:
        """Close the bus."""
        port, self._port = self._port, None
        if port is not None:
            port.close()

    def carry(self, request: Request, asking: Asking) -> Reply:
        """Carry one transfer and return exactly ``read_bytes`` bytes."""
        address = asking.sensor.address
        if type(request) is not I2cTransfer or address is None:
            raise TypeError(f"{asking.sensor.id}: {request} on an I2C bus, address {address}")
        if self._port is None:
            self.open()
        assert self._port is not None
        read_bytes, key = request.read_bytes, (address, request.write, request.read_bytes)
        try:
            messages = self._messages.get(key) or self._made(address, request)
            self._port.i2c_rdwr(*messages)
        except OSError as error:
            raise explain(error, f"{self._name} {asking.sensor.id} 0x{address:02x}") from error
        reply: bytes = messages[-1].buf[:read_bytes] if read_bytes else b""
        return reply

    def _made(self, address: int, request: I2cTransfer) -> tuple[i2c_msg, ...]:
        """Return the messages of one transaction, and keep them for the next."""
        made = []
        if request.write or not request.read_bytes:
            made.append(i2c_msg.write(address, request.write))
        if request.read_bytes:
            made.append(i2c_msg.read(address, request.read_bytes))
        messages = self._messages[address, request.write, request.read_bytes] = tuple(made)
        return messages


def explain(error: OSError, where: str) -> BusError:
    """Return what an errno of an I2C transfer means, and how to mend it."""
    text = error.strerror or str(error)
    if error.errno in SILENT:
        return SensorSilent(f"no acknowledge ({text})", where=where, fix=CHECK_WIRING)
    if error.errno == errno.ETIMEDOUT:
        return TransferTimedOut(f"no completion within the deadline ({text})", where=where, fix=RECOVER)
    if error.errno in MISSING:
        return BusMissing(f"the bus has gone ({text})", where=where, fix=ENABLE_I2C)
    return BusFault(f"transfer failed ({text})", where=where, fix=RECOVER)
