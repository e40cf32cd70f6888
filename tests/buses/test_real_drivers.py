"""One real driver for each kind of bus: the maker's bytes on the wire, the maker's value out."""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest
from gpiozero.pins.mock import MockFactory

from kaga_edge.buses import BusSensor
from kaga_edge.sensors import a02yyuw, keller, sht4x, tipping_bucket
from kaga_edge.vocabulary.requests import BusKind


def sensor(module: Any, options: Any, address: int | None = None) -> BusSensor:
    return BusSensor(id="s", driver=module.Driver(options), every_s=0.2, address=address, model=module.MODEL)


async def test_sht4x_over_i2c(parts: Any) -> None:
    # checked with crccheck; T and RH by the datasheet's formula
    serial = bytes.fromhex("BEEF92BEEF92")
    chips = parts.Chips(replies={0x44: {b"\x89": serial, b"\xfd": bytes.fromhex("6422B37525BE")}})
    spec = parts.i2c_spec(sensor(sht4x, sht4x.Options(), 0x44))
    async with parts.running(spec, chips=chips) as (_, log):
        await log.until(lambda: bool(log.of("s")))
    temperature, humidity = log.good("s")[0].measurements
    assert temperature.value == pytest.approx(23.4512, abs=1e-4)
    assert humidity.value == pytest.approx(51.2004, abs=1e-4)


async def test_a02yyuw_over_a_serial_port(parts: Any, pty: Any) -> None:
    spec = parts.serial_spec(BusKind.UART, pty.path, sensor(a02yyuw, a02yyuw.Options()))
    async with parts.running(spec) as (_, log):
        await log.until(lambda: bool(log.bad("s")))  # it listens now, and opening flushed the port
        pty.send(bytes.fromhex("A1A7 FF07A1A7 FF07"))  # the maker's example between two cut frames
        await log.until(lambda: bool(log.good("s")))
    assert log.good("s")[0].measurements[0].value == pytest.approx(1.953)
    assert log.good("s")[0].raw == bytes.fromhex("FF07A1A7")


async def test_keller_over_modbus(parts: Any, pty: Any) -> None:
    # request and reply as the maker's protocol document prints them
    answers = {
        bytes([1, 3, 0, 2, 0, 2, 101, 203]): bytes([1, 3, 4, 63, 117, 240, 123, 227, 222]),
        bytes([1, 3, 0, 8, 0, 2, 69, 201]): bytes([1, 3, 4, 65, 181, 192, 121, 110, 11]),
    }

    def answer() -> None:
        for _ in range(2):
            request = b""
            while len(request) < 8:
                request += os.read(pty.master, 8 - len(request))
            pty.send(answers[request])

    slave = threading.Thread(target=answer, daemon=True)
    slave.start()
    spec = parts.serial_spec(BusKind.MODBUS, pty.path, sensor(keller, keller.Options(), 1))
    async with parts.running(spec) as (_, log):
        await log.until(lambda: bool(log.of("s")))
    slave.join(5)
    pressure, temperature = log.good("s")[0].measurements
    assert pressure.value == pytest.approx(960.701, abs=1e-3)
    assert temperature.value == pytest.approx(22.719, abs=1e-3)


async def test_a_tipping_bucket_on_a_gpio_line(parts: Any) -> None:
    pins = MockFactory()
    options = tipping_bucket.Options(gpio=17, bounce_ms=0.0, pulse_min_ms=0.0)
    async with parts.running(parts.gpio_spec(sensor(tipping_bucket, options)), pins=pins) as (bus, log):
        await log.until(lambda: bool(log.good("s")))
        for _ in range(3):
            pins.pin(17).drive_low()
            pins.pin(17).drive_high()
        await bus.close(take_last=True)
    assert sum(p.measurements[0].value for p in log.good("s")) == pytest.approx(1.5)
