"""Bursts of instruments that are asked: when they are asked, and what becomes of the readings."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from kaga_edge.buses import BusSensor, Polled
from kaga_edge.buses.bursting import Bursts, asked_at, begins_at, period_ms
from kaga_edge.core.burst import Repeated
from kaga_edge.vocabulary.errors import SensorSilent
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import ClockTrust, Measurement, Moment
from kaga_edge.vocabulary.requests import I2cTransfer

TEN_MINUTES_MS = 600_000
DEPTH, SPREAD, VALID = Quantity.WATER_DEPTH_M, Quantity.WATER_DEPTH_SPREAD_M, Quantity.BURST_VALID


class Waves:
    """A depth in centimetres in register F7."""

    quantities = (DEPTH,)

    def identify(self) -> Any:
        return
        yield

    def measure(self) -> Any:
        reply = yield I2cTransfer(write=b"\xf7", read_bytes=1)
        return (Measurement(quantity=DEPTH, value=reply[0] / 100),)


def probe(every_s: float = 600.0, burst_s: float = 30.0) -> BusSensor:
    return BusSensor(id="probe", driver=Repeated(Waves()), every_s=every_s, address=0x76, burst_s=burst_s)


def said(depth_m: float | None, at_ms: int) -> Polled:
    at = Moment(wall_ms=at_ms, up_ms=at_ms, boot="b", trust=ClockTrust.NTP)
    good = None if depth_m is None else (Measurement(quantity=DEPTH, value=depth_m),)
    error = SensorSilent("nobody") if depth_m is None else None
    return Polled(sensor="probe", at=at, measurements=good, error=error, raw=None, took_s=0.0)


def test_a_burst_is_asked_once_a_second_up_to_its_due_time_and_never_else() -> None:
    sensor = probe()
    assert period_ms(sensor) == 1000
    asked = [s for s in range(1, 601) if asked_at(sensor, s * 1000)]
    assert asked == list(range(571, 601))
    assert [s for s in range(1, 601) if begins_at(sensor, s * 1000)] == [571]


def test_a_sensor_without_a_burst_is_asked_whenever_it_is_due() -> None:
    sensor = BusSensor(id="air", driver=Waves(), every_s=60.0, address=0x76)
    assert period_ms(sensor) == 60_000
    assert asked_at(sensor, 60_000)
    polled = said(1.0, 60_000)
    assert Bursts([sensor]).take(sensor, 60_000, polled) is polled


def test_one_value_comes_of_a_burst_at_its_due_time() -> None:
    sensor = probe(burst_s=5.0)
    bursts = Bursts([sensor])
    for second, depth_m in ((596, 1.50), (597, 1.52), (598, 1.53), (599, 1.54)):
        assert bursts.take(sensor, second * 1000, said(depth_m, second * 1000)) is None
    whole = bursts.take(sensor, TEN_MINUTES_MS, said(1.90, TEN_MINUTES_MS))
    assert whole is not None
    assert whole.at.wall_ms == TEN_MINUTES_MS
    assert [m.quantity for m in whole.measurements or ()] == [DEPTH, SPREAD, VALID]
    # deviations 3 1 0 1 37 cm: their median is 1 cm
    assert [round(m.value or 0, 6) for m in whole.measurements or ()] == [1.53, 0.014826, 5.0]


def test_a_reading_that_fails_last_does_not_lose_the_burst() -> None:
    sensor = probe(burst_s=3.0)
    bursts = Bursts([sensor])
    bursts.take(sensor, 598_000, said(1.0, 598_000))
    bursts.take(sensor, 599_000, said(1.2, 599_000))
    whole = bursts.take(sensor, 600_000, said(None, 600_000))
    assert whole is not None
    assert whole.error is None
    assert next(m.value for m in whole.measurements or ()) == pytest.approx(1.1)


def test_a_burst_in_which_nobody_answered_fails_once() -> None:
    sensor = probe(burst_s=2.0)
    bursts = Bursts([sensor])
    assert bursts.take(sensor, 599_000, said(None, 599_000)) is None
    whole = bursts.take(sensor, 600_000, said(None, 600_000))
    assert whole is not None
    assert whole.measurements is None
    assert isinstance(whole.error, SensorSilent)


def test_readings_of_an_earlier_burst_and_of_a_clock_set_back_are_not_counted() -> None:
    sensor = probe(burst_s=2.0)
    bursts = Bursts([sensor])
    bursts.take(sensor, 9_000_000, said(7.0, 9_000_000))  # before the clock was set back
    bursts.take(sensor, 598_000, said(7.0, 598_000))
    bursts.take(sensor, 599_000, said(1.0, 599_000))
    whole = bursts.take(sensor, 600_000, said(1.0, 600_000))
    assert whole is not None
    assert [m.value for m in whole.measurements or ()] == [1.0, 0.0, 2.0]


async def test_a_burst_on_the_wire_gives_one_row_a_due_time_and_rests_between(parts: Any) -> None:
    chips = parts.Chips(registers={0x76: {0xF7: 150}})
    spec = parts.i2c_spec(probe(every_s=4.0, burst_s=2.0))
    async with parts.running(spec, chips=chips) as (_, log):
        await log.until(lambda: len(log.good("probe")) >= 2, within_s=60)
    rows = log.of("probe")
    assert all(row.at.wall_ms % 4000 == 0 for row in rows)
    last = rows[-1].measurements or ()
    assert [m.value for m in last] == [1.5, 0.0, 2.0]
    assert len(chips.transfers) <= 2 * (len(rows) + 1)  # two a burst, none in between


async def test_a_dead_instrument_gives_one_failed_row_a_burst_and_is_found_again(parts: Any) -> None:
    chips = parts.Chips(registers={0x76: {0xF7: 150}}, always={0x76: errno.EREMOTEIO})
    spec = parts.i2c_spec(probe(every_s=3.0, burst_s=3.0))
    async with parts.running(spec, chips=chips) as (_, log):
        await log.until(lambda: len(log.bad("probe")) >= 2, within_s=60)
        assert all(row.at.wall_ms % 3000 == 0 for row in log.bad("probe"))
        del chips.always[0x76]
        await log.until(lambda: bool(log.good("probe")), within_s=60)
