"""Text with a unit to numbers: durations, sizes, rates, serial settings. Each raises ``UnitFault``."""

from __future__ import annotations

import re

from kaga_edge.config.faults import Code
from kaga_edge.vocabulary.requests import SerialLine

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
BYTES = {
    "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30,
}  # fmt: skip

_NUMBER = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*")
_RATE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*/\s*([0-9.]*\s*[A-Za-z]*)\s*")
_SERIAL = re.compile(r"\s*([0-9]{2,7})\s+([78])([NEO])([12])\s*")


class UnitFault(ValueError):
    """The text is not what the key needs; ``code`` and ``params`` choose the words."""

    def __init__(self, code: Code, **params: str | int | float) -> None:
        super().__init__(code.value)
        self.code = code
        self.params = params


def shown(value: object) -> str:
    """Return a value as TOML writes it, texts without quotes."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict) and set(value) == {"date"}:
        return str(value["date"])
    return str(value)


def like(written: object, bound: float) -> str:
    """Return a bound in seconds or bytes with the kind of unit that was written; a bare number as it is."""
    found = _NUMBER.fullmatch(written) if isinstance(written, str) else None
    if found is None:
        return str(bound)
    return f"{bound / 1e6:g}MB" if found.group(2) in BYTES else f"{bound:g}s"


def seconds(value: object) -> float:
    """Return "500ms", "60s", "5m", "1h" or "30d" in seconds."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise UnitFault(Code.NO_UNIT, value=str(value), example=f"{value}s")
    found = _NUMBER.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise UnitFault(Code.BAD_DURATION, value=shown(value))
    number, unit = found.groups()
    if not unit:
        raise UnitFault(Code.NO_UNIT, value=f'"{number}"', example=f"{number}s")
    if unit not in SECONDS or float(number) == 0:
        raise UnitFault(Code.BAD_DURATION, value=shown(value))
    return float(number) * SECONDS[unit]


def size_bytes(value: object) -> int:
    """Return "512MB", "2GB" or "256MiB" in bytes."""
    found = _NUMBER.fullmatch(value) if isinstance(value, str) else None
    if found is None or found.group(2) not in BYTES:
        raise UnitFault(Code.BAD_SIZE, value=shown(value))
    return int(float(found.group(1)) * BYTES[found.group(2)])


def per_second(value: object) -> float:
    """Return "0.5/10m" (at most 0.5 in ten minutes) as a rate per second."""
    found = _RATE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise UnitFault(Code.BAD_RATE, value=shown(value))
    span = found.group(2)
    return float(found.group(1)) / seconds(span if span[:1].isdigit() else f"1{span}")


def serial_line(value: object) -> SerialLine:
    """Return "9600 8N1" as baud, data bits, parity and stop bits."""
    found = _SERIAL.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise UnitFault(Code.BAD_SERIAL, value=shown(value))
    baud, data_bits, parity, stop_bits = found.groups()
    return SerialLine(baud=int(baud), data_bits=int(data_bits), parity=parity, stop_bits=int(stop_bits))
