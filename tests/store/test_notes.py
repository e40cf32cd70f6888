"""Notes under one prefix are forgotten by age, and never the last ones."""

from __future__ import annotations

from kaga_edge.core.commanding import stamp

DAY_MS = 86_400_000
NOW_MS = 1_700_000_000_000


def noted(database, prefix: str, days: range) -> None:
    database.note({f"{prefix}{day:04}": f"{stamp(NOW_MS - day * DAY_MS)} bytes" for day in days})


def test_notes_older_than_thirty_days_go_and_the_younger_stay(bench):
    database = bench.open()
    noted(database, "command/", range(60))
    assert database.forget_notes("command/", stamp(NOW_MS - 30 * DAY_MS), 10) == 29
    assert database.recall("command/0030") is not None
    assert database.recall("command/0031") is None


def test_the_last_notes_stay_however_old_they_are(bench):
    database = bench.open()
    noted(database, "command/", range(100, 120))
    assert database.forget_notes("command/", stamp(NOW_MS - 30 * DAY_MS), 15) == 5
    assert database.recall("command/0114") is not None
    assert database.recall("command/0115") is None


def test_notes_of_another_prefix_are_left_alone(bench):
    database = bench.open()
    noted(database, "command/", range(60))
    database.note({"command.ctr/operations": "412", "collect/level-1": "stopped"})
    database.forget_notes("command/", stamp(NOW_MS), 0)
    assert database.recall("command.ctr/operations") == "412"
    assert database.recall("collect/level-1") == "stopped"
    assert database.recall("command/0001") is None
