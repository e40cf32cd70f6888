"""One file per sensor model; the driver's name is its file name. There is no registry to edit.

``driver_names()`` lists them, ``load(name)`` gives the module with ``MODEL``, ``Options``, ``Driver``.
How to write one: ``kaga_edge/vocabulary/drivers.py``.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from kaga_edge.vocabulary.errors import KagaError


class UnknownDriver(KagaError):
    """No file in ``sensors`` has this name; ``closest`` holds up to three that nearly do."""

    code = "KE-D20"
    exit_code = 64

    def __init__(self, name: str, closest: tuple[str, ...]) -> None:
        near = ", ".join(closest) if closest else ", ".join(driver_names())
        super().__init__(f"no driver is named {name!r}", fix=f"use one of: {near}")
        self.name = name
        self.closest = closest


def driver_names() -> tuple[str, ...]:
    """Return the names of all drivers, sorted, without importing them."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")))


def load(name: str) -> ModuleType:
    """Return the module of one driver. Raises UnknownDriver."""
    if name not in driver_names():
        from difflib import get_close_matches  # only a wrong name needs it: the daemon stays small

        raise UnknownDriver(name, tuple(get_close_matches(name.lower(), driver_names(), n=3, cutoff=0.4)))
    return importlib.import_module(f"{__name__}.{name}")
