"""Notes under one prefix are forgotten by age, and never the last ones."""

from __future__ import annotations

from kaga_edge.core.command_keeping import stamp

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


def lost_whole(bench) -> None:
    """A card on which nothing of the database can be read any more."""
    bench.path.write_bytes(bytes(bench.path.stat().st_size))
    for end in ("-wal", "-shm"):
        bench.path.with_name(bench.path.name + end).unlink(missing_ok=True)


def test_a_store_that_is_lost_whole_still_knows_the_counters_and_who_was_asked_to_stop(bench):
    """A command heard before would run again, and a sensor a resident had stopped would measure on."""
    database = bench.open()
    database.note({"command.ctr/operations": "412", "command/a": f"{stamp(NOW_MS)} bytes"})
    database.remember("collect", '[{"sensor": "speed-1"}]')
    database.close()
    lost_whole(bench)

    database = bench.open()
    assert database.set_aside is not None
    assert database.recall("command.ctr/operations") == "412"
    assert database.recall("collect") == '[{"sensor": "speed-1"}]'
    assert database.recall("command/a") is None


def test_a_counter_in_a_database_that_went_back_in_time_goes_on_from_the_copy_beside_it(bench):
    database = bench.open()
    database.note({"command.ctr/operations": "7"})
    database.close()
    older = bench.path.read_bytes()
    database = bench.open()
    database.note({"command.ctr/operations": "412"})
    database.close()
    bench.path.write_bytes(older)

    assert bench.open().recall("command.ctr/operations") == "412"


def test_the_copy_beside_never_sets_a_counter_back(bench):
    database = bench.open()
    database.note({"command.ctr/operations": "7"})
    database.close()
    beside = bench.path.with_name(bench.path.name + ".high")
    older = beside.read_bytes()
    database = bench.open()
    database.note({"command.ctr/operations": "412"})
    database.close()
    beside.write_bytes(older)

    assert bench.open().recall("command.ctr/operations") == "412"
