"""When to switch off before the battery is empty."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kaga_edge.core.battery import BatteryRule, BatteryState, step, volts_of
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import ClockTrust, Flag, Moment, Reading, Sample

RULE = BatteryRule(sensor="battery-1", stop_below_v=11.2, hold_s=600)


def told(values):
    """Return the times at which the stop was asked for."""
    state, asked = BatteryState(), []
    for at_s, volts in values:
        state, stop = step(RULE, state, volts, at_s)
        if stop:
            asked.append(at_s)
    return asked


def test_low_for_as_long_as_the_rule_says_it_stops_once():
    assert told([(60.0 * n, 11.0) for n in range(30)]) == [600.0]


def test_a_modem_that_sends_is_no_empty_battery():
    assert told([(60.0 * n, 11.0 if n % 5 else 12.4) for n in range(60)]) == []


def test_no_value_says_nothing_neither_way():
    assert told([(0, 11.0), (300, None), (600, 11.0)]) == [600]
    assert told([(0, None), (600, None), (1200, None)]) == []


@given(st.lists(st.one_of(st.none(), st.floats(min_value=9, max_value=15)), max_size=40))
def test_it_never_stops_without_ten_minutes_of_low_values_and_never_twice(volts):
    values = [(60.0 * n, one) for n, one in enumerate(volts)]
    asked = told(values)
    assert len(asked) <= 1
    for at_s in asked:
        window = [v for t, v in values if at_s - 600 <= t <= at_s and v is not None]
        assert all(v < 11.2 for v in window)


def sample(volts, flags=Flag.GOOD, sensor="battery-1"):
    at = Moment(wall_ms=0, up_ms=0, boot="b", trust=ClockTrust.NTP)
    reading = Reading(quantity=Quantity.SUPPLY_VOLTAGE_V, value=volts, flags=flags)
    return Sample(sensor=sensor, at=at, readings=(reading,))


def test_a_doubtful_voltage_or_another_sensors_is_none():
    assert volts_of(RULE, sample(11.0)) == 11.0
    assert volts_of(RULE, sample(11.0, Flag.SPIKE)) is None
    assert volts_of(RULE, sample(11.0, Flag.MAINTENANCE)) is None
    assert volts_of(RULE, sample(11.0, sensor="battery-2")) is None
