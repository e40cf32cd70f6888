"""The computer about itself, below a copied root: names that move, a command that fails, nothing at all."""

from __future__ import annotations

import subprocess

import pytest

from kaga_edge.buses import Bus, BusSensor, BusSpec, Wires
from kaga_edge.sensors import pi_power
from kaga_edge.vocabulary.errors import ValueImpossible
from kaga_edge.vocabulary.requests import BusKind


@pytest.fixture
def root(tmp_path):
    """A Pi's files: the voltage monitor is the second of three."""
    for number, name in enumerate(("cpu_thermal", "rpi_volt", "nvme")):
        monitor = tmp_path / "sys/class/hwmon" / f"hwmon{number}"
        monitor.mkdir(parents=True)
        (monitor / "name").write_text(name + "\n")
    (tmp_path / "sys/class/hwmon/hwmon1/in0_lcrit_alarm").write_text("1\n")
    zone = tmp_path / "sys/class/thermal/thermal_zone0"
    zone.mkdir(parents=True)
    (zone / "temp").write_text("48312\n")
    return tmp_path


def command(root, text: str, code=0):
    """A vcgencmd that says ``text`` and counts its calls."""
    file = root / "usr/bin/vcgencmd"
    file.parent.mkdir(parents=True)
    file.write_text(f'#!/bin/sh\necho called >> {root}/calls\n[ "$1" = get_throttled ] || exit 9\n'
                    f"echo {text}\nexit {code}\n")  # fmt: skip
    file.chmod(0o755)


async def polls(parts, root, count=1) -> list:
    sensor = BusSensor(id="pi", driver=pi_power.Driver(pi_power.Options()), every_s=60.0)
    spec = BusSpec(kind=BusKind.HOST, name="host", sensors=(sensor,))
    bus = Bus(spec, wires=Wires(root=root), clock=parts.RealClock(), on_polled=parts.Log())
    try:
        return [await bus.read_now("pi") for _ in range(count)]
    finally:
        await bus.close(take_last=False)


def values(polled) -> list[float | None]:
    return [m.value for m in polled.measurements]


async def test_the_kernels_files_are_found_by_name_not_by_number(parts, root):
    (polled,) = await polls(parts, root)
    assert values(polled) == [1, 1, None, 48.312]


async def test_the_firmware_is_asked_where_there_is_vcgencmd(parts, root):
    command(root, "throttled=0x20002")
    (polled,) = await polls(parts, root)
    assert values(polled) == [1, 1, 1, 48.312]


async def test_a_firmware_command_that_may_not_ask_is_not_called_again(parts, root):
    command(root, "VCHI initialization failed", code=255)
    first, second = await polls(parts, root, count=2)
    assert values(first) == values(second) == [1, 1, None, 48.312]
    assert (root / "calls").read_text().count("called") == 1


async def test_a_firmware_command_that_was_slow_once_was_never_asked_again(parts, root, monkeypatch):
    command(root, "throttled=0x20002")
    slow = [True]

    def run(*args, **given):
        if slow.pop() if slow else False:
            raise subprocess.TimeoutExpired(cmd="vcgencmd", timeout=1.0)
        return true_run(*args, **given)

    true_run = subprocess.run
    monkeypatch.setattr(subprocess, "run", run)
    first, second = await polls(parts, root, count=2)
    assert values(first) == [1, 1, None, 48.312]
    assert values(second) == [1, 1, 1, 48.312]


async def test_a_machine_that_is_no_pi_says_so(parts, tmp_path):
    (polled,) = await polls(parts, tmp_path)
    assert isinstance(polled.error, ValueImpossible)
