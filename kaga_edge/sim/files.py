"""The kernel's files of the site: 1-wire thermometers, and what a Raspberry Pi says about itself.

A plain file cannot compute when it is read, so a thread writes them anew; each is replaced in one step.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

EVERY_S = 0.25
DEVICES = "sys/bus/w1/devices"
Text = Callable[[], str]


def thermometer(celsius: Callable[[], float]) -> Text:
    """Return what ``w1_slave`` of a DS18B20 with 12 bits says."""

    def text() -> str:
        data = (round(celsius() * 16) & 0xFFFF).to_bytes(2, "little") + bytes.fromhex("4b467fff0f10")
        crc = _maxim(data)
        shown = " ".join(f"{byte:02x}" for byte in (*data, crc))
        return f"{shown} : crc={crc:02x} YES\n{shown} t={round(celsius() * 16) * 1000 // 16}\n"

    return text


def raspberry_pi(cpu_c: Callable[[], float], low: Callable[[], bool]) -> Mapping[str, Text]:
    """Return the files a Pi's driver reads, by their path below the root."""
    return {
        "sys/class/hwmon/hwmon1/name": lambda: "rpi_volt\n",
        "sys/class/hwmon/hwmon1/in0_lcrit_alarm": lambda: f"{int(low())}\n",
        "sys/class/thermal/thermal_zone0/temp": lambda: f"{round(cpu_c() * 1000)}\n",
        "usr/bin/vcgencmd": lambda: f"#!/bin/sh\necho throttled=0x{0x50005 if low() else 0:x}\n",
    }


class SiteFiles:
    """Keeps the files below ``root`` fresh."""

    def __init__(self, root: Path, files: Mapping[str, Text]) -> None:
        self._root, self._files = root, dict(files)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._refresh, name="files", daemon=True)

    def start(self) -> None:
        """Write every file once and go on."""
        if self._files:
            self._write()
            self._thread.start()

    def stop(self) -> None:
        """End the thread; the files stay."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def _refresh(self) -> None:
        while not self._over.wait(EVERY_S):
            self._write()

    def _write(self) -> None:
        for name, text in self._files.items():
            file = self._root / name
            wanted = text()
            if file.exists() and file.read_text() == wanted:
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            scratch = file.with_suffix(".new")
            scratch.write_text(wanted)
            scratch.chmod(0o755 if wanted.startswith("#!") else 0o644)
            scratch.replace(file)


def _maxim(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8C if crc & 1 else 0)
    return crc
