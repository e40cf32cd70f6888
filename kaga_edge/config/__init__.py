"""TOML files to one frozen ``Config``; every fault of every file in one run.

``load`` is the only way in: ``kaga-edge config check`` calls it here, the daemon through ``load_apart``,
in a process of its own, so that pydantic (17 MB) never enters a process that runs for years.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kaga_edge.config.apart import load_apart
    from kaga_edge.config.copies import Source
    from kaga_edge.config.faults import Code, ConfigFaults, Fault
    from kaga_edge.config.limits import default_limits
    from kaga_edge.config.secret import SecretMissing
    from kaga_edge.config.values import (
        Attachment,
        Config,
        Disclosure,
        GpioLines,
        HostItself,
        I2cAddress,
        ModbusAddress,
        OnewireDevice,
        Platform,
        SensorConfig,
        SerialPort,
        Site,
        Station,
        StoreSettings,
    )

__all__ = [
    "load",
    "load_apart",
    "read_secret",
    "default_limits",
    "Config",
    "Site",
    "Platform",
    "StoreSettings",
    "Station",
    "SensorConfig",
    "Attachment",
    "I2cAddress",
    "SerialPort",
    "ModbusAddress",
    "GpioLines",
    "OnewireDevice",
    "HostItself",
    "Disclosure",
    "Fault",
    "Code",
    "ConfigFaults",
    "SecretMissing",
    "DEFAULT_PATH",
]

# Loaded when asked for: a client command that puts a file in its place needs none of it.
_HOMES = {
    "load_apart": "apart",
    "Source": "copies",
    "Code": "faults",
    "ConfigFaults": "faults",
    "Fault": "faults",
    "default_limits": "limits",
    "SecretMissing": "secret",
    "Attachment": "values",
    "Config": "values",
    "Disclosure": "values",
    "GpioLines": "values",
    "HostItself": "values",
    "I2cAddress": "values",
    "ModbusAddress": "values",
    "OnewireDevice": "values",
    "Platform": "values",
    "SensorConfig": "values",
    "SerialPort": "values",
    "Site": "values",
    "Station": "values",
    "StoreSettings": "values",
}

DEFAULT_PATH = Path("/etc/kaga-edge/kaga-edge.toml")


def load(path: Path, source: Source | None = None) -> Config:
    """Return the configuration of ``path`` and the conf.d beside it. Raises ConfigFaults with all faults.

    ``source``: a copy or a trial whose text is read instead.
    """
    from kaga_edge.config import reading  # late: it brings pydantic

    return reading.load(path, source)


def read_secret(config: Config, name: str) -> str:
    """Return the secret called ``name``. Raises SecretMissing."""
    from kaga_edge.config.secret import read_secret_at

    return read_secret_at(config.directory, name)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
