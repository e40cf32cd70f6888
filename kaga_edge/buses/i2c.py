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
        # Messages are made once: a driver always asks for the same. Not shared with other wires, whose
        # thread may hang in the kernel with a message of its own.
        self._writes: dict[tuple[int, bytes], i2c_msg] = {}
        self._reads: dict[tuple[int, int], i2c_msg] = {}

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
        sensor = asking.sensor
        if not isinstance(request, I2cTransfer) or sensor.address is None:
            raise TypeError(f"{sensor.id}: {request} on an I2C bus, address {sensor.address}")
        if self._port is None:
            self.open()
        assert self._port is not None
        try:
            return self._transfer(self._port, sensor.address, request)
        except OSError as error:
            raise explain(error, f"{self._name} {sensor.id} 0x{sensor.address:02x}") from error

    def _transfer(self, port: I2cPort, address: int, request: I2cTransfer) -> bytes:
        write = self._writes.get((address, request.write))
        if write is None:
            write = self._writes[address, request.write] = i2c_msg.write(address, request.write)
        if request.read_bytes == 0:
            port.i2c_rdwr(write)
            return b""
        read = self._reads.get((address, request.read_bytes))
        if read is None:
            read = self._reads[address, request.read_bytes] = i2c_msg.read(address, request.read_bytes)
        if not request.write:
            port.i2c_rdwr(read)
        else:
            port.i2c_rdwr(write, read)
        return bytes(read)


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
