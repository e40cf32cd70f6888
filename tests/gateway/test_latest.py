"""What the log and the status say of a sensor, change by change."""

from __future__ import annotations

import logging

import pytest

from kaga_edge.gateway.latest import Latest, Polls, log_change, newer
from kaga_edge.vocabulary.errors import SensorSilent, WarmingUp
from kaga_edge.vocabulary.readings import ClockTrust, Moment, Sample

AT = Moment(wall_ms=0, up_ms=0, boot="7c1d", trust=ClockTrust.NTP)
SAMPLE = Sample(sensor="snow-1", at=AT, readings=())
SILENT = SensorSilent("nothing came", where="/dev/ttyAMA0", fix="check power")
WARM = WarmingUp("good values in 9 s")


@pytest.fixture
def told(caplog, monkeypatch):
    """Play errors (None: a good poll) one a second; return the names of the events logged."""
    monkeypatch.setattr(logging.getLogger("kaga_edge"), "propagate", True)

    def play(*errors) -> tuple[list[str], Latest]:
        latest: Latest | None = None
        with caplog.at_level(logging.INFO, "kaga_edge"):
            for second, error in enumerate(errors):
                before, latest = latest, newer(latest, SAMPLE, error, float(second))
                log_change("snow-1", before, latest)
        return [r.getMessage().split()[0] for r in caplog.records], latest

    return play


def test_one_line_when_it_goes_and_one_when_it_returns(told) -> None:
    assert told(None, *[SILENT] * 50, None, None)[0] == ["sensor.down", "sensor.up"]


def test_one_lost_frame_is_no_event(told) -> None:
    assert told(None, SILENT, SILENT, None)[0] == []


def test_warming_up_after_a_start_is_no_fault(told) -> None:
    events, latest = told(*[WARM] * 11, None)
    assert events == []
    assert latest.failures == 0


def test_a_sensor_that_warms_up_after_an_outage_comes_back_once(told) -> None:
    assert told(None, *[SILENT] * 4, *[WARM] * 11, None)[0] == ["sensor.down", "sensor.up"]


def test_what_was_last_good_stays_known_while_it_fails(told) -> None:
    _, latest = told(None, SILENT, SILENT)
    assert (latest.good_s, latest.polled_s) == (0.0, 2.0)


def test_polls_are_counted_over_the_last_half_to_whole_hour() -> None:
    polls = Polls()
    for second in range(4000):
        polls.count(second % 10 == 0, float(second))
    made, failed = polls.made + polls.earlier[0], polls.failed + polls.earlier[1]
    assert 1800 <= made <= 3600
    assert failed == pytest.approx(made / 10, abs=1)


def test_polls_of_a_time_long_ago_are_forgotten() -> None:
    polls = Polls().count(True, 10.0).count(False, 90_000.0)
    assert (polls.made, polls.failed, polls.earlier) == (1, 0, (0, 0))
