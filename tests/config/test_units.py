"""Text with a unit."""

from __future__ import annotations

import pytest

from kaga_edge.config.faults import Code
from kaga_edge.config.units import UnitFault, per_second, seconds, serial_line, size_bytes
from kaga_edge.vocabulary.requests import SerialLine


@pytest.mark.parametrize(
    ("text", "expected_s"),
    [
        ("500ms", 0.5),
        ("10s", 10),
        ("5m", 300),
        ("5min", 300),
        ("1.5h", 5400),
        ("30d", 2_592_000),
        ("10 s", 10),
    ],
)
def test_a_duration_is_read_in_seconds(text, expected_s):
    assert seconds(text) == expected_s


@pytest.mark.parametrize("text", ["10", 10, 1.5])
def test_a_duration_without_unit_is_its_own_fault(text):
    with pytest.raises(UnitFault) as caught:
        seconds(text)
    assert caught.value.code == Code.NO_UNIT


@pytest.mark.parametrize("text", ["", "s", "ten s", "-5s", "0s", "10 weeks", None, True, []])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(UnitFault) as caught:
        seconds(text)
    assert caught.value.code == Code.BAD_DURATION


@pytest.mark.parametrize(
    ("text", "expected"), [("512MB", 512_000_000), ("2GB", 2_000_000_000), ("1MiB", 1_048_576), ("4kB", 4000)]
)
def test_a_size_is_read_in_bytes(text, expected):
    assert size_bytes(text) == expected


@pytest.mark.parametrize("text", ["512", 512, "5 M", "MB", "-1MB"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(UnitFault):
        size_bytes(text)


@pytest.mark.parametrize(("text", "expected"), [("0.5/10m", 0.5 / 600), ("3/h", 3 / 3600), ("0.1 / 1s", 0.1)])
def test_a_rate_is_read_per_second(text, expected):
    assert per_second(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["0.5", "0.5/10", "x/10m", "/10m", 3])
def test_what_is_no_rate_is_refused(text):
    with pytest.raises(UnitFault):
        per_second(text)


def test_a_serial_setting_is_read_in_its_parts():
    assert serial_line("19200 7E2") == SerialLine(baud=19200, data_bits=7, parity="E", stop_bits=2)
    with pytest.raises(UnitFault):
        serial_line("9600 8X1")
