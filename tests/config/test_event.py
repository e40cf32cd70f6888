"""``[sensor.event]``: causes, profiles and faults."""

from __future__ import annotations

import pytest

from kaga_edge.config import Code
from kaga_edge.core.eventmode import EventRule


def with_event(sheet, lines, every="10m"):
    table = f"[sensor.event]\n{lines}\n[sensor.disclosure]"
    level = sheet.level.replace("driver =", f'every = "{every}"\ndriver =')
    return sheet.site, level.replace("[sensor.disclosure]", table)


def test_a_rise_and_a_period_are_enough(sheet):
    (sensor,) = sheet.good(*with_event(sheet, 'rise = "0.10m/10m"\nevery = "10s"')).sensors
    assert sensor.event == EventRule(every_s=10, send_s=10, rise=0.10, rise_over_s=600)


@pytest.mark.parametrize(
    ("profile", "seconds"), [("crisis_flashy", 120), ("crisis_medium", 300), ("crisis_large", 600)]
)
def test_the_crisis_gauge_profiles_have_the_periods_of_the_standard(sheet, profile, seconds):
    (sensor,) = sheet.good(*with_event(sheet, f'profile = "{profile}"\nlevel = 1.2')).sensors
    assert sensor.event == EventRule(every_s=seconds, send_s=seconds, level=1.2, quiet_send_s=86_400)


PLATFORM = '[platform]\nurl = "mqtt://h"\n'


def test_a_crisis_gauge_is_quiet_by_itself_and_a_batch_that_is_written_wins(sheet):
    site, level = with_event(sheet, 'profile = "crisis_medium"\nlevel = 1.2')
    assert sheet.good(site, PLATFORM, level).platform.batch_s == 86_400
    assert sheet.good(site, PLATFORM + 'batch = "1min"\n', level).platform.batch_s == 60
    assert sheet.good(site, PLATFORM, sheet.level).platform.batch_s == 10


def test_a_crisis_gauge_measures_at_least_every_ten_minutes(sheet):
    fault = sheet.only(*with_event(sheet, 'profile = "crisis_medium"\nlevel = 1.2', every="11m"))
    assert (fault.key, fault.code) == ("sensor.level-1.every", Code.VALUE)


def test_without_the_table_there_is_no_event_mode(sheet):
    assert sheet.good(sheet.site, sheet.level).sensors[0].event is None


@pytest.mark.parametrize(
    ("lines", "key", "code"),
    [
        ('rise = "0.1m/10m"', "event.every", Code.MISSING_KEY),
        ('profile = "crisis_flashy"', "event.level", Code.MISSING_KEY),
        ('every = "20m"\nlevel = 1.0', "event.every", Code.VALUE),
        ('every = "50ms"\nlevel = 1.0', "event.every", Code.EVERY_TOO_SHORT),
        ('every = "10s"\nrise = "fast"', "event.rise", Code.VALUE),
        ('every = "10s"\nrise = "0.1m/9m"', "event.rise", Code.VALUE),  # no two samples lie in nine minutes
    ],
)
def test_what_cannot_be_is_a_fault(sheet, lines, key, code):
    fault = sheet.only(*with_event(sheet, lines))
    assert (fault.key, fault.code) == (f"sensor.level-1.{key}", code)
