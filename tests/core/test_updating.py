"""Whether a new version stays."""

from __future__ import annotations

import pytest

from kaga_edge.core.updating import SETTLED_S, Look, Verdict, judge

BEFORE = Look(version="1.0", up_s=9e5, sensors={"level-1": "ok", "rain-1": "failing"}, link="up")
GOOD = Look(version="1.1", up_s=30, sensors={"level-1": "ok", "rain-1": "failing"}, link="up")


def asked(before, now, elapsed_s=30.0):
    return judge(before, now, version="1.1", elapsed_s=elapsed_s, limit_s=180)


def test_it_stays_when_it_does_what_the_old_one_did():
    assert asked(BEFORE, GOOD).verdict is Verdict.KEEP


@pytest.mark.parametrize(
    ("now", "wrong"),
    [
        (None, "update.silent"),
        (Look(version="1.0", up_s=9e5, sensors=BEFORE.sensors, link="up"), "update.old_runs"),
        (Look(version="1.1", up_s=SETTLED_S - 1, sensors=GOOD.sensors, link="up"), "update.restarts"),
        (Look(version="1.1", up_s=30, sensors=GOOD.sensors, link="up", store_sick=True), "update.store"),
        (Look(version="1.1", up_s=30, sensors={"level-1": "failing"}, link="up"), "update.sensors"),
        (Look(version="1.1", up_s=30, sensors={}, link="up"), "update.sensors"),
    ],
)
def test_what_got_worse_is_waited_for_and_then_taken_back(now, wrong):
    early, late = asked(BEFORE, now), asked(BEFORE, now, elapsed_s=180)
    assert (early.verdict, late.verdict) == (Verdict.WAIT, Verdict.RETURN)
    assert early.wrong == late.wrong == wrong


def test_a_line_that_fails_by_itself_does_not_take_a_measuring_version_back():
    now = Look(version="1.1", up_s=30, sensors=GOOD.sensors, link="down")
    assert asked(BEFORE, now).verdict is Verdict.WAIT
    assert asked(BEFORE, now, elapsed_s=180).verdict is Verdict.KEEP


def test_where_nothing_was_measured_the_line_alone_proves_it():
    before = Look(version="1.0", up_s=9e5, sensors={"rain-1": "failing"}, link="up")
    down = Look(version="1.1", up_s=30, sensors={"rain-1": "failing"}, link="down")
    assert asked(before, down, elapsed_s=180).verdict is Verdict.RETURN


def test_a_sensor_read_every_hour_is_given_the_whole_time_and_then_trusted():
    now = Look(version="1.1", up_s=30, sensors={"level-1": "starting"}, link="up")
    assert asked(BEFORE, now).verdict is Verdict.WAIT
    assert asked(BEFORE, now, elapsed_s=180).verdict is Verdict.KEEP


def test_where_nothing_ran_before_it_only_has_to_run():
    assert asked(None, Look(version="1.1", up_s=30)).verdict is Verdict.KEEP


def test_a_look_is_read_from_what_status_says():
    status = {
        "version": "1.1", "up_s": 30.5, "sensors": [{"id": "level-1", "state": "ok"}],
        "link": {"state": "up"}, "store": {"error": None},
    }  # fmt: skip
    assert Look.of(status) == Look(version="1.1", up_s=30.5, sensors={"level-1": "ok"}, link="up")
