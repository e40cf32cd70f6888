"""What a kill cost, counted from outside."""

from kaga_edge.sim.toll import Toll, toll_of


def toll(killed_ms, committed, answered=None):
    return toll_of(
        killed_ms=killed_ms,
        committed_ms={"a": committed},
        answered_ms={} if answered is None else {"a": answered},
        every_ms={"a": 1000},
    )


def test_a_due_time_between_the_last_commit_and_the_kill_counts():
    assert toll(5300, [3000, 4000]) == Toll(samples=1, seconds=0.3)


def test_what_was_committed_at_the_last_due_time_costs_nothing():
    assert toll(5300, [4000, 5000]) == Toll()


def test_an_i2c_poll_the_site_never_answered_was_not_measured():
    assert toll(5300, [4000], answered=[4005]) == Toll()
    assert toll(5300, [4000], answered=[4005, 5004]) == Toll(samples=1, seconds=0.3)


def test_samples_after_the_restart_do_not_hide_the_toll():
    assert toll(5300, [3000, 4000, 7000]) == Toll(samples=1, seconds=0.3)


def test_a_sensor_without_any_sample_has_no_toll_to_count():
    assert toll(5300, []) == Toll()
