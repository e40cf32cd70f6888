"""A desk to try simulated devices on: dialogues run against a chip with a clock that only they move."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from kaga_edge.sim.chips import Chip
from kaga_edge.vocabulary.readings import Measurement
from kaga_edge.vocabulary.requests import I2cTransfer, Pause

DATA = Path(__file__).parents[3] / "shared" / "data"


class Desk:
    """Time that passes only while a dialogue waits, and the wire between a driver and a chip."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def timer(self) -> float:
        return self.now_s

    def hold(self, dialogue: Any, chip: Chip) -> Any:
        reply: bytes | None = None
        while True:
            try:
                request = dialogue.send(reply)
            except StopIteration as end:
                return end.value
            reply = self.carry(request, chip)

    def carry(self, request: I2cTransfer | Pause, chip: Chip) -> bytes:
        if isinstance(request, Pause):
            self.now_s += request.seconds
            return b""
        if request.write:
            chip.write(request.write)
        self.now_s += request.settle_s
        return chip.read(request.read_bytes) if request.read_bytes else b""


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def driver() -> Callable[..., Any]:
    """Build a driver by its name, as the configuration does."""

    def build(name: str, **options: object) -> Any:
        module = import_module(f"kaga_edge.sensors.{name}")
        return module.Driver(module.Options(**options))

    return build


@pytest.fixture
def values() -> Callable[[tuple[Measurement, ...]], dict[str, float | None]]:
    """Turn measurements into a dictionary by channel."""
    return lambda measured: {m.quantity.channel: m.value for m in measured}


@pytest.fixture
def real_series() -> Callable[[str], Path]:
    """Find a real series beside the repository, or skip."""

    def find(name: str) -> Path:
        path = DATA / name
        if not path.exists():
            pytest.skip(f"the real series {name} is not beside this repository (shared/data)")
        return path

    return find
