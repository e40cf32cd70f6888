"""What a check may look at, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from kaga_edge.config.faults import ConfigFaults
from kaga_edge.config.values import Config, GpioLines, I2cAddress, ModbusAddress, SensorConfig, SerialPort

Command = tuple[str, ...]


class State(StrEnum):
    """Worst first: the order in which they are shown."""

    FAIL = "fail"
    NOTE = "note"
    UNKNOWN = "unknown"  # this machine cannot tell
    SKIP = "skip"  # the configuration does not need it
    PASS = "pass"  # noqa: S105 - a verdict, not a password


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check says. ``seen``: the evidence, short; ``fix``: safe commands that mend it."""

    code: str
    state: State
    seen: str = ""
    fix: tuple[Command, ...] = ()


def passed(code: str, seen: str = "") -> Finding:
    """All is well."""
    return Finding(code=code, state=State.PASS, seen=seen)


def note(code: str, seen: str, *fix: Command) -> Finding:
    """It works, and someone should know."""
    return Finding(code=code, state=State.NOTE, seen=seen, fix=fix)


def failed(code: str, seen: str, *fix: Command) -> Finding:
    """Someone must act."""
    return Finding(code=code, state=State.FAIL, seen=seen, fix=fix)


def unknown(code: str, seen: str) -> Finding:
    """This machine cannot tell."""
    return Finding(code=code, state=State.UNKNOWN, seen=seen)


def skipped(code: str, seen: str = "") -> Finding:
    """The configuration does not need it."""
    return Finding(code=code, state=State.SKIP, seen=seen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Everything the checks may look at.

    ``call``: run a command, (exit code, output), None when there is no such command. ``readings``: one
    fresh reading of each sensor by id, as ``kaga-edge sensor read --json`` gives it. ``line``: the steps
    of the link test. Both are asked once, and only when a check needs them.
    """

    config_path: Path
    config: Config | None
    faults: ConfigFaults | None = None
    snapshot: Mapping[str, Any] | None = None
    root: Path = Path("/")
    environ: Mapping[str, str] = field(default_factory=dict)
    call: Callable[[Command], tuple[int, str] | None] = lambda _command: None
    readings: Callable[[], Mapping[str, Any]] = dict
    line: Callable[[], tuple[Any, ...]] = tuple
    lgpio_version: Callable[[], str | None] = lambda: None
    clock_synchronised: Callable[[], bool | None] = lambda: None
    now_s: float = 0.0
    python: tuple[int, int] = (3, 11)

    def text(self, path: str) -> str | None:
        """Return a file's text below the root; None when it is not there or may not be read."""
        try:
            return (self.root / path).read_text(encoding="utf-8", errors="replace").rstrip("\x00\n")
        except OSError:
            return None

    def at(self, path: str | Path) -> Path:
        """Return an absolute path below the root."""
        return self.root / str(path).lstrip("/")

    def sensors(self, *kinds: type) -> tuple[SensorConfig, ...]:
        """Return the configured sensors whose attachment is of one of ``kinds``; all without any."""
        every = self.config.sensors if self.config else ()
        return tuple(one for one in every if not kinds or isinstance(one.bus, kinds))

    def ports(self) -> tuple[str, ...]:
        """Return the configured serial ports, each once."""
        sensors = self.sensors(SerialPort, ModbusAddress)
        return tuple(dict.fromkeys(one.bus.port for one in sensors if hasattr(one.bus, "port")))

    def i2c_buses(self) -> tuple[int, ...]:
        """Return the configured I2C buses, each once."""
        sensors = self.sensors(I2cAddress)
        return tuple(dict.fromkeys(one.bus.bus for one in sensors if isinstance(one.bus, I2cAddress)))

    def gpios(self) -> tuple[int, ...]:
        """Return the configured GPIO lines."""
        drivers: list[Any] = [one.make_driver() for one in self.sensors(GpioLines)]
        return tuple(pin.gpio for driver in drivers for pin in driver.pins())

    def fault_codes(self) -> set[str]:
        """Return the codes of the configuration's faults."""
        return {str(fault.code) for fault in self.faults.faults} if self.faults else set()

    def settings(self, name: str, folder: str) -> str | None:
        """Return the last ``name=`` of a systemd settings file and its drop-ins, None when nobody sets it."""
        found = None
        for file in self._settings_files(folder):
            for line in (self.text(file) or "").splitlines():
                key, _, value = line.partition("=")
                found = value.strip() if key.strip() == name else found
        return found

    def _settings_files(self, folder: str) -> list[str]:
        drop_ins: dict[str, str] = {}
        for place in ("usr/lib/systemd", "run/systemd", "etc/systemd"):
            for file in sorted(self.at(f"{place}/{folder}.d").glob("*.conf")):
                drop_ins[file.name] = f"{place}/{folder}.d/{file.name}"
        return [f"etc/systemd/{folder}", *(drop_ins[name] for name in sorted(drop_ins))]
