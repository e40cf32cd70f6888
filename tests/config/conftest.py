"""A small good configuration, and a way to load any text as one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kaga_edge.config import Config, ConfigFaults, Fault, load

SITE = """\
[site]
id = "flood-1"
name = { ja = "見本", en = "sample" }
"""
AIR = """\
[[sensor]]
id = "air-1"
driver = "bme280"
i2c = { bus = 1, address = 0x77 }
every = "10s"
[sensor.disclosure]
purpose = { ja = "気象", en = "weather" }
personal_data = false
"""
LEVEL = """\
[[sensor]]
id = "level-1"
driver = "a02yyuw"
port = "/dev/ttyAMA0"
[sensor.mount]
gauge_zero_to_sensor_m = 4.2
[sensor.disclosure]
purpose = { ja = "水位", en = "level" }
personal_data = false
"""
RAIN = """\
[[sensor]]
id = "rain-1"
driver = "tipping_bucket"
gpio = 17
[sensor.disclosure]
purpose = { ja = "雨量", en = "rain" }
personal_data = false
"""


class Sheet:
    """Writes a configuration and reads it back, good or bad."""

    site, air, level, rain = SITE, AIR, LEVEL, RAIN

    def __init__(self, folder: Path) -> None:
        self.file = folder / "kaga-edge.toml"

    def write(self, *parts: str | bytes, encoding: str = "utf-8") -> Path:
        whole = "".join(part for part in parts if isinstance(part, str)).encode(encoding)
        self.file.write_bytes(whole + b"".join(part for part in parts if isinstance(part, bytes)))
        return self.file

    def part(self, name: str, text: str) -> None:
        folder = self.file.parent / "conf.d"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")

    def good(self, *parts: str) -> Config:
        return load(self.write(*parts))

    def faults(self, *parts: str | bytes, encoding: str = "utf-8") -> tuple[Fault, ...]:
        with pytest.raises(ConfigFaults) as caught:
            load(self.write(*parts, encoding=encoding))
        return caught.value.faults

    def only(self, *parts: str) -> Fault:
        found = self.faults(*parts)
        assert len(found) == 1, [fault.text("en") for fault in found]
        return found[0]


@pytest.fixture
def sheet(tmp_path: Path) -> Sheet:
    return Sheet(tmp_path)


@pytest.fixture
def line_of() -> Callable[[str, str], int]:
    def find(text: str, piece: str) -> int:
        return next(number for number, line in enumerate(text.splitlines(), 1) if piece in line)

    return find
