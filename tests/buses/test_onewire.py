"""1-wire below a copy of the kernel's directory, with the real driver."""

from __future__ import annotations

import asyncio

import pytest

from kaga_edge.buses import Bus, BusSensor, BusSpec, Wires
from kaga_edge.sensors import ds18b20
from kaga_edge.vocabulary.errors import BusFault, BusMissing, FrameTruncated, SensorSilent
from kaga_edge.vocabulary.requests import BusKind

GOOD = b"91 01 4b 46 7f ff 0f 10 25 : crc=25 YES\n91 01 4b 46 7f ff 0f 10 25 t=25062\n"
IDS = ("28-0316a2795bff", "28-0316a2795b00")


@pytest.fixture
def devices(tmp_path):
    """The kernel's directory with two devices."""
    folder = tmp_path / "sys/bus/w1/devices"
    for device in IDS:
        (folder / device).mkdir(parents=True)
        (folder / device / "w1_slave").write_bytes(GOOD)
    return folder


def bus_of(parts, root, log=None) -> Bus:
    sensors = tuple(
        BusSensor(id=f"t{i}", driver=ds18b20.Driver(ds18b20.Options()), every_s=0.2, device=device)
        for i, device in enumerate(IDS)
    )
    spec = BusSpec(kind=BusKind.ONEWIRE, name="onewire", sensors=sensors)
    return Bus(spec, wires=Wires(root=root), clock=parts.RealClock(), on_polled=log or parts.Log())


async def test_every_device_is_read_by_its_own_file(parts, devices, tmp_path):
    (devices / IDS[1] / "w1_slave").write_bytes(GOOD.replace(b"91 01", b"92 01"))
    bus = bus_of(parts, tmp_path)
    first, second = await bus.read_now("t0"), await bus.read_now("t1")
    await bus.close(take_last=False)
    assert first.measurements[0].value == 25.0625
    assert first.raw == GOOD
    assert second.error.code == "KE-D03"  # its check value belongs to the other text


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda file: file.write_bytes(b""), FrameTruncated),  # what newer kernels give
        (lambda file: (file.unlink(), file.parent.rmdir()), SensorSilent),
        (lambda file: (file.unlink(), file.mkdir()), BusFault),
    ],
)
async def test_what_the_kernel_cannot_read_is_said(parts, devices, tmp_path, spoil, error):
    spoil(devices / IDS[0] / "w1_slave")
    bus = bus_of(parts, tmp_path)
    polled = await bus.read_now("t0")
    await bus.close(take_last=False)
    assert isinstance(polled.error, error)


async def test_a_machine_without_the_overlay_is_told_how_to_get_it(parts, tmp_path):
    bus = bus_of(parts, tmp_path)
    polled = await bus.read_now("t0")
    await bus.close(take_last=False)
    assert isinstance(polled.error, BusMissing)
    assert "dtoverlay=w1-gpio" in polled.error.fix


async def test_a_device_that_comes_back_is_read_again_and_its_neighbour_all_the_time(
    parts, devices, tmp_path
):
    log = parts.Log()
    away = devices / IDS[0]
    away.rename(tmp_path / "away")
    bus = bus_of(parts, tmp_path, log)
    task = asyncio.create_task(bus.run())
    try:
        await log.until(lambda: log.bad("t0") and log.good("t1"))
        (tmp_path / "away").rename(away)
        await log.until(lambda: log.good("t0"))
        assert not log.bad("t1")
    finally:
        task.cancel()
        await bus.close(take_last=False)
