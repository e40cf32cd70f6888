"""The guard over the battery makes one file that systemd waits for."""

from __future__ import annotations

from pathlib import Path

from kaga_edge.core.battery import BatteryRule
from kaga_edge.gateway.battery import ASKS, BatteryGuard
from kaga_edge.vocabulary.quantities import Quantity
from kaga_edge.vocabulary.readings import ClockTrust, Moment, Reading, Sample

RULE = BatteryRule(sensor="battery-1", stop_below_v=11.2, hold_s=600)
PATH_UNIT = Path(__file__).parents[2] / "systemd" / "kaga-edge-poweroff.path"


def low() -> Sample:
    at = Moment(wall_ms=0, up_ms=0, boot="b", trust=ClockTrust.NTP)
    reading = Reading(quantity=Quantity.SUPPLY_VOLTAGE_V, value=10.9)
    return Sample(sensor="battery-1", at=at, readings=(reading,))


def test_an_empty_battery_asks_for_the_power_off_where_systemd_waits(tmp_path):
    guard = BatteryGuard(RULE, tmp_path)
    guard.see(low(), 0.0)
    assert not (tmp_path / ASKS).exists()
    guard.see(low(), 600.0)
    assert (tmp_path / ASKS).exists()
    assert f"PathExists=/run/kaga-edge/{ASKS}" in PATH_UNIT.read_text()


def test_off_by_default_it_does_nothing(tmp_path):
    guard = BatteryGuard(None, tmp_path)
    guard.see(low(), 0.0)
    guard.see(low(), 1e6)
    assert not (tmp_path / ASKS).exists()


def test_a_folder_that_cannot_be_written_is_no_crash(tmp_path):
    guard = BatteryGuard(RULE, tmp_path / "absent")
    guard.see(low(), 0.0)
    guard.see(low(), 600.0)
