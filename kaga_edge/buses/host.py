"""The computer about itself: the kernel's files, and vcgencmd where the firmware must be asked.

What a machine does not know is answered with ``b""``; the driver says what that means. A ``get_throttled``
file existed in some kernels and was stuck at 0 in others, so it is not read.
"""

from __future__ import annotations

from pathlib import Path

from kaga_edge.buses.spec import BusSpec
from kaga_edge.buses.wire import Asking, Wire
from kaga_edge.buses.worker import Job
from kaga_edge.vocabulary.requests import HostRead, Reply, Request

HWMON = "sys/class/hwmon"
VOLTAGE_MONITOR = b"rpi_volt"
CPU_TEMPERATURE = "sys/class/thermal/thermal_zone0/temp"
FIRMWARE_COMMAND = "usr/bin/vcgencmd"
FIRMWARE_S = 1.0
LONGEST_ANSWER_BYTES = 64


class HostWire(Wire[Job | None]):
    """The files and the firmware of this machine."""

    deadline_s = 2.0

    def __init__(self, spec: BusSpec, root: Path) -> None:
        self._name = spec.name
        self._root = root
        self._firmware_mute = False

    def open(self) -> None:
        """Do nothing: the machine is there."""

    def close(self) -> None:
        """Do nothing: every read opens its file."""

    def carry(self, request: Request, asking: Asking) -> Reply:
        """Return the answer's text, ``b""`` where there is none."""
        if not isinstance(request, HostRead):
            raise TypeError(f"{asking.sensor.id}: {request} on the host")
        if request.what == "under_voltage":
            return self._under_voltage()
        if request.what == "cpu_temperature":
            return _content(self._root / CPU_TEMPERATURE)
        if request.what == "throttled":
            return self._throttled()
        raise TypeError(f"{asking.sensor.id}: the host is asked for {request.what!r}")

    def _under_voltage(self) -> bytes:
        """Return hwmon's alarm; its number changes from boot to boot, its name does not."""
        try:
            monitors = sorted((self._root / HWMON).iterdir())
        except OSError:
            return b""
        for monitor in monitors:
            if _content(monitor / "name").strip() == VOLTAGE_MONITOR:
                return _content(monitor / "in0_lcrit_alarm")
        return b""

    def _throttled(self) -> bytes:
        command = self._root / FIRMWARE_COMMAND
        if self._firmware_mute or not command.exists():
            return b""
        import subprocess  # only a Raspberry Pi needs it

        try:
            asked = subprocess.run(  # noqa: S603 - a fixed path, no words of anybody's
                [command, "get_throttled"], capture_output=True, timeout=FIRMWARE_S, check=False
            )
        except subprocess.TimeoutExpired:  # a machine under load; next time it may answer
            return b""
        except OSError:
            self._firmware_mute = True
            return b""
        # Without access to /dev/vcio it prints an error and will do so for ever: not asked again.
        self._firmware_mute = asked.returncode != 0
        return b"" if self._firmware_mute else asked.stdout[:LONGEST_ANSWER_BYTES]


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()[:LONGEST_ANSWER_BYTES]
    except OSError:
        return b""
