"""1-wire through the kernel's files: one read converts and blocks for up to 0.75 s, in the worker's thread.

The kernel tries a conversion several times by itself when the check value is wrong, so there is one try
here. Two sensors on one wire are read one after the other: a bulk conversion needs write permission that
the service does not have.
"""

from __future__ import annotations

from pathlib import Path

from kaga_edge.buses.spec import BusSpec
from kaga_edge.buses.wire import Asking, Wire
from kaga_edge.buses.worker import Job
from kaga_edge.vocabulary.errors import BusFault, BusMissing, SensorSilent
from kaga_edge.vocabulary.requests import OnewireRead, Reply, Request

DEVICES = "sys/bus/w1/devices"
DEADLINE_S = 5.0  # the kernel's own tries of 0.75 s each
ENABLE = "enable it: dtoverlay=w1-gpio in /boot/firmware/config.txt (GPIO 4), then restart"
CHECK_DEVICE = "check the wire, the 4.7 kohm pull-up and the id: ls /sys/bus/w1/devices"


class OnewireWire(Wire[Job | None]):
    """All devices of the kernel's 1-wire buses."""

    deadline_s = DEADLINE_S

    def __init__(self, spec: BusSpec, root: Path) -> None:
        self._name = spec.name
        self._devices = root / DEVICES

    def open(self) -> None:
        """Look whether the kernel has a 1-wire bus. Raises BusMissing."""
        if not self._devices.is_dir():
            raise BusMissing("no 1-wire bus", where=f"/{DEVICES}", fix=ENABLE)

    def close(self) -> None:
        """Do nothing: every read opens its file."""

    def carry(self, request: Request, asking: Asking) -> Reply:
        """Return the text of the device's ``w1_slave``. Raises SensorSilent, BusFault."""
        sensor = asking.sensor
        if not isinstance(request, OnewireRead) or sensor.device is None:
            raise TypeError(f"{sensor.id}: {request} on 1-wire, device {sensor.device}")
        where = f"{self._name} {sensor.id} {sensor.device}"
        try:
            return (self._devices / sensor.device / "w1_slave").read_bytes()
        except FileNotFoundError as error:
            raise SensorSilent(
                "the kernel does not see this device", where=where, fix=CHECK_DEVICE
            ) from error
        except OSError as error:
            raise BusFault(
                f"read failed: {error.strerror or error}", where=where, fix=CHECK_DEVICE
            ) from error
