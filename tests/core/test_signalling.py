from __future__ import annotations

import pytest

from kaga_edge.core.signalling import Signal, SignalState, hear, sounds

SIREN = Signal(id="siren-1", gpio=24, on=("danger", "levee"), sensors=("level-1",), longest_s=600.0)


def test_it_answers_to_its_ranks_and_sensors_only() -> None:
    raised = ("danger/level-1", "caution/level-1", "danger/level-2", "levee/level-1/water_depth")
    assert hear(SIREN, SignalState(), raised, 0.0).keys == {"danger/level-1", "levee/level-1/water_depth"}


def test_it_is_on_from_raised_to_cleared() -> None:
    on = hear(SIREN, SignalState(), ("danger/level-1",), 10.0)
    assert sounds(SIREN, on, 10.0)
    assert not sounds(SIREN, hear(SIREN, on, (), 20.0), 20.0)


def test_a_siren_falls_silent_and_a_further_alarm_wakes_it() -> None:
    on = hear(SIREN, SignalState(), ("danger/level-1",), 0.0)
    assert sounds(SIREN, on, 599.0)
    same = hear(SIREN, on, ("danger/level-1",), 500.0)
    assert not sounds(SIREN, same, 600.0)
    assert sounds(SIREN, hear(SIREN, same, ("danger/level-1", "levee/level-1"), 700.0), 700.0)


def test_a_test_sounds_without_an_alarm_and_ends() -> None:
    tested = SignalState(test_until_s=5.0)
    assert [sounds(SIREN, tested, at) for at in (0.0, 4.9, 5.0)] == [True, True, False]


@pytest.mark.parametrize(
    ("closed_circuit", "active_low", "calm", "alarm", "dead"),
    [
        (False, False, False, True, False),
        (False, True, True, False, True),
        (True, False, True, False, False),  # a dead gateway looks like an alarm
        (True, True, False, True, True),
    ],
)
def test_a_dead_gateway_looks_like_calm_or_in_a_closed_circuit_like_an_alarm(
    closed_circuit, active_low, calm, alarm, dead
) -> None:
    signal = Signal(id="l", gpio=1, on=("danger",), closed_circuit=closed_circuit, active_low=active_low)
    levels = signal.level(alarm=False), signal.level(alarm=True), signal.fail_safe
    assert levels == (calm, alarm, dead)
    assert (signal.fail_safe == signal.level(alarm=True)) is closed_circuit
