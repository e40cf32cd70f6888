"""What a machine has, and doing the steps it lacks: files below a root, commands on the running one."""

from __future__ import annotations

import os
import subprocess
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kaga_edge.config import Config, I2cAddress, ModbusAddress, OnewireDevice, SerialPort
from kaga_edge.config.placing import put
from kaga_edge.core.fitting import (
    CONFIGURATION,
    ENABLED,
    LOOKED_AT,
    Action,
    Machine,
    Needs,
    Write,
)
from kaga_edge.station.setup.files import keep_copy
from kaga_edge.vocabulary.errors import KagaError

BOOT_FOLDERS = ("boot/firmware", "boot")
ANSWERS = "etc/kaga-edge/setup.toml"
COPY = ".before-kaga-edge"
ONBOARD = ("/dev/ttyAMA", "/dev/ttyS", "/dev/serial")
Runner = Callable[[Sequence[str]], int]


class SetupFailed(KagaError):
    """A step of the set-up could not be done."""

    code = "KE-I01"


def run(argv: Sequence[str]) -> int:
    """Run a command and return its exit code; 127 when there is no such command."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    try:
        return subprocess.run(argv, env=environ, check=False).returncode  # noqa: S603 - our own lists
    except OSError:
        return 127


def boot_folder(root: Path) -> str | None:
    """Return the folder of the boot partition below the root, None where there is none."""
    return next((name for name in BOOT_FOLDERS if (root / name / "config.txt").is_file()), None)


def look(root: Path) -> Machine:
    """Return what is there. Raises SetupFailed when a file may not be read."""
    boot = boot_folder(root)
    paths = [*LOOKED_AT, *((f"{boot}/config.txt", f"{boot}/cmdline.txt") if boot else ())]
    return Machine(
        files={path: _text(root / path) for path in paths},
        boot=boot,
        enabled=(root / ENABLED).is_symlink(),
        configured=(root / CONFIGURATION).is_file(),
    )


def needs_of(config: Config | None, answers: dict[str, Any]) -> Needs:
    """Return what the site asks for; without a configuration I2C and the serial port, as most sites do."""
    needs = Needs() if config is None else _asked_by(config)
    known = {name: answers[name] for name in ("journal_max", "watchdog_s") if name in answers}
    return replace(needs, **known)


def answers(root: Path) -> dict[str, Any]:
    """Return what ``setup.toml`` says. Raises SetupFailed when it is not TOML."""
    text = _text(root / ANSWERS)
    try:
        return tomllib.loads(text or "")
    except tomllib.TOMLDecodeError as error:
        raise SetupFailed(f"not TOML: {error}", where=str(root / ANSWERS), fix="mend that line") from error


def do(action: Action, root: Path, runner: Runner = run) -> None:
    """Do one action; a command that needs the running system is left out elsewhere. Raises SetupFailed."""
    if isinstance(action, Write):
        _write(root / action.path, action)
        return
    argv = list(action.argv)
    if root != Path("/"):
        if not action.rooted:
            return
        argv.insert(1, f"--root={root}")
    if runner(argv):
        raise SetupFailed(f"failed: {' '.join(argv)}", fix="run that line by hand and read what it says")


def _asked_by(config: Config) -> Needs:
    buses = [sensor.bus for sensor in config.sensors]
    ports: dict[str, str] = {}  # a Modbus line is named after its first sensor
    for sensor in config.sensors:
        if isinstance(sensor.bus, SerialPort | ModbusAddress):
            ports.setdefault(sensor.bus.port, sensor.id)
    onboard = [port for port in ports if port.startswith(ONBOARD) and "/by-" not in port]
    return Needs(
        i2c=any(isinstance(bus, I2cAddress) for bus in buses),
        uart=bool(onboard),
        full_uart=any(port.startswith("/dev/ttyAMA") for port in onboard),
        onewire=any(isinstance(bus, OnewireDevice) for bus in buses),
        ports=tuple(sorted((sensor, port) for port, sensor in ports.items())),
    )


def _write(file: Path, action: Write) -> None:
    # The real file: config.txt may be a link, and an editor that replaced it cut the link.
    target = Path(os.path.realpath(file))
    try:
        if action.keep:
            keep_copy(target, COPY)
        put(target, action.text.encode(errors="surrogateescape"), mode=0o644, like=target)
    except OSError as error:
        fix = "sudo; is the card read-only or full?"
        raise SetupFailed(f"cannot be written ({error.strerror})", where=str(target), fix=fix) from error


def _text(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8", errors="surrogateescape")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except OSError as error:
        raise SetupFailed(f"cannot be read ({error.strerror})", where=str(file), fix="sudo") from error
